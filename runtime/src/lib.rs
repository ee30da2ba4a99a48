//! Runs a [`fhecc_plan::CheckedPlan`]: weights, images, key files, and execution.
//!
//! Execution is one loop over the plan's steps ([`Execution`]) on one of two backends: [`Clear`] computes on
//! plain slots and enforces levels, scales and keys; [`Encrypted`] computes on ciphertexts.
//!
//! **Invariant:** nothing here decides anything about a network: it asserts levels and scales, it does not
//! choose them. **Invariant:** nothing here can name a secret key.
#![forbid(unsafe_code)]

pub mod artefacts;
mod atomic;
mod clear;
mod encrypted;
pub mod execution;
mod exit;
pub mod framing;
pub mod images;
mod key_groups;
mod parameters;
mod schedule;
pub mod weights;

pub use atomic::{AtomicFile, Protection};
pub use clear::{Clear, ClearError, ClearValue, Noise};
pub use encrypted::{Encrypted, EncryptedError};
pub use execution::{Backend, Execution, ExecutionError, Held, Progress, Reading, Trace, TraceEntry};
pub use exit::{ExitClass, plan_exit_class};
pub use key_groups::{KeysOnDisk, bootstrap_key_group_names, bootstrap_key_groups};
pub use parameters::{all_key_requests, key_requests, needs_bootstrap, parameters_literal};
