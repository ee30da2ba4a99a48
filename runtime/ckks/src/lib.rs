//! RNS-CKKS over primes below `2^50`: parameters, encoding, evaluation keys and the evaluator.
//!
//! Nothing in this crate can name a secret key: those live in `fhecc-client`.

mod base_conversion;
pub mod bootstrap;
mod bytes;
pub mod ciphertext;
pub mod complex;
pub mod encoder;
pub mod error;
pub mod evaluator;
pub mod galois;
mod key_switching;
pub mod keys;
pub mod linear;
pub mod memory;
pub mod parameters;
pub mod plaintext;
pub mod poly;
pub mod polynomial;
pub mod scale;
pub mod security;
pub mod seed;

pub use ciphertext::{Ciphertext, SeededCiphertext};
pub use complex::Complex;
pub use encoder::Encoder;
pub use error::{EncodingError, EvaluationError, FormatError, ParameterError};
pub use evaluator::Evaluator;
pub use galois::Galois;
pub use keys::{DigitLayout, EvaluationKeys, KeyKind, KeyRequest, KeySwitchKey};
pub use linear::{DiagonalSource, Fold, GiantStep, HeldDiagonals, LinearMap, split_rotations};
pub use parameters::{BootstrapLiteral, BootstrapRotations, Parameters, ParametersLiteral};
pub use plaintext::Plaintext;
pub use poly::Poly;
pub use polynomial::{Chebyshev, Monic};
pub use scale::Scale;
