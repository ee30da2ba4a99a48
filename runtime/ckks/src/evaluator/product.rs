//! Products of ciphertexts.

use super::Evaluator;
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::key_switching::{ExtendedPair, key_product};
use crate::keys::KeyKind;
use crate::poly::Poly;
use crate::scale::Scale;

/// `(d0, d1, d2)` with `d0 + d1 s + d2 s^2` the product of two ciphertexts.
struct Tensor {
    level: usize,
    scale: Scale,
    d0: Poly,
    d1: Poly,
    d2: Poly,
}

impl Evaluator<'_> {
    /// `a * b`; the scales multiply and the level stays.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if levels differ, the product's scale does not fit the modulus, or there is no
    /// relinearisation key for the level.
    pub fn mul(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        let tensor = self.tensor(a, b)?;
        let (mut c0, mut c1) = self.relinearised(&tensor)?.mod_down(&self.parameters);
        for (sum, part) in [(&mut c0, &tensor.d0), (&mut c1, &tensor.d1)] {
            self.for_each_row(tensor.level, sum, |row, i, prime| {
                fhecc_kernels::add_assign(row, part.limb(i), &prime.modulus);
            });
        }
        Ok(Ciphertext { level: tensor.level, scale: tensor.scale, c0, c1 })
    }

    /// `a * a`; see [`Evaluator::mul`].
    ///
    /// # Errors
    ///
    /// As [`Evaluator::mul`].
    pub fn square(&self, a: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        self.mul(a, a)
    }

    /// `a * b`, rescaled: one level and the factor `q_level` of the product of the scales are consumed. The
    /// division by the special primes and the rescale are one.
    ///
    /// # Errors
    ///
    /// As [`Evaluator::mul`], and [`EvaluationError::LevelTooLow`] at level 0.
    pub fn mul_rescale(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        self.check_rescalable(a)?;
        let tensor = self.tensor(a, b)?;
        let mut sum = self.relinearised(&tensor)?;
        sum.add_scaled(&self.parameters, &tensor.d0, Some(&tensor.d1));
        let (c0, c1) = sum.mod_down_rescale(&self.parameters);
        let scale = tensor.scale.div(self.parameters.rescale_factor(tensor.level));
        Ok(Ciphertext { level: self.parameters.level_below(tensor.level), scale, c0, c1 })
    }

    /// `P d2 s^2` as an encryption over `Q P`.
    fn relinearised(&self, tensor: &Tensor) -> Result<ExtendedPair, EvaluationError> {
        let key = self.keys.get(KeyKind::Relinearisation, tensor.level)?;
        key_product(&self.parameters, (tensor.level, &tensor.d2), key)
    }

    fn tensor(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Tensor, EvaluationError> {
        self.check_same_level(a, b)?;
        let scale = self.product_scale(a.scale, b.scale, a.level)?;
        let unfilled = || Poly::unfilled(self.parameters.n(), a.c0.limbs());
        let (mut d0, mut d1, mut d2) = (unfilled(), unfilled(), unfilled());
        self.for_each_row(a.level, &mut d0, |row, i, prime| {
            fhecc_kernels::mul(row, a.c0.limb(i), b.c0.limb(i), &prime.modulus);
        });
        self.for_each_row(a.level, &mut d1, |row, i, prime| {
            let (left, right) = ([a.c0.limb(i), a.c1.limb(i)], [b.c1.limb(i), b.c0.limb(i)]);
            fhecc_kernels::dot(row, &left, &right, &prime.modulus);
        });
        self.for_each_row(a.level, &mut d2, |row, i, prime| {
            fhecc_kernels::mul(row, a.c1.limb(i), b.c1.limb(i), &prime.modulus);
        });
        Ok(Tensor { level: a.level, scale, d0, d1, d2 })
    }
}
