//! Rotations of the input of a linear transform, one row at a time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use fhecc_kernels::Automorphism;
use rayon::prelude::*;

use super::sequential::{BabySteps, evenly_spaced};
use super::{GiantStep, baby_rotations};
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::{Evaluator, Route};
use crate::galois::Galois;
use crate::key_switching::{Decomposed, ExtendedPair, RowProduct};
use crate::keys::{KeyKind, KeySwitchKey};
use crate::parameters::Parameters;
use crate::poly::Poly;

/// Rotated inputs of a transform, over the primes of the level and perhaps special primes; then multiplied by `P`.
pub(crate) trait BabyRows: Sync {
    /// The level of the input.
    fn level(&self) -> usize;
    /// The number of special primes.
    fn special_count(&self) -> usize;
    /// The rotations, ascending.
    fn rotations(&self) -> &[i32];
    /// Digits of the products by which babies are computed; `None` if they are stored.
    fn digits(&self) -> Option<usize>;
    /// Row `row` of all babies.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if a key is on disk and cannot be read.
    fn row(&self, row: usize) -> Result<Vec<BabyRow<'_>>, EvaluationError>;
    /// Bytes of encoded diagonals to be worked on at a time. The rows of the babies are asked for again for every
    /// such block.
    fn block_bytes(&self) -> usize;
}

/// One row of a baby, before the automorphism if there is one.
pub(crate) struct BabyRow<'a> {
    pub(crate) halves: Halves<'a>,
    pub(crate) permutation: Option<&'a Automorphism>,
}

/// Both halves of a row.
pub(crate) enum Halves<'a> {
    Stored([&'a [u64]; 2]),
    /// Computed strip by strip where they are used: the rows of all babies are more than a cache holds.
    Product(Box<RowProduct<'a>>),
}

/// Bytes of encoded diagonals for babies that are computed: enough that they are a small part of the work.
pub(crate) const COMPUTED_BLOCK_BYTES: usize = 32 << 20;

/// The key of an automorphism, and the automorphism as a permutation of the rows.
pub(crate) type Switch<'a> = (&'a KeySwitchKey, Arc<Automorphism>);

/// What babies are rotations of: the input, the input rotated by what composite babies begin with, or another baby.
struct Origin<'a> {
    ciphertext: Cow<'a, Ciphertext>,
    /// Its digits, if anything is a rotation of it.
    decomposed: Option<Decomposed>,
}

/// How a baby is made.
struct Baby<'a> {
    /// Index of what it is a rotation of.
    origin: usize,
    /// `None` if it is its origin itself.
    switch: Option<Switch<'a>>,
}

/// Babies by hoisted key switching: the input is decomposed once (Halevi and Shoup, "Faster homomorphic linear
/// transformations in HElib", CRYPTO 2018). So is, for babies without a key of their own, the input rotated by what
/// they begin with, once for all that begin with the same.
pub(crate) struct HoistedBabies<'a> {
    parameters: &'a Parameters,
    level: usize,
    /// The input first.
    origins: Vec<Origin<'a>>,
    special_count: usize,
    rotations: Vec<i32>,
    babies: Vec<Baby<'a>>,
}

impl<'a> HoistedBabies<'a> {
    /// With the same number of special primes as the giant steps, and the automorphisms of `others`.
    pub(crate) fn new(
        evaluator: &'a Evaluator<'_>,
        input: &'a Ciphertext,
        giants: &[GiantStep],
        others: &[Galois],
    ) -> Result<Self, EvaluationError> {
        let parameters = evaluator.parameters();
        let level = input.level;
        let rotations = baby_rotations(giants);
        let used = rotations.iter().copied().chain(giants.iter().map(|giant| giant.rotation));
        let used: Vec<Galois> = used
            .map(|rotation| Galois::rotation(i64::from(rotation), parameters.n()))
            .chain(others.iter().copied())
            .filter(|&galois| galois != Galois::IDENTITY)
            .collect();
        let special_count = common_special_count(evaluator, &used, level)?;
        let route = |&rotation: &i32| -> Result<Option<Route<'a>>, EvaluationError> {
            let galois = Galois::rotation(i64::from(rotation), parameters.n());
            if galois == Galois::IDENTITY {
                return Ok(None);
            }
            evaluator.route_special(galois, level, special_count).map(Some)
        };
        let routes = rotations.iter().map(route).collect::<Result<Vec<_>, _>>()?;
        let firsts: BTreeMap<Galois, &KeySwitchKey> =
            routes.iter().flatten().filter_map(|route| route.first).collect();
        let origins = origins(evaluator, input, special_count, routes.iter().any(Option::is_some), &firsts)?;
        let baby = |route: Option<Route<'a>>| match route {
            None => Baby { origin: 0, switch: None },
            Some(Route { first, last: (galois, key) }) => Baby {
                origin: first
                    .and_then(|(first, _)| firsts.keys().position(|&known| known == first))
                    .map_or(0, |at| at + 1),
                switch: Some((key, parameters.permutation(galois))),
            },
        };
        let babies = routes.into_iter().map(baby).collect();
        Ok(Self { parameters, level, origins, special_count, rotations, babies })
    }

    /// Babies made from one another as `steps` says. Those of which others are made are divided by `P` and decomposed
    /// again.
    pub(super) fn in_steps(
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
        let digits = |ciphertext: &Ciphertext| {
            Decomposed::new(parameters, (ciphertext.level, &ciphertext.c1), special_count)
        };
        let mut origins = vec![(digits(input)?, Cow::Borrowed(input))];
        let mut babies: Vec<Baby<'a>> = Vec::with_capacity(count);
        for index in 0..count {
            if index == 0 {
                babies.push(Baby { origin: 0, switch: None });
                continue;
            }
            let parent = steps.parent(index, count);
            let galois = Galois::rotation((index - parent) as i64 * i64::from(stride), parameters.n());
            let key = evaluator.keys().get_special(KeyKind::Galois(galois), level, special_count)?;
            let origin = babies[parent].origin;
            let (decomposed, ciphertext) = &origins[origin];
            decomposed.check(key)?;
            if (index + 1..count).any(|later| steps.parent(later, count) == index) {
                let product = decomposed.product(parameters, key)?;
                let turned = evaluator.finish_automorphism(ciphertext, product, galois);
                babies.push(Baby { origin: origins.len(), switch: None });
                origins.push((digits(&turned)?, Cow::Owned(turned)));
            } else {
                babies.push(Baby { origin, switch: Some((key, parameters.permutation(galois))) });
            }
        }
        let origin = |(digits, ciphertext)| Origin { ciphertext, decomposed: Some(digits) };
        let origins = origins.into_iter().map(origin).collect();
        Ok(Self { parameters, level, origins, special_count, rotations, babies })
    }
}

/// The input, and the input rotated by every one of `firsts`, all decomposed if anything `moves`.
fn origins<'a>(
    evaluator: &Evaluator<'_>,
    input: &'a Ciphertext,
    special_count: usize,
    moves: bool,
    firsts: &BTreeMap<Galois, &KeySwitchKey>,
) -> Result<Vec<Origin<'a>>, EvaluationError> {
    let parameters = evaluator.parameters();
    if !moves {
        return Ok(vec![Origin { ciphertext: Cow::Borrowed(input), decomposed: None }]);
    }
    let digits = Decomposed::new(parameters, (input.level, &input.c1), special_count)?;
    let turned = firsts.iter().map(|(&galois, key)| {
        let product = digits.product(parameters, key)?;
        let ciphertext = evaluator.finish_automorphism(input, product, galois);
        let decomposed =
            Some(Decomposed::new(parameters, (ciphertext.level, &ciphertext.c1), special_count)?);
        Ok(Origin { ciphertext: Cow::Owned(ciphertext), decomposed })
    });
    let turned = turned.collect::<Result<Vec<_>, EvaluationError>>()?;
    let input = Origin { ciphertext: Cow::Borrowed(input), decomposed: Some(digits) };
    Ok(std::iter::once(input).chain(turned).collect())
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
    let key = |galois: Galois, special_count: usize| evaluator.route_special(galois, level, special_count);
    let rows = |special_count: usize| {
        let digits = parameters.digits(level, special_count).map_or(usize::MAX, |digits| digits.len());
        digits.saturating_mul(parameters.limbs_at(level) + special_count)
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
        evaluator.route(galois, level)?;
    }
    for &galois in needed {
        key(galois, fallback)?;
    }
    Ok(fallback)
}

impl HoistedBabies<'_> {
    /// The automorphism that makes this baby from its rows; `None` for the identity.
    pub(super) fn permutation(&self, index: usize) -> Option<&Arc<Automorphism>> {
        self.babies[index].switch.as_ref().map(|(_, permutation)| permutation)
    }

    /// Digits of what is rotated.
    fn digit_count(&self) -> usize {
        self.origins.iter().flat_map(|origin| &origin.decomposed).map(Decomposed::digits).max().unwrap_or(0)
    }

    /// One row of `P` times a baby, before the automorphism.
    ///
    /// # Errors
    ///
    /// As [`BabyRows::row`].
    fn row_product(&self, index: usize, row: usize) -> Result<RowProduct<'_>, EvaluationError> {
        let baby = &self.babies[index];
        let Origin { ciphertext, decomposed } = &self.origins[baby.origin];
        let in_chain = row < ciphertext.c0.limbs();
        let [c0, c1] = [&ciphertext.c0, &ciphertext.c1].map(|half| in_chain.then(|| half.limb(row)));
        match (&baby.switch, decomposed) {
            (Some((key, _)), Some(digits)) => digits.row_product(self.parameters, key, row, [c0, None]),
            _ => Ok(RowProduct::scaled(self.parameters, self.special_count, (self.level, row), [c0, c1])),
        }
    }

    /// Both halves of a baby, divided by `P`, before the automorphism.
    ///
    /// # Errors
    ///
    /// As [`BabyRows::row`].
    pub(super) fn divided(&self, index: usize) -> Result<(Poly, Poly), EvaluationError> {
        let baby = &self.babies[index];
        if baby.switch.is_none() {
            let input = &self.origins[baby.origin].ciphertext;
            return Ok((input.c0.clone(), input.c1.clone()));
        }
        let shape = (self.level, self.special_count);
        let product = ExtendedPair::from_products(self.parameters, shape, self.digit_count(), |row| {
            self.row_product(index, row)
        })?;
        Ok(product.mod_down_fitted(self.parameters))
    }
}

impl BabyRows for HoistedBabies<'_> {
    fn level(&self) -> usize {
        self.level
    }

    fn special_count(&self) -> usize {
        self.special_count
    }

    fn rotations(&self) -> &[i32] {
        &self.rotations
    }

    fn digits(&self) -> Option<usize> {
        Some(self.digit_count())
    }

    fn row(&self, row: usize) -> Result<Vec<BabyRow<'_>>, EvaluationError> {
        let baby = |index: usize| {
            let permutation = self.permutation(index).map(|permutation| &**permutation);
            Ok(BabyRow { halves: Halves::Product(Box::new(self.row_product(index, row)?)), permutation })
        };
        (0..self.babies.len()).into_par_iter().map(baby).collect()
    }

    fn block_bytes(&self) -> usize {
        COMPUTED_BLOCK_BYTES
    }
}
