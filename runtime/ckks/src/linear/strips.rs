//! The transformed plaintexts of one row.

use rayon::prelude::*;

use super::plaintexts::{Block, Polynomial};
use super::transforms::Span;
use crate::parameters::RingPrime;
use crate::poly::Poly;

/// Words between polynomials: rows at a distance of a power of two would share a few sets of a cache.
pub(super) const GAP: usize = 72;

/// Memory for one row of all plaintexts of a block.
///
/// The products read a strip of every plaintext for a chunk of positions.
pub(super) struct Strips<'a> {
    block: &'a Block<'a>,
    chunk: usize,
    chunks: usize,
    parts: usize,
    /// Where each polynomial is, here or among those that are kept.
    places: Vec<Span>,
    /// The row, of those that are not kept.
    values: Poly,
    row: usize,
}

impl<'a> Strips<'a> {
    /// Memory for the plaintexts of a block, read in chunks of `chunk` of `n` positions.
    pub(super) fn new(block: &'a Block<'a>, n: usize, chunk: usize) -> Self {
        let parts = block.packing.plaintexts();
        let mut end = 0;
        let places = block.polynomials.iter().map(|polynomial| match polynomial {
            Polynomial::Kept(span) => *span,
            Polynomial::Integers(integers) => {
                let span = Span { start: end, length: integers.len() };
                end += integers.len() + GAP;
                span
            }
        });
        let places = places.collect();
        Self {
            block,
            chunk,
            chunks: n / parts / chunk,
            parts,
            places,
            values: Poly::unfilled(1, end.max(1)),
            row: 0,
        }
    }

    /// Computes row `row`, that of `prime`.
    pub(super) fn fill(&mut self, row: usize, prime: &RingPrime) {
        self.row = row;
        let packing = self.block.packing;
        let mut rest = self.values.as_mut_slice();
        let mut rows = Vec::with_capacity(self.places.len());
        for polynomial in &self.block.polynomials {
            if let Polynomial::Integers(integers) = polynomial {
                let row = rest.split_off_mut(..integers.len() + GAP).unwrap_or_default();
                rows.push((&mut row[..integers.len()], integers));
            }
        }
        rows.into_par_iter().for_each(|(row, integers)| packing.transform(integers, prime, row));
    }

    /// The values of a plaintext in a chunk, every one repeated as often as it has positions: in `out`, unless they
    /// are there already.
    pub(super) fn get<'s>(
        &'s self,
        polynomial: usize,
        part: usize,
        chunk: usize,
        out: &'s mut [u64],
    ) -> &'s [u64] {
        let span = self.places[polynomial];
        let all = match (&self.block.polynomials[polynomial], self.block.transforms) {
            (Polynomial::Kept(_), Some(kept)) => kept.row(self.row, span),
            _ => &self.values.as_slice()[span.start..][..span.length],
        };
        let per_part = span.length / self.parts;
        let first = part * per_part + chunk * per_part / self.chunks;
        // A value may last for several chunks.
        let values = &all[first..][..(per_part / self.chunks).max(1)];
        if values.len() == self.chunk {
            return values;
        }
        fhecc_kernels::repeat(out, values);
        out
    }
}
