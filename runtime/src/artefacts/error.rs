//! Why keys or a ciphertext cannot be read or written.

use crate::ExitClass;
use crate::framing::FrameError;
use fhecc_ckks::{EvaluationError, FormatError};
use std::error::Error;
use std::fmt::{self, Display};

/// Why keys or a ciphertext cannot be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum ArtefactError {
    /// The frame is refused.
    Frame(FrameError),
    /// The contents of an undamaged frame are refused.
    Contents(FormatError),
    /// The parameters do not allow the keys that the plan needs.
    Evaluation(EvaluationError),
    /// A key that the plan needs is not there.
    KeyMissing {
        /// Its section.
        key: String,
    },
    /// The plan has no digest to belong to.
    Unsealed,
}

impl ArtefactError {
    /// What kind of failure this is.
    pub fn exit_class(&self) -> ExitClass {
        match self {
            Self::Frame(error) => error.exit_class(),
            Self::Evaluation(EvaluationError::KeyStore { .. }) => ExitClass::Resources,
            Self::Contents(FormatError::Fingerprint) | Self::KeyMissing { .. } | Self::Evaluation(_) => {
                ExitClass::Mismatch
            }
            Self::Contents(_) => ExitClass::Integrity,
            Self::Unsealed => ExitClass::Input,
        }
    }
}

impl From<FrameError> for ArtefactError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<FormatError> for ArtefactError {
    fn from(error: FormatError) -> Self {
        Self::Contents(error)
    }
}

impl Error for ArtefactError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Frame(error) => Some(error),
            Self::Contents(error) => Some(error),
            Self::Evaluation(error) => Some(error),
            Self::KeyMissing { .. } | Self::Unsealed => None,
        }
    }
}

impl Display for ArtefactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => Display::fmt(error, f),
            Self::Contents(error) => {
                write!(f, "the file's contents are refused: {error}; make the file again")
            }
            Self::Evaluation(error @ EvaluationError::KeyStore { .. }) => Display::fmt(error, f),
            Self::Evaluation(error) => write!(f, "the parameters do not fit the plan: {error}"),
            Self::KeyMissing { key } => {
                write!(
                    f,
                    "the key `{key}`, which the plan needs, is missing; generate the keys again for this plan"
                )
            }
            Self::Unsealed => f.write_str("the plan states no digest; compile the network again"),
        }
    }
}
