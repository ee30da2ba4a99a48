//! Activation polynomials as the plan states them.

use crate::{Level, Profile};
use serde::{Deserialize, Serialize};

/// How a polynomial is evaluated on ciphertexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// As a Chebyshev series of any degree, of any argument at the scale of a layer's result.
    Series,
    /// Degree four in two levels instead of three: the leading coefficient is part of the argument's scale, so
    /// whoever makes the argument makes it for this polynomial, see [`crate::StepScale::Argument`].
    Quartic,
}

/// `p(x) = sum_k coefficients[k] T_k(x / domain)`, T_k the Chebyshev polynomials of the first kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Polynomial {
    /// How it is evaluated.
    pub form: Form,
    /// Arguments lie in `[-domain, domain]`; outside it the polynomial is not an approximation.
    pub domain: f64,
    /// Chebyshev coefficients, constant first.
    pub coefficients: Vec<f64>,
}

/// Smallest and largest log2 of a [`Polynomial::gain`] with which the argument keeps its precision.
const LOG_GAIN: f64 = 3.0;

impl Polynomial {
    /// The series with these coefficients.
    pub fn series(domain: f64, coefficients: Vec<f64>) -> Self {
        Self { form: Form::Series, domain, coefficients }
    }

    /// The fourth root of the coefficient of `x^4`: the factor that makes the argument of [`Form::Quartic`].
    /// `None` if the degree is another, or the factor would cost the argument more than three bits of precision
    /// or room.
    pub fn gain(&self) -> Option<f64> {
        let [_, _, _, _, leading] = self.coefficients[..] else { return None };
        let gain = (8.0 * leading.abs()).sqrt().sqrt() / self.domain;
        (gain.is_finite() && gain.log2().abs() <= LOG_GAIN).then_some(gain)
    }

    /// log2 of the scale at which a quartic takes its argument at `level`, if every prime were a power of two; `None`
    /// if the polynomial or the level does not allow it.
    ///
    /// Two squares and two rescales take the scale S to the parameters' own: `S^4 = 2^log_scale q_level^2
    /// q_(level - 1)`, and the gain comes on top.
    pub fn argument_log2(&self, parameters: &Profile, level: Level) -> Option<f64> {
        let bits = |level: u8| parameters.prime_bits(level).map(f64::from);
        let (upper, lower) = (bits(level.0)?, bits(level.0.checked_sub(1)?)?);
        Some((f64::from(parameters.log_scale) + 2.0 * upper + lower) / 4.0 + self.gain()?.log2())
    }

    /// The degree.
    pub fn degree(&self) -> usize {
        self.coefficients.len().saturating_sub(1)
    }

    /// Levels that an evaluation consumes: `ceil(log2(degree + 1))` as a series.
    pub fn depth(&self) -> u8 {
        match self.form {
            Form::Series => {
                u8::try_from((self.degree() + 1).next_power_of_two().trailing_zeros()).unwrap_or(u8::MAX)
            }
            Form::Quartic => 2,
        }
    }

    /// The value at `x`, by Clenshaw's recurrence.
    pub fn value(&self, x: f64) -> f64 {
        let t = x / self.domain;
        let (mut b1, mut b2) = (0.0, 0.0);
        for &c in self.coefficients.iter().skip(1).rev() {
            (b1, b2) = (c + 2.0 * t * b1 - b2, b1);
        }
        self.coefficients.first().copied().unwrap_or(0.0) + t * b1 - b2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clenshaw_equals_the_cosine_definition() {
        let p = Polynomial::series(0.7, vec![0.3, -0.2, 0.5, 0.125, -1.0]);
        for i in -20..=20 {
            let x = 0.7 * f64::from(i) / 20.0;
            let theta = (x / 0.7).clamp(-1.0, 1.0).acos();
            let want: f64 =
                p.coefficients.iter().zip(0..).map(|(c, k)| c * (f64::from(k) * theta).cos()).sum();
            assert!((p.value(x) - want).abs() < 1e-14);
        }
    }

    #[test]
    fn depth_counts_levels() {
        for (degree, depth) in [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (15, 4), (16, 5), (31, 5)] {
            let p = Polynomial::series(1.0, vec![1.0; degree + 1]);
            assert_eq!(p.depth(), depth, "degree {degree}");
        }
        let quartic = Polynomial { form: Form::Quartic, ..Polynomial::series(1.0, vec![1.0; 5]) };
        assert_eq!(quartic.depth(), 2);
    }

    #[test]
    fn gains_are_fourth_roots_of_leading_coefficients() {
        // 8 T-coefficient over domain^4, the coefficient of x^4.
        let gain = |leading, domain| Polynomial::series(domain, vec![0.0, 0.0, 0.0, 0.0, leading]).gain();
        assert_eq!(gain(-2.0, 1.0), Some(2.0));
        assert_eq!(gain(2.0, 0.5), Some(4.0));
        assert_eq!(gain(1e-6, 1.0), None);
        assert_eq!(gain(0.0, 1.0), None);
        assert_eq!(Polynomial::series(1.0, vec![1.0; 4]).gain(), None);
    }
}
