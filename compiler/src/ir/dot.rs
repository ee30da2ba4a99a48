//! Graphviz output, for reading.

use super::{Graph, HeGraph, NodeId, TensorGraph};
use std::fmt::Write;

fn render<Op>(graph: &Graph<Op>, label: impl Fn(NodeId, &Op) -> String) -> String {
    let mut text = String::from("digraph network {\n  node [shape=box];\n");
    for id in graph.nodes() {
        let label = label(id, graph.op(id)).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        // Writing to a string does not fail.
        let _ = writeln!(text, "  \"{id}\" [label=\"{label}\"];");
        for operand in graph.operands(id) {
            let _ = writeln!(text, "  \"{operand}\" -> \"{id}\";");
        }
    }
    text.push_str("}\n");
    text
}

/// The tensor graph in Graphviz's language.
pub fn tensor_dot(graph: &TensorGraph) -> String {
    render(&graph.graph, |_, node| format!("{}\n{} {}", node.path, node.op.name(), node.shape))
}

/// The ciphertext graph in Graphviz's language.
pub fn he_dot(graph: &HeGraph) -> String {
    render(graph, |_, node| format!("{}\n{}", node.layer, node.op.name()))
}
