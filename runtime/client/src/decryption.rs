//! Decryption.

use fhecc_ckks::{Ciphertext, Complex, Encoder, EvaluationError, Plaintext, Poly};
use rayon::prelude::*;

use crate::secret::SecretKey;

/// Decrypts with the secret key.
///
/// What comes out carries the noise of the computation, which depends on the key: whoever shares decrypted
/// values with the evaluator should share [`Decryptor::decrypt_rounded`] instead (Li, Micciancio, eprint
/// 2020/1533).
pub struct Decryptor<'s> {
    secret: &'s SecretKey,
    encoder: Encoder,
}

impl<'s> Decryptor<'s> {
    /// A decryptor for this key.
    pub fn new(secret: &'s SecretKey) -> Self {
        Self { secret, encoder: Encoder::new(secret.parameters()) }
    }

    /// The encrypted polynomial with its noise.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the ciphertext is of other parameters.
    pub fn decrypt_plaintext(&self, ciphertext: &Ciphertext) -> Result<Plaintext, EvaluationError> {
        let parameters = self.secret.parameters();
        let (c0, c1) = ciphertext.parts();
        let level = ciphertext.level();
        let mut out = c0.clone();
        check_dimensions(c0, c1, parameters.n(), parameters.limbs_at(level))?;
        out.as_mut_slice()
            .par_chunks_exact_mut(parameters.n())
            .zip(parameters.moduli_at(level))
            .enumerate()
            .for_each(|(limb, (row, prime))| {
                let s = self.secret.polynomial().extended_row(parameters, level, limb);
                fhecc_kernels::mul_add_assign(row, c1.limb(limb), s, &prime.modulus);
            });
        Plaintext::from_poly(parameters, level, ciphertext.scale(), out)
    }

    /// The real parts of all slots.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the ciphertext is of other parameters.
    pub fn decrypt(&self, ciphertext: &Ciphertext) -> Result<Vec<f64>, EvaluationError> {
        Ok(self.encoder.decode_real(&self.decrypt_plaintext(ciphertext)?))
    }

    /// All slots.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the ciphertext is of other parameters.
    pub fn decrypt_complex(&self, ciphertext: &Ciphertext) -> Result<Vec<Complex>, EvaluationError> {
        Ok(self.encoder.decode(&self.decrypt_plaintext(ciphertext)?))
    }

    /// The real parts of all slots, rounded to multiples of `2^-fraction_bits`: for values that are shared.
    /// Choose it well above the noise.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the ciphertext is of other parameters.
    pub fn decrypt_rounded(
        &self,
        ciphertext: &Ciphertext,
        fraction_bits: u32,
    ) -> Result<Vec<f64>, EvaluationError> {
        let step = f64::exp2(f64::from(fraction_bits));
        Ok(self.decrypt(ciphertext)?.into_iter().map(|value| (value * step).round() / step).collect())
    }
}

fn check_dimensions(c0: &Poly, c1: &Poly, n: usize, limbs: usize) -> Result<(), EvaluationError> {
    for poly in [c0, c1] {
        if poly.n() != n {
            return Err(EvaluationError::ParametersMismatch {
                what: "ring degree",
                found: poly.n(),
                expected: n,
            });
        }
        if poly.limbs() != limbs {
            let (found, expected) = (poly.limbs(), limbs);
            return Err(EvaluationError::ParametersMismatch { what: "number of limbs", found, expected });
        }
    }
    Ok(())
}
