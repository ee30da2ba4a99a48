//! Inner products: unreduced sums in registers, one reduction per result.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_setzero_si512,
    _mm512_srli_epi64,
};

use super::lanes::{Factor, Lanes, load, store};
use super::rows::{pad, unpad};
use crate::Modulus;

/// Terms between reductions: 15 high halves below `2^48`, and a carry, stay below `2^52`.
const TERMS: usize = 15;

/// Rows done together: enough independent sums to keep both multipliers busy, and whole prefetches per term.
const TOGETHER: usize = 4;

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn dot(dst: &mut [u64], a: &[&[u64]], b: &[&[u64]], m: &Modulus) {
    dots([dst], a, [b], m);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn dot2(
    dst0: &mut [u64],
    dst1: &mut [u64],
    a: &[&[u64]],
    k0: &[&[u64]],
    k1: &[&[u64]],
    m: &Modulus,
) {
    dots([dst0, dst1], a, [k0, k1], m);
}

/// `dst[j] = sum_k a[k] * b[j][k]`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn dots<const J: usize>(dst: [&mut [u64]; J], a: &[&[u64]], b: [&[&[u64]]; J], m: &Modulus) {
    let reduction = Reduction::new(m);
    let n = dst[0].len();
    let whole = n - n % (8 * TOGETHER);
    for start in (0..whole).step_by(8 * TOGETHER) {
        let sums = reduction.sums(a, b, |term| {
            let rows = term[start..][..8 * TOGETHER].as_chunks().0;
            [load(&rows[0]), load(&rows[1]), load(&rows[2]), load(&rows[3])]
        });
        for (j, sums) in sums.into_iter().enumerate() {
            for (row, sum) in dst[j][start..][..8 * TOGETHER].as_chunks_mut().0.iter_mut().zip(sums) {
                store(row, sum);
            }
        }
    }
    for start in (whole..n).step_by(8) {
        let end = n.min(start + 8);
        let sums = reduction.sums(a, b, |term| [load(&pad(&term[start..end]))]);
        for (j, [sum]) in sums.into_iter().enumerate() {
            unpad(&mut dst[j][start..end], sum);
        }
    }
}

/// The sum of the low, and of the high halves of products.
#[derive(Clone, Copy)]
struct Halves {
    low: __m512i,
    high: __m512i,
}

/// What bringing a sum back to one canonical value takes.
#[derive(Clone, Copy)]
struct Reduction {
    lanes: Lanes,
    radix: Factor,
}

impl Reduction {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(m: &Modulus) -> Self {
        Self { lanes: Lanes::new(m), radix: Factor::radix(m) }
    }

    /// `R` rows of each sum; `rows` reads them from a term.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn sums<const J: usize, const R: usize>(
        self,
        a: &[&[u64]],
        b: [&[&[u64]]; J],
        rows: impl Fn(&[u64]) -> [__m512i; R],
    ) -> [[__m512i; R]; J] {
        let zero = _mm512_setzero_si512();
        let mut results = [[zero; R]; J];
        for first in (0..a.len()).step_by(TERMS) {
            let last = a.len().min(first + TERMS);
            // Loops, because closures for `map` are not inlined when a crate is compiled in many units.
            let mut sums = [[Halves { low: zero, high: zero }; R]; J];
            for j in 0..J {
                for r in 0..R {
                    sums[j][r].low = results[j][r];
                }
            }
            for k in first..last {
                let x = rows(a[k]);
                for j in 0..J {
                    let y = rows(b[j][k]);
                    for r in 0..R {
                        let sum = &mut sums[j][r];
                        sum.low = _mm512_madd52lo_epu64(sum.low, x[r], y[r]);
                        sum.high = _mm512_madd52hi_epu64(sum.high, x[r], y[r]);
                    }
                }
            }
            for j in 0..J {
                for r in 0..R {
                    results[j][r] = self.reduce(sums[j][r]);
                }
            }
        }
        results
    }

    /// `low + 2^52 high`, canonical, for at most [`TERMS`] products and one canonical value.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce(self, sum: Halves) -> __m512i {
        let high = _mm512_add_epi64(sum.high, _mm512_srli_epi64::<52>(sum.low));
        let low = self.lanes.refresh(self.lanes.tidy(sum.low));
        self.lanes.finish4(self.lanes.mul_add_lazy(low, high, self.radix))
    }
}
