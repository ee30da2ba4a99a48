//! `.net` text in, [`fhecc_plan::Plan`] out. Pure: no file, no clock, no environment, no cryptography.
#![forbid(unsafe_code)]

pub mod analysis;
pub mod diagnostics;
pub mod elaborate;
pub mod error;
pub mod fit;
pub mod interpret;
pub mod ir;
pub mod passes;
pub mod pipeline;
pub mod syntax;

#[cfg(test)]
pub(crate) mod testing;

pub use elaborate::{check_weights, elaborate, placeholder_weights};
pub use error::CompileError;
pub use passes::fit_memory::MemoryError;
pub use pipeline::{Compilation, CompileOptions, PASSES, compile, compile_graph};
pub use syntax::{format, parse};
