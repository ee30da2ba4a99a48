//! Every value gets the lowest level that its readers allow, as lower levels are cheaper.
//!
//! Does: walk backward collecting the level that every value must have, choose the input's level, and insert a
//! level drop (one per value and level) where a value is higher than a reader needs. Where there are merged primes, the
//! linear maps behind the last bootstrap stay above slots-to-coefficients if levels allow it: a rescale there divides by
//! fewer bits, and their weights are as precise as that.
//! Does not: add bootstraps; `insert_bootstraps` has proven that levels exist.
//!
//! Requires: a verified [`HeGraph`] from `insert_bootstraps`.
//! Ensures: a [`LeveledGraph`], which derives every level again.

use super::{PassError, cyclic};
use crate::ir::{HeGraph, HeNode, HeOp, LeveledGraph, NodeId};
use fhecc_plan::{Level, Profile};
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// What [`assign_levels`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Level of the encrypted image.
    pub input: u8,
    /// Level of the logits.
    pub output: u8,
    /// Level drops inserted.
    pub drops: usize,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, output, drops } = self;
        write!(f, "input at level {input}, logits at level {output}, {drops} level drops")
    }
}

/// The level at which `user`, whose result must be at `result`, reads its operands.
fn reads_at(user: &HeOp, result: u8, profile: &Profile) -> u8 {
    match user {
        HeOp::Bootstrap => profile.bootstrap_input_level(),
        HeOp::DropLevel(_)
        | HeOp::Input(_)
        | HeOp::Linear(_)
        | HeOp::RotateSum(_)
        | HeOp::Add
        | HeOp::Activation { .. }
        | HeOp::Polynomial(_)
        | HeOp::Output => result + user.depth(),
    }
}

/// Assigns all levels.
///
/// # Errors
///
/// [`PassError::Bug`] if the levels cannot be derived again.
pub fn assign_levels(graph: HeGraph, profile: &Profile) -> Result<(LeveledGraph, Report), PassError> {
    let order = graph.schedule().ok_or_else(cyclic)?;
    let preferred = profile.lowest_rotation_level();
    let assigned = assign(graph.clone(), &order, profile, preferred);
    assigned.or_else(|_| assign(graph, &order, profile, preferred.saturating_sub(1))).map_err(PassError::Bug)
}

/// Assigns levels with the results of linear maps at `lowest_result` or above; what is wrong if there are too few.
fn assign(
    mut graph: HeGraph,
    order: &[NodeId],
    profile: &Profile,
    lowest_result: u8,
) -> Result<(LeveledGraph, Report), String> {
    let mut needed: BTreeMap<NodeId, u8> = BTreeMap::new();
    for id in order.iter().rev() {
        let of_user = |(user, _): (NodeId, u8)| reads_at(&graph.op(user).op, needed[&user], profile);
        let readers = graph.users(*id).into_iter().map(of_user).max().unwrap_or(0);
        let floor = match graph.op(*id).op {
            HeOp::Polynomial(_) | HeOp::Activation { .. } => profile.bootstrap_input_level(),
            HeOp::Bootstrap => profile.bootstrap_output_level(),
            HeOp::Linear(ref map) if !map.rescaled => profile.bootstrap_input_level(),
            HeOp::Linear(_) => lowest_result,
            HeOp::RotateSum(_) => profile.lowest_rotation_level(),
            // A result that was not rescaled has no room on lower levels.
            HeOp::Output if graph.operands(*id).iter().any(|o| graph.op(*o).op.is_unrescaled_map()) => {
                profile.bootstrap_input_level()
            }
            HeOp::Input(_) | HeOp::Add | HeOp::DropLevel(_) | HeOp::Output => 0,
        };
        needed.insert(*id, readers.max(floor));
    }
    let mut report = Report::default();
    for id in order {
        let level = needed[id];
        let node = graph.op_mut(*id);
        match &mut node.op {
            HeOp::Input(input) => {
                *input = Some(Level(level));
                report.input = level;
            }
            HeOp::Output => report.output = level,
            HeOp::Linear(_)
            | HeOp::RotateSum(_)
            | HeOp::Add
            | HeOp::Activation { .. }
            | HeOp::Polynomial(_)
            | HeOp::Bootstrap
            | HeOp::DropLevel(_) => {}
        }
        let mut drops: BTreeMap<u8, NodeId> = BTreeMap::new();
        for (user, position) in graph.users(*id) {
            let wanted = reads_at(&graph.op(user).op, needed[&user], profile);
            if wanted < level {
                let dropped = *drops.entry(wanted).or_insert_with(|| {
                    report.drops += 1;
                    let node = graph.op(*id).clone();
                    graph.add(HeNode { op: HeOp::DropLevel(Level(wanted)), ..node }, &[*id])
                });
                graph.set_operand(user, position, dropped);
            }
        }
    }
    let leveled = LeveledGraph::check(graph, profile)?;
    Ok((leveled, report))
}
