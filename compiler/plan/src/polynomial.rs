//! Activation polynomials as the plan states them.

use crate::{Level, Profile};
use serde::{Deserialize, Serialize};

/// How a polynomial is evaluated on ciphertexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// As a Chebyshev series of any degree, of any argument at the scale of a layer's result.
    Series,
    /// Degree two in one level instead of two, degree four in two instead of three: the leading coefficient is part of
    /// the argument's scale, so whoever makes the argument makes it for this polynomial, see
    /// [`crate::StepScale::Argument`].
    Monic,
    /// Degree two in no level: the square is not rescaled, and the result stays at [`crate::StepScale::Square`]. For the end of a
    /// program, where a modulus is left over: only sums over rotations and a linear map without a rescale may read it.
    Unrescaled,
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

    /// The root of the leading coefficient, that of `x^2` or `x^4`, of its degree: the factor that makes the argument of
    /// [`Form::Monic`]. `None` if the degree is another, or the factor would cost the argument more than three bits of
    /// precision or room.
    pub fn gain(&self) -> Option<f64> {
        let root = match self.coefficients[..] {
            [_, _, leading] => (2.0 * leading.abs()).sqrt(),
            [_, _, _, _, leading] => (8.0 * leading.abs()).sqrt().sqrt(),
            _ => return None,
        };
        let gain = root / self.domain;
        (gain.is_finite() && gain.log2().abs() <= LOG_GAIN).then_some(gain)
    }

    /// log2 of the scale at which a monic polynomial takes its argument at `level`, if every prime were a power of two;
    /// `None` if the polynomial or the level does not allow it.
    ///
    /// Every square and rescale takes the scale S to the parameters' own or nearer: `S^2 = 2^log_scale q_level` for degree
    /// two, `S^4 = 2^log_scale q_level^2 q_(level - 1)` for degree four, and the gain comes on top.
    pub fn argument_log2(&self, parameters: &Profile, level: Level) -> Option<f64> {
        let bits = |level: u8| parameters.rescale_bits(level).map(f64::from);
        let gain = self.gain()?.log2();
        let lowest = level.0.checked_sub(self.depth().saturating_sub(1)).filter(|lowest| *lowest > 0)?;
        let halved = |scale: f64, level: u8| Some((scale + bits(level)?) / 2.0);
        Some((lowest..=level.0).try_fold(f64::from(parameters.log_scale), halved)? + gain)
    }

    /// log2 of the scale of what [`Form::Unrescaled`] leaves: that of the square of its argument, over the leading
    /// coefficient. `None` unless the degree is two and there is a [`Polynomial::gain`].
    pub fn square_log2(&self, parameters: &Profile) -> Option<f64> {
        let gain = self.gain().filter(|_| self.degree() == 2)?;
        Some(2.0 * (f64::from(parameters.log_scale) - gain.log2()))
    }

    /// Whether degree and coefficients allow the form.
    pub fn suits_form(&self) -> bool {
        match self.form {
            Form::Series => true,
            Form::Monic => self.gain().is_some(),
            Form::Unrescaled => self.degree() == 2 && self.gain().is_some(),
        }
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
            Form::Monic => u8::try_from(self.degree() / 2).unwrap_or(u8::MAX),
            Form::Unrescaled => 0,
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
        for (degree, depth) in [(2, 1), (4, 2)] {
            let series = Polynomial::series(1.0, vec![1.0; degree + 1]);
            assert_eq!(Polynomial { form: Form::Monic, ..series }.depth(), depth);
        }
    }

    #[test]
    fn gains_are_roots_of_leading_coefficients() {
        // 8 T-coefficient over domain^4, the coefficient of x^4.
        let gain = |leading, domain| Polynomial::series(domain, vec![0.0, 0.0, 0.0, 0.0, leading]).gain();
        assert_eq!(gain(-2.0, 1.0), Some(2.0));
        assert_eq!(gain(2.0, 0.5), Some(4.0));
        assert_eq!(gain(1e-6, 1.0), None);
        assert_eq!(gain(0.0, 1.0), None);
        // 2 T-coefficient over domain^2, the coefficient of x^2.
        assert_eq!(Polynomial::series(0.5, vec![0.0, 0.0, -0.5]).gain(), Some(2.0));
        assert_eq!(Polynomial::series(1.0, vec![1.0; 4]).gain(), None);
    }

    #[test]
    fn levels_that_leave_no_room_have_no_argument() {
        let profile = Profile::from_ron(include_str!("../../../models/targets/b5.ron")).expect("sound");
        let log2 = |degree: usize, level| {
            let series = Polynomial::series(1.0, vec![0.5; degree + 1]);
            Polynomial { form: Form::Monic, ..series }.argument_log2(&profile, Level(level))
        };
        // sqrt(2 * 0.5) and (8 * 0.5)^(1/4).
        assert_eq!(log2(2, 7), Some(31.0));
        assert_eq!(log2(4, 7), Some(31.5));
        for (degree, level) in [(2, 0), (4, 1), (2, 12), (2, 255), (4, 255), (3, 7)] {
            assert_eq!(log2(degree, level), None, "degree {degree} at level {level}");
        }
    }
}
