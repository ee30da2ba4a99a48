//! The interpreter of tensor graphs. Weights are prepared once; a run allocates only its intermediate values.

use super::conv::{Convolution, Geometry};
use super::{ActivationModel, Observer, Real};
use crate::ir::{Activation, NodeId, Shape, TensorGraph, TensorNode, TensorOp};
use fhecc_plan::{LinearSource, MissingTensor, TensorSource, effective_values};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Display};

/// Why a graph cannot be interpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterpretError {
    /// A weight is missing.
    Missing(MissingTensor),
    /// The graph breaks an invariant of the verifier.
    Malformed(String),
}

impl Error for InterpretError {}

impl Display for InterpretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(error) => error.fmt(f),
            Self::Malformed(message) => write!(f, "the network cannot be interpreted: {message}"),
        }
    }
}

impl From<MissingTensor> for InterpretError {
    fn from(error: MissingTensor) -> Self {
        Self::Missing(error)
    }
}

#[derive(Clone, Debug)]
enum Kernel<T> {
    Input,
    Conv(Box<Convolution<T>>),
    /// Slope and offset per channel.
    Affine(Vec<(T, T)>),
    Activation {
        /// The function itself, unless it is a rectified linear unit.
        exact: Option<ActivationModel>,
        replacement: Option<ActivationModel>,
    },
    Add,
    Pool {
        kernel: usize,
        stride: usize,
        padding: usize,
    },
    GlobalPool,
    Subsample(usize),
    Pad(usize),
    /// Weight by row, and bias.
    Linear(Vec<T>, Vec<T>),
    Output,
}

#[derive(Clone, Debug)]
struct Step<T> {
    kernel: Kernel<T>,
    path: String,
    operands: Vec<usize>,
    /// Results that no later step reads.
    frees: Vec<usize>,
    shape: Shape,
}

/// A tensor graph with its weights, ready to run.
#[derive(Clone, Debug)]
pub struct Interpreter<T> {
    steps: Vec<Step<T>>,
    input: Shape,
}

fn kernel<T: Real>(
    node: &TensorNode,
    operands: &[Shape],
    tensors: &dyn TensorSource,
) -> Result<Kernel<T>, InterpretError> {
    let real = |values: Vec<f64>| values.into_iter().map(T::from_f64).collect::<Vec<T>>();
    let channels = node.shape.channels as usize;
    let first = || operands.first().copied().ok_or_else(|| InterpretError::Malformed(node.path.clone()));
    Ok(match &node.op {
        TensorOp::Input => Kernel::Input,
        TensorOp::Conv { kernel, stride, padding, groups, weight, bias, batch_norm, .. } => {
            let source = LinearSource::Conv {
                weight: weight.clone(),
                bias: bias.clone(),
                batch_norm: batch_norm.clone(),
                kernel: *kernel,
                stride: *stride,
                padding: *padding,
                groups: *groups,
            };
            let values = effective_values(&source, channels, tensors)?;
            let geometry = Geometry {
                input: first()?,
                output: node.shape,
                kernel: *kernel,
                stride: *stride,
                padding: *padding,
                groups: *groups,
            };
            Kernel::Conv(Box::new(Convolution::new(&geometry, &values.weight, &values.bias)))
        }
        TensorOp::BatchNorm(bn) => {
            let values =
                effective_values(&LinearSource::Affine { batch_norm: bn.clone() }, channels, tensors)?;
            Kernel::Affine(real(values.weight).into_iter().zip(real(values.bias)).collect())
        }
        TensorOp::Activation { function, .. } => {
            let exact = match function {
                Activation::Relu => None,
                Activation::Trained => Some(ActivationModel::trained(tensors, &node.path)?),
            };
            Kernel::Activation { exact, replacement: None }
        }
        TensorOp::Add => Kernel::Add,
        TensorOp::AveragePool { kernel, stride, padding } => {
            Kernel::Pool { kernel: *kernel as usize, stride: *stride as usize, padding: *padding as usize }
        }
        TensorOp::GlobalAveragePool => Kernel::GlobalPool,
        TensorOp::Subsample { stride } => Kernel::Subsample(*stride as usize),
        TensorOp::PadChannels { before, .. } => Kernel::Pad(*before as usize),
        TensorOp::Linear { weight, bias, .. } => {
            let source = LinearSource::Dense { weight: weight.clone(), bias: bias.clone() };
            let values = effective_values(&source, channels, tensors)?;
            Kernel::Linear(real(values.weight), real(values.bias))
        }
        TensorOp::Output => Kernel::Output,
    })
}

impl<T: Real> Interpreter<T> {
    /// Prepares `graph` with the weights of `tensors`; activations are exact.
    ///
    /// # Errors
    ///
    /// [`InterpretError`].
    pub fn new(graph: &TensorGraph, tensors: &dyn TensorSource) -> Result<Self, InterpretError> {
        let order =
            graph.graph.schedule().ok_or_else(|| InterpretError::Malformed("it is cyclic".to_owned()))?;
        let numbers: BTreeMap<NodeId, usize> = order.iter().copied().zip(0..).collect();
        let mut steps = Vec::with_capacity(order.len());
        for (index, id) in order.iter().enumerate() {
            let node = graph.graph.op(*id);
            let operands = graph.graph.operands(*id);
            let shapes: Vec<Shape> = operands.iter().map(|o| graph.graph.op(*o).shape).collect();
            let last = |o: &NodeId| graph.graph.users(*o).iter().all(|(user, _)| numbers[user] <= index);
            let mut frees: Vec<usize> = operands.iter().filter(|o| last(o)).map(|o| numbers[o]).collect();
            frees.dedup();
            steps.push(Step {
                kernel: kernel(node, &shapes, tensors)?,
                path: node.path.clone(),
                operands: operands.iter().map(|o| numbers[o]).collect(),
                frees,
                shape: node.shape,
            });
        }
        Ok(Self { steps, input: graph.graph.op(graph.input).shape })
    }

    /// Paths of the activations, in order of evaluation.
    pub fn activations(&self) -> impl Iterator<Item = &str> {
        let activation = |s: &&Step<T>| matches!(s.kernel, Kernel::Activation { .. });
        self.steps.iter().filter(activation).map(|s| s.path.as_str())
    }

    /// Replaces the activations at these paths; the others become exact.
    pub fn set_activations(&mut self, models: &BTreeMap<String, ActivationModel>) {
        for step in &mut self.steps {
            if let Kernel::Activation { replacement, .. } = &mut step.kernel {
                *replacement = models.get(&step.path).cloned();
            }
        }
    }

    /// The logits of one normalised image, channel by channel.
    ///
    /// # Panics
    ///
    /// If `image` has not as many values as the network's input.
    pub fn run(&self, image: &[T], observer: &mut dyn Observer<T>) -> Vec<T> {
        let size = self.input.channels as usize * self.input.height as usize * self.input.width as usize;
        assert_eq!(image.len(), size, "one value per element of the input");
        let mut values: Vec<Vec<T>> = Vec::with_capacity(self.steps.len());
        let mut output = Vec::new();
        for step in &self.steps {
            let read = |position: usize| -> &Vec<T> { &values[step.operands[position]] };
            let operand_shape = step.operands.first().map_or(self.input, |o| self.steps[*o].shape);
            let value = match &step.kernel {
                Kernel::Input => image.to_vec(),
                Kernel::Conv(convolution) => convolution.run(read(0)),
                Kernel::Affine(channels) => {
                    let mut x = read(0).clone();
                    let pixels = x.len() / channels.len();
                    for (plane, (slope, offset)) in x.chunks_exact_mut(pixels).zip(channels) {
                        plane.iter_mut().for_each(|v| *v = *slope * *v + *offset);
                    }
                    x
                }
                Kernel::Activation { exact, replacement } => {
                    observer.activation(&step.path, read(0));
                    let mut x = read(0).clone();
                    match replacement.as_ref().or(exact.as_ref()) {
                        Some(model) => model.apply(&mut x),
                        None => x.iter_mut().filter(|v| **v < T::default()).for_each(|v| *v = T::default()),
                    }
                    x
                }
                Kernel::Add => read(0).iter().zip(read(1)).map(|(a, b)| *a + *b).collect(),
                Kernel::Pool { kernel, stride, padding } => {
                    pool(read(0), operand_shape, step.shape, (*kernel, *stride, *padding))
                }
                Kernel::GlobalPool => {
                    let pixels = operand_shape.height as usize * operand_shape.width as usize;
                    let mean = |plane: &[T]| {
                        let sum = plane.iter().fold(T::default(), |sum, v| sum + *v);
                        sum * T::from_f64(1.0 / pixels as f64)
                    };
                    read(0).chunks_exact(pixels).map(mean).collect()
                }
                Kernel::Subsample(stride) => subsample(read(0), operand_shape, *stride),
                Kernel::Pad(before) => {
                    let pixels = step.shape.height as usize * step.shape.width as usize;
                    let mut x = vec![T::default(); step.shape.channels as usize * pixels];
                    x[before * pixels..][..read(0).len()].copy_from_slice(read(0));
                    x
                }
                Kernel::Linear(weight, bias) => {
                    let x = read(0);
                    let row = |row: &[T]| row.iter().zip(x).fold(T::default(), |sum, (w, v)| sum + *w * *v);
                    weight.chunks_exact(x.len()).zip(bias).map(|(w, b)| row(w) + *b).collect()
                }
                Kernel::Output => {
                    output.clone_from(read(0));
                    Vec::new()
                }
            };
            for free in &step.frees {
                values[*free] = Vec::new();
            }
            values.push(value);
        }
        output
    }
}

fn pool<T: Real>(x: &[T], input: Shape, output: Shape, window: (usize, usize, usize)) -> Vec<T> {
    let (kernel, stride, padding) = window;
    let (height, width) = (input.height as usize, input.width as usize);
    let factor = T::from_f64(1.0 / (kernel * kernel) as f64);
    let range = |at: usize, extent: usize| {
        let first = at * stride;
        first.saturating_sub(padding)..(first + kernel).saturating_sub(padding).min(extent)
    };
    let mut out = Vec::with_capacity((output.channels * output.height * output.width) as usize);
    for plane in x.chunks_exact(height * width) {
        for row in 0..output.height as usize {
            for column in 0..output.width as usize {
                let mut sum = T::default();
                for r in range(row, height) {
                    for v in &plane[r * width..][range(column, width)] {
                        sum += *v;
                    }
                }
                out.push(sum * factor);
            }
        }
    }
    out
}

fn subsample<T: Real>(x: &[T], input: Shape, stride: usize) -> Vec<T> {
    let (height, width) = (input.height as usize, input.width as usize);
    let rows = |plane: &[T]| -> Vec<T> {
        let kept = plane.chunks_exact(width).step_by(stride);
        kept.flat_map(|row| row.iter().step_by(stride).copied().collect::<Vec<T>>()).collect()
    };
    x.chunks_exact(height * width).flat_map(rows).collect()
}
