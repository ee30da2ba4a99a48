//! Computing on ciphertexts.

mod linear_ops;
mod product;
mod rotation;
mod route;

pub(crate) use self::linear_ops::{integer_constant, residue};
pub(crate) use self::route::{Keyed, Route};
use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::ciphertext::Ciphertext;
use crate::encoder::Encoder;
use crate::error::EvaluationError;
use crate::galois::Galois;
use crate::keys::EvaluationKeys;
use crate::parameters::{Parameters, RingPrime};
use crate::poly::Poly;

/// Computes on ciphertexts with the keys it was given.
///
/// Operands must agree in level and scale wherever values are added; nothing is adjusted silently. Work is
/// spread over the current rayon pool, and results do not depend on the number of threads.
#[derive(Clone, Debug)]
pub struct Evaluator<'k> {
    parameters: Parameters,
    keys: &'k EvaluationKeys,
    encoder: Encoder,
    block_bytes: usize,
    /// Automorphisms that may be done as two others.
    composites: BTreeMap<Galois, (Galois, Galois)>,
}

/// Bytes of encoded diagonals that a linear transform holds at a time unless told otherwise.
const BLOCK_BYTES: usize = 64 << 20;

impl<'k> Evaluator<'k> {
    /// An evaluator with these keys.
    pub fn new(parameters: &Parameters, keys: &'k EvaluationKeys) -> Self {
        Self {
            parameters: parameters.clone(),
            keys,
            encoder: Encoder::new(parameters),
            block_bytes: BLOCK_BYTES,
            composites: BTreeMap::new(),
        }
    }

    /// Holds at most `bytes` of encoded diagonals at a time, or one giant step's if those are more: less memory for
    /// more passes over the rotated inputs. The result is the same.
    #[must_use]
    pub fn with_block_bytes(self, bytes: usize) -> Self {
        Self { block_bytes: bytes, ..self }
    }

    /// Bytes of encoded diagonals held at a time.
    pub fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The keys.
    pub fn keys(&self) -> &'k EvaluationKeys {
        self.keys
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    fn check(&self, ciphertext: &Ciphertext) -> Result<(), EvaluationError> {
        ciphertext.check(&self.parameters)
    }

    fn check_same_level(&self, a: &Ciphertext, b: &Ciphertext) -> Result<(), EvaluationError> {
        self.check(a)?;
        self.check(b)?;
        if a.level == b.level {
            Ok(())
        } else {
            Err(EvaluationError::LevelMismatch { left: a.level, right: b.level })
        }
    }

    fn check_addable(&self, a: &Ciphertext, b: &Ciphertext) -> Result<(), EvaluationError> {
        self.check_same_level(a, b)?;
        if a.scale.matches(b.scale) {
            Ok(())
        } else {
            Err(EvaluationError::ScaleMismatch { left: a.scale.log2(), right: b.scale.log2() })
        }
    }

    /// Applies `f(out_row, limb, prime)` to every row of a polynomial at `level` in parallel.
    fn for_each_row(&self, level: usize, poly: &mut Poly, f: impl Fn(&mut [u64], usize, &RingPrime) + Sync) {
        let n = poly.n();
        poly.as_mut_slice()
            .par_chunks_exact_mut(n)
            .zip(self.parameters.moduli_at(level))
            .enumerate()
            .for_each(|(limb, (row, prime))| f(row, limb, prime));
    }
}
