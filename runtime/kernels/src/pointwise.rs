//! The pointwise kernels: length checks, then the code for this CPU.

use crate::Modulus;
use crate::isa::active;

/// Every listed length must equal the first.
macro_rules! same_length {
    ($first:expr $(, $other:expr)+) => {
        $(assert_eq!($first.len(), $other.len(), "slices must match in length");)+
    };
}

/// `a += b`.
pub fn add_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    same_length!(a, b);
    active().add_assign(a, b, m);
}

/// `a -= b`.
pub fn sub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    same_length!(a, b);
    active().sub_assign(a, b, m);
}

/// `a = b - a`.
pub fn rsub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    same_length!(a, b);
    active().rsub_assign(a, b, m);
}

/// `a = -a`.
pub fn neg_assign(a: &mut [u64], m: &Modulus) {
    active().neg_assign(a, m);
}

/// `a += s`, `s` canonical.
pub fn add_scalar_assign(a: &mut [u64], s: u64, m: &Modulus) {
    active().add_scalar_assign(a, s, m);
}

/// `dst[2i] = s + b[i]; dst[2i + 1] = s - b[i]`, `s` canonical: the last butterflies of a transform whose even part is
/// the same at all these positions.
///
/// # Panics
///
/// If `dst` is not twice as long as `b`.
pub fn sums_and_differences(dst: &mut [u64], s: u64, b: &[u64], m: &Modulus) {
    assert_eq!(dst.len(), 2 * b.len(), "a sum and a difference for each");
    active().sums_and_differences(dst, s, b, m);
}

/// `a *= b`.
pub fn mul_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    same_length!(a, b);
    active().mul_assign(a, b, m);
}

/// `dst = a * b`.
pub fn mul(dst: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    same_length!(dst, a, b);
    active().mul(dst, a, b, m);
}

/// `acc += a * b`.
pub fn mul_add_assign(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    same_length!(acc, a, b);
    active().mul_add_assign(acc, a, b, m);
}

/// `acc0 += a * k0; acc1 += a * k1`: one term of the inner product of key switching.
///
/// Where all terms are at hand, [`dot2`] reduces only once.
pub fn mul_add2_assign(acc0: &mut [u64], acc1: &mut [u64], a: &[u64], k0: &[u64], k1: &[u64], m: &Modulus) {
    same_length!(a, acc0, acc1, k0, k1);
    active().mul_add_assign(acc0, a, k0, m);
    active().mul_add_assign(acc1, a, k1, m);
}

/// `a *= s`, `s` canonical.
pub fn mul_scalar_assign(a: &mut [u64], s: u64, m: &Modulus) {
    active().mul_scalar_assign(a, s, m);
}

/// `acc += a * s`, `s` canonical.
pub fn mul_scalar_add_assign(acc: &mut [u64], a: &[u64], s: u64, m: &Modulus) {
    same_length!(acc, a);
    active().mul_scalar_add_assign(acc, a, s, m);
}

/// `a = (a - b) * s`, `s` canonical: the tail of a rescale or of a division by the special primes.
pub fn sub_mul_scalar_assign(a: &mut [u64], b: &[u64], s: u64, m: &Modulus) {
    same_length!(a, b);
    active().sub_mul_scalar_assign(a, b, s, m);
}

/// `dst = sum_k a[k] * b[k]`, overwriting `dst`, reduced only once; zero if there are no terms.
///
/// # Panics
///
/// If `a` and `b` have different numbers of terms, or a term differs from `dst` in length.
pub fn dot(dst: &mut [u64], a: &[&[u64]], b: &[&[u64]], m: &Modulus) {
    same_length!(a, b);
    for term in a.iter().chain(b) {
        same_length!(dst, term);
    }
    active().dot(dst, a, b, m);
}

/// `dst0 = sum_k a[k] * k0[k]; dst1 = sum_k a[k] * k1[k]`, overwriting both: the inner product of key switching.
///
/// # Panics
///
/// If `a`, `k0` and `k1` have different numbers of terms, or a term differs from `dst0` or `dst1` in length.
pub fn dot2(dst0: &mut [u64], dst1: &mut [u64], a: &[&[u64]], k0: &[&[u64]], k1: &[&[u64]], m: &Modulus) {
    same_length!(a, k0, k1);
    same_length!(dst0, dst1);
    for term in a.iter().chain(k0).chain(k1) {
        same_length!(dst0, term);
    }
    active().dot2(dst0, dst1, a, k0, k1, m);
}

/// `dst = src mod q` for any `src < 2^52`.
pub fn reduce(dst: &mut [u64], src: &[u64], m: &Modulus) {
    same_length!(dst, src);
    active().reduce(dst, src, m);
}

/// `dst = (src + c) mod q` for any `src < 2^51`, `c` canonical.
pub fn add_reduce(dst: &mut [u64], src: &[u64], c: u64, m: &Modulus) {
    same_length!(dst, src);
    active().add_reduce(dst, src, c, m);
}

/// `dst = src mod to`, where canonical residues modulo `from` stand for integers in `(-from/2, from/2]`.
pub fn lift_centred(dst: &mut [u64], src: &[u64], from: &Modulus, to: &Modulus) {
    same_length!(dst, src);
    active().lift_centred(dst, src, from, to);
}

/// `dst = src mod q` for any signed words.
pub fn from_i64(dst: &mut [u64], src: &[i64], m: &Modulus) {
    same_length!(dst, src);
    active().reduce_signed(dst, src, m);
}
