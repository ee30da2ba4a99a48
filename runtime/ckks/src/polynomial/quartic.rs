//! Polynomials of degree four in two levels.
//!
//! The Chebyshev evaluation of degree four takes three levels: two for `x^4` and one for its coefficient. The
//! coefficient costs nothing if it is part of the argument. With `r = |c_4|^(1/4)` and `z = r x`,
//!
//! ```text
//! p(x) = +-( (z^2 + a z + b)^2 + d z + e )
//! ```
//!
//! (Knuth, The Art of Computer Programming, volume 2, section 4.6.4, adapts coefficients alike): two squares,
//! and products with constants that are added before the same rescales. The multiplication by `r` is a matter
//! of the scale: the argument must arrive at [`Quartic::argument_scale`], which whoever makes it, a linear map
//! or a bootstrap, can aim for at no cost.

use super::chebyshev::Chebyshev;
use super::sum::Sum;
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::parameters::Parameters;
use crate::scale::Scale;

/// A polynomial of degree four, its coefficients adapted.
#[derive(Clone, Debug, PartialEq)]
pub struct Quartic {
    /// `r`.
    gain: f64,
    negative: bool,
    a: f64,
    b: f64,
    d: f64,
    e: f64,
}

impl Quartic {
    /// Levels of an evaluation.
    pub const DEPTH: usize = 2;

    /// Adapts a series of exactly degree four; `None` for any other, or one on a domain not around zero.
    pub fn new(series: &Chebyshev) -> Option<Self> {
        let [c0, c1, c2, c3, c4] = series.coefficients[..] else { return None };
        let (low, high) = series.domain;
        if c4 == 0.0 || low != -high {
            return None;
        }
        // Powers of t = x / high.
        let powers = [c0 - c2 + c4, c1 - 3.0 * c3, 2.0 * c2 - 8.0 * c4, 4.0 * c3, 8.0 * c4];
        let root = powers[4].abs().sqrt().sqrt();
        let sign = powers[4].signum();
        // Powers of z = root t, the highest with the coefficient 1.
        let mut power = sign;
        let [p0, p1, p2, p3, _] = powers.map(|c| {
            let coefficient = c / power;
            power *= root;
            coefficient
        });
        let a = p3 / 2.0;
        let b = (p2 - a * a) / 2.0;
        let quartic =
            Self { gain: root / high, negative: sign < 0.0, a, b, d: p1 - 2.0 * a * b, e: p0 - b * b };
        let finite = [quartic.gain, a, b, quartic.d, quartic.e].iter().all(|value| value.is_finite());
        finite.then_some(quartic)
    }

    /// The scale at which a ciphertext at `level` must hold the argument: with `S^4 = D q_level^2 q_(level-1)`,
    /// two squares and two rescales take the scale S to D, the parameters' own; the argument is at S times the
    /// gain.
    ///
    /// # Panics
    ///
    /// If `level` is 0 or above the parameters' highest.
    pub fn argument_scale(&self, parameters: &Parameters, level: usize) -> Scale {
        let gain = Scale::from_f64(self.gain).unwrap_or(Scale::from_pow2(0));
        square_scale(parameters, level).mul(gain)
    }
}

/// S, the scale of z.
fn square_scale(parameters: &Parameters, level: usize) -> Scale {
    let below = parameters.scale().mul(parameters.rescale_factor(level - 1)).sqrt();
    below.mul(parameters.rescale_factor(level)).sqrt()
}

impl Evaluator<'_> {
    /// The polynomial of every slot, two levels lower and at exactly [`Parameters::scale`].
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] for an argument that is not at [`Quartic::argument_scale`], too few levels, or a
    /// missing relinearisation key.
    pub fn quartic(&self, x: &Ciphertext, quartic: &Quartic) -> Result<Ciphertext, EvaluationError> {
        x.check(self.parameters())?;
        let (level, parameters) = (x.level, self.parameters());
        if level < Quartic::DEPTH {
            return Err(EvaluationError::LevelTooLow { found: level, needed: Quartic::DEPTH });
        }
        let expected = quartic.argument_scale(parameters, level);
        if !x.scale.matches(expected) {
            return Err(EvaluationError::ScaleMismatch { left: x.scale.log2(), right: expected.log2() });
        }
        let mut z = x.clone();
        z.scale = square_scale(parameters, level);
        let mut sum = Sum::new(self, level, z.scale.mul(z.scale));
        sum.add_product(&z, &z)?;
        sum.add_term(&z, quartic.a)?;
        sum.add_constant(quartic.b)?;
        let inner = sum.rescale()?;
        let mut sum = Sum::new(self, level - 1, inner.scale.mul(inner.scale));
        sum.add_product(&inner, &inner)?;
        sum.add_term(&z, quartic.d)?;
        sum.add_constant(quartic.e)?;
        let mut value = sum.rescale()?;
        if !value.scale.matches(parameters.scale()) {
            let right = parameters.scale().log2();
            return Err(EvaluationError::ScaleMismatch { left: value.scale.log2(), right });
        }
        value.scale = parameters.scale();
        if quartic.negative { self.negate(&value) } else { Ok(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapted_coefficients_give_the_same_polynomial() {
        for (coefficients, domain) in [
            (vec![0.3, 0.5, 0.2, 0.01, -0.03], 1.0),
            (vec![0.1, -0.5, 0.4, -0.2, 0.7], 0.65),
            (vec![0.0, 0.0, 0.0, 0.0, 1.0], 2.0),
        ] {
            let series = Chebyshev { coefficients, domain: (-domain, domain) };
            let q = Quartic::new(&series).unwrap();
            for i in -10..=10 {
                let x = domain * f64::from(i) / 10.0;
                let z = q.gain * x;
                let inner = z * z + q.a * z + q.b;
                let value = inner * inner + q.d * z + q.e;
                let value = if q.negative { -value } else { value };
                assert!((value - series.evaluate(x)).abs() < 1e-13, "{series:?} at {x}");
            }
        }
    }

    #[test]
    fn other_degrees_are_refused() {
        for coefficients in [vec![1.0; 4], vec![1.0; 6], vec![1.0, 1.0, 1.0, 1.0, 0.0]] {
            assert_eq!(Quartic::new(&Chebyshev { coefficients, domain: (-1.0, 1.0) }), None);
        }
        let series = Chebyshev { coefficients: vec![1.0; 5], domain: (0.0, 1.0) };
        assert_eq!(Quartic::new(&series), None);
    }
}
