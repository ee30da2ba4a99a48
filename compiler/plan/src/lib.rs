//! The contract between compiler and runtime: a versioned, fully resolved program over ciphertexts.
//!
//! A [`Plan`] is straight-line code over registers. Each [`Step`] names its result's level and scale and
//! the layer it came from. Linear layers are given by *meaning* (a convolution with these weights, from
//! this slot [`Layout`] to that one) and by *schedule* (baby and giant rotations); [`LinearMap`] turns
//! the first into slot diagonals. Weights are referred to by name, shape and digest, never by value.
//!
//! **Invariant:** this crate knows nothing about source text, graphs, or cryptography.
#![forbid(unsafe_code)]

mod check;
mod composite;
mod costs;
mod layout;
mod linear;
mod plan;
mod polynomial;
pub mod prediction;
mod profile;
mod security;
mod text;
mod weights;

pub use check::{CheckError, CheckedPlan};
pub use composite::Composite;
pub use costs::{BootstrapCosts, Costs, KeyGroup, LevelCosts, TransformedCosts};
pub use layout::{Element, Layout, LayoutError};
pub use linear::{
    BatchNorm, Diagonals, LinearMap, LinearSource, LinearValues, MissingTensor, TensorSource,
    effective_values,
};
pub use plan::{
    Counts, InputSpec, KeyPlace, KeyUse, Level, Memory, NetworkInfo, Op, OutputSpec, Parameters, Plan, Reg,
    Rotation, Step, StepScale, TensorRef,
};
pub use polynomial::{Form, Polynomial};
pub use profile::{BootstrapRotations, BootstrapSpec, Profile, ProfileError};
pub use security::{max_log_qp, security_bits};
pub use text::{PlanError, digest_hex};
pub use weights::{Tensor, Weights};

/// Bumped on every incompatible change of the text format.
pub const FORMAT_VERSION: u32 = 10;
