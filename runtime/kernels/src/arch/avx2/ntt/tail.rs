//! The last two forward levels, or the first two inverse ones: 16 values at a time, transposed so that butterflies
//! are between registers.

use std::arch::x86_64::{
    __m256d, _mm256_permute2f128_pd, _mm256_setr_pd, _mm256_unpackhi_pd, _mm256_unpacklo_pd,
};

use super::super::lanes::{Factor, Row, Words, float, load, load_float};
use super::butterfly::Ring;
use super::sweep::{store_all, store_words};
use crate::Modulus;

/// What all blocks share.
#[derive(Clone, Copy)]
pub(super) struct Tail<const TIGHT: bool> {
    ring: Ring<TIGHT>,
    words: Words,
}

impl<const TIGHT: bool> Tail<TIGHT> {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(ring: Ring<TIGHT>, m: &Modulus) -> Self {
        Self { ring, words: Words::new(m) }
    }

    /// Two forward levels on four blocks of four values; leaves canonical words.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn down(self, rows: &mut [Row; 4], w: &[[f64; 4]; 3]) {
        let mut x = transpose(rows.each_ref().map(|row| load_float(row)));
        self.ring.down4(&mut x, self.columns(w));
        let x = transpose(x.map(|x| self.ring.lanes.lower(x)));
        store_words(self.words, rows.each_mut(), x);
    }

    /// Two inverse levels on four blocks of four canonical words.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn up(self, rows: &mut [Row; 4], w: &[[f64; 4]; 3]) {
        let mut x = transpose(rows.each_ref().map(|row| float(load(row))));
        self.ring.up4(&mut x, self.columns(w));
        store_all(rows.each_mut(), transpose(x));
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn columns(self, w: &[[f64; 4]; 3]) -> [Factor; 3] {
        w.map(|[a, b, c, d]| self.ring.lanes.factor(_mm256_setr_pd(a, b, c, d)))
    }
}

/// A 4 by 4 transposition.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose([a, b, c, d]: [__m256d; 4]) -> [__m256d; 4] {
    // `ab0` holds columns 0, 2 of rows a, b.
    let (ab0, ab1) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
    let (cd0, cd1) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
    let (x0, x2) = (_mm256_permute2f128_pd::<0x20>(ab0, cd0), _mm256_permute2f128_pd::<0x31>(ab0, cd0));
    let (x1, x3) = (_mm256_permute2f128_pd::<0x20>(ab1, cd1), _mm256_permute2f128_pd::<0x31>(ab1, cd1));
    [x0, x1, x2, x3]
}
