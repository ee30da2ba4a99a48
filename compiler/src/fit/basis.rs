//! Chebyshev polynomials of the first kind on [-1, 1].

use std::f64::consts::PI;

/// `T_0(t) .. T_degree(t)`.
pub(super) fn chebyshev_values(t: f64, degree: usize) -> impl Iterator<Item = f64> {
    let (mut current, mut next) = (1.0, t);
    (0..=degree).map(move |_| {
        let value = current;
        (current, next) = (next, 2.0 * t * next - current);
        value
    })
}

/// Coefficients of the polynomial that agrees with `f` at the `degree + 1` zeros of `T_(degree + 1)`.
pub(super) fn interpolate(degree: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
    let n = degree + 1;
    let angle = |j: usize| PI * (j as f64 + 0.5) / n as f64;
    let values: Vec<f64> = (0..n).map(|j| f(angle(j).cos())).collect();
    let coefficient = |k: usize| {
        let sum: f64 = values.iter().zip(0..).map(|(v, j)| v * (k as f64 * angle(j)).cos()).sum();
        sum * if k == 0 { 1.0 } else { 2.0 } / n as f64
    };
    (0..n).map(coefficient).collect()
}
