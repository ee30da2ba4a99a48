//! The schedule of a linear map's rotations: which are baby steps and which giant steps.

use fhecc_plan::prediction;
use fhecc_plan::{Costs, Layout, Level, LinearMap, LinearSource, Rotation};
use std::collections::BTreeSet;

/// Level at which schedules are compared: where most linear maps run, right above a bootstrap's input.
const REFERENCE: Level = Level(3);

/// A linear map from `input` to `output` with the cheapest split of its rotations.
pub fn schedule(source: LinearSource, input: Layout, output: Layout, costs: &Costs) -> LinearMap {
    let mut map = LinearMap {
        source,
        weight_factor: 1.0,
        bias_factor: 1.0,
        input,
        output,
        baby_modulus: 1,
        babies: Vec::new(),
        giants: Vec::new(),
        diagonals: 0,
    };
    map.diagonals = u32::try_from(map.structural_rotations().len()).unwrap_or(u32::MAX);
    let by_cost = |a: &Split, b: &Split| a.milliseconds.total_cmp(&b.milliseconds);
    if let Some(best) = splits(&map, costs).into_iter().min_by(by_cost) {
        best.apply(&mut map);
    }
    map
}

/// One way to split the rotations of a map into baby and giant steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The baby modulus.
    pub modulus: u32,
    /// Baby steps, ascending.
    pub babies: Vec<Rotation>,
    /// Giant steps, ascending.
    pub giants: Vec<Rotation>,
    /// What the map then costs at the reference level.
    pub milliseconds: f64,
}

impl Split {
    /// Makes `map` use this split.
    pub fn apply(self, map: &mut LinearMap) {
        map.baby_modulus = self.modulus;
        map.babies = self.babies;
        map.giants = self.giants;
    }
}

/// The splits of `map` for baby moduli that are powers of two or their multiples by a row of the grid, by
/// ascending modulus.
pub fn splits(map: &LinearMap, costs: &Costs) -> Vec<Split> {
    let rotations = map.structural_rotations();
    let period = map.input.period() as u64;
    let powers = (0..=period.trailing_zeros()).map(|k| 1_u64 << k);
    let moduli: BTreeSet<u64> = powers
        .flat_map(|power| [power, power * u64::from(map.input.grid_width)])
        .filter(|m| *m <= period)
        .collect();
    let mut map = map.clone();
    let mut split = |modulus: u64| {
        map.baby_modulus = u32::try_from(modulus).unwrap_or(u32::MAX);
        let steps: Vec<(Rotation, Rotation)> = rotations.iter().map(|r| map.split(*r)).collect();
        let unique = |steps: BTreeSet<Rotation>| steps.into_iter().collect::<Vec<_>>();
        map.giants = unique(steps.iter().map(|s| s.0).collect());
        map.babies = unique(steps.iter().map(|s| s.1).collect());
        Split {
            modulus: map.baby_modulus,
            babies: map.babies.clone(),
            giants: map.giants.clone(),
            milliseconds: reference_cost(&map, costs),
        }
    };
    moduli.into_iter().map(&mut split).collect()
}

/// What [`schedule`] costs at the reference level, in milliseconds.
pub fn reference_cost(map: &LinearMap, costs: &Costs) -> f64 {
    prediction::linear_ms(costs, map, REFERENCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::profile;

    #[test]
    fn the_split_covers_all_rotations_and_no_tried_one_is_cheaper() {
        let stage3 = Layout { gap: 4, pitch: 4, grid_height: 32, grid_width: 32, ..Layout::dense(64, 8, 8) };
        let source = LinearSource::Conv {
            weight: String::new(),
            bias: None,
            batch_norm: None,
            kernel: (3, 3),
            stride: 1,
            padding: 1,
            groups: 1,
        };
        let costs = profile("b5").costs;
        let map = schedule(source, stage3, stage3, &costs);
        assert_eq!(map.diagonals, 900);
        let rotations = map.structural_rotations();
        for rotation in &rotations {
            let (giant, baby) = map.split(*rotation);
            assert!(map.giants.contains(&giant) && map.babies.contains(&baby));
        }
        // All hoisted, none hoisted, and rows apart from columns.
        for modulus in [4096, 1, 32] {
            let mut other = LinearMap { baby_modulus: modulus, ..map.clone() };
            let split: Vec<_> = rotations.iter().map(|r| other.split(*r)).collect();
            other.giants = split.iter().map(|s| s.0).collect::<BTreeSet<_>>().into_iter().collect();
            other.babies = split.iter().map(|s| s.1).collect::<BTreeSet<_>>().into_iter().collect();
            assert!(reference_cost(&map, &costs) <= reference_cost(&other, &costs), "modulus {modulus}");
        }
        assert!(map.babies.len() + map.giants.len() < 90, "{} and {}", map.babies.len(), map.giants.len());
    }
}
