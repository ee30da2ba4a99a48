//! Encryption.

use fhecc_ckks::{
    Ciphertext, EvaluationError, FormatError, Parameters, Plaintext, Poly, Scale, SeededCiphertext,
};
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::random::SeedSequence;
use crate::sampling;
use crate::secret::SecretKey;

/// Encrypts with the secret key: the least noise, and ciphertexts that travel at half size.
pub struct Encryptor<'s> {
    secret: &'s SecretKey,
    seeds: SeedSequence,
}

impl<'s> Encryptor<'s> {
    /// An encryptor for this key.
    pub fn new(secret: &'s SecretKey, seeds: SeedSequence) -> Self {
        Self { secret, seeds }
    }

    /// Encrypts; the uniform half stays a seed.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the plaintext is of other parameters.
    pub fn encrypt_seeded(&mut self, plaintext: &Plaintext) -> Result<SeededCiphertext, EvaluationError> {
        let level = plaintext.level();
        let parameters = self.secret.parameters();
        check_plaintext(parameters, plaintext)?;
        let (mut c0, seed) = masked_error(self.secret, level, &mut self.seeds)?;
        add_plaintext(parameters, &mut c0, plaintext);
        SeededCiphertext::from_parts(parameters, level, plaintext.scale(), c0, seed)
    }

    /// Encrypts to a whole ciphertext.
    ///
    /// # Errors
    ///
    /// As [`Encryptor::encrypt_seeded`].
    pub fn encrypt(&mut self, plaintext: &Plaintext) -> Result<Ciphertext, EvaluationError> {
        Ok(self.encrypt_seeded(plaintext)?.expand(self.secret.parameters()))
    }
}

/// A key with which anybody can encrypt: an encryption of zero.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKey {
    zero: SeededCiphertext,
}

impl PublicKey {
    pub(crate) fn new(zero: SeededCiphertext) -> Self {
        Self { zero }
    }

    /// The highest level at which it encrypts.
    pub fn level(&self) -> usize {
        self.zero.level()
    }

    /// The key as bytes.
    pub fn to_bytes(&self, parameters: &Parameters) -> Vec<u8> {
        self.zero.to_bytes(parameters)
    }

    /// The key that [`PublicKey::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if the bytes are not a key of these parameters.
    pub fn from_bytes(bytes: &[u8], parameters: &Parameters) -> Result<Self, FormatError> {
        SeededCiphertext::from_bytes(bytes, parameters).map(Self::new)
    }
}

/// Encrypts with the public key.
pub struct PublicEncryptor {
    parameters: Parameters,
    key: Ciphertext,
    seeds: SeedSequence,
}

impl PublicEncryptor {
    /// An encryptor for this key.
    pub fn new(parameters: &Parameters, key: &PublicKey, seeds: SeedSequence) -> Self {
        Self { parameters: parameters.clone(), key: key.zero.expand(parameters), seeds }
    }

    /// Encrypts: `v (b, a) + (e0 + m, e1)` for a ternary `v`. The variance of the noise is
    /// `sigma^2 (1 + 2N/3 + h)`, `h` being the number of non-zero coefficients of the secret.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::LevelTooHigh`] if the plaintext is above the key's level, and other variants if it is
    /// of other parameters.
    pub fn encrypt(&mut self, plaintext: &Plaintext) -> Result<Ciphertext, EvaluationError> {
        let level = plaintext.level();
        check_plaintext(&self.parameters, plaintext)?;
        if level > self.key.level() {
            return Err(EvaluationError::LevelTooHigh { found: level, allowed: self.key.level() });
        }
        let n = self.parameters.n();
        let mut rng = self.seeds.next_generator();
        let mut small = Zeroizing::new(vec![0i64; 3 * n]);
        sampling::ternary(&mut rng, &mut small[..n]);
        sampling::gaussian(&mut rng, &mut small[n..]);
        let (b, a) = self.key.parts();
        let primes = self.parameters.moduli_at(level);
        let mut parts = [Poly::zero(n, primes.len()), Poly::zero(n, primes.len())];
        for ((part, key), error) in parts.iter_mut().zip([b, a]).zip(small[n..].chunks_exact(n)) {
            part.as_mut_slice().par_chunks_exact_mut(n).zip(primes).enumerate().for_each(
                |(limb, (row, prime))| {
                    let mut v = Zeroizing::new(vec![0u64; n]);
                    fhecc_kernels::from_i64(&mut v, &small[..n], &prime.modulus);
                    prime.ntt.forward(&mut v);
                    fhecc_kernels::from_i64(row, error, &prime.modulus);
                    prime.ntt.forward(row);
                    fhecc_kernels::mul_add_assign(row, &v, key.limb(limb), &prime.modulus);
                },
            );
        }
        let [mut c0, c1] = parts;
        add_plaintext(&self.parameters, &mut c0, plaintext);
        Ciphertext::from_parts(&self.parameters, level, plaintext.scale(), c0, c1)
    }
}

/// An encryption of zero with scale 1.
pub(crate) fn encrypt_zero(
    secret: &SecretKey,
    level: usize,
    seeds: &mut SeedSequence,
) -> Result<SeededCiphertext, EvaluationError> {
    let (c0, seed) = masked_error(secret, level, seeds)?;
    SeededCiphertext::from_parts(secret.parameters(), level, Scale::from_pow2(0), c0, seed)
}

/// `(e - a s, seed of a)` at `level`.
fn masked_error(
    secret: &SecretKey,
    level: usize,
    seeds: &mut SeedSequence,
) -> Result<(Poly, [u8; 32]), EvaluationError> {
    let parameters = secret.parameters();
    if level > parameters.max_level() {
        return Err(EvaluationError::LevelTooHigh { found: level, allowed: parameters.max_level() });
    }
    let n = parameters.n();
    let seed = *seeds.next_seed();
    let mut error = Zeroizing::new(vec![0i64; n]);
    sampling::gaussian(&mut seeds.next_generator(), &mut error);
    let primes = parameters.moduli_at(level);
    let mut out = Poly::zero(n, primes.len());
    out.as_mut_slice().par_chunks_exact_mut(n).zip(primes).enumerate().for_each(|(limb, (row, prime))| {
        fhecc_kernels::from_i64(row, &error, &prime.modulus);
        prime.ntt.forward(row);
        let mut mask = vec![0u64; n];
        SeededCiphertext::mask_row(parameters, &seed, level, limb, &mut mask);
        fhecc_kernels::mul_assign(
            &mut mask,
            secret.polynomial().extended_row(parameters, level, limb),
            &prime.modulus,
        );
        fhecc_kernels::sub_assign(row, &mask, &prime.modulus);
        mask.zeroize();
    });
    Ok((out, seed))
}

fn check_plaintext(parameters: &Parameters, plaintext: &Plaintext) -> Result<(), EvaluationError> {
    let (found, expected) = (plaintext.poly().n(), parameters.n());
    if found > expected || expected % found != 0 {
        return Err(EvaluationError::ParametersMismatch { what: "plaintext length", found, expected });
    }
    Ok(())
}

fn add_plaintext(parameters: &Parameters, poly: &mut Poly, plaintext: &Plaintext) {
    let n = parameters.n();
    let primes = parameters.moduli_at(plaintext.level());
    poly.as_mut_slice().par_chunks_exact_mut(n).zip(primes).enumerate().for_each(|(limb, (row, prime))| {
        let mut scratch = vec![0; n];
        fhecc_kernels::add_assign(row, plaintext.full_row(limb, &mut scratch), &prime.modulus);
    });
}
