//! Tensor operations: a network as its author sees it, before packing and encryption.

use super::{Graph, NodeId};
use crate::diagnostics::Span;
use fhecc_plan::BatchNorm;
use std::fmt::{self, Display};

/// `channels x height x width`. A vector of `c` values is `c x 1 x 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Channels.
    pub channels: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// A polynomial whose coefficients were trained with the weights and come with them, see
    /// [`crate::interpret::ActivationModel::trained`].
    Trained,
}

/// How an activation is approximated, as the author wrote it; `None` is `auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Approximation {
    /// How the polynomial is found.
    pub method: Option<FitMethod>,
    /// Its degree.
    pub degree: Option<u32>,
    /// Largest magnitude of the argument it is made for.
    pub range: Option<f64>,
}

/// How a polynomial is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitMethod {
    /// Interpolation at Chebyshev nodes: near-minimax on the whole range.
    Chebyshev,
    /// Least squares weighted by the measured density of the argument.
    LeastSquares,
}

/// One tensor operation. Sizes that follow from the operands' shapes are not repeated.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorOp {
    /// The image.
    Input,
    /// 2-D cross-correlation; weight `[out, in / groups, kernel, kernel]`.
    Conv {
        /// Output channels.
        channels: u32,
        /// Rows and columns of the kernel.
        kernel: (u32, u32),
        /// Distance of the windows.
        stride: u32,
        /// Zeros around the input.
        padding: u32,
        /// Independent channel groups.
        groups: u32,
        /// Tensor name of the weight.
        weight: String,
        /// Tensor name of the bias.
        bias: Option<String>,
        /// Batch norm folded into it.
        batch_norm: Option<BatchNorm>,
    },
    /// Batch normalisation, as trained.
    BatchNorm(BatchNorm),
    /// Activation on every element.
    Activation {
        /// Which.
        function: Activation,
        /// How it is approximated.
        approximation: Approximation,
    },
    /// Element-wise sum of two tensors.
    Add,
    /// Mean over windows.
    AveragePool {
        /// Rows and columns of the window.
        kernel: u32,
        /// Distance of the windows.
        stride: u32,
        /// Zeros around the input.
        padding: u32,
    },
    /// Mean over all pixels of each channel.
    GlobalAveragePool,
    /// Keeps every `stride`-th row and column.
    Subsample {
        /// Distance of the pixels kept.
        stride: u32,
    },
    /// Adds channels of zeros.
    PadChannels {
        /// Before the first.
        before: u32,
        /// After the last.
        after: u32,
    },
    /// Fully connected; weight `[features, inputs]`.
    Linear {
        /// Outputs.
        features: u32,
        /// Tensor name of the weight.
        weight: String,
        /// Tensor name of the bias.
        bias: Option<String>,
    },
    /// The logits.
    Output,
}

/// An operation with its place in the network.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorNode {
    /// What it computes.
    pub op: TensorOp,
    /// Path of the layer, such as `layer1.0.conv2`; unique.
    pub path: String,
    /// Shape of the result.
    pub shape: Shape,
    /// Where the text says so.
    pub span: Span,
}

impl TensorOp {
    /// The word for it in listings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv { .. } => "conv",
            Self::BatchNorm(_) => "batch_norm",
            Self::Activation { .. } => "activation",
            Self::Add => "add",
            Self::AveragePool { .. } => "average_pool",
            Self::GlobalAveragePool => "global_average_pool",
            Self::Subsample { .. } => "subsample",
            Self::PadChannels { .. } => "pad_channels",
            Self::Linear { .. } => "linear",
            Self::Output => "output",
        }
    }

    /// Number of operands.
    pub fn arity(&self) -> usize {
        match self {
            Self::Input => 0,
            Self::Add => 2,
            Self::Conv { .. }
            | Self::BatchNorm(_)
            | Self::Activation { .. }
            | Self::AveragePool { .. }
            | Self::GlobalAveragePool
            | Self::Subsample { .. }
            | Self::PadChannels { .. }
            | Self::Linear { .. }
            | Self::Output => 1,
        }
    }

    /// Shape of the result, or what is wrong with the operands' shapes. The input has the shape its node
    /// says and is not asked.
    ///
    /// # Errors
    ///
    /// A sentence with what was found and what is allowed.
    pub fn result_shape(&self, operands: &[Shape]) -> Result<Shape, String> {
        let (Some(&first), true) = (operands.first(), operands.len() == self.arity()) else {
            return Err(format!("{} takes {} operands, has {}", self.name(), self.arity(), operands.len()));
        };
        let window = |extent: u32, kernel: u32, stride: u32, padding: u32| {
            if kernel == 0 || stride == 0 || kernel > extent + 2 * padding {
                return Err(format!(
                    "a window of {kernel} with stride {stride} does not fit {extent} pixels padded by {padding}"
                ));
            }
            Ok((extent + 2 * padding - kernel) / stride + 1)
        };
        match self {
            Self::Input => Err("the input has no operands".to_owned()),
            Self::Conv { channels, kernel, stride, padding, groups, .. } => {
                if *groups == 0 || first.channels % groups != 0 || channels % groups != 0 || *channels == 0 {
                    return Err(format!(
                        "{groups} groups must divide {} input and {channels} output channels",
                        first.channels
                    ));
                }
                Ok(Shape {
                    channels: *channels,
                    height: window(first.height, kernel.0, *stride, *padding)?,
                    width: window(first.width, kernel.1, *stride, *padding)?,
                })
            }
            Self::AveragePool { kernel, stride, padding } => Ok(Shape {
                height: window(first.height, *kernel, *stride, *padding)?,
                width: window(first.width, *kernel, *stride, *padding)?,
                ..first
            }),
            Self::Subsample { stride } => Ok(Shape {
                height: window(first.height, 1, *stride, 0)?,
                width: window(first.width, 1, *stride, 0)?,
                ..first
            }),
            Self::GlobalAveragePool => Ok(Shape { height: 1, width: 1, ..first }),
            Self::PadChannels { before, after } => {
                Ok(Shape { channels: first.channels + before + after, ..first })
            }
            Self::Linear { features, .. } => Ok(Shape { channels: *features, height: 1, width: 1 }),
            Self::Add if operands.iter().any(|s| *s != first) => {
                Err(format!("add needs equal shapes, has {first} and {}", operands[1]))
            }
            Self::BatchNorm(_) | Self::Activation { .. } | Self::Add | Self::Output => Ok(first),
        }
    }
}

impl Display for TensorNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\" {}", self.op.name(), self.path, self.shape)?;
        match &self.op {
            TensorOp::Conv { kernel, stride, padding, groups, batch_norm, .. } => {
                write!(
                    f,
                    " kernel {}x{} stride {stride} padding {padding} groups {groups}",
                    kernel.0, kernel.1
                )?;
                if batch_norm.is_some() {
                    f.write_str(" batch_norm")?;
                }
            }
            TensorOp::AveragePool { kernel, stride, padding } => {
                write!(f, " kernel {kernel} stride {stride} padding {padding}")?;
            }
            TensorOp::Subsample { stride } => write!(f, " stride {stride}")?,
            TensorOp::PadChannels { before, after } => write!(f, " before {before} after {after}")?,
            TensorOp::Input
            | TensorOp::BatchNorm(_)
            | TensorOp::Activation { .. }
            | TensorOp::Add
            | TensorOp::GlobalAveragePool
            | TensorOp::Linear { .. }
            | TensorOp::Output => {}
        }
        Ok(())
    }
}

/// A network as tensors.
#[derive(Clone, Debug)]
pub struct TensorGraph {
    /// Operations and their operands.
    pub graph: Graph<TensorNode>,
    /// The one `Input`.
    pub input: NodeId,
    /// The one `Output`.
    pub output: NodeId,
    /// Name of the network.
    pub name: String,
    /// Mean per input channel, on pixels in [0, 1].
    pub mean: Vec<f64>,
    /// Standard deviation per input channel, on pixels in [0, 1].
    pub std: Vec<f64>,
    /// Class labels; one per logit, or none.
    pub labels: Vec<String>,
    /// The weights file that the text names, relative to the text's own folder.
    pub weights: Option<String>,
}
