//! The network's own body: settings, layers, logits.

use super::Elaborator;
use super::arguments::Parameter;
use super::body::names;
use super::layers::Place;
use super::scope::{Flow, Meaning, Scope, Tensor};
use super::shapes::{LARGEST_SIDE, elements};
use crate::diagnostics::Span;
use crate::ir::{NodeId, Shape, TensorGraph, TensorOp};
use crate::syntax::ast::{Argument, Entry, Expression, Name, Network, Spanned, Statement, Value, ValueKind};
use std::collections::BTreeMap;

/// What the network says about itself beside its layers.
#[derive(Default)]
struct Settings<'a> {
    /// Settings seen so far, and where.
    seen: BTreeMap<&'static str, Span>,
    input: Flow,
    mean: Option<(Vec<f64>, Span)>,
    std: Option<(Vec<f64>, Span)>,
    weights: Option<&'a str>,
    labels: Option<(&'a [Spanned<String>], Span)>,
}

impl<'a> Elaborator<'a> {
    /// The graph of the network; `None` after an error.
    pub(super) fn network(&mut self, network: &'a Network) -> Option<TensorGraph> {
        let mut scope = Scope::default();
        scope.named = names(&network.body);
        let mut settings = Settings::default();
        let mut current = None;
        let mut last = None;
        for entry in &network.body.statements {
            if !self.reporter.step(entry.span) {
                return None;
            }
            match &entry.item {
                Statement::Let(constant) => self.constant(&mut scope, constant),
                Statement::Chain(chain) => {
                    current = self.chain(&mut scope, chain, "", current);
                    last = chain.stages.last().map(|stage| stage.span);
                }
                Statement::Input(sizes) => {
                    if self.first(&mut settings, "input", entry) {
                        settings.input = self.input(&mut scope, sizes, entry.span, last.is_some());
                        // A late one is an error; do not take it for a layer.
                        current = settings.input.filter(|_| last.is_none());
                    }
                }
                Statement::Normalise(arguments) => {
                    if self.first(&mut settings, "normalise", entry) {
                        self.normalise(&scope, &mut settings, arguments, entry.span);
                    }
                }
                Statement::Weights(file) => {
                    if self.first(&mut settings, "weights", entry) {
                        settings.weights = Some(&file.value);
                    }
                }
                Statement::Labels(labels) => {
                    if self.first(&mut settings, "labels", entry) {
                        settings.labels = Some((labels, entry.span));
                    }
                }
            }
        }
        self.missing(&settings, &network.name);
        self.per_channel(&settings);
        let Some(last) = last else {
            let title = || format!("the network `{}` has no layers", network.name.value);
            self.reporter.error("E0205", network.name.span, title, |d| {
                d.help("add one: `conv1: conv(16, kernel = 3)`")
            });
            return None;
        };
        let input = settings.input?;
        let output = self.output(&settings, current?, input, last)?;
        self.unused(output);
        let numbers = |list: Option<(Vec<f64>, Span)>| list.map(|(values, _)| values);
        Some(TensorGraph {
            graph: std::mem::take(&mut self.graph),
            input: input.node,
            output,
            name: network.name.value.clone(),
            mean: numbers(settings.mean)?,
            std: numbers(settings.std)?,
            labels: settings.labels.map_or(&[][..], |(l, _)| l).iter().map(|l| l.value.clone()).collect(),
            weights: settings.weights.map(str::to_owned),
        })
    }

    /// Whether this is the first setting of its kind; reports it otherwise.
    fn first(&mut self, settings: &mut Settings<'_>, what: &'static str, entry: &Entry<Statement>) -> bool {
        match settings.seen.get(what) {
            Some(&earlier) => {
                let title = || format!("`{what}` is set twice");
                self.reporter.error("E0203", entry.span, title, |d| d.also(earlier, "first set here"));
                false
            }
            None => {
                settings.seen.insert(what, entry.span);
                true
            }
        }
    }

    fn missing(&mut self, settings: &Settings<'_>, name: &Name) {
        let known = [
            ("input", "write its size: `input 3x32x32`"),
            (
                "normalise",
                "write what training used, or `normalise(mean = [0, 0, 0], std = [1, 1, 1])` for plain pixels in [0, 1]",
            ),
        ];
        let absent: Vec<_> = known.iter().filter(|(what, _)| !settings.seen.contains_key(what)).collect();
        if !absent.is_empty() {
            let names: Vec<_> = absent.iter().map(|(what, _)| format!("`{what}`")).collect();
            let title = || format!("the network `{}` does not set {}", name.value, names.join(" and "));
            let help: Vec<_> = absent.iter().map(|(_, help)| *help).collect();
            self.reporter.error("E0202", name.span, title, |d| d.help(help.join("\n      ")));
        }
    }

    fn input(&mut self, scope: &mut Scope<'a>, sizes: &[Expression; 3], span: Span, late: bool) -> Flow {
        if late {
            let title = || "`input` comes after the first layer".to_owned();
            self.reporter.error("E0203", span, title, |d| d.help("move it to the top"));
        }
        let [channels, height, width] = sizes
            .each_ref()
            .map(|e| self.whole_expression(scope, "input", e, 1..=LARGEST_SIDE).map(u64::from));
        let shape = match (channels, height, width) {
            (Some(channels), Some(height), Some(width)) => self.sized(channels, height, width, span),
            _ => None,
        };
        let place = Place { path: "input", span, input: None };
        let input = shape.and_then(|shape| self.node(TensorOp::Input, shape, place, &[]));
        // The grammar keeps `input` from being defined otherwise.
        let defined = scope.define("input", span, Meaning::Layer(input));
        debug_assert!(defined.is_ok());
        input
    }

    fn normalise(
        &mut self,
        scope: &Scope<'a>,
        settings: &mut Settings<'a>,
        arguments: &'a [Argument],
        span: Span,
    ) {
        let owner = Spanned::new("normalise".to_owned(), span);
        let parameters =
            [Parameter { name: "mean", required: true }, Parameter { name: "std", required: true }];
        let arguments = self.assign(&owner, arguments, &parameters, span);
        settings.mean = arguments.get("mean").and_then(|value| {
            let list = self.list(scope, "mean", value, "a finite number", f64::is_finite);
            list.map(|list| (list, value.span))
        });
        settings.std = arguments.get("std").and_then(|value| {
            let list = self.list(scope, "std", value, "above 0", |x| x > 0.0 && x.is_finite());
            list.map(|list| (list, value.span))
        });
    }

    fn list(
        &mut self,
        scope: &Scope<'a>,
        what: &str,
        value: &Value,
        range: &str,
        allowed: impl Fn(f64) -> bool,
    ) -> Option<Vec<f64>> {
        let ValueKind::List(items) = &value.value else {
            self.wrong_kind(what, "a list with one number per channel", "something else", value.span);
            return None;
        };
        let values: Vec<_> = items.iter().map(|v| self.real(scope, what, v, range, &allowed)).collect();
        values.into_iter().collect()
    }

    /// Mean and standard deviation have one entry per channel.
    fn per_channel(&mut self, settings: &Settings<'_>) {
        let Some(input) = settings.input else { return };
        let channels = input.shape.channels;
        let lists = [("mean", &settings.mean), ("std", &settings.std)];
        for (what, list) in lists {
            if let Some((values, span)) = list
                && values.len() != channels as usize
            {
                let title =
                    || format!("`{what}` has {} entries, the input {channels} channels", values.len());
                let at = self.graph.op(input.node).span;
                self.reporter.error("E0506", *span, title, |d| d.also(at, "the input"));
            }
        }
    }

    fn output(
        &mut self,
        settings: &Settings<'_>,
        result: Tensor,
        input: Tensor,
        span: Span,
    ) -> Option<NodeId> {
        if result.node == input.node {
            let title = || "the layers leave the input as it is".to_owned();
            self.reporter.error("E0205", span, title, |d| d);
            return None;
        }
        if let Some((labels, at)) = settings.labels {
            let logits = elements(result.shape);
            if labels.len() as u64 != logits {
                let Shape { channels, height, width } = result.shape;
                let title = || format!("there are {} labels for {logits} outputs", labels.len());
                self.reporter.error("E0506", at, title, |d| {
                    d.also(span, format!("this computes {channels}x{height}x{width}"))
                });
            }
        }
        let place = Place { path: "output", span, input: None };
        self.node(TensorOp::Output, result.shape, place, &[result.node]).map(|tensor| tensor.node)
    }

    /// Reports layers whose result nothing reads, unless other errors may be the cause.
    fn unused(&mut self, output: NodeId) {
        self.unread.remove(&output);
        if !self.reporter.is_clean() {
            return;
        }
        for node in std::mem::take(&mut self.unread) {
            let node = self.graph.op(node);
            let title = || format!("the result of `{}` is never used", node.path);
            let help = "a layer reads the one before it; name what else it reads: `add(a, b)`, `a -> relu`";
            self.reporter.error("E0505", node.span, title, |d| d.help(help));
        }
    }
}
