//! Rounded polynomials, before they are reduced modulo the primes.

use std::fmt;

use super::packed::Packed;
use super::parity::Parities;
use crate::error::EncodingError;
use crate::parameters::RingPrime;
use crate::poly::{self, Buffer};
use crate::scale::Scale;

/// `log2` of the bound on coefficients.
const MAX_LOG2: f64 = 120.0;

/// `log2` of the bound up to which coefficients are single words.
const WORD_LOG2: f64 = 62.0;

/// A polynomial with integer coefficients below `2^120`, in a ring of degree [`IntegerPolynomial::len`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegerPolynomial {
    coefficients: Coefficients,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Coefficients {
    Word(Words),
    Packed(Packed),
    Parities(Parities),
    Wide(Vec<i128>),
}

/// Coefficients of one word.
struct Words(Buffer);

impl Words {
    /// To be overwritten entirely.
    fn unfilled(length: usize) -> Self {
        Self(poly::take(length))
    }

    fn as_slice(&self) -> &[i64] {
        bytemuck::cast_slice(&self.0)
    }

    fn as_mut_slice(&mut self) -> &mut [i64] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

impl Clone for Words {
    fn clone(&self) -> Self {
        let mut words = Self::unfilled(self.0.len());
        words.0.copy_from_slice(&self.0);
        words
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Words {}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.0.len())
    }
}

impl IntegerPolynomial {
    /// `round(scale * value)` for every coefficient.
    ///
    /// # Errors
    ///
    /// [`EncodingError::TooLarge`] if a product is not finite or not below `2^120`.
    pub(super) fn round(values: &[f64], scale: Scale) -> Result<Self, EncodingError> {
        let factor = scale.to_f64();
        let largest =
            values.iter().fold(0.0f64, |max, &v| if v.abs() > max || v.is_nan() { v.abs() } else { max });
        let log2 = (largest * factor).log2();
        if log2.is_nan() || log2 >= MAX_LOG2 {
            return Err(EncodingError::TooLarge { log2, allowed: MAX_LOG2 });
        }
        let coefficients = if log2 < WORD_LOG2 {
            let mut words = Words::unfilled(values.len());
            fhecc_kernels::round_products(words.as_mut_slice(), values, factor);
            Coefficients::Word(words)
        } else {
            Coefficients::Wide(values.iter().map(|&v| (v * factor).round() as i128).collect())
        };
        Ok(Self { coefficients })
    }

    /// The same polynomial in as few bits as its largest coefficient needs, for one that is kept; a bit slower to
    /// transform.
    pub(crate) fn packed(self) -> Self {
        let coefficients = match self.coefficients {
            Coefficients::Word(values) => match Parities::new(values.as_slice()) {
                Some(parities) => Coefficients::Parities(parities),
                None => Coefficients::Packed(Packed::new(values.as_slice())),
            },
            kept @ (Coefficients::Packed(_) | Coefficients::Parities(_) | Coefficients::Wide(_)) => kept,
        };
        Self { coefficients }
    }

    /// Number of coefficients.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        match &self.coefficients {
            Coefficients::Word(values) => values.as_slice().len(),
            Coefficients::Packed(values) => values.len(),
            Coefficients::Parities(values) => values.len(),
            Coefficients::Wide(values) => values.len(),
        }
    }

    /// Bytes of the coefficients.
    pub fn size_in_bytes(&self) -> usize {
        match &self.coefficients {
            Coefficients::Word(values) => size_of_val(values.as_slice()),
            Coefficients::Packed(values) => values.size_in_bytes(),
            Coefficients::Parities(values) => values.size_in_bytes(),
            Coefficients::Wide(values) => size_of_val(values.as_slice()),
        }
    }

    /// Writes the transform modulo a prime to `out`, of length [`IntegerPolynomial::len`]: the distinct values
    /// of the full transform, each of which belongs to `N / len` consecutive positions.
    ///
    /// # Panics
    ///
    /// If `out` has another length.
    pub fn transform(&self, prime: &RingPrime, out: &mut [u64]) {
        let m = &prime.modulus;
        match &self.coefficients {
            Coefficients::Word(values) => fhecc_kernels::from_i64(out, values.as_slice(), m),
            Coefficients::Packed(values) => values.reduce(m, out),
            Coefficients::Parities(values) => return values.transform(prime, out),
            Coefficients::Wide(values) => {
                assert_eq!(out.len(), values.len(), "one residue per coefficient");
                for (out, &value) in out.iter_mut().zip(values) {
                    let residue = m.reduce_u128(value.unsigned_abs());
                    *out = if value < 0 { m.neg(residue) } else { residue };
                }
            }
        }
        prime.transform(out.len()).forward(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::tiny_for_tests;

    #[test]
    fn packed_coefficients_have_the_same_residues_in_fewer_bits() {
        let parameters = tiny_for_tests(12, 50);
        // The largest of either sign, which is the first that needs another bit, and zeros.
        for (length, largest, bits) in [
            (4096, 127.0, 8),
            (4096, -128.0, 9),
            (64, 1e9, 31),
            (2048, -1e15, 51),
            (16, 4e18, 63),
            (32, 0.0, 1),
        ] {
            let value = |k: usize| (k as f64 * 0.7).sin() * largest;
            let mut values: Vec<f64> = (0..length).map(value).collect();
            values[length / 2] = largest;
            let words = IntegerPolynomial::round(&values, Scale::from_pow2(0)).unwrap();
            let packed = words.clone().packed();
            assert_eq!(packed.len(), length);
            assert_eq!(packed.size_in_bytes(), (length * bits).div_ceil(64) * 8, "{largest}");
            for prime in parameters.moduli() {
                let (mut want, mut found) = (vec![0; length], vec![1; length]);
                words.transform(prime, &mut want);
                packed.transform(prime, &mut found);
                assert_eq!(found, want, "{largest}");
            }
            assert_eq!(packed.clone().packed(), packed);
        }
    }

    #[test]
    fn coefficients_of_several_words_stay_as_they_are() {
        let wide = IntegerPolynomial::round(&[1e30, -3.0], Scale::from_pow2(0)).unwrap();
        assert_eq!(wide.clone().packed(), wide);
    }
}
