//! The transformed plaintexts of one row, in the order in which the products read them.

use rayon::prelude::*;

use super::plaintexts::Block;
use crate::parameters::RingPrime;
use crate::plaintext::repeat;
use crate::poly::Poly;

/// Polynomials whose values lie together.
const BATCH: usize = 4;

/// Memory for one row of all plaintexts of a block.
///
/// The products read a few values of every plaintext for a chunk of positions. Of [`BATCH`] polynomials these lie
/// together, chunk after chunk, so that memory is read in runs of some KiB.
pub(super) struct Strips {
    chunk: usize,
    chunks: usize,
    /// For every polynomial.
    places: Vec<Place>,
    /// Words of every batch.
    batches: Vec<usize>,
    parts: usize,
    values: Poly,
}

/// Where the strips of one polynomial lie.
struct Place {
    /// The strip of the first chunk and part.
    start: usize,
    /// Distance of the strips of neighbouring chunks.
    step: usize,
    /// Distinct values in a strip; strips of the parts of a polynomial are neighbours.
    length: usize,
}

impl Strips {
    /// Memory for the plaintexts of a block, read in chunks of `chunk` of `n` positions.
    pub(super) fn new(block: &Block, n: usize, chunk: usize) -> Self {
        let parts = block.packing.plaintexts();
        let chunks = n / parts / chunk;
        let mut places = Vec::with_capacity(block.polynomials.len());
        let mut batches = Vec::with_capacity(block.polynomials.len().div_ceil(BATCH));
        let mut start = 0;
        for batch in block.polynomials.chunks(BATCH) {
            // Where a value lasts for more than a chunk it is there for each.
            let length = |values: usize| (values / parts / chunks).max(1);
            let step: usize = batch.iter().map(|polynomial| parts * length(polynomial.len())).sum();
            let mut offset = start;
            for polynomial in batch {
                let length = length(polynomial.len());
                places.push(Place { start: offset, step, length });
                offset += parts * length;
            }
            batches.push(step * chunks);
            start += step * chunks;
        }
        Self { chunk, chunks, places, batches, parts, values: Poly::unfilled(1, start) }
    }

    /// Computes the row of `prime`.
    pub(super) fn fill(&mut self, block: &Block, prime: &RingPrime) {
        let mut rest = self.values.as_mut_slice();
        let mut regions = Vec::with_capacity(self.batches.len());
        for &words in &self.batches {
            regions.push(rest.split_off_mut(..words).unwrap_or_default());
        }
        let longest = block.polynomials.iter().map(|polynomial| polynomial.len()).max().unwrap_or(0);
        let (parts, chunks) = (self.parts, self.chunks);
        regions
            .into_par_iter()
            .zip(block.polynomials.par_chunks(BATCH))
            .zip(self.places.par_chunks(BATCH))
            .for_each_init(
                || Poly::unfilled(1, longest),
                |scratch, ((out, polynomials), places)| {
                    let first = places.first().map_or(0, |place| place.start);
                    for (polynomial, place) in polynomials.iter().zip(places) {
                        let values = &mut scratch.as_mut_slice()[..polynomial.len()];
                        block.packing.transform(polynomial, prime, values);
                        let per_part = values.len() / parts;
                        for (part, values) in values.chunks_exact(per_part).enumerate() {
                            let start = place.start - first + part * place.length;
                            for (chunk, strip) in out.chunks_exact_mut(place.step).enumerate() {
                                let strip = &mut strip[start..][..place.length];
                                strip.copy_from_slice(&values[chunk * per_part / chunks..][..place.length]);
                            }
                        }
                    }
                },
            );
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
        let place = &self.places[polynomial];
        let start = place.start + chunk * place.step + part * place.length;
        let values = &self.values.as_slice()[start..][..place.length];
        if place.length == self.chunk {
            return values;
        }
        repeat(values, out);
        out
    }
}
