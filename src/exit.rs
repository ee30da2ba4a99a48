//! How the process ends: exit codes, Ctrl-C, and the last resort against panics.

use crate::files;
use crate::output;
use fhecc_runtime::ExitClass;
use std::panic;
use std::process::ExitCode;

/// Exit codes, as documented for users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// Anything without a code of its own.
    Other = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A file that the user named cannot be read or understood.
    BadInput = 3,
    /// Files that are sound on their own do not belong together.
    Mismatch = 4,
    /// A file is damaged, or was written by another version.
    Integrity = 5,
    /// Memory, disk or time does not suffice.
    Resources = 6,
    /// A check that the user asked for failed.
    CheckFailed = 7,
    /// Refused because it would not be secure.
    Insecure = 8,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
}

impl Status {
    /// The number that the shell sees.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }
}

impl From<ExitClass> for Status {
    fn from(class: ExitClass) -> Self {
        match class {
            ExitClass::Input => Self::BadInput,
            ExitClass::Mismatch => Self::Mismatch,
            ExitClass::Integrity => Self::Integrity,
            ExitClass::Resources => Self::Resources,
            ExitClass::Security => Self::Insecure,
            ExitClass::Interrupted => Self::Interrupted,
            // The enum may gain variants.
            ExitClass::Other | _ => Self::Other,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.number())
    }
}

/// Prints what clap has to say: help and version with code 0, mistakes with code 2.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // A reader that went away is no error.
    drop(error.print());
    if error.use_stderr() { Status::Usage.into() } else { ExitCode::SUCCESS }
}

/// Ends the process at once, after removing files that are half written.
pub(crate) fn now(status: Status) -> ! {
    files::settle();
    #[expect(clippy::exit, reason = "signals and panics arrive on any thread and must end the process")]
    std::process::exit(i32::from(status.number()))
}

/// Makes Ctrl-C end the process with code 130 and nothing half written.
pub(crate) fn handle_interrupts() {
    // Without a handler the default action of the signal still ends the process.
    drop(ctrlc::set_handler(|| now(Status::Interrupted)));
}

/// Turns a panic, which is always a bug, into one paragraph and exit code 1.
pub(crate) fn handle_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let cause = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        output::error(&format!(
            "this is a bug in fhecc {}, not in your files: {cause}{place}. Nothing was written. Please report it with the command you ran.",
            env!("CARGO_PKG_VERSION")
        ));
        now(Status::Other)
    }));
}
