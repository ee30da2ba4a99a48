//! Permutations given by an index table, and repetitions.

use crate::Modulus;
use crate::automorphism::{GROUP, Groups};

pub(crate) fn permute(dst: &mut [u64], src: &[u64], groups: Groups<'_>) {
    let (rows, sources) = (dst.as_chunks_mut::<GROUP>().0, src.as_chunks::<GROUP>().0);
    for (row, (number, pattern)) in rows.iter_mut().zip(groups.iter()) {
        *row = pattern.map(|lane| sources[number][lane as usize]);
    }
}

pub(crate) fn permute_mirrored(dst: &mut [u64], src: &[u64], groups: Groups<'_>) {
    let (rows, sources) = (dst.as_chunks_mut::<GROUP>().0, src.as_chunks::<GROUP>().0);
    for (row, (number, pattern)) in rows.iter_mut().zip(groups.iter()) {
        *row = pattern.map(|lane| sources[sources.len() - 1 - number][GROUP - 1 - lane as usize]);
    }
}

pub(crate) fn permute_add_assign(acc: &mut [u64], src: &[u64], groups: Groups<'_>, m: &Modulus) {
    let (rows, sources) = (acc.as_chunks_mut::<GROUP>().0, src.as_chunks::<GROUP>().0);
    for (row, (number, pattern)) in rows.iter_mut().zip(groups.iter()) {
        for (acc, &lane) in row.iter_mut().zip(pattern) {
            *acc = m.add(*acc, sources[number][lane as usize]);
        }
    }
}

#[inline(always)]
pub(crate) fn repeat(dst: &mut [u64], src: &[u64]) {
    match dst.len() / src.len() {
        1 => dst.copy_from_slice(src),
        2 => repeat_fixed::<2>(dst, src),
        4 => repeat_fixed::<4>(dst, src),
        times if times % 8 == 0 => {
            for (block, &value) in dst.chunks_exact_mut(times).zip(src) {
                block.as_chunks_mut().0.iter_mut().for_each(|part| *part = [value; 8]);
            }
        }
        times => {
            for (block, &value) in dst.chunks_exact_mut(times).zip(src) {
                block.fill(value);
            }
        }
    }
}

/// The loops for few repetitions, which vectorise.
#[inline(always)]
fn repeat_fixed<const TIMES: usize>(dst: &mut [u64], src: &[u64]) {
    for (block, &value) in dst.as_chunks_mut::<TIMES>().0.iter_mut().zip(src) {
        *block = [value; TIMES];
    }
}
