//! From slots to the coefficients of an integer polynomial, in double precision.

use crate::isa::active;

/// Butterflies `(u, v) -> (u + v, (u - v) conj(w))` on `re + i im` of length `n`, a power of two, at distances `n/2`,
/// `n/4`, ... 1; the result in bit-reversed order, divided by `n`, goes to `out`, first all real and then all imaginary
/// parts. For distance `h`, `w` is `cos + i sin` at `h - 1 .. 2h - 1`. What is left in `re` and `im` is unspecified.
///
/// # Panics
///
/// If `n` is no power of two, `im` has another length, `out` not twice that, or the tables are shorter than `n - 1`.
pub fn inverse_embedding(cos: &[f64], sin: &[f64], re: &mut [f64], im: &mut [f64], out: &mut [f64]) {
    let n = re.len();
    assert!(n.is_power_of_two(), "the length is a power of two");
    assert!(im.len() == n && out.len() == 2 * n, "slices must match in length");
    assert!(cos.len() >= n - 1 && sin.len() >= n - 1, "a root for every butterfly");
    active().inverse_embedding(cos, sin, re, im, out);
}

/// `dst = round(src * factor)`, half away from zero, for products below `2^62`.
///
/// # Panics
///
/// If the slices differ in length.
pub fn round_products(dst: &mut [i64], src: &[f64], factor: f64) {
    assert_eq!(dst.len(), src.len(), "slices must match in length");
    active().round_products(dst, src, factor);
}
