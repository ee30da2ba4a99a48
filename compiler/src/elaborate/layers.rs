//! One layer: its arguments checked, its shape computed, its node added.

use super::Elaborator;
use super::arguments::Arguments;
use super::kinds::Kind;
use super::scope::{Flow, Scope, Tensor};
use super::shapes::{LARGEST_SIDE, MOST_ELEMENTS, bounded, elements, windows};
use crate::diagnostics::Span;
use crate::ir::{Activation, Approximation, FitMethod, NodeId, Shape, TensorNode, TensorOp};
use crate::syntax::ast::{ExpressionKind, Stage, Value, ValueKind};
use fhecc_plan::BatchNorm;

/// Largest kernel, stride and padding.
const LARGEST_WINDOW: u32 = 1 << 10;
/// Highest degree of an approximation.
pub(super) const HIGHEST_DEGREE: u32 = 63;
/// PyTorch's default.
const EPSILON: f64 = 1e-5;

/// Where a layer is: its path, its place in the text, and what it reads unless told otherwise.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) path: &'p str,
    pub(super) span: Span,
    pub(super) input: Flow,
}

impl<'a> Elaborator<'a> {
    /// Adds a layer and gives its result, which is its input where it would change nothing.
    pub(super) fn build(
        &mut self,
        scope: &Scope<'a>,
        kind: Kind,
        stage: &'a Stage,
        place: Place<'_>,
    ) -> Flow {
        let given = stage.arguments.as_deref().unwrap_or_default();
        let arguments = self.assign(&stage.name, given, kind.parameters(), place.span);
        if arguments.faulty {
            return None;
        }
        match kind {
            Kind::Conv => self.conv(scope, &arguments, place),
            Kind::BatchNorm => self.batch_norm(scope, &arguments, place),
            Kind::Relu => self.relu(scope, &arguments, place),
            Kind::Polynomial => self.polynomial(place),
            Kind::Add => self.addition(scope, &arguments, place),
            Kind::Subsample => self.subsample(scope, &arguments, place),
            Kind::PadChannels => self.pad_channels(scope, &arguments, place),
            Kind::AveragePool => self.average_pool(scope, &arguments, place),
            Kind::GlobalAveragePool => {
                let input = place.input?;
                let shape = Shape { height: 1, width: 1, ..input.shape };
                self.node(TensorOp::GlobalAveragePool, shape, place, &[input.node])
            }
            Kind::Linear => self.linear(scope, &arguments, place),
        }
    }

    fn conv(&mut self, scope: &Scope<'a>, arguments: &Arguments<'a>, place: Place<'_>) -> Flow {
        let channels = self.optional(scope, arguments, "channels", 1, 1..=LARGEST_SIDE);
        let kernel = arguments.get("kernel").and_then(|value| self.kernel(scope, value));
        let stride = self.optional(scope, arguments, "stride", 1, 1..=LARGEST_WINDOW);
        let padding = self.optional(scope, arguments, "padding", 0, 0..=LARGEST_WINDOW);
        let groups = self.optional(scope, arguments, "groups", 1, 1..=LARGEST_SIDE);
        let bias = self.bias(arguments);
        let (channels, kernel, stride, padding) = (channels?, kernel?, stride?, padding?);
        let (groups, bias, input) = (groups?, bias?, place.input?);
        for (what, count) in [("input", input.shape.channels), ("output", channels)] {
            if count % groups != 0 {
                let title = || format!("{count} {what} channels cannot be divided into {groups} groups");
                let source = self.graph.op(input.node);
                self.reporter.error("E0503", place.span, title, |d| d.also(source.span, is(source)));
                return None;
            }
        }
        let shape = self.windowed(input, channels, kernel, stride, padding, place.span)?;
        let weight = format!("{}.weight", place.path);
        let bias = bias.then(|| format!("{}.bias", place.path));
        let op = TensorOp::Conv { channels, kernel, stride, padding, groups, weight, bias, batch_norm: None };
        self.node(op, shape, place, &[input.node])
    }

    /// `3` or `3x5`.
    fn kernel(&mut self, scope: &Scope<'a>, value: &Value) -> Option<(u32, u32)> {
        let allowed = 1..=LARGEST_WINDOW;
        if let ValueKind::Size(sizes) = &value.value {
            let [rows, columns] = sizes.as_slice() else {
                let found = format!("{} numbers", sizes.len());
                self.wrong_kind("kernel", "one number or `rows x columns`", &found, value.span);
                return None;
            };
            let rows = self.whole_expression(scope, "kernel", rows, allowed.clone());
            let columns = self.whole_expression(scope, "kernel", columns, allowed);
            return Some((rows?, columns?));
        }
        let side = self.whole(scope, "kernel", value, allowed)?;
        Some((side, side))
    }

    fn bias(&mut self, arguments: &Arguments<'a>) -> Option<bool> {
        match arguments.get("bias") {
            None => Some(true),
            Some(value) => self.word("bias", value, &["true", "false"]).map(|word| word == "true"),
        }
    }

    fn optional(
        &mut self,
        scope: &Scope<'a>,
        arguments: &Arguments<'a>,
        what: &str,
        default: u32,
        allowed: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        match arguments.get(what) {
            Some(value) => self.whole(scope, what, value, allowed),
            None => Some(default),
        }
    }

    fn batch_norm(&mut self, scope: &Scope<'a>, arguments: &Arguments<'a>, place: Place<'_>) -> Flow {
        let epsilon = match arguments.get("epsilon") {
            Some(value) => {
                self.real(scope, "epsilon", value, "above 0 and at most 1", |e| e > 0.0 && e <= 1.0)?
            }
            None => EPSILON,
        };
        let input = place.input?;
        let tensor = |what: &str| format!("{}.{what}", place.path);
        let op = TensorOp::BatchNorm(BatchNorm {
            weight: tensor("weight"),
            bias: tensor("bias"),
            running_mean: tensor("running_mean"),
            running_var: tensor("running_var"),
            epsilon,
        });
        self.node(op, input.shape, place, &[input.node])
    }

    fn relu(&mut self, scope: &Scope<'a>, arguments: &Arguments<'a>, place: Place<'_>) -> Flow {
        let chosen = |what| arguments.get(what).filter(|value| !Self::is_auto(value));
        let method = chosen("method").map(|value| {
            let word = self.word("method", value, &["auto", "chebyshev", "least_squares"])?;
            Some(if word == "chebyshev" { FitMethod::Chebyshev } else { FitMethod::LeastSquares })
        });
        let degree = chosen("degree").map(|value| self.whole(scope, "degree", value, 1..=HIGHEST_DEGREE));
        let range = chosen("range").map(|value| {
            self.real(scope, "range", value, "above 0 and at most 1000000", |r| r > 0.0 && r <= 1e6)
        });
        let failed = method == Some(None) || degree == Some(None) || range == Some(None);
        let input = place.input.filter(|_| !failed)?;
        let approximation =
            Approximation { method: method.flatten(), degree: degree.flatten(), range: range.flatten() };
        let op = TensorOp::Activation { function: Activation::Relu, approximation };
        self.node(op, input.shape, place, &[input.node])
    }

    fn polynomial(&mut self, place: Place<'_>) -> Flow {
        let input = place.input?;
        let approximation = Approximation::default();
        let op = TensorOp::Activation { function: Activation::Trained, approximation };
        self.node(op, input.shape, place, &[input.node])
    }

    fn addition(&mut self, scope: &Scope<'a>, arguments: &Arguments<'a>, place: Place<'_>) -> Flow {
        let first = arguments.get("first").and_then(|value| self.operand(scope, value));
        let (a, b) = match arguments.get("second") {
            Some(value) => (first, self.operand(scope, value)),
            None => (place.input, first),
        };
        let (a, b) = (a?, b?);
        if a.shape != b.shape {
            let title = || format!("cannot add {} and {}", a.shape, b.shape);
            let [a, b] = [a, b].map(|tensor| self.graph.op(tensor.node));
            self.reporter.error("E0501", place.span, title, |d| {
                let d = d.also(a.span, is(a)).also(b.span, is(b));
                d.help("`subsample` and `pad_channels`, or `conv`, bring a shortcut into shape")
            });
            return None;
        }
        self.node(TensorOp::Add, a.shape, place, &[a.node, b.node])
    }

    /// The layer that an argument names.
    fn operand(&mut self, scope: &Scope<'a>, value: &Value) -> Flow {
        let found = match &value.value {
            ValueKind::Expression(e) => match &e.value {
                ExpressionKind::Name(name) => return self.layer(scope, name, e.span),
                ExpressionKind::Number(_)
                | ExpressionKind::Property { .. }
                | ExpressionKind::Negative(_)
                | ExpressionKind::Operation { .. } => "a number",
            },
            ValueKind::Size(_) => "a size",
            ValueKind::Text(_) => "a text",
            ValueKind::List(_) => "a list",
        };
        let title = || format!("expected the name of an earlier layer, found {found}");
        self.reporter.error("E0401", value.span, title, |d| d);
        None
    }

    fn subsample(&mut self, scope: &Scope<'a>, arguments: &Arguments<'a>, place: Place<'_>) -> Flow {
        let stride = self.optional(scope, arguments, "stride", 1, 1..=LARGEST_WINDOW)?;
        let input = place.input?;
        if stride == 1 {
            return place.input;
        }
        let shape = Shape {
            height: input.shape.height.div_ceil(stride),
            width: input.shape.width.div_ceil(stride),
            ..input.shape
        };
        self.node(TensorOp::Subsample { stride }, shape, place, &[input.node])
    }

    fn pad_channels(&mut self, scope: &Scope<'a>, arguments: &Arguments<'a>, place: Place<'_>) -> Flow {
        let before = self.optional(scope, arguments, "before", 0, 0..=LARGEST_SIDE);
        let after = self.optional(scope, arguments, "after", 0, 0..=LARGEST_SIDE);
        let (before, after, input) = (before?, after?, place.input?);
        if before == 0 && after == 0 {
            return place.input;
        }
        let Shape { channels, height, width } = input.shape;
        let channels = u64::from(channels) + u64::from(before) + u64::from(after);
        let shape = self.sized(channels, u64::from(height), u64::from(width), place.span)?;
        self.node(TensorOp::PadChannels { before, after }, shape, place, &[input.node])
    }

    fn average_pool(&mut self, scope: &Scope<'a>, arguments: &Arguments<'a>, place: Place<'_>) -> Flow {
        let kernel = self.optional(scope, arguments, "kernel", 1, 1..=LARGEST_WINDOW)?;
        let stride = self.optional(scope, arguments, "stride", kernel, 1..=LARGEST_WINDOW);
        // More padding would make windows that hold nothing else.
        let padding = self.optional(scope, arguments, "padding", 0, 0..=kernel / 2);
        let (stride, padding, input) = (stride?, padding?, place.input?);
        let shape =
            self.windowed(input, input.shape.channels, (kernel, kernel), stride, padding, place.span)?;
        self.node(TensorOp::AveragePool { kernel, stride, padding }, shape, place, &[input.node])
    }

    fn linear(&mut self, scope: &Scope<'a>, arguments: &Arguments<'a>, place: Place<'_>) -> Flow {
        let features = self.optional(scope, arguments, "features", 1, 1..=LARGEST_SIDE);
        let bias = self.bias(arguments);
        let (features, bias, input) = (features?, bias?, place.input?);
        let weight = format!("{}.weight", place.path);
        let bias = bias.then(|| format!("{}.bias", place.path));
        let shape = Shape { channels: features, height: 1, width: 1 };
        self.node(TensorOp::Linear { features, weight, bias }, shape, place, &[input.node])
    }

    /// The shape after sliding a window over `input`.
    fn windowed(
        &mut self,
        input: Tensor,
        channels: u32,
        kernel: (u32, u32),
        stride: u32,
        padding: u32,
        span: Span,
    ) -> Option<Shape> {
        let source = self.graph.op(input.node);
        let Shape { height, width, .. } = input.shape;
        let rows = windows(height, kernel.0, stride, padding);
        let columns = windows(width, kernel.1, stride, padding);
        let (Some(rows), Some(columns)) = (rows, columns) else {
            let title = || {
                let (height, width) = (height + 2 * padding, width + 2 * padding);
                let padded = if padding > 0 { " after padding" } else { "" };
                format!(
                    "the window is {}x{}, but its input only {height}x{width}{padded}",
                    kernel.0, kernel.1
                )
            };
            self.reporter.error("E0502", span, title, |d| {
                d.also(source.span, is(source)).help("use a smaller kernel, or less stride before it")
            });
            return None;
        };
        self.sized(u64::from(channels), rows, columns, span)
    }

    /// A shape, or an error where it is too large.
    pub(super) fn sized(&mut self, channels: u64, height: u64, width: u64, span: Span) -> Option<Shape> {
        let shape = bounded(channels, height, width);
        if shape.is_none() {
            let title = || format!("a tensor of {channels}x{height}x{width} is too large");
            let help = format!(
                "each size is at most {LARGEST_SIDE}, and there are at most {MOST_ELEMENTS} elements"
            );
            self.reporter.error("E0504", span, title, |d| d.help(help));
        }
        debug_assert!(shape.is_none_or(|s| elements(s) > 0));
        shape
    }

    /// Adds a node that reads `operands`.
    pub(super) fn node(&mut self, op: TensorOp, shape: Shape, place: Place<'_>, operands: &[NodeId]) -> Flow {
        for operand in operands {
            self.unread.remove(operand);
        }
        let node = TensorNode { op, path: place.path.to_owned(), shape, span: place.span };
        let node = self.graph.add(node, operands);
        self.unread.insert(node);
        Some(Tensor { node, shape })
    }
}

/// "`conv1` is 16x32x32".
fn is(node: &TensorNode) -> String {
    format!("`{}` is {}", node.path, node.shape)
}
