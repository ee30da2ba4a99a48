//! The butterflies, and how far they may let values grow.
//!
//! A product or a reduction subtracts `quotient * q`. Its quotient may start at any small number instead of zero,
//! which moves the result by a multiple of `q` without an instruction. So a forward product is taken in
//! `[-q, q)`, and what enters an inverse level as first operand is in `[q, 3q)`, as second in `[-q, q)`: their sum and
//! their difference are then both in `[0, 4q)`.

use std::arch::x86_64::{__m512i, _mm512_add_epi64, _mm512_setzero_si512, _mm512_sub_epi64};

use super::super::lanes::{Factor, Lanes, splat};
use crate::Modulus;

/// Values are reduced at every level. For `q < 2^50`.
pub(super) const TIGHT: u8 = 0;
/// Values are reduced once per pass. For `q < 2^49` forward, `q < 2^48` inverse.
pub(super) const MIDDLE: u8 = 1;
/// Values grow by `q` per level at both ends and are reduced at the end. Forward only, for `q < 2^47`,
/// `n <= 2^18`.
pub(super) const WIDE: u8 = 2;

/// The class of the forward transform.
pub(super) fn growth_down(m: &Modulus, n: usize) -> u8 {
    match m.bits {
        0..=47 if n <= 1 << 18 => WIDE,
        0..=49 => MIDDLE,
        _ => TIGHT,
    }
}

/// The class of the inverse transform.
pub(super) fn growth_up(m: &Modulus) -> u8 {
    if m.bits <= 48 { MIDDLE } else { TIGHT }
}

/// Butterflies modulo one prime. Values are loose.
#[derive(Clone, Copy)]
pub(super) struct Ring<const GROWTH: u8> {
    pub(super) lanes: Lanes,
    /// Quotients that start here leave `q` more, for first operands.
    pub(super) raised: __m512i,
    /// Quotients that start here leave `q` less, for second operands.
    pub(super) lowered: __m512i,
    pub(super) q2: __m512i,
    pub(super) q4: __m512i,
    q8: __m512i,
}

impl<const GROWTH: u8> Ring<GROWTH> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(m: &Modulus) -> Self {
        Self {
            lanes: Lanes::new(m),
            raised: splat(u64::MAX),
            lowered: splat(1),
            q2: splat(2 * m.q),
            q4: splat(4 * m.q),
            q8: splat(8 * m.q),
        }
    }

    /// Three forward levels, `X = (x0, x4) ..` first. See [`Ring::down`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn down8(self, x: &mut [__m512i; 8], w: &[Factor; 7]) {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        self.down(x0, x4, w[0]);
        self.down(x1, x5, w[0]);
        self.down(x2, x6, w[0]);
        self.down(x3, x7, w[0]);
        self.down(x0, x2, w[1]);
        self.down(x1, x3, w[1]);
        self.down(x4, x6, w[2]);
        self.down(x5, x7, w[2]);
        self.down(x0, x1, w[3]);
        self.down(x2, x3, w[4]);
        self.down(x4, x5, w[5]);
        self.down(x6, x7, w[6]);
    }

    /// Two forward levels.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn down4(self, x: &mut [__m512i; 4], w: &[Factor; 3]) {
        let [x0, x1, x2, x3] = x;
        self.down(x0, x2, w[0]);
        self.down(x1, x3, w[0]);
        self.down(x0, x1, w[1]);
        self.down(x2, x3, w[2]);
    }

    /// Cooley-Tukey: `(x + y w, x - y w)`, with `y w` in `[-q, q)`.
    ///
    /// TIGHT takes `x` from `[0, 4q)` to `[q, 3q)` first. Otherwise the caller has, and the range widens by `q` at
    /// both ends. `y` is any value that is not negative.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn down(self, x: &mut __m512i, y: &mut __m512i, w: Factor) {
        let first = if GROWTH == TIGHT { self.lanes.refresh_less(self.raised, *x) } else { *x };
        // `2x - (x + y w)` instead of `x - y w` lets the multiply-add do one of the two additions.
        *x = self.lanes.mul_add_less(self.lowered, first, *y, w);
        *y = _mm512_sub_epi64(_mm512_add_epi64(first, first), *x);
    }

    /// A butterfly with a twiddle of one: `(x + y, x - y + offset)`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn one(self, x: &mut __m512i, y: &mut __m512i, offset: __m512i) {
        (*x, *y) = (_mm512_add_epi64(*x, *y), _mm512_sub_epi64(_mm512_add_epi64(*x, offset), *y));
    }

    /// Two inverse levels within each half of eight registers: all but the last of three. See [`Ring::up`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn up8_start(self, x: &mut [__m512i; 8], w: &[Factor; 7]) {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        let (first, second) = (self.raised, self.lowered);
        self.up(x0, x1, w[3], [first, first]);
        self.up(x2, x3, w[4], [second, second]);
        self.up(x4, x5, w[5], [first, first]);
        self.up(x6, x7, w[6], [second, second]);
        self.up_sums(x0, x2, w[1], self.q4, [first, first]);
        self.up(x1, x3, w[1], [first, first]);
        self.up_sums(x4, x6, w[2], self.q4, [second, second]);
        self.up(x5, x7, w[2], [second, second]);
    }

    /// Three inverse levels. The results are less `k q` each: `raised` or `lowered`, by what they are next.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up8(self, x: &mut [__m512i; 8], w: &[Factor; 7], k: __m512i) {
        self.up8_start(x, w);
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        self.up_sums(x0, x4, w[0], self.q8, [k, k]);
        self.up_sums(x1, x5, w[0], self.q4, [k, k]);
        self.up(x2, x6, w[0], [k, k]);
        self.up(x3, x7, w[0], [k, k]);
        if GROWTH != TIGHT {
            for x in [x0, x1, x2, x3] {
                *x = self.lanes.refresh_less(k, *x);
            }
        }
    }

    /// Three inverse levels and the division by `n`; leaves canonical values.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up8_last(self, x: &mut [__m512i; 8], w: &[Factor; 7], scale: Factor, last: Factor) {
        self.up8_start(x, w);
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        let zero = _mm512_setzero_si512();
        self.up_last(x0, x4, scale, last, if GROWTH == TIGHT { zero } else { self.q8 });
        self.up_last(x1, x5, scale, last, if GROWTH == TIGHT { zero } else { self.q4 });
        self.up_last(x2, x6, scale, last, zero);
        self.up_last(x3, x7, scale, last, zero);
    }

    /// Two inverse levels. The results are less `k q` each.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up4(self, x: &mut [__m512i; 4], w: &[Factor; 3], k: __m512i) {
        let [x0, x1, x2, x3] = x;
        self.up(x0, x1, w[1], [self.raised; 2]);
        self.up(x2, x3, w[2], [self.lowered; 2]);
        self.up_sums(x0, x2, w[0], self.q4, [k, k]);
        self.up(x1, x3, w[0], [k, k]);
        if GROWTH != TIGHT {
            for x in [x0, x1] {
                *x = self.lanes.refresh_less(k, *x);
            }
        }
    }

    /// Two inverse levels and the division by `n`; leaves canonical values.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up4_last(self, x: &mut [__m512i; 4], w: &[Factor; 3], scale: Factor, last: Factor) {
        let [x0, x1, x2, x3] = x;
        let zero = _mm512_setzero_si512();
        self.up(x0, x1, w[1], [self.raised; 2]);
        self.up(x2, x3, w[2], [self.lowered; 2]);
        self.up_last(x0, x2, scale, last, if GROWTH == TIGHT { zero } else { self.q4 });
        self.up_last(x1, x3, scale, last, zero);
    }

    /// Gentleman-Sande: `(x + y, (x - y) w)` for `x` in `[q, 3q)`, `y` in `[-q, q)`.
    ///
    /// The product is in `[0, 2q)` less `k[1] q`. The sum is too in TIGHT, with `k[0]`; in MIDDLE it is in
    /// `[0, 4q)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn up(self, x: &mut __m512i, y: &mut __m512i, w: Factor, k: [__m512i; 2]) {
        let (sum, difference) = (_mm512_add_epi64(*x, *y), _mm512_sub_epi64(*x, *y));
        *x = if GROWTH == TIGHT { self.lanes.refresh_less(k[0], sum) } else { sum };
        *y = self.lanes.mul_add_less(k[1], _mm512_setzero_si512(), difference, w);
    }

    /// [`Ring::up`] for sums, which in MIDDLE are anything in `[0, bound]`; the sum is in `[0, 2 bound]` then.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn up_sums(self, x: &mut __m512i, y: &mut __m512i, w: Factor, bound: __m512i, k: [__m512i; 2]) {
        if GROWTH == TIGHT {
            return self.up(x, y, w, k);
        }
        self.one(x, y, bound);
        *y = self.lanes.mul_add_less(k[1], _mm512_setzero_si512(), *y, w);
    }

    /// The very last level: both results multiplied and canonical.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn up_last(self, x: &mut __m512i, y: &mut __m512i, scale: Factor, last: Factor, offset: __m512i) {
        self.one(x, y, offset);
        *x = self.lanes.finish(self.lanes.mul_lazy(*x, scale));
        *y = self.lanes.finish(self.lanes.mul_lazy(*y, last));
    }
}
