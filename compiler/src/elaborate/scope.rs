//! Names and what they stand for.

use crate::diagnostics::Span;
use crate::ir::{NodeId, Shape};
use std::collections::{BTreeMap, BTreeSet};

/// A tensor within the network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tensor {
    /// The node that computes it.
    pub(super) node: NodeId,
    /// Its shape.
    pub(super) shape: Shape,
}

/// A tensor, or `None` where an error was reported already and nothing is to be said about it.
pub(super) type Flow = Option<Tensor>;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// Without a fraction.
    Whole(i64),
    /// With one.
    Real(f64),
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// A constant or parameter; `None` after an error.
    Number(Option<Number>),
    /// A layer.
    Layer(Flow),
}

/// The names of one body, or of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'a> {
    names: BTreeMap<&'a str, (Meaning, Span)>,
    /// Layers that the body names, whether reached already or not.
    pub(super) named: BTreeSet<&'a str>,
    /// How many layers without a name there are, by kind.
    pub(super) unnamed: BTreeMap<&'static str, u32>,
}

impl<'a> Scope<'a> {
    /// Defines a name; gives the place of an earlier definition, if any, and then keeps that.
    pub(super) fn define(&mut self, name: &'a str, span: Span, meaning: Meaning) -> Result<(), Span> {
        if let Some((_, earlier)) = self.names.get(name) {
            return Err(*earlier);
        }
        self.names.insert(name, (meaning, span));
        Ok(())
    }

    /// What the name stands for.
    pub(super) fn get(&self, name: &str) -> Option<Meaning> {
        self.names.get(name).map(|(meaning, _)| *meaning)
    }

    /// Names of constants and parameters.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &'a str> {
        self.names.iter().filter(|(_, (m, _))| matches!(m, Meaning::Number(_))).map(|(name, _)| *name)
    }

    /// Names of layers.
    pub(super) fn layers(&self) -> impl Iterator<Item = &'a str> {
        self.names.iter().filter(|(_, (m, _))| matches!(m, Meaning::Layer(_))).map(|(name, _)| *name)
    }
}
