//! The text form of an [`HeGraph`]: one node a line, `%3 = <operation> (%2) in "layer" at <layout>`, where
//! operation and layout are RON. `parse(print(g))` prints the same text again.

use super::{HeGraph, HeNode, HeOp, NodeId};
use fhecc_plan::Layout;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Display, Write};

/// A line that is not a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeTextError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl Error for HeTextError {}

impl Display for HeTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// Prints `graph`.
///
/// # Errors
///
/// [`fmt::Error`] if the graph is cyclic or holds a number that is not finite.
pub fn print(graph: &HeGraph) -> Result<String, fmt::Error> {
    let order = graph.schedule().ok_or(fmt::Error)?;
    let numbers: BTreeMap<NodeId, usize> = order.iter().copied().zip(0..).collect();
    let mut text = String::new();
    for id in &order {
        let node = graph.op(*id);
        let op = ron::to_string(&node.op).map_err(|_| fmt::Error)?;
        let layout = ron::to_string(&node.layout).map_err(|_| fmt::Error)?;
        let operands: Vec<String> = graph.operands(*id).iter().map(|o| format!("%{}", numbers[o])).collect();
        writeln!(text, "%{} = {op} ({}) in {:?} at {layout}", numbers[id], operands.join(", "), node.layer)?;
    }
    Ok(text)
}

/// Reads what [`print()`] wrote.
///
/// # Errors
///
/// [`HeTextError`] for the first line that is not a node.
pub fn parse(text: &str) -> Result<HeGraph, HeTextError> {
    let mut graph = HeGraph::default();
    let mut nodes: Vec<NodeId> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let error = |message: String| HeTextError { line: index + 1, message };
        let missing = |what: &str| error(format!("`{what}` expected"));
        let (number, rest) = line.split_once(" = ").ok_or_else(|| missing(" = "))?;
        if number != format!("%{}", nodes.len()) {
            return Err(error(format!("node {number} found, %{} expected", nodes.len())));
        }
        let (rest, layout) = rest.rsplit_once(" at ").ok_or_else(|| missing(" at "))?;
        let (rest, layer) = rest.rsplit_once(" in ").ok_or_else(|| missing(" in "))?;
        let (op, operands) = rest.rsplit_once(" (").ok_or_else(|| missing(" ("))?;
        let operands = operands.strip_suffix(')').ok_or_else(|| missing(")"))?;
        let operands = operands.split(", ").filter(|o| !o.is_empty()).map(|o| {
            let number = o.strip_prefix('%').and_then(|o| o.parse::<usize>().ok());
            number
                .and_then(|n| nodes.get(n).copied())
                .ok_or_else(|| error(format!("`{o}` is no earlier node")))
        });
        let operands = operands.collect::<Result<Vec<_>, _>>()?;
        let syntax = |e: ron::error::SpannedError| error(e.to_string());
        let op: HeOp = ron::from_str(op).map_err(syntax)?;
        let layer: String = ron::from_str(layer).map_err(syntax)?;
        let layout: Layout = ron::from_str(layout).map_err(syntax)?;
        let node = HeNode { op, layer, layout, span: crate::diagnostics::Span::default() };
        nodes.push(graph.add(node, &operands));
    }
    Ok(graph)
}
