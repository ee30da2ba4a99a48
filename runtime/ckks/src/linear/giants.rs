//! Sums over the babies of a giant step, and the giant rotations.

use std::sync::Arc;

use fhecc_kernels::{add_assign, dot2, permute_add_assign};
use rayon::prelude::*;

use super::babies::{BABY_SCRATCH_ROWS, BabyRows};
use super::{EncodedDiagonals, GiantStep};
use crate::encoder::IntegerPolynomial;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::galois::Galois;
use crate::key_switching::{ExtendedPair, divide, key_product};
use crate::keys::KeyKind;
use crate::parameters::{Parameters, RingPrime};
use crate::plaintext::repeat;
use crate::poly::Poly;

/// Encoded diagonals held at a time, in bytes: bounds the memory of a transform with hundreds of diagonals.
/// The babies are computed again for every block, a small part of the work a block this large brings.
const BLOCK_BYTES: usize = 32 << 20;

/// The encoded diagonals of one giant step, as `(index of the baby, plaintext)`.
type Step = (i32, Vec<(usize, Arc<IntegerPolynomial>)>);

/// Computes `sum_b plaintext_b * baby_b` for every giant step and hands each to `consume`, in order.
pub(crate) fn inner_sums<B: BabyRows>(
    parameters: &Parameters,
    babies: &B,
    giants: &[GiantStep],
    diagonals: &dyn EncodedDiagonals,
    consume: &mut dyn FnMut(i32, ExtendedPair) -> Result<(), EvaluationError>,
) -> Result<(), EvaluationError> {
    let per_diagonal = parameters.n() * size_of::<u64>();
    let widest = giants.iter().map(|giant| giant.babies.len()).max().unwrap_or(1).max(1);
    let per_block = (BLOCK_BYTES / per_diagonal / widest).max(1);
    for block in giants.chunks(per_block) {
        let steps = encode_block(babies, block, diagonals)?;
        for ((rotation, _), sum) in steps.iter().zip(block_sums(parameters, babies, &steps)) {
            consume(*rotation, sum)?;
        }
    }
    Ok(())
}

fn encode_block<B: BabyRows>(
    babies: &B,
    block: &[GiantStep],
    diagonals: &dyn EncodedDiagonals,
) -> Result<Vec<Step>, EvaluationError> {
    let encode = |giant: &GiantStep| -> Result<Step, EvaluationError> {
        let plaintexts = giant
            .babies
            .par_iter()
            .map(|&baby| {
                let index = babies.rotations().binary_search(&baby).map_err(|_| {
                    EvaluationError::Argument { what: format!("baby rotation {baby} is not in the schedule") }
                })?;
                Ok(diagonals.integers(giant.rotation, baby)?.map(|integers| (index, integers)))
            })
            .collect::<Result<Vec<_>, EvaluationError>>()?;
        Ok((giant.rotation, plaintexts.into_iter().flatten().collect()))
    };
    let steps = block.par_iter().map(encode).collect::<Result<Vec<_>, _>>()?;
    Ok(steps.into_iter().filter(|(_, plaintexts)| !plaintexts.is_empty()).collect())
}

/// Row by row: all babies of a row, then the inner products of all giant steps.
fn block_sums<B: BabyRows>(parameters: &Parameters, babies: &B, steps: &[Step]) -> Vec<ExtendedPair> {
    let n = parameters.n();
    let mut sums: Vec<ExtendedPair> = steps
        .iter()
        .map(|_| ExtendedPair::zero(parameters, babies.level(), babies.special_count()))
        .collect();
    let rows = babies.level() + 1 + babies.special_count();
    let mut outputs: Vec<Vec<(&mut [u64], &mut [u64])>> = (0..rows).map(|_| Vec::new()).collect();
    for pair in &mut sums {
        let halves =
            pair.c0.as_mut_slice().chunks_exact_mut(n).zip(pair.c1.as_mut_slice().chunks_exact_mut(n));
        for (output, half) in outputs.iter_mut().zip(halves) {
            output.push(half);
        }
    }
    outputs.into_par_iter().enumerate().with_max_len(1).for_each_init(
        || RowScratch::new(n, babies.rotations().len(), steps),
        |scratch, (row, output)| {
            for (index, halves) in scratch.rotated.as_mut_slice().chunks_exact_mut(2 * n).enumerate() {
                let (first, second) = halves.split_at_mut(n);
                babies.write(index, row, (first, second), &mut scratch.temporary);
            }
            let prime = parameters.extended_prime(babies.level(), row);
            let mut output = output.into_iter();
            for group in group_steps(steps) {
                scratch.products(group, output.by_ref().take(group.len()).collect(), prime);
            }
        },
    );
    sums
}

/// Transformed plaintexts held at a time while one row is worked on, in bytes: about what stays in the shared
/// cache.
const GROUP_BYTES: usize = 8 << 20;

/// Positions worked on at a time: the babies' part stays in the core's own cache for all steps of a group.
const CHUNK: usize = 1024;

fn step_bytes(step: &Step) -> usize {
    step.1.iter().map(|(_, integers)| integers.len() * size_of::<u64>()).sum()
}

/// Runs of steps whose plaintexts have at most [`GROUP_BYTES`] together, or single steps.
fn group_steps(steps: &[Step]) -> impl Iterator<Item = &[Step]> {
    let mut rest = steps;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|step| {
            bytes += step_bytes(step);
            bytes <= GROUP_BYTES
        });
        let count = fits.count().max(1).min(rest.len());
        let (group, tail) = rest.split_at(count);
        rest = tail;
        (!group.is_empty()).then_some(group)
    })
}

/// Buffers for the work on one row.
struct RowScratch {
    /// Both halves of every baby.
    rotated: Poly,
    /// The distinct values of the transformed plaintexts of a group, one after the other.
    plaintexts: Poly,
    /// A chunk of each plaintext of one step, with repeated values.
    repeated: Poly,
    temporary: Poly,
}

impl RowScratch {
    fn new(n: usize, babies: usize, steps: &[Step]) -> Self {
        let largest =
            group_steps(steps).map(|group| group.iter().map(step_bytes).sum::<usize>()).max().unwrap_or(0);
        let widest = steps.iter().map(|(_, plaintexts)| plaintexts.len()).max().unwrap_or(0);
        Self {
            rotated: Poly::unfilled(n, 2 * babies),
            plaintexts: Poly::unfilled(1, largest / size_of::<u64>()),
            repeated: Poly::unfilled(CHUNK.min(n), widest),
            temporary: Poly::unfilled(n, BABY_SCRATCH_ROWS),
        }
    }

    /// `out = sum_b plaintext_b * baby_b` for every step of a group and one row.
    fn products(&mut self, group: &[Step], out: Vec<(&mut [u64], &mut [u64])>, prime: &RingPrime) {
        let mut rest = self.plaintexts.as_mut_slice();
        let mut transformed: Vec<Vec<&[u64]>> = Vec::with_capacity(group.len());
        for (_, step) in group {
            let values = step.iter().map(|(_, integers)| {
                let (values, tail) = std::mem::take(&mut rest).split_at_mut(integers.len());
                rest = tail;
                integers.transform(prime, values);
                &*values
            });
            transformed.push(values.collect());
        }
        let n = self.rotated.n();
        let chunk = self.repeated.n();
        let mut out: Vec<_> = out
            .into_iter()
            .map(|(c0, c1)| (c0.chunks_exact_mut(chunk), c1.chunks_exact_mut(chunk)))
            .collect();
        for start in (0..n).step_by(chunk) {
            for (((_, step), values), (out0, out1)) in group.iter().zip(&transformed).zip(&mut out) {
                let repeated = self.repeated.as_mut_slice().chunks_exact_mut(chunk);
                let factors: Vec<&[u64]> = values
                    .iter()
                    .zip(repeated)
                    .map(|(values, out)| part(values, n / values.len(), start, out))
                    .collect();
                let half = |which: usize| -> Vec<&[u64]> {
                    step.iter()
                        .map(|(index, _)| &self.rotated.limb(2 * index + which)[start..][..chunk])
                        .collect()
                };
                if let (Some(out0), Some(out1)) = (out0.next(), out1.next()) {
                    dot2(out0, out1, &factors, &half(0), &half(1), &prime.modulus);
                }
            }
        }
    }
}

/// Positions `start ..` of the row in which every value is repeated `gap` times: as many as `out` has, and there
/// unless `gap` is 1.
fn part<'a>(values: &'a [u64], gap: usize, start: usize, out: &'a mut [u64]) -> &'a [u64] {
    if gap == 1 {
        return &values[start..][..out.len()];
    }
    if gap > out.len() {
        out.fill(values[start / gap]);
    } else {
        repeat(&values[start / gap..][..out.len() / gap], out);
    }
    out
}

/// Adds `rot_rotation(inner)` to `sum`. Only the half that is decomposed again leaves the extended basis.
pub(crate) fn rotate_and_add(
    evaluator: &Evaluator<'_>,
    inner: ExtendedPair,
    rotation: i32,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let parameters = evaluator.parameters();
    let ExtendedPair { level, special_count, c0, c1 } = inner;
    let galois = Galois::rotation(i64::from(rotation), parameters.n());
    if galois == Galois::IDENTITY {
        sum.add_assign(parameters, &ExtendedPair { level, special_count, c0, c1 });
        return Ok(());
    }
    let key = evaluator.keys().get_special(KeyKind::Galois(galois), level, special_count)?;
    let c1 = divide(parameters, c1, level, special_count, false);
    let mut switched = key_product(parameters, &c1, key)?;
    let table = parameters.permutation(galois);
    sum.par_rows_mut().zip(switched.par_rows_mut()).for_each(|((row, sum0, sum1), (_, add0, add1))| {
        let m = &parameters.extended_prime(level, row).modulus;
        add_assign(add0, c0.limb(row), m);
        permute_add_assign(sum0, add0, &table, m);
        permute_add_assign(sum1, add1, &table, m);
    });
    Ok(())
}

/// Adds `P rot_rotation((c0, c1))` to `sum`, for polynomials without special primes.
pub(crate) fn switch_and_add(
    evaluator: &Evaluator<'_>,
    (c0, c1): (Poly, Poly),
    rotation: i32,
    sum: &mut ExtendedPair,
) -> Result<(), EvaluationError> {
    let parameters = evaluator.parameters();
    let galois = Galois::rotation(i64::from(rotation), parameters.n());
    if galois == Galois::IDENTITY {
        sum.add_scaled(parameters, &c0, Some(&c1));
    } else {
        let key = evaluator.keys().get_special(KeyKind::Galois(galois), sum.level, sum.special_count)?;
        let mut switched = key_product(parameters, &c1, key)?;
        switched.add_scaled(parameters, &c0, None);
        sum.add_permuted(parameters, &switched, galois);
    }
    Ok(())
}
