//! A prime modulus and the constants that make reduction by it cheap.

/// The low 52 bits: Shoup and Montgomery factors are relative to `2^52`, the word of the IFMA instructions.
pub(crate) const MASK: u64 = (1 << 52) - 1;

/// An odd prime `q < 2^50` with its precomputed constants.
///
/// Primality is the caller's promise: it is not tested, and only [`Modulus::inv`] and the NTT rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modulus {
    pub(crate) q: u64,
    /// Bit length of `q`.
    pub(crate) bits: u32,
    /// `floor(2^(51 + bits) / q)`, below `2^52`: Barrett constant for products of two canonical values.
    pub(crate) barrett: u64,
    /// `floor(2^64 / q)`: Barrett constant for single words.
    barrett64: u64,
    /// `2^64 mod q`.
    word: u64,
}

impl Modulus {
    /// `None` if `q` is even, below 3, or not below `2^50`.
    #[must_use]
    pub fn new(q: u64) -> Option<Self> {
        if q < 3 || q.is_multiple_of(2) || q >= 1 << 50 {
            return None;
        }
        let bits = u64::BITS - q.leading_zeros();
        Some(Self {
            q,
            bits,
            barrett: narrow((1 << (51 + bits)) / u128::from(q)),
            barrett64: narrow((1 << 64) / u128::from(q)),
            word: narrow((1 << 64) % u128::from(q)),
        })
    }

    /// The prime itself.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.q
    }

    /// `a + b` for canonical operands.
    #[inline]
    #[must_use]
    pub fn add(&self, a: u64, b: u64) -> u64 {
        self.fold(a + b)
    }

    /// `a - b` for canonical operands.
    #[inline]
    #[must_use]
    pub fn sub(&self, a: u64, b: u64) -> u64 {
        let d = a.wrapping_sub(b);
        d.min(d.wrapping_add(self.q))
    }

    /// `-a` for a canonical operand.
    #[inline]
    #[must_use]
    pub fn neg(&self, a: u64) -> u64 {
        self.sub(0, a)
    }

    /// `a * b` for canonical operands.
    ///
    /// With `k = bits`, `h = floor(ab / 2^(k-1))` and `t = floor(h * barrett / 2^52)`: the three roundings make
    /// `t` fall short of `ab / q` by less than `1 + 1/2 + 1`, so the remainder is below `2.5 q`.
    #[inline]
    #[must_use]
    pub fn mul(&self, a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        let high = narrow(product >> (self.bits - 1));
        let quotient = narrow((u128::from(high) * u128::from(self.barrett)) >> 52);
        self.fold(self.fold(low(product).wrapping_sub(quotient.wrapping_mul(self.q))))
    }

    /// `b^e` for canonical `b`; `0^0 = 1`.
    #[must_use]
    pub fn pow(&self, mut b: u64, mut e: u64) -> u64 {
        let mut power = 1;
        while e > 0 {
            if e & 1 == 1 {
                power = self.mul(power, b);
            }
            b = self.mul(b, b);
            e >>= 1;
        }
        power
    }

    /// The inverse of canonical `a != 0`, by Fermat: needs `q` prime.
    #[must_use]
    pub fn inv(&self, a: u64) -> u64 {
        debug_assert_ne!(a, 0, "zero has no inverse");
        self.pow(a, self.q - 2)
    }

    /// Any word modulo `q`.
    #[inline]
    #[must_use]
    pub fn reduce(&self, x: u64) -> u64 {
        let quotient = narrow((u128::from(x) * u128::from(self.barrett64)) >> 64);
        self.fold(x.wrapping_sub(quotient.wrapping_mul(self.q)))
    }

    /// Any double word modulo `q`.
    #[inline]
    #[must_use]
    pub fn reduce_u128(&self, x: u128) -> u64 {
        let high = self.reduce(narrow(x >> 64));
        self.add(self.mul(high, self.word), self.reduce(low(x)))
    }

    /// Any signed word modulo `q`.
    #[inline]
    #[must_use]
    pub fn from_i64(&self, x: i64) -> u64 {
        let r = self.reduce(x.unsigned_abs());
        if x < 0 { self.neg(r) } else { r }
    }

    /// `floor(2^52 * s / q)` for canonical `s`: the companion with which [`Modulus::mul_shoup`] multiplies.
    #[inline]
    pub(crate) fn shoup(&self, s: u64) -> u64 {
        narrow((u128::from(s) << 52) / u128::from(self.q))
    }

    /// `x * s` in `[0, 2q)` for any `x < 2^52` (Shoup; Harvey, arXiv:1205.2926, algorithm 2, with word size 2^52).
    #[inline]
    pub(crate) fn mul_shoup_lazy(&self, x: u64, s: u64, shoup: u64) -> u64 {
        // Shifting `x` first leaves a plain high word instead of a 128-bit shift.
        let quotient = narrow((u128::from(x << 12) * u128::from(shoup)) >> 64);
        x.wrapping_mul(s).wrapping_sub(quotient.wrapping_mul(self.q))
    }

    /// `x * s`, canonical, for any `x < 2^52`.
    #[inline]
    pub(crate) fn mul_shoup(&self, x: u64, s: u64, shoup: u64) -> u64 {
        self.fold(self.mul_shoup_lazy(x, s, shoup))
    }

    /// `q^-1 mod 2^52`, by Newton's iteration: each step doubles the number of right bits, of which `q` has three.
    pub(crate) fn montgomery_inverse(&self) -> u64 {
        let step = |x: u64, _| x.wrapping_mul(2_u64.wrapping_sub(self.q.wrapping_mul(x)));
        (0..5).fold(self.q, step) & MASK
    }

    /// `x / 2^52`, canonical, for `x < 2^53 q` and `inverse = q^-1 mod 2^52` (Montgomery, 1985).
    #[inline]
    pub(crate) fn montgomery(&self, x: u128, inverse: u64) -> u64 {
        let m = low(x).wrapping_mul(inverse) & MASK;
        // `x - m q` is a multiple of 2^52, so the low halves cancel.
        let multiple = narrow((u128::from(m) * u128::from(self.q)) >> 52);
        let r = narrow(x >> 52) + self.q - multiple;
        self.fold(r.min(r.wrapping_sub(2 * self.q)))
    }

    /// `[0, 2q)` to `[0, q)`.
    #[inline]
    pub(crate) fn fold(&self, x: u64) -> u64 {
        x.min(x.wrapping_sub(self.q))
    }
}

/// The low word of a value known to fit in it.
#[inline]
fn narrow(x: u128) -> u64 {
    debug_assert!(x >> 64 == 0);
    low(x)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low word is what is asked for")]
fn low(x: u128) -> u64 {
    x as u64
}
