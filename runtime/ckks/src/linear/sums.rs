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
use crate::poly::SpacedStrips;

/// Bytes of the babies' part that is worked on at a time: it stays in a core's own cache for all giant steps.
const CHUNK_BYTES: usize = 256 << 10;

/// Fewest and most positions worked on at a time.
const CHUNK: (usize, usize) = (64, 256);

/// The inner sums of some giant steps, with the rotations of these, for one input.
pub(crate) type InnerSums = Vec<(i32, ExtendedPair)>;

/// Computes `sum_b plaintext_b * baby_b` for every giant step and every input and hands them to `consume`, in order, a
/// block at a time.
///
/// The inputs, which have the same babies at the same level, share every plaintext, and every strip of a key.
pub(crate) fn inner_sums<B: BabyRows>(
    parameters: &Parameters,
    inputs: &[B],
    giants: &[GiantStep],
    diagonals: &dyn EncodedDiagonals,
    consume: &mut dyn FnMut(Vec<InnerSums>) -> Result<(), EvaluationError>,
) -> Result<(), EvaluationError> {
    let Some(babies) = inputs.first() else { return Ok(()) };
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
            let rotations = block.steps.iter().map(|&(rotation, _)| rotation);
            let sums = block_sums(parameters, inputs, &block)?;
            consume(sums.into_iter().map(|sums| rotations.clone().zip(sums).collect()).collect())?;
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
    // Kept ones take no memory of their own.
    let integers = match first.filter(|_| diagonals.transforms().is_none()) {
        Some(place) => diagonals.integers(&[place])?,
        None => None,
    };
    let length = integers.map_or(parameters.n(), |integers| integers.len());
    Ok(length * size_of::<u64>() / diagonals.packing().plaintexts())
}

/// Row by row: all babies, all plaintexts, and then the inner products, a chunk of positions at a time. The sums of every
/// input.
fn block_sums<B: BabyRows>(
    parameters: &Parameters,
    inputs: &[B],
    block: &Block<'_>,
) -> Result<Vec<Vec<ExtendedPair>>, EvaluationError> {
    let n = parameters.n();
    let Some(babies) = inputs.first() else { return Ok(Vec::new()) };
    let (level, special_count) = (babies.level(), babies.special_count());
    let sum = |_: &_| ExtendedPair::unfilled(parameters, level, special_count);
    let mut sums: Vec<Vec<ExtendedPair>> =
        inputs.iter().map(|_| block.steps.iter().map(sum).collect()).collect();
    let babies_count = inputs.len() * babies.rotations().len();
    let digits = babies.digits();
    let chunk = match digits {
        Some(_) => strip(parameters),
        None => chunk_length(n, babies_count, block.packing),
    };
    let mut plaintexts = Strips::new(block, n, chunk);
    for row in 0..parameters.limbs_at(level) + special_count {
        let babies = inputs.iter().map(|babies| babies.row(row)).collect::<Result<Vec<_>, _>>()?;
        let prime = parameters.extended_prime(level, row);
        plaintexts.fill(row, prime);
        let products = Products { block, babies: &babies, plaintexts: &plaintexts };
        tasks(&mut sums, row, chunk, block.packing).into_par_iter().enumerate().for_each_init(
            || ChunkScratch::new(parameters, chunk, block, (babies_count, digits)),
            |scratch, (number, sides)| products.write(number, sides, scratch, &prime.modulus),
        );
    }
    Ok(sums)
}

/// Some consecutive positions of both halves of the same baby of every input, in `out` unless they lie ready.
fn parts<'s>(
    inputs: impl Iterator<Item = &'s BabyRow<'s>>,
    side: &Side<'_>,
    out: impl Iterator<Item = [&'s mut [u64]; 2]>,
    scratch: &mut RowScratch,
) -> Vec<[&'s [u64]; 2]> {
    let mut unpacked = false;
    let part = |(row, [out0, out1]): (&'s BabyRow<'s>, [&'s mut [u64]; 2])| match &row.halves {
        Halves::Stored([half0, half1]) => {
            [row.stored_part(half0, side, out0), row.stored_part(half1, side, out1)]
        }
        Halves::Product(product) => {
            // All inputs have the same key.
            row.product_part(product, side, [&mut *out0, &mut *out1], scratch, unpacked);
            unpacked = true;
            [&*out0, &*out1]
        }
    };
    inputs.zip(out).map(part).collect()
}

impl BabyRow<'_> {
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
        scratch: &mut RowScratch,
        unpacked: bool,
    ) {
        let from = match self.permutation {
            None => side.start,
            Some(automorphism) => automorphism.source(side.start, out0.len()),
        };
        if !unpacked {
            row.unpack(from, scratch);
        }
        match self.permutation {
            None => row.multiply(from, [out0, out1], scratch),
            Some(automorphism) => {
                let [half0, half1] = row.multiplied(from, scratch);
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
    block: &'a Block<'a>,
    /// Of every input.
    babies: &'a [Vec<BabyRow<'a>>],
    plaintexts: &'a Strips<'a>,
}

/// A run of positions of a row, and there both halves of the sums of every step for the first input, then the next.
struct Side<'a> {
    start: usize,
    /// Whether the plaintexts, and so everything, are read backwards.
    reversed: bool,
    out: Vec<[&'a mut [u64]; 2]>,
}

struct ChunkScratch {
    /// For every side, every baby of every input and both of its halves.
    babies: SpacedStrips,
    /// The plaintexts of one step, with repeated values.
    repeated: SpacedStrips,
    product: RowScratch,
}

impl ChunkScratch {
    fn new(
        parameters: &Parameters,
        chunk: usize,
        block: &Block<'_>,
        (babies, digits): (usize, Option<usize>),
    ) -> Self {
        let widest = block.steps.iter().map(|(_, terms)| terms.len()).max().unwrap_or(0);
        Self {
            babies: SpacedStrips::unfilled(chunk, 2 * babies * block.packing.plaintexts()),
            repeated: SpacedStrips::unfilled(chunk, widest),
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
fn tasks(sums: &mut [Vec<ExtendedPair>], row: usize, chunk: usize, packing: Packing) -> Vec<Vec<Side<'_>>> {
    let n = sums.iter().flatten().next().map_or(0, |sum| sum.c0.n());
    let outputs = sums.iter().map(Vec::len).sum();
    let mut sides: Vec<Side<'_>> = (0..n)
        .step_by(chunk)
        .map(|start| Side { start, reversed: false, out: Vec::with_capacity(outputs) })
        .collect();
    for sum in sums.iter_mut().flatten() {
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
        let inputs = self.babies.len();
        let count = self.babies.first().map_or(0, Vec::len);
        let mut space = scratch.babies.pairs_mut();
        // For every side, every baby, and every input.
        let mut parts: Vec<Vec<[&[u64]; 2]>> = Vec::with_capacity(sides.len() * count);
        for side in &sides {
            for baby in 0..count {
                let same = self.babies.iter().map(|babies| &babies[baby]);
                let out = space.by_ref().take(inputs);
                parts.push(self::parts(same, side, out, &mut scratch.product));
            }
        }
        for (step, (_, terms)) in self.block.steps.iter().enumerate() {
            let repeated = scratch.repeated.iter_mut();
            let factors: Vec<&[u64]> = terms
                .iter()
                .zip(repeated)
                .map(|(term, out)| self.plaintexts.get(term.polynomial, term.part, number, out))
                .collect();
            for (parts, side) in parts.chunks_exact(count).zip(&mut sides) {
                let outputs = side.out.iter_mut().skip(step).step_by(self.block.steps.len());
                for (input, [out0, out1]) in outputs.enumerate() {
                    let half = |which: usize| -> Vec<&[u64]> {
                        terms.iter().map(|term| parts[term.baby][input][which]).collect()
                    };
                    dot2(out0, out1, &factors, &half(0), &half(1), modulus);
                    if side.reversed {
                        out0.reverse();
                        out1.reverse();
                    }
                }
            }
        }
    }
}
