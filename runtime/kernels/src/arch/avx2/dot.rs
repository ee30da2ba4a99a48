//! Inner products: unreduced sums in registers, one reduction per result.

use std::arch::x86_64::{__m256d, __m256i, _mm256_setzero_pd};

use super::lanes::{Words, float, load, store};
use super::rows::{pad, unpad};
use super::sum::Summation;
use crate::Modulus;

/// Rows done together: enough independent sums to keep the arithmetic units busy, and whole cache lines.
const TOGETHER: usize = 2;

#[target_feature(enable = "avx2,fma")]
pub(super) fn dot(dst: &mut [u64], a: &[&[u64]], b: &[&[u64]], m: &Modulus) {
    dots([dst], a, [b], m);
}

#[target_feature(enable = "avx2,fma")]
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
#[target_feature(enable = "avx2,fma")]
fn dots<const J: usize>(mut dst: [&mut [u64]; J], a: &[&[u64]], b: [&[&[u64]]; J], m: &Modulus) {
    let (words, summation) = (Words::new(m), Summation::new(m, m.bits));
    let n = dst[0].len();
    let whole = n - n % (4 * TOGETHER);
    for block in 0..n / (4 * TOGETHER) {
        let sums = sums(summation, a, b, |term| {
            let rows = &term.as_chunks().0.as_chunks::<TOGETHER>().0[block];
            [load(&rows[0]), load(&rows[1])]
        });
        for (dst, sums) in dst.iter_mut().zip(sums) {
            let rows = &mut dst.as_chunks_mut().0.as_chunks_mut::<TOGETHER>().0[block];
            for (row, sum) in rows.iter_mut().zip(sums) {
                store(row, words.finish(sum));
            }
        }
    }
    for start in (whole..n).step_by(4) {
        let end = n.min(start + 4);
        let sums = sums(summation, a, b, |term| [load(&pad(&term[start..end]))]);
        for (j, [sum]) in sums.into_iter().enumerate() {
            unpad(&mut dst[j][start..end], words.finish(sum));
        }
    }
}

/// `R` rows of each sum; `rows` reads them from a term.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sums<const J: usize, const R: usize>(
    summation: Summation,
    a: &[&[u64]],
    b: [&[&[u64]]; J],
    rows: impl Fn(&[u64]) -> [__m256i; R],
) -> [[__m256d; R]; J] {
    let zero = _mm256_setzero_pd();
    let mut results = [[zero; R]; J];
    for first in (0..a.len()).step_by(summation.terms) {
        let last = a.len().min(first.saturating_add(summation.terms));
        let (a, mut b) = (&a[first..last], b);
        for b in &mut b {
            *b = &b[first..last];
        }
        // Loops, because closures for `map` are not inlined when a crate is compiled in many units.
        let mut sums = [[summation.start(zero); R]; J];
        for j in 0..J {
            for r in 0..R {
                sums[j][r] = summation.start(results[j][r]);
            }
        }
        for k in 0..a.len() {
            let words = rows(a[k]);
            let mut x = [zero; R];
            for r in 0..R {
                x[r] = float(words[r]);
            }
            for j in 0..J {
                let y = rows(b[j][k]);
                for r in 0..R {
                    sums[j][r].add(x[r], float(y[r]));
                }
            }
        }
        for j in 0..J {
            for r in 0..R {
                results[j][r] = summation.finish(sums[j][r]);
            }
        }
    }
    results
}
