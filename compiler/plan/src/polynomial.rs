//! Activation polynomials as the plan states them.

use serde::{Deserialize, Serialize};

/// `p(x) = sum_k coefficients[k] T_k(x / domain)`, T_k the Chebyshev polynomials of the first kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Polynomial {
    /// Arguments lie in `[-domain, domain]`; outside it the polynomial is not an approximation.
    pub domain: f64,
    /// Chebyshev coefficients, constant first.
    pub coefficients: Vec<f64>,
}

impl Polynomial {
    /// The degree.
    pub fn degree(&self) -> usize {
        self.coefficients.len().saturating_sub(1)
    }

    /// Levels that an evaluation consumes: `ceil(log2(degree + 1))`.
    pub fn depth(&self) -> u8 {
        u8::try_from((self.degree() + 1).next_power_of_two().trailing_zeros()).unwrap_or(u8::MAX)
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
        let p = Polynomial { domain: 0.7, coefficients: vec![0.3, -0.2, 0.5, 0.125, -1.0] };
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
            let p = Polynomial { domain: 1.0, coefficients: vec![1.0; degree + 1] };
            assert_eq!(p.depth(), depth, "degree {degree}");
        }
    }
}
