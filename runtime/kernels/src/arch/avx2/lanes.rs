//! Four residues in one register: as words in memory, as signed integers in `f64` for arithmetic.
//!
//! Additions and subtractions of such integers are exact below `2^53`. No operation here gives the value -0.

use std::arch::x86_64::{
    __m256d, __m256i, _mm256_add_epi64, _mm256_add_pd, _mm256_blendv_pd, _mm256_castpd_si256,
    _mm256_castsi256_pd, _mm256_fmadd_pd, _mm256_fmsub_pd, _mm256_fnmadd_pd, _mm256_loadu_si256,
    _mm256_mul_pd, _mm256_or_si256, _mm256_set1_epi64x, _mm256_set1_pd, _mm256_storeu_si256,
    _mm256_sub_epi64, _mm256_sub_pd,
};

use crate::Modulus;

/// What one register loads from memory.
pub(super) type Row = [u64; 4];

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(row: &Row) -> __m256i {
    // SAFETY: `row` is 32 readable bytes; the load has no alignment requirement.
    unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(row: &mut Row, x: __m256i) {
    // SAFETY: `row` is 32 writable bytes; the store has no alignment requirement.
    unsafe { _mm256_storeu_si256(row.as_mut_ptr().cast(), x) }
}

/// Loads what [`store_float`] stored.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_float(row: &Row) -> __m256d {
    _mm256_castsi256_pd(load(row))
}

/// Stores the bits of floating point values, for [`load_float`].
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_float(row: &mut Row, x: __m256d) {
    store(row, _mm256_castpd_si256(x));
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn splat(x: u64) -> __m256i {
    _mm256_set1_epi64x(x.cast_signed())
}

/// `1.5 * 2^52`: adding it to an `f64` below `2^51` in magnitude rounds that to an integer, which can then be read
/// off the low bits.
pub(super) const ROUND: f64 = 6_755_399_441_055_744.0;

/// `2^52`: its low bits hold any word below `2^52` that is put in.
const WORD: f64 = 4_503_599_627_370_496.0;

/// A word below `2^53`, exactly.
#[inline]
#[expect(clippy::cast_precision_loss, reason = "exact: below 2^53")]
pub(super) fn exact(x: u64) -> f64 {
    debug_assert!(x < 1 << 53);
    x as f64
}

/// The residue nearest to zero of a canonical value.
#[inline]
pub(super) fn centred(x: u64, m: &Modulus) -> f64 {
    if x > m.q / 2 { -exact(m.q - x) } else { exact(x) }
}

/// Words below `2^52`.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn float(x: __m256i) -> __m256d {
    let word = _mm256_castsi256_pd(_mm256_or_si256(x, splat(WORD.to_bits())));
    _mm256_sub_pd(word, _mm256_set1_pd(WORD))
}

/// Signed words below `2^51` in magnitude.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn float_signed(x: __m256i) -> __m256d {
    let word = _mm256_castsi256_pd(_mm256_add_epi64(x, splat(ROUND.to_bits())));
    _mm256_sub_pd(word, _mm256_set1_pd(ROUND))
}

/// The nearest integer to values below `2^51` in magnitude.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn round_product(x: __m256d, y: __m256d) -> __m256d {
    let round = _mm256_set1_pd(ROUND);
    _mm256_sub_pd(_mm256_fmadd_pd(x, y, round), round)
}

/// A constant factor `w`, the same or different in each lane, `|w| < q/2`, with its companion `w/q`.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    value: __m256d,
    quotient: __m256d,
}

/// A modulus in every lane.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    pub(super) q: __m256d,
    pub(super) reciprocal: __m256d,
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(m: &Modulus) -> Self {
        let q = exact(m.q);
        Self { q: _mm256_set1_pd(q), reciprocal: _mm256_set1_pd(1.0 / q) }
    }

    /// A factor from centred values, or these times a power of two. The companion has a relative error of
    /// `2^-52`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn factor(self, value: __m256d) -> Factor {
        Factor { value, quotient: _mm256_mul_pd(value, self.reciprocal) }
    }

    /// The factor `s`, canonical.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn scalar(self, s: u64, m: &Modulus) -> Factor {
        self.factor(_mm256_set1_pd(centred(s, m)))
    }

    /// `x w` modulo `q`, of magnitude at most `(1/2 + |x| / 2^53) q`, for `|x| < 2^52`.
    ///
    /// The quotient `c` is below `2^51` and off by at most `1/2` for rounding and `|x| |w/q| 2^-52` for the
    /// companion. The rounded product `h` is off by `l`, an integer below `2^48`. So `h - c q` is an integer below
    /// `2^53`, and both fused operations are exact.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn mul(self, x: __m256d, w: Factor) -> __m256d {
        let c = round_product(x, w.quotient);
        let h = _mm256_mul_pd(x, w.value);
        let l = _mm256_fmsub_pd(x, w.value, h);
        _mm256_add_pd(_mm256_fnmadd_pd(c, self.q, h), l)
    }

    /// `a b` modulo `q`, of magnitude below `3/4 q`, for canonical operands.
    ///
    /// As [`Lanes::mul`], but the quotient comes from the rounded product and the reciprocal: with their relative
    /// errors of `2^-53` each, and being below `2^50`, it is off by at most `1/2 + 1/4`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn product(self, a: __m256d, b: __m256d) -> __m256d {
        let h = _mm256_mul_pd(a, b);
        let c = round_product(h, self.reciprocal);
        let l = _mm256_fmsub_pd(a, b, h);
        _mm256_add_pd(_mm256_fnmadd_pd(c, self.q, h), l)
    }

    /// `x` modulo `q`, of magnitude at most `(q + 1) / 2`, for `|x| <= 2^53` with `|x / q| < 2^51`.
    ///
    /// The quotient is off by at most `1/2 + |x/q| / 2^53`, which makes the remainder at most `q/2 + 1`, if not an
    /// integer; it is one.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn lower(self, x: __m256d) -> __m256d {
        _mm256_fnmadd_pd(round_product(x, self.reciprocal), self.q, x)
    }
}

/// A modulus in every lane, for words.
#[derive(Clone, Copy)]
pub(super) struct Words {
    q: __m256i,
    /// The bits of [`ROUND`], and those less `q`.
    round: __m256i,
    round_less_q: __m256i,
}

impl Words {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(m: &Modulus) -> Self {
        let round = ROUND.to_bits();
        Self { q: splat(m.q), round: splat(round), round_less_q: splat(round - m.q) }
    }

    /// `f64` in `(-q, q)` to canonical words.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn finish(self, x: __m256d) -> __m256i {
        let bits = _mm256_castpd_si256(_mm256_add_pd(x, _mm256_set1_pd(ROUND)));
        let (r, raised) = (_mm256_sub_epi64(bits, self.round), _mm256_sub_epi64(bits, self.round_less_q));
        if_negative(r, raised, r)
    }

    /// `a + b`, canonical.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn add(self, a: __m256i, b: __m256i) -> __m256i {
        let sum = _mm256_add_epi64(a, b);
        let lowered = _mm256_sub_epi64(sum, self.q);
        if_negative(lowered, sum, lowered)
    }

    /// `a - b`, canonical.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn sub(self, a: __m256i, b: __m256i) -> __m256i {
        let difference = _mm256_sub_epi64(a, b);
        if_negative(difference, _mm256_add_epi64(difference, self.q), difference)
    }
}

/// `a` where `x < 0`, else `b`.
#[inline]
#[target_feature(enable = "avx2")]
fn if_negative(x: __m256i, a: __m256i, b: __m256i) -> __m256i {
    let (x, a, b) = (_mm256_castsi256_pd(x), _mm256_castsi256_pd(a), _mm256_castsi256_pd(b));
    _mm256_castpd_si256(_mm256_blendv_pd(b, a, x))
}
