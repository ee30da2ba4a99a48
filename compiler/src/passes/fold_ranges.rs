//! Every value gets the factor by which it is divided so that it lies in [-1, 1].
//!
//! Does: give every node a factor alpha (slot = alpha * value) such that the argument of every activation is
//! divided by its range R and bootstraps see |u| <= 1. Values that are added share one factor (union-find); an
//! activation's result takes the factor that its readers want, which costs nothing, as it goes into the
//! polynomial's coefficients. Linear maps later take alpha_out / alpha_in into their weights.
//! Does not: multiply anything. A range per channel is not attempted.
//!
//! Requires: a verified [`TensorGraph`] with its weights and layouts; calibration tensors `<path>.range`, or ranges in the
//! network's text.
//! Ensures: every factor is positive and finite; the operands and the result of an addition have equal ones,
//! and so have all readers of a value, trivially.

use super::choose_packing::Packing;
use super::{PassError, cyclic};
use crate::analysis::{bounds, pooling};
use crate::diagnostics::Diagnostic;
use crate::ir::{NodeId, TensorGraph, TensorOp};
use fhecc_plan::{Profile, Weights};
use petgraph::unionfind::UnionFind;
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// The factors of all nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranges {
    /// alpha: slot = alpha * value.
    pub factors: BTreeMap<NodeId, f64>,
    /// R of every activation: its argument x is stored as x / R.
    pub activations: BTreeMap<NodeId, f64>,
}

/// What [`fold_ranges`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Activations.
    pub activations: usize,
    /// Groups of values that share a factor.
    pub groups: usize,
    /// The largest R of an activation.
    pub largest: f64,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { activations, groups, largest } = self;
        write!(f, "{activations} activations, {groups} factors, largest range {largest:.3}")
    }
}

/// The range of every activation's argument, from the text or the calibration.
fn activation_ranges(
    g: &TensorGraph,
    order: &[NodeId],
    weights: &Weights,
) -> Result<BTreeMap<NodeId, f64>, PassError> {
    let (mut ranges, mut missing, mut wrong) = (BTreeMap::new(), Vec::new(), Vec::new());
    for id in order {
        let node = g.graph.op(*id);
        let TensorOp::Activation { approximation, .. } = &node.op else { continue };
        match approximation.range.or_else(|| bounds::calibrated(weights, &node.path)) {
            Some(range) if range.is_finite() && range > 0.0 => {
                ranges.insert(*id, range);
            }
            Some(range) => wrong.push(
                Diagnostic::new(
                    "E0803",
                    format!("layer `{}` has the range {range}", node.path),
                    node.span,
                    "here",
                )
                .help("a range is the largest magnitude of the argument: positive and finite"),
            ),
            None => missing.push(node),
        }
    }
    if let Some(first) = missing.first() {
        let title = match missing.len() {
            1 => format!("the range of activation `{}` is not known", first.path),
            count => {
                format!("the ranges of {count} activations are not known, `{}` being the first", first.path)
            }
        };
        let mut diagnostic =
            Diagnostic::new("E0704", title, first.span, "its range is `auto`, which needs calibration");
        for node in missing.iter().skip(1) {
            diagnostic = diagnostic.also(node.span, "and here");
        }
        wrong.push(diagnostic.help(
            "run `fhecc calibrate` on images to measure the ranges and store them with the weights, or give a range in the text",
        ));
    }
    if wrong.is_empty() { Ok(ranges) } else { Err(PassError::Network(wrong)) }
}

/// The largest magnitude of a slot that leaves the message far from the modulus at level 0.
fn headroom(profile: &Profile) -> f64 {
    (f64::from(profile.base_bits) - f64::from(profile.log_scale) - 2.0).exp2().max(1.0)
}

/// Chooses all factors.
///
/// # Errors
///
/// E0704 where a range is not known, E0803 where one cannot be used.
pub fn fold_ranges(
    g: &TensorGraph,
    packing: &Packing,
    weights: &Weights,
    profile: &Profile,
) -> Result<(Ranges, Report), PassError> {
    let order = g.graph.schedule().ok_or_else(cyclic)?;
    let own = activation_ranges(g, &order, weights)?;
    let number: BTreeMap<NodeId, usize> = order.iter().copied().zip(0..).collect();
    let mut groups = UnionFind::<usize>::new(order.len());
    for id in &order {
        if matches!(g.graph.op(*id).op, TensorOp::Add | TensorOp::Output) {
            for operand in g.graph.operands(*id) {
                groups.union(number[id], number[&operand]);
            }
        }
    }
    let group = |id: NodeId| groups.find(number[&id]);

    // R of a group is the largest range of the activations that read it.
    let mut wanted: BTreeMap<usize, f64> = BTreeMap::new();
    let mut arguments: BTreeMap<NodeId, f64> = BTreeMap::new();
    for (id, range) in &own {
        let argument = g.graph.operands(*id)[0];
        for entry in [wanted.entry(group(argument)).or_default(), arguments.entry(argument).or_default()] {
            *entry = entry.max(*range);
        }
    }
    let bounds = bounds::bounds(g, &order, &arguments, weights).map_err(|e| PassError::Bug(e.to_string()))?;
    let limit = headroom(profile);
    let mut largest: BTreeMap<usize, f64> = BTreeMap::new();
    for id in &order {
        let node = g.graph.op(*id);
        // A group that no activation reads is divided by its bound; in the others, bounds from the norms of
        // weights are too pessimistic to be heard, and the rest may exceed 1 within the head-room.
        let tight = matches!(node.op, TensorOp::Input | TensorOp::Activation { .. });
        let own = match wanted.contains_key(&group(*id)) {
            false => bounds[id],
            true if tight => bounds[id] / limit,
            true => 0.0,
        };
        let pooled = g.graph.users(*id).into_iter().filter(|(user, _)| pooling::is_sum(g, packing, *user));
        let pixels = f64::from(node.shape.height * node.shape.width);
        let sums = if pooled.count() > 0 { bounds[id] * pixels / limit } else { 0.0 };
        let entry = largest.entry(group(*id)).or_default();
        *entry = entry.max(own).max(sums);
    }
    let range = |id: NodeId| {
        let needed = wanted.get(&group(id)).copied().unwrap_or(0.0).max(largest[&group(id)]);
        if needed > 0.0 && needed.is_finite() { needed } else { 1.0 }
    };
    let mut ranges = Ranges::default();
    for id in &order {
        let operand = g.graph.operands(*id).first().copied();
        let factor = match operand {
            Some(operand) if pooling::is_sum(g, packing, *id) => {
                let shape = g.graph.op(operand).shape;
                f64::from(shape.height * shape.width) / range(operand)
            }
            _ => 1.0 / range(*id),
        };
        ranges.factors.insert(*id, factor);
        if let (true, Some(operand)) = (own.contains_key(id), operand) {
            ranges.activations.insert(*id, range(operand));
        }
    }
    let report = Report {
        activations: own.len(),
        groups: largest.len(),
        largest: ranges.activations.values().copied().fold(0.0, f64::max),
    };
    Ok((ranges, report))
}

#[cfg(test)]
mod tests;
