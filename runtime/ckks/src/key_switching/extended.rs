//! Pairs of polynomials over `Q_l P`: sums of key products before the division by `P`.

use rayon::prelude::*;

use super::division::{divide_pair, divide_pair_fitted};
use super::row::{RowProduct, RowScratch};
use crate::error::EvaluationError;
use crate::parameters::{Parameters, product_modulo};
use crate::poly::Poly;

/// `(c0, c1)` over `q_0 ..= q_level` and the first `special_count` special primes, encrypting `P` times a
/// message. In the transform domain.
#[derive(Clone, Debug)]
pub(crate) struct ExtendedPair {
    /// The level.
    pub(crate) level: usize,
    /// The number of special primes.
    pub(crate) special_count: usize,
    /// The constant part, as many rows as the level has limbs, and `special_count`.
    pub(crate) c0: Poly,
    /// The part that is multiplied by the secret.
    pub(crate) c1: Poly,
}

impl ExtendedPair {
    /// The pair of zeros.
    pub(crate) fn zero(parameters: &Parameters, level: usize, special_count: usize) -> Self {
        let zero = || Poly::zero(parameters.n(), parameters.limbs_at(level) + special_count);
        Self { level, special_count, c0: zero(), c1: zero() }
    }

    /// A pair to be overwritten entirely.
    pub(crate) fn unfilled(parameters: &Parameters, level: usize, special_count: usize) -> Self {
        let unfilled = || Poly::unfilled(parameters.n(), parameters.limbs_at(level) + special_count);
        Self { level, special_count, c0: unfilled(), c1: unfilled() }
    }

    /// The pair of which `product` gives every row, with so many digits.
    ///
    /// # Errors
    ///
    /// Those of `product`.
    pub(crate) fn from_products<'a>(
        parameters: &Parameters,
        (level, special_count): (usize, usize),
        digits: usize,
        product: impl Fn(usize) -> Result<RowProduct<'a>, EvaluationError> + Sync,
    ) -> Result<Self, EvaluationError> {
        let mut out = Self::unfilled(parameters, level, special_count);
        out.par_rows_mut().try_for_each_init(
            || RowScratch::new(parameters, digits),
            |scratch, (row, c0, c1)| product(row).map(|product| product.write([c0, c1], scratch)),
        )?;
        Ok(out)
    }

    /// Index, and rows of `c0` and `c1`, for every prime.
    pub(crate) fn par_rows_mut(
        &mut self,
    ) -> impl IndexedParallelIterator<Item = (usize, &mut [u64], &mut [u64])> {
        let n = self.c0.n();
        let c1 = self.c1.as_mut_slice().par_chunks_exact_mut(n);
        self.c0
            .as_mut_slice()
            .par_chunks_exact_mut(n)
            .zip(c1)
            .enumerate()
            .map(|(row, (c0, c1))| (row, c0, c1))
    }

    /// Adds another pair over the same primes.
    pub(crate) fn add_assign(&mut self, parameters: &Parameters, other: &Self) {
        debug_assert_eq!((self.level, self.special_count), (other.level, other.special_count));
        let level = self.level;
        self.par_rows_mut().for_each(|(row, c0, c1)| {
            let m = &parameters.extended_prime(level, row).modulus;
            fhecc_kernels::add_assign(c0, other.c0.limb(row), m);
            fhecc_kernels::add_assign(c1, other.c1.limb(row), m);
        });
    }

    /// Adds `P c0` and, if given, `P c1`, polynomials over `Q_level`.
    pub(crate) fn add_scaled(&mut self, parameters: &Parameters, c0: &Poly, c1: Option<&Poly>) {
        let (level, special_count) = (self.level, self.special_count);
        self.par_rows_mut().take(parameters.limbs_at(level)).for_each(|(row, out0, out1)| {
            let m = &parameters.extended_prime(level, row).modulus;
            let p = product_modulo(&parameters.special_moduli()[..special_count], m);
            fhecc_kernels::mul_scalar_add_assign(out0, c0.limb(row), p, m);
            if let Some(c1) = c1 {
                fhecc_kernels::mul_scalar_add_assign(out1, c1.limb(row), p, m);
            }
        });
    }

    /// The pair divided by `P`, over `Q_level`. The polynomials keep the memory of the rows that are gone.
    pub(crate) fn mod_down(self, parameters: &Parameters) -> (Poly, Poly) {
        divide_pair(parameters, (self.c0, self.c1), self.level, self.special_count, false)
    }

    /// [`ExtendedPair::mod_down`] to polynomials that live on.
    pub(crate) fn mod_down_fitted(self, parameters: &Parameters) -> (Poly, Poly) {
        divide_pair_fitted(parameters, (self.c0, self.c1), self.level, self.special_count, false)
    }

    /// The pair divided by `P` and [`Parameters::rescale_factor`], over `Q_(level - 1)`; needs `level >= 1`.
    pub(crate) fn mod_down_rescale(self, parameters: &Parameters) -> (Poly, Poly) {
        divide_pair_fitted(parameters, (self.c0, self.c1), self.level, self.special_count, true)
    }
}
