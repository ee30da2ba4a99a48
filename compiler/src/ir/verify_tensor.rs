//! The verifier of tensor graphs. Its invariants:
//!
//! 1. the graph is acyclic;
//! 2. there is exactly one `Input` and one `Output`, and they are the ones that the graph names;
//! 3. every operation has as many operands as it takes;
//! 4. every shape follows from the operands' shapes;
//! 5. every path is there and occurs once;
//! 6. every node but the output has a user;
//! 7. mean and standard deviation have one finite value per input channel, the latter positive.

use super::{TensorGraph, TensorOp};
use std::collections::BTreeSet;

/// Checks all invariants.
///
/// # Errors
///
/// A sentence on the first invariant that does not hold. What a network's author can cause is reported by
/// the front end with its place in the text; here it is a bug of the compiler.
pub fn verify(g: &TensorGraph) -> Result<(), String> {
    let order = g.graph.schedule().ok_or("the graph is cyclic")?;
    let mut paths = BTreeSet::new();
    for id in order {
        let node = g.graph.op(id);
        let at = |message: String| format!("`{}`: {message}", node.path);
        if node.path.is_empty() || !paths.insert(node.path.as_str()) {
            return Err(at("the path is empty or occurs twice".to_owned()));
        }
        if (node.op == TensorOp::Input) != (id == g.input)
            || (node.op == TensorOp::Output) != (id == g.output)
        {
            return Err(at("there must be one input and one output".to_owned()));
        }
        let operands = g.graph.operands(id);
        if operands.len() != node.op.arity() {
            return Err(at(format!("takes {} operands, has {}", node.op.arity(), operands.len())));
        }
        if id != g.output && g.graph.users(id).is_empty() {
            return Err(at("the result is not used".to_owned()));
        }
        if id == g.input {
            continue;
        }
        let shapes: Vec<_> = operands.iter().map(|o| g.graph.op(*o).shape).collect();
        let shape = node.op.result_shape(&shapes).map_err(at)?;
        if shape != node.shape {
            return Err(format!("`{}`: the shape is {}, the operands give {shape}", node.path, node.shape));
        }
    }
    let channels = g.graph.op(g.input).shape.channels as usize;
    let finite = g.mean.iter().chain(&g.std).all(|v| v.is_finite()) && g.std.iter().all(|v| *v > 0.0);
    if g.mean.len() != channels || g.std.len() != channels || !finite {
        return Err(format!("mean {:?} and std {:?} do not suit {channels} channels", g.mean, g.std));
    }
    Ok(())
}
