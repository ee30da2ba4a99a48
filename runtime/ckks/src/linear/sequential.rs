//! Transforms with few rotation keys: babies made from one another, giant steps by Horner's rule.
//!
//! With one key for all babies, each is the one before it rotated once more (the minimum key-switching of Kim et al.,
//! "ARK: Fully Homomorphic Encryption Accelerator with Runtime Data Generation and Inter-Operation Key Reuse", MICRO
//! 2022). In a ladder, multiples of a radix and what lies below it are rotations of the input, the others of those.
//! The sums of the giant steps are rotated from the outermost inwards, with one key,
//! `s_0 + rot_g(s_1 + rot_g(s_2 + rot_g(s_3 ..)))`.
//!
//! Babies are stored, divided by the special primes, and giant steps are worked on one after the other: that takes
//! more time and less memory than [`super::babies::HoistedBabies`].

use std::collections::BTreeSet;

use super::babies::{BabyRow, BabyRows};
use super::{EncodedDiagonals, GiantStep, baby_rotations, inner_sums};
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::key_switching::{ExtendedPair, divide_pair};
use crate::poly::Poly;
use crate::scale::Scale;

/// How babies are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BabySteps {
    /// In two rotations, the first ones sharing a decomposition.
    Ladder,
    /// In as many rotations as there are babies before.
    Repeated,
}

impl BabySteps {
    /// The baby from which baby `index` of `count` is made, for `index > 0`.
    fn parent(self, index: usize, count: usize) -> usize {
        match self {
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
    /// The sum so far, to be rotated by this much.
    sum: Option<(i32, Ciphertext)>,
}

impl<'a> Horner<'a> {
    pub(crate) fn new(evaluator: &'a Evaluator<'a>, giants: &[GiantStep]) -> Self {
        Self { evaluator, span: span(giants), sum: None }
    }

    /// Adds the inner sum of the next giant step of [`inwards`].
    pub(crate) fn add(&mut self, rotation: i32, inner: Ciphertext) -> Result<(), EvaluationError> {
        let sum = match self.sum.take() {
            Some((at, sum)) => {
                let mut sum = self.turned(sum, at - rotation)?;
                self.evaluator.add_assign(&mut sum, &inner)?;
                sum
            }
            None => inner,
        };
        self.sum = Some((rotation, sum));
        Ok(())
    }

    /// The sum of everything, rescaled from `level`; zero if nothing was added.
    pub(crate) fn rescaled(mut self, level: usize) -> Result<(Poly, Poly), EvaluationError> {
        let parameters = self.evaluator.parameters();
        let sum = match self.sum.take() {
            Some((at, sum)) => {
                let sum = self.turned(sum, at)?;
                (sum.c0, sum.c1)
            }
            None => {
                let zero = || Poly::zero(parameters.n(), level + 1);
                (zero(), zero())
            }
        };
        Ok(divide_pair(parameters, sum, level, 0, true))
    }

    /// Rotated by a multiple of the span, a span at a time.
    fn turned(&self, mut sum: Ciphertext, by: i32) -> Result<Ciphertext, EvaluationError> {
        for _ in 0..by / self.span.max(1) {
            sum = self.evaluator.rotate(&sum, self.span.into())?;
        }
        Ok(sum)
    }
}

/// Babies as ciphertexts.
struct StoredBabies {
    level: usize,
    rotations: Vec<i32>,
    ciphertexts: Vec<Ciphertext>,
}

impl StoredBabies {
    fn new(
        evaluator: &Evaluator<'_>,
        input: &Ciphertext,
        giants: &[GiantStep],
        steps: BabySteps,
    ) -> Result<Self, EvaluationError> {
        let rotations = baby_rotations(giants);
        let count = rotations.len();
        let stride = stride(&rotations);
        if rotations.iter().zip(0..).any(|(&rotation, index)| rotation != index * stride) {
            return Err(EvaluationError::Argument {
                what: format!("babies {rotations:?}; allowed: the first multiples of a number"),
            });
        }
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
        Ok(Self { level: input.level, rotations, ciphertexts: made.into_iter().flatten().collect() })
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

    fn row<'s>(&'s self, row: usize, _: &'s mut Poly) -> Result<Vec<BabyRow<'s>>, EvaluationError> {
        let halves = |baby: &'s Ciphertext| [baby.c0.limb(row), baby.c1.limb(row)];
        Ok(self.ciphertexts.iter().map(|baby| BabyRow { halves: halves(baby), permutation: None }).collect())
    }

    /// One giant step at a time.
    fn block_bytes(&self) -> usize {
        0
    }
}

impl Evaluator<'_> {
    /// `ciphertext` times a matrix encoded at `plaintext_scale`, rescaled, with the keys of [`baby_keys`] and
    /// [`giant_keys`].
    pub(crate) fn sequential_transform(
        &self,
        ciphertext: &Ciphertext,
        giants: &[GiantStep],
        diagonals: &dyn EncodedDiagonals,
        plaintext_scale: Scale,
        steps: BabySteps,
    ) -> Result<Ciphertext, EvaluationError> {
        self.check_rescalable(ciphertext)?;
        let parameters = self.parameters();
        let (level, scale) = (ciphertext.level, ciphertext.scale);
        let mut horner = Horner::new(self, giants);
        {
            let babies = StoredBabies::new(self, ciphertext, giants, steps)?;
            inner_sums(parameters, &babies, &inwards(giants), diagonals, &mut |inner| {
                inner.into_iter().try_for_each(|(rotation, ExtendedPair { c0, c1, .. })| {
                    horner.add(rotation, Ciphertext { level, scale, c0, c1 })
                })
            })?;
        }
        let (c0, c1) = horner.rescaled(level)?;
        let scale = scale.mul(plaintext_scale).div_prime(parameters.prime(level));
        Ok(Ciphertext { level: level - 1, scale, c0, c1 })
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
        assert_eq!(keys(16, 1, BabySteps::Repeated), [1]);
        assert_eq!(keys(16, 1, BabySteps::Ladder), [1, 2, 3, 4, 8, 12]);
        assert_eq!(keys(8, 4, BabySteps::Ladder), [4, 8, 12, 16]);
        assert_eq!(keys(4, 1, BabySteps::Ladder), [1, 2]);
        assert_eq!(keys(2, 1, BabySteps::Ladder), [1]);
        assert_eq!(keys(1, 1, BabySteps::Ladder), []);
        for count in 1..40 {
            for steps in [BabySteps::Ladder, BabySteps::Repeated] {
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
