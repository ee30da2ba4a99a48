//! Automorphisms of the ring, named by the power of `X` they send `X` to.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use fhecc_kernels::Automorphism;

/// The automorphism `X -> X^e`, `e` odd and below `2N`.
///
/// Slot `j` of a ciphertext is the value at `zeta^(5^j)`, so `e = 5^k` moves every slot by `k` to the left
/// and `e = -1` conjugates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Galois(u32);

impl Galois {
    /// The identity.
    pub const IDENTITY: Self = Self(1);

    /// Rotation of the slots of a ring of degree `n` by `k` to the left: `out[s] = in[s + k]`.
    pub fn rotation(k: i64, n: usize) -> Self {
        let modulus = 2 * n as u64;
        let mut exponent = k.rem_euclid(n as i64 / 2) as u64;
        let (mut result, mut square) = (1u64, 5u64);
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = result * square % modulus;
            }
            square = square * square % modulus;
            exponent >>= 1;
        }
        Self(result as u32)
    }

    /// Complex conjugation of every slot.
    pub fn conjugation(n: usize) -> Self {
        Self(2 * n as u32 - 1)
    }

    /// The automorphism with this exponent; `None` unless it is odd and below `2n`.
    pub fn from_exponent(exponent: u32, n: usize) -> Option<Self> {
        (exponent % 2 == 1 && (exponent as usize) < 2 * n).then_some(Self(exponent))
    }

    /// The exponent `e`.
    pub fn exponent(self) -> u32 {
        self.0
    }

    /// `X -> X^(e f)`: this automorphism after `other`, or before it (they commute).
    #[must_use]
    pub fn compose(self, other: Self, n: usize) -> Self {
        Self((u64::from(self.0) * u64::from(other.0) % (2 * n as u64)) as u32)
    }

    /// The inverse automorphism.
    #[must_use]
    pub fn inverse(self, n: usize) -> Self {
        // Newton's iteration modulo powers of two: an odd e is its own inverse modulo 8.
        let e = self.0;
        let mut inverse = e;
        for _ in 0..4 {
            inverse = inverse.wrapping_mul(2u32.wrapping_sub(e.wrapping_mul(inverse)));
        }
        Self(inverse & (2 * n as u32 - 1))
    }
}

/// Permutations made so far, for one ring degree.
#[derive(Debug, Default)]
pub(crate) struct Permutations {
    made: RwLock<BTreeMap<Galois, Arc<Automorphism>>>,
}

impl Permutations {
    /// That of `galois` in the ring of degree `n`; all calls must name the same `n`.
    pub(crate) fn get(&self, galois: Galois, n: usize) -> Arc<Automorphism> {
        if let Some(found) = self.made.read().unwrap_or_else(PoisonError::into_inner).get(&galois) {
            return Arc::clone(found);
        }
        let permutation = Arc::new(Automorphism::new(n, galois.0 as usize));
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(galois).or_insert(permutation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses_and_composition() {
        for n in [1024usize, 1 << 15] {
            for k in [0i64, 1, 7, 100, -1, -300, (n / 2) as i64 - 1] {
                let g = Galois::rotation(k, n);
                assert_eq!(g.compose(g.inverse(n), n), Galois::IDENTITY);
                assert_eq!(g.inverse(n), Galois::rotation(-k, n));
                assert_eq!(g.compose(Galois::rotation(3, n), n), Galois::rotation(k + 3, n));
            }
            let c = Galois::conjugation(n);
            assert_eq!(c.inverse(n), c);
        }
        assert_eq!(Galois::rotation(1, 1024).exponent(), 5);
        assert!(Galois::from_exponent(4, 1024).is_none());
        assert!(Galois::from_exponent(2049, 1024).is_none());
    }
}
