//! The transform in passes of two or three levels, with 64 values at a time in registers at the end.
//!
//! Blocks are finished depth first, so that all passes but the first one or two work in the L1 cache.

mod butterfly;
mod sweep;
mod tables;
mod tail;

use butterfly::{MIDDLE, Ring, TIGHT, WIDE};
use sweep::{Entry, Next};
use tail::Shared;

use super::lanes::Row;
use tables::Pair;
pub(super) use tables::Tables;

/// Canonical coefficients to canonical values.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn forward(tables: &Tables, a: &mut [u64]) {
    let rows = a.as_chunks_mut().0;
    match tables.growth_down {
        TIGHT => Walk::<TIGHT>::new(tables).down(0, 0, rows),
        MIDDLE => Walk::<MIDDLE>::new(tables).down(0, 0, rows),
        _ => Walk::<WIDE>::new(tables).down(0, 0, rows),
    }
}

/// Canonical values to canonical coefficients times `factor`.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn inverse(tables: &Tables, a: &mut [u64], factor: u64) {
    let rows = a.as_chunks_mut().0;
    let last = tables.last_factors(factor);
    match tables.growth_up {
        TIGHT => Walk::<TIGHT>::new(tables).up(0, 0, rows, last),
        _ => Walk::<MIDDLE>::new(tables).up(0, 0, rows, last),
    }
}

/// The recursion over blocks.
#[derive(Clone, Copy)]
struct Walk<'a, const GROWTH: u8> {
    tables: &'a Tables,
    ring: Ring<GROWTH>,
}

impl<'a, const GROWTH: u8> Walk<'a, GROWTH> {
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn new(tables: &'a Tables) -> Self {
        Self { tables, ring: Ring::new(&tables.m) }
    }

    /// Transforms block number `index` of pass number `depth`.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn down(&self, depth: usize, index: usize, block: &mut [Row]) {
        let direction = &self.tables.down;
        let entry = Entry::new(self.ring, self.tables, depth == 0);
        let Some(pass) = direction.passes.get(depth) else {
            let shared = Shared::new(self.ring, direction, &self.tables.m);
            let factors = &direction.blocks[index * block.len() / 8..];
            let pairs = block.as_chunks_mut().0.as_chunks_mut().0;
            for (rows, factors) in pairs.iter_mut().zip(factors.as_chunks().0) {
                shared.down(entry, rows, factors);
            }
            return;
        };
        if pass.radix == 8 {
            sweep::down8(entry, block, &pass.twiddles.as_chunks().0[index]);
        } else {
            sweep::down4(entry, block, &pass.twiddles.as_chunks().0[index]);
        }
        if depth + 1 == direction.passes.len() {
            return self.down(depth + 1, index, block);
        }
        let len = block.len() / pass.radix;
        for (i, part) in block.chunks_exact_mut(len).enumerate() {
            self.down(depth + 1, index * pass.radix + i, part);
        }
    }

    /// Undoes [`Walk::down`]; `last` are the factors of the last level.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn up(&self, depth: usize, index: usize, block: &mut [Row], last: [Pair; 2]) {
        let direction = &self.tables.up;
        let Some(pass) = direction.passes.get(depth) else {
            let shared = Shared::new(self.ring, direction, &self.tables.m);
            let factors = &direction.blocks[index * block.len() / 8..];
            let pairs = block.as_chunks_mut().0.as_chunks_mut().0;
            for (rows, factors) in pairs.iter_mut().zip(factors.as_chunks().0) {
                shared.up(rows, factors);
            }
            return;
        };
        if depth + 1 == direction.passes.len() {
            self.up(depth + 1, index, block, last);
        } else {
            let len = block.len() / pass.radix;
            for (i, part) in block.chunks_exact_mut(len).enumerate() {
                self.up(depth + 1, index * pass.radix + i, part, last);
            }
        }
        let ring = self.ring;
        let next = if depth == 0 {
            Next::Done(last)
        } else {
            Next::Pass(if index.is_multiple_of(2) { ring.raised } else { ring.lowered })
        };
        if pass.radix == 8 {
            sweep::up8(ring, block, &pass.twiddles.as_chunks().0[index], next);
        } else {
            sweep::up4(ring, block, &pass.twiddles.as_chunks().0[index], next);
        }
    }
}
