//! Sums, products with plaintexts, rescaling and level changes: everything that needs no key.

use super::Evaluator;
use crate::ciphertext::Ciphertext;
use crate::error::EvaluationError;
use crate::key_switching::divide_pair;
use crate::parameters::RingPrime;
use crate::plaintext::Plaintext;
use crate::poly::Poly;
use crate::scale::Scale;

impl Evaluator<'_> {
    /// `a + b`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if levels or scales differ.
    pub fn add(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        let mut out = a.clone();
        self.add_assign(&mut out, b)?;
        Ok(out)
    }

    /// `a += b`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if levels or scales differ.
    pub fn add_assign(&self, a: &mut Ciphertext, b: &Ciphertext) -> Result<(), EvaluationError> {
        self.check_addable(a, b)?;
        let level = a.level;
        for (a, b) in [(&mut a.c0, &b.c0), (&mut a.c1, &b.c1)] {
            self.for_each_row(level, a, |row, i, prime| {
                fhecc_kernels::add_assign(row, b.limb(i), &prime.modulus);
            });
        }
        Ok(())
    }

    /// `a - b`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if levels or scales differ.
    pub fn sub(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        let mut out = a.clone();
        self.sub_assign(&mut out, b)?;
        Ok(out)
    }

    /// `a -= b`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if levels or scales differ.
    pub fn sub_assign(&self, a: &mut Ciphertext, b: &Ciphertext) -> Result<(), EvaluationError> {
        self.check_addable(a, b)?;
        let level = a.level;
        for (a, b) in [(&mut a.c0, &b.c0), (&mut a.c1, &b.c1)] {
            self.for_each_row(level, a, |row, i, prime| {
                fhecc_kernels::sub_assign(row, b.limb(i), &prime.modulus);
            });
        }
        Ok(())
    }

    /// `-a`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the ciphertext is of other parameters.
    pub fn negate(&self, a: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        let mut out = a.clone();
        for poly in [&mut out.c0, &mut out.c1] {
            self.for_each_row(a.level, poly, |row, _, prime| fhecc_kernels::neg_assign(row, &prime.modulus));
        }
        Ok(out)
    }

    /// `a + b` for an encoded `b` at the same level and scale.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if levels or scales differ.
    pub fn add_plain(&self, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, EvaluationError> {
        self.check_plain(a, b)?;
        if !a.scale.matches(b.scale) {
            return Err(EvaluationError::ScaleMismatch { left: a.scale.log2(), right: b.scale.log2() });
        }
        let mut out = a.clone();
        let n = self.parameters.n();
        self.for_each_row(a.level, &mut out.c0, |row, i, prime| {
            let mut scratch = scratch_for(b, n);
            fhecc_kernels::add_assign(row, b.full_row(i, &mut scratch), &prime.modulus);
        });
        Ok(out)
    }

    /// `a + values`, repeated with their number as period.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Encoding`] if the number of values is not a power of two up to `N/2`.
    pub fn add_values(&self, a: &Ciphertext, values: &[f64]) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        self.add_plain(a, &self.encoder.encode(values, a.level, a.scale)?)
    }

    /// `a + value` in every slot.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Encoding`] if the scaled value is not below `2^120`.
    pub fn add_constant(&self, a: &Ciphertext, value: f64) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        let integer = integer_constant(value, a.scale)?;
        let mut out = a.clone();
        // A constant polynomial has the same value at every root.
        self.for_each_row(a.level, &mut out.c0, |row, _, prime| {
            fhecc_kernels::add_scalar_assign(row, residue(integer, &prime.modulus), &prime.modulus);
        });
        Ok(out)
    }

    /// `a * b` for an encoded `b` at the same level; the scales multiply.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if levels differ or the product's scale does not fit the modulus.
    pub fn mul_plain(&self, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, EvaluationError> {
        self.check_plain(a, b)?;
        let scale = self.product_scale(a.scale, b.scale, a.level)?;
        let mut out = a.clone();
        out.scale = scale;
        let n = self.parameters.n();
        for poly in [&mut out.c0, &mut out.c1] {
            self.for_each_row(a.level, poly, |row, i, prime| {
                let mut scratch = scratch_for(b, n);
                fhecc_kernels::mul_assign(row, b.full_row(i, &mut scratch), &prime.modulus);
            });
        }
        Ok(out)
    }

    /// `a * values`, repeated with their number as period. One level is consumed and the scale is unchanged:
    /// the values are encoded at the scale [`crate::Parameters::rescale_factor`].
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if no level is left or the values cannot be encoded.
    pub fn mul_values_rescale(&self, a: &Ciphertext, values: &[f64]) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        self.check_rescalable(a)?;
        let factor = self.parameters.rescale_factor(a.level);
        let product = self.mul_plain(a, &self.encoder.encode(values, a.level, factor)?)?;
        let mut out = self.rescale(&product)?;
        out.scale = a.scale;
        Ok(out)
    }

    /// `a * value`, the value being rounded to an integer over `scale`, by which the scale grows.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the scaled value is not below `2^120` or the product's scale does not fit the
    /// modulus.
    pub fn mul_constant(
        &self,
        a: &Ciphertext,
        value: f64,
        scale: Scale,
    ) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        let integer = integer_constant(value, scale)?;
        let mut out = a.clone();
        out.scale = self.product_scale(a.scale, scale, a.level)?;
        for poly in [&mut out.c0, &mut out.c1] {
            self.for_each_row(a.level, poly, |row, _, prime| {
                fhecc_kernels::mul_scalar_assign(row, residue(integer, &prime.modulus), &prime.modulus);
            });
        }
        Ok(out)
    }

    /// `i a`: every slot multiplied by the imaginary unit, exactly and without changing the scale.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the ciphertext is of other parameters.
    pub fn mul_i(&self, a: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        // The slots of X^(N/2) are zeta^(5^j N/2) = i.
        self.mul_monomial(a, self.parameters.n() / 2)
    }

    /// `X^exponent a`, exactly and without changing the scale: slot `j` is multiplied by `zeta^(5^j exponent)`,
    /// `zeta = exp(i pi / N)`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if the ciphertext is of other parameters.
    pub fn mul_monomial(&self, a: &Ciphertext, exponent: usize) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        let mut out = a.clone();
        let n = self.parameters.n();
        let mut monomial = Poly::zero(n, a.c0.limbs());
        self.for_each_row(a.level, &mut monomial, |row, _, prime| {
            let negative = exponent / n % 2 == 1;
            row[exponent % n] = if negative { prime.modulus.neg(1) } else { 1 };
            prime.ntt.forward(row);
        });
        for poly in [&mut out.c0, &mut out.c1] {
            self.for_each_row(a.level, poly, |row, i, prime| {
                fhecc_kernels::mul_assign(row, monomial.limb(i), &prime.modulus);
            });
        }
        Ok(out)
    }

    /// Divides by [`crate::Parameters::rescale_factor`] with rounding: one level and that factor of the scale are consumed.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::LevelTooLow`] at level 0.
    pub fn rescale(&self, a: &Ciphertext) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        self.check_rescalable(a)?;
        let (c0, c1) = divide_pair(&self.parameters, (a.c0.clone(), a.c1.clone()), a.level, 0, true);
        let scale = a.scale.div(self.parameters.rescale_factor(a.level));
        Ok(Ciphertext { level: self.parameters.level_below(a.level), scale, c0, c1 })
    }

    /// The same values and scale at a lower level. Within a chain the rows above it are dropped, nothing is divided.
    /// To levels with other primes it takes a product with the integer next to [`crate::Parameters::rescale_factor`]
    /// and a rescale, which adds the noise of one and a relative error of half the inverse of that factor.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::LevelTooHigh`] if `level` is above the ciphertext's or one that a bootstrap's primes do not lead
    /// to, [`EvaluationError::ScaleRange`] if the product does not fit the modulus.
    pub fn drop_level(&self, a: &Ciphertext, level: usize) -> Result<Ciphertext, EvaluationError> {
        self.check(a)?;
        if level > a.level {
            return Err(EvaluationError::LevelTooHigh { found: level, allowed: a.level });
        }
        let lowest = self.parameters.lowest_level(a.level);
        let kept = level.max(lowest);
        let limbs = self.parameters.limbs_at(kept);
        let (c0, c1) = (a.c0.truncated(limbs), a.c1.truncated(limbs));
        let dropped = Ciphertext { level: kept, scale: a.scale, c0, c1 };
        if level >= lowest {
            return Ok(dropped);
        }
        let product = self.mul_constant(&dropped, 1.0, self.parameters.rescale_factor(lowest))?;
        self.drop_level(&self.rescale(&product)?, level)
    }

    pub(crate) fn check_rescalable(&self, a: &Ciphertext) -> Result<(), EvaluationError> {
        if a.level == 0 { Err(EvaluationError::LevelTooLow { found: 0, needed: 1 }) } else { Ok(()) }
    }

    /// The scale of a product, checked against the modulus at `level`.
    pub(crate) fn product_scale(&self, a: Scale, b: Scale, level: usize) -> Result<Scale, EvaluationError> {
        let scale = a.mul(b);
        let bits = |prime: &RingPrime| (prime.modulus.value() as f64).log2();
        let modulus: f64 = self.parameters.moduli_at(level).iter().map(bits).sum();
        if scale.log2() < modulus {
            Ok(scale)
        } else {
            Err(EvaluationError::ScaleRange { found: scale.log2(), allowed: (0.0, modulus) })
        }
    }

    fn check_plain(&self, a: &Ciphertext, b: &Plaintext) -> Result<(), EvaluationError> {
        self.check(a)?;
        if !b.fits(&self.parameters) {
            let (found, expected) = (b.poly.n(), self.parameters.n());
            return Err(EvaluationError::ParametersMismatch { what: "plaintext length", found, expected });
        }
        if a.level != b.level {
            return Err(EvaluationError::LevelMismatch { left: a.level, right: b.level });
        }
        Ok(())
    }
}

/// Room for a repeated row, if the plaintext needs it.
fn scratch_for(plaintext: &Plaintext, n: usize) -> Vec<u64> {
    if plaintext.poly.n() == n { Vec::new() } else { vec![0; n] }
}

/// `round(value * scale)`.
pub(crate) fn integer_constant(value: f64, scale: Scale) -> Result<i128, EvaluationError> {
    const MAX_LOG2: f64 = 120.0;
    let (hi, lo) = scale.to_parts();
    let scaled = value * hi;
    let log2 = scaled.abs().log2();
    if log2.is_nan() || log2 >= MAX_LOG2 {
        return Err(crate::error::EncodingError::TooLarge { log2, allowed: MAX_LOG2 }.into());
    }
    // The rounding error of the first product and the scale's tail keep constants exact beyond 53 bits.
    let tail = value.mul_add(hi, -scaled) + value * lo;
    let whole = scaled.round();
    Ok(whole as i128 + ((scaled - whole) + tail).round() as i128)
}

/// A signed integer modulo a prime.
pub(crate) fn residue(integer: i128, m: &fhecc_kernels::Modulus) -> u64 {
    let residue = m.reduce_u128(integer.unsigned_abs());
    if integer < 0 { m.neg(residue) } else { residue }
}
