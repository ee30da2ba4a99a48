//! Which diagonals a giant step of a linear map multiplies.

use fhecc_plan::{LinearMap, Rotation};
use std::collections::BTreeMap;

/// One giant step with its babies, ascending; baby `b` stands for the diagonal `giant + b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Giant {
    pub(crate) rotation: Rotation,
    pub(crate) babies: Vec<Rotation>,
}

/// The giant steps of a map, ascending.
pub(crate) fn giant_steps(map: &LinearMap) -> Vec<Giant> {
    let mut giants: BTreeMap<Rotation, Vec<Rotation>> = BTreeMap::new();
    for rotation in map.structural_rotations() {
        let (giant, baby) = map.split(rotation);
        giants.entry(giant).or_default().push(baby);
    }
    giants.into_iter().map(|(rotation, babies)| Giant { rotation, babies }).collect()
}
