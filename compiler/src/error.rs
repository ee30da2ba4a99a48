//! What can go wrong while compiling: the network (its author's business), or the compiler itself (ours).

use crate::diagnostics::Diagnostic;
use crate::passes::fit_memory::MemoryError;
use std::error::Error;
use std::fmt::{self, Display};

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CompileError {
    /// The network, its weights and the profile do not go together; each says how to mend it.
    Network(Vec<Diagnostic>),
    /// No plan keeps to the memory budget.
    Memory(MemoryError),
    /// The options name a pass that does not exist.
    UnknownPass(String),
    /// The compiler is wrong.
    Bug {
        /// The pass after which it was noticed.
        pass: &'static str,
        /// What was noticed.
        message: String,
    },
}

impl Error for CompileError {}

impl Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(diagnostics) => {
                for (index, diagnostic) in diagnostics.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    write!(f, "{separator}error[{}]: {}", diagnostic.code, diagnostic.title)?;
                    if let Some(help) = &diagnostic.help {
                        write!(f, "\n  help: {help}")?;
                    }
                }
                Ok(())
            }
            Self::Memory(error) => error.fmt(f),
            Self::UnknownPass(name) => {
                write!(f, "there is no pass `{name}`; passes: {}", crate::pipeline::PASSES.join(", "))
            }
            Self::Bug { pass, message } => {
                write!(f, "the compiler made a mistake in pass `{pass}`: {message}; please report it")
            }
        }
    }
}
