//! Rotations that are done as two: that they add up, and are there for want of a key.

use super::CheckError;
use crate::{Plan, Rotation};
use std::collections::BTreeSet;

pub(super) fn check(plan: &Plan) -> Result<(), CheckError> {
    let slots = plan.parameters.slots();
    let keys: BTreeSet<Rotation> = plan.keys.iter().map(|key| key.rotation).collect();
    for (index, composite) in plan.composites.iter().enumerate() {
        let fail = |message: String| Err(CheckError::Field(format!("composites[{index}]: {message}")));
        let rotation = composite.rotation;
        if rotation.0 == 0 || Rotation::centred(rotation.0.into(), slots) != rotation {
            return fail(format!("rotation {} is zero or not centred modulo {slots}", rotation.0));
        }
        if index > 0 && plan.composites[index - 1].rotation >= rotation {
            return fail(format!("rotation {} is not in ascending order", rotation.0));
        }
        if keys.contains(&rotation) {
            return fail(format!("rotation {} has a key of its own", rotation.0));
        }
        let parts = [composite.first, composite.second];
        if let Some(part) = parts.iter().find(|part| !keys.contains(part)) {
            return fail(format!("part {} of rotation {} has no key", part.0, rotation.0));
        }
        let sum = parts.iter().map(|part| i64::from(part.0)).sum();
        let sum = Rotation::centred(sum, slots);
        if sum != rotation {
            let (first, second) = (composite.first.0, composite.second.0);
            return fail(format!("{first} and {second} add up to {}, not {}", sum.0, rotation.0));
        }
    }
    Ok(())
}
