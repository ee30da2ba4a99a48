//! Automorphisms `X -> X^g` of `Z_q[X]/(X^n + 1)`, on coefficients and on transformed values.

use crate::Modulus;
use crate::isa::active;
use crate::roots::bit_reverse;

/// The index table with which [`permute`] applies `X -> X^galois` to a polynomial transformed by
/// [`Ntt::forward`](crate::Ntt::forward).
///
/// Position `i` holds `a(psi^e)`, `e = 2 bitrev(i) + 1`; it must receive `a(psi^(e galois))`. The low bits of `i`
/// are the high bits of `e`, so that an aligned group of eight positions receives one aligned group.
///
/// # Panics
///
/// If `n` is not a power of two of at most `2^31`, or `galois` is even.
#[must_use]
pub fn ntt_automorphism_index(n: usize, galois: usize) -> Vec<u32> {
    check(n, galois);
    let bits = n.ilog2();
    let source = |i: usize| {
        let exponent = (2 * bit_reverse(i, bits) + 1).wrapping_mul(galois) & (2 * n - 1);
        u32::try_from(bit_reverse(exponent / 2, bits)).expect("n <= 2^31")
    };
    (0..n).map(source).collect()
}

/// `dst[i] = src[index[i]]`, fastest when aligned groups of eight stay together.
///
/// # Panics
///
/// If `dst` and `index` differ in length, or an index is out of bounds.
pub fn permute(dst: &mut [u64], src: &[u64], index: &[u32]) {
    assert_eq!(dst.len(), index.len(), "slices must match in length");
    active().permute(dst, src, index);
}

/// `dst[i] = src[n - 1 - index[i]]` for the `n` values of `src`, a multiple of eight: what [`permute`] does to the
/// values in reverse order.
///
/// # Panics
///
/// If `dst` and `index` differ in length, `n` is no multiple of eight, or an index is out of bounds.
pub fn permute_mirrored(dst: &mut [u64], src: &[u64], index: &[u32]) {
    assert_eq!(dst.len(), index.len(), "slices must match in length");
    assert!(src.len().is_multiple_of(8), "a multiple of eight values");
    active().permute_mirrored(dst, src, index);
}

/// `acc[i] += src[index[i]]`.
///
/// # Panics
///
/// If `acc` and `index` differ in length, or an index is out of bounds.
pub fn permute_add_assign(acc: &mut [u64], src: &[u64], index: &[u32], m: &Modulus) {
    assert_eq!(acc.len(), index.len(), "slices must match in length");
    active().permute_add_assign(acc, src, index, m);
}

/// Writes every value of `src` to `dst.len() / src.len()` consecutive positions: the full transform of a polynomial in
/// `X^t` from that of degree `n / t`.
///
/// # Panics
///
/// If the length of `dst` is no multiple of that of `src`, or `src` is empty.
pub fn repeat(dst: &mut [u64], src: &[u64]) {
    assert!(dst.len().is_multiple_of(src.len()), "every value as often");
    active().repeat(dst, src);
}

/// Applies `X -> X^galois` to coefficients: `X^i` becomes `X^(i galois)`, with `X^n = -1`.
///
/// # Panics
///
/// If the slices differ in length, which must be a power of two, or `galois` is even.
pub fn coefficient_automorphism(dst: &mut [u64], src: &[u64], galois: usize, m: &Modulus) {
    let n = src.len();
    assert_eq!(dst.len(), n, "slices must match in length");
    check(n, galois);
    for (i, &x) in src.iter().enumerate() {
        let power = i.wrapping_mul(galois) & (2 * n - 1);
        if power < n {
            dst[power] = x;
        } else {
            dst[power - n] = m.neg(x);
        }
    }
}

fn check(n: usize, galois: usize) {
    assert!(n.is_power_of_two() && n <= 1 << 31, "the ring degree is a power of two");
    assert!(galois % 2 == 1, "a Galois element is odd");
}
