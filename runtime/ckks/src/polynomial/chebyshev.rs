//! Polynomials in the Chebyshev basis, in double precision.

use std::f64::consts::PI;

/// The polynomial `sum_k coefficients[k] T_k(t)` of `t = (2x - lo - hi) / (hi - lo)` for `x` in `domain = (lo, hi)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Chebyshev {
    /// Coefficients of `T_0, T_1, ..`.
    pub coefficients: Vec<f64>,
    /// The interval `(lo, hi)` on which the argument lives.
    pub domain: (f64, f64),
}

impl Chebyshev {
    /// The polynomial of this degree that agrees with `f` in the Chebyshev nodes of the domain.
    pub fn interpolate(f: impl Fn(f64) -> f64, degree: usize, domain: (f64, f64)) -> Self {
        let count = degree + 1;
        let (middle, radius) = ((domain.0 + domain.1) / 2.0, (domain.1 - domain.0) / 2.0);
        let angle = |i: usize| PI * (i as f64 + 0.5) / count as f64;
        let values: Vec<f64> = (0..count).map(|i| f(middle + radius * angle(i).cos())).collect();
        let coefficients = (0..count)
            .map(|k| {
                let sum: f64 =
                    values.iter().enumerate().map(|(i, value)| value * (k as f64 * angle(i)).cos()).sum();
                sum * if k == 0 { 1.0 } else { 2.0 } / count as f64
            })
            .collect();
        Self { coefficients, domain }
    }

    /// The degree: the index of the last non-zero coefficient.
    pub fn degree(&self) -> usize {
        self.coefficients.iter().rposition(|&c| c != 0.0).unwrap_or(0)
    }

    /// The number of levels an encrypted evaluation uses: `ceil(log2(degree + 1))`.
    pub fn depth(&self) -> usize {
        (self.degree() + 1).next_power_of_two().ilog2() as usize
    }

    /// The value in `x`, by Clenshaw's recurrence.
    pub fn evaluate(&self, x: f64) -> f64 {
        let (lo, hi) = self.domain;
        let t = (2.0 * x - lo - hi) / (hi - lo);
        let (mut b1, mut b2) = (0.0, 0.0);
        for &c in self.coefficients.iter().skip(1).rev() {
            (b1, b2) = (c + 2.0 * t * b1 - b2, b1);
        }
        self.coefficients.first().map_or(0.0, |c0| c0 + t * b1 - b2)
    }
}

/// `(quotient, remainder)` of `p = quotient * T_split + remainder` in the Chebyshev basis, for
/// `split <= deg p < 2 split`, from `T_i T_split = (T_{split + i} + T_{split - i}) / 2`.
pub(super) fn divide(p: &[f64], split: usize) -> (Vec<f64>, Vec<f64>) {
    assert!(split < p.len() && p.len() <= 2 * split, "split {split} of {} coefficients", p.len());
    let mut quotient = vec![p[split]];
    let mut remainder = p[..split].to_vec();
    for (i, &c) in p[split..].iter().enumerate().skip(1) {
        quotient.push(2.0 * c);
        remainder[split - i] -= c;
    }
    (quotient, remainder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolation_reproduces_polynomials_and_approximates_functions() {
        let cubic = |x: f64| 0.5 * x * x * x - x + 0.25;
        let p = Chebyshev::interpolate(cubic, 3, (-2.0, 3.0));
        let exp = Chebyshev::interpolate(f64::exp, 20, (-1.0, 1.0));
        for i in 0..=50 {
            let x = -2.0 + 0.1 * f64::from(i);
            assert!((p.evaluate(x) - cubic(x)).abs() < 1e-13);
            let t = x / 5.0;
            assert!((exp.evaluate(t) - t.exp()).abs() < 1e-14);
        }
        assert_eq!(p.degree(), 3);
    }

    #[test]
    fn depth_is_the_logarithm_of_the_number_of_coefficients() {
        for (degree, depth) in
            [(0, 0), (1, 1), (3, 2), (4, 3), (7, 3), (8, 4), (15, 4), (27, 5), (31, 5), (63, 6)]
        {
            let mut coefficients = vec![0.0; degree + 1];
            coefficients[degree] = 1.0;
            assert_eq!(Chebyshev { coefficients, domain: (-1.0, 1.0) }.depth(), depth, "degree {degree}");
        }
    }

    #[test]
    fn division_multiplies_back() {
        let p: Vec<f64> = (0..14).map(|k| (f64::from(k) * 1.3).sin()).collect();
        let (q, r) = divide(&p, 8);
        let on = |coefficients: &[f64], x: f64| {
            Chebyshev { coefficients: coefficients.to_vec(), domain: (-1.0, 1.0) }.evaluate(x)
        };
        for i in 0..=20 {
            let x = f64::from(i) / 10.0 - 1.0;
            let t8 = (8.0 * x.acos()).cos();
            assert!((on(&q, x) * t8 + on(&r, x) - on(&p, x)).abs() < 1e-13);
        }
    }
}
