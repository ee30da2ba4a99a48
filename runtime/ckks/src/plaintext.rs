//! Encoded values.

use crate::error::EvaluationError;
use crate::parameters::Parameters;
use crate::poly::Poly;
use crate::scale::Scale;

/// Slot values encoded as a polynomial, over `q_0 ..= q_level` and perhaps some special primes.
///
/// Values of period `T` in the slots are a polynomial in `X^g`, `g = N/2T`; its transform repeats every value
/// on `g` consecutive positions. Only one value per repetition is stored: rows have length `N/g`.
#[derive(Clone, Debug)]
pub struct Plaintext {
    pub(crate) level: usize,
    pub(crate) special_count: usize,
    pub(crate) scale: Scale,
    pub(crate) poly: Poly,
}

impl Plaintext {
    /// The level.
    pub fn level(&self) -> usize {
        self.level
    }

    /// Number of special primes, whose rows come after those of the chain; 0 unless made for an extended basis.
    pub fn special_count(&self) -> usize {
        self.special_count
    }

    /// The scale.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The stored rows.
    pub fn poly(&self) -> &Poly {
        &self.poly
    }

    /// Bytes of the stored rows.
    pub fn size_in_bytes(&self) -> usize {
        size_of_val(self.poly.as_slice())
    }

    /// The plaintext of a polynomial over `q_0 ..= q_level`, in the transform domain with [`Parameters::limbs_at`] the level rows.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::ParametersMismatch`] if a dimension is not that of the parameters.
    pub fn from_poly(
        parameters: &Parameters,
        level: usize,
        scale: Scale,
        poly: Poly,
    ) -> Result<Self, EvaluationError> {
        let mismatch =
            |what, found, expected| Err(EvaluationError::ParametersMismatch { what, found, expected });
        if level > parameters.max_level() {
            return Err(EvaluationError::LevelTooHigh { found: level, allowed: parameters.max_level() });
        }
        if poly.n() != parameters.n() {
            return mismatch("ring degree", poly.n(), parameters.n());
        }
        if poly.limbs() != parameters.limbs_at(level) {
            return mismatch("number of limbs", poly.limbs(), parameters.limbs_at(level));
        }
        Ok(Self { level, special_count: 0, scale, poly })
    }

    /// Row `row` in full length: either the stored row, or its repetition written to `scratch`.
    ///
    /// # Panics
    ///
    /// If there is no such row. `scratch` must have length `N`, or may be empty if rows are stored in full.
    pub fn full_row<'a>(&'a self, row: usize, scratch: &'a mut [u64]) -> &'a [u64] {
        let stored = self.poly.limb(row);
        if stored.len() >= scratch.len() {
            return stored;
        }
        fhecc_kernels::repeat(scratch, stored);
        scratch
    }

    /// Whether the rows fit these parameters.
    pub(crate) fn fits(&self, parameters: &Parameters) -> bool {
        let n = self.poly.n();
        n <= parameters.n()
            && parameters.n().is_multiple_of(n)
            && self.level <= parameters.max_level()
            && self.special_count <= parameters.special_limbs()
    }
}
