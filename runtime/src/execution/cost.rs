//! The share of one step in an execution, from the profile's measured costs. For progress only: the
//! compiler's own predictions are in the plan.

use fhecc_plan::{Op, Plan, Step};

/// Limbs at which the profile's costs of rotations and diagonals were measured.
const MEASURED_LIMBS: f64 = 4.0;

/// Predicted milliseconds on one core.
pub(super) fn predicted_ms(plan: &Plan, step: &Step) -> f64 {
    let costs = &plan.parameters.costs;
    // The operand of a linear map is one level above its result.
    let limbs = f64::from(step.level.0) + 2.0;
    match &step.op {
        Op::Linear { map, .. } => plan.linears.get(*map as usize).map_or(0.0, |map| {
            let moving =
                |rotations: &[fhecc_plan::Rotation]| rotations.iter().filter(|r| r.0 != 0).count() as f64;
            let work = moving(&map.babies) * costs.hoisted_rotation_ms
                + moving(&map.giants) * costs.rotation_ms
                + f64::from(map.diagonals) * costs.diagonal_ms;
            work * limbs / MEASURED_LIMBS
        }),
        Op::RotateSum { rotations, .. } => {
            rotations.len() as f64 * costs.rotation_ms * limbs / MEASURED_LIMBS
        }
        Op::Bootstrap { .. } => costs.bootstrap_ms,
        Op::Polynomial { polynomial, .. } => {
            let polynomial = plan.polynomials.get(*polynomial as usize);
            // Paterson-Stockmeyer: about 2 sqrt(degree) products and one per level.
            polynomial.map_or(0.0, |p| {
                costs.multiply_ms * (2.0 * (p.degree() as f64).sqrt() + f64::from(p.depth()))
            })
        }
        Op::Input | Op::Add { .. } | Op::DropLevel { .. } => 0.0,
    }
}
