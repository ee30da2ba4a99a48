//! Polynomials whose even part repeats.
//!
//! Slots of a short period, multiplied by one factor in the first half of all slots and by another in the second, are the
//! sum of a part of that period and of one that changes its sign half the slots away. The first is a polynomial in a high
//! power of `X`, the second is odd: `p = a(X^g) + X b(X^2)`, of which only `b` needs a long transform, and that has half
//! the length of `p`.

use super::packed::Packed;
use crate::parameters::{RingPrime, SHORTEST};

/// Least distance of the even coefficients for which it pays.
const LEAST_GAP: usize = 16;

/// Values that are worked on at a time.
const BLOCK: usize = 128;

/// Even and odd coefficients of a polynomial, the even ones without most that are zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parities {
    even: Packed,
    odd: Packed,
}

impl Parities {
    /// `None` unless the even coefficients are all zero but for multiples of [`LEAST_GAP`].
    pub(super) fn new(values: &[i64]) -> Option<Self> {
        let n = values.len();
        let even = values.iter().enumerate().step_by(2).skip(1);
        let gaps = even.filter(|(_, value)| **value != 0).map(|(index, _)| 1 << index.trailing_zeros());
        let gap = gaps.min().unwrap_or(n).min(n / SHORTEST);
        if gap < LEAST_GAP {
            return None;
        }
        let part = |first: usize, step: usize| -> Vec<i64> {
            values.iter().skip(first).step_by(step).copied().collect()
        };
        Some(Self { even: Packed::new(&part(0, gap)), odd: Packed::new(&part(1, 2)) })
    }

    /// Number of coefficients of the polynomial.
    pub(super) fn len(&self) -> usize {
        2 * self.odd.len()
    }

    /// Bytes of the coefficients.
    pub(super) fn size_in_bytes(&self) -> usize {
        self.even.size_in_bytes() + self.odd.size_in_bytes()
    }

    /// The transform of the polynomial modulo a prime: at positions `2k` and `2k + 1` the sum and the difference of both
    /// parts at the former.
    pub(super) fn transform(&self, prime: &RingPrime, out: &mut [u64]) {
        let m = &prime.modulus;
        let half = self.odd.len();
        assert_eq!(out.len(), 2 * half, "one value per coefficient");
        let mut even = vec![0; self.even.len()];
        self.even.reduce(m, &mut even);
        prime.transform(even.len()).forward(&mut even);
        let odd = &mut out[half..];
        self.odd.reduce(m, odd);
        prime.transform(half).forward(odd);
        fhecc_kernels::mul_assign(odd, prime.roots(2 * half), m);
        // What is read lies behind what is written, up to the last block, which is both.
        let repeated = half / even.len();
        let block = BLOCK.min(repeated);
        let mut values = [0; BLOCK];
        for start in (0..half).step_by(block) {
            let values = &mut values[..block];
            values.copy_from_slice(&out[half + start..][..block]);
            let sum = even[start / repeated];
            fhecc_kernels::sums_and_differences(&mut out[2 * start..][..2 * block], sum, values, m);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::tiny_for_tests;

    #[test]
    fn transforms_are_those_of_all_coefficients() {
        let parameters = tiny_for_tests(10, 50);
        for (n, gap) in [(1024, 16), (1024, 64), (512, 32), (1024, 1024), (256, 128)] {
            let value = |j: usize| ((j * j * 7_919 + 31 * j + 5) % 2_000_003) as i64 - 1_000_001;
            let kept = |j: usize| j % 2 == 1 || j.is_multiple_of(gap);
            let values: Vec<i64> = (0..n).map(|j| if kept(j) { value(j) } else { 0 }).collect();
            let parities = Parities::new(&values).expect("far enough apart");
            assert_eq!(parities.len(), n);
            assert!(parities.size_in_bytes() < Packed::new(&values).size_in_bytes() * 5 / 8);
            for prime in parameters.all_primes() {
                let (mut want, mut found) = (vec![0; n], vec![1; n]);
                fhecc_kernels::from_i64(&mut want, &values, &prime.modulus);
                prime.transform(n).forward(&mut want);
                parities.transform(prime, &mut found);
                assert_eq!(found, want, "{n}, {gap}");
            }
        }
        let dense: Vec<i64> = (0..1024).map(|j| i64::from(j % 8 == 0)).collect();
        assert_eq!(Parities::new(&dense), None);
        assert_eq!(Parities::new(&[1; 128]), None);
    }
}
