//! Rotations and conjugation.
//!
//! The key of an automorphism `g` is for the secret `g^-1(s)`: the key product comes first and the
//! automorphism last, on two polynomials instead of on every digit.

use fhecc_kernels::Automorphism;
use rayon::prelude::*;

use super::{Evaluator, Keyed};
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::galois::Galois;
use crate::key_switching::{Decomposed, ExtendedPair, key_product, key_product_plus};
use crate::keys::KeyKind;
use crate::poly::Poly;

impl Evaluator<'_> {
    /// Slots moved by `k` to the left: `out[s] = a[s + k]`, cyclically over the `N/2` slots.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if there is no key for this rotation and level.
    pub fn rotate(&self, a: &Ciphertext, k: i64) -> Result<Ciphertext, EvaluationError> {
        self.automorphism(a, Galois::rotation(k, self.parameters.n()))
    }

    /// The complex conjugate of every slot.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if there is no conjugation key for this level.
    pub fn conjugate(&self, a: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        self.automorphism(a, Galois::conjugation(self.parameters.n()))
    }

    /// Any automorphism.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if there is no key for it at this level.
    pub fn automorphism(&self, a: &Ciphertext, galois: Galois) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        if galois == Galois::IDENTITY {
            return Ok(a.clone());
        }
        let route = self.route(galois, a.level)?;
        match route.first {
            None => self.switched(a, route.last),
            Some(first) => self.switched(&self.switched(a, first)?, route.last),
        }
    }

    /// An automorphism by its key.
    fn switched(&self, a: &Ciphertext, (galois, key): Keyed<'_>) -> Result<Ciphertext, EvaluationError> {
        let sum = key_product(&self.parameters, (a.level, &a.c1), key)?;
        Ok(self.finish_automorphism(a, sum, galois))
    }

    /// Several rotations of one ciphertext, which share the decomposition into digits unless they are composites.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if a key is missing.
    pub fn rotate_hoisted(
        &self,
        a: &Ciphertext,
        rotations: &[i64],
    ) -> Result<Vec<Ciphertext>, EvaluationError> {
        self.check(a)?;
        let n = self.parameters.n();
        let mut digits: Option<Decomposed> = None;
        rotations
            .iter()
            .map(|&k| {
                let galois = Galois::rotation(k, n);
                if galois == Galois::IDENTITY {
                    return Ok(a.clone());
                }
                let route = self.route(galois, a.level)?;
                if let Some(first) = route.first {
                    return self.switched(&self.switched(a, first)?, route.last);
                }
                let (_, key) = route.last;
                let shared = match digits.take().filter(|d| d.special_count() == key.special_count()) {
                    Some(shared) => shared,
                    None => Decomposed::new(&self.parameters, (a.level, &a.c1), key.special_count())?,
                };
                let sum = digits.insert(shared).product(&self.parameters, key)?;
                Ok(self.finish_automorphism(a, sum, galois))
            })
            .collect()
    }

    /// From the key product of `c1` to the rotated ciphertext.
    pub(crate) fn finish_automorphism(
        &self,
        a: &Ciphertext,
        sum: ExtendedPair,
        galois: Galois,
    ) -> Ciphertext {
        let (mut u0, u1) = sum.mod_down(&self.parameters);
        self.for_each_row(a.level, &mut u0, |row, i, prime| {
            fhecc_kernels::add_assign(row, a.c0.limb(i), &prime.modulus);
        });
        let permutation = self.parameters.permutation(galois);
        let [c0, c1] = [u0, u1].map(|half| self.permuted(&half, &permutation));
        Ciphertext { level: a.level, scale: a.scale, c0, c1 }
    }

    /// `a` plus its image under an automorphism that has a key of its own.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if there is no key for it at this level.
    pub(crate) fn add_automorphism(&self, a: &mut Ciphertext, galois: Galois) -> Result<(), EvaluationError> {
        let key = self.keys.get(KeyKind::Galois(galois), a.level)?;
        let sum = key_product_plus(&self.parameters, (a.level, &a.c1), key, [Some(&a.c0), None])?;
        let (c0, c1) = sum.mod_down(&self.parameters);
        let permutation = self.parameters.permutation(galois);
        let level = a.level;
        for (half, image) in [(&mut a.c0, c0), (&mut a.c1, c1)] {
            self.for_each_row(level, half, |row, i, prime| {
                permutation.permute_add_assign(0, row, image.limb(i), &prime.modulus);
            });
        }
        Ok(())
    }

    /// Every row permuted.
    pub(crate) fn permuted(&self, poly: &Poly, permutation: &Automorphism) -> Poly {
        let mut out = Poly::unfilled(poly.n(), poly.limbs());
        let rows = out.as_mut_slice().par_chunks_exact_mut(poly.n());
        rows.enumerate().for_each(|(i, row)| permutation.permute(0, row, poly.limb(i)));
        out
    }
}
