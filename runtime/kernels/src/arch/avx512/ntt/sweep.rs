//! Passes over whole blocks: two or three levels per load and store.

use std::arch::x86_64::{__m512i, _mm512_add_epi64};

use super::super::lanes::{Factor, Row, load, splat, store};
use super::butterfly::{MIDDLE, Ring, WIDE};
use super::tables::{Pair, Tables};

/// What a forward pass does to the first operands of its first level.
#[derive(Clone, Copy)]
pub(super) struct Entry<const GROWTH: u8> {
    ring: Ring<GROWTH>,
    first: bool,
    /// WIDE: what is added; MIDDLE: what quotients start at.
    shift: __m512i,
}

impl<const GROWTH: u8> Entry<GROWTH> {
    /// `first`: for the pass of longest stride.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(ring: Ring<GROWTH>, tables: &Tables, first: bool) -> Self {
        let shift = if GROWTH == WIDE { tables.offset } else { 3_u64.wrapping_neg() };
        Self { ring, first, shift: splat(shift) }
    }

    /// WIDE offsets once, on the first pass; MIDDLE brings every pass back to `[3q, 5q)`, from which three levels
    /// reach `[0, 8q)`. TIGHT reduces in the butterfly.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn apply(self, x: __m512i) -> __m512i {
        if GROWTH == MIDDLE {
            self.ring.lanes.refresh_less(self.shift, x)
        } else if GROWTH == WIDE && self.first {
            _mm512_add_epi64(x, self.shift)
        } else {
            x
        }
    }
}

/// What is left of an inverse transform after a pass.
#[derive(Clone, Copy)]
pub(super) enum Next {
    /// More passes: the results are less this many `q`.
    Pass(__m512i),
    /// None: they are multiplied by `1/n` or the last twiddle divided by `n`.
    Done([Pair; 2]),
}

/// Three forward levels over a block.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn down8<const GROWTH: u8>(entry: Entry<GROWTH>, block: &mut [Row], w: &[Pair; 7]) {
    let w = factors8(w);
    let [r0, r1, r2, r3, r4, r5, r6, r7] = split8(block);
    for i in 0..r0.len() {
        let (x0, x1) = (entry.apply(load(&r0[i])), entry.apply(load(&r1[i])));
        let (x2, x3) = (entry.apply(load(&r2[i])), entry.apply(load(&r3[i])));
        let mut x = [x0, x1, x2, x3, load(&r4[i]), load(&r5[i]), load(&r6[i]), load(&r7[i])];
        entry.ring.down8(&mut x, &w);
        store8(
            [&mut r0[i], &mut r1[i], &mut r2[i], &mut r3[i], &mut r4[i], &mut r5[i], &mut r6[i], &mut r7[i]],
            x,
        );
    }
}

/// Two forward levels over a block.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn down4<const GROWTH: u8>(entry: Entry<GROWTH>, block: &mut [Row], w: &[Pair; 3]) {
    let w = factors4(w);
    let [r0, r1, r2, r3] = split4(block);
    for i in 0..r0.len() {
        let mut x = [entry.apply(load(&r0[i])), entry.apply(load(&r1[i])), load(&r2[i]), load(&r3[i])];
        entry.ring.down4(&mut x, &w);
        store4([&mut r0[i], &mut r1[i], &mut r2[i], &mut r3[i]], x);
    }
}

/// Three inverse levels over a block.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn up8<const GROWTH: u8>(ring: Ring<GROWTH>, block: &mut [Row], w: &[Pair; 7], next: Next) {
    let w = factors8(w);
    let [r0, r1, r2, r3, r4, r5, r6, r7] = split8(block);
    for i in 0..r0.len() {
        let (x0, x1, x2, x3) = (load(&r0[i]), load(&r1[i]), load(&r2[i]), load(&r3[i]));
        let mut x = [x0, x1, x2, x3, load(&r4[i]), load(&r5[i]), load(&r6[i]), load(&r7[i])];
        match next {
            Next::Pass(k) => ring.up8(&mut x, &w, k),
            Next::Done([scale, last]) => {
                ring.up8_last(&mut x, &w, Factor::splat(scale), Factor::splat(last));
            }
        }
        store8(
            [&mut r0[i], &mut r1[i], &mut r2[i], &mut r3[i], &mut r4[i], &mut r5[i], &mut r6[i], &mut r7[i]],
            x,
        );
    }
}

/// Two inverse levels over a block.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn up4<const GROWTH: u8>(ring: Ring<GROWTH>, block: &mut [Row], w: &[Pair; 3], next: Next) {
    let w = factors4(w);
    let [r0, r1, r2, r3] = split4(block);
    for i in 0..r0.len() {
        let mut x = [load(&r0[i]), load(&r1[i]), load(&r2[i]), load(&r3[i])];
        match next {
            Next::Pass(k) => ring.up4(&mut x, &w, k),
            Next::Done([scale, last]) => {
                ring.up4_last(&mut x, &w, Factor::splat(scale), Factor::splat(last));
            }
        }
        store4([&mut r0[i], &mut r1[i], &mut r2[i], &mut r3[i]], x);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn factors8(w: &[Pair; 7]) -> [Factor; 7] {
    let [a, b, c, d, e, f, g] = *w;
    let (a, b, c, d) = (Factor::splat(a), Factor::splat(b), Factor::splat(c), Factor::splat(d));
    [a, b, c, d, Factor::splat(e), Factor::splat(f), Factor::splat(g)]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn factors4(w: &[Pair; 3]) -> [Factor; 3] {
    [Factor::splat(w[0]), Factor::splat(w[1]), Factor::splat(w[2])]
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load8(rows: &[Row; 8]) -> [__m512i; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    [load(a), load(b), load(c), load(d), load(e), load(f), load(g), load(h)]
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store8(rows: [&mut Row; 8], x: [__m512i; 8]) {
    for (row, x) in rows.into_iter().zip(x) {
        store(row, x);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store4(rows: [&mut Row; 4], x: [__m512i; 4]) {
    for (row, x) in rows.into_iter().zip(x) {
        store(row, x);
    }
}

/// Eight equal parts.
#[inline(always)]
fn split8(block: &mut [Row]) -> [&mut [Row]; 8] {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let ([a, b, c, d], [e, f, g, h]) = (split4(low), split4(high));
    // Equal lengths that the compiler can see save the bounds checks of the loops above.
    let len = a.len();
    let [b, c, d, e, f, g, h] = [b, c, d, e, f, g, h].map(|part| &mut part[..len]);
    [a, b, c, d, e, f, g, h]
}

/// Four equal parts.
#[inline(always)]
fn split4(block: &mut [Row]) -> [&mut [Row]; 4] {
    let len = block.len() / 4;
    let (a, rest) = block.split_at_mut(len);
    let (b, rest) = rest.split_at_mut(len);
    let (c, d) = rest.split_at_mut(len);
    [a, b, c, &mut d[..len]]
}
