//! Predicted milliseconds on one core, from the costs that were measured level by level.

use fhecc_plan::{Costs, Form, Level, LinearMap, Polynomial, Rotation};

/// One rotation outside of linear maps.
pub fn rotation(costs: &Costs, level: Level) -> f64 {
    costs.at(level).rotation_ms
}

fn steps(rotations: &[Rotation]) -> f64 {
    rotations.iter().filter(|r| r.0 != 0).count() as f64
}

/// A linear map with the given steps, its operand at `level`.
pub fn linear(costs: &Costs, map: &LinearMap, level: Level) -> f64 {
    let costs = costs.at(level);
    let rotations = costs.baby_ms * steps(&map.babies) + costs.giant_ms * steps(&map.giants);
    costs.linear_ms + rotations + costs.diagonal_ms * f64::from(map.diagonals)
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

/// A polynomial, its operand at `level`: its products are spread evenly over the levels that it consumes.
pub fn polynomial(costs: &Costs, polynomial: &Polynomial, level: Level) -> f64 {
    let depth = polynomial.depth().max(1);
    let levels = (0..depth).map(|down| Level(level.0.saturating_sub(down)));
    let sum: f64 = levels.map(|level| costs.at(level).multiply_ms).sum();
    let products = match polynomial.form {
        Form::Series => products(polynomial.degree()),
        Form::Quartic => 2,
    };
    products as f64 * sum / f64::from(depth)
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
    fn costs_are_the_profiles_at_a_measured_level_and_grow_with_the_level() {
        let costs = profile("b5").costs;
        let measured = costs.levels[0];
        assert_eq!(rotation(&costs, Level(measured.level)), measured.rotation_ms);
        assert!(rotation(&costs, Level(15)) > rotation(&costs, Level(3)));
        let polynomial = |level| {
            let polynomial = Polynomial::series(1.0, vec![1.0; 16]);
            super::polynomial(&costs, &polynomial, Level(level))
        };
        assert!(polynomial(7) > polynomial(4));
        let quartic = Polynomial { form: Form::Quartic, ..Polynomial::series(1.0, vec![1.0; 5]) };
        let at = |level| costs.at(Level(level)).multiply_ms;
        assert_eq!(super::polynomial(&costs, &quartic, Level(5)), at(5) + at(4));
    }
}
