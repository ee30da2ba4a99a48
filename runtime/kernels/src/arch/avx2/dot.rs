//! Inner products: unreduced sums in registers, one reduction per result.

use std::arch::x86_64::{__m256d, __m256i, _mm256_setzero_pd};

use super::lanes::{Words, float, load, store};
use super::rows::{pad, unpad};
use super::sum::{Summation, terms};
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
fn dots<const J: usize>(dst: [&mut [u64]; J], a: &[&[u64]], b: [&[&[u64]]; J], m: &Modulus) {
    let (words, summation, terms) = (Words::new(m), Summation::new(m, m.bits), terms(m.bits));
    let n = dst[0].len();
    let whole = n - n % (4 * TOGETHER);
    for start in (0..whole).step_by(4 * TOGETHER) {
        let sums = sums(summation, terms, a, b, |term| {
            let rows = term[start..][..4 * TOGETHER].as_chunks().0;
            [load(&rows[0]), load(&rows[1])]
        });
        for (j, sums) in sums.into_iter().enumerate() {
            for (row, sum) in dst[j][start..][..4 * TOGETHER].as_chunks_mut().0.iter_mut().zip(sums) {
                store(row, words.finish(sum));
            }
        }
    }
    for start in (whole..n).step_by(4) {
        let end = n.min(start + 4);
        let sums = sums(summation, terms, a, b, |term| [load(&pad(&term[start..end]))]);
        for (j, [sum]) in sums.into_iter().enumerate() {
            unpad(&mut dst[j][start..end], words.finish(sum));
        }
    }
}

/// `R` rows of each sum, reduced after every `terms` terms; `rows` reads them from a term.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sums<const J: usize, const R: usize>(
    summation: Summation,
    terms: usize,
    a: &[&[u64]],
    b: [&[&[u64]]; J],
    rows: impl Fn(&[u64]) -> [__m256i; R],
) -> [[__m256d; R]; J] {
    let mut results = [[_mm256_setzero_pd(); R]; J];
    for first in (0..a.len()).step_by(terms) {
        let last = a.len().min(first.saturating_add(terms));
        let mut sums = results.map(|rows| rows.map(|low| summation.start(low)));
        for k in first..last {
            let x = rows(a[k]).map(|x| float(x));
            for j in 0..J {
                let y = rows(b[j][k]);
                for r in 0..R {
                    sums[j][r].add(x[r], float(y[r]));
                }
            }
        }
        results = sums.map(|rows| rows.map(|sum| summation.finish(sum)));
    }
    results
}
