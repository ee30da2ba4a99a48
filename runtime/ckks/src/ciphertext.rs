//! Ciphertexts.

use rayon::prelude::*;

use crate::bytes::{Reader, Writer};
use crate::error::{EvaluationError, FormatError};
use crate::parameters::Parameters;
use crate::poly::Poly;
use crate::scale::Scale;
use crate::seed::{Domain, Purpose, Seed, uniform_row};

const TAG: [u8; 4] = *b"FCT1";
const SEEDED_TAG: [u8; 4] = *b"FCS4";

/// An encryption `(c0, c1)` of a polynomial `m`: `c0 + c1 s = m + e` modulo `q_0 ... q_level`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ciphertext {
    pub(crate) level: usize,
    pub(crate) scale: Scale,
    pub(crate) c0: Poly,
    pub(crate) c1: Poly,
}

impl Ciphertext {
    /// A ciphertext from its two polynomials, in the transform domain with [`Parameters::limbs_at`] the level rows each.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::ParametersMismatch`] if a dimension is not that of the parameters.
    pub fn from_parts(
        parameters: &Parameters,
        level: usize,
        scale: Scale,
        c0: Poly,
        c1: Poly,
    ) -> Result<Self, EvaluationError> {
        let ciphertext = Self { level, scale, c0, c1 };
        ciphertext.check(parameters)?;
        Ok(ciphertext)
    }

    /// The number of rescales left.
    pub fn level(&self) -> usize {
        self.level
    }

    /// The factor between slot values and the encrypted polynomial.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The two polynomials, in the transform domain.
    pub fn parts(&self) -> (&Poly, &Poly) {
        (&self.c0, &self.c1)
    }

    /// Declares another scale: divides every encrypted value by `scale / self.scale()`, at no cost.
    pub fn set_scale(&mut self, scale: Scale) {
        self.scale = scale;
    }

    /// Bytes of the two polynomials in memory.
    pub fn size_in_bytes(&self) -> usize {
        size_of_val(self.c0.as_slice()) + size_of_val(self.c1.as_slice())
    }

    pub(crate) fn check(&self, parameters: &Parameters) -> Result<(), EvaluationError> {
        let mismatch =
            |what, found, expected| Err(EvaluationError::ParametersMismatch { what, found, expected });
        if self.level > parameters.max_level() {
            return Err(EvaluationError::LevelTooHigh { found: self.level, allowed: parameters.max_level() });
        }
        for poly in [&self.c0, &self.c1] {
            if poly.n() != parameters.n() {
                return mismatch("ring degree", poly.n(), parameters.n());
            }
            if poly.limbs() != parameters.limbs_at(self.level) {
                return mismatch("number of limbs", poly.limbs(), parameters.limbs_at(self.level));
            }
        }
        Ok(())
    }

    /// The ciphertext as bytes.
    pub fn to_bytes(&self, parameters: &Parameters) -> Vec<u8> {
        let mut writer = Writer::new(TAG, parameters);
        writer.u32(self.level as u32);
        writer.scale(self.scale);
        for poly in [&self.c0, &self.c1] {
            writer.poly(poly, parameters.moduli_at(self.level).iter());
        }
        writer.finish()
    }

    /// The ciphertext that [`Ciphertext::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if the bytes are not such a ciphertext of these parameters.
    pub fn from_bytes(bytes: &[u8], parameters: &Parameters) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes, TAG, parameters)?;
        let level = reader.ranged("level", (0, parameters.max_level()))?;
        let scale = reader.scale()?;
        let primes: Vec<_> = parameters.moduli_at(level).iter().collect();
        let c0 = reader.poly(parameters.n(), &primes)?;
        let c1 = reader.poly(parameters.n(), &primes)?;
        reader.finish()?;
        Ok(Self { level, scale, c0, c1 })
    }
}

/// A fresh secret-key encryption whose `c1` is expanded from a seed: half the size of a [`Ciphertext`].
#[derive(Clone, Debug, PartialEq)]
pub struct SeededCiphertext {
    level: usize,
    scale: Scale,
    c0: Poly,
    seed: Seed,
}

impl SeededCiphertext {
    /// A seeded ciphertext from its parts; `c0` has [`Parameters::limbs_at`] the level rows.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::ParametersMismatch`] if a dimension is not that of the parameters.
    pub fn from_parts(
        parameters: &Parameters,
        level: usize,
        scale: Scale,
        c0: Poly,
        seed: Seed,
    ) -> Result<Self, EvaluationError> {
        let c1 = Poly::zero(c0.n(), c0.limbs());
        let whole = Ciphertext::from_parts(parameters, level, scale, c0, c1)?;
        Ok(Self { level, scale, c0: whole.c0, seed })
    }

    /// The number of rescales left.
    pub fn level(&self) -> usize {
        self.level
    }

    /// The factor between slot values and the encrypted polynomial.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Writes row `limb` of `c1` at `level` for this seed.
    pub fn mask_row(parameters: &Parameters, seed: &Seed, level: usize, limb: usize, out: &mut [u64]) {
        let domain = Domain { purpose: Purpose::Ciphertext, digit: 0, limb };
        uniform_row(seed, domain, &parameters.moduli_at(level)[limb].modulus, out);
    }

    /// The whole ciphertext.
    pub fn expand(&self, parameters: &Parameters) -> Ciphertext {
        let mut c1 = Poly::unfilled(self.c0.n(), self.c0.limbs());
        let n = c1.n();
        c1.as_mut_slice().par_chunks_exact_mut(n).enumerate().for_each(|(limb, row)| {
            Self::mask_row(parameters, &self.seed, self.level, limb, row);
        });
        Ciphertext { level: self.level, scale: self.scale, c0: self.c0.clone(), c1 }
    }

    /// The ciphertext as bytes.
    pub fn to_bytes(&self, parameters: &Parameters) -> Vec<u8> {
        let mut writer = Writer::new(SEEDED_TAG, parameters);
        writer.u32(self.level as u32);
        writer.scale(self.scale);
        writer.raw(&self.seed);
        writer.poly(&self.c0, parameters.moduli_at(self.level).iter());
        writer.finish()
    }

    /// The ciphertext that [`SeededCiphertext::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if the bytes are not such a ciphertext of these parameters.
    pub fn from_bytes(bytes: &[u8], parameters: &Parameters) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes, SEEDED_TAG, parameters)?;
        let level = reader.ranged("level", (0, parameters.max_level()))?;
        let scale = reader.scale()?;
        let seed = reader.array()?;
        let primes: Vec<_> = parameters.moduli_at(level).iter().collect();
        let c0 = reader.poly(parameters.n(), &primes)?;
        reader.finish()?;
        Ok(Self { level, scale, c0, seed })
    }
}
