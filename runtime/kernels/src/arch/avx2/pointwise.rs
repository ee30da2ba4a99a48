//! Element by element arithmetic on canonical operands.

use std::arch::x86_64::{_mm256_setzero_si256, _mm256_sub_epi64};

use super::lanes::{Lanes, Words, float, float_signed, splat};
use super::rows::{fill2, update, update1, update2};
use crate::Modulus;
use crate::arch::scalar;

#[target_feature(enable = "avx2")]
pub(super) fn add_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let words = Words::new(m);
    update1(a, b, |a, b| words.add(a, b));
}

#[target_feature(enable = "avx2")]
pub(super) fn sub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let words = Words::new(m);
    update1(a, b, |a, b| words.sub(a, b));
}

#[target_feature(enable = "avx2")]
pub(super) fn rsub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let words = Words::new(m);
    update1(a, b, |a, b| words.sub(b, a));
}

#[target_feature(enable = "avx2")]
pub(super) fn neg_assign(a: &mut [u64], m: &Modulus) {
    let words = Words::new(m);
    update(a, |a| words.sub(_mm256_setzero_si256(), a));
}

#[target_feature(enable = "avx2")]
pub(super) fn add_scalar_assign(a: &mut [u64], s: u64, m: &Modulus) {
    let words = Words::new(m);
    let s = splat(s);
    update(a, |a| words.add(a, s));
}

/// The portable loop, compiled for this instruction set.
#[target_feature(enable = "avx2")]
pub(super) fn sums_and_differences(dst: &mut [u64], s: u64, b: &[u64], m: &Modulus) {
    scalar::pointwise::sums_and_differences(dst, s, b, m);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let (lanes, words) = (Lanes::new(m), Words::new(m));
    update1(a, b, |a, b| words.finish(lanes.product(float(a), float(b))));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul(dst: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    let (lanes, words) = (Lanes::new(m), Words::new(m));
    fill2(dst, a, b, |a, b| words.finish(lanes.product(float(a), float(b))));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul_add_assign(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    let (lanes, words) = (Lanes::new(m), Words::new(m));
    update2(acc, a, b, |acc, a, b| words.add(acc, words.finish(lanes.product(float(a), float(b)))));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul_scalar_assign(a: &mut [u64], s: u64, m: &Modulus) {
    let (lanes, words) = (Lanes::new(m), Words::new(m));
    let factor = lanes.scalar(s, m);
    update(a, |a| words.finish(lanes.mul(float(a), factor)));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul_scalar_add_assign(acc: &mut [u64], a: &[u64], s: u64, m: &Modulus) {
    let (lanes, words) = (Lanes::new(m), Words::new(m));
    let factor = lanes.scalar(s, m);
    update1(acc, a, |acc, a| words.add(acc, words.finish(lanes.mul(float(a), factor))));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn sub_mul_scalar_assign(a: &mut [u64], b: &[u64], s: u64, m: &Modulus) {
    let (lanes, words) = (Lanes::new(m), Words::new(m));
    let factor = lanes.scalar(s, m);
    update1(a, b, |a, b| words.finish(lanes.mul(float_signed(_mm256_sub_epi64(a, b)), factor)));
}
