//! Matrices times encrypted vectors.
//!
//! A matrix on the slots is a sum of rotations times diagonals, `out[s] = sum_d diagonal_d[s] * x[s + d]`.
//! With a baby-step giant-step schedule `d = g + b` (Halevi and Shoup, "Algorithms in HElib", CRYPTO 2014)
//!
//! ```text
//! out = sum_g rot_g( sum_b pre_{g,b} * rot_b(x) ),   pre_{g,b}[s] = diagonal_{g+b}[s - g]
//! ```
//!
//! Babies share one decomposition of `x` and may stay multiplied by the special primes `P`; a giant step then
//! divides only the half that it decomposes again (the double hoisting of Bossuat, Mouchet, Troncoso-Pastoriza,
//! Hubaux, EUROCRYPT 2021, section 4). Where there are many diagonals per baby, the babies are divided by `P` first
//! instead: no diagonal needs rows for the special primes then. Either way the sum over the giants is divided by `P`
//! and by the prime of the rescale at once.
//!
//! A rotation without a key of its own may be done as two ([`Evaluator::with_composites`]). Babies that begin with the
//! same rotation are then rotations of one ciphertext, the input so rotated, and share its decomposition.
//!
//! Real diagonals are encoded two at a time, one in the real part of the slots and one in the imaginary part.
//! Rows, that is primes, are processed one after the other, and in a row all giant steps for a chunk of positions,
//! so that the babies stay in a core's cache.

mod babies;
mod bsgs;
mod divided;
mod folded;
mod giants;
mod plaintexts;
mod sequential;
mod strips;
mod sums;
mod transforms;

use rayon::prelude::*;

use self::babies::HoistedBabies;
pub(crate) use self::babies::{BabyRow, BabyRows, COMPUTED_BLOCK_BYTES, Halves, Switch};
pub use self::bsgs::{GiantStep, split_rotations};
pub(crate) use self::bsgs::{baby_rotations, pre_rotate};
use self::divided::{DividedBabies, dividing_pays};
use self::folded::Folding;
pub use self::folded::{Fold, HeldDiagonals};
use self::giants::{map_and_add, rotate_and_add, switch_and_add, switch_and_add_all};
use self::plaintexts::Encoded;
pub(crate) use self::plaintexts::{EncodedDiagonals, Packing, Place};
pub(crate) use self::sequential::{
    BabySteps, Horner, StoredBabies, all_inner_sums, baby_keys, giant_keys, inwards, storing_pays,
};
use self::sums::InnerSums;
pub(crate) use self::sums::inner_sums;
pub(crate) use self::transforms::Transforms;
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::galois::Galois;
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

/// A real matrix on the slots, with its schedule of rotations; [`LinearMap::new`] for one without folds and gathers.
#[derive(Clone, Copy)]
pub struct LinearMap<'a> {
    /// The schedule; every baby of a step is one diagonal.
    pub giants: &'a [GiantStep],
    /// The diagonals.
    pub diagonals: &'a dyn DiagonalSource,
    /// How the argument is folded, if it is; the schedule is then that of the folded one.
    pub fold: Option<Fold<'a>>,
    /// By these rotations in turn the result is turned and added to itself.
    pub gathers: &'a [i32],
    /// The diagonals of the folded map, if they were encoded before; for another scale they are encoded again.
    pub held: Option<&'a HeldDiagonals>,
    /// Whether the result is rescaled, one level lower. Without that it stays where it is, at the product of the argument's
    /// scale and the diagonals'.
    pub rescaled: bool,
}

impl<'a> LinearMap<'a> {
    /// These diagonals by this schedule, of an argument as it is, rescaled.
    pub fn new(giants: &'a [GiantStep], diagonals: &'a dyn DiagonalSource) -> Self {
        Self { giants, diagonals, fold: None, gathers: &[], held: None, rescaled: true }
    }
}

impl Evaluator<'_> {
    /// `ciphertext` times the matrix, rescaled: one level lower at an unchanged scale, the diagonals being
    /// encoded at the scale [`crate::Parameters::rescale_factor`].
    ///
    /// # Errors
    ///
    /// As [`Evaluator::linear_transform_to`].
    pub fn linear_transform(
        &self,
        ciphertext: &Ciphertext,
        map: &LinearMap<'_>,
    ) -> Result<Ciphertext, EvaluationError> {
        self.linear_transform_to(ciphertext, map, ciphertext.scale)
    }

    /// `ciphertext` times the matrix, one level lower if it is to be rescaled, at exactly `target`, the diagonals being
    /// encoded at the scale that leads there.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if no level is left, a rotation key is missing, the keys differ in their number of
    /// special primes, a diagonal cannot be encoded, or the target without a rescale does not fit the modulus.
    pub fn linear_transform_to(
        &self,
        ciphertext: &Ciphertext,
        map: &LinearMap<'_>,
        target: Scale,
    ) -> Result<Ciphertext, EvaluationError> {
        let mut out = self.linear_transforms_to(std::slice::from_ref(ciphertext), map, target)?;
        out.pop().ok_or_else(|| EvaluationError::Argument { what: "no ciphertext".into() })
    }

    /// [`Evaluator::linear_transform_to`] of several ciphertexts at the same level and scale, which share every encoded
    /// diagonal and, where babies are computed when they are used, every unpacked strip of a key.
    ///
    /// # Errors
    ///
    /// As [`Evaluator::linear_transform_to`].
    pub fn linear_transforms_to(
        &self,
        ciphertexts: &[Ciphertext],
        map: &LinearMap<'_>,
        target: Scale,
    ) -> Result<Vec<Ciphertext>, EvaluationError> {
        let Some(first) = ciphertexts.first() else { return Ok(Vec::new()) };
        for ciphertext in ciphertexts {
            ciphertext.check(self.parameters())?;
            if map.rescaled {
                self.check_rescalable(ciphertext)?;
            }
            if !ciphertext.scale.matches(first.scale) {
                let (left, right) = (first.scale.log2(), ciphertext.scale.log2());
                return Err(EvaluationError::ScaleMismatch { left, right });
            }
        }
        let scale = self.diagonal_scale(map, first.level, first.scale, target);
        if !map.rescaled {
            self.product_scale(first.scale, scale, first.level)?;
        }
        let n = self.parameters().n();
        let gathers = map.gathers.iter().map(|&rotation| Galois::rotation(rotation.into(), n));
        let mut out = match map.fold {
            None => {
                let encoded = Encoded { encoder: self.encoder(), diagonals: map.diagonals, scale };
                let sums: Vec<Galois> = gathers.collect();
                self.encoded_transform(ciphertexts, map, &encoded, &sums)?
            }
            Some(fold) => {
                let folding = Folding::new(self.parameters(), fold)?;
                let arguments = ciphertexts.par_iter().map(|x| folding.argument(self, x));
                let arguments: Vec<_> = arguments.collect::<Result<_, _>>()?;
                let encoded = folding.encoded(self.encoder(), map.diagonals, scale);
                let encoded: &dyn EncodedDiagonals = match map.held {
                    Some(held) if held.have_scale_of(&encoded) => held,
                    _ => &encoded,
                };
                let sums: Vec<Galois> = folding.trace().chain(gathers).collect();
                self.encoded_transform(&arguments, map, encoded, &sums)?
            }
        };
        out.iter_mut().for_each(|ciphertext| ciphertext.scale = target);
        Ok(out)
    }

    /// Encodes the diagonals of a folded map once, for [`LinearMap::held`]: for arguments at `level` and exactly `scale` and
    /// results at `target`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the map is not folded, no level is left, or a diagonal cannot be encoded.
    pub fn encode_diagonals(
        &self,
        map: &LinearMap<'_>,
        (level, scale): (usize, Scale),
        target: Scale,
    ) -> Result<HeldDiagonals, EvaluationError> {
        let parameters = self.parameters();
        let (needed, allowed) = (usize::from(map.rescaled), parameters.max_level());
        if level < needed {
            return Err(EvaluationError::LevelTooLow { found: level, needed });
        }
        if level > allowed {
            return Err(EvaluationError::LevelTooHigh { found: level, allowed });
        }
        let fold = map.fold.ok_or_else(|| EvaluationError::Argument {
            what: "a map without folds; allowed: folded ones".into(),
        })?;
        let folding = Folding::new(parameters, fold)?;
        let scale = self.diagonal_scale(map, level, scale, target);
        HeldDiagonals::new(&folding.encoded(self.encoder(), map.diagonals, scale), map.giants)
    }

    /// The scale of diagonals that takes arguments at `level` and `scale` to `target`.
    fn diagonal_scale(&self, map: &LinearMap<'_>, level: usize, scale: Scale, target: Scale) -> Scale {
        let factor = target.div(scale);
        if map.rescaled { self.parameters().rescale_factor(level).mul(factor) } else { factor }
    }

    /// Every ciphertext times a matrix, to which its image under every one of `images` is added in turn, rescaled if it is to
    /// be. All have the same level. The results' scale is left to the caller.
    fn encoded_transform(
        &self,
        ciphertexts: &[Ciphertext],
        map: &LinearMap<'_>,
        diagonals: &dyn EncodedDiagonals,
        images: &[Galois],
    ) -> Result<Vec<Ciphertext>, EvaluationError> {
        let (parameters, giants) = (self.parameters(), map.giants);
        let level = self.common_level(ciphertexts)?;
        let babies = ciphertexts.par_iter().map(|input| HoistedBabies::new(self, input, giants, images));
        let babies: Vec<_> = babies.collect::<Result<_, _>>()?;
        let special_count = babies.first().map_or(0, BabyRows::special_count);
        let mut sums: Vec<_> =
            ciphertexts.iter().map(|_| ExtendedPair::zero(parameters, level, special_count)).collect();
        if dividing_pays(giants, diagonals.packing(), (parameters.limbs_at(level), special_count)) {
            let babies = babies.into_par_iter().map(|babies| DividedBabies::new(babies, self.block_bytes()));
            let babies: Vec<_> = babies.collect::<Result<_, _>>()?;
            inner_sums(parameters, &babies, giants, diagonals, &mut |inner| {
                let pairs = sums.par_iter_mut().zip(inner);
                pairs.try_for_each(|(sum, inner)| switch_and_add_all(self, inner, sum))
            })?;
        } else {
            inner_sums(parameters, &babies, giants, diagonals, &mut |inner| {
                sums.par_iter_mut().zip(inner).try_for_each(|(sum, inner)| {
                    inner
                        .into_iter()
                        .try_for_each(|(rotation, inner)| rotate_and_add(self, inner, rotation, sum))
                })
            })?;
        }
        sums.par_iter_mut().try_for_each(|sum| {
            images.iter().try_for_each(|&galois| map_and_add(self, sum.clone(), galois, sum))
        })?;
        let finish = |(sum, input): (ExtendedPair, &Ciphertext)| {
            let (level, (c0, c1)) = if map.rescaled {
                (parameters.level_below(level), sum.mod_down_rescale(parameters))
            } else {
                (level, sum.mod_down_fitted(parameters))
            };
            Ciphertext { level, scale: input.scale, c0, c1 }
        };
        Ok(sums.into_par_iter().zip(ciphertexts).map(finish).collect())
    }
}
