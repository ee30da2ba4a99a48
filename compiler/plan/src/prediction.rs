//! What a plan will take: time from measured costs, memory from the shapes of what is held.

mod key;
mod memory;
mod time;

pub use key::{KeyShape, RotationKeys};
pub use memory::{KeyMemory, MemoryUse, StepMemory};
pub use time::{linear_ms, rotation_ms, seconds_of_disk, step_ms};
