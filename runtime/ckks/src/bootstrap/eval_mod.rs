//! The polynomial that removes multiples of one: `x = a m + I -> sin(2 pi x) = sin(2 pi a m)`.
//!
//! Han and Ki, "Better bootstrapping for approximate homomorphic encryption" (CT-RSA 2020), section 3: with
//! `u = (x - 1/4) / K` and `r` double angles,
//!
//! ```text
//! cos(2 pi K u / 2^r) ~ P(u),   then r times  c := 2 c^2 - 1,   giving  cos(2 pi K u) = sin(2 pi x)
//! ```
//!
//! `P` interpolates on the whole of `[-1, 1]` and is even, so it is a polynomial of half the degree in
//! `y = T_2(u)`, because `T_{2k}(u) = T_k(T_2(u))`.

use std::f64::consts::PI;

use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::evaluator::Evaluator;
use crate::parameters::BootstrapLiteral;
use crate::polynomial::{Chebyshev, Plan, Sum};
use crate::scale::Scale;

/// The coefficients `c_k` of `P(u) = sum_k c_k T_k(y)`, `y = T_2(u)`.
pub(crate) fn cosine_in_y(literal: &BootstrapLiteral) -> Chebyshev {
    let frequency = 2.0 * PI * f64::from(literal.interval) / f64::exp2(f64::from(literal.double_angles));
    let in_u = Chebyshev::interpolate(|u| (frequency * u).cos(), literal.degree as usize, (-1.0, 1.0));
    Chebyshev { coefficients: in_u.coefficients.into_iter().step_by(2).collect(), domain: (-1.0, 1.0) }
}

/// The number of levels from `x` to the sine: one for `y`, the depth of `P`, one per double angle.
pub(crate) fn depth(literal: &BootstrapLiteral) -> usize {
    1 + cosine_in_y(literal).depth() + literal.double_angles as usize
}

/// The modular reduction, ready to be evaluated.
pub(crate) struct SinePlan {
    interval: f64,
    double_angles: usize,
    cosine: Plan,
}

impl SinePlan {
    pub(crate) fn new(literal: &BootstrapLiteral, cosine: &Chebyshev) -> Self {
        Self {
            interval: f64::from(literal.interval),
            double_angles: literal.double_angles as usize,
            cosine: Plan::new(&cosine.coefficients, cosine.depth()),
        }
    }

    /// `sin(2 pi x)` at exactly `target` from `x / K`, a real number in every slot.
    ///
    /// A double angle squares the scale and divides it by the factor `q` of a rescale. The targets are chosen from the end,
    /// `S_i = sqrt(S_{i+1} q)`, so that the scale falls from the primes' size to the wanted one on the way.
    pub(crate) fn evaluate(
        &self,
        evaluator: &Evaluator<'_>,
        x_over_k: &Ciphertext,
        target: Scale,
    ) -> Result<Ciphertext, EvaluationError> {
        let u = evaluator.add_constant(x_over_k, -0.25 / self.interval)?;
        let y = twice_square_minus_one(evaluator, &u)?;
        let bottom = (y.level + 1).checked_sub(self.cosine.root.depth + 2 + self.double_angles).ok_or(
            EvaluationError::LevelTooLow {
                found: y.level,
                needed: self.cosine.root.depth + 1 + self.double_angles,
            },
        )?;
        let cosine_target = (1..=self.double_angles)
            .map(|above| evaluator.parameters().rescale_factor(bottom + above))
            .fold(target, |scale, factor| scale.mul(factor).sqrt());
        let mut c = evaluator.evaluate_plan(y, &self.cosine, cosine_target)?;
        for _ in 0..self.double_angles {
            c = twice_square_minus_one(evaluator, &c)?;
        }
        if !c.scale.matches(target) {
            return Err(EvaluationError::ScaleMismatch { left: c.scale.log2(), right: target.log2() });
        }
        c.scale = target;
        Ok(c)
    }
}

/// `2 x^2 - 1`, one level lower: `T_2(x)`, or the cosine of the double angle.
fn twice_square_minus_one(evaluator: &Evaluator<'_>, x: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
    let mut sum = Sum::twice_product(evaluator, x, x);
    sum.add_constant(-1.0)?;
    sum.rescale()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(interval: u32, degree: u32) -> BootstrapLiteral {
        BootstrapLiteral { interval, degree, ..BootstrapLiteral::standard() }
    }

    fn evaluate(literal: &BootstrapLiteral, x: f64) -> f64 {
        let u = (x - 0.25) / f64::from(literal.interval);
        let y = 2.0 * u * u - 1.0;
        let mut c = cosine_in_y(literal).evaluate(y);
        for _ in 0..literal.double_angles {
            c = 2.0 * c * c - 1.0;
        }
        c
    }

    /// `log2` of the largest error for messages `|m| <= 1` and `|I| <= 11`.
    fn largest_error(literal: &BootstrapLiteral) -> f64 {
        let mut largest = 0.0f64;
        for i in -11..=11 {
            for k in -50..=50 {
                let x = f64::from(k) / 400.0;
                let error = evaluate(literal, x + f64::from(i)) - (2.0 * PI * x).sin();
                largest = largest.max(error.abs());
            }
        }
        largest.log2()
    }

    #[test]
    fn approximation_error_for_every_integer_part() {
        for (interval, degree, bound) in [(14, 26, -23.5), (14, 24, -19.3), (12, 24, -24.2), (16, 30, -27.8)]
        {
            let found = largest_error(&literal(interval, degree));
            assert!(found < bound, "K = {interval}, degree {degree}: 2^{found:.2}");
        }
        assert!(largest_error(&literal(14, 22)) > -18.0, "the degree matters");
        assert_eq!(depth(&literal(14, 26)), 8);
    }
}
