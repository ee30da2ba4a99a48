//! Transforms of a bootstrap: giant steps by Horner's rule, and babies by as few keys as wanted.
//!
//! The sums of the giant steps are rotated from the outermost inwards, with one key,
//! `s_0 + rot_g(s_1 + rot_g(s_2 + rot_g(s_3 ..)))`. As with a key for each, only the half that is decomposed again is
//! divided by the special primes `P`.
//!
//! With one key for all babies, each is the one before it rotated once more (the minimum key-switching of Kim et al.,
//! "ARK: Fully Homomorphic Encryption Accelerator with Runtime Data Generation and Inter-Operation Key Reuse", MICRO
//! 2022). In a ladder, multiples of a radix and what lies below it are rotations of the input, the others of those.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::{
    BabyRow, BabyRows, EncodedDiagonals, GiantStep, Halves, HoistedBabies, InnerSums, baby_rotations,
    inner_sums, rotate_and_add, switch_and_add,
};
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::key_switching::{ExtendedPair, divide_pair_fitted};
use crate::parameters::Parameters;
use crate::poly::Poly;
use crate::scale::Scale;

/// How babies are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BabySteps {
    /// All from the input, which is decomposed once.
    Hoisted,
    /// In two rotations, those of one ciphertext sharing its decomposition.
    Ladder,
    /// In as many rotations as there are babies before.
    Repeated,
}

impl BabySteps {
    /// The baby from which baby `index` of `count` is made, for `index > 0`.
    pub(super) fn parent(self, index: usize, count: usize) -> usize {
        match self {
            Self::Hoisted => 0,
            Self::Repeated => index - 1,
            Self::Ladder => {
                let radix = 1 << count.next_power_of_two().ilog2().div_ceil(2);
                let below = index % radix;
                if index < radix || below == 0 { 0 } else { index - below }
            }
        }
    }
}

/// The distance of neighbouring babies; 0 if there is one at most.
fn stride(babies: &[i32]) -> i32 {
    babies.iter().copied().filter(|&baby| baby != 0).min().unwrap_or(0)
}

/// The rotations that make the babies of a schedule, which must be the first multiples of their distance.
pub(crate) fn baby_keys(giants: &[GiantStep], steps: BabySteps) -> BTreeSet<i32> {
    let babies = baby_rotations(giants);
    let stride = stride(&babies);
    (1..babies.len()).map(|index| (index - steps.parent(index, babies.len())) as i32 * stride).collect()
}

/// The babies of a schedule and their distance.
///
/// # Errors
///
/// [`EvaluationError::Argument`] unless they are the first multiples of it.
pub(super) fn evenly_spaced(giants: &[GiantStep]) -> Result<(Vec<i32>, i32), EvaluationError> {
    let rotations = baby_rotations(giants);
    let stride = stride(&rotations);
    if rotations.iter().zip(0..).any(|(&rotation, index)| rotation != index * stride) {
        return Err(EvaluationError::Argument {
            what: format!("babies {rotations:?}; allowed: the first multiples of a number"),
        });
    }
    Ok((rotations, stride))
}

/// The distance of neighbouring giant steps; 0 if there is none but 0.
fn span(giants: &[GiantStep]) -> i32 {
    giants.iter().map(|giant| giant.rotation).filter(|&rotation| rotation != 0).min().unwrap_or(0)
}

/// The rotation of Horner's rule over the giant steps, of which they must be multiples to the left.
pub(crate) fn giant_keys(giants: &[GiantStep]) -> BTreeSet<i32> {
    BTreeSet::from([span(giants)])
}

/// The giant steps in the order in which [`Horner`] takes them: from the outermost to 0.
pub(crate) fn inwards(giants: &[GiantStep]) -> Vec<GiantStep> {
    let mut ordered = giants.to_vec();
    ordered.sort_by_key(|giant| -giant.rotation);
    ordered
}

/// The sum of the rotated inner sums.
pub(crate) struct Horner<'a> {
    evaluator: &'a Evaluator<'a>,
    span: i32,
    level: usize,
    /// Special primes of the key.
    special_count: usize,
    /// The sum so far, to be rotated by this much.
    sum: Option<(i32, Inner)>,
}

/// A sum before or after the division by `P`.
enum Inner {
    Extended(ExtendedPair),
    Divided(Poly, Poly),
}

impl Inner {
    fn new(pair: ExtendedPair) -> Self {
        if pair.special_count == 0 { Self::Divided(pair.c0, pair.c1) } else { Self::Extended(pair) }
    }
}

impl<'a> Horner<'a> {
    /// For ciphertexts at `level` and a key with `special_count` special primes.
    pub(crate) fn new(
        evaluator: &'a Evaluator<'a>,
        giants: &[GiantStep],
        level: usize,
        special_count: usize,
    ) -> Self {
        Self { evaluator, span: span(giants), level, special_count, sum: None }
    }

    /// Adds the inner sums of the next giant steps of [`inwards`], over the special primes of the key or none, one for
    /// every input.
    pub(crate) fn add_all(inputs: &mut [Self], inner: Vec<InnerSums>) -> Result<(), EvaluationError> {
        inputs.par_iter_mut().zip(inner).try_for_each(|(horner, inner)| {
            inner.into_iter().try_for_each(|(rotation, inner)| horner.add(rotation, inner))
        })
    }

    /// Adds the inner sum of the next giant step.
    pub(crate) fn add(&mut self, rotation: i32, inner: ExtendedPair) -> Result<(), EvaluationError> {
        let sum = match self.sum.take() {
            Some((at, sum)) => self.turned_onto(sum, at - rotation, Inner::new(inner))?,
            None => Inner::new(inner),
        };
        self.sum = Some((rotation, sum));
        Ok(())
    }

    /// The sum of everything, rescaled; zero if nothing was added.
    pub(crate) fn rescaled(mut self) -> Result<(Poly, Poly), EvaluationError> {
        let (parameters, level) = (self.evaluator.parameters(), self.level);
        let zero = || ExtendedPair::zero(parameters, level, 0);
        let (at, mut sum) = self.sum.take().unwrap_or_else(|| (0, Inner::new(zero())));
        if at != 0 {
            sum = self.turned_onto(sum, at, Inner::new(zero()))?;
        }
        Ok(match sum {
            Inner::Extended(sum) => sum.mod_down_rescale(parameters),
            Inner::Divided(c0, c1) => divide_pair_fitted(parameters, (c0, c1), level, 0, true),
        })
    }

    /// `onto` plus the sum rotated by a multiple of the span, a span at a time.
    fn turned_onto(&self, mut sum: Inner, by: i32, onto: Inner) -> Result<Inner, EvaluationError> {
        let parameters = self.evaluator.parameters();
        let mut onto = match onto {
            Inner::Extended(pair) => pair,
            Inner::Divided(c0, c1) => {
                let mut pair = ExtendedPair::zero(parameters, self.level, self.special_count);
                pair.add_scaled(parameters, &c0, Some(&c1));
                pair
            }
        };
        for _ in 1..by / self.span.max(1) {
            let mut turned = ExtendedPair::zero(parameters, onto.level, self.special_count);
            self.turn(sum, &mut turned)?;
            sum = Inner::Extended(turned);
        }
        self.turn(sum, &mut onto)?;
        Ok(Inner::Extended(onto))
    }

    /// Adds the sum rotated by a span.
    fn turn(&self, sum: Inner, onto: &mut ExtendedPair) -> Result<(), EvaluationError> {
        match sum {
            Inner::Extended(pair) => rotate_and_add(self.evaluator, pair, self.span, onto),
            Inner::Divided(c0, c1) => switch_and_add(self.evaluator, (c0, c1), self.span, onto),
        }
    }
}

/// Babies as ciphertexts. Giant steps are worked on one after the other, or few together, so that plaintexts and sums take
/// little memory.
pub(crate) struct StoredBabies {
    /// Bytes of plaintexts worked on at a time.
    pub(crate) block_bytes: usize,
    pub(crate) level: usize,
    pub(crate) rotations: Vec<i32>,
    pub(crate) ciphertexts: Vec<Ciphertext>,
}

impl StoredBabies {
    fn new(
        evaluator: &Evaluator<'_>,
        input: &Ciphertext,
        giants: &[GiantStep],
        (steps, block_bytes): (BabySteps, usize),
    ) -> Result<Self, EvaluationError> {
        let (rotations, stride) = evenly_spaced(giants)?;
        let count = rotations.len();
        let mut made: Vec<Option<Ciphertext>> = vec![None; count];
        if let Some(first) = made.first_mut() {
            *first = Some(input.clone());
        }
        for parent in 0..count {
            let children: Vec<usize> =
                (1..count).filter(|&index| steps.parent(index, count) == parent).collect();
            let by: Vec<i64> =
                children.iter().map(|&index| (index - parent) as i64 * i64::from(stride)).collect();
            let Some(from) = &made[parent] else { continue };
            let rotated = match by.as_slice() {
                [] => continue,
                [only] => vec![evaluator.rotate(from, *only)?],
                several => evaluator.rotate_hoisted(from, several)?,
            };
            for (index, ciphertext) in children.into_iter().zip(rotated) {
                made[index] = Some(ciphertext);
            }
        }
        let ciphertexts = made.into_iter().flatten().collect();
        Ok(Self { block_bytes, level: input.level, rotations, ciphertexts })
    }
}

impl BabyRows for StoredBabies {
    fn level(&self) -> usize {
        self.level
    }

    fn special_count(&self) -> usize {
        0
    }

    fn rotations(&self) -> &[i32] {
        &self.rotations
    }

    fn digits(&self) -> Option<usize> {
        None
    }

    fn row(&self, row: usize) -> Result<Vec<BabyRow<'_>>, EvaluationError> {
        let halves = self.ciphertexts.iter().map(|baby| [baby.c0.limb(row), baby.c1.limb(row)]);
        Ok(halves.map(|halves| BabyRow { halves: Halves::Stored(halves), permutation: None }).collect())
    }

    fn block_bytes(&self) -> usize {
        self.block_bytes
    }
}

/// The sums of all giant steps of [`inwards`], for babies whose memory is free again before the sums are rotated.
pub(crate) fn all_inner_sums<B: BabyRows>(
    parameters: &Parameters,
    inputs: Vec<B>,
    giants: &[GiantStep],
    diagonals: &dyn EncodedDiagonals,
) -> Result<Vec<InnerSums>, EvaluationError> {
    let mut all: Vec<InnerSums> = inputs.iter().map(|_| Vec::with_capacity(giants.len())).collect();
    inner_sums(parameters, &inputs, &inwards(giants), diagonals, &mut |sums| {
        all.iter_mut().zip(sums).for_each(|(all, sums)| all.extend(sums));
        Ok(())
    })?;
    Ok(all)
}

/// Bytes of plaintexts on which stored babies are multiplied at a time. Plaintexts that are kept take no memory of their own,
/// so where the sums take little, at low levels, strips of babies serve as many giant steps as fit while they are in the
/// cache. `rows` are those of all sums of a giant step.
fn kept_block_bytes(
    parameters: &Parameters,
    giants: &[GiantStep],
    diagonals: &dyn EncodedDiagonals,
    rows: usize,
) -> usize {
    const SUM_BYTES: usize = 8 << 20;
    if diagonals.transforms().is_none() {
        return 0;
    }
    let row_bytes = parameters.n() * size_of::<u64>();
    let steps = SUM_BYTES / (2 * rows * row_bytes);
    let widest = giants.iter().map(|giant| giant.babies.len()).max().unwrap_or(0);
    steps * widest * row_bytes
}

/// Whether dividing every baby by `P` takes fewer transforms of a row than rows for the special primes, for diagonals
/// of the longest period.
pub(crate) fn storing_pays(giants: &[GiantStep], limbs: usize, special_count: usize) -> bool {
    let diagonals: usize = giants.iter().map(|giant| giant.babies.len()).sum();
    2 * baby_rotations(giants).len() * (limbs + special_count) < diagonals * special_count
}

impl Evaluator<'_> {
    /// Every ciphertext times a matrix encoded at `plaintext_scale`, rescaled, with the keys of [`baby_keys`] and
    /// [`giant_keys`], which have `special_count` special primes. All have the same level. The babies are divided by `P` as a
    /// whole before they are used if they are `stored`.
    pub(crate) fn sequential_transform(
        &self,
        ciphertexts: &[Ciphertext],
        giants: &[GiantStep],
        diagonals: &dyn EncodedDiagonals,
        plaintext_scale: Scale,
        (steps, special_count, stored): (BabySteps, usize, bool),
    ) -> Result<Vec<Ciphertext>, EvaluationError> {
        let parameters = self.parameters();
        let level = self.common_level(ciphertexts)?;
        ciphertexts.iter().try_for_each(|ciphertext| self.check_rescalable(ciphertext))?;
        let mut horners: Vec<_> =
            ciphertexts.iter().map(|_| Horner::new(self, giants, level, special_count)).collect();
        let inputs = ciphertexts.par_iter();
        if stored {
            let rows = parameters.limbs_at(level) * ciphertexts.len();
            let block_bytes = kept_block_bytes(parameters, giants, diagonals, rows);
            let babies = inputs.map(|input| StoredBabies::new(self, input, giants, (steps, block_bytes)));
            let babies: Vec<_> = babies.collect::<Result<_, _>>()?;
            inner_sums(parameters, &babies, &inwards(giants), diagonals, &mut |sums| {
                Horner::add_all(&mut horners, sums)
            })?;
        } else {
            let babies =
                inputs.map(|input| HoistedBabies::in_steps(self, input, giants, steps, special_count));
            let babies = babies.collect::<Result<_, _>>()?;
            Horner::add_all(&mut horners, all_inner_sums(parameters, babies, giants, diagonals)?)?;
        }
        let finish = |(horner, input): (Horner<'_>, &Ciphertext)| {
            let (c0, c1) = horner.rescaled()?;
            let scale = input.scale.mul(plaintext_scale).div(parameters.rescale_factor(level));
            Ok(Ciphertext { level: parameters.level_below(level), scale, c0, c1 })
        };
        horners.into_par_iter().zip(ciphertexts).map(finish).collect()
    }

    /// The level of all these ciphertexts.
    pub(crate) fn common_level(&self, ciphertexts: &[Ciphertext]) -> Result<usize, EvaluationError> {
        let level = ciphertexts.first().map_or(1, |first| first.level);
        for ciphertext in ciphertexts {
            if ciphertext.level != level {
                let (left, right) = (level, ciphertext.level);
                return Err(EvaluationError::Argument {
                    what: format!("ciphertexts at levels {left} and {right}; allowed: one level"),
                });
            }
        }
        Ok(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::split_rotations;

    #[test]
    fn every_baby_is_made_from_an_earlier_one_by_few_keys() {
        let keys = |count: i32, stride: i32, steps| -> Vec<i32> {
            let giants = split_rotations(&(0..count).map(|k| k * stride).collect(), count * stride);
            baby_keys(&giants, steps).into_iter().collect()
        };
        assert_eq!(keys(4, 2, BabySteps::Hoisted), [2, 4, 6]);
        assert_eq!(keys(16, 1, BabySteps::Repeated), [1]);
        assert_eq!(keys(16, 1, BabySteps::Ladder), [1, 2, 3, 4, 8, 12]);
        assert_eq!(keys(8, 4, BabySteps::Ladder), [4, 8, 12, 16]);
        assert_eq!(keys(4, 1, BabySteps::Ladder), [1, 2]);
        assert_eq!(keys(2, 1, BabySteps::Ladder), [1]);
        assert_eq!(keys(1, 1, BabySteps::Ladder), []);
        for count in 1..40 {
            for steps in [BabySteps::Hoisted, BabySteps::Ladder, BabySteps::Repeated] {
                assert!((1..count).all(|index| steps.parent(index, count) < index), "{count} {steps:?}");
            }
        }
    }

    #[test]
    fn giant_steps_go_inwards_by_one_key() {
        let giants = split_rotations(&(1..32).collect(), 8);
        assert_eq!(giant_keys(&giants).into_iter().collect::<Vec<_>>(), [8]);
        let order: Vec<i32> = inwards(&giants).iter().map(|giant| giant.rotation).collect();
        assert_eq!(order, [24, 16, 8, 0]);
    }
}
