//! Baby-step giant-step schedules.

use std::collections::BTreeSet;

/// One giant step: the baby rotations whose diagonals are summed before one rotation by `rotation`.
///
/// A baby `b` of this step stands for the diagonal `rotation + b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiantStep {
    /// Rotation applied to the sum, to the left.
    pub rotation: i32,
    /// Rotations of the input, to the left, in the order in which their products are listed.
    pub babies: Vec<i32>,
}

/// Splits diagonals `d = g + b` with `g` a multiple of `baby_span` and `0 <= b < baby_span`.
///
/// Diagonals of one giant step are listed in ascending order, steps too.
///
/// # Panics
///
/// If `baby_span` is not positive.
#[must_use]
pub fn split_rotations(diagonals: &BTreeSet<i32>, baby_span: i32) -> Vec<GiantStep> {
    assert!(baby_span > 0, "the span of the baby steps is positive");
    let mut giants: Vec<GiantStep> = Vec::new();
    for &d in diagonals {
        let rotation = d.div_euclid(baby_span) * baby_span;
        let baby = d - rotation;
        match giants.last_mut() {
            Some(giant) if giant.rotation == rotation => giant.babies.push(baby),
            _ => giants.push(GiantStep { rotation, babies: vec![baby] }),
        }
    }
    giants
}

/// All baby rotations of a schedule, ascending, without repetition.
pub(crate) fn baby_rotations(giants: &[GiantStep]) -> Vec<i32> {
    let babies: BTreeSet<i32> = giants.iter().flat_map(|giant| giant.babies.iter().copied()).collect();
    babies.into_iter().collect()
}

/// Turns `values` to the right by `giant`: entry `s` becomes `values[s - giant]`, indices modulo the length.
///
/// The product with a diagonal is taken before the giant rotation, so the diagonal is turned the other way.
pub(crate) fn pre_rotate<T>(values: &mut [T], giant: i32) {
    let length = values.len() as i64;
    values.rotate_right(i64::from(giant).rem_euclid(length.max(1)) as usize);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotate(x: &[f64], k: i32) -> Vec<f64> {
        (0..x.len()).map(|s| x[(s as i64 + i64::from(k)).rem_euclid(x.len() as i64) as usize]).collect()
    }

    #[test]
    fn schedule_in_clear_equals_the_diagonals() {
        let n = 64;
        let x: Vec<f64> = (0..n).map(|s| f64::from(s).sin()).collect();
        // The second case has a diagonal of period 16.
        for (step, period) in [(1, 64), (3, 16)] {
            let diagonals: BTreeSet<i32> = (-7..=8).map(|k| k * step).collect();
            let diagonal = |d: i32| -> Vec<f64> {
                (0..period).map(|s| (f64::from(d) * 1.7 + f64::from(s)).cos()).collect()
            };
            let mut expected = vec![0.0; x.len()];
            for &d in &diagonals {
                for (s, (out, value)) in expected.iter_mut().zip(rotate(&x, d)).enumerate() {
                    *out += diagonal(d)[s % period as usize] * value;
                }
            }
            let giants = split_rotations(&diagonals, 4 * step);
            let mut sum = vec![0.0; x.len()];
            for giant in &giants {
                let mut inner = vec![0.0; x.len()];
                for &b in &giant.babies {
                    let mut values = diagonal(giant.rotation + b);
                    pre_rotate(&mut values, giant.rotation);
                    for (s, (out, value)) in inner.iter_mut().zip(rotate(&x, b)).enumerate() {
                        *out += values[s % values.len()] * value;
                    }
                }
                for (out, value) in sum.iter_mut().zip(rotate(&inner, giant.rotation)) {
                    *out += value;
                }
            }
            assert!(sum.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
            assert_eq!(baby_rotations(&giants), (0..4).map(|k| k * step).collect::<Vec<_>>());
        }
    }
}
