//! Hybrid key switching, in steps that other code can recombine.
//!
//! To compute `x m` from a polynomial `x` over `Q_l = q_0 ... q_l` and a key for `m`:
//! 1. [`Decomposed`]: cut `x` into digits `x_j` (its residues modulo groups of primes), each extended to all
//!    of `Q_l P` as the centred representative;
//! 2. [`ExtendedPair`]: `sum_j x_j (b_j, a_j)`, an encryption of `P x m` over `Q_l P`;
//! 3. [`ExtendedPair::mod_down`]: divide by `P` with rounding, or by `P q_l`, which rescales for free.
//!
//! Several rotations of one ciphertext share step 1; several products summed up share step 3 (Bossuat,
//! Mouchet, Troncoso-Pastoriza, Hubaux, eprint 2020/1203, "double hoisting").
//!
//! Rows of a polynomial over `Q_l P` are `q_0 ..= q_l` and then the special primes.

mod division;
mod extended;
mod row;
#[cfg(test)]
mod tests;

use std::ops::Range;

use rayon::prelude::*;

pub(crate) use self::division::{divide, divide_pair, divide_pair_fitted};
pub(crate) use self::extended::ExtendedPair;
pub(crate) use self::row::{Addends, NOTHING, RowProduct, RowScratch};
use crate::base_conversion::{Source, group_size};
use crate::error::EvaluationError;
use crate::keys::{DigitLayout, KeySwitchKey};
use crate::parameters::Parameters;
use crate::poly::Poly;

/// The digits of a polynomial over `Q_level`, each extended to `Q_level P`, in the transform domain.
pub(crate) struct Decomposed {
    level: usize,
    special_count: usize,
    layout: DigitLayout,
    digits: usize,
    /// Row `row * digits + digit`: the digits of one prime are neighbours.
    rows: Poly,
}

impl Decomposed {
    /// Decomposes `x` at `level`, given by its transformed rows, for keys with `special_count` special primes.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if there are no such keys.
    pub(crate) fn new(
        parameters: &Parameters,
        (level, x): (usize, &Poly),
        special_count: usize,
    ) -> Result<Self, EvaluationError> {
        let digits = Digits::new(parameters, (level, x), special_count)?;
        let n = x.n();
        let count = digits.ranges.len();
        let total = x.limbs() + special_count;
        let mut rows = Poly::unfilled(n, total * count);
        let group = group_size(total);
        rows.as_mut_slice().par_chunks_mut(n * count * group).enumerate().for_each(|(index, out)| {
            digits.extend(index * group, out);
            for (row, out) in (index * group..).zip(out.chunks_exact_mut(n * count)) {
                for (digit, out) in out.chunks_exact_mut(n).enumerate() {
                    if let Some(own) = digits.own(digit, row) {
                        out.copy_from_slice(own);
                    }
                }
            }
        });
        Ok(Self { level, special_count, layout: DigitLayout::Greedy, digits: count, rows })
    }

    /// The centred representative of a polynomial modulo `q_0`, given by its coefficients, as the one digit of
    /// a key with [`DigitLayout::Single`].
    pub(crate) fn lift(
        parameters: &Parameters,
        coefficients: &[u64],
        level: usize,
        special_count: usize,
    ) -> Self {
        let n = coefficients.len();
        let from = parameters.moduli()[0].modulus;
        let mut rows = Poly::unfilled(n, parameters.limbs_at(level) + special_count);
        rows.as_mut_slice().par_chunks_exact_mut(n).enumerate().for_each(|(row, out)| {
            let prime = parameters.extended_prime(level, row);
            fhecc_kernels::lift_centred(out, coefficients, &from, &prime.modulus);
            prime.ntt.forward(out);
        });
        Self { level, special_count, layout: DigitLayout::Single, digits: 1, rows }
    }

    /// The number of special primes of the keys it can be used with.
    pub(crate) fn special_count(&self) -> usize {
        self.special_count
    }

    /// The number of digits.
    pub(crate) fn digits(&self) -> usize {
        self.digits
    }

    /// Digit `digit`, row `row`.
    pub(crate) fn row(&self, digit: usize, row: usize) -> &[u64] {
        self.rows.limb(row * self.digits + digit)
    }

    /// The inner product with a key: an encryption of `P x m`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the key is for other digits or does not reach the level.
    pub(crate) fn product(
        &self,
        parameters: &Parameters,
        key: &KeySwitchKey,
    ) -> Result<ExtendedPair, EvaluationError> {
        self.check(key)?;
        ExtendedPair::from_products(parameters, (self.level, self.special_count), self.digits, |row| {
            self.row_product(parameters, key, row, NOTHING)
        })
    }

    /// One row of [`Decomposed::product`] and, for a row of the chain, `P` times `plus`; the key must have passed
    /// [`Decomposed::check`].
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if the key is on disk and cannot be read.
    pub(crate) fn row_product<'a>(
        &'a self,
        parameters: &'a Parameters,
        key: &'a KeySwitchKey,
        row: usize,
        plus: Addends<'a>,
    ) -> Result<RowProduct<'a>, EvaluationError> {
        let digits = (0..self.digits).map(|digit| self.row(digit, row)).collect();
        RowProduct::new(parameters, key, (self.level, row), digits, plus)
    }

    /// Whether the key fits these digits.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the key has another layout or number of special primes, or does not reach the
    /// level.
    pub(crate) fn check(&self, key: &KeySwitchKey) -> Result<(), EvaluationError> {
        if key.layout() != self.layout || key.special_count() != self.special_count {
            return Err(EvaluationError::Argument {
                what: format!(
                    "a key with {} special primes ({:?}) for digits made for {} ({:?})",
                    key.special_count(),
                    key.layout(),
                    self.special_count,
                    self.layout
                ),
            });
        }
        check_level(key, self.level)
    }
}

/// Decomposition of a polynomial at a level and inner product in one go, row by row: an encryption of `P x m` for one
/// key.
///
/// Gives the same bits as [`Decomposed::new`] and [`Decomposed::product`] without storing the digits.
///
/// # Errors
///
/// [`EvaluationError`] if the key does not reach the level of `x` or is not for digits.
pub(crate) fn key_product(
    parameters: &Parameters,
    x: (usize, &Poly),
    key: &KeySwitchKey,
) -> Result<ExtendedPair, EvaluationError> {
    key_product_plus(parameters, x, key, [None, None])
}

/// [`key_product`] plus `P` times polynomials at the level of `x`: added while the products are at hand.
///
/// # Errors
///
/// As [`key_product`].
pub(crate) fn key_product_plus(
    parameters: &Parameters,
    x: (usize, &Poly),
    key: &KeySwitchKey,
    plus: [Option<&Poly>; 2],
) -> Result<ExtendedPair, EvaluationError> {
    let mut out = ExtendedPair::unfilled(parameters, x.0, key.special_count());
    key_product_onto(parameters, x, key, plus, &mut out, |_, product, halves, scratch| {
        product.write(halves, scratch);
    })?;
    Ok(out)
}

/// [`key_product_plus`] row by row: `write` has the row's index, its product, and both halves of the row of `onto`.
///
/// # Errors
///
/// As [`key_product`].
pub(crate) fn key_product_onto(
    parameters: &Parameters,
    x: (usize, &Poly),
    key: &KeySwitchKey,
    plus: [Option<&Poly>; 2],
    onto: &mut ExtendedPair,
    write: impl Fn(usize, &RowProduct<'_>, [&mut [u64]; 2], &mut RowScratch) + Sync,
) -> Result<(), EvaluationError> {
    if key.layout() != DigitLayout::Greedy {
        return Err(EvaluationError::Argument {
            what: "a single-digit key cannot switch a whole polynomial".into(),
        });
    }
    let digits = Digits::new(parameters, x, key.special_count())?;
    check_level(key, digits.level)?;
    let n = parameters.n();
    let count = digits.ranges.len();
    let group = group_size(onto.c0.limbs());
    let (c0, c1) = (onto.c0.as_mut_slice(), onto.c1.as_mut_slice());
    let halves = c0.par_chunks_mut(n * group).zip(c1.par_chunks_mut(n * group));
    halves.enumerate().try_for_each_init(
        || (Poly::unfilled(n, count * group), RowScratch::new(parameters, count)),
        |(space, scratch), (index, (c0, c1))| {
            let space = &mut space.as_mut_slice()[..c0.len() * count];
            digits.extend(index * group, space);
            let pairs = c0.chunks_exact_mut(n).zip(c1.chunks_exact_mut(n));
            pairs.zip(space.chunks_exact(n * count)).zip(index * group..).try_for_each(
                |(((c0, c1), rows), row)| {
                    let plus = if row < digits.transformed.limbs() {
                        plus.map(|poly| Some(poly?.limb(row)))
                    } else {
                        NOTHING
                    };
                    let digit = |(digit, extended)| digits.own(digit, row).unwrap_or(extended);
                    let rows = rows.chunks_exact(n).enumerate().map(digit).collect();
                    let product = RowProduct::new(parameters, key, (digits.level, row), rows, plus)?;
                    write(row, &product, [c0, c1], scratch);
                    Ok(())
                },
            )
        },
    )
}

/// A polynomial with what its digits are extended from: every row of its coefficients times the factor that base
/// conversion starts from.
struct Digits<'a> {
    parameters: &'a Parameters,
    level: usize,
    ranges: Vec<Range<usize>>,
    transformed: &'a Poly,
    coefficients: Poly,
}

impl<'a> Digits<'a> {
    fn new(
        parameters: &'a Parameters,
        (level, x): (usize, &'a Poly),
        special_count: usize,
    ) -> Result<Self, EvaluationError> {
        let ranges = KeySwitchKey::layout_digits(parameters, level, special_count, DigitLayout::Greedy)?;
        let primes = parameters.all_primes();
        let sources = ranges.iter().map(|range| digit_source(parameters, level, range));
        let factors: Vec<u64> = sources.flat_map(|source| source.digit_factors(primes)).collect();
        let mut coefficients = Poly::unfilled(x.n(), x.limbs());
        let rows = coefficients.as_mut_slice().par_chunks_exact_mut(x.n());
        let rows = rows.zip(x.as_slice().par_chunks_exact(x.n()));
        rows.zip(parameters.moduli_at(level)).zip(factors).for_each(|(((row, from), prime), factor)| {
            row.copy_from_slice(from);
            prime.ntt.inverse_times(row, factor);
        });
        Ok(Self { parameters, level, ranges, transformed: x, coefficients })
    }

    /// Row `row` of a digit, if the polynomial has it.
    fn own(&self, digit: usize, row: usize) -> Option<&[u64]> {
        self.ranges[digit].contains(&row).then(|| self.transformed.limb(row))
    }

    /// Writes some consecutive rows, from `first` on, of all digits, transformed: for every row, its digits. The
    /// rows of a digit's own primes are those of the polynomial, see [`Digits::own`], and not written.
    fn extend(&self, first: usize, out: &mut [u64]) {
        let (n, count) = (self.transformed.n(), self.ranges.len());
        let primes = self.parameters.all_primes();
        for (digit, range) in self.ranges.iter().enumerate() {
            let (mut targets, mut to) = (Vec::new(), Vec::new());
            for (i, out) in out.chunks_exact_mut(n).enumerate().skip(digit).step_by(count) {
                let row = first + i / count;
                if !range.contains(&row) {
                    targets.push(self.parameters.extended_index(self.level, row));
                    to.push(out);
                }
            }
            let source = digit_source(self.parameters, self.level, range);
            let from: Vec<&[u64]> = range.clone().map(|limb| self.coefficients.limb(limb)).collect();
            if !targets.is_empty() {
                self.parameters.converters().get(primes, source, &targets).convert(&from, &mut to);
            }
            for (&target, out) in targets.iter().zip(to) {
                primes[target].ntt.forward(out);
            }
        }
    }
}

/// The primes of the limbs of a digit at `level`.
fn digit_source(parameters: &Parameters, level: usize, digit: &Range<usize>) -> Source {
    let start = parameters.chain(level).start;
    Source { start: start + digit.start, end: start + digit.end, extra: None }
}

fn check_level(key: &KeySwitchKey, level: usize) -> Result<(), EvaluationError> {
    let name = || "key switching".into();
    if key.reaches(level) {
        Ok(())
    } else if level > key.level() {
        Err(EvaluationError::KeyAboveLevel { key: name(), found: level, allowed: key.level() })
    } else {
        Err(EvaluationError::KeyMissing { key: name(), level })
    }
}
