//! The butterflies, and how far they may let values grow.
//!
//! Values are signed. Let `B q` bound their magnitude before a level, and let a multiplication's operand be at most
//! `X q`; then its result is at most `(1/2 + X q / 2^53) q`, provided that `X q < 2^52`.
//!
//! Forward, a level turns `B` into `B + 1/2 + B q / 2^53`, starting at `B = 1`.
//!
//! - Not tight, `q < 2^48`: that is `B (1 + 1/32) + 1/2`, below 16 after 20 levels. Nothing is reduced.
//! - Tight, `q < 2^50`: the first operands of a pass are reduced to `(q + 1) / 2`, after which its first level
//!   leaves `1.01 + B/8` and every further one `9/8 B + 1/2`. Passes of
//!   three levels keep `B` below 2.8, and so all multiplied values below `4 q < 2^52`.
//!
//! Inverse, sums double, and the values that have been through no multiplication for some levels are reduced at
//! the end of a pass. Let `B` bound what enters a pass, and `p1`, `p2`, `p3` the products of its levels.
//!
//! - Not tight: `B = 1.4`. In a pass of three levels, `p1 <= 1/2 + 2B/32`, `p2 <= 1/2 + 4B/32` and
//!   `p3 <= 1/2 + 8B/32 < 0.9`. Of the sums, `8B` and `4 p1` are reduced, `2 p2` is at most 1.35. Two levels
//!   reduce `4B` and leave `2 p1 < 1.2`.
//! - Tight: `B = 1`. In a pass of two levels, `p1 <= 3/4` and `p2 < 1`; both sums, `4B` and `2 p1`, are reduced. In
//!   a pass of three levels, sums of `4B` are reduced before the last level, all four sums after it, and
//!   `p3 <= 1/2 + 4 p1 / 8`.

use std::arch::x86_64::{__m256d, _mm256_add_pd, _mm256_sub_pd};

use super::super::lanes::{Factor, Lanes};
use crate::Modulus;

/// Whether values must be reduced in every pass.
pub(super) fn tight(m: &Modulus, n: usize) -> bool {
    m.bits > 48 || n > 1 << 20
}

/// Butterflies modulo one prime.
#[derive(Clone, Copy)]
pub(super) struct Ring<const TIGHT: bool> {
    pub(super) lanes: Lanes,
}

impl<const TIGHT: bool> Ring<TIGHT> {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(m: &Modulus) -> Self {
        Self { lanes: Lanes::new(m) }
    }

    /// Three forward levels, `(x0, x4) ..` first.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn down8(self, x: &mut [__m256d; 8], w: &[Factor; 7]) {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        self.enter(x0);
        self.enter(x1);
        self.enter(x2);
        self.enter(x3);
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
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn down4(self, x: &mut [__m256d; 4], w: [Factor; 3]) {
        let [x0, x1, x2, x3] = x;
        self.enter(x0);
        self.enter(x1);
        self.down(x0, x2, w[0]);
        self.down(x1, x3, w[0]);
        self.down(x0, x1, w[1]);
        self.down(x2, x3, w[2]);
    }

    /// Two inverse levels within each half of eight registers: all but the last of three.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn up8_start(self, x: &mut [__m256d; 8], w: &[Factor; 7]) {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        self.up(x0, x1, w[3]);
        self.up(x2, x3, w[4]);
        self.up(x4, x5, w[5]);
        self.up(x6, x7, w[6]);
        self.up(x0, x2, w[1]);
        self.up(x1, x3, w[1]);
        self.up(x4, x6, w[2]);
        self.up(x5, x7, w[2]);
        self.enter(x0);
        self.enter(x4);
    }

    /// Three inverse levels.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn up8(self, x: &mut [__m256d; 8], w: &[Factor; 7]) {
        self.up8_start(x, w);
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        self.up(x0, x4, w[0]);
        self.up(x1, x5, w[0]);
        self.up(x2, x6, w[0]);
        self.up(x3, x7, w[0]);
        *x0 = self.lanes.lower(*x0);
        *x1 = self.lanes.lower(*x1);
        self.enter(x2);
        self.enter(x3);
    }

    /// Three inverse levels, the last one with the given factors for its sums and differences; leaves `(-q, q)`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn up8_last(self, x: &mut [__m256d; 8], w: &[Factor; 7], last: [Factor; 2]) {
        self.up8_start(x, w);
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        self.up_last(x0, x4, last);
        self.up_last(x1, x5, last);
        self.up_last(x2, x6, last);
        self.up_last(x3, x7, last);
    }

    /// Two inverse levels.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn up4(self, x: &mut [__m256d; 4], w: [Factor; 3]) {
        let [x0, x1, x2, x3] = x;
        self.up(x0, x1, w[1]);
        self.up(x2, x3, w[2]);
        self.up(x0, x2, w[0]);
        self.up(x1, x3, w[0]);
        *x0 = self.lanes.lower(*x0);
        self.enter(x1);
    }

    /// Two inverse levels, the last one with the given factors for its sums and differences; leaves `(-q, q)`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn up4_last(self, x: &mut [__m256d; 4], w: [Factor; 3], last: [Factor; 2]) {
        let [x0, x1, x2, x3] = x;
        self.up(x0, x1, w[1]);
        self.up(x2, x3, w[2]);
        self.up_last(x0, x2, last);
        self.up_last(x1, x3, last);
    }

    /// Cooley-Tukey: `(x + y w, x - y w)`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn down(self, x: &mut __m256d, y: &mut __m256d, w: Factor) {
        let product = self.lanes.mul(*y, w);
        (*x, *y) = (_mm256_add_pd(*x, product), _mm256_sub_pd(*x, product));
    }

    /// Gentleman-Sande: `(x + y, (x - y) w)`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn up(self, x: &mut __m256d, y: &mut __m256d, w: Factor) {
        (*x, *y) = (_mm256_add_pd(*x, *y), self.lanes.mul(_mm256_sub_pd(*x, *y), w));
    }

    /// `((x + y) s, (x - y) w)`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn up_last(self, x: &mut __m256d, y: &mut __m256d, [s, w]: [Factor; 2]) {
        let (sum, difference) = (_mm256_add_pd(*x, *y), _mm256_sub_pd(*x, *y));
        (*x, *y) = (self.lanes.mul(sum, s), self.lanes.mul(difference, w));
    }

    /// Reduces a value if values must be tight.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn enter(self, x: &mut __m256d) {
        if TIGHT {
            *x = self.lanes.lower(*x);
        }
    }
}
