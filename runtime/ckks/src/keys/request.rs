//! What keys a computation needs.

use std::fmt;

use crate::galois::Galois;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Products of two ciphertexts.
    Relinearisation,
    /// An automorphism: a rotation or the conjugation.
    Galois(Galois),
}

impl KeyKind {
    /// The rotation by `k` to the left in the ring of degree `n`.
    pub fn rotation(k: i64, n: usize) -> Self {
        Self::Galois(Galois::rotation(k, n))
    }

    /// The conjugation in the ring of degree `n`.
    pub fn conjugation(n: usize) -> Self {
        Self::Galois(Galois::conjugation(n))
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relinearisation => f.write_str("relinearisation"),
            Self::Galois(galois) => write!(f, "the automorphism X -> X^{}", galois.exponent()),
        }
    }
}

/// One key to be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyRequest {
    /// What it is for.
    pub kind: KeyKind,
    /// The highest level it is used at: a lower one makes the key smaller and faster.
    pub level: usize,
    /// Its number of special primes: fewer give a smaller key with more digits.
    pub special_count: usize,
}
