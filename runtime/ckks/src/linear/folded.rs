//! Several rotations of the argument in one ciphertext, and several diagonals in one plaintext.
//!
//! What repeats after `S / r` of the `S` slots and is real is fixed by `2r` automorphisms: the rotations by multiples of
//! `S / r`, and these after the conjugation. Together they are a group `H`, and the ring is a free module over what `H`
//! fixes, with powers of `X` as a basis. So `2r` rotations of such an `x` fit into one ciphertext, a power each, and so do
//! the diagonals that they are multiplied by, with the inverse powers:
//!
//! ```text
//! z = sum_c X^(e_c) rot_(s_c)(x),   W = 1 / |H| sum_c X^(-e_c) w_c,   sum_(tau in H) tau(W z) = sum_c w_c rot_(s_c)(x)
//! ```
//!
//! The sum over `H` (the trace) cancels all powers but those that met their inverse. A multiplication by a power of `X`
//! takes no level, and the trace one rotation per factor of two: one product and one giant step do the work of `2r`.
//!
//! `z` is made by doubling, `z := z + X^k rot_s(z)`, once for every fold: the first fold with `X^(N/2) = i`, which the
//! conjugation tells from 1, the others with `X^k`, `k = u r/2, u r/4 .. u`, of which a rotation by `N / 4k` makes the
//! negative (`5^(2^t) = 1 + 2^(t+2) odd`). `u` is 1 if all copies of `x` are used. A rotation adds multiples of `4k` to
//! exponents `k`, so that those of all terms stay different modulo `u r` whatever the rotations are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use super::plaintexts::{EncodedDiagonals, Packing, Place};
use super::{DiagonalSource, GiantStep, pre_rotate};
use crate::ciphertext::Ciphertext;
use crate::encoder::{Encoder, IntegerPolynomial};
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::galois::Galois;
use crate::parameters::Parameters;
use crate::scale::Scale;

/// How the argument of a linear map is folded: it is real and repeats after `period` slots, and so does the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold<'a> {
    /// A power of two.
    pub period: usize,
    /// By how much the argument is turned in each fold, at least one. A fold more than the logarithm of the number of
    /// copies is possible.
    ///
    /// Diagonals of a folded map are asked for at every rotation of the schedule plus every sum of some of these.
    pub rotations: &'a [i32],
}

/// A term of the folded argument: `X^exponent rot_rotation(x)`, and the same times `i` and turned by the first fold.
#[derive(Clone, Copy)]
struct Term {
    rotation: i32,
    /// Modulo `2N`.
    exponent: u64,
}

/// A checked [`Fold`] for one ring.
pub(super) struct Folding<'a> {
    fold: Fold<'a>,
    n: usize,
    /// `u`: all exponents are multiples of it.
    unit: usize,
    terms: Vec<Term>,
}

impl<'a> Folding<'a> {
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] unless the period is a power of two with room for the folds.
    pub(super) fn new(parameters: &Parameters, fold: Fold<'a>) -> Result<Self, EvaluationError> {
        let (n, slots) = (parameters.n(), parameters.slots());
        let copies = slots.checked_div(fold.period).unwrap_or(0);
        let folds = fold.rotations.len();
        let most = copies.checked_ilog2().map_or(0, |log| log as usize + 1);
        if !fold.period.is_power_of_two() || !(1..=most).contains(&folds) {
            let what = format!(
                "{folds} folds of an argument of period {}; allowed: 1 to {most} for one of {slots} slots",
                fold.period
            );
            return Err(EvaluationError::Argument { what });
        }
        let unit = copies >> (folds - 1);
        let mut terms = vec![Term { rotation: 0, exponent: 0 }];
        for (j, &rotation) in fold.rotations.iter().enumerate().skip(1) {
            let turned: Vec<Term> = terms
                .iter()
                .map(|term| Term {
                    rotation: term.rotation.wrapping_add(rotation),
                    exponent: (monomial(unit, folds - 1 - j) + turned_exponent(term.exponent, rotation, n))
                        % (2 * n as u64),
                })
                .collect();
            terms.extend(turned);
        }
        Ok(Self { fold, n, unit, terms })
    }

    fn first(&self) -> i32 {
        self.fold.rotations.first().copied().unwrap_or(0)
    }

    /// The automorphisms of the trace: the image under each in turn is added.
    pub(super) fn trace(&self) -> impl Iterator<Item = Galois> {
        let (period, n) = (self.fold.period as i64, self.n);
        let rotations = (1..self.fold.rotations.len()).map(move |j| Galois::rotation(period << (j - 1), n));
        std::iter::once(Galois::conjugation(n)).chain(rotations)
    }

    /// The folded argument.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the key of a rotation is missing.
    pub(super) fn argument(
        &self,
        evaluator: &Evaluator<'_>,
        x: &Ciphertext,
    ) -> Result<Ciphertext, EvaluationError> {
        let mut z = x.clone();
        for (j, &rotation) in self.fold.rotations.iter().enumerate() {
            let turned = evaluator.rotate(&z, rotation.into())?;
            let last = self.fold.rotations.len() - 1;
            let exponent = if j == 0 { self.n as u64 / 2 } else { monomial(self.unit, last - j) };
            evaluator.add_assign(&mut z, &evaluator.mul_monomial(&turned, exponent as usize)?)?;
        }
        Ok(z)
    }

    /// Encodes the diagonals for an argument of this form.
    pub(super) fn encoded<'e>(
        &'e self,
        encoder: &'e Encoder,
        diagonals: &'e dyn DiagonalSource,
        scale: Scale,
    ) -> Folded<'e> {
        let order = (2 * self.terms.len()) as f64;
        Folded { folding: self, encoder, diagonals, scale: scale.div(Scale::from_pow2(order.log2() as i32)) }
    }
}

/// The exponent of the power of `X` by which a fold multiplies that has `later` ones behind it and is not the first.
fn monomial(unit: usize, later: usize) -> u64 {
    (unit as u64) << later
}

/// To what a rotation takes the exponent of a power of `X`.
fn turned_exponent(exponent: u64, rotation: i32, n: usize) -> u64 {
    exponent * u64::from(Galois::rotation(rotation.into(), n).exponent()) % (2 * n as u64)
}

/// The diagonals of a folded map.
pub(super) struct Folded<'a> {
    folding: &'a Folding<'a>,
    encoder: &'a Encoder,
    diagonals: &'a dyn DiagonalSource,
    /// Of every single diagonal in the sum.
    scale: Scale,
}

/// The diagonals of a folded map that were encoded once, in as few bits as they need.
pub struct HeldDiagonals {
    scale: Scale,
    polynomials: BTreeMap<Place, Option<Arc<IntegerPolynomial>>>,
}

impl HeldDiagonals {
    pub(super) fn new(diagonals: &Folded<'_>, giants: &[GiantStep]) -> Result<Self, EvaluationError> {
        let places: Vec<Place> =
            giants.iter().flat_map(|giant| giant.babies.iter().map(|&baby| (giant.rotation, baby))).collect();
        let encode = |place: Place| {
            let integers = diagonals.integers(&[place])?;
            Ok((place, integers.map(|integers| Arc::new(Arc::unwrap_or_clone(integers).packed()))))
        };
        let polynomials = places.into_par_iter().map(encode).collect::<Result<_, EvaluationError>>()?;
        Ok(Self { scale: diagonals.scale, polynomials })
    }

    /// Whether these are the diagonals at that scale.
    pub(super) fn have_scale_of(&self, other: &Folded<'_>) -> bool {
        self.scale == other.scale
    }

    /// Bytes of all of them.
    pub fn size_in_bytes(&self) -> usize {
        self.polynomials.values().flatten().map(|integers| integers.size_in_bytes()).sum()
    }
}

impl fmt::Debug for HeldDiagonals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldDiagonals({})", self.polynomials.len())
    }
}

impl EncodedDiagonals for HeldDiagonals {
    fn packing(&self) -> Packing {
        Packing::Single
    }

    fn integers(&self, places: &[Place]) -> Result<Option<Arc<IntegerPolynomial>>, EvaluationError> {
        let held = |place: &Place| {
            self.polynomials.get(place).cloned().ok_or_else(|| EvaluationError::Argument {
                what: format!(
                    "diagonals held without that of giant step {} and baby step {}",
                    place.0, place.1
                ),
            })
        };
        places.first().map_or(Ok(None), held)
    }
}

impl Folded<'_> {
    /// The diagonal of a rotation, turned back by the giant step.
    fn values(&self, rotation: i32, giant: i32) -> Option<Vec<f64>> {
        let mut values = self.diagonals.diagonal(rotation)?;
        pre_rotate(&mut values, giant);
        Some(values)
    }
}

impl EncodedDiagonals for Folded<'_> {
    fn packing(&self) -> Packing {
        Packing::Single
    }

    fn integers(&self, places: &[Place]) -> Result<Option<Arc<IntegerPolynomial>>, EvaluationError> {
        let folding = self.folding;
        let Some(&(giant, baby)) = places.first() else { return Ok(None) };
        let order = 2 * folding.n as u64;
        let mut parts = Vec::with_capacity(folding.terms.len());
        for term in &folding.terms {
            let rotation = giant + baby + term.rotation;
            let re = self.values(rotation, giant);
            let im = self.values(rotation + folding.first(), giant);
            if re.is_none() && im.is_none() {
                continue;
            }
            let im = im.map(|values| values.into_iter().map(|value| -value).collect());
            // What multiplies the argument turned by the baby step, by the inverse of the power there.
            let exponent = (order - turned_exponent(term.exponent, baby, folding.n)) % order;
            parts.push((re.unwrap_or_default(), im.unwrap_or_default(), exponent as usize / folding.unit));
        }
        if parts.is_empty() {
            return Ok(None);
        }
        let period = folding.fold.period;
        let length = 2 * period * folding.terms.len();
        Ok(Some(Arc::new(self.encoder.interleaved_to_integers(parts, (period, length), self.scale)?)))
    }
}
