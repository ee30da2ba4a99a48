//! The transformed plaintexts of one row.

use rayon::prelude::*;

use super::plaintexts::Block;
use crate::parameters::RingPrime;
use crate::poly::Poly;

/// Words between polynomials: rows at a distance of a power of two would share a few sets of a cache.
const GAP: usize = 72;

/// Memory for one row of all plaintexts of a block.
///
/// The products read a strip of every plaintext for a chunk of positions.
pub(super) struct Strips {
    chunk: usize,
    chunks: usize,
    parts: usize,
    /// Where each polynomial begins, and its length.
    places: Vec<(usize, usize)>,
    values: Poly,
}

impl Strips {
    /// Memory for the plaintexts of a block, read in chunks of `chunk` of `n` positions.
    pub(super) fn new(block: &Block, n: usize, chunk: usize) -> Self {
        let parts = block.packing.plaintexts();
        let mut end = 0;
        let places = block.polynomials.iter().map(|polynomial| {
            let start = end;
            end += polynomial.len() + GAP;
            (start, polynomial.len())
        });
        let places = places.collect();
        Self { chunk, chunks: n / parts / chunk, parts, places, values: Poly::unfilled(1, end) }
    }

    /// Computes the row of `prime`.
    pub(super) fn fill(&mut self, block: &Block, prime: &RingPrime) {
        let mut rest = self.values.as_mut_slice();
        let mut rows = Vec::with_capacity(self.places.len());
        for &(_, length) in &self.places {
            let row = rest.split_off_mut(..length + GAP).unwrap_or_default();
            rows.push(&mut row[..length]);
        }
        let polynomials = block.polynomials.par_iter();
        rows.into_par_iter().zip(polynomials).for_each(|(row, polynomial)| {
            block.packing.transform(polynomial, prime, row);
        });
    }

    /// The values of a plaintext in a chunk, every one repeated as often as it has positions: in `out`, unless they
    /// are there already.
    pub(super) fn get<'a>(
        &'a self,
        polynomial: usize,
        part: usize,
        chunk: usize,
        out: &'a mut [u64],
    ) -> &'a [u64] {
        let (start, length) = self.places[polynomial];
        let per_part = length / self.parts;
        let first = start + part * per_part + chunk * per_part / self.chunks;
        // A value may last for several chunks.
        let values = &self.values.as_slice()[first..][..(per_part / self.chunks).max(1)];
        if values.len() == self.chunk {
            return values;
        }
        fhecc_kernels::repeat(out, values);
        out
    }
}
