//! Dataflow graphs: one container, one op type per stage.

pub mod dot;
mod graph;
mod he;
pub mod he_text;
mod leveled;
mod tensor;
pub mod verify_he;
pub mod verify_tensor;
#[cfg(test)]
mod verify_tests;

pub use graph::{Graph, NodeId};
pub use he::{HeGraph, HeNode, HeOp};
pub use leveled::LeveledGraph;
pub use tensor::{Activation, Approximation, FitMethod, Shape, TensorGraph, TensorNode, TensorOp};
