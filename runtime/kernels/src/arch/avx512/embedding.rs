//! The portable loops, compiled for this instruction set.

use crate::arch::scalar;

#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn inverse_embedding(cos: &[f64], sin: &[f64], re: &mut [f64], im: &mut [f64], out: &mut [f64]) {
    scalar::embedding::inverse_embedding(cos, sin, re, im, out);
}

#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn round_products(dst: &mut [i64], src: &[f64], factor: f64) {
    scalar::embedding::round_products(dst, src, factor);
}
