//! Automorphisms of transformed values, one shuffle for eight, and repetitions.

use std::arch::x86_64::{_mm512_permutexvar_epi64, _mm512_xor_si512};

use super::lanes::{Lanes, load, splat, store};
use crate::Modulus;
use crate::arch::scalar;
use crate::automorphism::Groups;

#[target_feature(enable = "avx512f")]
pub(super) fn permute(dst: &mut [u64], src: &[u64], groups: Groups<'_>) {
    let (rows, sources) = (dst.as_chunks_mut().0, src.as_chunks().0);
    for (row, (number, pattern)) in rows.iter_mut().zip(groups.iter()) {
        store(row, _mm512_permutexvar_epi64(load(pattern), load(&sources[number])));
    }
}

#[target_feature(enable = "avx512f")]
pub(super) fn permute_mirrored(dst: &mut [u64], src: &[u64], groups: Groups<'_>) {
    let (rows, sources) = (dst.as_chunks_mut().0, src.as_chunks().0);
    for (row, (number, pattern)) in rows.iter_mut().zip(groups.iter()) {
        let mirrored = _mm512_xor_si512(load(pattern), splat(7));
        store(row, _mm512_permutexvar_epi64(mirrored, load(&sources[sources.len() - 1 - number])));
    }
}

#[target_feature(enable = "avx512f")]
pub(super) fn permute_add_assign(acc: &mut [u64], src: &[u64], groups: Groups<'_>, m: &Modulus) {
    let lanes = Lanes::new(m);
    let (rows, sources) = (acc.as_chunks_mut().0, src.as_chunks().0);
    for (row, (number, pattern)) in rows.iter_mut().zip(groups.iter()) {
        let sum = lanes.add(load(row), _mm512_permutexvar_epi64(load(pattern), load(&sources[number])));
        store(row, sum);
    }
}

/// The portable loops, compiled for this instruction set.
#[target_feature(enable = "avx512f")]
pub(super) fn repeat(dst: &mut [u64], src: &[u64]) {
    scalar::permute::repeat(dst, src);
}
