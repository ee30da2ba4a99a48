//! Cleartext interpreters: of tensor graphs, to measure and calibrate networks, and of ciphertext graphs,
//! to check translations.

mod activation;
mod conv;
mod real;
pub mod slots;
mod tensor;

pub use activation::{ActivationModel, Histogram, Observer, RangeObserver};
pub use real::Real;
pub use tensor::{InterpretError, Interpreter};

#[cfg(test)]
mod tests;
