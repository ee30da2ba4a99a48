//! Why an execution stopped.

use crate::ExitClass;
use crate::weights::WeightsError;
use fhecc_plan::Reg;
use std::error::Error;
use std::fmt::{self, Display};

/// Why an execution could not be set up, or stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExecutionError {
    /// The weights are not those of the plan.
    Weights(WeightsError),
    /// A layer's effective weights are not finite.
    NotFinite {
        /// The layer.
        layer: String,
    },
    /// The backend refused an operation.
    Backend {
        /// Index of the step.
        step: usize,
        /// Its layer.
        layer: String,
        /// What kind of failure it is.
        class: ExitClass,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A result has another level than the plan says.
    Level {
        /// Index of the step.
        step: usize,
        /// Its layer.
        layer: String,
        /// Level of the result.
        found: usize,
        /// Level in the plan.
        expected: usize,
    },
    /// A result has another scale than the plan says.
    Scale {
        /// Index of the step.
        step: usize,
        /// Its layer.
        layer: String,
        /// log2 of the result's scale.
        found: f64,
        /// log2 of the plan's scale.
        expected: f64,
    },
    /// A register is empty; a checked plan never does this.
    Register {
        /// Which.
        register: Reg,
    },
    /// Stopped on request.
    Cancelled {
        /// Index of the step that was not begun.
        step: usize,
    },
}

impl ExecutionError {
    /// What kind of failure this is.
    pub fn exit_class(&self) -> ExitClass {
        match self {
            Self::Weights(error) => error.exit_class(),
            Self::NotFinite { .. } => ExitClass::Input,
            Self::Backend { class, .. } => *class,
            // The first step's value is the caller's: an input of another level or scale lands here.
            Self::Level { step: 0, .. } | Self::Scale { step: 0, .. } => ExitClass::Mismatch,
            Self::Level { .. } | Self::Scale { .. } | Self::Register { .. } => ExitClass::Other,
            Self::Cancelled { .. } => ExitClass::Interrupted,
        }
    }
}

impl Error for ExecutionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Weights(error) => Some(error),
            Self::Backend { source, .. } => Some(source.as_ref()),
            Self::NotFinite { .. }
            | Self::Level { .. }
            | Self::Scale { .. }
            | Self::Register { .. }
            | Self::Cancelled { .. } => None,
        }
    }
}

impl Display for ExecutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights(error) => error.fmt(f),
            Self::NotFinite { layer } => write!(
                f,
                "layer `{layer}`: its weights are not finite once the batch norm is folded in; allowed: running variances above zero"
            ),
            Self::Backend { step, layer, source, .. } => {
                write!(f, "step {step} (layer `{layer}`): {source}")
            }
            Self::Level { step, layer, found, expected } => {
                write!(
                    f,
                    "step {step} (layer `{layer}`): the result has level {found}; the plan says {expected}"
                )
            }
            Self::Scale { step, layer, found, expected } => write!(
                f,
                "step {step} (layer `{layer}`): the result has scale 2^{found:.9}; the plan says 2^{expected}"
            ),
            Self::Register { register } => write!(f, "register {register} is empty"),
            Self::Cancelled { step } => write!(f, "stopped on request before step {step}"),
        }
    }
}
