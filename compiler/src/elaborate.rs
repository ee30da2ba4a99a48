//! [`Ast`] to [`TensorGraph`]: names, constants, blocks put in place, shapes, paths.
//!
//! Ensures: every path is unique; every node but the output is read; shapes follow from the operands and
//! are bounded; at most 10,000 layers. After an error the rest is still looked at, with the faulty tensor
//! unknown, so that one mistake is reported once and several at a time.

mod arguments;
mod body;
mod kinds;
mod layers;
mod network;
mod number;
mod placeholder;
mod report;
mod scope;
mod shapes;
#[cfg(test)]
mod tests;
mod weights;

pub use placeholder::placeholder_weights;
pub use weights::check_weights;

use crate::diagnostics::{Diagnostic, Span};
use crate::ir::{Graph, NodeId, TensorGraph, TensorNode};
use crate::syntax::ast::{Ast, Block, Item, Network};
use kinds::Kind;
use report::Reporter;
use scope::Scope;
use std::collections::{BTreeMap, BTreeSet};

/// Most parameters of a block.
const MOST_PARAMETERS: usize = 64;

/// What is known while a file is elaborated.
#[derive(Default)]
struct Elaborator<'a> {
    reporter: Reporter,
    /// The file's constants.
    constants: Scope<'a>,
    blocks: BTreeMap<&'a str, &'a Block>,
    /// Blocks being put in place, outermost first.
    open: Vec<&'a str>,
    graph: Graph<TensorNode>,
    /// Nodes whose result nothing reads so far.
    unread: BTreeSet<NodeId>,
}

/// Works out the network that the tree describes.
///
/// # Errors
///
/// All that is wrong with it, in the order of the text.
pub fn elaborate(ast: &Ast) -> Result<TensorGraph, Vec<Diagnostic>> {
    let mut elaborator = Elaborator::default();
    let mut networks = Vec::new();
    for entry in &ast.items {
        match &entry.item {
            Item::Let(constant) => {
                // While a constant is worked out, those before it are its own scope.
                let mut scope = std::mem::take(&mut elaborator.constants);
                elaborator.constant(&mut scope, constant);
                elaborator.constants = scope;
            }
            Item::Block(block) => elaborator.block(block),
            Item::Network(network) => networks.push(network),
        }
    }
    let network = elaborator.single(&networks, ast);
    let graph = network.and_then(|network| elaborator.network(network));
    match graph {
        Some(graph) if elaborator.reporter.is_clean() => Ok(graph),
        _ => Err(elaborator.reporter.finish()),
    }
}

impl<'a> Elaborator<'a> {
    fn block(&mut self, block: &'a Block) {
        let name = block.name.value.as_str();
        if Kind::named(name).is_some() {
            let title = || format!("`{name}` is a kind of layer already");
            self.reporter.error("E0204", block.name.span, title, |d| d.help("choose another name"));
        } else if let Some(earlier) = self.blocks.get(name) {
            let earlier = earlier.name.span;
            self.twice(&block.name, earlier);
        } else {
            self.blocks.insert(name, block);
        }
        let count = block.parameters.as_ref().map_or(0, Vec::len);
        if count > MOST_PARAMETERS {
            let title = || format!("a block has at most {MOST_PARAMETERS} parameters, found {count}");
            self.reporter.error("E0305", block.name.span, title, |d| d);
            self.blocks.remove(name);
        }
    }

    /// The one network of the file.
    fn single(&mut self, networks: &[&'a Network], ast: &Ast) -> Option<&'a Network> {
        match networks {
            [] => {
                let end = ast.items.last().map_or(0, |entry| entry.span.end);
                let span = Span { start: end.saturating_sub(1), end };
                let title = || "the file holds no network".to_owned();
                let help = "write `network name { input 3x32x32 ... }`";
                self.reporter.error("E0201", span, title, |d| d.help(help));
                None
            }
            [network, others @ ..] => {
                for other in others {
                    let title = || "the file holds a second network".to_owned();
                    self.reporter.error("E0201", other.name.span, title, |d| {
                        d.also(network.name.span, "the first one").help("write one file for each")
                    });
                }
                Some(*network)
            }
        }
    }
}
