//! Permutations given by an index table, one shuffle per four values where these stay together.

use std::arch::x86_64::{
    __m256i, _mm_set1_epi32, _mm_shuffle_epi32, _mm_srli_epi32, _mm_testz_si128, _mm_xor_si128,
    _mm256_add_epi64, _mm256_cvtepu32_epi64, _mm256_or_si256, _mm256_permutevar8x32_epi32, _mm256_slli_epi64,
};

use super::lanes::{Row, Words, load, load_indices, splat, store};
use crate::Modulus;
use crate::arch::scalar;

#[target_feature(enable = "avx2")]
pub(super) fn permute(dst: &mut [u64], src: &[u64], index: &[u32]) {
    fill::<false>(dst, src, index, scalar::permute::permute);
}

#[target_feature(enable = "avx2")]
pub(super) fn permute_mirrored(dst: &mut [u64], src: &[u64], index: &[u32]) {
    fill::<true>(dst, src, index, scalar::permute::permute_mirrored);
}

/// What is not in one group is left to `portable`.
#[inline]
#[target_feature(enable = "avx2")]
fn fill<const MIRRORED: bool>(
    dst: &mut [u64],
    src: &[u64],
    index: &[u32],
    portable: impl Fn(&mut [u64], &[u64], &[u32]),
) {
    let groups = src.as_chunks().0;
    let ((rows, rest), (indices, rest_indices)) = (dst.as_chunks_mut::<4>(), index.as_chunks());
    for (row, index) in rows.iter_mut().zip(indices) {
        match gather::<MIRRORED>(groups, index) {
            Some(x) => store(row, x),
            None => portable(row, src, index),
        }
    }
    portable(rest, src, rest_indices);
}

#[target_feature(enable = "avx2")]
pub(super) fn permute_add_assign(acc: &mut [u64], src: &[u64], index: &[u32], m: &Modulus) {
    let words = Words::new(m);
    let groups = src.as_chunks().0;
    let ((rows, rest), (indices, rest_indices)) = (acc.as_chunks_mut::<4>(), index.as_chunks());
    for (row, index) in rows.iter_mut().zip(indices) {
        match gather::<false>(groups, index) {
            Some(x) => {
                let sum = words.add(load(row), x);
                store(row, sum);
            }
            None => scalar::permute::permute_add_assign(row, src, index, m),
        }
    }
    scalar::permute::permute_add_assign(rest, src, rest_indices, m);
}

/// The values at four indices, counted from the end if `MIRRORED`, if all are in the same of `groups`.
#[inline]
#[target_feature(enable = "avx2")]
fn gather<const MIRRORED: bool>(groups: &[Row], index: &[u32; 4]) -> Option<__m256i> {
    let indices = load_indices(index);
    let differences = _mm_srli_epi32::<2>(_mm_xor_si128(indices, _mm_shuffle_epi32::<0>(indices)));
    if _mm_testz_si128(differences, differences) == 0 {
        return None;
    }
    let number = index[0] as usize / 4;
    let (number, indices) = if MIRRORED {
        (groups.len().checked_sub(number + 1)?, _mm_xor_si128(indices, _mm_set1_epi32(3)))
    } else {
        (number, indices)
    };
    let group = load(groups.get(number)?);
    // The shuffle moves halves of values, number `2 i` and `2 i + 1`; it reads the low three bits of these.
    let low = _mm256_cvtepu32_epi64(indices);
    let low = _mm256_add_epi64(low, low);
    let high = _mm256_or_si256(_mm256_slli_epi64::<32>(low), splat(1 << 32));
    Some(_mm256_permutevar8x32_epi32(group, _mm256_or_si256(low, high)))
}

/// The portable loops, compiled for this instruction set.
#[target_feature(enable = "avx2")]
pub(super) fn repeat(dst: &mut [u64], src: &[u64]) {
    scalar::permute::repeat(dst, src);
}
