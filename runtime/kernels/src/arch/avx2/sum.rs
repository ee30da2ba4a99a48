//! Sums of products, reduced once.

use std::arch::x86_64::{
    __m256d, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_add_pd, _mm256_fmadd_pd, _mm256_fmsub_pd,
    _mm256_fnmadd_pd, _mm256_mul_pd, _mm256_round_pd, _mm256_set1_pd, _mm256_sub_pd,
};

use super::lanes::{Lanes, ROUND};
use crate::Modulus;

/// How sums of products of a value below `2^bits`, `bits <= 50`, and one below `q` are taken modulo `q`.
///
/// A sum is kept in two parts. `high` has an offset of `1.5 * 2^52` times a unit, so that a fused multiply-add rounds
/// to multiples of the unit; what that rounds off, an integer of at most half a unit, is exact and goes to `low`.
/// Such a term costs four operations, a reduced product six.
#[derive(Clone, Copy)]
pub(super) struct Summation {
    lanes: Lanes,
    offset: __m256d,
    /// How many products one sum may have, at least [`FEWEST`]: `high` then stays within `2^51` units of its offset and
    /// `2^53 q`, and `low` is at most `2^52` more than at the start.
    pub(super) terms: usize,
}

/// Of operands of 50 bits a sum may have so many products, of others more.
pub(super) const FEWEST: usize = 4;

/// An unfinished sum.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    high: __m256d,
    low: __m256d,
}

impl Summation {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(m: &Modulus, bits: u32) -> Self {
        // Products are below `2^(2 half)`, a unit is `2^(half + 1)`.
        let half = (bits + m.bits).div_ceil(2);
        let unit = f64::from_bits(u64::from(1023 + half + 1) << 52);
        Self {
            lanes: Lanes::new(m),
            offset: _mm256_set1_pd(ROUND * unit),
            terms: 1 << (52 - half).min(53 - bits),
        }
    }

    /// The sum of nothing and an integer `low` of at most `2^51` in magnitude.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn start(self, low: __m256d) -> Sum {
        Sum { high: self.offset, low }
    }

    /// The sum modulo `q`, of magnitude at most `(q + 1) / 2`.
    ///
    /// Less its offset, `high` is an integer, about `2^53` times `q` at most, and `2^52` times if `q` is above `2^48`. Its
    /// quotient is off by the errors of the reciprocal, of the product with it and of rounding, at most 2 and `5/4`. So
    /// the remainder is an integer of at most `5/4 2^50`, exact, and with `low` at most `2^53`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn finish(self, sum: Sum) -> __m256d {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        let high = _mm256_sub_pd(sum.high, self.offset);
        let quotient = _mm256_round_pd::<NEAREST>(_mm256_mul_pd(high, self.lanes.reciprocal));
        self.lanes.lower(_mm256_add_pd(_mm256_fnmadd_pd(quotient, self.lanes.q, high), sum.low))
    }
}

impl Sum {
    /// Adds `a b`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn add(&mut self, a: __m256d, b: __m256d) {
        let high = _mm256_fmadd_pd(a, b, self.high);
        let rounded = _mm256_sub_pd(high, self.high);
        self.low = _mm256_add_pd(self.low, _mm256_fmsub_pd(a, b, rounded));
        self.high = high;
    }
}
