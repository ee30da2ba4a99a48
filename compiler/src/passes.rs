//! One pass per file; [`crate::pipeline`] alone knows their order.

pub mod assign_levels;
pub mod choose_packing;
pub mod emit_plan;
pub mod fit_activations;
pub mod fit_memory;
pub mod fold_batch_norm;
pub mod fold_ranges;
pub mod insert_bootstraps;
pub mod lower_to_he;
pub mod schedule_rotation_keys;
pub mod share_rotation_keys;
pub mod skip_last_rescales;

use crate::diagnostics::Diagnostic;

/// Why a pass stopped.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PassError {
    /// The network cannot be compiled as it is.
    Network(Vec<Diagnostic>),
    /// No plan keeps to the memory budget.
    Memory(fit_memory::MemoryError),
    /// An invariant that earlier passes ensure does not hold.
    Bug(String),
}

impl From<Diagnostic> for PassError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Network(vec![diagnostic])
    }
}

/// Every graph that reaches a pass has been verified, so a cycle is a bug.
pub(crate) fn cyclic() -> PassError {
    PassError::Bug("the graph is cyclic".to_owned())
}
