//! Which rotation keys are needed, up to which level, and over which steps.
//!
//! Does: collect the baby and giant steps, folds and traces of linear maps and the steps of sums, modulo the slots.
//! Does not: replace keys by sums of others to save memory, or count the bootstrap's own keys.
//!
//! Requires: a [`LeveledGraph`].
//! Ensures: every rotation other than 0 that a step performs has a key whose level is at least the step's.

use super::PassError;
use crate::ir::{HeOp, LeveledGraph, NodeId};
use fhecc_plan::{KeyPlace, KeyUse, Profile, Rotation};
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// What [`schedule_rotation_keys`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Distinct keys.
    pub keys: usize,
    /// Rotations performed.
    pub rotations: usize,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys for {} rotations", self.keys, self.rotations)
    }
}

/// The rotations other than 0 that a node performs, as keys name them.
pub(super) fn rotations(graph: &LeveledGraph, id: NodeId, slots: usize) -> Vec<Rotation> {
    let steps: Vec<Rotation> = match &graph.node(id).op {
        HeOp::Linear(map) => map.babies.iter().copied().chain(map.other_rotations()).collect(),
        HeOp::RotateSum(rotations) => rotations.clone(),
        HeOp::Input(_)
        | HeOp::Add
        | HeOp::Activation { .. }
        | HeOp::Polynomial(_)
        | HeOp::Bootstrap
        | HeOp::DropLevel(_)
        | HeOp::Output => Vec::new(),
    };
    let key = |r: Rotation| Rotation::centred(r.0.into(), slots);
    steps.into_iter().map(key).filter(|r| r.0 != 0).collect()
}

/// Lists all keys, ascending by rotation.
///
/// # Errors
///
/// None at present.
pub fn schedule_rotation_keys(
    graph: &LeveledGraph,
    profile: &Profile,
) -> Result<(Vec<KeyUse>, Report), PassError> {
    let mut keys: BTreeMap<Rotation, KeyUse> = BTreeMap::new();
    let mut report = Report::default();
    for (step, id) in (0u32..).zip(graph.steps()) {
        let level = graph.operand_level(*id);
        for rotation in rotations(graph, *id, profile.slots()) {
            report.rotations += 1;
            let place = KeyPlace::Memory;
            let fresh = KeyUse { rotation, level, first_step: step, last_step: step, place };
            let key = keys.entry(rotation).or_insert(fresh);
            key.level = key.level.max(level);
            key.last_step = step;
        }
    }
    report.keys = keys.len();
    Ok((keys.into_values().collect(), report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::HeGraph;
    use crate::passes::assign_levels::assign_levels;
    use crate::passes::insert_bootstraps::insert_bootstraps;
    use crate::testing::{Net, profile};

    fn program() -> HeGraph {
        let profile = profile("b5");
        let mut he = Net::pooled((1, 8, 8), 3).lowered(&profile);
        insert_bootstraps(&mut he, &profile).expect("places");
        he
    }

    #[test]
    fn every_rotation_has_a_key_at_its_level_and_step() {
        let profile = profile("b5");
        let (graph, _) = assign_levels(program(), &profile).expect("levels exist");
        let (keys, report) = schedule_rotation_keys(&graph, &profile).expect("lists");
        assert!(keys.windows(2).all(|w| w[0].rotation < w[1].rotation));
        let mut performed = 0;
        for (step, id) in (0u32..).zip(graph.steps()) {
            for rotation in rotations(&graph, *id, profile.slots()) {
                performed += 1;
                let key = keys.iter().find(|k| k.rotation == rotation).expect("there is a key");
                assert!(key.level >= graph.operand_level(*id));
                assert!((key.first_step..=key.last_step).contains(&step));
            }
        }
        assert_eq!((report.rotations, report.keys), (performed, keys.len()));
        // Doublings of the pool over 8 x 8 pixels are among them, at the last linear layer's level.
        for rotation in [1, 2, 4, 8, 16, 32].map(Rotation) {
            assert!(keys.iter().any(|k| k.rotation == rotation), "{rotation:?}");
        }
    }
}
