//! Homomorphic operations: slots and rotations are explicit.

use super::Graph;
use crate::diagnostics::Span;
use fhecc_plan::{Layout, Level, LinearMap, Polynomial, Rotation};
use serde::{Deserialize, Serialize};

/// A program over ciphertexts.
pub type HeGraph = Graph<HeNode>;

/// One ciphertext operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum HeOp {
    /// The encrypted image; its level is chosen by `assign_levels`.
    Input(Option<Level>),
    /// A linear map, bias included; consumes one level, or none if it is not rescaled.
    Linear(Box<LinearMap>),
    /// For each rotation in turn: `x := x + rotate(x)`.
    RotateSum(Vec<Rotation>),
    /// Sum of two values.
    Add,
    /// An activation of which `insert_bootstraps` has not yet decided what its argument is.
    Activation {
        /// For the argument u itself.
        plain: Polynomial,
        /// For sin(2 pi a u), which a bootstrap leaves.
        refreshed: Polynomial,
    },
    /// A polynomial on every slot; consumes its depth.
    Polynomial(Polynomial),
    /// Refresh: u becomes sin(2 pi a u).
    Bootstrap,
    /// The same value at this level.
    DropLevel(Level),
    /// The logits.
    Output,
}

impl HeOp {
    /// A linear map whose result is not rescaled.
    pub fn is_unrescaled_map(&self) -> bool {
        matches!(self, Self::Linear(map) if !map.rescaled)
    }

    /// Levels consumed. Lists every op, so a new one does not compile until it is priced.
    pub fn depth(&self) -> u8 {
        match self {
            Self::Linear(map) => map.depth(),
            Self::Activation { plain, refreshed } => plain.depth().max(refreshed.depth()),
            Self::Polynomial(polynomial) => polynomial.depth(),
            Self::Input(_)
            | Self::RotateSum(_)
            | Self::Add
            | Self::Bootstrap
            | Self::DropLevel(_)
            | Self::Output => 0,
        }
    }

    /// Number of operands.
    pub fn arity(&self) -> usize {
        match self {
            Self::Input(_) => 0,
            Self::Add => 2,
            Self::Linear(_)
            | Self::RotateSum(_)
            | Self::Activation { .. }
            | Self::Polynomial(_)
            | Self::Bootstrap
            | Self::DropLevel(_)
            | Self::Output => 1,
        }
    }

    /// The word for it in listings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Linear(_) => "linear",
            Self::RotateSum(_) => "rotate_sum",
            Self::Add => "add",
            Self::Activation { .. } => "activation",
            Self::Polynomial(_) => "polynomial",
            Self::Bootstrap => "bootstrap",
            Self::DropLevel(_) => "drop_level",
            Self::Output => "output",
        }
    }
}

/// An operation, where it comes from and where its result lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeNode {
    /// What it computes.
    pub op: HeOp,
    /// Path of the layer.
    pub layer: String,
    /// Slots of the result.
    pub layout: Layout,
    /// Where the text says so; not part of the printed form.
    #[serde(skip)]
    pub span: Span,
}
