//! Secret distributions, sampled without branches or memory accesses that depend on the samples.

use std::sync::OnceLock;

use fhecc_ckks::security::ERROR_STANDARD_DEVIATION;
use rand_chacha::rand_core::RngCore;

/// Largest magnitude of an error: further out the density is below `2^-60` and the table ends.
const TAIL: usize = 29;

/// Fills `out` with the centred discrete Gaussian of standard deviation 3.19.
///
/// A 63-bit uniform number is compared with every entry of the cumulative table of `|x|`, the 64th bit is the
/// sign. The table is computed in doubles: probabilities are off by less than `2^-52`.
pub(crate) fn gaussian(rng: &mut impl RngCore, out: &mut [i64]) {
    let thresholds = thresholds();
    for out in out {
        let word = rng.next_u64();
        let (uniform, sign) = (word >> 1, (word & 1) as i64);
        // The difference wraps around, and so has its top bit set, when uniform >= threshold.
        let magnitude: u64 = thresholds.iter().map(|t| t.wrapping_sub(uniform).wrapping_sub(1) >> 63).sum();
        *out = (magnitude as i64 ^ -sign) + sign;
    }
}

/// Entry `k` is `2^63 P(|x| <= k)`.
fn thresholds() -> &'static [u64; TAIL] {
    static TABLE: OnceLock<[u64; TAIL]> = OnceLock::new();
    TABLE.get_or_init(|| {
        let variance = ERROR_STANDARD_DEVIATION * ERROR_STANDARD_DEVIATION;
        let density = |k: usize| (-((k * k) as f64) / (2.0 * variance)).exp();
        let total = 1.0 + 2.0 * (1..=TAIL).map(density).sum::<f64>();
        let mut cumulative = 0.0;
        std::array::from_fn(|k| {
            cumulative += if k == 0 { density(0) } else { 2.0 * density(k) };
            let probability = (cumulative / total).min(1.0);
            ((probability * (1u64 << 63) as f64) as u64).min((1 << 63) - 1)
        })
    })
}

/// Fills `out` with uniform values of -1, 0 and 1 (up to a bias of `2^-62`).
pub(crate) fn ternary(rng: &mut impl RngCore, out: &mut [i64]) {
    for out in out {
        *out = ((u128::from(rng.next_u64()) * 3) >> 64) as i64 - 1;
    }
}

/// Fills `out` with a uniform choice of `weight` signs among zeros (up to a bias of `2^-45`).
///
/// Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S): position `i` is taken with probability
/// (still needed) / (still left), one pass over all positions whatever is taken.
///
/// # Panics
///
/// If there are fewer positions than `weight`.
pub(crate) fn sparse(rng: &mut impl RngCore, weight: usize, out: &mut [i64]) {
    assert!(weight <= out.len(), "{weight} signs among {} positions", out.len());
    let mut needed = weight as u64;
    let mut left = out.len() as u64;
    for out in out {
        let ticket = ((u128::from(rng.next_u64()) * u128::from(left)) >> 64) as u64;
        let taken = ticket.wrapping_sub(needed) >> 63;
        let sign = (rng.next_u64() & 1) as i64;
        *out = taken as i64 * (1 - 2 * sign);
        needed -= taken;
        left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn gaussian_moments_and_frequencies() {
        let mut samples = vec![0; 1 << 18];
        gaussian(&mut ChaCha20Rng::from_seed([3; 32]), &mut samples);
        let count = samples.len() as f64;
        let mean = samples.iter().sum::<i64>() as f64 / count;
        let variance = samples.iter().map(|x| x * x).sum::<i64>() as f64 / count;
        // Standard deviations: 3.19 / 512 = 0.006 for the mean, 3.19^2 sqrt(2) / 512 = 0.028 for the variance.
        assert!(mean.abs() < 0.035, "{mean}");
        assert!((variance - 3.19 * 3.19).abs() < 0.15, "{variance}");
        assert!(samples.iter().all(|x| x.unsigned_abs() < 7 * 3));
        let share = |k: i64| samples.iter().filter(|&&x| x == k).count() as f64 / count;
        let density =
            |k: f64| (-k * k / (2.0 * 3.19 * 3.19)).exp() / (3.19 * (2.0 * std::f64::consts::PI).sqrt());
        for k in [-6, -1, 0, 1, 6] {
            assert!((share(k) / density(k as f64) - 1.0).abs() < 0.06, "{k}: {}", share(k));
        }
    }

    #[test]
    fn thresholds_increase_and_end_near_certainty() {
        let table = thresholds();
        assert!(table.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(table[TAIL - 1] >= (1 << 63) - (1 << 11));
    }

    #[test]
    fn ternary_is_uniform_and_sparse_has_its_weight() {
        let mut rng = ChaCha20Rng::from_seed([4; 32]);
        let mut out = vec![0; 30_000];
        ternary(&mut rng, &mut out);
        for value in -1..=1 {
            let share = out.iter().filter(|&&x| x == value).count() as f64 / 30_000.0;
            assert!((share - 1.0 / 3.0).abs() < 0.015, "{value}: {share}");
        }
        for weight in [0, 1, 32, 1024] {
            let mut out = vec![0; 1024];
            sparse(&mut rng, weight, &mut out);
            assert_eq!(out.iter().filter(|&&x| x != 0).count(), weight);
            assert!(out.iter().all(|x| x.abs() <= 1));
        }
    }

    #[test]
    fn sparse_positions_are_spread_evenly() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let mut hits = [0u32; 16];
        for _ in 0..4000 {
            let mut out = [0; 16];
            sparse(&mut rng, 4, &mut out);
            for (hit, x) in hits.iter_mut().zip(out) {
                *hit += u32::from(x != 0);
            }
        }
        // Mean 1000, standard deviation sqrt(4000 * 3/16) = 27.
        assert!(hits.iter().all(|&hit| (850..1150).contains(&hit)), "{hits:?}");
    }
}
