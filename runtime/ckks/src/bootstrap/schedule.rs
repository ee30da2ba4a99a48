//! Which rotations, levels and key shapes each linear stage of a bootstrap uses.

use std::collections::BTreeSet;

use super::dft::split_levels;
use super::raise::RAISE_SPECIAL_COUNT;
use crate::linear::{
    BabySteps, GiantStep, baby_keys, baby_rotations, giant_keys, split_rotations, storing_pays,
};
use crate::parameters::{BootstrapRotations, Parameters};

/// The five-or-so linear stages in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BootstrapStage {
    /// Slots to coefficients, matrix `0 ..`.
    SlotsToCoeffs(usize),
    /// Coefficients to slots, matrix `0 ..`; the first one is fused with the raise of the modulus.
    CoeffsToSlots(usize),
}

/// Rotations and level of one linear stage.
#[derive(Clone, Debug)]
pub(crate) struct StageSchedule {
    pub(crate) stage: BootstrapStage,
    /// The level of its input.
    pub(crate) level: usize,
    /// For the last matrix the rotation of the trace, by half the slots: it is added to the input before.
    pub(crate) trace: Option<i32>,
    pub(crate) giants: Vec<GiantStep>,
    /// Special primes of its rotation keys.
    pub(crate) special_count: usize,
    /// How its babies are made.
    pub(crate) steps: BabySteps,
}

impl StageSchedule {
    /// The rotations for which the stage needs ordinary keys.
    pub(crate) fn key_rotations(&self) -> BTreeSet<i32> {
        // The babies of the fused stage have keys of their own.
        let fused = self.stage == BootstrapStage::CoeffsToSlots(0);
        let mut all = giant_keys(&self.giants);
        if !fused {
            all.extend(baby_keys(&self.giants, self.steps));
        }
        all.extend(self.trace);
        all.remove(&0);
        all
    }

    /// Whether its babies are made and divided by the special primes before they are used.
    pub(super) fn stores_babies(&self, parameters: &Parameters) -> bool {
        let limbs = parameters.limbs_at(self.level);
        if self.stage == BootstrapStage::CoeffsToSlots(0) {
            baby_rotations(&self.giants).len() < self.giants.len()
        } else {
            self.steps == BabySteps::Repeated || storing_pays(&self.giants, limbs, self.special_count)
        }
    }

    /// Special primes for which its plaintexts are needed.
    pub(super) fn plaintext_special_count(&self, parameters: &Parameters) -> usize {
        match (self.stores_babies(parameters), self.stage) {
            (true, _) => 0,
            (false, BootstrapStage::CoeffsToSlots(0)) => RAISE_SPECIAL_COUNT,
            (false, _) => self.special_count,
        }
    }
}

/// The schedules of all stages, in order of evaluation.
pub(crate) fn schedules(parameters: &Parameters) -> Vec<StageSchedule> {
    let half = parameters.slots() / 2;
    let levels = half.ilog2() as usize;
    let literal = parameters.literal();
    let rotations = literal.bootstrap.map(|bootstrap| bootstrap.rotations).unwrap_or_default();
    let steps = match rotations {
        BootstrapRotations::Hoisted => BabySteps::Hoisted,
        BootstrapRotations::Ladder => BabySteps::Ladder,
        BootstrapRotations::Minimal => BabySteps::Repeated,
    };
    let mut schedules = Vec::new();
    let stc = literal.slots_to_coeffs_bits.len();
    let mut first = 0;
    for (part, count) in split_levels(levels, stc, false).into_iter().enumerate() {
        let span = balanced_span(first, count, levels, steps);
        let level = stc - part;
        schedules.push(StageSchedule {
            stage: BootstrapStage::SlotsToCoeffs(part),
            level,
            trace: None,
            giants: giants(first, count, levels, span),
            special_count: parameters.best_special_count(level),
            steps,
        });
        first += count;
    }
    let cts = literal.coeffs_to_slots_bits.len();
    let mut last = levels;
    for (part, count) in split_levels(levels, cts, true).into_iter().enumerate() {
        let span = if part == 0 {
            fused_span(count, rotations)
        } else {
            balanced_span(last - count, count, levels, steps)
        };
        let level = parameters.max_level() - part;
        schedules.push(StageSchedule {
            stage: BootstrapStage::CoeffsToSlots(part),
            level,
            trace: (part + 1 == cts).then_some(half as i32),
            giants: giants(last - count, count, levels, span),
            special_count: parameters.best_special_count(level),
            steps,
        });
        last -= count;
    }
    schedules
}

/// Number of babies of the fused stage. They are cheap, without digits, but take a key each: where time counts, one
/// giant rotation is left.
fn fused_span(count: usize, rotations: BootstrapRotations) -> i32 {
    let fewer = match rotations {
        BootstrapRotations::Hoisted => 1,
        BootstrapRotations::Ladder => 2,
        BootstrapRotations::Minimal => 3,
    };
    1 << count.saturating_sub(fewer)
}

/// Number of babies that makes about as many giants, or half as many where babies are cheaper because they share
/// decompositions, or twice as many where they are rounded more and more.
fn balanced_span(first: usize, count: usize, levels: usize, steps: BabySteps) -> i32 {
    let log_diagonals = count + usize::from(first + count < levels);
    1 << match steps {
        BabySteps::Hoisted | BabySteps::Ladder => log_diagonals.div_ceil(2),
        BabySteps::Repeated => (log_diagonals / 2).max(1),
    }
}

/// The schedule for the product of the DFT levels with half-lengths `2^first .. 2^(first + count - 1)` of
/// `levels`, with babies in multiples of `2^first` below `span * 2^first`.
fn giants(first: usize, count: usize, levels: usize, span: i32) -> Vec<GiantStep> {
    split_rotations(&rotations(first, count, levels), span << first)
}

/// The rotations of such a product between [`turns`].
///
/// Butterflies reach as far to the left as to the right: without turns, the rotations are `2^first` times
/// `1 - 2^count ..= 2^count - 1`. The turns add `2^count`, or one less to a group between two others. Half a turn of
/// the slots to the left and to the right coincide, which halves the number of diagonals of the group with the longest
/// butterflies: it has all multiples, whatever is added.
fn rotations(first: usize, count: usize, levels: usize) -> BTreeSet<i32> {
    let reach = 1 << count;
    let range = match (first, first + count == levels) {
        (_, true) => 0..reach,
        (0, false) => 1..2 * reach,
        _ => 0..2 * reach - 1,
    };
    range.map(|k| k << first).collect()
}

/// By how much the vector is turned before and after each group of `counts` levels, with the shortest butterflies
/// first.
///
/// A matrix between turns, see [`super::matrix::DiagonalMatrix::between_turns`], has its diagonals at other rotations,
/// and what one matrix turns the next one takes back at no cost. These turns leave rotations to the left only, so that
/// giant steps by Horner's rule need one key. Between two groups it is the distance of the longer butterflies, a
/// multiple of that of the shorter ones.
pub(super) fn turns(counts: &[usize]) -> Vec<i32> {
    let mut first = 0;
    let inner = counts.iter().take(counts.len().saturating_sub(1)).map(|count| {
        first += count;
        1 << first
    });
    std::iter::once(0).chain(inner).chain(std::iter::once(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::dft::{coeffs_to_slots, slots_to_coeffs};
    use super::super::matrix::DiagonalMatrix;
    use super::*;
    use crate::parameters::BootstrapLiteral;

    #[test]
    fn rotations_are_those_of_the_matrices_to_the_left_and_below_half_a_turn() {
        for (levels, stc, cts) in [(10, 2, 3), (9, 3, 4), (4, 4, 2), (2, 2, 2), (5, 1, 1)] {
            let found =
                |matrix: &DiagonalMatrix| matrix.diagonals().keys().copied().collect::<BTreeSet<i32>>();
            let mut first = 0;
            let counts = split_levels(levels, stc, false);
            for (matrix, count) in slots_to_coeffs(1 << levels, stc, 1.0).iter().zip(counts) {
                assert_eq!(found(matrix), rotations(first, count, levels), "{levels} {stc}");
                first += count;
            }
            let mut last = levels;
            let counts = split_levels(levels, cts, true);
            for (matrix, count) in coeffs_to_slots(1 << levels, cts, 1.0).iter().zip(counts) {
                last -= count;
                assert_eq!(found(matrix), rotations(last, count, levels), "{levels} {cts}");
                assert!(found(matrix).iter().all(|rotation| (0..1 << levels).contains(rotation)));
            }
        }
    }

    #[test]
    fn the_default_profile_has_few_rotations() {
        use BootstrapRotations::{Hoisted, Ladder, Minimal};
        let literal = crate::ParametersLiteral::b5();
        let fewer = [(2, 8, 16), (1, 8, 16), (22, 4, 8), (21, 4, 8), (20, 4, 8)];
        for (rotations, shapes, keys) in [
            (Hoisted, [(2, 16, 8), (1, 16, 8), (22, 16, 2), (21, 8, 4), (20, 8, 4)], [16, 16, 1, 8, 9]),
            (Ladder, [(2, 16, 8), (1, 16, 8), (22, 8, 4), (21, 8, 4), (20, 8, 4)], [7, 7, 1, 5, 6]),
            (Minimal, fewer, [2, 2, 1, 2, 3]),
        ] {
            let bootstrap = literal.bootstrap.map(|bootstrap| BootstrapLiteral { rotations, ..bootstrap });
            let parameters =
                Parameters::new(crate::ParametersLiteral { bootstrap, ..literal.clone() }).unwrap();
            let shape = |stage: &StageSchedule| {
                (stage.level, baby_rotations(&stage.giants).len(), stage.giants.len())
            };
            let schedules = schedules(&parameters);
            assert_eq!(schedules.iter().map(shape).collect::<Vec<_>>(), shapes);
            assert_eq!(
                schedules.iter().map(|stage| stage.special_count).collect::<Vec<_>>(),
                [2, 2, 3, 4, 5]
            );
            assert_eq!(schedules.iter().map(|stage| stage.key_rotations().len()).collect::<Vec<_>>(), keys);
        }
    }

    /// Every baby must be the next multiple of their distance, in any ring and however the levels are split.
    #[test]
    fn babies_are_evenly_spaced_from_the_input_on() {
        for levels in 1..8 {
            for first in 0..levels {
                for count in 1..=levels - first {
                    for steps in [BabySteps::Hoisted, BabySteps::Repeated] {
                        let span = balanced_span(first, count, levels, steps);
                        let babies = baby_rotations(&giants(first, count, levels, span));
                        let want: Vec<i32> = (0..babies.len() as i32).map(|k| k << first).collect();
                        assert_eq!(babies, want, "{first} {count} {levels} {steps:?}");
                    }
                }
            }
        }
    }
}
