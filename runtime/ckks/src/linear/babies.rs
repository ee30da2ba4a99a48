//! Rotations of the input of a linear transform, one row at a time.

use std::sync::Arc;

use fhecc_kernels::{mul_scalar_add_assign, permute};

use super::{GiantStep, baby_rotations};
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::galois::Galois;
use crate::key_switching::Decomposed;
use crate::keys::{KeyKind, KeySwitchKey};
use crate::parameters::Parameters;
use crate::poly::Poly;

/// Rotated inputs, multiplied by `P`, over the primes of the level and the special primes.
pub(crate) trait BabyRows: Sync {
    /// The level of the input.
    fn level(&self) -> usize;
    /// The number of special primes.
    fn special_count(&self) -> usize;
    /// The rotations, ascending.
    fn rotations(&self) -> &[i32];
    /// Writes row `row` of both halves of the baby with this index; `scratch` has the length of a row.
    fn write(&self, index: usize, row: usize, out: (&mut [u64], &mut [u64]), scratch: &mut Poly);
}

/// Number of scratch rows [`BabyRows::write`] may use.
pub(crate) const BABY_SCRATCH_ROWS: usize = 2;

/// The key of an automorphism, and the automorphism as a permutation of the rows.
pub(crate) type Switch<'a> = (&'a KeySwitchKey, Arc<[u32]>);

/// `P mod` every prime of the extended basis, for the first `special_count` special primes.
fn special_product(parameters: &Parameters, level: usize, special_count: usize) -> Vec<u64> {
    (0..=level + special_count)
        .map(|row| {
            let m = &parameters.extended_prime(level, row).modulus;
            let special = &parameters.special_moduli()[..special_count];
            special.iter().fold(1, |product, p| m.mul(product, m.reduce(p.modulus.value())))
        })
        .collect()
}

/// Babies by hoisted key switching: the input is decomposed once (Halevi and Shoup, "Faster homomorphic linear
/// transformations in HElib", CRYPTO 2018).
pub(crate) struct HoistedBabies<'a> {
    parameters: &'a Parameters,
    input: &'a Ciphertext,
    decomposed: Option<Decomposed>,
    special_count: usize,
    special_product: Vec<u64>,
    rotations: Vec<i32>,
    switches: Vec<Option<Switch<'a>>>,
}

impl<'a> HoistedBabies<'a> {
    pub(crate) fn new(
        evaluator: &'a Evaluator<'_>,
        input: &'a Ciphertext,
        giants: &[GiantStep],
    ) -> Result<Self, EvaluationError> {
        let parameters = evaluator.parameters();
        let level = input.level;
        let rotations = baby_rotations(giants);
        let used = rotations.iter().copied().chain(giants.iter().map(|giant| giant.rotation));
        let used: Vec<Galois> = used
            .map(|rotation| Galois::rotation(i64::from(rotation), parameters.n()))
            .filter(|&galois| galois != Galois::IDENTITY)
            .collect();
        let special_count = common_special_count(evaluator, &used, level)?;
        let key = |&rotation: &i32| -> Result<Option<(Galois, &'a KeySwitchKey)>, EvaluationError> {
            let galois = Galois::rotation(i64::from(rotation), parameters.n());
            if galois == Galois::IDENTITY {
                return Ok(None);
            }
            Ok(Some((galois, evaluator.keys().get_special(KeyKind::Galois(galois), level, special_count)?)))
        };
        let keys = rotations.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let decomposed = if keys.iter().any(Option::is_some) {
            Some(Decomposed::new(parameters, &input.c1, special_count)?)
        } else {
            None
        };
        let switches = keys
            .into_iter()
            .map(|key| key.map(|(galois, key)| (key, parameters.permutation(galois))))
            .collect();
        let special_product = special_product(parameters, level, special_count);
        Ok(Self { parameters, input, decomposed, special_count, special_product, rotations, switches })
    }
}

/// The number of special primes for which every one of these automorphisms has a key: the one with the smallest keys.
///
/// # Errors
///
/// The error for a missing key if there is no such number.
fn common_special_count(
    evaluator: &Evaluator<'_>,
    needed: &[Galois],
    level: usize,
) -> Result<usize, EvaluationError> {
    let parameters = evaluator.parameters();
    let key = |galois: Galois, special_count: usize| {
        evaluator.keys().get_special(KeyKind::Galois(galois), level, special_count)
    };
    let rows = |special_count: usize| {
        let digits = parameters.digits(level, special_count).map_or(usize::MAX, |digits| digits.len());
        digits.saturating_mul(level + 1 + special_count)
    };
    let mut counts: Vec<usize> = (1..=parameters.max_special_count(level)).collect();
    counts.sort_by_key(|&count| rows(count));
    let Some(&fallback) = counts.first() else { return Ok(1) };
    if let Some(&count) =
        counts.iter().find(|&&count| needed.iter().all(|&galois| key(galois, count).is_ok()))
    {
        return Ok(count);
    }
    // Name a key that has no number of special primes at all, if there is one.
    for &galois in needed {
        evaluator.keys().get(KeyKind::Galois(galois), level)?;
    }
    for &galois in needed {
        key(galois, fallback)?;
    }
    Ok(fallback)
}

impl BabyRows for HoistedBabies<'_> {
    fn level(&self) -> usize {
        self.input.level()
    }

    fn special_count(&self) -> usize {
        self.special_count
    }

    fn rotations(&self) -> &[i32] {
        &self.rotations
    }

    fn write(&self, index: usize, row: usize, out: (&mut [u64], &mut [u64]), scratch: &mut Poly) {
        let m = &self.parameters.extended_prime(self.level(), row).modulus;
        let factor = self.special_product[row];
        let in_chain = row <= self.level();
        let (c0, c1) = (&self.input.c0, &self.input.c1);
        match (&self.switches[index], &self.decomposed) {
            (Some((key, permutation)), Some(decomposed)) => {
                let (first, second) = scratch.as_mut_slice().split_at_mut(out.0.len());
                decomposed.product_row(self.parameters, key, row, first, second);
                if in_chain {
                    mul_scalar_add_assign(first, c0.limb(row), factor, m);
                }
                permute(out.0, first, permutation);
                permute(out.1, second, permutation);
            }
            _ => {
                out.0.fill(0);
                out.1.fill(0);
                if in_chain {
                    mul_scalar_add_assign(out.0, c0.limb(row), factor, m);
                    mul_scalar_add_assign(out.1, c1.limb(row), factor, m);
                }
            }
        }
    }
}
