//! Passes over whole blocks: two or three levels per load and store.

use std::arch::x86_64::{__m256d, _mm256_set1_pd};

use super::super::lanes::{Factor, Lanes, Row, Words, float, load, load_float, store, store_float};
use super::butterfly::Ring;
use crate::Modulus;

/// Three forward levels over a block; the `FIRST` pass reads words.
#[target_feature(enable = "avx2,fma")]
pub(super) fn down8<const TIGHT: bool, const FIRST: bool>(
    ring: Ring<TIGHT>,
    block: &mut [Row],
    w: &[f64; 7],
) {
    let w = factors(ring.lanes, w);
    let mut parts = split8(block);
    for i in 0..parts[0].len() {
        let mut x = load_all::<FIRST, 8>(parts.each_ref().map(|part| &part[i]));
        ring.down8(&mut x, &w);
        store_all(parts.each_mut().map(|part| &mut part[i]), x);
    }
}

/// Two forward levels over a block; the `FIRST` pass reads words.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn down4<const TIGHT: bool, const FIRST: bool>(
    ring: Ring<TIGHT>,
    block: &mut [Row],
    w: &[f64; 3],
) {
    let w = factors(ring.lanes, w);
    let mut parts = split4(block);
    for i in 0..parts[0].len() {
        let mut x = load_all::<FIRST, 4>(parts.each_ref().map(|part| &part[i]));
        ring.down4(&mut x, w);
        store_all(parts.each_mut().map(|part| &mut part[i]), x);
    }
}

/// Three inverse levels over a block; the `LAST` pass has the factors `last` in its last level and writes canonical words.
#[target_feature(enable = "avx2,fma")]
pub(super) fn up8<const TIGHT: bool, const LAST: bool>(
    ring: Ring<TIGHT>,
    (m, last): (&Modulus, &[f64; 2]),
    block: &mut [Row],
    w: &[f64; 7],
) {
    let (w, last, words) = (factors(ring.lanes, w), factors(ring.lanes, last), Words::new(m));
    let mut parts = split8(block);
    for i in 0..parts[0].len() {
        let mut x = load_all::<false, 8>(parts.each_ref().map(|part| &part[i]));
        let rows = parts.each_mut().map(|part| &mut part[i]);
        if LAST {
            ring.up8_last(&mut x, &w, last);
            store_words(words, rows, x);
        } else {
            ring.up8(&mut x, &w);
            store_all(rows, x);
        }
    }
}

/// Two inverse levels over a block; the `LAST` pass has the factors `last` in its last level and writes canonical words.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn up4<const TIGHT: bool, const LAST: bool>(
    ring: Ring<TIGHT>,
    (m, last): (&Modulus, &[f64; 2]),
    block: &mut [Row],
    w: &[f64; 3],
) {
    let (w, last, words) = (factors(ring.lanes, w), factors(ring.lanes, last), Words::new(m));
    let mut parts = split4(block);
    for i in 0..parts[0].len() {
        let mut x = load_all::<false, 4>(parts.each_ref().map(|part| &part[i]));
        let rows = parts.each_mut().map(|part| &mut part[i]);
        if LAST {
            ring.up4_last(&mut x, w, last);
            store_words(words, rows, x);
        } else {
            ring.up4(&mut x, w);
            store_all(rows, x);
        }
    }
}

/// The same factor in all lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn factors<const R: usize>(lanes: Lanes, w: &[f64; R]) -> [Factor; R] {
    w.map(|w| lanes.factor(_mm256_set1_pd(w)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_all<const WORDS: bool, const R: usize>(rows: [&Row; R]) -> [__m256d; R] {
    rows.map(|row| if WORDS { float(load(row)) } else { load_float(row) })
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_all<const R: usize>(rows: [&mut Row; R], x: [__m256d; R]) {
    for (row, x) in rows.into_iter().zip(x) {
        store_float(row, x);
    }
}

/// `(-q, q)` to canonical words.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_words<const R: usize>(words: Words, rows: [&mut Row; R], x: [__m256d; R]) {
    for (row, x) in rows.into_iter().zip(x) {
        store(row, words.finish(x));
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
