//! The butterflies, and how far they may let values grow.

use std::arch::x86_64::{__m512i, _mm512_add_epi64, _mm512_sub_epi64};

use super::super::lanes::{Factor, Lanes, splat};
use crate::Modulus;

/// Values are reduced at every level. For `q < 2^50`.
pub(super) const TIGHT: u8 = 0;
/// Values are reduced once per pass. For `q < 2^48`.
pub(super) const MIDDLE: u8 = 1;
/// Forward, values grow by `2q` per level and are reduced at the end; inverse, only the one value in eight that
/// has been through no multiplication is reduced. For `q < 2^46`, `n <= 2^18`.
pub(super) const WIDE: u8 = 2;

pub(super) fn growth(m: &Modulus, n: usize) -> u8 {
    match m.bits {
        0..=46 if n <= 1 << 18 => WIDE,
        0..=48 => MIDDLE,
        _ => TIGHT,
    }
}

/// Butterflies modulo one prime. Values are loose unless stated otherwise.
#[derive(Clone, Copy)]
pub(super) struct Ring<const GROWTH: u8> {
    pub(super) lanes: Lanes,
    pub(super) q2: __m512i,
    /// Bound on what enters an inverse pass: `8q` for WIDE, `2q` otherwise.
    base: __m512i,
    base2: __m512i,
    base4: __m512i,
}

impl<const GROWTH: u8> Ring<GROWTH> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(m: &Modulus) -> Self {
        let base = if GROWTH == WIDE { 8 * m.q } else { 2 * m.q };
        Self {
            lanes: Lanes::new(m),
            q2: splat(2 * m.q),
            base: splat(base),
            base2: splat(2 * base),
            base4: splat(4 * base),
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

    /// Two inverse levels within each half of eight registers: all but the last of three.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up8_start(self, x: &mut [__m512i; 8], w: &[Factor; 7]) {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        self.up(x0, x1, w[3], self.base);
        self.up(x2, x3, w[4], self.base);
        self.up(x4, x5, w[5], self.base);
        self.up(x6, x7, w[6], self.base);
        self.up(x0, x2, w[1], self.base2);
        self.up(x1, x3, w[1], self.base2);
        self.up(x4, x6, w[2], self.base2);
        self.up(x5, x7, w[2], self.base2);
    }

    /// Three inverse levels; leaves values below `base`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up8(self, x: &mut [__m512i; 8], w: &[Factor; 7]) {
        self.up8_start(x, w);
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        self.up(x0, x4, w[0], self.base4);
        self.up(x1, x5, w[0], self.base4);
        self.up(x2, x6, w[0], self.base4);
        self.up(x3, x7, w[0], self.base4);
        // Sums since the last multiplication: x0 three, on top of `base`; x1 two, on top of `2q`; x2, x3 one.
        self.lower(x0);
        if GROWTH == MIDDLE {
            self.lower(x1);
            self.lower(x2);
            self.lower(x3);
        }
    }

    /// Three inverse levels and the division by `n`; leaves canonical values.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up8_last(self, x: &mut [__m512i; 8], w: &[Factor; 7], scale: Factor, last: Factor) {
        self.up8_start(x, w);
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        self.up_last(x0, x4, scale, last, self.base4);
        self.up_last(x1, x5, scale, last, self.base4);
        self.up_last(x2, x6, scale, last, self.base4);
        self.up_last(x3, x7, scale, last, self.base4);
    }

    /// Two inverse levels; leaves values below `base`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up4(self, x: &mut [__m512i; 4], w: &[Factor; 3]) {
        let [x0, x1, x2, x3] = x;
        self.up(x0, x1, w[1], self.base);
        self.up(x2, x3, w[2], self.base);
        self.up(x0, x2, w[0], self.base2);
        self.up(x1, x3, w[0], self.base2);
        self.lower(x0);
        if GROWTH == MIDDLE {
            self.lower(x1);
        }
    }

    /// Two inverse levels and the division by `n`; leaves canonical values.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up4_last(self, x: &mut [__m512i; 4], w: &[Factor; 3], scale: Factor, last: Factor) {
        let [x0, x1, x2, x3] = x;
        self.up(x0, x1, w[1], self.base);
        self.up(x2, x3, w[2], self.base);
        self.up_last(x0, x2, scale, last, self.base2);
        self.up_last(x1, x3, scale, last, self.base2);
    }

    /// Cooley-Tukey: `(x + y w, x - y w)`.
    ///
    /// TIGHT keeps `[0, 4q)`. Otherwise the range widens by `2q` at both ends; the caller has offset `x`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn down(self, x: &mut __m512i, y: &mut __m512i, w: Factor) {
        let x0 = if GROWTH == TIGHT { self.halve(*x) } else { *x };
        let mut twice = _mm512_add_epi64(x0, x0);
        if GROWTH == TIGHT {
            twice = _mm512_add_epi64(twice, self.q2);
        }
        // `2x - (x + y w)` instead of `x - y w` lets the multiply-add do one of the two additions.
        *x = self.lanes.mul_add_lazy(x0, *y, w);
        *y = _mm512_sub_epi64(twice, *x);
    }

    /// Cooley-Tukey with a twiddle of one: `(x + y, x - y + offset)`; TIGHT keeps `[0, 4q)` instead.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn down_one(self, x: &mut __m512i, y: &mut __m512i, offset: __m512i) {
        let (a, b, offset) =
            if GROWTH == TIGHT { (self.halve(*x), self.halve(*y), self.q2) } else { (*x, *y, offset) };
        *x = _mm512_add_epi64(a, b);
        *y = _mm512_sub_epi64(_mm512_add_epi64(a, offset), b);
    }

    /// Gentleman-Sande: `(x + y, (x - y) w)` for operands below `bound`; the sum is below `2 bound`, the product
    /// below `2q`. TIGHT keeps `[0, 2q)`, tidy.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up(self, x: &mut __m512i, y: &mut __m512i, w: Factor, bound: __m512i) {
        let (sum, difference) = self.split(*x, *y, bound);
        *x = if GROWTH == TIGHT { self.lanes.fold(sum, self.q2) } else { sum };
        *y = self.product(difference, w);
    }

    /// Gentleman-Sande with a twiddle of one; both results are below `2 bound`. TIGHT keeps `[0, 2q)`, tidy.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up_one(self, x: &mut __m512i, y: &mut __m512i, bound: __m512i) {
        (*x, *y) = self.split(*x, *y, bound);
        if GROWTH == TIGHT {
            (*x, *y) = (self.lanes.fold(*x, self.q2), self.lanes.fold(*y, self.q2));
        }
    }

    /// The very last level: both results multiplied and canonical.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn up_last(self, x: &mut __m512i, y: &mut __m512i, scale: Factor, last: Factor, bound: __m512i) {
        let (sum, difference) = self.split(*x, *y, bound);
        *x = self.lanes.finish(self.lanes.mul_lazy(sum, scale));
        *y = self.lanes.finish(self.lanes.mul_lazy(difference, last));
    }

    /// `(x + y, x - y + bound)`; in TIGHT the bound is `2q`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn split(self, x: __m512i, y: __m512i, bound: __m512i) -> (__m512i, __m512i) {
        let offset = if GROWTH == TIGHT { self.q2 } else { bound };
        (_mm512_add_epi64(x, y), _mm512_sub_epi64(_mm512_add_epi64(x, offset), y))
    }

    /// `x w` below `2q`, tidy in TIGHT.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn product(self, x: __m512i, w: Factor) -> __m512i {
        let product = self.lanes.mul_lazy(x, w);
        if GROWTH == TIGHT { self.lanes.tidy(product) } else { product }
    }

    /// To `[0, 2q)`, except in TIGHT, where values are there already.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn lower(self, x: &mut __m512i) {
        if GROWTH != TIGHT {
            *x = self.lanes.refresh(*x);
        }
    }

    /// `[0, 4q)` to tidy `[0, 2q)`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn halve(self, x: __m512i) -> __m512i {
        self.lanes.fold(self.lanes.tidy(x), self.q2)
    }
}
