//! Polynomials of degree two in one level, and of degree four in two.
//!
//! The Chebyshev evaluation takes one more: the last is for the leading coefficient. That coefficient costs nothing if it
//! is part of the argument. With `r = |c_n|^(1/n)` and `z = r x`,
//!
//! ```text
//! p(x) = +-( z^2 + d z + e )                         degree two
//! p(x) = +-( (z^2 + a z + b)^2 + d z + e )           degree four
//! ```
//!
//! (Knuth, The Art of Computer Programming, volume 2, section 4.6.4, adapts coefficients alike): squares,
//! and products with constants that are added before the same rescales. The multiplication by `r` is a matter
//! of the scale: the argument must arrive at [`Monic::argument_scale`], which whoever makes it, a linear map
//! or a bootstrap, can aim for at no cost.

use super::chebyshev::Chebyshev;
use super::sum::Sum;
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::parameters::Parameters;
use crate::scale::Scale;

/// A polynomial of degree two or four, its coefficients adapted.
#[derive(Clone, Debug, PartialEq)]
pub struct Monic {
    /// `r`.
    gain: f64,
    negative: bool,
    /// `a` and `b` of degree four.
    inner: Option<(f64, f64)>,
    d: f64,
    e: f64,
}

impl Monic {
    /// Adapts a series of exactly degree two or four; `None` for any other, or one on a domain not around zero.
    pub fn new(series: &Chebyshev) -> Option<Self> {
        let (low, high) = series.domain;
        if low != -high {
            return None;
        }
        // Coefficients of powers of t = x / high, divided by these powers of root, are those of powers of z = root t.
        let monic = match series.coefficients[..] {
            [c0, c1, c2] => {
                let leading = 2.0 * c2;
                let (root, sign) = (leading.abs().sqrt(), leading.signum());
                let (d, e) = (c1 / (sign * root), (c0 - c2) / sign);
                Self { gain: root / high, negative: leading < 0.0, inner: None, d, e }
            }
            [c0, c1, c2, c3, c4] => {
                let leading = 8.0 * c4;
                let (root, sign) = (leading.abs().sqrt().sqrt(), leading.signum());
                let a = 4.0 * c3 / (sign * root * root * root) / 2.0;
                let b = ((2.0 * c2 - 8.0 * c4) / (sign * root * root) - a * a) / 2.0;
                let (d, e) = ((c1 - 3.0 * c3) / (sign * root), (c0 - c2 + c4) / sign);
                let inner = Some((a, b));
                Self { gain: root / high, negative: leading < 0.0, inner, d: d - 2.0 * a * b, e: e - b * b }
            }
            _ => return None,
        };
        let (a, b) = monic.inner.unwrap_or_default();
        let finite = [monic.gain, a, b, monic.d, monic.e].iter().all(|value| value.is_finite());
        (finite && monic.gain > 0.0).then_some(monic)
    }

    /// Levels of an evaluation.
    pub fn depth(&self) -> usize {
        if self.inner.is_some() { 2 } else { 1 }
    }

    /// The scale at which a ciphertext at `level` must hold the argument: S times the gain, where the squares and rescales
    /// of an evaluation take the scale S to D, the parameters' own. `S^2 = D q_level` for degree two, `S^4 = D q_level^2
    /// q_(level-1)` for degree four.
    ///
    /// # Panics
    ///
    /// If `level` is below [`Monic::depth`] or above the parameters' highest.
    pub fn argument_scale(&self, parameters: &Parameters, level: usize) -> Scale {
        self.square_scale(parameters, level).mul(self.gain_scale())
    }

    /// The scale of a result without a rescale for an argument at `scale`: that of the square of z.
    pub fn unrescaled_scale(&self, scale: Scale) -> Scale {
        let z = scale.div(self.gain_scale());
        z.mul(z)
    }

    /// The gain, by which the scales of argument and z differ.
    fn gain_scale(&self) -> Scale {
        Scale::from_f64(self.gain).unwrap_or(Scale::from_pow2(0))
    }

    /// S, the scale of z.
    fn square_scale(&self, parameters: &Parameters, level: usize) -> Scale {
        let lowest = level - (self.depth() - 1);
        let squared = lowest..=level;
        squared.fold(parameters.scale(), |scale, level| scale.mul(parameters.rescale_factor(level)).sqrt())
    }
}

impl Evaluator<'_> {
    /// The polynomial of every slot, [`Monic::depth`] levels lower and at exactly [`Parameters::scale`].
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] for an argument that is not at [`Monic::argument_scale`], too few levels, or a
    /// missing relinearisation key.
    pub fn monic(&self, x: &Ciphertext, monic: &Monic) -> Result<Ciphertext, EvaluationError> {
        x.check(self.parameters())?;
        let (level, parameters) = (x.level, self.parameters());
        if level < monic.depth() {
            return Err(EvaluationError::LevelTooLow { found: level, needed: monic.depth() });
        }
        let expected = monic.argument_scale(parameters, level);
        if !x.scale.matches(expected) {
            return Err(EvaluationError::ScaleMismatch { left: x.scale.log2(), right: expected.log2() });
        }
        let mut z = x.clone();
        z.scale = monic.square_scale(parameters, level);
        let squared = match monic.inner {
            None => z.clone(),
            Some((a, b)) => self.square_plus(&z, (&z, a), b)?.rescale()?,
        };
        let mut value = self.square_plus(&squared, (&z, monic.d), monic.e)?.rescale()?;
        if !value.scale.matches(parameters.scale()) {
            let right = parameters.scale().log2();
            return Err(EvaluationError::ScaleMismatch { left: value.scale.log2(), right });
        }
        value.scale = parameters.scale();
        if monic.negative { self.negate(&value) } else { Ok(value) }
    }

    /// The polynomial of degree two of every slot at the level of `x`, at any scale, and at the scale
    /// [`Monic::unrescaled_scale`], which the modulus must have room for.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] for another degree, a scale that does not fit the modulus, or a missing relinearisation key.
    pub fn monic_unrescaled(&self, x: &Ciphertext, monic: &Monic) -> Result<Ciphertext, EvaluationError> {
        x.check(self.parameters())?;
        if monic.inner.is_some() {
            return Err(EvaluationError::Argument {
                what: "degree four without a rescale; allowed: two".into(),
            });
        }
        let mut z = x.clone();
        z.scale = x.scale.div(monic.gain_scale());
        let value = self.square_plus(&z, (&z, monic.d), monic.e)?.relinearise()?;
        if monic.negative { self.negate(&value) } else { Ok(value) }
    }

    /// `x^2 + factor z + constant`.
    fn square_plus<'a>(
        &'a self,
        x: &'a Ciphertext,
        (z, factor): (&'a Ciphertext, f64),
        constant: f64,
    ) -> Result<Sum<'a>, EvaluationError> {
        let mut sum = Sum::new(self, x.level, x.scale.mul(x.scale));
        sum.add_product(x, x)?;
        sum.add_term(z, factor)?;
        sum.add_constant(constant)?;
        Ok(sum)
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
            (vec![0.3, 0.5, 0.2], 1.0),
            (vec![0.1, -0.5, -0.4], 0.65),
            (vec![0.0, 0.0, 1.0], 2.0),
        ] {
            let series = Chebyshev { coefficients, domain: (-domain, domain) };
            let monic = Monic::new(&series).unwrap();
            for i in -10..=10 {
                let x = domain * f64::from(i) / 10.0;
                let z = monic.gain * x;
                let squared = monic.inner.map_or(z, |(a, b)| z * z + a * z + b);
                let value = squared * squared + monic.d * z + monic.e;
                let value = if monic.negative { -value } else { value };
                assert!((value - series.evaluate(x)).abs() < 1e-13, "{series:?} at {x}");
            }
        }
    }

    #[test]
    fn other_degrees_are_refused() {
        for coefficients in
            [vec![1.0; 2], vec![1.0; 4], vec![1.0; 6], vec![1.0, 1.0, 0.0], vec![1.0, 1.0, 1.0, 1.0, 0.0]]
        {
            assert_eq!(Monic::new(&Chebyshev { coefficients, domain: (-1.0, 1.0) }), None);
        }
        let series = Chebyshev { coefficients: vec![1.0; 5], domain: (0.0, 1.0) };
        assert_eq!(Monic::new(&series), None);
    }
}
