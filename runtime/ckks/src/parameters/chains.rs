//! Which limbs a polynomial has at which level.

use std::ops::Range;

use super::ParametersLiteral;

/// Where in the list of primes the limbs of every level are.
///
/// The list is `base | slots_to_coeffs | compute | input | raised | eval_mod | coeffs_to_slots`. Without raised primes all
/// of it is one chain. With them, those up to `input` are the chain of the levels up to [`Chains::computation_top`], and
/// those from `raised` on that of the levels above.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chains {
    computation_top: usize,
    raised: usize,
    levels: usize,
}

impl Chains {
    pub(super) fn new(literal: &ParametersLiteral) -> Self {
        let raised = literal.raised_bits.len();
        let computation_top = literal.compute_top_level() + literal.input_bits.len();
        Self { computation_top, raised, levels: literal.chain_bits().count() - raised }
    }

    /// The number of levels.
    pub(super) fn levels(&self) -> usize {
        self.levels
    }

    /// The highest level without primes that only a bootstrap has.
    pub(super) fn computation_top(&self) -> usize {
        self.computation_top
    }

    /// The limbs at `level`.
    pub(super) fn limbs(&self, level: usize) -> Range<usize> {
        assert!(level < self.levels, "level {level} of {}", self.levels);
        if self.lowest_level(level) == 0 {
            0..level + 1
        } else {
            self.computation_top + 1..level + 1 + self.raised
        }
    }

    /// The lowest level with limbs of the same chain.
    pub(super) fn lowest_level(&self, level: usize) -> usize {
        if self.raised == 0 || level <= self.computation_top { 0 } else { self.computation_top + 1 }
    }
}
