//! Fast base conversion between RNS bases, centred.
//!
//! Halevi, Polyakov, Shoup, "An improved RNS variant of the BFV scheme" (eprint 2018/117), section 2.2.

use crate::Modulus;
use crate::isa::active;

/// The largest source basis.
pub(crate) const MAX_FROM: usize = 8;

/// Converts residues modulo `Q = q_1 ... q_k`, `k <= 8`, to residues modulo other primes.
///
/// It starts from the digits `y_i = x_i (Q/q_i)^-1 mod q_i`: the inverse transforms that give the coefficients multiply by
/// [`BaseConverter::digit_factors`] at no cost. With `v = round(sum y_i / q_i)`, the result is `sum y_i (Q/q_i) - v Q`: the
/// representative of `x` in `(-Q/2, Q/2]`. The sum is computed in `f64` with an error below `2^-46`: an `x` that
/// is nearer to `Q/2` than `2^-46 Q` may come out `Q` larger or smaller. For `k = 1` the result is exact.
#[derive(Debug)]
pub struct BaseConverter {
    pub(crate) tables: ConverterTables,
}

/// What an instruction set needs to know about a conversion.
#[derive(Debug)]
pub(crate) struct ConverterTables {
    /// `1/q_i`.
    pub(crate) reciprocals: Vec<f64>,
    /// Bits of the largest `q_i`.
    pub(crate) bits: u32,
    pub(crate) to: Vec<ToPrime>,
}

/// One prime of the target. Factors are in Montgomery form, so that a sum of products is reduced by one more.
#[derive(Debug)]
pub(crate) struct ToPrime {
    pub(crate) modulus: Modulus,
    /// `p^-1 mod 2^52`.
    pub(crate) inverse: u64,
    /// `2^52 (Q/q_i) mod p`; zero beyond the source basis.
    pub(crate) factors: [u64; MAX_FROM],
    /// `-2^52 v Q mod p` for every `v`, of which `0..=MAX_FROM` are possible.
    pub(crate) corrections: [u64; 16],
}

/// The product of all source primes but the i-th, modulo m.
fn cofactor(from: &[Modulus], m: &Modulus, i: usize) -> u64 {
    let others = from.iter().enumerate().filter(|&(j, _)| j != i);
    others.fold(1, |product, (_, q)| m.mul(product, m.reduce(q.value())))
}

impl BaseConverter {
    /// Prepares the conversion between two bases. Primes must be distinct within `from`; `to` may repeat them.
    ///
    /// # Panics
    ///
    /// If `from` is empty or has more than 8 primes.
    #[must_use]
    pub fn new(from: &[Modulus], to: &[Modulus]) -> Self {
        assert!((1..=MAX_FROM).contains(&from.len()), "a source basis has 1 to {MAX_FROM} primes");
        #[expect(clippy::cast_precision_loss, reason = "exact: below 2^50")]
        let reciprocal = |q: &Modulus| 1.0 / q.value() as f64;
        let to_prime = |p: &Modulus| {
            let mut factors = [0; MAX_FROM];
            for (i, factor) in factors.iter_mut().take(from.len()).enumerate() {
                *factor = p.mul(p.reduce(1 << 52), cofactor(from, p, i));
            }
            let product = p.mul(factors[0], p.reduce(from[0].value()));
            let mut corrections = [0; 16];
            for v in 1..corrections.len() {
                corrections[v] = p.sub(corrections[v - 1], product);
            }
            ToPrime { modulus: *p, inverse: p.montgomery_inverse(), factors, corrections }
        };
        let tables = ConverterTables {
            reciprocals: from.iter().map(reciprocal).collect(),
            bits: from.iter().map(|q| q.bits).fold(0, u32::max),
            to: to.iter().map(to_prime).collect(),
        };
        Self { tables }
    }

    /// `(Q/q_i)^-1 mod q_i` for every source prime.
    ///
    /// # Panics
    ///
    /// If two primes are equal.
    #[must_use]
    pub fn digit_factors(from: &[Modulus]) -> Vec<u64> {
        let factor = |(i, q): (usize, &Modulus)| {
            let cofactor = cofactor(from, q, i);
            assert_ne!(cofactor, 0, "source primes must be distinct");
            q.inv(cofactor)
        };
        from.iter().enumerate().map(factor).collect()
    }

    /// `src[i]` holds the digits `y_i` of the coefficients; `dst[j]` receives canonical residues modulo the j-th target prime.
    ///
    /// # Panics
    ///
    /// If the number of limbs differs from the bases, or two limbs differ in length.
    pub fn convert(&self, src: &[&[u64]], dst: &mut [&mut [u64]]) {
        assert_eq!(src.len(), self.tables.reciprocals.len(), "one source limb per source prime");
        assert_eq!(dst.len(), self.tables.to.len(), "one target limb per target prime");
        let n = src[0].len();
        assert!(src.iter().all(|limb| limb.len() == n), "limbs must match in length");
        assert!(dst.iter().all(|limb| limb.len() == n), "limbs must match in length");
        active().convert(&self.tables, src, dst);
    }
}
