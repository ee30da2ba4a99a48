//! Sums of products of ciphertexts, relinearised and rescaled once.

use fhecc_kernels::{Modulus, dot, mul_scalar_add_assign, mul_scalar_assign};
use rayon::prelude::*;

use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::{Evaluator, integer_constant, residue};
use crate::key_switching::{divide_pair, key_product_plus};
use crate::keys::KeyKind;
use crate::poly::Poly;
use crate::scale::Scale;

/// Positions that are computed at a time: they stay in the smallest cache for all steps.
const STRIP: usize = 2048;

/// Some consecutive positions of one row, to be overwritten.
struct Part<'o> {
    row: usize,
    start: usize,
    m: &'o Modulus,
    out: &'o mut [u64],
}

impl Part<'_> {
    /// The same positions of another polynomial.
    fn of<'p>(&self, poly: &'p Poly) -> &'p [u64] {
        &poly.limb(self.row)[self.start..][..self.out.len()]
    }
}

/// The sum `f sum_i a_i b_i + sum_j k_j c_j + k` at a fixed level and scale, `f` being 1 or 2.
///
/// Everything added has exactly this scale: products are checked, constants are encoded to fit. Nothing is
/// computed before [`Sum::rescale`] or [`Sum::relinearise`], which then makes one pass over every row.
pub(crate) struct Sum<'a> {
    evaluator: &'a Evaluator<'a>,
    level: usize,
    scale: Scale,
    products: Vec<(&'a Ciphertext, &'a Ciphertext)>,
    twice: bool,
    terms: Vec<(&'a Ciphertext, i128)>,
    constant: i128,
}

impl<'a> Sum<'a> {
    /// Zero.
    pub(crate) fn new(evaluator: &'a Evaluator<'a>, level: usize, scale: Scale) -> Self {
        Self { evaluator, level, scale, products: Vec::new(), twice: false, terms: Vec::new(), constant: 0 }
    }

    /// `2 a b` at the lower of their levels.
    pub(crate) fn twice_product(evaluator: &'a Evaluator<'a>, a: &'a Ciphertext, b: &'a Ciphertext) -> Self {
        let mut sum = Self::new(evaluator, a.level.min(b.level), a.scale.mul(b.scale));
        sum.products.push((a, b));
        sum.twice = true;
        sum
    }

    /// Adds `a * b`; both may be at higher levels.
    ///
    /// # Errors
    ///
    /// A scale that is not the sum's, or an operand below its level.
    pub(crate) fn add_product(
        &mut self,
        a: &'a Ciphertext,
        b: &'a Ciphertext,
    ) -> Result<(), EvaluationError> {
        self.check_level(a)?;
        self.check_level(b)?;
        let product = a.scale.mul(b.scale);
        if !product.matches(self.scale) {
            return Err(EvaluationError::ScaleMismatch { left: self.scale.log2(), right: product.log2() });
        }
        self.products.push((a, b));
        Ok(())
    }

    /// Adds `factor * a`, with `factor` encoded at the scale that makes the product fit.
    ///
    /// # Errors
    ///
    /// An operand below the sum's level, or a constant too large to encode.
    pub(crate) fn add_term(&mut self, a: &'a Ciphertext, factor: f64) -> Result<(), EvaluationError> {
        self.check_level(a)?;
        self.terms.push((a, integer_constant(factor, self.scale.div(a.scale))?));
        Ok(())
    }

    /// Adds a constant to every slot.
    ///
    /// # Errors
    ///
    /// A constant too large to encode.
    pub(crate) fn add_constant(&mut self, constant: f64) -> Result<(), EvaluationError> {
        self.constant += integer_constant(constant, self.scale)?;
        Ok(())
    }

    /// Computes the sum, relinearises it if there are products, and rescales, in one division.
    ///
    /// # Errors
    ///
    /// Level 0, or no relinearisation key for the level.
    pub(crate) fn rescale(self) -> Result<Ciphertext, EvaluationError> {
        let (parameters, level) = (self.evaluator.parameters(), self.level);
        if level == 0 {
            return Err(EvaluationError::LevelTooLow { found: 0, needed: 1 });
        }
        let scale = self.scale.div(parameters.rescale_factor(level));
        let (c0, c1) = self.compute(true)?;
        Ok(Ciphertext { level: parameters.level_below(level), scale, c0, c1 })
    }

    /// Computes the sum and relinearises it if there are products; its level and scale stay.
    ///
    /// # Errors
    ///
    /// A scale that does not fit the modulus, or no relinearisation key for the level.
    pub(crate) fn relinearise(self) -> Result<Ciphertext, EvaluationError> {
        let (level, scale) = (self.level, self.scale);
        self.evaluator.product_scale(scale, Scale::from_pow2(0), level)?;
        let (c0, c1) = self.compute(false)?;
        Ok(Ciphertext { level, scale, c0, c1 })
    }

    /// The relinearised sum, divided by [`crate::Parameters::rescale_factor`] if `rescaled`.
    fn compute(self, rescaled: bool) -> Result<(Poly, Poly), EvaluationError> {
        let parameters = self.evaluator.parameters();
        let (level, n) = (self.level, parameters.n());
        let compute = |part_of: &(dyn Fn(Part<'_>) + Sync)| {
            let mut poly = Poly::unfilled(n, parameters.limbs_at(level));
            let strip = n.min(STRIP);
            let rows = poly.as_mut_slice().par_chunks_exact_mut(n).zip(parameters.moduli_at(level));
            rows.enumerate().for_each(|(row, (out, prime))| {
                for (index, out) in out.chunks_exact_mut(strip).enumerate() {
                    part_of(Part { row, start: index * strip, m: &prime.modulus, out });
                }
            });
            poly
        };
        let d0 = compute(&|part| self.constant_part(part));
        let d1 = compute(&|part| self.linear_part(part));
        if self.products.is_empty() {
            return Ok(if rescaled { divide_pair(parameters, (d0, d1), level, 0, true) } else { (d0, d1) });
        }
        let d2 = compute(&|part| self.square_part(part));
        let key = self.evaluator.keys().get(KeyKind::Relinearisation, level)?;
        let product = key_product_plus(parameters, (level, &d2), key, [Some(&d0), Some(&d1)])?;
        Ok(if rescaled { product.mod_down_rescale(parameters) } else { product.mod_down_fitted(parameters) })
    }

    /// Some of what is not multiplied by the secret.
    fn constant_part(&self, part: Part<'_>) {
        let pairs = self.products.iter().map(|(a, b)| (part.of(&a.c0), part.of(&b.c0)));
        let terms = self.terms.iter().map(|(term, factor)| (part.of(&term.c0), *factor));
        let (pairs, terms) = (pairs.unzip(), terms.collect());
        let Part { m, out, .. } = part;
        self.combine(out, pairs, terms, m);
        if self.constant != 0 {
            fhecc_kernels::add_scalar_assign(out, residue(self.constant, m), m);
        }
    }

    /// Some of what is multiplied by the secret.
    fn linear_part(&self, part: Part<'_>) {
        let both = |(a, b): &(&'a Ciphertext, &'a Ciphertext)| {
            [(part.of(&a.c0), part.of(&b.c1)), (part.of(&a.c1), part.of(&b.c0))]
        };
        let pairs = self.products.iter().flat_map(both);
        let terms = self.terms.iter().map(|(term, factor)| (part.of(&term.c1), *factor));
        self.combine(part.out, pairs.unzip(), terms.collect(), part.m);
    }

    /// Some of what is multiplied by the square of the secret.
    fn square_part(&self, part: Part<'_>) {
        let pairs = self.products.iter().map(|(a, b)| (part.of(&a.c1), part.of(&b.c1)));
        self.combine(part.out, pairs.unzip(), Vec::new(), part.m);
    }

    /// The products, perhaps twice, and the terms.
    fn combine(
        &self,
        out: &mut [u64],
        (left, right): (Vec<&[u64]>, Vec<&[u64]>),
        terms: Vec<(&[u64], i128)>,
        m: &Modulus,
    ) {
        dot(out, &left, &right, m);
        if self.twice {
            mul_scalar_assign(out, 2, m);
        }
        for (term, factor) in terms {
            mul_scalar_add_assign(out, term, residue(factor, m), m);
        }
    }

    fn check_level(&self, operand: &Ciphertext) -> Result<(), EvaluationError> {
        if operand.level < self.level {
            return Err(EvaluationError::LevelTooLow { found: operand.level, needed: self.level });
        }
        Ok(())
    }
}
