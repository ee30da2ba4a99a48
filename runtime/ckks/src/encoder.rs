//! Slot values to polynomials and back.
//!
//! Slot `j` of a polynomial is its value at `zeta^(5^j)`, `zeta = exp(i pi / N)`, divided by the scale.

mod embedding;
mod integers;
mod packed;
mod parity;

use rayon::prelude::*;

pub(crate) use self::embedding::Embedding;
pub use self::integers::IntegerPolynomial;
use crate::complex::Complex;
use crate::error::EncodingError;
use crate::parameters::{Parameters, RingPrime, SHORTEST};
use crate::plaintext::Plaintext;
use crate::poly::Poly;
use crate::scale::Scale;

/// Encodes and decodes. Stateless: the tables belong to the parameters.
#[derive(Clone, Debug)]
pub struct Encoder {
    parameters: Parameters,
}

impl Encoder {
    /// An encoder for these parameters.
    pub fn new(parameters: &Parameters) -> Self {
        Self { parameters: parameters.clone() }
    }

    /// Encodes real values, repeated with their number as period.
    ///
    /// # Errors
    ///
    /// [`EncodingError`] if the number of values is not a power of two up to `N/2`, or a coefficient of the
    /// scaled polynomial is not finite or not below `2^120`.
    ///
    /// # Panics
    ///
    /// If `level` is above the parameters' highest.
    pub fn encode(&self, values: &[f64], level: usize, scale: Scale) -> Result<Plaintext, EncodingError> {
        Ok(self.transform(&self.real_to_integers(values, scale)?, level, 0, scale))
    }

    /// Encodes complex values, repeated with their number as period.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`].
    ///
    /// # Panics
    ///
    /// If `level` is above the parameters' highest.
    pub fn encode_complex(
        &self,
        values: &[Complex],
        level: usize,
        scale: Scale,
    ) -> Result<Plaintext, EncodingError> {
        Ok(self.transform(&self.to_integers(values, scale)?, level, 0, scale))
    }

    /// The plaintext of an integer polynomial over `q_0 ..= q_level` and the first `special_count` special
    /// primes.
    ///
    /// # Panics
    ///
    /// If `level` or `special_count` is above what the parameters have.
    pub fn transform(
        &self,
        integers: &IntegerPolynomial,
        level: usize,
        special_count: usize,
        scale: Scale,
    ) -> Plaintext {
        let rows = self.parameters.limbs_at(level) + special_count;
        let n = integers.len();
        let mut poly = Poly::unfilled(n, rows);
        poly.as_mut_slice().par_chunks_exact_mut(n).enumerate().for_each(|(row, out)| {
            integers.transform(self.parameters.extended_prime(level, row), out);
        });
        Plaintext { level, special_count, scale, poly }
    }

    /// The rounded coefficients of the polynomial with these slots, as a polynomial in `X^g`,
    /// `g = N / (2 values.len())`.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`].
    pub fn to_integers(&self, values: &[Complex], scale: Scale) -> Result<IntegerPolynomial, EncodingError> {
        let (re, im) = embedding::split(values);
        self.parts_to_integers(re, im, scale)
    }

    /// [`Encoder::to_integers`] for real values.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`].
    pub fn real_to_integers(&self, values: &[f64], scale: Scale) -> Result<IntegerPolynomial, EncodingError> {
        self.parts_to_integers(values.to_vec(), vec![0.0; values.len()], scale)
    }

    /// A polynomial `p` with `p + conj(p)` and `(p - conj(p)) / i` for the rounded polynomials with the real slots
    /// `first` and `second`. The shorter of the two is repeated; an empty one stands for zero.
    ///
    /// Coefficients `j` and `N - j` of either are the same two roundings added or subtracted, so that the error has
    /// twice the variance of [`Encoder::real_to_integers`].
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`].
    pub(crate) fn real_pair_to_integers(
        &self,
        mut first: Vec<f64>,
        mut second: Vec<f64>,
        scale: Scale,
    ) -> Result<IntegerPolynomial, EncodingError> {
        let length = first.len().max(second.len());
        for part in [&mut first, &mut second] {
            self.repeat_to(part, length)?;
        }
        self.parts_to_integers(first, second, scale.div(Scale::from_pow2(1)))
    }

    /// The sum of complex slot vectors of `period` values, each multiplied by a power of `X`, as a polynomial of `length`
    /// coefficients, a power of two up to `N`: in `X^(N / length)`, of which the exponents are given, below `2 length`. They
    /// are different modulo `length / (2 period)`, the distance of a vector's own coefficients.
    ///
    /// The vectors are given as real and imaginary parts. Shorter parts are repeated; an empty one stands for zeros.
    ///
    /// # Errors
    ///
    /// As [`Encoder::encode`].
    pub(crate) fn interleaved_to_integers(
        &self,
        parts: Vec<(Vec<f64>, Vec<f64>, usize)>,
        (period, length): (usize, usize),
        scale: Scale,
    ) -> Result<IntegerPolynomial, EncodingError> {
        // There are no transforms of fewer coefficients.
        let stretch = (SHORTEST / length).max(1);
        let distance = length / (2 * period);
        let mut values = vec![0.0; length * stretch];
        for (mut re, mut im, exponent) in parts {
            for part in [&mut re, &mut im] {
                self.repeat_to(part, period)?;
            }
            let coefficients = self.parameters.embedding().to_coefficients(&mut re, &mut im);
            // Coefficient k goes to place k + turns of its own ones, and changes its sign whenever it comes round.
            let (first, turns) = (exponent % distance, exponent / distance);
            let sign = if turns / coefficients.len() % 2 == 1 { -1.0 } else { 1.0 };
            let (low, high) = coefficients.split_at(coefficients.len() - turns % coefficients.len());
            let mut places = values[first * stretch..].iter_mut().step_by(distance * stretch);
            for (from, sign) in [(high, -sign), (low, sign)] {
                places.by_ref().zip(from).for_each(|(place, value)| *place = sign * value);
            }
        }
        IntegerPolynomial::round(&values, scale)
    }

    /// Repeats values until there are `length`; nothing stands for zeros.
    fn repeat_to(&self, values: &mut Vec<f64>, length: usize) -> Result<(), EncodingError> {
        match values.len() {
            0 => values.resize(length, 0.0),
            found if length.is_multiple_of(found) => {
                while values.len() < length {
                    values.extend_from_within(..found);
                }
            }
            found => return Err(EncodingError::Period { found, slots: self.parameters.slots() }),
        }
        Ok(())
    }

    fn parts_to_integers(
        &self,
        mut re: Vec<f64>,
        mut im: Vec<f64>,
        scale: Scale,
    ) -> Result<IntegerPolynomial, EncodingError> {
        let slots = self.parameters.slots();
        let period = re.len();
        if !period.is_power_of_two() || period > slots {
            return Err(EncodingError::Period { found: period, slots });
        }
        while re.len() < SHORTEST / 2 {
            re.extend_from_within(..);
            im.extend_from_within(..);
        }
        IntegerPolynomial::round(&self.parameters.embedding().to_coefficients(&mut re, &mut im), scale)
    }

    /// All `N/2` slots of a plaintext, as complex numbers.
    pub fn decode(&self, plaintext: &Plaintext) -> Vec<Complex> {
        let (re, im) = self.decode_parts(plaintext);
        re.into_iter().zip(im).map(|(re, im)| Complex { re, im }).collect()
    }

    /// The real parts of all `N/2` slots of a plaintext.
    pub fn decode_real(&self, plaintext: &Plaintext) -> Vec<f64> {
        self.decode_parts(plaintext).0
    }

    fn decode_parts(&self, plaintext: &Plaintext) -> (Vec<f64>, Vec<f64>) {
        let primes = self.parameters.moduli_at(plaintext.level);
        let n = plaintext.poly.n();
        let mut poly = plaintext.poly.truncated(primes.len());
        poly.as_mut_slice()
            .par_chunks_exact_mut(n)
            .zip(primes)
            .for_each(|(row, prime)| prime.transform(n).inverse(row));
        let mut re = centred_doubles(&poly, primes);
        let factor = 1.0 / plaintext.scale.to_f64();
        for value in &mut re {
            *value *= factor;
        }
        let mut im = re.split_off(n / 2);
        self.parameters.embedding().to_slots(&mut re, &mut im);
        while re.len() < self.parameters.slots() {
            re.extend_from_within(..);
            im.extend_from_within(..);
        }
        (re, im)
    }
}

/// The representatives in `[-Q/2, Q/2)` of a polynomial given by the residues of its coefficients, rounded to
/// doubles with a relative error of a few `2^-53`.
///
/// Mixed-radix digits `v_i` (Garner) satisfy `x = v_0 + q_0 (v_1 + q_1 (v_2 + ...))`. As `(Q-1)/2` has the
/// digits `(q_i - 1)/2`, the sign is a lexicographic comparison, and `Q - 1 - x` has the digits
/// `q_i - 1 - v_i`: all sums are of positive terms, so nothing cancels.
fn centred_doubles(poly: &Poly, primes: &[RingPrime]) -> Vec<f64> {
    let inverses: Vec<Vec<u64>> = primes
        .iter()
        .enumerate()
        .map(|(i, target)| {
            let m = &target.modulus;
            primes[..i].iter().map(|p| m.inv(m.reduce(p.modulus.value()))).collect()
        })
        .collect();
    let mut digits = vec![0u64; primes.len()];
    (0..poly.n())
        .map(|k| {
            for (i, prime) in primes.iter().enumerate() {
                let m = &prime.modulus;
                let (known, rest) = digits.split_at_mut(i);
                let reduced = known
                    .iter()
                    .zip(&inverses[i])
                    .fold(poly.limb(i)[k], |x, (&digit, &inverse)| m.mul(m.sub(x, m.reduce(digit)), inverse));
                rest[0] = reduced;
            }
            let half = digits.iter().zip(primes).rev().map(|(&v, p)| v.cmp(&(p.modulus.value() / 2)));
            let negative = half.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).is_gt();
            let magnitude = digits.iter().zip(primes).rev().fold(0.0, |sum, (&v, p)| {
                let q = p.modulus.value();
                let v = if negative { q - 1 - v } else { v };
                sum * q as f64 + v as f64
            });
            if negative { -(magnitude + 1.0) } else { magnitude }
        })
        .collect()
}
