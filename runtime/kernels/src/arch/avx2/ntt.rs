//! The transform in passes of two levels, the longest stride taking three where their number is odd.
//!
//! Blocks too large for the L1 cache are finished depth first, so that all passes but the first one or two work
//! in it. The first pass turns words into `f64`, the last one turns them back.

mod butterfly;
mod sweep;
mod tables;
mod tail;

use butterfly::Ring;
use tables::Pass;
use tail::Tail;

use super::lanes::Row;
pub(super) use tables::Tables;

/// Rows of a block that the L1 cache holds.
const NEAR: usize = 1024;

/// Canonical coefficients to canonical values.
#[target_feature(enable = "avx2,fma")]
pub(super) fn forward(tables: &Tables, a: &mut [u64]) {
    let rows = a.as_chunks_mut().0;
    if tables.tight {
        Walk::<true>::new(tables, 1).down(0, 0, rows);
    } else {
        Walk::<false>::new(tables, 1).down(0, 0, rows);
    }
}

/// Canonical values to canonical coefficients times `factor`.
#[target_feature(enable = "avx2,fma")]
pub(super) fn inverse(tables: &Tables, a: &mut [u64], factor: u64) {
    let rows = a.as_chunks_mut().0;
    if tables.tight {
        Walk::<true>::new(tables, factor).up(0, 0, rows);
    } else {
        Walk::<false>::new(tables, factor).up(0, 0, rows);
    }
}

/// The recursion over blocks.
#[derive(Clone, Copy)]
struct Walk<'a, const TIGHT: bool> {
    tables: &'a Tables,
    ring: Ring<TIGHT>,
    /// Factors of the last inverse level.
    last: [f64; 2],
}

impl<'a, const TIGHT: bool> Walk<'a, TIGHT> {
    #[target_feature(enable = "avx2,fma")]
    fn new(tables: &'a Tables, factor: u64) -> Self {
        Self { tables, ring: Ring::new(&tables.m), last: tables.last_factors(factor) }
    }

    /// Transforms block number `index` of pass number `depth`.
    #[target_feature(enable = "avx2,fma")]
    fn down(&self, depth: usize, index: usize, block: &mut [Row]) {
        let [pass, further @ ..] = &self.tables.down.passes[depth..] else {
            return self.down_tail(index, block);
        };
        if depth == 0 {
            self.down_pass::<true>(pass, index, 1, block);
        } else {
            self.down_pass::<false>(pass, index, 1, block);
        }
        let (mut index, mut count) = (index * pass.radix, pass.radix);
        if block.len() > NEAR {
            let len = block.len() / count;
            for (i, part) in block.chunks_exact_mut(len).enumerate() {
                self.down(depth + 1, index + i, part);
            }
            return;
        }
        for pass in further {
            self.down_pass::<false>(pass, index, count, block);
            (index, count) = (index * pass.radix, count * pass.radix);
        }
        self.down_tail(index, block);
    }

    /// One pass over `count` consecutive blocks, the first one being number `index`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn down_pass<const FIRST: bool>(&self, pass: &Pass, index: usize, count: usize, blocks: &mut [Row]) {
        let blocks = blocks.chunks_exact_mut(blocks.len() / count);
        if pass.radix == 8 {
            for (block, w) in blocks.zip(&pass.twiddles.as_chunks().0[index..]) {
                sweep::down8::<TIGHT, FIRST>(self.ring, block, w);
            }
        } else {
            for (block, w) in blocks.zip(&pass.twiddles.as_chunks().0[index..]) {
                sweep::down4::<TIGHT, FIRST>(self.ring, block, w);
            }
        }
    }

    /// The last two levels of consecutive blocks of four values, the first one being number `index`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn down_tail(&self, index: usize, rows: &mut [Row]) {
        let tail = Tail::new(self.ring, &self.tables.m);
        for (rows, w) in rows.as_chunks_mut().0.iter_mut().zip(&self.tables.down.columns[index / 4..]) {
            tail.down(rows, w);
        }
    }

    /// Undoes [`Walk::down`].
    #[target_feature(enable = "avx2,fma")]
    fn up(&self, depth: usize, index: usize, block: &mut [Row]) {
        let [pass, further @ ..] = &self.tables.up.passes[depth..] else {
            return self.up_tail(index, block);
        };
        if block.len() > NEAR {
            let len = block.len() / pass.radix;
            for (i, part) in block.chunks_exact_mut(len).enumerate() {
                self.up(depth + 1, index * pass.radix + i, part);
            }
        } else {
            let mut count = block.len();
            self.up_tail(index * count, block);
            for pass in further.iter().rev() {
                count /= pass.radix;
                self.up_pass::<false>(pass, index * count, count, block);
            }
        }
        if depth == 0 {
            self.up_pass::<true>(pass, index, 1, block);
        } else {
            self.up_pass::<false>(pass, index, 1, block);
        }
    }

    /// Undoes [`Walk::down_pass`]; the `LAST` pass also divides by `n`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn up_pass<const LAST: bool>(&self, pass: &Pass, index: usize, count: usize, blocks: &mut [Row]) {
        let blocks = blocks.chunks_exact_mut(blocks.len() / count);
        if pass.radix == 8 {
            for (block, w) in blocks.zip(&pass.twiddles.as_chunks().0[index..]) {
                sweep::up8::<TIGHT, LAST>(self.ring, (&self.tables.m, &self.last), block, w);
            }
        } else {
            for (block, w) in blocks.zip(&pass.twiddles.as_chunks().0[index..]) {
                sweep::up4::<TIGHT, LAST>(self.ring, (&self.tables.m, &self.last), block, w);
            }
        }
    }

    /// Undoes [`Walk::down_tail`].
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn up_tail(&self, index: usize, rows: &mut [Row]) {
        let tail = Tail::new(self.ring, &self.tables.m);
        for (rows, w) in rows.as_chunks_mut().0.iter_mut().zip(&self.tables.up.columns[index / 4..]) {
            tail.up(rows, w);
        }
    }
}
