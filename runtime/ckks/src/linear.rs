//! Matrices times encrypted vectors.
//!
//! A matrix on the slots is a sum of rotations times diagonals, `out[s] = sum_d diagonal_d[s] * x[s + d]`.
//! With a baby-step giant-step schedule `d = g + b` (Halevi and Shoup, "Algorithms in HElib", CRYPTO 2014)
//!
//! ```text
//! out = sum_g rot_g( sum_b pre_{g,b} * rot_b(x) ),   pre_{g,b}[s] = diagonal_{g+b}[s - g]
//! ```
//!
//! Babies share one decomposition of `x` and stay multiplied by the special primes `P`; a giant step divides
//! only the half that it decomposes again, and the sum over the giants is divided by `P` and by the prime of
//! the rescale at once (the double hoisting of Bossuat, Mouchet, Troncoso-Pastoriza, Hubaux, EUROCRYPT 2021,
//! section 4). Rows, that is primes, are processed independently, so that the babies of one row stay in
//! cache while all giant steps use them.

mod babies;
mod bsgs;
mod giants;

use std::sync::Arc;

use self::babies::HoistedBabies;
pub(crate) use self::babies::{BabyRows, Switch};
pub use self::bsgs::{GiantStep, split_rotations};
pub(crate) use self::bsgs::{baby_rotations, pre_rotate};
use self::giants::rotate_and_add;
pub(crate) use self::giants::{inner_sums, switch_and_add};
use crate::ciphertext::Ciphertext;
use crate::encoder::{Encoder, IntegerPolynomial};
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::key_switching::ExtendedPair;
use crate::scale::Scale;

/// Where the diagonals of a [`LinearMap`] come from. They are asked for when needed and not kept.
pub trait DiagonalSource: Sync {
    /// The diagonal of this rotation (giant plus baby, not reduced): entry `s` multiplies `x[s + rotation]`.
    ///
    /// The number of entries is the diagonal's period, a power of two up to the number of slots. `None` stands
    /// for zero.
    fn diagonal(&self, rotation: i32) -> Option<Vec<f64>>;
}

/// A real matrix on the slots, with its schedule of rotations.
#[derive(Clone, Copy)]
pub struct LinearMap<'a> {
    /// The schedule; every baby of a step is one diagonal.
    pub giants: &'a [GiantStep],
    /// The diagonals.
    pub diagonals: &'a dyn DiagonalSource,
}

/// Encoded, pre-rotated diagonals for the transform.
pub(crate) trait EncodedDiagonals: Sync {
    /// The plaintext for a baby of a giant step; `None` for zero.
    fn integers(&self, giant: i32, baby: i32) -> Result<Option<Arc<IntegerPolynomial>>, EvaluationError>;
}

/// Encodes the diagonals of a [`LinearMap`] on the fly.
struct Encoded<'a> {
    encoder: &'a Encoder,
    diagonals: &'a dyn DiagonalSource,
    scale: Scale,
}

impl EncodedDiagonals for Encoded<'_> {
    fn integers(&self, giant: i32, baby: i32) -> Result<Option<Arc<IntegerPolynomial>>, EvaluationError> {
        let Some(values) = self.diagonals.diagonal(giant + baby) else { return Ok(None) };
        let integers = self.encoder.real_to_integers(&pre_rotate(&values, giant), self.scale)?;
        Ok(Some(Arc::new(integers)))
    }
}

impl Evaluator<'_> {
    /// `ciphertext` times the matrix, rescaled: one level lower at an unchanged scale, the diagonals being
    /// encoded at the scale `q_level`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if no level is left, a rotation key is missing, the keys differ in their number of
    /// special primes, or a diagonal cannot be encoded.
    pub fn linear_transform(
        &self,
        ciphertext: &Ciphertext,
        map: &LinearMap<'_>,
    ) -> Result<Ciphertext, EvaluationError> {
        ciphertext.check(self.parameters())?;
        let scale = Scale::from_prime(self.parameters().prime(ciphertext.level));
        let encoded = Encoded { encoder: self.encoder(), diagonals: map.diagonals, scale };
        let mut out = self.encoded_transform(ciphertext, map.giants, &encoded, scale)?;
        out.scale = ciphertext.scale;
        Ok(out)
    }

    /// `ciphertext` times a matrix encoded at `plaintext_scale`, rescaled.
    pub(crate) fn encoded_transform(
        &self,
        ciphertext: &Ciphertext,
        giants: &[GiantStep],
        diagonals: &dyn EncodedDiagonals,
        plaintext_scale: Scale,
    ) -> Result<Ciphertext, EvaluationError> {
        self.check_rescalable(ciphertext)?;
        let parameters = self.parameters();
        let level = ciphertext.level;
        let babies = HoistedBabies::new(self, ciphertext, giants)?;
        let mut sum = ExtendedPair::zero(parameters, level, babies.special_count());
        inner_sums(parameters, &babies, giants, diagonals, &mut |rotation, inner| {
            rotate_and_add(self, inner, rotation, &mut sum)
        })?;
        let (c0, c1) = sum.mod_down_rescale(parameters);
        let scale = ciphertext.scale.mul(plaintext_scale).div_prime(parameters.prime(level));
        Ok(Ciphertext { level: level - 1, scale, c0, c1 })
    }
}
