//! The canonical embedding in double precision.
//!
//! A real polynomial of degree below `2n` is determined by its values at `zeta^(5^j)`, `j < n`, with
//! `zeta = exp(2 pi i / 4n)`. With coefficients `a_j + i a_(j+n)` packed into `n` complex numbers the map is
//! a transform of length `n` whose twiddle factors are powers `5^j` (Cheon, Han, Kim, Kim, Song,
//! "Bootstrapping for Approximate Homomorphic Encryption", 2018, section 5.1). The twiddle factors of a
//! stage do not depend on `n`, so one table serves every period.

use std::f64::consts::PI;

use crate::complex::Complex;

/// Twiddle factors for every length up to the slot count.
#[derive(Debug)]
pub(crate) struct Embedding {
    /// For the stage that combines two blocks of `h`: entries `h - 1 .. 2h - 1`.
    cos: Vec<f64>,
    sin: Vec<f64>,
}

impl Embedding {
    /// Tables for rings of degree up to `2^log_n`.
    pub(crate) fn new(log_n: u32) -> Self {
        let slots = 1usize << (log_n - 1);
        let mut tables = Self { cos: Vec::with_capacity(slots), sin: Vec::with_capacity(slots) };
        let mut half = 1;
        while half < slots {
            let order = 8 * half;
            let mut power = 1usize;
            for _ in 0..half {
                let angle = 2.0 * PI * power as f64 / order as f64;
                tables.cos.push(angle.cos());
                tables.sin.push(angle.sin());
                power = power * 5 % order;
            }
            half *= 2;
        }
        tables
    }

    /// From slots (in `re + i im`) to the coefficients of the polynomial of degree below `2n`, `n = re.len()` a power of
    /// two.
    pub(crate) fn to_coefficients(&self, re: &mut [f64], im: &mut [f64]) -> Vec<f64> {
        let mut out = vec![0.0; 2 * re.len()];
        fhecc_kernels::inverse_embedding(&self.cos, &self.sin, re, im, &mut out);
        out
    }

    /// From coefficients to slots: the inverse of [`Embedding::to_coefficients`].
    pub(crate) fn to_slots(&self, re: &mut [f64], im: &mut [f64]) {
        bit_reverse(re, im);
        let mut half = 1;
        while half < re.len() {
            let (cos, sin) = (&self.cos[half - 1..][..half], &self.sin[half - 1..][..half]);
            for (re, im) in re.chunks_exact_mut(2 * half).zip(im.chunks_exact_mut(2 * half)) {
                let (re0, re1) = re.split_at_mut(half);
                let (im0, im1) = im.split_at_mut(half);
                forward_butterflies(re0, im0, re1, im1, cos, sin);
            }
            half *= 2;
        }
    }
}

/// `(u, v) -> (u + w v, u - w v)`. All slices have one length.
fn forward_butterflies(
    re0: &mut [f64],
    im0: &mut [f64],
    re1: &mut [f64],
    im1: &mut [f64],
    cos: &[f64],
    sin: &[f64],
) {
    let n = re0.len();
    let (im0, re1, im1) = (&mut im0[..n], &mut re1[..n], &mut im1[..n]);
    let (cos, sin) = (&cos[..n], &sin[..n]);
    for j in 0..n {
        let wr = re1[j] * cos[j] - im1[j] * sin[j];
        let wi = re1[j] * sin[j] + im1[j] * cos[j];
        (re1[j], im1[j]) = (re0[j] - wr, im0[j] - wi);
        re0[j] += wr;
        im0[j] += wi;
    }
}

fn bit_reverse(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    if n < 2 {
        return;
    }
    let shift = usize::BITS - n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> shift;
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
}

/// Splits complex numbers into real and imaginary parts.
pub(crate) fn split(values: &[Complex]) -> (Vec<f64>, Vec<f64>) {
    (values.iter().map(|z| z.re).collect(), values.iter().map(|z| z.im).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: values of a real polynomial of degree below `2n` at `zeta^(5^j)`.
    fn evaluate(coefficients: &[f64]) -> Vec<Complex> {
        let degree = coefficients.len();
        let mut power = 1usize;
        (0..degree / 2)
            .map(|_| {
                let mut sum = Complex::ZERO;
                for (k, &a) in coefficients.iter().enumerate() {
                    sum += Complex::root_of_unity(power * k % (2 * degree), 2 * degree).scale(a);
                }
                power = power * 5 % (2 * degree);
                sum
            })
            .collect()
    }

    #[test]
    fn matches_the_definition_for_every_period_and_inverts() {
        let embedding = Embedding::new(10);
        for log_slots in 0..=9 {
            let n = 1usize << log_slots;
            let coefficients: Vec<f64> =
                (0..2 * n).map(|i| ((i * 37 + 11) % 101) as f64 / 50.0 - 1.0).collect();
            let (mut re, mut im) = (coefficients[..n].to_vec(), coefficients[n..].to_vec());
            embedding.to_slots(&mut re, &mut im);
            for (j, want) in evaluate(&coefficients).iter().enumerate() {
                assert!((re[j] - want.re).hypot(im[j] - want.im) < 1e-9, "n {n} slot {j}");
            }
            let found = embedding.to_coefficients(&mut re, &mut im);
            assert!(found.iter().zip(&coefficients).all(|(found, want)| (found - want).abs() < 1e-12));
        }
    }
}
