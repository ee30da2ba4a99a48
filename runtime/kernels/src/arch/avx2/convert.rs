//! Fast base conversion, a few rows of all limbs at a time.

use std::arch::x86_64::{
    __m256i, _mm256_add_pd, _mm256_floor_pd, _mm256_mul_pd, _mm256_set1_pd, _mm256_setzero_pd,
};

use super::lanes::{Lanes, Row, Words, centred, exact, float, load, load_float, store, store_float};
use super::rows::{pad, unpad};
use super::sum::{FEWEST, Summation};
use crate::convert::{ConverterTables, MAX_FROM, ToPrime};

/// Rows per round: the digits of eight limbs fit in the L1 cache with room to spare.
const ROUND: usize = 64;

/// The digits `y_i` of one round, below `2^bits`, and their rounded sum `v`, as `f64`; rows beyond the data are never
/// read.
struct Digits {
    bits: u32,
    y: [[Row; ROUND]; MAX_FROM],
    v: [Row; ROUND],
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn convert(tables: &ConverterTables, src: &[&[u64]], dst: &mut [&mut [u64]]) {
    let mut digits = Digits { bits: tables.bits, y: [[[0; 4]; ROUND]; MAX_FROM], v: [[0; 4]; ROUND] };
    let targets: Vec<Target<'_>> = tables.to.iter().map(Target::new).collect();
    let n = src[0].len();
    for start in (0..n).step_by(4 * ROUND) {
        let end = n.min(start + 4 * ROUND);
        digits.fill(&tables.reciprocals, src, start, end);
        for (dst, target) in dst.iter_mut().zip(&targets) {
            let dst = &mut dst[start..end];
            match src.len() {
                1 => digits.combine::<1>(dst, target),
                2 => digits.combine::<2>(dst, target),
                3 => digits.combine::<3>(dst, target),
                4 => digits.combine::<4>(dst, target),
                5 => digits.combine::<5>(dst, target),
                6 => digits.combine::<6>(dst, target),
                // Factors beyond the source basis are zero.
                _ => digits.combine::<MAX_FROM>(dst, target),
            }
        }
    }
}

/// One target prime with its factors out of Montgomery form.
struct Target<'a> {
    prime: &'a ToPrime,
    factors: [f64; MAX_FROM],
    /// `-Q`, centred.
    correction: f64,
}

impl<'a> Target<'a> {
    fn new(prime: &'a ToPrime) -> Self {
        let m = &prime.modulus;
        let plain = |x: u64| m.montgomery(u128::from(x), prime.inverse);
        Self {
            prime,
            factors: prime.factors.map(|factor| exact(plain(factor))),
            correction: centred(plain(prime.corrections[1]), m),
        }
    }
}

impl Digits {
    /// Reads the digits of coefficients `start..end`, at most one round.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn fill(&mut self, reciprocals: &[f64], src: &[&[u64]], start: usize, end: usize) {
        for v in &mut self.v {
            store_float(v, _mm256_setzero_pd());
        }
        for ((y, limb), &reciprocal) in self.y.iter_mut().zip(src).zip(reciprocals) {
            let reciprocal = _mm256_set1_pd(reciprocal);
            let (rows, rest) = limb[start..end].as_chunks();
            let last = [pad(rest)];
            let rows = rows.iter().chain(&last[..rest.len().min(1)]);
            for ((y, v), row) in y.iter_mut().zip(&mut self.v).zip(rows) {
                let digit = float(load(row));
                store_float(y, digit);
                // Not fused: the portable code rounds twice.
                let sum = _mm256_add_pd(load_float(v), _mm256_mul_pd(digit, reciprocal));
                store_float(v, sum);
            }
        }
        for v in &mut self.v {
            let rounded = _mm256_floor_pd(_mm256_add_pd(load_float(v), _mm256_set1_pd(0.5)));
            store_float(v, rounded);
        }
    }

    /// Sums the digits of `K` limbs modulo one target prime.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn combine<const K: usize>(&self, dst: &mut [u64], target: &Target<'_>) {
        let summation = Summation::new(&target.prime.modulus, self.bits);
        if K <= summation.terms {
            self.sums::<K, K>(dst, target, summation);
        } else {
            self.sums::<K, FEWEST>(dst, target, summation);
        }
    }

    /// Sums the digits of `K` limbs, reduced after every `TERMS`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sums<const K: usize, const TERMS: usize>(
        &self,
        dst: &mut [u64],
        target: &Target<'_>,
        summation: Summation,
    ) {
        let m = &target.prime.modulus;
        let (lanes, words) = (Lanes::new(m), Words::new(m));
        let correction = _mm256_set1_pd(target.correction);
        let factors = target.factors.map(|factor| _mm256_set1_pd(factor));
        let row = |r: usize| -> __m256i {
            // At most `2^49` times the number of limbs: exact, and for four of them what a sum may start with.
            let mut x = _mm256_mul_pd(load_float(&self.v[r]), correction);
            if K > 4 {
                x = lanes.lower(x);
            }
            for first in (0..K).step_by(TERMS) {
                let mut sum = summation.start(x);
                for (y, &factor) in self.y[first..K].iter().zip(&factors[first..]).take(TERMS) {
                    sum.add(load_float(&y[r]), factor);
                }
                x = summation.finish(sum);
            }
            words.finish(x)
        };
        let (rows, rest) = dst.as_chunks_mut();
        for (r, to) in rows.iter_mut().enumerate() {
            store(to, row(r));
        }
        if !rest.is_empty() {
            let x = row(rows.len());
            unpad(rest, x);
        }
    }
}
