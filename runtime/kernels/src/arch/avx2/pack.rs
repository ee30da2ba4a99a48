//! Packing: the portable code, compiled for this instruction set.

use crate::arch::scalar;

#[target_feature(enable = "avx2")]
pub(super) fn pack(dst: &mut [u64], src: &[u64], bits: u32) {
    scalar::pack::pack(dst, src, bits);
}

#[target_feature(enable = "avx2")]
pub(super) fn unpack(dst: &mut [u64], src: &[u64], bits: u32) {
    scalar::pack::unpack(dst, src, bits);
}

#[target_feature(enable = "avx2")]
pub(super) fn retain_below(values: &mut [u64], bound: u64) -> usize {
    scalar::pack::retain_below(values, bound)
}
