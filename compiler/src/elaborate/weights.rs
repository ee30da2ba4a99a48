//! Whether a weights file has what the network needs.

use super::layers::HIGHEST_DEGREE;
use crate::diagnostics::{Diagnostic, nearest};
use crate::ir::{Activation, FitMethod, NodeId, TensorGraph, TensorNode, TensorOp};
use fhecc_plan::{BatchNorm, TensorSource, Weights};

/// Compares the tensors that the layers name with those there are: missing ones, wrong shapes, values
/// that are not finite, negative variances, measured ranges that `auto` needs. Run before any pass.
pub fn check_weights(graph: &TensorGraph, weights: &Weights) -> Vec<Diagnostic> {
    let mut check = Check { weights, found: Vec::new() };
    for id in graph.graph.schedule().unwrap_or_default() {
        check.node(graph, id);
    }
    check.found
}

struct Check<'w> {
    weights: &'w Weights,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn node(&mut self, graph: &TensorGraph, id: NodeId) {
        let node = graph.graph.op(id);
        let input = graph.graph.operands(id).first().map(|&operand| graph.graph.op(operand).shape);
        let Some(input) = input else { return };
        let inputs = u64::from(input.channels);
        match &node.op {
            TensorOp::Conv { channels, kernel, groups, weight, bias, batch_norm, .. } => {
                let (rows, columns) = (u64::from(kernel.0), u64::from(kernel.1));
                let channels = u64::from(*channels);
                self.tensor(node, weight, &[channels, inputs / u64::from(*groups), rows, columns]);
                if let Some(bias) = bias {
                    self.tensor(node, bias, &[channels]);
                }
                if let Some(batch_norm) = batch_norm {
                    self.batch_norm(node, batch_norm, channels);
                }
            }
            TensorOp::BatchNorm(batch_norm) => self.batch_norm(node, batch_norm, inputs),
            TensorOp::Linear { features, weight, bias } => {
                let inputs = inputs * u64::from(input.height) * u64::from(input.width);
                self.tensor(node, weight, &[u64::from(*features), inputs]);
                if let Some(bias) = bias {
                    self.tensor(node, bias, &[u64::from(*features)]);
                }
            }
            TensorOp::Activation { function: Activation::Trained, .. } => self.trained(node),
            TensorOp::Activation { function: Activation::Relu, approximation } => {
                if approximation.range.is_none() {
                    self.measured(node, "range");
                }
                if approximation.method == Some(FitMethod::LeastSquares) {
                    self.measured(node, "density");
                }
            }
            TensorOp::Input
            | TensorOp::Add
            | TensorOp::AveragePool { .. }
            | TensorOp::GlobalAveragePool
            | TensorOp::Subsample { .. }
            | TensorOp::PadChannels { .. }
            | TensorOp::Output => {}
        }
    }

    fn batch_norm(&mut self, node: &TensorNode, batch_norm: &BatchNorm, channels: u64) {
        for name in [&batch_norm.weight, &batch_norm.bias, &batch_norm.running_mean] {
            self.tensor(node, name, &[channels]);
        }
        let name = &batch_norm.running_var;
        self.tensor(node, name, &[channels]);
        let negative = |tensor: &fhecc_plan::Tensor| tensor.values.iter().any(|&v| v < 0.0);
        if self.weights.get(name).is_some_and(negative) {
            let title = format!("the tensor `{name}` holds negative variances");
            self.found.push(Diagnostic::new("E0703", title, node.span, "needed by this layer"));
        }
    }

    /// The coefficients of a trained activation, what they are for, and over which range.
    fn trained(&mut self, node: &TensorNode) {
        let name = |what: &str| format!("{}.{what}", node.path);
        let coefficients = name("polynomial");
        let count = self.weights.get(&coefficients).map_or(0, |tensor| tensor.values.len() as u64);
        let counts = 2..=u64::from(HIGHEST_DEGREE) + 1;
        self.tensor(node, &coefficients, &[count.clamp(*counts.start(), *counts.end())]);
        for (what, allowed) in [("argument", "0 or 1"), ("range", "a positive number")] {
            let name = name(what);
            self.tensor(node, &name, &[1]);
            let Some(&value) = self.weights.values(&name).and_then(|values| values.first()) else { continue };
            let good = if what == "range" { value > 0.0 } else { value == 0.0 || value == 1.0 };
            if value.is_finite() && !good {
                let title = format!("the tensor `{name}` holds {value}; allowed: {allowed}");
                self.found.push(Diagnostic::new("E0703", title, node.span, "needed by this layer"));
            }
        }
    }

    fn tensor(&mut self, node: &TensorNode, name: &str, shape: &[u64]) {
        let Some(tensor) = self.weights.get(name) else {
            let near = nearest(name, self.weights.iter().map(|(name, _)| name));
            let title = format!("the weights file has no tensor `{name}`");
            let label = format!("`{}` needs it, with shape {}", node.path, shown(shape));
            let mut diagnostic = Diagnostic::new("E0701", title, node.span, label);
            if !near.is_empty() {
                let names: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
                diagnostic.help = Some(format!("the file has {}", names.join(", ")));
            }
            self.found.push(diagnostic);
            return;
        };
        if tensor.shape != shape {
            let found = shown(&tensor.shape);
            let title = format!("the tensor `{name}` has shape {found}, expected {}", shown(shape));
            let label = format!("`{}` needs shape {}", node.path, shown(shape));
            self.found.push(Diagnostic::new("E0702", title, node.span, label));
        } else if !tensor.values.iter().all(|v| v.is_finite()) {
            let title = format!("the tensor `{name}` holds values that are not finite");
            self.found.push(Diagnostic::new("E0703", title, node.span, "needed by this layer"));
        }
    }

    /// Calibration data of an activation.
    fn measured(&mut self, node: &TensorNode, what: &str) {
        let name = format!("{}.{what}", node.path);
        match self.weights.get(&name) {
            Some(tensor) => {
                let usable = |&v: &f32| v.is_finite() && v >= 0.0;
                if tensor.values.is_empty() || !tensor.values.iter().all(usable) {
                    let title = format!("the tensor `{name}` holds no usable {what}");
                    self.found.push(Diagnostic::new("E0703", title, node.span, "measured for this layer"));
                }
            }
            None => {
                let title = format!("the weights file has no measured {what} for `{}`", node.path);
                let label = format!("needs the tensor `{name}`");
                let help = "measure it on training images, or write `relu(method = chebyshev, range = 8)`";
                self.found.push(Diagnostic::new("E0704", title, node.span, label).help(help));
            }
        }
    }
}

fn shown(shape: &[u64]) -> String {
    let sizes: Vec<_> = shape.iter().map(u64::to_string).collect();
    format!("[{}]", sizes.join(", "))
}
