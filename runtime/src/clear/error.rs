//! Why the clear backend refuses an operation.

use crate::ExitClass;
use std::error::Error;
use std::fmt::{self, Display};

/// Why the clear backend refuses an operation: as a rule, what encryption would refuse.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClearError {
    /// The input is not one or more slot vectors of one power of two.
    Input {
        /// Slots of the first image.
        found: usize,
        /// Slots of a ciphertext.
        slots: usize,
    },
    /// Too few levels are left.
    Level {
        /// Levels left.
        found: u8,
        /// Levels needed.
        needed: u8,
    },
    /// A level drop that does not lower.
    NotLower {
        /// Level of the operand.
        found: u8,
        /// Level asked for.
        asked: u8,
    },
    /// A bootstrap at another level than its own.
    BootstrapLevel {
        /// Level of the operand.
        found: u8,
        /// Level of a bootstrap's input.
        allowed: u8,
    },
    /// A sum of different levels or scales: each operand's level and log2 of its scale.
    Unequal {
        /// The left operand.
        left: (u8, f64),
        /// The right operand.
        right: (u8, f64),
    },
    /// A monic polynomial's argument that is not at the scale which the monic polynomial takes; log2 of both.
    Argument {
        /// The argument's.
        found: f64,
        /// What the monic polynomial takes; none if there is none at this level.
        expected: Option<f64>,
    },
    /// A sum of batches of different sizes.
    Batch {
        /// Images of the left operand.
        left: usize,
        /// Images of the right operand.
        right: usize,
    },
    /// No key for a rotation.
    KeyMissing {
        /// The rotation.
        rotation: i32,
        /// The level at which it is needed.
        level: u8,
    },
    /// A key that does not reach the level.
    KeyLevel {
        /// The rotation.
        rotation: i32,
        /// The level at which it is needed.
        found: u8,
        /// The highest level of the key.
        allowed: u8,
    },
    /// The result of a linear map does not repeat as its layout says: the map is wrong.
    Copies {
        /// The first slot that differs from its copy.
        slot: usize,
        /// Slots after which the contents should repeat.
        period: usize,
    },
}

impl ClearError {
    /// What kind of failure this is.
    pub fn exit_class(&self) -> ExitClass {
        match self {
            Self::Input { .. } => ExitClass::Input,
            Self::KeyMissing { .. } | Self::KeyLevel { .. } => ExitClass::Mismatch,
            Self::Level { .. }
            | Self::NotLower { .. }
            | Self::BootstrapLevel { .. }
            | Self::Unequal { .. }
            | Self::Argument { .. }
            | Self::Batch { .. }
            | Self::Copies { .. } => ExitClass::Other,
        }
    }
}

impl Error for ClearError {}

impl Display for ClearError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { found, slots } => write!(
                f,
                "an input of {found} slots; allowed: one or more images with the same power of two up to {slots}"
            ),
            Self::Level { found, needed } => write!(f, "{found} levels are left; needed: {needed}"),
            Self::NotLower { found, asked } => write!(f, "level {asked} is not below level {found}"),
            Self::BootstrapLevel { found, allowed } => {
                write!(f, "a bootstrap at level {found}; allowed: {allowed}")
            }
            Self::Unequal { left, right } => write!(
                f,
                "a sum of level {} at scale 2^{} and level {} at scale 2^{}; allowed: equal ones",
                left.0, left.1, right.0, right.1
            ),
            Self::Argument { found, expected: Some(expected) } => write!(
                f,
                "a monic polynomial of a value at scale 2^{found}; it takes its argument at scale 2^{expected}"
            ),
            Self::Argument { found, expected: None } => {
                write!(
                    f,
                    "a monic polynomial of a value at scale 2^{found}, at a level where it cannot be evaluated"
                )
            }
            Self::Batch { left, right } => write!(f, "a sum of {left} images and {right} images"),
            Self::KeyMissing { rotation, level } => {
                write!(f, "no key for rotation {rotation}, needed at level {level}")
            }
            Self::KeyLevel { rotation, found, allowed } => {
                write!(f, "the key for rotation {rotation} reaches level {allowed}; needed: {found}")
            }
            Self::Copies { slot, period } => {
                write!(f, "slot {slot} differs from its copy; the layout repeats after {period} slots")
            }
        }
    }
}
