//! The last activation and the linear map behind it do without rescales where that saves a bootstrap.
//!
//! Does: where a program ends with an activation of degree two, perhaps a sum over rotations, and one linear map, let the
//! square and the map's result keep the product of their scales instead of dividing it by a prime each. Both take no level
//! then, and the modulus that a bootstrap's input level has is room enough. Nothing is rounded; but the client receives a
//! ciphertext of that level.
//! Does not: change what is computed, or touch programs that need as many bootstraps either way.
//!
//! Requires: a verified [`HeGraph`] without bootstraps and levels.
//! Ensures: the same, with [`Form::Unrescaled`] and a map that is not rescaled or as it was.

use super::insert_bootstraps::insert_bootstraps;
use super::{PassError, cyclic};
use crate::ir::{HeGraph, HeOp, NodeId};
use fhecc_plan::{Form, Profile};
use std::fmt::{self, Display};

/// Fewest bits that may be left for the weights of the linear map.
const WEIGHT_BITS: f64 = 24.0;

/// What [`skip_last_rescales`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whether that saves bootstraps. If not, nothing was changed.
    pub skipped: bool,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.skipped {
            true => "the last 2 rescales skipped, which saves bootstraps",
            false => "no rescale skipped, as that would save no bootstrap",
        })
    }
}

/// The last linear map and the activation before it, if nothing else reads what they and a sum between them make.
fn tail(graph: &HeGraph) -> Option<(NodeId, NodeId)> {
    let only = |id: NodeId| (graph.users(id).len() == 1).then_some(id);
    let operand = |id: NodeId| graph.operands(id).first().copied().and_then(only);
    let output = graph.nodes().find(|id| matches!(graph.op(*id).op, HeOp::Output))?;
    let map = operand(output).filter(|id| matches!(graph.op(*id).op, HeOp::Linear(_)))?;
    let mut activation = operand(map)?;
    if matches!(graph.op(activation).op, HeOp::RotateSum(_)) {
        activation = operand(activation)?;
    }
    matches!(graph.op(activation).op, HeOp::Activation { .. }).then_some((activation, map))
}

/// The program without its last rescales, if it has such and the modulus has room.
fn without_rescales(graph: &HeGraph, profile: &Profile) -> Option<HeGraph> {
    let (activation, map) = tail(graph)?;
    let mut graph = graph.clone();
    let HeOp::Activation { plain, .. } = &mut graph.op_mut(activation).op else { return None };
    let square = plain.square_log2(profile)?;
    plain.form = Form::Unrescaled;
    let raised = profile.raised_log2(profile.bootstrap_input_level(), square);
    if f64::from(raised) < square + WEIGHT_BITS {
        return None;
    }
    if let HeOp::Linear(map) = &mut graph.op_mut(map).op {
        map.rescaled = false;
    }
    Some(graph)
}

/// Skips the last rescales if fewer bootstraps are needed without them.
///
/// # Errors
///
/// [`PassError::Bug`] if the graph is cyclic.
pub fn skip_last_rescales(graph: &mut HeGraph, profile: &Profile) -> Result<Report, PassError> {
    graph.schedule().ok_or_else(cyclic)?;
    let Some(candidate) = without_rescales(graph, profile) else { return Ok(Report::default()) };
    let bootstraps = |graph: &HeGraph| insert_bootstraps(&mut graph.clone(), profile).map(|r| r.bootstraps);
    // What has too few levels either way is reported by `insert_bootstraps`.
    let skipped = match (bootstraps(graph), bootstraps(&candidate)) {
        (Ok(before), Ok(after)) => after < before,
        (before, after) => before.is_err() && after.is_ok(),
    };
    if skipped {
        *graph = candidate;
    }
    Ok(Report { skipped })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::verify_he;
    use crate::passes::assign_levels::assign_levels;
    use crate::testing::{Net, profile};

    /// Two residual blocks, whose activations have `degree`, a pool and a linear layer.
    fn residual(degree: u32) -> Net {
        let mut net = Net::new(2, 4, 4);
        let x = net.conv(net.input(), 2, 3, 1, 1, 1);
        let mut x = net.relu_degree(x, degree);
        for _ in 0..2 {
            let y = net.conv(x, 2, 3, 1, 1, 1);
            let y = net.relu_degree(y, degree);
            let y = net.conv(y, 2, 3, 1, 1, 1);
            let sum = net.add(y, x);
            x = net.relu_degree(sum, degree);
        }
        let x = net.global_pool(x);
        let x = net.linear(x, 3);
        net.output(x);
        net
    }

    #[test]
    fn a_last_activation_of_degree_two_behind_a_sum_needs_no_bootstrap() {
        let profile = profile("b4");
        let mut graph = residual(2).lowered(&profile);
        let before = insert_bootstraps(&mut graph.clone(), &profile).expect("places").bootstraps;
        assert!(skip_last_rescales(&mut graph, &profile).expect("acyclic").skipped);
        let after = insert_bootstraps(&mut graph, &profile).expect("places").bootstraps;
        assert_eq!(after + 1, before);
        verify_he::verify(&graph, profile.slots()).expect("sound");
        let (leveled, report) = assign_levels(graph, &profile).expect("levels exist");
        assert_eq!(report.output, profile.bootstrap_input_level());
        let ops = leveled.steps().iter().map(|id| &leveled.node(*id).op);
        let forms: Vec<Form> =
            ops.filter_map(|op| if let HeOp::Polynomial(p) = op { Some(p.form) } else { None }).collect();
        assert_eq!(forms.last(), Some(&Form::Unrescaled));
        assert_eq!(forms.iter().filter(|form| **form == Form::Unrescaled).count(), 1);
    }

    #[test]
    fn programs_that_gain_nothing_stay_as_they_are() {
        let unchanged = |net: Net, profile: &Profile| {
            let mut graph = net.lowered(profile);
            let before = crate::ir::he_text::print(&graph);
            assert!(!skip_last_rescales(&mut graph, profile).expect("acyclic").skipped);
            assert_eq!(crate::ir::he_text::print(&graph), before);
        };
        let b4 = profile("b4");
        // Another degree; levels enough without.
        unchanged(residual(3), &b4);
        let mut net = Net::new(2, 4, 4);
        let x = net.conv(net.input(), 2, 3, 1, 1, 1);
        let x = net.relu_degree(x, 2);
        let x = net.linear(x, 3);
        net.output(x);
        unchanged(net, &b4);
        // A modulus of 80 bits leaves 16 for the weights.
        unchanged(residual(2), &Profile { merged_bits: vec![40, 40], ..b4 });
    }
}
