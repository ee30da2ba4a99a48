//! Fast base conversion, a few rows of all limbs at a time.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_add_pd, _mm512_cvtepu64_pd, _mm512_cvttpd_epu64, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_mul_pd, _mm512_permutex2var_epi64, _mm512_set1_pd, _mm512_setzero_pd,
    _mm512_setzero_si512, _mm512_srli_epi64, _mm512_sub_epi64,
};

use super::lanes::{Factor, Lanes, Row, load, splat, store};
use super::rows::{pad, unpad};
use crate::convert::{ConverterTables, FromPrime, MAX_FROM, ToPrime};

/// Rows per round: the digits of eight limbs fit in the L1 cache with room to spare.
const ROUND: usize = 32;

/// The digits `y_i` of one round and their rounded sum `v`; rows beyond the data are never read.
struct Digits {
    y: [[Row; ROUND]; MAX_FROM],
    v: [Row; ROUND],
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn convert(tables: &ConverterTables, src: &[&[u64]], dst: &mut [&mut [u64]]) {
    let mut digits = Digits { y: [[[0; 8]; ROUND]; MAX_FROM], v: [[0; 8]; ROUND] };
    let n = src[0].len();
    for start in (0..n).step_by(8 * ROUND) {
        let end = n.min(start + 8 * ROUND);
        digits.fill(&tables.from, src, start, end);
        for (dst, to) in dst.iter_mut().zip(&tables.to) {
            let dst = &mut dst[start..end];
            match src.len() {
                1 => digits.combine::<1>(dst, to),
                2 => digits.combine::<2>(dst, to),
                3 => digits.combine::<3>(dst, to),
                4 => digits.combine::<4>(dst, to),
                5 => digits.combine::<5>(dst, to),
                6 => digits.combine::<6>(dst, to),
                // Factors beyond the source basis are zero.
                _ => digits.combine::<MAX_FROM>(dst, to),
            }
        }
    }
}

impl Digits {
    /// Computes the digits of coefficients `start..end`, at most one round.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn fill(&mut self, from: &[FromPrime], src: &[&[u64]], start: usize, end: usize) {
        for (r, start) in (start..end).step_by(8).enumerate() {
            let mut quotient = _mm512_setzero_pd();
            for ((y, limb), from) in self.y.iter_mut().zip(src).zip(from) {
                let x = match limb[start..end].first_chunk() {
                    Some(row) => load(row),
                    None => load(&pad(&limb[start..end])),
                };
                let lanes = Lanes::new(&from.modulus);
                let digit = lanes.finish(lanes.mul_lazy(x, Factor::splat([from.scale, from.scale_shoup])));
                store(&mut y[r], digit);
                // Not fused: the portable code rounds twice.
                let term = _mm512_mul_pd(_mm512_cvtepu64_pd(digit), _mm512_set1_pd(from.reciprocal));
                quotient = _mm512_add_pd(quotient, term);
            }
            store(&mut self.v[r], _mm512_cvttpd_epu64(_mm512_add_pd(quotient, _mm512_set1_pd(0.5))));
        }
    }

    /// Sums the digits of `K` limbs modulo one target prime.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn combine<const K: usize>(&self, dst: &mut [u64], to: &ToPrime) {
        let lanes = Lanes::new(&to.modulus);
        let inverse = splat(to.inverse);
        let corrections = to.corrections.as_chunks().0;
        let corrections = [load(&corrections[0]), load(&corrections[1])];
        let factors = to.factors.map(|factor| splat(factor));
        let row = |r: usize| -> __m512i {
            let mut low = _mm512_permutex2var_epi64(corrections[0], load(&self.v[r]), corrections[1]);
            // Starting at `p` keeps the difference below positive.
            let mut high = lanes.q;
            for (y, &factor) in self.y.iter().zip(&factors).take(K) {
                let digit = load(&y[r]);
                low = _mm512_madd52lo_epu64(low, digit, factor);
                high = _mm512_madd52hi_epu64(high, digit, factor);
            }
            // Montgomery: the low halves of the sum and of `m p` are equal and cancel.
            let zero = _mm512_setzero_si512();
            let m = _mm512_madd52lo_epu64(zero, low, inverse);
            let high = _mm512_add_epi64(high, _mm512_srli_epi64::<52>(low));
            lanes.finish4(_mm512_sub_epi64(high, _mm512_madd52hi_epu64(zero, m, lanes.q)))
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
