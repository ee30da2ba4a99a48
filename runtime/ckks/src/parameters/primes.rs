//! Choice of the primes.

use std::collections::BTreeMap;

use fhe_math::zq::primes::generate_prime;

use crate::error::ParameterError;

/// Distinct primes of the given sizes, all `1 mod 2N`: for every size the largest primes below `2^bits`, in
/// the order of the list. Deterministic, so that a literal determines its parameters.
///
/// # Errors
///
/// [`ParameterError::NotEnoughPrimes`] if a size runs out.
pub(super) fn choose(log_n: u32, sizes: &[u32]) -> Result<Vec<u64>, ParameterError> {
    let step = 2u64 << log_n;
    let mut bounds = BTreeMap::new();
    sizes
        .iter()
        .map(|&bits| {
            let bound = bounds.entry(bits).or_insert(1u64 << bits);
            let prime = generate_prime(bits as usize, step, *bound).ok_or_else(|| {
                let wanted = sizes.iter().filter(|&&other| other == bits).count();
                ParameterError::NotEnoughPrimes { bits, wanted }
            })?;
            *bound = prime;
            Ok(prime)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_distinct_sized_and_ntt_friendly() {
        let sizes = [40, 28, 28, 31, 31, 31, 40, 40, 48, 48, 48];
        let primes = choose(15, &sizes).unwrap();
        for (i, (&q, &bits)) in primes.iter().zip(&sizes).enumerate() {
            assert_eq!(q % (1 << 16), 1);
            assert_eq!(64 - q.leading_zeros(), bits);
            assert!(!primes[..i].contains(&q));
            assert!((q as f64).log2() > f64::from(bits) - 0.02, "{q} is far from 2^{bits}");
        }
    }

    #[test]
    fn running_out_of_primes_is_an_error() {
        assert!(matches!(choose(15, &[18; 5]), Err(ParameterError::NotEnoughPrimes { bits: 18, wanted: 5 })));
    }
}
