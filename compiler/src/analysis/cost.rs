//! Predicted milliseconds on one core, from a profile's measured costs.
//!
//! Costs are measured at four limbs. Work on residues grows linearly with the limbs, a key switch faster, as
//! both the digits and the limbs of each grow.

use fhecc_plan::{Costs, Level, LinearMap, Polynomial, Rotation};

/// Limbs at which a profile's costs are measured.
const MEASURED_LIMBS: f64 = 4.0;

fn limbs(level: Level) -> f64 {
    f64::from(level.0) + 1.0
}

/// One unhoisted rotation.
pub fn rotation(costs: &Costs, level: Level) -> f64 {
    costs.rotation_ms * (limbs(level) / MEASURED_LIMBS).powf(1.5)
}

fn steps(rotations: &[Rotation]) -> f64 {
    rotations.iter().filter(|r| r.0 != 0).count() as f64
}

/// A linear map with the given steps.
pub fn linear(costs: &Costs, map: &LinearMap, level: Level) -> f64 {
    let ratio = limbs(level) / MEASURED_LIMBS;
    let hoisted = costs.hoisted_rotation_ms * steps(&map.babies) * ratio.powf(1.5);
    let full = costs.rotation_ms * steps(&map.giants) * ratio.powf(1.5);
    hoisted + full + costs.diagonal_ms * f64::from(map.diagonals) * ratio
}

/// Products of ciphertexts in a Paterson-Stockmeyer evaluation with `2^k` baby powers, for the best k.
pub fn products(degree: usize) -> usize {
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

/// A polynomial.
pub fn polynomial(costs: &Costs, polynomial: &Polynomial) -> f64 {
    costs.multiply_ms * products(polynomial.degree()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::profile;

    #[test]
    fn products_of_known_evaluations() {
        assert_eq!([1, 2, 3, 7, 15, 31].map(products), [0, 1, 2, 4, 7, 11]);
    }

    #[test]
    fn costs_are_the_profiles_at_four_limbs_and_grow_with_them() {
        let costs = profile("b5").costs;
        assert_eq!(rotation(&costs, Level(3)), costs.rotation_ms);
        assert!(rotation(&costs, Level(7)) > 2.0 * costs.rotation_ms);
    }
}
