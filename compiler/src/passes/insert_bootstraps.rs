//! Bootstraps are placed, and every activation learns what its argument is.
//!
//! Does: find the cheapest set of bootstraps that leaves every operation the levels it needs. Bootstraps stand
//! directly before activations, whose refreshed polynomial then contains the arcsine. The search walks the
//! program forward and keeps, for every combination of levels of the values still needed, the cheapest way
//! there; a combination that is no cheaper and nowhere higher than another is dropped. That is exact (dropping
//! levels is free, and all readers of one value share its bootstrap) as long as fewer than
//! [`MAX_STATES`] combinations are alive, which the few values alive at a time in feed-forward networks ensure.
//! Does not: choose levels (`assign_levels` does) or bootstrap for anything but activations.
//!
//! Requires: a verified [`HeGraph`] without bootstraps and levels.
//! Ensures: no activation is undecided; levels exist such that [`crate::ir::LeveledGraph::check`] holds.

use super::{PassError, cyclic};
use crate::diagnostics::Diagnostic;
use crate::ir::{HeGraph, HeNode, HeOp, NodeId};
use fhecc_plan::Profile;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

/// Combinations of levels kept at a time.
pub const MAX_STATES: usize = 4096;

/// What [`insert_bootstraps`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bootstraps.
    pub bootstraps: usize,
    /// Activations behind one.
    pub refreshed: usize,
    /// Activations that read their argument as it is.
    pub plain: usize,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bootstraps, refreshed, plain } = self;
        write!(f, "{bootstraps} bootstraps before {refreshed} activations, {plain} activations without")
    }
}

/// The highest level at which a value can be, and whether it has been refreshed for its activations.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Available {
    level: u8,
    refreshed: bool,
}

/// One way to get to the current node.
#[derive(Clone)]
struct State {
    /// One entry per value alive.
    values: Vec<Available>,
    bootstraps: u32,
    /// Index into the history.
    past: Option<usize>,
}

/// A decision to refresh `value`, and the one before it.
struct Decision {
    value: NodeId,
    past: Option<usize>,
}

struct Search<'a> {
    graph: &'a HeGraph,
    profile: &'a Profile,
    alive: Vec<NodeId>,
    states: Vec<State>,
    history: Vec<Decision>,
}

impl Search<'_> {
    fn operand(&self, state: &State, id: NodeId) -> Available {
        let none = Available { level: 0, refreshed: false };
        self.alive.iter().position(|v| *v == id).map_or(none, |at| state.values[at])
    }

    /// The level of `id` in `state`, or the levels available and needed where there are too few.
    fn level(&self, state: &State, id: NodeId) -> Result<u8, (u8, u8)> {
        let operands: Vec<Available> =
            self.graph.operands(id).iter().map(|o| self.operand(state, *o)).collect();
        let lowest = operands.iter().map(|o| o.level).min().unwrap_or(0);
        let op = &self.graph.op(id).op;
        let (available, depth, floor) = match op {
            HeOp::Input(_) => (self.profile.input_level(), 0, 0),
            HeOp::Activation { plain, refreshed } => {
                let high = self.profile.bootstrap_output_level();
                let (available, polynomial) = if operands.iter().any(|o| o.refreshed) {
                    (high, refreshed)
                } else {
                    (lowest.min(high), plain)
                };
                (available, polynomial.depth(), self.profile.bootstrap_input_level())
            }
            HeOp::Polynomial(polynomial) => {
                let high = self.profile.bootstrap_output_level();
                (lowest.min(high), polynomial.depth(), self.profile.bootstrap_input_level())
            }
            HeOp::Linear(map) if !map.rescaled => (lowest, 0, self.profile.bootstrap_input_level()),
            HeOp::Linear(_) | HeOp::RotateSum(_) => {
                (lowest, op.depth(), self.profile.lowest_rotation_level().saturating_sub(op.depth()))
            }
            HeOp::Add | HeOp::Bootstrap | HeOp::DropLevel(_) | HeOp::Output => (lowest, op.depth(), 0),
        };
        let needed = depth + floor;
        if available >= needed { Ok(available - depth) } else { Err((available, needed)) }
    }

    /// Computes `id` in every state, with and without a refresh where activations read it.
    fn step(
        &mut self,
        id: NodeId,
        index: usize,
        last_use: &BTreeMap<NodeId, usize>,
    ) -> Result<(), PassError> {
        let users = self.graph.users(id);
        let activations = users.iter().any(|(u, _)| matches!(self.graph.op(*u).op, HeOp::Activation { .. }));
        let input_level = self.profile.bootstrap_input_level();
        let (mut next, mut best_failure) = (Vec::new(), (0, 0));
        for state in std::mem::take(&mut self.states) {
            let level = match self.level(&state, id) {
                Ok(level) => level,
                Err(failure) => {
                    best_failure = best_failure.max(failure);
                    continue;
                }
            };
            if activations && level >= input_level {
                let mut state = state.clone();
                self.history.push(Decision { value: id, past: state.past });
                state.past = Some(self.history.len() - 1);
                state.bootstraps += 1;
                state.values.push(Available { level, refreshed: true });
                next.push(state);
            }
            let mut state = state;
            state.values.push(Available { level, refreshed: false });
            next.push(state);
        }
        if next.is_empty() {
            return Err(too_few(self.graph.op(id), best_failure, self.profile).into());
        }
        self.alive.push(id);
        let needed: Vec<bool> =
            self.alive.iter().map(|v| last_use.get(v).is_some_and(|at| *at > index)).collect();
        let keep = |list: &[Available]| -> Vec<Available> {
            list.iter().zip(&needed).filter(|(_, n)| **n).map(|(v, _)| *v).collect()
        };
        next.iter_mut().for_each(|state| state.values = keep(&state.values));
        let mut flags = needed.iter();
        self.alive.retain(|_| flags.next().copied().unwrap_or(false));
        self.states = undominated(next);
        Ok(())
    }
}

/// The states that no other beats, cheapest first.
fn undominated(mut states: Vec<State>) -> Vec<State> {
    states.sort_by_key(|s| {
        (s.bootstraps, std::cmp::Reverse(s.values.iter().map(|v| u32::from(v.level)).sum::<u32>()))
    });
    let mut kept: Vec<State> = Vec::new();
    for state in states {
        let beaten = |k: &State| {
            k.values.iter().zip(&state.values).all(|(k, s)| k.level >= s.level && k.refreshed == s.refreshed)
        };
        if kept.len() < MAX_STATES && !kept.iter().any(beaten) {
            kept.push(state);
        }
    }
    kept
}

fn too_few(node: &HeNode, (available, needed): (u8, u8), profile: &Profile) -> Diagnostic {
    let title = format!("layer `{}` needs {needed} levels, {available} are available", node.layer);
    let (low, high) = (profile.bootstrap_input_level(), profile.bootstrap_output_level());
    let depth = node.op.depth();
    let (label, help) = if matches!(node.op, HeOp::Activation { .. }) && depth + low > high {
        let degree = (1_u32 << (high - low).min(31)) - 1;
        (
            format!(
                "the activation consumes {depth} levels, a bootstrap of profile `{}` leaves {}",
                profile.name,
                high - low
            ),
            format!("use degree {degree} or lower, or a profile with {depth} compute levels"),
        )
    } else {
        (
            format!(
                "too many layers since the last bootstrap, which profile `{}` puts before activations only",
                profile.name
            ),
            format!(
                "lower the degree of the activation before, put an activation between the layers, or use a profile with {} more compute levels",
                needed.saturating_sub(available)
            ),
        )
    };
    Diagnostic::new("E0802", title, node.span, label).help(help)
}

/// Places bootstraps.
///
/// # Errors
///
/// E0802 naming the layer that cannot get the levels it needs.
pub fn insert_bootstraps(graph: &mut HeGraph, profile: &Profile) -> Result<Report, PassError> {
    let order = graph.schedule().ok_or_else(cyclic)?;
    let start = State { values: Vec::new(), bootstraps: 0, past: None };
    let mut search = Search { graph, profile, alive: Vec::new(), states: vec![start], history: Vec::new() };
    let mut last_use: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (index, id) in order.iter().enumerate() {
        last_use.extend(graph.operands(*id).into_iter().map(|operand| (operand, index)));
    }
    for (index, id) in order.iter().enumerate() {
        search.step(*id, index, &last_use)?;
    }
    // The cheapest comes first; all bootstraps cost the same.
    let mut chosen = BTreeSet::new();
    let mut past = search.states.first().and_then(|s| s.past);
    while let Some(decision) = past.map(|at| &search.history[at]) {
        chosen.insert(decision.value);
        past = decision.past;
    }
    let mut report = Report { bootstraps: chosen.len(), ..Report::default() };
    for id in order {
        let activations: Vec<NodeId> = graph
            .users(id)
            .into_iter()
            .map(|(user, _)| user)
            .filter(|user| matches!(graph.op(*user).op, HeOp::Activation { .. }))
            .collect();
        let bootstrap = activations.first().filter(|_| chosen.contains(&id)).map(|first| {
            let (layer, span) = (graph.op(*first).layer.clone(), graph.op(*first).span);
            let node = HeNode { op: HeOp::Bootstrap, layer, layout: graph.op(id).layout, span };
            graph.add(node, &[id])
        });
        for user in activations {
            let HeOp::Activation { plain, refreshed } = graph.op(user).op.clone() else { continue };
            match bootstrap {
                Some(bootstrap) => {
                    graph.set_operand(user, 0, bootstrap);
                    graph.op_mut(user).op = HeOp::Polynomial(refreshed);
                    report.refreshed += 1;
                }
                None => {
                    graph.op_mut(user).op = HeOp::Polynomial(plain);
                    report.plain += 1;
                }
            }
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
