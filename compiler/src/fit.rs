//! Polynomial fits of activation functions.
//!
//! A fit is made for the normalised argument `u = x / R` and gives `act(u)`; ReLU being positively
//! homogeneous, `R act(x / R) = act(x)`. There are two forms: for u itself, and for `s = sin(2 pi a u)`, what a
//! bootstrap without arcsine leaves of u (the arcsine is then part of the function that is fitted).

mod basis;
mod density;
mod least_squares;

pub use density::Density;

use basis::{chebyshev_values, interpolate};
use fhecc_plan::Polynomial;
use std::f64::consts::TAU;

/// Fits reach this far beyond the calibrated range where saturation of the sine leaves no other choice.
pub const HEADROOM: f64 = 1.1;

/// Weight of the whole interval next to the measured density.
const UNIFORM: f64 = 1e-3;

/// Points of the grid on which least squares are taken.
const POINTS: usize = 8192;

/// What a polynomial's argument is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// u itself, |u| <= 1.
    Plain,
    /// `sin(2 pi u / 2^log_message_ratio)`, |u| <= [`HEADROOM`].
    Sine {
        /// The bootstrap's message ratio.
        log_message_ratio: u32,
    },
}

impl Argument {
    /// The largest |u| that a fit covers.
    pub fn edge(self) -> f64 {
        match self {
            Self::Plain => 1.0,
            Self::Sine { .. } => HEADROOM,
        }
    }

    /// 2 pi a, where the argument is a sine.
    pub fn angle(self) -> Option<f64> {
        match self {
            Self::Plain => None,
            Self::Sine { log_message_ratio } => Some(TAU / f64::from(log_message_ratio).exp2()),
        }
    }

    /// What the polynomial sees for u.
    pub fn of(self, u: f64) -> f64 {
        self.angle().map_or(u, |angle| (angle * u).sin())
    }

    fn inverse(self, s: f64) -> f64 {
        self.angle().map_or(s, |angle| s.asin() / angle)
    }

    /// The largest argument that a fit covers.
    pub fn domain(self) -> f64 {
        self.of(self.edge())
    }
}

/// A function of u.
pub type Function<'a> = &'a dyn Fn(f64) -> f64;

/// Interpolation at Chebyshev nodes.
pub fn chebyshev(function: Function<'_>, argument: Argument, degree: usize) -> Polynomial {
    let domain = argument.domain();
    let coefficients = interpolate(degree, |t| function(argument.inverse(t * domain)));
    Polynomial::series(domain, coefficients)
}

/// Least squares weighted by `density` and a uniform share of 1e-3.
pub fn weighted(function: Function<'_>, argument: Argument, degree: usize, density: &Density) -> Polynomial {
    let (edge, domain) = (argument.edge(), argument.domain());
    let grid = || (0..POINTS).map(|i| ((i as f64 + 0.5) / POINTS as f64 * 2.0 - 1.0) * edge);
    let total: f64 = grid().map(|u| density.at(u)).sum::<f64>().max(f64::MIN_POSITIVE);
    let mut rows = Vec::with_capacity(POINTS * (degree + 2));
    for u in grid() {
        let root = (density.at(u) / total + UNIFORM / POINTS as f64).sqrt();
        rows.extend(chebyshev_values(argument.of(u) / domain, degree).map(|v| v * root));
        rows.push(function(u) * root);
    }
    Polynomial::series(domain, least_squares::solve(rows, degree + 1))
}

/// Largest error on the whole interval, and root mean square error under `density` (uniform if there is none).
pub fn errors(
    function: Function<'_>,
    argument: Argument,
    polynomial: &Polynomial,
    density: Option<&Density>,
) -> (f64, f64) {
    let edge = argument.edge();
    let (mut largest, mut squares, mut total) = (0.0_f64, 0.0, 0.0);
    for i in 0..=1000 {
        let u = (f64::from(i) / 500.0 - 1.0) * edge;
        let error = (polynomial.value(argument.of(u)) - function(u)).abs();
        let weight = density.map_or(1.0, |d| d.at(u));
        largest = largest.max(error);
        squares += weight * error * error;
        total += weight;
    }
    (largest, (squares / total.max(f64::MIN_POSITIVE)).sqrt())
}

#[cfg(test)]
mod tests;
