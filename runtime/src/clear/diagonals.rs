//! Diagonals of a linear map, prepared for its baby and giant steps.

use crate::schedule::giant_steps;
use fhecc_plan::{LinearMap, LinearValues, Rotation};
use rayon::prelude::*;

/// A baby rotation with one period of its diagonal.
type Baby = (Rotation, Vec<f64>);

/// The diagonals of one linear map, turned back by their giant step, and its bias.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Every giant rotation with its babies.
    giants: Vec<(Rotation, Vec<Baby>)>,
    gathers: Vec<Rotation>,
    bias: Option<Vec<f64>>,
    period: usize,
}

impl Prepared {
    /// Memory that the diagonals of `map` take.
    pub(super) fn bytes(map: &LinearMap) -> usize {
        let values = map.diagonal_period() << map.folds.len();
        (map.diagonals as usize).saturating_mul(values).saturating_mul(size_of::<f64>())
    }

    pub(super) fn new(map: &LinearMap, values: &LinearValues) -> Self {
        let diagonals = map.diagonals(values);
        let diagonal = |giant: Rotation, baby: Rotation| {
            let mut diagonal = diagonals.diagonal(Rotation(giant.0 + baby.0));
            let turn = i64::from(giant.0).rem_euclid(diagonal.len() as i64) as usize;
            diagonal.rotate_right(turn);
            (baby, diagonal)
        };
        // A folded argument stands for the argument turned by every sum of folds.
        let sums = map.fold_sums();
        let giants = giant_steps(map)
            .into_par_iter()
            .map(|step| {
                let babies = step
                    .babies
                    .into_par_iter()
                    .flat_map_iter(|baby| sums.iter().map(move |sum| Rotation(baby.0.wrapping_add(*sum))));
                let babies = babies.map(|baby| diagonal(step.rotation, baby));
                (step.rotation, babies.filter(|(_, values)| values.iter().any(|v| *v != 0.0)).collect())
            })
            .collect();
        Self {
            giants,
            gathers: map.gather_rotations().collect(),
            bias: map.bias_slots(values),
            period: map.diagonal_period(),
        }
    }

    /// The map on one period of the slots of some images.
    pub(super) fn apply(&self, images: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let period = images.iter().map(Vec::len).fold(self.period, usize::max);
        let start = |rotation: Rotation| i64::from(rotation.0).rem_euclid(period as i64) as usize;
        // Twice the period, so that every rotation is a slice.
        let twice = |image: &Vec<f64>| image.iter().copied().cycle().take(2 * period).collect();
        let inputs: Vec<Vec<f64>> = images.iter().map(twice).collect();
        let mut sums = vec![vec![0.0; period]; images.len()];
        let mut inner = vec![vec![0.0; period]; images.len()];
        for (giant, babies) in &self.giants {
            inner.iter_mut().for_each(|inner| inner.fill(0.0));
            for (baby, diagonal) in babies {
                let from = start(*baby);
                for (inner, input) in inner.iter_mut().zip(&inputs) {
                    let rotated = &input[from..from + period];
                    for (inner, rotated) in
                        inner.chunks_mut(diagonal.len()).zip(rotated.chunks(diagonal.len()))
                    {
                        multiply_add(inner, diagonal, rotated);
                    }
                }
            }
            let turn = start(*giant);
            for (sum, inner) in sums.iter_mut().zip(&inner) {
                let (low, high) = sum.split_at_mut(period - turn);
                low.iter_mut().zip(&inner[turn..]).for_each(|(sum, v)| *sum += v);
                high.iter_mut().zip(&inner[..turn]).for_each(|(sum, v)| *sum += v);
            }
        }
        for turn in self.gathers.iter().map(|gather| start(*gather)) {
            for sum in &mut sums {
                let turned: Vec<f64> = sum.iter().cycle().skip(turn).take(period).copied().collect();
                sum.iter_mut().zip(turned).for_each(|(sum, v)| *sum += v);
            }
        }
        if let Some(bias) = &self.bias {
            for sum in &mut sums {
                sum.iter_mut().zip(bias.iter().cycle()).for_each(|(sum, bias)| *sum += bias);
            }
        }
        sums
    }
}

fn multiply_add(sum: &mut [f64], a: &[f64], b: &[f64]) {
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        *sum += a * b;
    }
}
