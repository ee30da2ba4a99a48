//! From integers, or from another modulus, into `[0, q)`.

use std::arch::x86_64::{
    _mm512_abs_epi64, _mm512_add_epi64, _mm512_cmpge_epu64_mask, _mm512_cmpgt_epu64_mask,
    _mm512_cmplt_epi64_mask, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64, _mm512_min_epu64,
    _mm512_setzero_si512, _mm512_srli_epi64,
};

use super::lanes::{Factor, Lanes, splat};
use super::rows::{fill_signed, fill1};
use crate::Modulus;

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduce(dst: &mut [u64], src: &[u64], m: &Modulus) {
    let lanes = Lanes::new(m);
    fill1(dst, src, |x| lanes.finish(lanes.refresh(x)));
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_reduce(dst: &mut [u64], src: &[u64], c: u64, m: &Modulus) {
    let (lanes, c) = (Lanes::new(m), splat(c));
    fill1(dst, src, |x| lanes.finish(lanes.refresh(_mm512_add_epi64(x, c))));
}

/// Integers in `[-2^50, 2^50)`, as nearly all are, take a multiple of `q` to be positive.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduce_signed(dst: &mut [u64], src: &[i64], m: &Modulus) {
    let lanes = Lanes::new(m);
    let radix = Factor::radix(m);
    let zero = _mm512_setzero_si512();
    let (small, smalls) = (splat(1 << 50), splat(1 << 51));
    let multiple = splat((1_u64 << 50).next_multiple_of(m.q));
    fill_signed(dst, src, |x| {
        if _mm512_cmpge_epu64_mask(_mm512_add_epi64(x, small), smalls) == 0 {
            return lanes.finish(lanes.refresh(_mm512_add_epi64(x, multiple)));
        }
        let magnitude = _mm512_abs_epi64(x);
        let low = lanes.refresh(lanes.tidy(magnitude));
        let r = lanes.finish4(lanes.mul_add_lazy(low, _mm512_srli_epi64::<52>(magnitude), radix));
        _mm512_mask_blend_epi64(_mm512_cmplt_epi64_mask(x, zero), r, lanes.sub(zero, r))
    });
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn lift_centred(dst: &mut [u64], src: &[u64], from: &Modulus, to: &Modulus) {
    let lanes = Lanes::new(to);
    let (half, wrap) = (splat(from.value() / 2), splat(to.reduce(from.value())));
    fill1(dst, src, |x| {
        let r = lanes.finish(lanes.refresh(x));
        let negative = _mm512_cmpgt_epu64_mask(x, half);
        let r = _mm512_mask_sub_epi64(r, negative, r, wrap);
        _mm512_min_epu64(r, _mm512_add_epi64(r, lanes.q))
    });
}
