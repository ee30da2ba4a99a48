//! Read-only analyses; each returns a table.

pub mod bounds;
pub mod pooling;
pub mod rotations;
