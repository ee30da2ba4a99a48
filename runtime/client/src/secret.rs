//! Secret keys.

use fhecc_ckks::parameters::RingPrime;
use fhecc_ckks::{FormatError, Galois, Parameters, Poly};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::random::SeedSequence;
use crate::sampling;

const TAG: [u8; 4] = *b"FSK1";

/// A secret polynomial: a key, or what another key encrypts. Wiped when dropped; deliberately without `Debug`.
///
/// Rows are in the transform domain, for [`Parameters::moduli`] first and then for the special primes.
pub struct SecretPolynomial {
    rows: Poly,
}

impl SecretPolynomial {
    /// The polynomial with these small coefficients.
    ///
    /// # Panics
    ///
    /// If there are not `N` coefficients.
    pub(crate) fn from_coefficients(parameters: &Parameters, coefficients: &[i64]) -> Self {
        let mut secret = Self::zero(parameters);
        secret.for_each_row(parameters, |row, _, prime| {
            fhecc_kernels::from_i64(row, coefficients, &prime.modulus);
            prime.ntt.forward(row);
        });
        secret
    }

    /// A sparse ternary polynomial of the given weight, for the ephemeral secret of a bootstrap.
    ///
    /// # Panics
    ///
    /// If `weight` is above `N`.
    pub fn sparse(parameters: &Parameters, weight: usize, seeds: &mut SeedSequence) -> Self {
        let mut coefficients = Zeroizing::new(vec![0; parameters.n()]);
        sampling::sparse(&mut seeds.next_generator(), weight, &mut coefficients);
        Self::from_coefficients(parameters, &coefficients)
    }

    /// The image under an automorphism.
    pub fn automorphism(&self, parameters: &Parameters, galois: Galois) -> Self {
        let permutation = fhecc_kernels::Automorphism::new(parameters.n(), galois.exponent() as usize);
        let mut image = Self::zero(parameters);
        image.for_each_row(parameters, |row, i, _| permutation.permute(0, row, self.rows.limb(i)));
        image
    }

    /// The square.
    pub(crate) fn square(&self, parameters: &Parameters) -> Self {
        let mut square = Self::zero(parameters);
        square.for_each_row(parameters, |row, i, prime| {
            let x = self.rows.limb(i);
            fhecc_kernels::mul(row, x, x, &prime.modulus);
        });
        square
    }

    /// Row `row` of a polynomial over `Q_level P`.
    pub(crate) fn extended_row(&self, parameters: &Parameters, level: usize, row: usize) -> &[u64] {
        self.rows.limb(parameters.extended_index(level, row))
    }

    fn zero(parameters: &Parameters) -> Self {
        Self { rows: Poly::zero(parameters.n(), parameters.limbs() + parameters.special_limbs()) }
    }

    fn for_each_row(&mut self, parameters: &Parameters, f: impl Fn(&mut [u64], usize, &RingPrime) + Sync) {
        let n = parameters.n();
        let primes: Vec<_> = parameters.moduli().iter().chain(parameters.special_moduli()).collect();
        self.rows
            .as_mut_slice()
            .par_chunks_exact_mut(n)
            .zip(primes)
            .enumerate()
            .for_each(|(i, (row, prime))| f(row, i, prime));
    }
}

impl Drop for SecretPolynomial {
    fn drop(&mut self) {
        self.rows.as_mut_slice().zeroize();
    }
}

/// The key of the owner of the data: a uniform ternary polynomial. Wiped when dropped; deliberately without
/// `Debug`, `Clone` and comparison.
pub struct SecretKey {
    parameters: Parameters,
    coefficients: Zeroizing<Vec<i64>>,
    polynomial: SecretPolynomial,
}

impl SecretKey {
    /// A new key.
    pub fn generate(parameters: &Parameters, seeds: &mut SeedSequence) -> Self {
        let mut coefficients = Zeroizing::new(vec![0; parameters.n()]);
        sampling::ternary(&mut seeds.next_generator(), &mut coefficients);
        Self::from_ternary(parameters, coefficients)
    }

    fn from_ternary(parameters: &Parameters, coefficients: Zeroizing<Vec<i64>>) -> Self {
        let polynomial = SecretPolynomial::from_coefficients(parameters, &coefficients);
        Self { parameters: parameters.clone(), coefficients, polynomial }
    }

    /// The parameters it belongs to.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The key as a polynomial.
    pub fn polynomial(&self) -> &SecretPolynomial {
        &self.polynomial
    }

    /// The key as bytes, one per coefficient after tag and fingerprint. Wiped when dropped.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(36 + self.coefficients.len()));
        bytes.extend_from_slice(&TAG);
        bytes.extend_from_slice(self.parameters.fingerprint());
        bytes.extend(self.coefficients.iter().map(|&x| (x + 1) as u8));
        bytes
    }

    /// The key that [`SecretKey::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if the bytes are not a key of these parameters.
    pub fn from_bytes(bytes: &[u8], parameters: &Parameters) -> Result<Self, FormatError> {
        let needed = TAG.len() + 32 + parameters.n();
        if bytes.len() < needed {
            return Err(FormatError::Truncated { needed, found: bytes.len() });
        }
        if bytes.len() > needed {
            return Err(FormatError::Trailing { found: bytes.len() - needed });
        }
        let (tag, rest) = bytes.split_at(TAG.len());
        let (fingerprint, values) = rest.split_at(32);
        if tag != TAG {
            return Err(FormatError::Tag { expected: TAG, found: [tag[0], tag[1], tag[2], tag[3]] });
        }
        if fingerprint != parameters.fingerprint() {
            return Err(FormatError::Fingerprint);
        }
        // One pass whatever the values are; an offending one is not repeated in the error.
        let largest = values.iter().copied().fold(0, u8::max);
        if largest > 2 {
            let found = u64::from(largest);
            return Err(FormatError::Value { what: "coefficient of a secret key", found, allowed: (0, 2) });
        }
        let coefficients = Zeroizing::new(values.iter().map(|&x| i64::from(x) - 1).collect());
        Ok(Self::from_ternary(parameters, coefficients))
    }
}
