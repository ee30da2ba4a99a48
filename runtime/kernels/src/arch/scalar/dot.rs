//! Inner products with one reduction per result.

use crate::Modulus;

/// A sum of `2^28` products of values below `2^50` still fits in 128 bits.
pub(crate) fn dot(dst: &mut [u64], a: &[&[u64]], b: &[&[u64]], m: &Modulus) {
    for (i, dst) in dst.iter_mut().enumerate() {
        let sum = a.iter().zip(b).map(|(a, b)| u128::from(a[i]) * u128::from(b[i])).sum();
        *dst = m.reduce_u128(sum);
    }
}
