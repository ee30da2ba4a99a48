//! The two floating-point types that the interpreters run in.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Sub};

/// f32 for speed, f64 for checks.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + 'static
{
    /// The nearest value.
    fn from_f64(value: f64) -> Self;
    /// The same value.
    fn to_f64(self) -> f64;
    /// The sine.
    fn sine(self) -> Self;
    /// The magnitude.
    fn magnitude(self) -> Self;
}

impl Real for f32 {
    fn from_f64(value: f64) -> Self {
        value as f32
    }

    fn to_f64(self) -> f64 {
        self.into()
    }

    fn sine(self) -> Self {
        self.sin()
    }

    fn magnitude(self) -> Self {
        self.abs()
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn sine(self) -> Self {
        self.sin()
    }

    fn magnitude(self) -> Self {
        self.abs()
    }
}
