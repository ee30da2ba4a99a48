//! The share of one step in an execution, from the profile's measured costs. For progress only: the
//! compiler's own predictions are in the plan.

use fhecc_plan::{Level, Op, Plan, Step};

/// Predicted milliseconds on one core.
pub(super) fn predicted_ms(plan: &Plan, step: &Step) -> f64 {
    let table = &plan.parameters.costs;
    let costs = table.at(step.level);
    match &step.op {
        Op::Linear { map, .. } => plan.linears.get(*map as usize).map_or(0.0, |map| {
            // The operand is one level above the result.
            let costs = table.at(Level(step.level.0.saturating_add(1)));
            let moving =
                |rotations: &[fhecc_plan::Rotation]| rotations.iter().filter(|r| r.0 != 0).count() as f64;
            costs.linear_ms
                + moving(&map.babies) * costs.baby_ms
                + moving(&map.giants) * costs.giant_ms
                + f64::from(map.diagonals) * costs.diagonal_ms
        }),
        Op::RotateSum { rotations, .. } => rotations.len() as f64 * costs.rotation_ms,
        Op::Bootstrap { .. } => table.bootstrap_ms,
        Op::Polynomial { polynomial, .. } => {
            let polynomial = plan.polynomials.get(*polynomial as usize);
            // Paterson-Stockmeyer: about 2 sqrt(degree) products, the first at the highest level.
            polynomial.map_or(0.0, |p| {
                let middle = Level(step.level.0.saturating_add(p.depth().div_ceil(2)));
                2.0 * (p.degree() as f64).sqrt() * table.at(middle).multiply_ms
            })
        }
        Op::Input | Op::Add { .. } | Op::DropLevel { .. } => 0.0,
    }
}
