//! Which limbs a polynomial has at which level.

use std::ops::Range;

use super::ParametersLiteral;

/// Where in the list of primes the limbs of every level are.
///
/// The list is that of [`ParametersLiteral::chain_bits`]. Up to three chains share it: that of the lowest levels, which
/// is all there is without merged and raised primes; from the level of a bootstrap's input on, the one that begins with
/// the merged primes; above [`Chains::computation_top`], the one that begins with the raised ones.
#[derive(Clone, Debug)]
pub(super) struct Chains {
    /// The lowest first.
    chains: Vec<Chain>,
    computation_top: usize,
    levels: usize,
}

#[derive(Clone, Debug)]
struct Chain {
    lowest_level: usize,
    /// The limbs at that level.
    limbs: Range<usize>,
}

impl Chains {
    pub(super) fn new(literal: &ParametersLiteral) -> Self {
        let [merged, raised] = [&literal.merged_bits, &literal.raised_bits].map(Vec::len);
        let computation_top = literal.compute_top_level() + literal.input_bits.len();
        let above = literal.eval_mod_bits.len() + literal.coeffs_to_slots_bits.len();
        let mut chains = vec![Chain { lowest_level: 0, limbs: 0..1 }];
        if merged > 0 {
            // As many primes below as levels.
            let level = literal.slots_to_coeffs_bits.len();
            chains.push(Chain { lowest_level: level, limbs: level..level + merged });
        }
        if raised > 0 {
            let below = literal.chain_bits().count() - raised - above;
            chains.push(Chain { lowest_level: computation_top + 1, limbs: below..below + raised + 1 });
        }
        Self { chains, computation_top, levels: computation_top + 1 + above }
    }

    /// The number of levels.
    pub(super) fn levels(&self) -> usize {
        self.levels
    }

    /// The highest level without primes that only a bootstrap has.
    pub(super) fn computation_top(&self) -> usize {
        self.computation_top
    }

    fn at(&self, level: usize) -> &Chain {
        assert!(level < self.levels, "level {level} of {}", self.levels);
        let above = self.chains.partition_point(|chain| chain.lowest_level <= level);
        &self.chains[above - 1]
    }

    /// The limbs at `level`.
    pub(super) fn limbs(&self, level: usize) -> Range<usize> {
        let Chain { lowest_level, limbs } = self.at(level);
        limbs.start..limbs.end + level - lowest_level
    }

    /// The lowest level with limbs of the same chain.
    pub(super) fn lowest_level(&self, level: usize) -> usize {
        self.at(level).lowest_level
    }
}
