//! Permutations given by an index table, one shuffle per eight values where these stay together.

use std::arch::x86_64::{__m512i, _mm512_cmpge_epu64_mask, _mm512_permutexvar_epi64, _mm512_xor_si512};

use super::lanes::{Lanes, Row, load, load_indices, splat, store};
use crate::Modulus;
use crate::arch::scalar;

#[target_feature(enable = "avx512f")]
pub(super) fn permute(dst: &mut [u64], src: &[u64], index: &[u32]) {
    let groups = src.as_chunks().0;
    let ((rows, rest), (indices, rest_indices)) = (dst.as_chunks_mut::<8>(), index.as_chunks());
    for (row, index) in rows.iter_mut().zip(indices) {
        match gather(groups, index) {
            Some(x) => store(row, x),
            None => scalar::permute::permute(row, src, index),
        }
    }
    scalar::permute::permute(rest, src, rest_indices);
}

#[target_feature(enable = "avx512f")]
pub(super) fn permute_mirrored(dst: &mut [u64], src: &[u64], index: &[u32]) {
    let groups = src.as_chunks().0;
    let ((rows, rest), (indices, rest_indices)) = (dst.as_chunks_mut::<8>(), index.as_chunks());
    for (row, index) in rows.iter_mut().zip(indices) {
        match gather_mirrored(groups, index) {
            Some(x) => store(row, x),
            None => scalar::permute::permute_mirrored(row, src, index),
        }
    }
    scalar::permute::permute_mirrored(rest, src, rest_indices);
}

#[target_feature(enable = "avx512f")]
pub(super) fn permute_add_assign(acc: &mut [u64], src: &[u64], index: &[u32], m: &Modulus) {
    let lanes = Lanes::new(m);
    let groups = src.as_chunks().0;
    let ((rows, rest), (indices, rest_indices)) = (acc.as_chunks_mut::<8>(), index.as_chunks());
    for (row, index) in rows.iter_mut().zip(indices) {
        match gather(groups, index) {
            Some(x) => {
                let sum = lanes.add(load(row), x);
                store(row, sum);
            }
            None => scalar::permute::permute_add_assign(row, src, index, m),
        }
    }
    scalar::permute::permute_add_assign(rest, src, rest_indices, m);
}

/// The values at eight indices, if all are in the same of `groups`.
#[inline]
#[target_feature(enable = "avx512f")]
fn gather(groups: &[Row], index: &[u32; 8]) -> Option<__m512i> {
    let indices = load_indices(index);
    let group = groups.get(common_group(indices, index)?)?;
    // The shuffle reads the low three bits of an index.
    Some(_mm512_permutexvar_epi64(indices, load(group)))
}

/// [`gather`] of the values in reverse order.
#[inline]
#[target_feature(enable = "avx512f")]
fn gather_mirrored(groups: &[Row], index: &[u32; 8]) -> Option<__m512i> {
    let indices = load_indices(index);
    let last = groups.len().checked_sub(1)?;
    let group = groups.get(last.checked_sub(common_group(indices, index)?)?)?;
    Some(_mm512_permutexvar_epi64(_mm512_xor_si512(indices, splat(7)), load(group)))
}

/// The number of the group that all indices are in.
#[inline]
#[target_feature(enable = "avx512f")]
fn common_group(indices: __m512i, index: &[u32; 8]) -> Option<usize> {
    let differences = _mm512_xor_si512(indices, splat(u64::from(index[0])));
    (_mm512_cmpge_epu64_mask(differences, splat(8)) == 0).then_some(index[0] as usize / 8)
}
