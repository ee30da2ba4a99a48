//! Fast base conversion, a few coefficients of all limbs at a time.

use crate::convert::{ConverterTables, MAX_FROM};

/// Coefficients per round: one limb after the other is written, in pieces that stay in the L1 cache.
const ROUND: usize = 256;

pub(crate) fn convert(tables: &ConverterTables, src: &[&[u64]], dst: &mut [&mut [u64]]) {
    let n = src.first().map_or(0, |limb| limb.len());
    let mut digits = [([0; MAX_FROM], 0); ROUND];
    for start in (0..n).step_by(ROUND) {
        let end = n.min(start + ROUND);
        for (digits, i) in digits.iter_mut().zip(start..end) {
            *digits = split(&tables.reciprocals, src, i);
        }
        for (dst, to) in dst.iter_mut().zip(&tables.to) {
            for (dst, (y, v)) in dst[start..end].iter_mut().zip(&digits) {
                let products = y.iter().zip(&to.factors).map(|(&y, &f)| u128::from(y) * u128::from(f));
                let sum = products.take(src.len()).sum::<u128>() + u128::from(to.corrections[*v]);
                *dst = to.modulus.montgomery(sum, to.inverse);
            }
        }
    }
}

/// The digits `y_i` of coefficient `i` and their rounded sum `v`.
fn split(reciprocals: &[f64], src: &[&[u64]], i: usize) -> ([u64; MAX_FROM], usize) {
    let mut digits = [0; MAX_FROM];
    // One multiplication and one addition per limb, in this order and each rounded: part of the specification.
    let mut quotient = 0.0;
    for ((digit, limb), reciprocal) in digits.iter_mut().zip(src).zip(reciprocals) {
        *digit = limb[i];
        #[expect(clippy::cast_precision_loss, reason = "exact: below 2^50")]
        let digit = *digit as f64;
        quotient += digit * reciprocal;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= v <= 8")]
    let v = (quotient + 0.5) as usize;
    (digits, v)
}
