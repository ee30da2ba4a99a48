//! Bootstrapping: a ciphertext without levels becomes one with levels again.
//!
//! For `n = N/2` real slots `m`, `|m| <= 1`, at scale `D` (Cheon, Han, Kim, Kim, Song, EUROCRYPT 2018, with the
//! slots-to-coefficients transform first):
//!
//! 1. slots to coefficients, which makes the coefficients of a polynomial in `X^2` equal to `a q0 m`, with
//!    `a = 2^-log_message_ratio`, at modulus `q0`;
//! 2. switch to a sparse secret and take the representative over the integers: `q0 (a m + I)` with small
//!    integers `I`;
//! 3. back to the main secret over the whole chain, coefficients to slots, the last matrix behind the trace onto
//!    polynomials in `X^2`;
//! 4. the sum with the conjugate: `(a m + I) / K` in the real slots;
//! 5. a polynomial with period one: `sin(2 pi a m)`.
//!
//! The arcsine is left to the caller: an activation is fitted to the sine.

mod circuit;
mod dft;
mod eval_mod;
mod keys;
mod matrix;
mod raise;
mod schedule;

use rayon::prelude::*;

pub(crate) use self::circuit::Circuit;
use self::circuit::Stage;
pub use self::keys::{BootstrapKeyKind, BootstrapKeyRequest, BootstrapKeys, key_plan};
pub use self::schedule::BootstrapStage;
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::galois::Galois;
use crate::scale::Scale;

/// A part of a bootstrap, for those who measure where the time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootstrapStep {
    /// One matrix; the first one of coefficients to slots includes the raise of the modulus.
    Linear(BootstrapStage),
    /// The sum with the conjugate.
    RealPart,
    /// The modular reduction.
    Sine,
}

impl Evaluator<'_> {
    /// `sin(2 pi a m)` of the real slots `m`, at [`crate::Parameters::compute_top_level`] and exactly
    /// [`crate::Parameters::scale`].
    ///
    /// The slots should be within `[-1, 1]`; up to about 1.2 the sine stays monotonic enough to be inverted.
    /// Imaginary parts of the input are taken for noise: they are added to the slots half the slots away, and
    /// none are left in the result. The input may be at any level that still has the primes of the
    /// slots-to-coefficients transform.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the parameters have no bootstrap, the level is too low, the scale is not
    /// [`crate::Parameters::scale`], or a key of [`key_plan`] is missing.
    pub fn bootstrap(&self, ciphertext: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        self.bootstrap_to(ciphertext, self.parameters().scale())
    }

    /// [`Evaluator::bootstrap`] with the result at exactly `target`, which should be of the size of
    /// [`crate::Parameters::scale`].
    ///
    /// # Errors
    ///
    /// As [`Evaluator::bootstrap`].
    pub fn bootstrap_to(
        &self,
        ciphertext: &Ciphertext,
        target: Scale,
    ) -> Result<Ciphertext, EvaluationError> {
        self.bootstrap_sine(&self.bootstrap_argument(ciphertext, &mut |_| {})?, target)
    }

    /// [`Evaluator::bootstrap_to`] of several ciphertexts, which share the matrices and, where babies are computed when they
    /// are used, every unpacked strip of a key.
    ///
    /// # Errors
    ///
    /// As [`Evaluator::bootstrap`].
    pub fn bootstraps_to(
        &self,
        ciphertexts: &[Ciphertext],
        target: Scale,
    ) -> Result<Vec<Ciphertext>, EvaluationError> {
        let arguments = self.bootstrap_arguments(ciphertexts, &mut |_| {})?;
        arguments.par_iter().map(|argument| self.bootstrap_sine(argument, target)).collect()
    }

    /// [`Evaluator::bootstrap`] that reports every step when it is done.
    ///
    /// # Errors
    ///
    /// As [`Evaluator::bootstrap`].
    pub fn bootstrap_observed(
        &self,
        ciphertext: &Ciphertext,
        done: &mut dyn FnMut(BootstrapStep),
    ) -> Result<Ciphertext, EvaluationError> {
        let argument = self.bootstrap_argument(ciphertext, done)?;
        let sine = self.bootstrap_sine(&argument, self.parameters().scale())?;
        done(BootstrapStep::Sine);
        Ok(sine)
    }

    /// The first half of a bootstrap: `(a m + I) / K` in the real slots, with small integers `I`, at
    /// [`crate::Parameters::eval_mod_top_level`].
    ///
    /// # Errors
    ///
    /// As [`Evaluator::bootstrap`].
    pub fn bootstrap_argument(
        &self,
        ciphertext: &Ciphertext,
        done: &mut dyn FnMut(BootstrapStep),
    ) -> Result<Ciphertext, EvaluationError> {
        let mut arguments = self.bootstrap_arguments(std::slice::from_ref(ciphertext), done)?;
        arguments.pop().ok_or_else(|| EvaluationError::Argument { what: "no ciphertext".into() })
    }

    fn bootstrap_arguments(
        &self,
        ciphertexts: &[Ciphertext],
        done: &mut dyn FnMut(BootstrapStep),
    ) -> Result<Vec<Ciphertext>, EvaluationError> {
        let parameters = self.parameters();
        let circuit = parameters.bootstrap_circuit()?;
        let scale = parameters.scale();
        let needed = parameters.slots_to_coeffs_top_level();
        let input = |ciphertext: &Ciphertext| {
            if !ciphertext.scale.matches(scale) {
                let (left, right) = (ciphertext.scale.log2(), scale.log2());
                return Err(EvaluationError::ScaleMismatch { left, right });
            }
            if ciphertext.level < needed {
                return Err(EvaluationError::LevelTooLow { found: ciphertext.level, needed });
            }
            let input = self.drop_level(ciphertext, needed)?;
            self.mul_constant(&input, 1.0, Scale::from_pow2(circuit.log_input_factor))
        };
        let mut current = ciphertexts.iter().map(input).collect::<Result<Vec<_>, _>>()?;
        let keys = self.keys().bootstrap().ok_or_else(|| EvaluationError::KeyMissing {
            key: "the raise of the modulus".into(),
            level: parameters.max_level(),
        })?;
        let add_automorphism = |current: &mut Vec<Ciphertext>, galois: Galois| {
            current.par_iter_mut().try_for_each(|ciphertext| self.add_automorphism(ciphertext, galois))
        };
        for stage in &circuit.slots_to_coeffs {
            current = self.stage_transform(&current, stage)?;
            done(BootstrapStep::Linear(stage.schedule.stage));
        }
        for (part, stage) in circuit.coeffs_to_slots.iter().enumerate() {
            if let Some(half) = stage.schedule.trace {
                add_automorphism(&mut current, Galois::rotation(i64::from(half), parameters.n()))?;
            }
            current = if part == 0 {
                raise::raise(self, &current, keys, stage)?
            } else {
                self.stage_transform(&current, stage)?
            };
            done(BootstrapStep::Linear(stage.schedule.stage));
        }
        add_automorphism(&mut current, Galois::conjugation(parameters.n()))?;
        done(BootstrapStep::RealPart);
        Ok(current)
    }

    fn stage_transform(&self, x: &[Ciphertext], stage: &Stage) -> Result<Vec<Ciphertext>, EvaluationError> {
        let schedule = &stage.schedule;
        let shape = (schedule.steps, schedule.special_count, schedule.stores_babies(self.parameters()));
        self.sequential_transform(x, &schedule.giants, stage, stage.plaintext_scale, shape)
    }

    /// The second half of a bootstrap: `sin(2 pi x)` at exactly `target` from real slots `x / K`, `|x| < K`, at
    /// [`crate::Parameters::eval_mod_top_level`]. The result is at [`crate::Parameters::compute_top_level`].
    ///
    /// # Errors
    ///
    /// As [`Evaluator::bootstrap`].
    pub fn bootstrap_sine(
        &self,
        x_over_k: &Ciphertext,
        target: Scale,
    ) -> Result<Ciphertext, EvaluationError> {
        let parameters = self.parameters();
        let needed = parameters.eval_mod_top_level();
        if x_over_k.level < needed {
            return Err(EvaluationError::LevelTooLow { found: x_over_k.level, needed });
        }
        parameters.bootstrap_circuit()?.sine.evaluate(self, &self.drop_level(x_over_k, needed)?, target)
    }
}
