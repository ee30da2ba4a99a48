//! Bodies: constants, chains of layers, and blocks put in place.

use super::Elaborator;
use super::arguments::Parameter;
use super::kinds::Kind;
use super::layers::Place;
use super::number::WORDS;
use super::scope::{Flow, Meaning, Scope};
use crate::diagnostics::{Span, did_you_mean};
use crate::syntax::ast::{Block, Body, Chain, Let, Name, Stage, Statement};

/// Deepest nesting of blocks.
const DEEPEST: usize = 32;
/// Words that begin a setting.
const SETTINGS: [&str; 4] = ["input", "normalise", "weights", "labels"];
/// Most repetitions of one layer or block.
const MOST_REPETITIONS: u32 = 10_000;

impl<'a> Elaborator<'a> {
    /// The result of a block's body.
    fn block_body(&mut self, mut scope: Scope<'a>, body: &'a Body, prefix: &str, input: Flow) -> Flow {
        scope.named = names(body);
        let mut current = input;
        for entry in &body.statements {
            if !self.reporter.step(entry.span) {
                return None;
            }
            match &entry.item {
                Statement::Let(constant) => self.constant(&mut scope, constant),
                Statement::Chain(chain) => current = self.chain(&mut scope, chain, prefix, current),
                Statement::Input(_)
                | Statement::Normalise(_)
                | Statement::Weights(_)
                | Statement::Labels(_) => self.misplaced(&entry.item, entry.span),
            }
        }
        current
    }

    fn misplaced(&mut self, statement: &Statement, span: Span) {
        let what = match statement {
            Statement::Input(_) => "input",
            Statement::Normalise(_) => "normalise",
            Statement::Weights(_) => "weights",
            Statement::Labels(_) | Statement::Let(_) | Statement::Chain(_) => "labels",
        };
        let title = || format!("`{what}` cannot be set in a block");
        self.reporter.error("E0203", span, title, |d| d.help("move it into the network"));
    }

    /// Defines a constant.
    pub(super) fn constant(&mut self, scope: &mut Scope<'a>, constant: &'a Let) {
        let value = self.number(scope, &constant.value);
        self.define(scope, &constant.name, Meaning::Number(value));
    }

    /// Defines a name, which must be new in this scope.
    pub(super) fn define(&mut self, scope: &mut Scope<'a>, name: &'a Name, meaning: Meaning) {
        if WORDS.contains(&name.value.as_str()) || name.value == "output" {
            let title = || format!("`{}` is a word of the language", name.value);
            self.reporter.error("E0204", name.span, title, |d| d.help("choose another name"));
        } else if let Err(earlier) = scope.define(&name.value, name.span, meaning) {
            self.twice(name, earlier);
        }
    }

    /// Reports a name that is defined already.
    pub(super) fn twice(&mut self, name: &Name, earlier: Span) {
        let title = || format!("`{}` is defined twice", name.value);
        self.reporter.error("E0204", name.span, title, |d| d.also(earlier, "first defined here"));
    }

    /// Adds the layers of a chain; gives what its last one computes.
    pub(super) fn chain(
        &mut self,
        scope: &mut Scope<'a>,
        chain: &'a Chain,
        prefix: &str,
        previous: Flow,
    ) -> Flow {
        let (mut current, stages) = match self.start(scope, chain) {
            Some(flow) => (flow, &chain.stages[1..]),
            None => (previous, chain.stages.as_slice()),
        };
        let numbered = stages.len() > 1 || stages.iter().any(|stage| stage.count.is_some());
        let mut number = 0_u32;
        for stage in stages {
            let count = match &stage.count {
                Some(count) => self.whole_expression(scope, "count", count, 0..=MOST_REPETITIONS),
                None => Some(1),
            };
            // After an error, one repetition shows the errors within.
            for _ in 0..count.unwrap_or(1) {
                if self.reporter.stopped() {
                    return None;
                }
                let path = self.path(scope, chain, stage, prefix, numbered.then_some(number));
                number += 1;
                current = self.stage(scope, stage, &path, current);
            }
            if count.is_none() {
                current = None;
            }
        }
        if let Some(name) = &chain.name {
            self.define(scope, name, Meaning::Layer(current));
        }
        current
    }

    /// The earlier layer with which a chain starts, if its first word names one.
    fn start(&mut self, scope: &Scope<'a>, chain: &'a Chain) -> Option<Flow> {
        let first = chain.stages.first()?;
        if first.arguments.is_some() || first.count.is_some() {
            return None;
        }
        let word = first.name.value.as_str();
        let Some(Meaning::Layer(flow)) = scope.get(word) else {
            // The input of a network that has none: that is reported elsewhere.
            return (word == "input").then_some(None);
        };
        let kind = Kind::named(word).is_some() || self.blocks.contains_key(word);
        if !kind {
            return Some(flow);
        }
        if chain.stages.len() == 1 {
            return None;
        }
        let title = || format!("`{word}` may mean the layer of this name or a new layer");
        let help = format!("write `{word}()` for a new layer, or rename the earlier one");
        self.reporter.error("E0308", first.name.span, title, |d| d.help(help));
        Some(None)
    }

    /// The path of a stage's layer or block.
    fn path(
        &mut self,
        scope: &mut Scope<'a>,
        chain: &Chain,
        stage: &Stage,
        prefix: &str,
        number: Option<u32>,
    ) -> String {
        let word = stage.name.value.as_str();
        let name = match (&chain.name, Kind::named(word)) {
            (Some(name), _) => match number {
                Some(number) => format!("{}.{number}", name.value),
                None => name.value.clone(),
            },
            (None, Some(kind)) if !kind.has_weights() => unnamed(scope, kind),
            _ => {
                if Kind::named(word).is_some() || self.blocks.contains_key(word) {
                    let what =
                        if self.blocks.contains_key(word) { "a block" } else { "a layer with weights" };
                    let title = || format!("{what} needs a name, by which its weights are found");
                    let help = format!("write `name: {word}...`");
                    self.reporter.error("E0306", stage.name.span, title, |d| d.help(help));
                }
                word.to_owned()
            }
        };
        if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
    }

    /// Adds one layer or the layers of one block.
    fn stage(&mut self, scope: &Scope<'a>, stage: &'a Stage, path: &str, input: Flow) -> Flow {
        if !self.reporter.layer(stage.span) {
            return None;
        }
        let word = stage.name.value.as_str();
        if let Some(kind) = Kind::named(word) {
            return self.build(scope, kind, stage, Place { path, span: stage.span, input });
        }
        if let Some(block) = self.blocks.get(word).copied() {
            return self.expand(scope, block, stage, path, input);
        }
        let is_layer = matches!(scope.get(word), Some(Meaning::Layer(_)));
        let kinds = Kind::ALL.map(Kind::name);
        self.reporter.error(
            "E0301",
            stage.name.span,
            || format!("there is no kind of layer and no block `{word}`"),
            |d| {
                if is_layer {
                    return d.help(format!(
                        "`{word}` is an earlier layer: a chain can start with it, `add({word})` adds it"
                    ));
                }
                match did_you_mean(
                    word,
                    kinds
                        .iter()
                        .copied()
                        .chain(self.blocks.keys().copied())
                        .chain(scope.layers())
                        .chain(SETTINGS),
                ) {
                    Some(near) => d.help(near),
                    None => d.help(format!("the kinds are {}", kinds.join(", "))),
                }
            },
        );
        None
    }

    /// Puts a block in place.
    fn expand(
        &mut self,
        scope: &Scope<'a>,
        block: &'a Block,
        stage: &'a Stage,
        path: &str,
        input: Flow,
    ) -> Flow {
        let name = block.name.value.as_str();
        if self.open.contains(&name) {
            let title = || format!("the block `{name}` contains itself");
            self.reporter.error("E0307", stage.span, title, |d| d.also(block.name.span, "defined here"));
            return None;
        }
        if self.reporter.depth() == DEEPEST {
            let title = || format!("blocks are nested more than {DEEPEST} deep");
            self.reporter.error("E0602", stage.span, title, |d| d);
            return None;
        }
        let inner = self.parameters(scope, block, stage, path, input)?;
        self.open.push(name);
        self.reporter.enter(stage.span, path);
        let result = self.block_body(inner, &block.body, path, input);
        self.reporter.leave();
        self.open.pop();
        result
    }

    /// The scope in which a block's body begins.
    fn parameters(
        &mut self,
        scope: &Scope<'a>,
        block: &'a Block,
        stage: &'a Stage,
        path: &str,
        input: Flow,
    ) -> Option<Scope<'a>> {
        let declared = block.parameters.as_deref().unwrap_or_default();
        let parameters: Vec<_> = declared
            .iter()
            .map(|p| Parameter { name: p.name.value.as_str(), required: p.default.is_none() })
            .collect();
        let given = stage.arguments.as_deref().unwrap_or_default();
        let arguments = self.assign(&stage.name, given, &parameters, stage.span);
        let mut inner = Scope::default();
        // The grammar keeps `input` from being defined otherwise.
        let defined = inner.define("input", stage.span, Meaning::Layer(input));
        debug_assert!(defined.is_ok());
        for parameter in declared {
            let value = match (arguments.get(&parameter.name.value), &parameter.default) {
                (Some(value), _) => self.argument(scope, &parameter.name.value, value),
                (None, Some(default)) => {
                    self.reporter.enter(stage.span, path);
                    let value = self.number(&inner, default);
                    self.reporter.leave();
                    value
                }
                (None, None) => None,
            };
            self.define(&mut inner, &parameter.name, Meaning::Number(value));
        }
        (!arguments.faulty).then_some(inner)
    }
}

/// The layers that a body names.
pub(super) fn names(body: &Body) -> std::collections::BTreeSet<&str> {
    body.statements
        .iter()
        .filter_map(|entry| match &entry.item {
            Statement::Chain(chain) => chain.name.as_ref().map(|name| name.value.as_str()),
            Statement::Let(_)
            | Statement::Input(_)
            | Statement::Normalise(_)
            | Statement::Weights(_)
            | Statement::Labels(_) => None,
        })
        .collect()
}

/// A name for a layer without one: its kind, and a number where that is taken.
fn unnamed(scope: &mut Scope<'_>, kind: Kind) -> String {
    let word = kind.name();
    let mut count = scope.unnamed.get(word).copied().unwrap_or(0);
    let name = loop {
        count += 1;
        let name = if count == 1 { word.to_owned() } else { format!("{word}_{count}") };
        if !scope.named.contains(name.as_str()) {
            break name;
        }
    };
    scope.unnamed.insert(word, count);
    name
}
