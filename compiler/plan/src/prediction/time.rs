//! Predicted milliseconds on one core, from the costs that were measured level by level.

use super::RotationKeys;
use crate::{Costs, Form, KeyPlace, Level, LinearMap, Op, Plan, Polynomial, Profile, Rotation, Step};
use std::collections::BTreeMap;

const MIB: f64 = (1u64 << 20) as f64;

/// One rotation outside of linear maps; also what a rotation takes longer that is done as two, and what the first parts
/// of composite baby steps take: a division and a decomposition.
pub fn rotation_ms(costs: &Costs, level: Level) -> f64 {
    costs.at(level).rotation_ms
}

fn moving(rotations: &[Rotation]) -> f64 {
    rotations.iter().filter(|r| r.0 != 0).count() as f64
}

/// Of the time for a diagonal of full length, encoding it.
const ENCODING: f64 = 0.3;

/// Of the time for a diagonal of full length, transforming it; the rest is the product.
const TRANSFORM: f64 = 0.3;

/// As much as there is to encode, in units of a diagonal of full length.
fn encoded(profile: &Profile, map: &LinearMap) -> f64 {
    let values = map.diagonal_period() << map.folds.len();
    f64::from(map.diagonals) * values as f64 / profile.slots() as f64
}

/// What a map takes less if its diagonals are held encoded.
fn encoding_ms(profile: &Profile, map: &LinearMap, level: Level) -> f64 {
    let folded = if map.folds.is_empty() { 0.0 } else { encoded(profile, map) };
    profile.costs.at(level).diagonal_ms * ENCODING * folded
}

/// A linear map with the given steps, its operand at `level`.
///
/// Diagonals are encoded in as many coefficients as they have values of their own: those of a short period are cheaper,
/// those of a folded argument have the values of all that they stand for.
pub fn linear_ms(profile: &Profile, map: &LinearMap, level: Level) -> f64 {
    let costs = profile.costs.at(level);
    let multiplied = 1.0 - ENCODING - TRANSFORM;
    let diagonals = multiplied * f64::from(map.diagonals) + (ENCODING + TRANSFORM) * encoded(profile, map);
    let folds = map.folds.len() as f64;
    costs.linear_ms
        + costs.baby_ms * moving(&map.babies)
        + costs.giant_ms * (moving(&map.giants) + folds + f64::from(map.gathers))
        + costs.rotation_ms * folds
        + costs.diagonal_ms * diagonals
}

/// Products of ciphertexts in a Paterson-Stockmeyer evaluation with `2^k` baby powers, for the best k.
fn products(degree: usize) -> usize {
    let products = |k: u32| {
        let babies = 1_usize << k;
        let blocks = (degree + 1).div_ceil(babies);
        // Powers up to the baby count, further giant powers by doubling, one product per further block.
        let powers = if blocks > 1 { babies } else { degree.max(1) };
        let giants = blocks.next_power_of_two().trailing_zeros().saturating_sub(1) as usize;
        powers - 1 + giants + blocks - 1
    };
    (0..=8).map(products).min().unwrap_or(0)
}

/// A polynomial, its operand at `level`: its products are spread evenly over the levels that it consumes.
fn polynomial_ms(costs: &Costs, polynomial: &Polynomial, level: Level) -> f64 {
    let depth = polynomial.depth().max(1);
    let levels = (0..depth).map(|down| Level(level.0.saturating_sub(down)));
    let sum: f64 = levels.map(|level| costs.at(level).multiply_ms).sum();
    let products = match polynomial.form {
        Form::Series => products(polynomial.degree()),
        Form::Monic | Form::Unrescaled => polynomial.degree() / 2,
    };
    products as f64 * sum / f64::from(depth)
}

/// The key switches of a step that composites cost in addition.
fn composed_ms(plan: &Plan, step: &Step, level: Level) -> f64 {
    if plan.composites.is_empty() {
        return 0.0;
    }
    let more = plan.key_switches(step).len() - plan.rotations(step).count();
    more as f64 * rotation_ms(&plan.parameters.costs, level)
}

/// A step of `plan`, without the reading of keys from disk.
pub fn step_ms(plan: &Plan, step: &Step) -> f64 {
    let costs = &plan.parameters.costs;
    match &step.op {
        Op::Linear { map, .. } => plan.linears.get(*map as usize).map_or(0.0, |map| {
            let level = Level(step.level.0.saturating_add(map.depth()));
            let held =
                if plan.memory.encoded_diagonals { encoding_ms(&plan.parameters, map, level) } else { 0.0 };
            linear_ms(&plan.parameters, map, level) - held + composed_ms(plan, step, level)
        }),
        Op::RotateSum { rotations, .. } => {
            moving(rotations) * rotation_ms(costs, step.level) + composed_ms(plan, step, step.level)
        }
        Op::Bootstrap { .. } => {
            let rotations = plan.parameters.bootstrap.rotations;
            costs.bootstrap_milliseconds(rotations, plan.memory.transformed_matrices)
        }
        Op::Polynomial { polynomial, .. } => plan
            .polynomials
            .get(*polynomial as usize)
            .map_or(0.0, |p| polynomial_ms(costs, p, Level(step.level.0.saturating_add(p.depth())))),
        Op::Input | Op::Add { .. } | Op::DropLevel { .. } => 0.0,
    }
}

/// Seconds in which a plan reads keys from disk. Keys of linear maps are read once for every rotation by them in every
/// step.
pub fn seconds_of_disk(plan: &Plan) -> f64 {
    let shapes = RotationKeys::of(plan);
    let stored: BTreeMap<Rotation, u64> = plan
        .keys
        .iter()
        .filter(|key| key.place == KeyPlace::Disk)
        .filter_map(|key| Some((key.rotation, shapes?.bytes(key.level)?)))
        .collect();
    let bootstrap = plan.parameters.costs.bootstrap(plan.parameters.bootstrap.rotations);
    let groups = bootstrap.into_iter().flat_map(|entry| &entry.keys);
    let per_bootstrap: u64 = groups
        .filter(|group| plan.memory.bootstrap_keys_on_disk.contains(&group.name))
        .map(|group| group.read_bytes)
        .sum();
    let bytes = |step: &Step| -> u64 {
        if matches!(step.op, Op::Bootstrap { .. }) {
            return per_bootstrap;
        }
        plan.key_switches(step).iter().filter_map(|rotation| stored.get(rotation)).sum()
    };
    let bytes: u64 = plan.steps.iter().map(bytes).sum();
    bytes as f64 / MIB / plan.parameters.costs.disk_mib_per_s
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs() -> Costs {
        let text = include_str!("../../../../models/targets/b5.ron");
        Profile::from_ron(text).expect("sound").costs
    }

    #[test]
    fn products_of_known_evaluations() {
        assert_eq!([1, 2, 3, 7, 15, 31].map(products), [0, 1, 2, 4, 7, 11]);
    }

    #[test]
    fn costs_are_the_profiles_at_a_measured_level_and_grow_with_the_level() {
        let costs = costs();
        let measured = costs.levels[0];
        assert_eq!(rotation_ms(&costs, Level(measured.level)), measured.rotation_ms);
        assert!(rotation_ms(&costs, Level(15)) > rotation_ms(&costs, Level(3)));
        let polynomial = |level| {
            let polynomial = Polynomial::series(1.0, vec![1.0; 16]);
            polynomial_ms(&costs, &polynomial, Level(level))
        };
        assert!(polynomial(7) > polynomial(4));
        let monic = Polynomial { form: Form::Monic, ..Polynomial::series(1.0, vec![1.0; 5]) };
        let at = |level| costs.at(Level(level)).multiply_ms;
        assert_eq!(polynomial_ms(&costs, &monic, Level(5)), at(5) + at(4));
    }
}
