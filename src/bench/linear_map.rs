//! What the parts of a linear map cost, as the compiler counts them.
//!
//! Four maps with 1 x 1, 8 x 1, 1 x 8 and 8 x 8 baby and giant steps are timed; the differences tell what one baby
//! step, giant step and diagonal add. The parts cannot be timed on their own: baby steps share a decomposition and
//! stay undivided, giant steps share their last division.

use super::timing::{Clock, median_of, once, rounds};
use super::workbench::{Workbench, refused};
use crate::error::Failure;
use fhecc_ckks::{
    Ciphertext, DiagonalSource, Evaluator, GiantStep, KeyKind, KeyRequest, LinearMap, Parameters,
};

/// Baby and giant steps of the larger maps.
const SIDE: i32 = 8;

/// Seconds that each part takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    /// A map with one diagonal and no rotation, the diagonal itself not counted.
    pub(crate) base: f64,
    /// One baby step, with its share of the decomposition.
    pub(crate) baby: f64,
    /// One giant step.
    pub(crate) giant: f64,
    /// Encoding one diagonal and multiplying with it.
    pub(crate) diagonal: f64,
}

/// The keys that [`measure`] needs.
pub(crate) fn key_requests(parameters: &Parameters, level: usize) -> Vec<KeyRequest> {
    let special_count = parameters.best_special_count(level);
    let rotations = (1..SIDE).chain((1..SIDE).map(|giant| giant * SIDE));
    rotations
        .map(|k| KeyRequest { kind: KeyKind::rotation(k.into(), parameters.n()), level, special_count })
        .collect()
}

/// The same values on every diagonal.
struct Constant(Vec<f64>);

impl DiagonalSource for Constant {
    fn diagonal(&self, _: i32) -> Option<Vec<f64>> {
        Some(self.0.clone())
    }
}

/// Measures at the level of `x`: the medians over `repeats` rounds.
pub(crate) fn measure(
    bench: &Workbench,
    evaluator: &Evaluator<'_>,
    x: &Ciphertext,
    (clock, repeats): (Clock, usize),
) -> Result<Parts, Failure> {
    let diagonals = Constant(bench.values());
    let seconds = |(giants, babies): (i32, i32)| -> Result<f64, Failure> {
        let giants: Vec<GiantStep> = (0..giants)
            .map(|giant| GiantStep { rotation: giant * SIDE, babies: (0..babies).collect() })
            .collect();
        let map = LinearMap::new(&giants, &diagonals);
        once(clock, || evaluator.linear_transform(x, &map).map(drop).map_err(|e| refused(&e)))
    };
    let sizes = [(1, 1), (1, SIDE), (SIDE, 1), (SIDE, SIDE)];
    Ok(solve(&rounds(repeats, |which| seconds(sizes[which]))?))
}

/// From the times of maps with one step, several baby steps, several giant steps, several of both.
fn solve(rounds: &[[f64; 4]]) -> Parts {
    let moved = f64::from(SIDE) - 1.0;
    // Noise must not make anything free.
    let least = median_of(rounds, |[one, ..]| *one) * 1e-2;
    let part = |of: &dyn Fn(&[f64; 4]) -> f64| median_of(rounds, of).max(least);
    let diagonal = |&[one, babies, giants, all]: &[f64; 4]| (all - babies - giants + one) / (moved * moved);
    Parts {
        base: part(&|round| round[0] - diagonal(round)),
        baby: part(&|round| (round[1] - round[0]) / moved - diagonal(round)),
        giant: part(&|round| (round[2] - round[0]) / moved - diagonal(round)),
        diagonal: part(&diagonal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_found_again() {
        let time = |b: f64, g: f64| 5.0 + 2.0 * (b - 1.0) + 3.0 * (g - 1.0) + 0.5 * b * g;
        let parts = solve(&[[time(1.0, 1.0), time(8.0, 1.0), time(1.0, 8.0), time(8.0, 8.0)]]);
        for (found, expected) in
            [(parts.base, 5.0), (parts.baby, 2.0), (parts.giant, 3.0), (parts.diagonal, 0.5)]
        {
            assert!((found - expected).abs() < 1e-9, "{parts:?}");
        }
    }
}
