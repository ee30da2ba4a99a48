//! Eight residues in one register.
//!
//! The multiplier of IFMA reads the low 52 bits of its operands, so between multiplications a lane may hold any
//! `u64` that is right modulo `2^52`: borrows out of bit 51 are left where they are. Such a lane is called
//! *loose*. It must be [`Lanes::tidy`] before it is compared or stored as a result.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_loadu_epi64, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_min_epu64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_sllv_epi64,
    _mm512_storeu_epi64, _mm512_sub_epi64,
};

use crate::Modulus;
use crate::modulus::MASK;

/// What one register loads from memory.
pub(super) type Row = [u64; 8];

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(row: &Row) -> __m512i {
    // SAFETY: `row` is 64 readable bytes; the load has no alignment requirement.
    unsafe { _mm512_loadu_epi64(row.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store(row: &mut Row, x: __m512i) {
    // SAFETY: `row` is 64 writable bytes; the store has no alignment requirement.
    unsafe { _mm512_storeu_epi64(row.as_mut_ptr().cast(), x) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x.cast_signed())
}

/// A factor, the same or different in each lane, with its Shoup companion `floor(2^52 value / q)`.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    pub(super) value: __m512i,
    pub(super) shoup: __m512i,
}

impl Factor {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn splat(pair: [u64; 2]) -> Self {
        Self { value: splat(pair[0]), shoup: splat(pair[1]) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn load(rows: &[Row; 2]) -> Self {
        Self { value: load(&rows[0]), shoup: load(&rows[1]) }
    }

    /// `2^52 mod q`: what a high half weighs.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn radix(m: &Modulus) -> Self {
        let radix = m.reduce(1 << 52);
        Self::splat([radix, m.shoup(radix)])
    }
}

/// A modulus in every lane.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    pub(super) q: __m512i,
    /// `2^52 - q`: lets a multiplication subtract a multiple of `q`.
    minus_q: __m512i,
    /// `floor(2^52 / q)`.
    reciprocal: __m512i,
    mask: __m512i,
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(m: &Modulus) -> Self {
        Self {
            q: splat(m.q),
            minus_q: splat((1 << 52) - m.q),
            reciprocal: splat((1 << 52) / m.q),
            mask: splat(MASK),
        }
    }

    /// Loose to tidy: the low 52 bits.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn tidy(self, x: __m512i) -> __m512i {
        _mm512_and_si512(x, self.mask)
    }

    /// `x * f` in `[0, 2q)`, loose, for any loose `x`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn mul_lazy(self, x: __m512i, f: Factor) -> __m512i {
        self.mul_add_lazy(_mm512_setzero_si512(), x, f)
    }

    /// `acc + x * f`, loose, the product being in `[0, 2q)`, for any loose `x`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn mul_add_lazy(self, acc: __m512i, x: __m512i, f: Factor) -> __m512i {
        self.mul_add_less(_mm512_setzero_si512(), acc, x, f)
    }

    /// [`Lanes::mul_add_lazy`] less `k q`, `k` small and signed, at no cost: the quotient starts at `k`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn mul_add_less(self, k: __m512i, acc: __m512i, x: __m512i, f: Factor) -> __m512i {
        let quotient = _mm512_madd52hi_epu64(k, x, f.shoup);
        let sum = _mm512_madd52lo_epu64(acc, x, f.value);
        _mm512_madd52lo_epu64(sum, quotient, self.minus_q)
    }

    /// Any loose `x` to `[0, 2q)`, loose: the quotient falls short by less than `1 + x / 2^52`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn refresh(self, x: __m512i) -> __m512i {
        self.refresh_less(_mm512_setzero_si512(), x)
    }

    /// [`Lanes::refresh`] less `k q`, `k` small and signed, at no cost.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn refresh_less(self, k: __m512i, x: __m512i) -> __m512i {
        let quotient = _mm512_madd52hi_epu64(k, x, self.reciprocal);
        _mm512_madd52lo_epu64(x, quotient, self.minus_q)
    }

    /// Loose `[0, 2q)` to canonical.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn finish(self, x: __m512i) -> __m512i {
        self.fold(self.tidy(x), self.q)
    }

    /// Loose `[0, 4q)` to canonical.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn finish4(self, x: __m512i) -> __m512i {
        let twice = _mm512_add_epi64(self.q, self.q);
        self.fold(self.fold(self.tidy(x), twice), self.q)
    }

    /// Tidy `[0, 2 bound)` to `[0, bound)`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn fold(self, x: __m512i, bound: __m512i) -> __m512i {
        _mm512_min_epu64(x, _mm512_sub_epi64(x, bound))
    }

    /// `a + b`, canonical.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn add(self, a: __m512i, b: __m512i) -> __m512i {
        self.fold(_mm512_add_epi64(a, b), self.q)
    }

    /// `a - b`, canonical.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn sub(self, a: __m512i, b: __m512i) -> __m512i {
        let d = _mm512_sub_epi64(a, b);
        _mm512_min_epu64(d, _mm512_add_epi64(d, self.q))
    }
}

/// What multiplying two canonical values takes: the Barrett reduction of [`Modulus::mul`].
#[derive(Clone, Copy)]
pub(super) struct Product {
    lanes: Lanes,
    /// `52 - bits`.
    shift: __m512i,
    barrett: __m512i,
}

impl Product {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(m: &Modulus) -> Self {
        Self { lanes: Lanes::new(m), shift: splat(u64::from(52 - m.bits)), barrett: splat(m.barrett) }
    }

    /// `a * b`, canonical.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn mul(self, a: __m512i, b: __m512i) -> __m512i {
        self.mul_add(_mm512_setzero_si512(), a, b)
    }

    /// `acc + a * b`, canonical.
    ///
    /// The operands are shifted up so that the high half of their product is `floor(ab / 2^(bits - 1))`. The
    /// remainder is below `2.5 q`, as [`Modulus::mul`] shows; with `acc` below `3.5 q`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn mul_add(self, acc: __m512i, a: __m512i, b: __m512i) -> __m512i {
        let zero = _mm512_setzero_si512();
        let high = _mm512_madd52hi_epu64(zero, _mm512_sllv_epi64(a, self.shift), _mm512_add_epi64(b, b));
        let quotient = _mm512_madd52hi_epu64(zero, high, self.barrett);
        let low = _mm512_madd52lo_epu64(acc, a, b);
        self.lanes.finish4(_mm512_madd52lo_epu64(low, quotient, self.lanes.minus_q))
    }
}
