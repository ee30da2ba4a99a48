//! From integers, or from another modulus, into `[0, q)`.

use std::arch::x86_64::{
    _mm256_add_epi64, _mm256_add_pd, _mm256_and_si256, _mm256_cmpgt_epi64, _mm256_set1_pd, _mm256_srli_epi64,
    _mm256_sub_epi64, _mm256_sub_pd, _mm256_xor_si256,
};

use super::lanes::{Lanes, Words, float, float_signed, splat};
use super::rows::{fill_signed, fill1};
use crate::Modulus;

#[target_feature(enable = "avx2,fma")]
pub(super) fn reduce(dst: &mut [u64], src: &[u64], m: &Modulus) {
    let (lanes, words) = (Lanes::new(m), Words::new(m));
    fill1(dst, src, |x| words.finish(lanes.lower(float(x))));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn add_reduce(dst: &mut [u64], src: &[u64], c: u64, m: &Modulus) {
    let (lanes, words, c) = (Lanes::new(m), Words::new(m), splat(c));
    fill1(dst, src, |x| words.finish(lanes.lower(float(_mm256_add_epi64(x, c)))));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn reduce_signed(dst: &mut [u64], src: &[i64], m: &Modulus) {
    let (lanes, words) = (Lanes::new(m), Words::new(m));
    let radix = lanes.scalar(m.reduce(1 << 32), m);
    fill_signed(dst, src, |x| {
        // With the sign bit flipped, `x + 2^63` unsigned.
        let raised = _mm256_xor_si256(x, splat(1 << 63));
        let high = _mm256_sub_pd(float(_mm256_srli_epi64::<32>(raised)), _mm256_set1_pd(2_147_483_648.0));
        let low = float(_mm256_and_si256(raised, splat((1 << 32) - 1)));
        words.finish(lanes.lower(_mm256_add_pd(lanes.mul(high, radix), low)))
    });
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn lift_centred(dst: &mut [u64], src: &[u64], from: &Modulus, to: &Modulus) {
    let (lanes, words) = (Lanes::new(to), Words::new(to));
    let (half, q) = (splat(from.value() / 2), splat(from.value()));
    fill1(dst, src, |x| {
        let wrap = _mm256_and_si256(_mm256_cmpgt_epi64(x, half), q);
        words.finish(lanes.lower(float_signed(_mm256_sub_epi64(x, wrap))))
    });
}
