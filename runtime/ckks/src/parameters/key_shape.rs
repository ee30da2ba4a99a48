//! How many special primes a key may have, and should have.
//!
//! A key for level `l` with `k` special primes is encrypted modulo `Q_l P_k`, and the security table bounds that
//! modulus. The lower the level, the more special primes fit, and the fewer digits a key needs.

use super::chains::Chains;
use super::{Parameters, RingPrime};
use crate::security;

/// By how many bits the special primes should exceed a digit: the noise of a key switch, `sqrt(N) sigma` times
/// digit over special primes, must stay below the rounding error `sqrt(N/18)` of the division that follows.
const MARGIN_BITS: f64 = 4.0;

impl Parameters {
    /// The largest number of special primes of a key for this level within the 128-bit table. Sets that are not
    /// within the table at all, made with [`Parameters::insecure_for_tests`], have no bound.
    ///
    /// # Panics
    ///
    /// If `level` is above [`Parameters::max_level`].
    pub fn max_special_count(&self, level: usize) -> usize {
        self.inner.special_counts[level]
    }

    /// The number of special primes that makes the smallest keys for this level without adding noise.
    ///
    /// # Panics
    ///
    /// If `level` is above [`Parameters::max_level`].
    pub fn best_special_count(&self, level: usize) -> usize {
        let log2 =
            |primes: &[RingPrime]| primes.iter().map(|p| (p.modulus.value() as f64).log2()).sum::<f64>();
        let all = self.max_special_count(level);
        let rows = |count: usize| -> Option<usize> {
            let digits = self.digits(level, count)?;
            let room = log2(&self.special_moduli()[..count]) - MARGIN_BITS;
            let quiet = digits.iter().all(|digit| log2(&self.moduli_at(level)[digit.clone()]) <= room);
            quiet.then_some(digits.len() * (self.limbs_at(level) + count))
        };
        (1..=all).filter_map(|count| Some((rows(count)?, count))).min().map_or(all, |(_, count)| count)
    }
}

/// For each level the largest number of special primes, and `log2` of the modulus of the largest key.
///
/// If the highest level has no room for even one special prime, or the degree is not in the table, keys may have
/// all: such a set is known by its modulus to be insecure.
pub(super) fn key_moduli(log_n: u32, chains: &Chains, primes: &[u64], special: &[u64]) -> (Vec<usize>, f64) {
    let log2 = |primes: &[u64]| primes.iter().map(|&q| (q as f64).log2()).sum::<f64>();
    let modulus = |level: usize, count: usize| log2(&primes[chains.limbs(level)]) + log2(&special[..count]);
    let limit = security::max_log_qp_128(log_n).map_or(0.0, f64::from);
    let within = |level: usize| (1..=special.len()).rev().find(|&count| modulus(level, count) <= limit);
    let counts: Option<Vec<usize>> = (0..chains.levels()).map(within).collect();
    let counts = counts.unwrap_or_else(|| vec![special.len(); chains.levels()]);
    let largest = counts.iter().enumerate().map(|(level, &count)| modulus(level, count)).fold(0.0, f64::max);
    (counts, largest)
}

#[cfg(test)]
mod tests {
    use crate::{ParameterError, Parameters, ParametersLiteral};

    #[test]
    fn lower_levels_have_room_for_more_special_primes() {
        let literal =
            ParametersLiteral { special_bits: vec![48, 49, 49, 49, 49, 49], ..ParametersLiteral::b5() };
        let literal = ParametersLiteral {
            slots_to_coeffs_bits: vec![28; 2],
            merged_bits: vec![],
            input_bits: vec![],
            raised_bits: vec![],
            ..literal
        };
        let parameters = Parameters::new(literal).unwrap();
        let counts: Vec<_> = (14..=18).map(|level| parameters.max_special_count(level)).collect();
        assert_eq!(counts, [6, 6, 5, 4, 3]);
        assert!(parameters.log_qp() <= 868.0);
        assert!(parameters.digits(18, 4).is_none(), "a key outside the table");
        assert_eq!(parameters.digits(16, 5).map(|digits| digits.len()), Some(3));
        let best: Vec<_> =
            [1, 2, 3, 15, 16, 17, 18].map(|level| parameters.best_special_count(level)).to_vec();
        assert_eq!(best, [2, 3, 3, 5, 5, 4, 3]);
    }

    #[test]
    fn a_chain_without_room_for_a_special_prime_is_refused() {
        let literal = ParametersLiteral { eval_mod_bits: vec![40; 13], ..ParametersLiteral::b5() };
        assert!(matches!(Parameters::new(literal), Err(ParameterError::Insecure { .. })));
    }
}
