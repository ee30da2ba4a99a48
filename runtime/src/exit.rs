//! What kind of failure an error is, for the exit code of a program.

use fhecc_plan::{CheckError, PlanError, ProfileError};

/// The kinds of failure that a caller may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExitClass {
    /// A file cannot be read, or is not what it should be.
    Input,
    /// Two artefacts do not belong together.
    Mismatch,
    /// An artefact was damaged, or written by another version.
    Integrity,
    /// Memory, disk space or a limit does not suffice.
    Resources,
    /// Refused because it would be insecure.
    Security,
    /// Stopped on request.
    Interrupted,
    /// Anything else.
    Other,
}

impl ExitClass {
    /// The exit code by convention.
    pub fn code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Input => 3,
            Self::Mismatch => 4,
            Self::Integrity => 5,
            Self::Resources => 6,
            Self::Security => 8,
            Self::Interrupted => 130,
        }
    }
}

/// The class of an error about a plan.
pub fn plan_exit_class(error: &PlanError) -> ExitClass {
    if matches!(error, PlanError::Version { .. } | PlanError::Digest { .. }) {
        ExitClass::Integrity
    } else if matches!(error, PlanError::Check(CheckError::Profile(ProfileError::Insecure { .. }))) {
        ExitClass::Security
    } else {
        ExitClass::Input
    }
}

/// The class of a failed file operation.
pub(crate) fn io_exit_class(error: &std::io::Error) -> ExitClass {
    if matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::OutOfMemory
    ) {
        ExitClass::Resources
    } else {
        ExitClass::Input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_changed_after_writing_are_damaged_and_weak_ones_insecure() {
        let digest = PlanError::Digest { stated: String::new(), computed: String::new() };
        assert_eq!(plan_exit_class(&digest).code(), 5);
        assert_eq!(plan_exit_class(&PlanError::Version { found: 2, supported: 1 }).code(), 5);
        assert_eq!(plan_exit_class(&PlanError::Syntax(String::new())).code(), 3);
        let weak = ProfileError::Insecure { log_n: 15, log_qp: 900, allowed: Some(868) };
        assert_eq!(plan_exit_class(&PlanError::Check(CheckError::Profile(weak))).code(), 8);
    }
}
