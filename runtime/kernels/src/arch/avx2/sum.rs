//! Sums of products, reduced once.

use std::arch::x86_64::{
    __m256d, _mm256_add_pd, _mm256_fmadd_pd, _mm256_fmsub_pd, _mm256_set1_pd, _mm256_sub_pd,
};

use super::lanes::{Factor, Lanes, ROUND, centred};
use crate::Modulus;

/// How sums of products of values below `2^bits`, `bits <= 50`, are taken modulo `q`.
///
/// A sum is kept in two parts. `high` has an offset of `1.5 * 2^52` times a unit of `2^(bits + 1)`, so that a fused
/// multiply-add rounds to multiples of the unit; what that rounds off, an integer of at most half a unit, is exact
/// and goes to `low`. Such a term costs four operations, a reduced product six.
#[derive(Clone, Copy)]
pub(super) struct Summation {
    lanes: Lanes,
    offset: __m256d,
    /// The unit modulo `q`, divided by the unit.
    unit: Factor,
}

/// An unfinished sum.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    high: __m256d,
    low: __m256d,
}

/// How many products of values below `2^bits` one sum may have: `high` then stays within `2^51` units of its
/// offset, and `low` is at most `2^52` more than at the start.
pub(super) fn terms(bits: u32) -> usize {
    1 << (52 - bits)
}

impl Summation {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(m: &Modulus, bits: u32) -> Self {
        let lanes = Lanes::new(m);
        let power = f64::from_bits(u64::from(1023 + bits + 1) << 52);
        let unit = lanes.factor(_mm256_set1_pd(centred(m.reduce(1 << (bits + 1)), m) / power));
        Self { lanes, offset: _mm256_set1_pd(ROUND * power), unit }
    }

    /// The sum of nothing and an integer `low` of at most `2^51 + 2^50` in magnitude.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn start(self, low: __m256d) -> Sum {
        Sum { high: self.offset, low }
    }

    /// The sum modulo `q`, of magnitude at most `(q + 1) / 2`.
    ///
    /// `high` is below `2^51` units, so that its product is below `3/4 q`; with `low` that is at most `2^53`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn finish(self, sum: Sum) -> __m256d {
        let high = self.lanes.mul(_mm256_sub_pd(sum.high, self.offset), self.unit);
        self.lanes.lower(_mm256_add_pd(high, sum.low))
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
