//! Permutations given by an index table, one shuffle per eight values where these stay together.

use std::arch::x86_64::{__m512i, _mm512_cmpge_epu64_mask, _mm512_permutexvar_epi64, _mm512_xor_si512};

use super::lanes::{Lanes, Row, load, load_indices, splat, store};
use crate::Modulus;
use crate::arch::scalar;

#[target_feature(enable = "avx512f")]
pub(super) fn permute(dst: &mut [u64], src: &[u64], index: &[u32]) {
    fill::<false>(dst, src, index, scalar::permute::permute);
}

#[target_feature(enable = "avx512f")]
pub(super) fn permute_mirrored(dst: &mut [u64], src: &[u64], index: &[u32]) {
    fill::<true>(dst, src, index, scalar::permute::permute_mirrored);
}

/// What is not in one group is left to `portable`.
#[inline]
#[target_feature(enable = "avx512f")]
fn fill<const MIRRORED: bool>(
    dst: &mut [u64],
    src: &[u64],
    index: &[u32],
    portable: impl Fn(&mut [u64], &[u64], &[u32]),
) {
    let groups = src.as_chunks().0;
    let ((rows, rest), (indices, rest_indices)) = (dst.as_chunks_mut::<8>(), index.as_chunks());
    for (row, index) in rows.iter_mut().zip(indices) {
        match gather::<MIRRORED>(groups, index) {
            Some(x) => store(row, x),
            None => portable(row, src, index),
        }
    }
    portable(rest, src, rest_indices);
}

#[target_feature(enable = "avx512f")]
pub(super) fn permute_add_assign(acc: &mut [u64], src: &[u64], index: &[u32], m: &Modulus) {
    let lanes = Lanes::new(m);
    let groups = src.as_chunks().0;
    let ((rows, rest), (indices, rest_indices)) = (acc.as_chunks_mut::<8>(), index.as_chunks());
    for (row, index) in rows.iter_mut().zip(indices) {
        match gather::<false>(groups, index) {
            Some(x) => {
                let sum = lanes.add(load(row), x);
                store(row, sum);
            }
            None => scalar::permute::permute_add_assign(row, src, index, m),
        }
    }
    scalar::permute::permute_add_assign(rest, src, rest_indices, m);
}

/// The values at eight indices, counted from the end if `MIRRORED`, if all are in the same of `groups`.
#[inline]
#[target_feature(enable = "avx512f")]
fn gather<const MIRRORED: bool>(groups: &[Row], index: &[u32; 8]) -> Option<__m512i> {
    let indices = load_indices(index);
    let differences = _mm512_xor_si512(indices, splat(u64::from(index[0])));
    if _mm512_cmpge_epu64_mask(differences, splat(8)) != 0 {
        return None;
    }
    let number = index[0] as usize / 8;
    // The shuffle reads the low three bits of an index.
    let (number, indices) = if MIRRORED {
        (groups.len().checked_sub(number + 1)?, _mm512_xor_si512(indices, splat(7)))
    } else {
        (number, indices)
    };
    Some(_mm512_permutexvar_epi64(indices, load(groups.get(number)?)))
}

/// The portable loops, compiled for this instruction set.
#[target_feature(enable = "avx512f")]
pub(super) fn repeat(dst: &mut [u64], src: &[u64]) {
    scalar::permute::repeat(dst, src);
}
