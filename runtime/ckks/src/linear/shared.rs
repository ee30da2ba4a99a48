//! Babies that share the decompositions of a few ciphertexts.

use std::borrow::Cow;

use fhecc_kernels::{Modulus, mul_scalar_add_assign};

use super::GiantStep;
use super::babies::{BabyRow, BabyRows, COMPUTED_BLOCK_BYTES, Switch, compute_rows};
use super::sequential::{BabySteps, evenly_spaced};
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::galois::Galois;
use crate::key_switching::{Decomposed, ExtendedPair, fitted};
use crate::keys::KeyKind;
use crate::parameters::Parameters;
use crate::poly::Poly;

/// Babies made from one another, with their rows over the special primes: only those of which others are made are
/// divided by `P`.
pub(super) struct SharedBabies<'a> {
    parameters: &'a Parameters,
    level: usize,
    special_count: usize,
    rotations: Vec<i32>,
    parents: Vec<Parent<'a>>,
    babies: Vec<Baby<'a>>,
}

/// A ciphertext, and its digits.
struct Parent<'a> {
    index: usize,
    ciphertext: Cow<'a, Ciphertext>,
    digits: Decomposed,
}

/// A rotation of a parent; without a key, the parent itself.
struct Baby<'a> {
    parent: usize,
    switch: Option<Switch<'a>>,
}

impl<'a> SharedBabies<'a> {
    pub(super) fn new(
        evaluator: &'a Evaluator<'_>,
        input: &'a Ciphertext,
        giants: &[GiantStep],
        steps: BabySteps,
        special_count: usize,
    ) -> Result<Self, EvaluationError> {
        let parameters = evaluator.parameters();
        let level = input.level;
        let (rotations, stride) = evenly_spaced(giants)?;
        let count = rotations.len();
        let key = |index: usize, parent: usize| {
            let galois = Galois::rotation((index - parent) as i64 * i64::from(stride), parameters.n());
            let key = evaluator.keys().get_special(KeyKind::Galois(galois), level, special_count)?;
            Ok::<_, EvaluationError>((galois, key))
        };
        let parent = |index: usize, ciphertext: Cow<'a, Ciphertext>| -> Result<Parent<'a>, EvaluationError> {
            let digits = Decomposed::new(parameters, &ciphertext.c1, special_count)?;
            Ok(Parent { index, ciphertext, digits })
        };
        let mut parents = vec![parent(0, Cow::Borrowed(input))?];
        let mut babies = Vec::with_capacity(count);
        for index in 0..count {
            if index == 0 {
                babies.push(Baby { parent: 0, switch: None });
                continue;
            }
            let from = steps.parent(index, count);
            let (galois, key) = key(index, from)?;
            let position = parents.iter().position(|parent| parent.index == from).unwrap_or(0);
            let Parent { digits, ciphertext, .. } = &parents[position];
            digits.check(key)?;
            if (index + 1..count).any(|later| steps.parent(later, count) == index) {
                let mut product = digits.product(parameters, key)?;
                product.add_scaled(parameters, &ciphertext.c0, None);
                let mut turned = ExtendedPair::zero(parameters, level, special_count);
                turned.add_permuted(parameters, &product, galois);
                drop(product);
                let (c0, c1) = fitted(turned.mod_down(parameters));
                babies.push(Baby { parent: parents.len(), switch: None });
                parents.push(parent(index, Cow::Owned(Ciphertext { level, scale: input.scale, c0, c1 }))?);
            } else {
                let switch = Some((key, parameters.permutation(galois)));
                babies.push(Baby { parent: position, switch });
            }
        }
        Ok(Self { parameters, level, special_count, rotations, parents, babies })
    }

    /// `P` modulo a prime.
    fn special_product(&self, m: &Modulus) -> u64 {
        let special = &self.parameters.special_moduli()[..self.special_count];
        special.iter().fold(1, |product, p| m.mul(product, m.reduce(p.modulus.value())))
    }

    /// One row of `P` times a baby, before the automorphism.
    fn product_row(
        &self,
        baby: &Baby<'_>,
        row: usize,
        first: &mut [u64],
        second: &mut [u64],
    ) -> Result<(), EvaluationError> {
        let parent = &self.parents[baby.parent];
        match &baby.switch {
            Some((key, _)) => parent.digits.product_row(self.parameters, key, row, first, second)?,
            None => {
                first.fill(0);
                second.fill(0);
            }
        }
        if row <= self.level {
            let m = &self.parameters.moduli()[row].modulus;
            let p = self.special_product(m);
            mul_scalar_add_assign(first, parent.ciphertext.c0.limb(row), p, m);
            if baby.switch.is_none() {
                mul_scalar_add_assign(second, parent.ciphertext.c1.limb(row), p, m);
            }
        }
        Ok(())
    }
}

impl BabyRows for SharedBabies<'_> {
    fn level(&self) -> usize {
        self.level
    }

    fn special_count(&self) -> usize {
        self.special_count
    }

    fn rotations(&self) -> &[i32] {
        &self.rotations
    }

    fn row<'s>(&'s self, row: usize, space: &'s mut Poly) -> Result<Vec<BabyRow<'s>>, EvaluationError> {
        let n = self.parameters.n();
        let halves = compute_rows(n, self.babies.len(), space, 0, |index, [first, second], _| {
            self.product_row(&self.babies[index], row, first, second)
        })?;
        let permutation = |baby: &'s Baby<'_>| baby.switch.as_ref().map(|(_, permutation)| &**permutation);
        Ok(halves
            .zip(&self.babies)
            .map(|(halves, baby)| BabyRow { halves, permutation: permutation(baby) })
            .collect())
    }

    fn block_bytes(&self) -> usize {
        COMPUTED_BLOCK_BYTES
    }
}
