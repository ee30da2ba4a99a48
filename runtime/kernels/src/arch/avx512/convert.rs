//! Fast base conversion, a few rows of all limbs at a time.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_add_pd, _mm512_cvtepu64_pd, _mm512_cvttpd_epu64, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_mul_pd, _mm512_permutex2var_epi64, _mm512_set1_pd, _mm512_setzero_pd,
    _mm512_setzero_si512, _mm512_srli_epi64, _mm512_sub_epi64,
};

use super::lanes::{Lanes, load, splat, store};
use super::rows::{pad, unpad};
use crate::convert::{ConverterTables, MAX_FROM, ToPrime};

/// Rows per round: the digits of eight limbs fit in the L1 cache with room to spare.
const ROUND: usize = 32;

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn convert(tables: &ConverterTables, src: &[&[u64]], dst: &mut [&mut [u64]]) {
    match src.len() {
        1 => convert_from::<1>(tables, src, dst),
        2 => convert_from::<2>(tables, src, dst),
        3 => convert_from::<3>(tables, src, dst),
        4 => convert_from::<4>(tables, src, dst),
        5 => convert_from::<5>(tables, src, dst),
        6 => convert_from::<6>(tables, src, dst),
        7 => convert_from::<7>(tables, src, dst),
        _ => convert_from::<MAX_FROM>(tables, src, dst),
    }
}

/// The same, from `K` limbs.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn convert_from<const K: usize>(tables: &ConverterTables, src: &[&[u64]], dst: &mut [&mut [u64]]) {
    let n = src[0].len();
    let mut quotients = [[0; 8]; ROUND];
    for start in (0..n).step_by(8 * ROUND) {
        let end = n.min(start + 8 * ROUND);
        let digits: [&[u64]; K] = std::array::from_fn(|k| &src[k][start..end]);
        let (rows, rest) =
            (digits.map(|limb| limb.as_chunks().0), digits.map(|limb| pad(limb.as_chunks::<8>().1)));
        let whole = rows[0].len();
        for (r, quotient) in quotients.iter_mut().take((end - start).div_ceil(8)).enumerate() {
            let y = std::array::from_fn(|k| load(if r < whole { &rows[k][r] } else { &rest[k] }));
            store(quotient, rounded_sum::<K>(y, &tables.reciprocals));
        }
        for (dst, to) in dst.iter_mut().zip(&tables.to) {
            let target = Target::new(to);
            let (out, tail) = dst[start..end].as_chunks_mut();
            for (r, out) in out.iter_mut().enumerate() {
                let y = std::array::from_fn(|k| load(&rows[k][r]));
                store(out, target.combine::<K>(y, load(&quotients[r])));
            }
            if !tail.is_empty() {
                let y = std::array::from_fn(|k| load(&rest[k]));
                unpad(tail, target.combine::<K>(y, load(&quotients[whole])));
            }
        }
    }
}

/// `v`, the rounded sum of the digits over their primes.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn rounded_sum<const K: usize>(y: [__m512i; K], reciprocals: &[f64]) -> __m512i {
    let mut quotient = _mm512_setzero_pd();
    for (digit, &reciprocal) in y.into_iter().zip(reciprocals) {
        // Not fused: the portable code rounds twice.
        let term = _mm512_mul_pd(_mm512_cvtepu64_pd(digit), _mm512_set1_pd(reciprocal));
        quotient = _mm512_add_pd(quotient, term);
    }
    _mm512_cvttpd_epu64(_mm512_add_pd(quotient, _mm512_set1_pd(0.5)))
}

/// One target prime.
#[derive(Clone, Copy)]
struct Target {
    lanes: Lanes,
    inverse: __m512i,
    factors: [__m512i; MAX_FROM],
    corrections: [__m512i; 2],
}

impl Target {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(to: &ToPrime) -> Self {
        let corrections = to.corrections.as_chunks().0;
        Self {
            lanes: Lanes::new(&to.modulus),
            inverse: splat(to.inverse),
            factors: to.factors.map(|factor| splat(factor)),
            corrections: [load(&corrections[0]), load(&corrections[1])],
        }
    }

    /// The sum of the digits of `K` limbs modulo the prime.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn combine<const K: usize>(&self, y: [__m512i; K], v: __m512i) -> __m512i {
        let mut low = _mm512_permutex2var_epi64(self.corrections[0], v, self.corrections[1]);
        // Starting at `p` keeps the difference below positive.
        let mut high = self.lanes.q;
        for (digit, &factor) in y.into_iter().zip(&self.factors) {
            low = _mm512_madd52lo_epu64(low, digit, factor);
            high = _mm512_madd52hi_epu64(high, digit, factor);
        }
        // Montgomery: the low halves of the sum and of `m p` are equal and cancel.
        let zero = _mm512_setzero_si512();
        let m = _mm512_madd52lo_epu64(zero, low, self.inverse);
        let high = _mm512_add_epi64(high, _mm512_srli_epi64::<52>(low));
        self.lanes.finish4(_mm512_sub_epi64(high, _mm512_madd52hi_epu64(zero, m, self.lanes.q)))
    }
}
