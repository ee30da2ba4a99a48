//! What needs a secret key to be tested: the encrypted computation against the computation in clear.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test, in helpers too")]

mod arithmetic;
mod fixture;
mod full_size;
mod keys;
mod noise;
mod rotation;
