//! The factor between slot values and the integers that carry them.

use std::fmt;

/// A positive real with about 100 significant bits, kept as an unevaluated sum `hi + lo` of doubles.
///
/// Every rescale divides by a prime that is not a power of two, so scales are products and quotients of
/// primes. Double-double arithmetic (Dekker 1971; Joldes, Muller, Popescu, "Tight and rigorous error bounds
/// for basic building blocks of double-word arithmetic", 2017) has a relative error below `2^-100` per
/// operation: two computations of the same product agree to [`Scale::matches`]'s tolerance after far more
/// operations than any network performs.
#[derive(Clone, Copy, PartialEq)]
pub struct Scale {
    hi: f64,
    lo: f64,
}

/// Relative difference up to which two scales count as equal.
const TOLERANCE: f64 = 1.0 / (1u64 << 60) as f64;

impl Scale {
    /// The scale `2^exponent`, for exponents in `-1000..=1000` (clamped to that range).
    pub fn from_pow2(exponent: i32) -> Self {
        Self { hi: f64::exp2(f64::from(exponent.clamp(-1000, 1000))), lo: 0.0 }
    }

    /// The scale `value`, exactly. Every prime below `2^50` is representable.
    ///
    /// Returns `None` unless `value` is finite and positive.
    pub fn from_f64(value: f64) -> Option<Self> {
        (value.is_finite() && value > 0.0).then_some(Self { hi: value, lo: 0.0 })
    }

    /// The scale equal to the prime `q < 2^53`.
    pub fn from_prime(q: u64) -> Self {
        Self { hi: q as f64, lo: 0.0 }
    }

    /// `self * other`.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "scales are combined by name, values by operators")]
    pub fn mul(self, other: Self) -> Self {
        let (product, error) = two_product(self.hi, other.hi);
        let cross = self.hi.mul_add(other.lo, self.lo * other.hi);
        Self::normalised(product, error + cross)
    }

    /// `self / other`.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "scales are combined by name, values by operators")]
    pub fn div(self, other: Self) -> Self {
        let first = self.hi / other.hi;
        let (r_hi, r_lo) = self.minus_product(other, first);
        let second = r_hi / other.hi;
        let third = {
            let rest = Self { hi: r_hi, lo: r_lo }.minus_product(other, second);
            rest.0 / other.hi
        };
        let (sum, error) = fast_two_sum(first, second);
        Self::normalised(sum, error + third)
    }

    /// The square root: one Newton step from the root of the leading double.
    #[must_use]
    pub fn sqrt(self) -> Self {
        let root = self.hi.sqrt();
        let (square, error) = two_product(root, root);
        let rest = ((self.hi - square) - error) + self.lo;
        Self::normalised(root, rest / (2.0 * root))
    }

    /// `self * q` for a prime `q`.
    #[must_use]
    pub fn mul_prime(self, q: u64) -> Self {
        self.mul(Self::from_prime(q))
    }

    /// `self / q` for a prime `q`: the scale after a rescale by `q`.
    #[must_use]
    pub fn div_prime(self, q: u64) -> Self {
        self.div(Self::from_prime(q))
    }

    /// `self / other` as a double.
    pub fn ratio(self, other: Self) -> f64 {
        self.div(other).to_f64()
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        self.hi + self.lo
    }

    /// `log2(self)`, as a double.
    pub fn log2(self) -> f64 {
        self.hi.log2() + (self.lo / self.hi) * std::f64::consts::LOG2_E
    }

    /// Whether the two scales are equal up to a relative difference of `2^-60`.
    pub fn matches(self, other: Self) -> bool {
        let quotient = self.div(other);
        ((quotient.hi - 1.0) + quotient.lo).abs() <= TOLERANCE
    }

    /// Whether this is a normal positive finite number with a normalised tail: true for every scale built by
    /// this type, and the check for scales that come from bytes.
    pub fn is_valid(self) -> bool {
        self.hi.is_normal() && self.hi > 0.0 && self.lo.is_finite() && self.hi + self.lo == self.hi
    }

    /// The pair of doubles `(hi, lo)`, for serialisation.
    pub fn to_parts(self) -> (f64, f64) {
        (self.hi, self.lo)
    }

    /// The scale with these parts; `None` unless [`Scale::is_valid`].
    pub fn from_parts(hi: f64, lo: f64) -> Option<Self> {
        let scale = Self { hi, lo };
        scale.is_valid().then_some(scale)
    }

    fn normalised(hi: f64, lo: f64) -> Self {
        let (hi, lo) = fast_two_sum(hi, lo);
        Self { hi, lo }
    }

    /// `self - other * factor` as a double-double pair.
    fn minus_product(self, other: Self, factor: f64) -> (f64, f64) {
        let (product, error) = two_product(other.hi, factor);
        let tail = other.lo.mul_add(factor, error);
        let (hi, low) = two_sum(self.hi, -product);
        fast_two_sum(hi, low + (self.lo - tail))
    }
}

impl fmt::Debug for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2^{:.12}", self.log2())
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2^{:.4}", self.log2())
    }
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let bb = sum - a;
    (sum, (a - (sum - bb)) + (b - bb))
}

/// Exact sum for `|a| >= |b|`.
fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIMES: [u64; 4] = [1_099_511_480_321, 268_369_921, 2_147_352_577, 281_474_976_546_817];

    #[test]
    fn products_and_quotients_cancel_far_below_the_tolerance() {
        let mut scale = Scale::from_pow2(31);
        for _ in 0..25 {
            for q in PRIMES {
                scale = scale.mul_prime(q);
            }
            for q in PRIMES.iter().rev() {
                scale = scale.div_prime(*q);
            }
        }
        let off = (scale.hi - 2f64.powi(31)) + scale.lo;
        assert!(off.abs() / 2f64.powi(31) < 2f64.powi(-90), "{off:e}");
        assert!(scale.matches(Scale::from_pow2(31)));
    }

    #[test]
    fn nearby_scales_do_not_match() {
        let a = Scale::from_pow2(40);
        assert!(!a.matches(a.mul(Scale::from_parts(1.0, 2f64.powi(-58)).unwrap())));
        assert!(a.matches(a.mul(Scale::from_parts(1.0, 2f64.powi(-62)).unwrap())));
        assert!(!a.matches(Scale::from_pow2(39)));
    }

    #[test]
    fn parts_round_trip_and_bad_parts_are_refused() {
        let scale = Scale::from_pow2(31).mul_prime(PRIMES[0]).div_prime(PRIMES[1]);
        let (hi, lo) = scale.to_parts();
        assert_eq!(Scale::from_parts(hi, lo).unwrap().to_parts(), (hi, lo));
        for (hi, lo) in
            [(f64::NAN, 0.0), (-1.0, 0.0), (0.0, 0.0), (1.0, 0.5), (f64::INFINITY, 0.0), (1.0, f64::NAN)]
        {
            assert!(Scale::from_parts(hi, lo).is_none());
        }
    }

    #[test]
    fn square_roots_square_back() {
        for q in PRIMES {
            let scale = Scale::from_pow2(31).mul_prime(q).div_prime(PRIMES[0]);
            assert!(scale.sqrt().mul(scale.sqrt()).matches(scale));
        }
    }

    #[test]
    fn logarithm_and_ratio() {
        let scale = Scale::from_prime(PRIMES[3]);
        assert!((scale.log2() - (PRIMES[3] as f64).log2()).abs() < 1e-12);
        assert_eq!(Scale::from_pow2(5).ratio(Scale::from_pow2(3)), 4.0);
    }
}
