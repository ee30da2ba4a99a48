//! The schedule of a linear map's rotations: how its argument is folded, and which are baby steps and which giant steps.

use fhecc_plan::prediction;
use fhecc_plan::{Layout, Level, LinearMap, LinearSource, Profile, Rotation};
use std::collections::BTreeSet;

/// Level at which schedules are compared: where most linear maps run, right above a bootstrap's input.
const REFERENCE: Level = Level(3);

/// A linear map from `input` to `output` with the cheapest schedule of its rotations.
pub fn schedule(source: LinearSource, input: Layout, output: Layout, profile: &Profile) -> LinearMap {
    let mut map = LinearMap {
        source,
        weight_factor: 1.0,
        bias_factor: 1.0,
        input,
        output,
        gathers: 0,
        folds: Vec::new(),
        baby_modulus: 1,
        babies: Vec::new(),
        giants: Vec::new(),
        diagonals: 0,
        rescaled: true,
    };
    let by_cost = |a: &Split, b: &Split| a.milliseconds.total_cmp(&b.milliseconds);
    if let Some(best) = splits(&map, profile).into_iter().min_by(by_cost) {
        best.apply(&mut map);
    }
    map
}

/// One way to fold the argument of a map and to split its rotations into baby and giant steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The map with this schedule.
    pub map: LinearMap,
    /// What the map then costs at the reference level.
    pub milliseconds: f64,
}

impl Split {
    /// Makes `map` use this split.
    pub fn apply(&self, map: &mut LinearMap) {
        let LinearMap { gathers, folds, baby_modulus, babies, giants, diagonals, .. } = self.map.clone();
        (map.gathers, map.folds, map.baby_modulus) = (gathers, folds, baby_modulus);
        (map.babies, map.giants, map.diagonals) = (babies, giants, diagonals);
    }

    /// The rotations that need keys, as keys name them.
    pub fn keys(&self, slots: usize) -> BTreeSet<Rotation> {
        let rotations = self.map.babies.iter().copied().chain(self.map.other_rotations());
        rotations.map(|r| Rotation::centred(r.0.into(), slots)).filter(|r| r.0 != 0).collect()
    }
}

/// The ways to fold the argument of `map` that may pay: by halves of the input's period, and by these and one power of two,
/// those that leave the fewest rotations. None that leaves as many as one with fewer folds does.
fn folds(map: &LinearMap, slots: usize) -> Vec<(LinearMap, BTreeSet<Rotation>)> {
    let taps = map.tap_rotations();
    let log_period = map.input.period().ilog2() - u32::from(map.gathers);
    let power = |k: u32| Rotation(1 << k);
    let left = |folds: Vec<Rotation>| {
        let map = LinearMap { folds, ..map.clone() };
        let rotations = map.folded(&taps);
        (map, rotations)
    };
    let unfolded = left(Vec::new());
    let mut fewest = unfolded.1.len();
    let mut all = vec![unfolded];
    for count in 1..=map.most_folds(slots).min(log_period as usize) {
        let halves = |count: usize| (1..=count as u32).map(|j| power(log_period - j)).collect::<Vec<_>>();
        let smaller = 0..log_period - (count as u32 - 1);
        let others = smaller.map(|k| [halves(count - 1), vec![power(k)]].concat());
        let candidates: Vec<_> = std::iter::once(halves(count)).chain(others).map(left).collect();
        let least = candidates.iter().map(|(_, rotations)| rotations.len()).min().unwrap_or(fewest);
        if least >= fewest {
            break;
        }
        fewest = least;
        all.extend(candidates.into_iter().filter(|(_, rotations)| rotations.len() == least));
    }
    all
}

/// The folds of `map` that may pay, with all gathers or none, and for each the splits for baby moduli that are powers of two
/// or their multiples by a row of the grid, by ascending modulus.
pub fn splits(map: &LinearMap, profile: &Profile) -> Vec<Split> {
    let period = map.input.period() as u64;
    let powers = (0..=period.trailing_zeros()).map(|k| 1_u64 << k);
    let moduli: BTreeSet<u64> = powers
        .flat_map(|power| [power, power * u64::from(map.input.grid_width)])
        .filter(|m| *m <= period)
        .collect();
    let gathers = BTreeSet::from([0, map.most_gathers()]);
    let gathered = gathers.into_iter().map(|gathers| LinearMap { gathers, ..map.clone() });
    let mut all = Vec::new();
    for (folded, rotations) in gathered.flat_map(|map| folds(&map, profile.slots())) {
        let diagonals = u32::try_from(rotations.len()).unwrap_or(u32::MAX);
        for &modulus in &moduli {
            let baby_modulus = u32::try_from(modulus).unwrap_or(u32::MAX);
            let mut map = LinearMap { baby_modulus, diagonals, ..folded.clone() };
            let (giants, babies): (BTreeSet<Rotation>, BTreeSet<Rotation>) =
                rotations.iter().copied().map(map.splitter()).unzip();
            (map.giants, map.babies) = (giants.into_iter().collect(), babies.into_iter().collect());
            all.push(Split { milliseconds: reference_cost(&map, profile), map });
        }
    }
    all
}

/// What [`schedule`] costs at the reference level, in milliseconds.
pub fn reference_cost(map: &LinearMap, profile: &Profile) -> f64 {
    prediction::linear_ms(profile, map, REFERENCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::profile;

    fn convolution(layout: Layout) -> LinearMap {
        let source = LinearSource::Conv {
            weight: String::new(),
            bias: None,
            batch_norm: None,
            kernel: (3, 3),
            stride: 1,
            padding: 1,
            groups: 1,
        };
        schedule(source, layout, layout, &profile("b5"))
    }

    fn stage3() -> Layout {
        Layout { gap: 4, pitch: 4, grid_height: 32, grid_width: 32, ..Layout::dense(64, 8, 8) }
    }

    #[test]
    fn the_split_covers_all_rotations_and_no_tried_one_is_cheaper() {
        let profile = profile("b5");
        let map = convolution(stage3());
        let rotations = map.structural_rotations();
        assert_eq!(map.diagonals as usize, rotations.len());
        for rotation in &rotations {
            let (giant, baby) = map.split(*rotation);
            assert!(map.giants.contains(&giant) && map.babies.contains(&baby));
        }
        // All hoisted, none hoisted, and rows apart from columns; and all of these without folds.
        for (modulus, folded) in [4096, 1, 32].into_iter().flat_map(|m| [(m, true), (m, false)]) {
            let folds = if folded { map.folds.clone() } else { Vec::new() };
            let mut other = LinearMap { baby_modulus: modulus, folds, ..map.clone() };
            let split: Vec<_> = other.structural_rotations().iter().map(|r| other.split(*r)).collect();
            other.diagonals = split.len() as u32;
            other.giants = split.iter().map(|s| s.0).collect::<BTreeSet<_>>().into_iter().collect();
            other.babies = split.iter().map(|s| s.1).collect::<BTreeSet<_>>().into_iter().collect();
            assert!(
                reference_cost(&map, &profile) <= reference_cost(&other, &profile),
                "modulus {modulus}, folded {folded}"
            );
        }
        assert!(map.babies.len() + map.giants.len() < 50, "{} and {}", map.babies.len(), map.giants.len());
    }

    /// Every stage of ResNet20 has nearly as few products as there are weights for a slot.
    #[test]
    fn copies_of_the_argument_are_folded() {
        let stage1 = Layout::dense(16, 32, 32);
        let stage2 =
            Layout { gap: 2, pitch: 2, grid_height: 32, grid_width: 32, ..Layout::dense(32, 16, 16) };
        for (layout, taps, folds, diagonals) in
            [(stage1, 144, 1, 72), (stage2, 392, 2, 98), (stage3(), 900, 3, 120)]
        {
            let map = convolution(layout);
            let found = (map.tap_rotations().len(), map.folds.len(), map.diagonals);
            assert_eq!(found, (taps, folds, diagonals), "{:?}", map.folds);
        }
    }
}
