//! Element by element arithmetic on canonical operands.

use std::arch::x86_64::{_mm512_add_epi64, _mm512_setzero_si512, _mm512_sub_epi64};

use super::lanes::{Factor, Lanes, Product, splat};
use super::rows::{fill2, update, update1, update2};
use crate::Modulus;
use crate::arch::scalar;

#[target_feature(enable = "avx512f")]
pub(super) fn add_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let lanes = Lanes::new(m);
    update1(a, b, |a, b| lanes.add(a, b));
}

#[target_feature(enable = "avx512f")]
pub(super) fn sub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let lanes = Lanes::new(m);
    update1(a, b, |a, b| lanes.sub(a, b));
}

#[target_feature(enable = "avx512f")]
pub(super) fn rsub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let lanes = Lanes::new(m);
    update1(a, b, |a, b| lanes.sub(b, a));
}

#[target_feature(enable = "avx512f")]
pub(super) fn neg_assign(a: &mut [u64], m: &Modulus) {
    let lanes = Lanes::new(m);
    update(a, |a| lanes.sub(_mm512_setzero_si512(), a));
}

#[target_feature(enable = "avx512f")]
pub(super) fn add_scalar_assign(a: &mut [u64], s: u64, m: &Modulus) {
    let lanes = Lanes::new(m);
    let s = splat(s);
    update(a, |a| lanes.add(a, s));
}

/// The portable loop, compiled for this instruction set.
#[target_feature(enable = "avx512f")]
pub(super) fn sums_and_differences(dst: &mut [u64], s: u64, b: &[u64], m: &Modulus) {
    scalar::pointwise::sums_and_differences(dst, s, b, m);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let product = Product::new(m);
    update1(a, b, |a, b| product.mul(a, b));
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul(dst: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    let product = Product::new(m);
    fill2(dst, a, b, |a, b| product.mul(a, b));
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_add_assign(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    let product = Product::new(m);
    update2(acc, a, b, |acc, a, b| product.mul_add(acc, a, b));
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_scalar_assign(a: &mut [u64], s: u64, m: &Modulus) {
    let lanes = Lanes::new(m);
    let factor = Factor::splat([s, m.shoup(s)]);
    update(a, |a| lanes.finish(lanes.mul_lazy(a, factor)));
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_scalar_add_assign(acc: &mut [u64], a: &[u64], s: u64, m: &Modulus) {
    let lanes = Lanes::new(m);
    let factor = Factor::splat([s, m.shoup(s)]);
    update1(acc, a, |acc, a| lanes.finish4(lanes.mul_add_lazy(acc, a, factor)));
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn sub_mul_scalar_assign(a: &mut [u64], b: &[u64], s: u64, m: &Modulus) {
    let lanes = Lanes::new(m);
    let factor = Factor::splat([s, m.shoup(s)]);
    update1(a, b, |a, b| {
        let difference = _mm512_sub_epi64(_mm512_add_epi64(a, lanes.q), b);
        lanes.finish(lanes.mul_lazy(difference, factor))
    });
}
