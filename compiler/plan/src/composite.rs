//! Rotations without keys of their own: fewer keys at the price of time.

use crate::{LinearMap, Op, Plan, Rotation, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A rotation without a key of its own, done as two rotations that have keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composite {
    /// The rotation, modulo the slots, in `[-slots/2, slots/2)`.
    pub rotation: Rotation,
    /// The rotation that is done first. The baby steps of a linear map that agree in it share its result.
    pub first: Rotation,
    /// The rotation of that result; both add up to `rotation` modulo the slots.
    pub second: Rotation,
}

impl Plan {
    /// The composite that does `rotation`, which is named as keys name it, if it has no key of its own.
    pub fn composite(&self, rotation: Rotation) -> Option<&Composite> {
        let at = self.composites.binary_search_by_key(&rotation, |composite| composite.rotation).ok()?;
        self.composites.get(at)
    }

    /// The rotations of a map's argument from which its composite baby steps are made.
    pub fn baby_origins(&self, map: &LinearMap) -> BTreeSet<Rotation> {
        self.composites_of(&map.babies).map(|composite| composite.first).collect()
    }

    /// Those of these rotations that are done as two.
    pub fn composites_of<'a>(&'a self, rotations: &'a [Rotation]) -> impl Iterator<Item = &'a Composite> {
        let slots = self.parameters.slots();
        rotations.iter().filter_map(move |r| self.composite(Rotation::centred(r.0.into(), slots)))
    }

    /// The rotations for which a step outside of bootstraps switches keys, as keys name them, as often as it does.
    pub fn key_switches(&self, step: &Step) -> Vec<Rotation> {
        let mut switches: Vec<Rotation> = self
            .rotations(step)
            .map(|rotation| self.composite(rotation).map_or(rotation, |composite| composite.second))
            .collect();
        let firsts = |rotations: &[Rotation]| -> Vec<Rotation> {
            self.composites_of(rotations).map(|composite| composite.first).collect()
        };
        match &step.op {
            Op::Linear { map, .. } => {
                if let Some(map) = self.linears.get(*map as usize) {
                    switches.extend(self.baby_origins(map));
                    switches.extend(firsts(&map.other_rotations()));
                }
            }
            Op::RotateSum { rotations, .. } => switches.extend(firsts(rotations)),
            Op::Input
            | Op::Add { .. }
            | Op::DropLevel { .. }
            | Op::Bootstrap { .. }
            | Op::Polynomial { .. } => {}
        }
        switches
    }
}
