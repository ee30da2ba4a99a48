//! The one error type of the command line: an exit code and a paragraph for the user.

use crate::exit::Status;
use fhecc_plan::{CheckError, PlanError, ProfileError};
use fhecc_runtime::artefacts::ArtefactError;
use fhecc_runtime::images::ImageError;
use fhecc_runtime::plan_exit_class;
use fhecc_runtime::weights::WeightsError;
use std::fmt::Display;
use std::io;
use std::path::Path;

/// Why a command failed: what the user reads, and the code that scripts read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) status: Status,
    /// Cause and remedy. Diagnostics of the compiler come rendered and span several lines.
    pub(crate) message: String,
    /// Whether `message` is already laid out, with its own `error:` headings.
    pub(crate) rendered: bool,
}

impl Failure {
    /// A failure with this exit code.
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), rendered: false }
    }

    /// What the checks before exclude.
    pub(crate) fn bug(error: &dyn Display) -> Self {
        Self::new(Status::Other, format!("{error}. This is a bug in fhecc; please report it."))
    }

    /// Exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Status::Usage, message)
    }

    /// Exit code 3.
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Status::BadInput, message)
    }

    /// Exit code 4.
    pub(crate) fn mismatch(message: impl Into<String>) -> Self {
        Self::new(Status::Mismatch, message)
    }

    /// Exit code 5.
    pub(crate) fn integrity(message: impl Into<String>) -> Self {
        Self::new(Status::Integrity, message)
    }

    /// Exit code 6.
    pub(crate) fn resources(message: impl Into<String>) -> Self {
        Self::new(Status::Resources, message)
    }

    /// A file that cannot be read.
    pub(crate) fn unreadable(what: &str, path: &Path, error: &io::Error) -> Self {
        let remedy = if error.kind() == io::ErrorKind::NotFound {
            "Check the path."
        } else {
            "Check the file, its permissions and the disk."
        };
        Self::bad_input(format!("{what} {} cannot be read: {error}. {remedy}", path.display()))
    }

    /// A file that cannot be written: no space is a matter of resources.
    pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Self {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let (status, remedy) = if error.kind() == io::ErrorKind::NotFound {
            // The error speaks of a temporary file that the user has not heard of.
            let message =
                format!("{} cannot be written: its folder does not exist. Make it first.", path.display());
            return Self::new(Status::Other, message);
        } else if full {
            (Status::Resources, "Free some space, or write to another disk.")
        } else {
            (Status::Other, "Check that the folder exists and may be written to.")
        };
        Self::new(status, format!("{} cannot be written: {error}. {remedy}", path.display()))
    }

    /// An error about one file: its name comes first, unless the error is one of reading.
    fn about(path: &Path, status: Status, error: &dyn Display) -> Self {
        Self::new(status, format!("{}: {error}.", path.display()))
    }

    /// An image that is refused.
    pub(crate) fn image(path: &Path, error: &ImageError) -> Self {
        if let ImageError::Io(inner) = error {
            return Self::unreadable("the image", path, inner);
        }
        Self::about(path, error.exit_class().into(), error)
    }

    /// Weights that are refused.
    pub(crate) fn weights(path: &Path, error: &WeightsError) -> Self {
        if let WeightsError::Io(inner) = error {
            return Self::unreadable("the weights file", path, inner);
        }
        Self::about(path, error.exit_class().into(), error)
    }

    /// Keys that are refused.
    pub(crate) fn artefact(path: &Path, error: &ArtefactError, remedy: &str) -> Self {
        Self::new(error.exit_class().into(), format!("{}: {error}. {remedy}.", path.display()))
    }

    /// A plan that is refused.
    pub(crate) fn plan(path: &Path, error: &PlanError) -> Self {
        if let PlanError::Check(CheckError::Profile(inner)) = error {
            return Self::profile(&path.display().to_string(), inner);
        }
        if let PlanError::Syntax(_) = error {
            let remedy = "Plans are made with `fhecc compile M.net`";
            return Self::bad_input(format!("{}: {error}. {remedy}.", path.display()));
        }
        Self::about(path, plan_exit_class(error).into(), error)
    }

    /// A parameter set that is refused.
    pub(crate) fn profile(name: &str, error: &ProfileError) -> Self {
        let remedy = if matches!(error, ProfileError::Insecure { .. }) {
            "Use fewer or smaller primes, or a larger ring; no switch turns this check off"
        } else {
            "The profiles that come with fhecc show the form: models/targets/b5.ron"
        };
        let status = plan_exit_class(&PlanError::Check(CheckError::Profile(error.clone())));
        Self::new(status.into(), format!("{name}: {error}. {remedy}."))
    }
}
