//! Primitive roots of unity.

use crate::Modulus;

/// Candidates tried before a modulus is given up as not prime; half of all candidates succeed if it is.
const ATTEMPTS: u64 = 256;

/// A primitive `2n`-th root of unity, the same one on every call; `None` unless `q = 1 mod 2n`.
///
/// It is `g^((q-1)/2n)` for the smallest `g >= 2` that gives one.
pub(crate) fn primitive_root(m: &Modulus, n: usize) -> Option<u64> {
    let (q, order) = (m.value(), 2 * n as u64);
    if !(q - 1).is_multiple_of(order) {
        return None;
    }
    let candidates = 2..q.min(2 + ATTEMPTS);
    candidates.map(|g| m.pow(g, (q - 1) / order)).find(|&psi| m.pow(psi, n as u64) == q - 1)
}

/// `i` with its lowest `bits` bits in reverse order; higher bits must be zero.
#[inline]
pub(crate) fn bit_reverse(i: usize, bits: u32) -> usize {
    debug_assert!(bits == usize::BITS || i >> bits == 0);
    i.reverse_bits().checked_shr(usize::BITS - bits).unwrap_or(0)
}
