//! Sums over the babies of every giant step.

use fhecc_kernels::{Modulus, dot2};
use rayon::prelude::*;

use super::GiantStep;
use super::babies::{BabyRow, BabyRows, Halves};
use super::plaintexts::{Block, EncodedDiagonals, Packing};
use super::strips::Strips;
use crate::error::EvaluationError;
use crate::key_switching::{ExtendedPair, RowProduct, RowScratch};
use crate::keys::strip;
use crate::parameters::Parameters;
use crate::poly::Poly;

/// Bytes of the babies' part that is worked on at a time: it stays in a core's own cache for all giant steps.
const CHUNK_BYTES: usize = 256 << 10;

/// Fewest and most positions worked on at a time.
const CHUNK: (usize, usize) = (64, 256);

/// Computes `sum_b plaintext_b * baby_b` for every giant step and hands them to `consume`, in order, a block at a
/// time.
pub(crate) fn inner_sums<B: BabyRows>(
    parameters: &Parameters,
    babies: &B,
    giants: &[GiantStep],
    diagonals: &dyn EncodedDiagonals,
    consume: &mut dyn FnMut(Vec<(i32, ExtendedPair)>) -> Result<(), EvaluationError>,
) -> Result<(), EvaluationError> {
    // Most maps have diagonals of one length; what those of a block had is expected of the next.
    let mut per_diagonal = diagonal_bytes(parameters, giants, diagonals)?;
    let mut rest = giants;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|giant| {
            bytes += giant.babies.len() * per_diagonal;
            bytes <= babies.block_bytes()
        });
        let (block, tail) = rest.split_at(fits.count().max(1));
        rest = tail;
        let block = Block::new(block, babies.rotations(), diagonals)?;
        let terms: usize = block.steps.iter().map(|(_, terms)| terms.len()).sum();
        if terms > 0 {
            per_diagonal = (block.row_length() * size_of::<u64>()).div_ceil(terms);
            let sums = block_sums(parameters, babies, &block)?;
            consume(block.steps.iter().map(|&(rotation, _)| rotation).zip(sums).collect())?;
        }
    }
    Ok(())
}

/// Bytes of the first diagonal when encoded.
fn diagonal_bytes(
    parameters: &Parameters,
    giants: &[GiantStep],
    diagonals: &dyn EncodedDiagonals,
) -> Result<usize, EvaluationError> {
    let first = giants.iter().find_map(|giant| Some((giant.rotation, *giant.babies.first()?)));
    let integers = match first {
        Some(place) => diagonals.integers(&[place])?,
        None => None,
    };
    let length = integers.map_or(parameters.n(), |integers| integers.len());
    Ok(length * size_of::<u64>() / diagonals.packing().plaintexts())
}

/// Row by row: all babies, all plaintexts, and then the inner products, a chunk of positions at a time.
fn block_sums<B: BabyRows>(
    parameters: &Parameters,
    babies: &B,
    block: &Block,
) -> Result<Vec<ExtendedPair>, EvaluationError> {
    let n = parameters.n();
    let mut sums: Vec<ExtendedPair> = block
        .steps
        .iter()
        .map(|_| ExtendedPair::unfilled(parameters, babies.level(), babies.special_count()))
        .collect();
    let babies_count = babies.rotations().len();
    let chunk = match babies.digits() {
        Some(_) => strip(parameters),
        None => chunk_length(n, babies_count, block.packing),
    };
    let mut plaintexts = Strips::new(block, n, chunk);
    for row in 0..=babies.level() + babies.special_count() {
        let rows = babies.row(row)?;
        let prime = parameters.extended_prime(babies.level(), row);
        plaintexts.fill(block, prime);
        let products = Products { block, babies: &rows, plaintexts: &plaintexts };
        tasks(&mut sums, row, chunk, block.packing).into_par_iter().enumerate().for_each_init(
            || ChunkScratch::new(parameters, chunk, block, (babies_count, babies.digits())),
            |scratch, (number, sides)| products.write(number, sides, scratch, &prime.modulus),
        );
    }
    Ok(sums)
}

impl BabyRow<'_> {
    /// Some consecutive positions of both halves, in `out` unless they lie ready.
    fn part<'s>(
        &'s self,
        side: &Side<'_>,
        [out0, out1]: [&'s mut [u64]; 2],
        product: &mut RowScratch,
    ) -> [&'s [u64]; 2] {
        match &self.halves {
            Halves::Stored([half0, half1]) => {
                [self.stored_part(half0, side, out0), self.stored_part(half1, side, out1)]
            }
            Halves::Product(row) => {
                self.product_part(row, side, [out0, out1], product);
                [out0, out1]
            }
        }
    }

    fn stored_part<'s>(&self, values: &'s [u64], side: &Side<'_>, out: &'s mut [u64]) -> &'s [u64] {
        match (self.permutation, side.reversed) {
            (None, false) => return &values[side.start..][..out.len()],
            (None, true) => {
                out.copy_from_slice(&values[side.start..][..out.len()]);
                out.reverse();
            }
            (Some(permutation), false) => permutation.permute(side.start, out, values),
            // An automorphism maps mirror images to mirror images.
            (Some(permutation), true) => {
                let start = values.len() - side.start - out.len();
                permutation.permute_mirrored(start, out, values);
            }
        }
        out
    }

    /// A strip of a product. An automorphism takes all of it from one strip.
    fn product_part(
        &self,
        row: &RowProduct<'_>,
        side: &Side<'_>,
        [out0, out1]: [&mut [u64]; 2],
        product: &mut RowScratch,
    ) {
        match self.permutation {
            None => row.write_strip(side.start, [out0, out1], product),
            Some(automorphism) => {
                let (_, [half0, half1]) = row.source_strip(automorphism, side.start, product);
                automorphism.permute(side.start, out0, half0);
                automorphism.permute(side.start, out1, half1);
            }
        }
        if side.reversed {
            out0.reverse();
            out1.reverse();
        }
    }
}

/// The inner products of one row.
struct Products<'a> {
    block: &'a Block,
    babies: &'a [BabyRow<'a>],
    plaintexts: &'a Strips,
}

/// A run of positions of a row, and there both halves of every step's sum.
struct Side<'a> {
    start: usize,
    /// Whether the plaintexts, and so everything, are read backwards.
    reversed: bool,
    out: Vec<[&'a mut [u64]; 2]>,
}

struct ChunkScratch {
    /// For every side, every baby and both of its halves.
    babies: Poly,
    /// The plaintexts of one step, with repeated values.
    repeated: Poly,
    product: RowScratch,
}

impl ChunkScratch {
    fn new(
        parameters: &Parameters,
        chunk: usize,
        block: &Block,
        (babies, digits): (usize, Option<usize>),
    ) -> Self {
        let widest = block.steps.iter().map(|(_, terms)| terms.len()).max().unwrap_or(0);
        Self {
            babies: Poly::unfilled(chunk, 2 * babies * block.packing.plaintexts()),
            repeated: Poly::unfilled(chunk, widest),
            product: RowScratch::new(parameters, digits.unwrap_or(0)),
        }
    }
}

/// Positions worked on at a time, a power of two. Mirror images are worked on together.
fn chunk_length(n: usize, babies: usize, packing: Packing) -> usize {
    let bytes = 2 * babies * packing.plaintexts() * size_of::<u64>();
    let (fewest, most) = CHUNK;
    1 << (CHUNK_BYTES / bytes.max(1)).clamp(fewest, most.min(n / 2)).ilog2()
}

/// The work on one row: for every chunk the positions that have the same plaintexts.
fn tasks(sums: &mut [ExtendedPair], row: usize, chunk: usize, packing: Packing) -> Vec<Vec<Side<'_>>> {
    let n = sums.first().map_or(0, |sum| sum.c0.n());
    let mut sides: Vec<Side<'_>> = (0..n)
        .step_by(chunk)
        .map(|start| Side { start, reversed: false, out: Vec::with_capacity(sums.len()) })
        .collect();
    for sum in sums {
        let (c0, c1) = (sum.c0.limb_mut(row), sum.c1.limb_mut(row));
        let halves = c0.chunks_exact_mut(chunk).zip(c1.chunks_exact_mut(chunk));
        for (side, (c0, c1)) in sides.iter_mut().zip(halves) {
            side.out.push([c0, c1]);
        }
    }
    match packing {
        Packing::Single => sides.into_iter().map(|side| vec![side]).collect(),
        Packing::RealPairs => {
            let mirrored = sides.split_off(sides.len() / 2).into_iter().rev();
            let mirrored = mirrored.map(|side| Side { reversed: true, ..side });
            sides.into_iter().zip(mirrored).map(|(side, mirrored)| vec![side, mirrored]).collect()
        }
    }
}

impl Products<'_> {
    /// `sum_b plaintext_b * baby_b` on the sides of chunk `number`, for every step.
    fn write(&self, number: usize, mut sides: Vec<Side<'_>>, scratch: &mut ChunkScratch, modulus: &Modulus) {
        let chunk = scratch.repeated.n();
        let mut space = scratch.babies.as_mut_slice().chunks_exact_mut(2 * chunk);
        let mut parts: Vec<[&[u64]; 2]> = Vec::with_capacity(sides.len() * self.babies.len());
        for side in &sides {
            for (baby, out) in self.babies.iter().zip(space.by_ref()) {
                parts.push(baby.part(side, out.split_at_mut(chunk).into(), &mut scratch.product));
            }
        }
        for (step, (_, terms)) in self.block.steps.iter().enumerate() {
            let repeated = scratch.repeated.as_mut_slice().chunks_exact_mut(chunk);
            let factors: Vec<&[u64]> = terms
                .iter()
                .zip(repeated)
                .map(|(term, out)| self.plaintexts.get(term.polynomial, term.part, number, out))
                .collect();
            for (index, side) in sides.iter_mut().enumerate() {
                let half = |which: usize| -> Vec<&[u64]> {
                    let parts = &parts[index * self.babies.len()..];
                    terms.iter().map(|term| parts[term.baby][which]).collect()
                };
                let [out0, out1] = &mut side.out[step];
                dot2(out0, out1, &factors, &half(0), &half(1), modulus);
                if side.reversed {
                    out0.reverse();
                    out1.reverse();
                }
            }
        }
    }
}
