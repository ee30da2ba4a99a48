//! Why a framed file is refused.

use super::Kind;
use super::header::VERSION;
use crate::exit::{ExitClass, io_exit_class};
use std::error::Error;
use std::fmt::{self, Display};
use std::io;

/// Why a framed file cannot be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The file cannot be opened, read or written.
    Io(io::Error),
    /// It does not begin like any file of this program.
    Foreign,
    /// Written in another version of the format.
    Version {
        /// The file's version.
        found: u32,
    },
    /// It ends too early.
    Truncated {
        /// The part that ends.
        part: String,
    },
    /// Contents and digest differ.
    Damaged {
        /// The part whose digest differs, or which makes no sense.
        part: String,
    },
    /// Bytes are left after the last section.
    Trailing,
    /// Another kind of file.
    Kind {
        /// What it is.
        found: Kind,
        /// What is needed.
        expected: Kind,
    },
    /// Made for something else.
    Belongs {
        /// What it is.
        kind: Kind,
        /// Which of its origins differs.
        what: &'static str,
        /// The origin stated in the file.
        found: [u8; 32],
        /// The origin needed.
        expected: [u8; 32],
    },
    /// Another number of sections.
    SectionCount {
        /// Sections found.
        found: usize,
        /// Sections expected.
        expected: usize,
    },
    /// A section of another name or length than expected.
    Section {
        /// Its name.
        name: String,
        /// Its length in bytes.
        length: u64,
        /// The name expected.
        expected: String,
        /// Least and greatest length allowed.
        allowed: (u64, u64),
    },
    /// A section's name, or their number, is too large to be written.
    SectionName {
        /// The name, or their number.
        found: String,
    },
    /// There is no memory for a section.
    Memory {
        /// Bytes asked for.
        bytes: u64,
    },
}

impl FrameError {
    /// What kind of failure this is.
    pub fn exit_class(&self) -> ExitClass {
        match self {
            Self::Io(error) => io_exit_class(error),
            Self::Foreign
            | Self::Version { .. }
            | Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::Trailing
            | Self::SectionCount { .. }
            | Self::Section { .. } => ExitClass::Integrity,
            Self::Kind { .. } | Self::Belongs { .. } => ExitClass::Mismatch,
            Self::Memory { .. } => ExitClass::Resources,
            Self::SectionName { .. } => ExitClass::Other,
        }
    }
}

impl Error for FrameError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Io(error) = self { Some(error) } else { None }
    }
}

/// The first digits, enough to tell two apart.
fn short(digest: &[u8; 32]) -> String {
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = "make or copy the file again";
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Foreign => write!(f, "not a file of this program, or damaged at its very start; {remedy}"),
            Self::Version { found } => write!(
                f,
                "the file has format version {found}, this program reads version {VERSION}; make it again with this program"
            ),
            Self::Truncated { part } => write!(f, "the file ends within its {part}; {remedy}"),
            Self::Damaged { part } => write!(f, "the file's {part} is damaged: its digest differs; {remedy}"),
            Self::Trailing => write!(f, "bytes follow the end of the file's contents; {remedy}"),
            Self::Kind { found, expected } => write!(f, "the file holds {found}; needed: {expected}"),
            Self::Belongs { kind, what, found, expected } => write!(
                f,
                "the {kind} belong to {what} {}, but {what} {} is needed; use files that were made together",
                short(found),
                short(expected)
            ),
            Self::SectionCount { found, expected } => {
                write!(f, "the file has {found} sections; expected: {expected}; {remedy}")
            }
            Self::Section { name, length, expected, allowed } => write!(
                f,
                "section `{name}` of {length} bytes; expected: `{expected}` of {} to {} bytes; {remedy}",
                allowed.0, allowed.1
            ),
            Self::SectionName { found } => write!(f, "`{found}` cannot be a section's name or their number"),
            Self::Memory { bytes } => write!(f, "there is no memory for a section of {bytes} bytes"),
        }
    }
}
