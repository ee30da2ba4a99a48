//! Permutations given by an index table.

use crate::Modulus;

pub(crate) fn permute(dst: &mut [u64], src: &[u64], index: &[u32]) {
    for (dst, &i) in dst.iter_mut().zip(index) {
        *dst = src[i as usize];
    }
}

pub(crate) fn permute_mirrored(dst: &mut [u64], src: &[u64], index: &[u32]) {
    for (dst, &i) in dst.iter_mut().zip(index) {
        *dst = src[src.len() - 1 - i as usize];
    }
}

pub(crate) fn permute_add_assign(acc: &mut [u64], src: &[u64], index: &[u32], m: &Modulus) {
    for (acc, &i) in acc.iter_mut().zip(index) {
        *acc = m.add(*acc, src[i as usize]);
    }
}
