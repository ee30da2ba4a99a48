//! The last six forward levels, or the first six inverse ones: blocks of 64 values, in registers.
//!
//! Three levels are butterflies between registers. After a transposition the other three are too, and with the
//! same twiddles for every block: see `Eighths` in `tables`.

use std::arch::x86_64::{
    __m512i, _mm512_mask_mov_epi64, _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64,
};

use super::super::lanes::{Factor, Row, splat};
use super::butterfly::{MIDDLE, Ring, TIGHT, WIDE};
use super::sweep::{Entry, factors8, load8, store8};
use super::tables::{Block, Direction};
use crate::Modulus;

/// The factors all blocks share, and multiples of the prime.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a, const GROWTH: u8> {
    ring: Ring<GROWTH>,
    powers: &'a [[Row; 2]; 7],
    quarter: Factor,
    eighth: Factor,
    three_eighths: Factor,
    /// Quotients that leave even lanes first operands of an inverse level, odd ones second.
    alternating: __m512i,
    /// By how much `x4`, `x5` are kept from becoming negative on the first of the last three forward levels, `x2`
    /// and `x3` on the second, `x1` on the third.
    offsets: [[__m512i; 2]; 3],
}

impl<'a, const GROWTH: u8> Shared<'a, GROWTH> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(ring: Ring<GROWTH>, direction: &'a Direction, m: &Modulus) -> Self {
        let eighths = &direction.eighths;
        let offsets = match GROWTH {
            TIGHT => [[2, 2], [2, 2], [2, 2]],
            MIDDLE => [[4, 3], [4, 4], [2, 2]],
            _ => [[4, 3], [5, 4], [8, 8]],
        };
        Self {
            ring,
            powers: &eighths.powers,
            quarter: Factor::splat(eighths.quarter),
            eighth: Factor::splat(eighths.eighth),
            three_eighths: Factor::splat(eighths.three_eighths),
            alternating: _mm512_mask_mov_epi64(ring.lowered, 0b0101_0101, ring.raised),
            offsets: offsets.map(|level| level.map(|k| splat(k * m.q))),
        }
    }

    /// Six forward levels on two blocks; leaves canonical values.
    ///
    /// One block is a chain of some hundred cycles; two in turns keep the multipliers busy.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn down(self, entry: Entry<GROWTH>, [a, b]: &mut [[Row; 8]; 2], blocks: &[Block; 2]) {
        let x = self.down_rows(entry, a, &blocks[0]);
        let y = self.down_rows(entry, b, &blocks[1]);
        let (mut x, mut y) = (transpose(x), transpose(y));
        self.substitute(&mut x, &blocks[0], _mm512_setzero_si512());
        self.substitute(&mut y, &blocks[1], _mm512_setzero_si512());
        self.down_columns(&mut x);
        self.down_columns(&mut y);
        store8(a.each_mut(), transpose(x));
        store8(b.each_mut(), transpose(y));
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn down_rows(self, entry: Entry<GROWTH>, rows: &[Row; 8], block: &Block) -> [__m512i; 8] {
        let mut x = load8(rows);
        for x in &mut x[..4] {
            *x = entry.apply(*x);
        }
        self.ring.down8(&mut x, &factors8(&block.twiddles));
        x
    }

    /// The last three forward levels, of values in `[0, 2q)`; leaves canonical values.
    ///
    /// TIGHT stays below `4q`, MIDDLE below `8q`, WIDE below `16q`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn down_columns(self, x: &mut [__m512i; 8]) {
        let (ring, lanes) = (self.ring, self.ring.lanes);
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        ring.one(x0, x4, self.offsets[0][0]);
        ring.one(x1, x5, self.offsets[0][1]);
        ring.one(x2, x6, ring.q2);
        ring.one(x3, x7, ring.q2);
        if GROWTH == TIGHT {
            for x in [&mut *x0, &mut *x1, &mut *x2, &mut *x3] {
                *x = lanes.refresh(*x);
            }
        }
        ring.one(x0, x2, self.offsets[1][0]);
        ring.one(x1, x3, self.offsets[1][1]);
        ring.down(x4, x6, self.quarter);
        ring.down(x5, x7, self.quarter);
        if GROWTH != WIDE {
            *x0 = lanes.refresh(*x0);
            *x1 = lanes.refresh(*x1);
        }
        if GROWTH == MIDDLE {
            *x2 = lanes.refresh_less(ring.raised, *x2);
        }
        ring.one(x0, x1, self.offsets[2][0]);
        ring.down(x2, x3, self.quarter);
        ring.down(x4, x5, self.eighth);
        ring.down(x6, x7, self.three_eighths);
        for x in x {
            *x = lanes.finish(lanes.refresh(*x));
        }
    }

    /// Six inverse levels on two blocks of canonical values, of even and odd index.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn up(self, [a, b]: &mut [[Row; 8]; 2], blocks: &[Block; 2]) {
        let (mut x, mut y) = (transpose(load8(a)), transpose(load8(b)));
        self.up_columns(&mut x);
        self.up_columns(&mut y);
        self.substitute(&mut x, &blocks[0], self.alternating);
        self.substitute(&mut y, &blocks[1], self.alternating);
        let (mut x, mut y) = (transpose(x), transpose(y));
        self.ring.up8(&mut x, &factors8(&blocks[0].twiddles), self.ring.raised);
        self.ring.up8(&mut y, &factors8(&blocks[1].twiddles), self.ring.lowered);
        store8(a.each_mut(), x);
        store8(b.each_mut(), y);
    }

    /// The first three inverse levels, of canonical values; leaves values in `[0, 8q)`, in TIGHT `[0, 4q)`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn up_columns(self, x: &mut [__m512i; 8]) {
        let (ring, lanes) = (self.ring, self.ring.lanes);
        let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
        let product = |x: &mut __m512i, w| *x = lanes.mul_lazy(*x, w);
        for (x, y) in [(&mut *x0, &mut *x1), (&mut *x2, &mut *x3), (&mut *x4, &mut *x5), (&mut *x6, &mut *x7)]
        {
            ring.one(x, y, lanes.q);
        }
        product(x3, self.quarter);
        product(x5, self.eighth);
        product(x7, self.three_eighths);
        for (x, y) in [(&mut *x0, &mut *x2), (&mut *x1, &mut *x3), (&mut *x4, &mut *x6), (&mut *x5, &mut *x7)]
        {
            ring.one(x, y, ring.q2);
        }
        product(x6, self.quarter);
        product(x7, self.quarter);
        if GROWTH == TIGHT {
            for x in [&mut *x0, &mut *x1, &mut *x2, &mut *x3, &mut *x4, &mut *x5] {
                *x = lanes.refresh(*x);
            }
        }
        let bound = if GROWTH == TIGHT { ring.q2 } else { ring.q4 };
        ring.one(x0, x4, bound);
        ring.one(x1, x5, bound);
        ring.one(x2, x6, bound);
        ring.one(x3, x7, bound);
    }

    /// Multiplies register `c` by the `c`-th power of `T B_r` in lane `r`; leaves values in `[0, 2q)`, less `k q`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn substitute(self, x: &mut [__m512i; 8], block: &Block, k: __m512i) {
        let lanes = self.ring.lanes;
        x[0] = lanes.refresh_less(k, x[0]);
        for c in 0..7 {
            let once = lanes.mul_lazy(x[c + 1], Factor::splat(block.powers[c]));
            let zero = _mm512_setzero_si512();
            x[c + 1] = lanes.mul_add_less(k, zero, once, Factor::load(&self.powers[c]));
        }
    }
}

/// An 8 by 8 transposition.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(x: [__m512i; 8]) -> [__m512i; 8] {
    let [a, b, c, d, e, f, g, h] = x;
    // `ab0` holds columns 0, 2, 4, 6 of rows a, b.
    let (ab0, ab1) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let (cd0, cd1) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    let (ef0, ef1) = (_mm512_unpacklo_epi64(e, f), _mm512_unpackhi_epi64(e, f));
    let (gh0, gh1) = (_mm512_unpacklo_epi64(g, h), _mm512_unpackhi_epi64(g, h));
    let ((abcd04, abcd26), (abcd15, abcd37)) = (unzip(ab0, cd0), unzip(ab1, cd1));
    let ((efgh04, efgh26), (efgh15, efgh37)) = (unzip(ef0, gh0), unzip(ef1, gh1));
    let ((x0, x4), (x2, x6)) = (unzip(abcd04, efgh04), unzip(abcd26, efgh26));
    let ((x1, x5), (x3, x7)) = (unzip(abcd15, efgh15), unzip(abcd37, efgh37));
    [x0, x1, x2, x3, x4, x5, x6, x7]
}

/// The even and the odd 128-bit parts of two registers.
#[inline]
#[target_feature(enable = "avx512f")]
fn unzip(a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xdd>(a, b))
}
