//! Residue polynomials: the only large buffers of the crate.

mod arena;
mod pool;
mod spaced;

use std::fmt;

pub(crate) use self::pool::{AlignedWords, Buffer, aligned_zeros, pool, take};
pub(crate) use self::spaced::SpacedStrips;

/// A polynomial of degree below `n`, as `limbs` rows of `n` canonical residues, 64-byte aligned.
///
/// Which prime belongs to a row is known to the owner: unless a function says otherwise, row `i` belongs to
/// `q_i` and holds the values of the forward transform, position `i` being the value at
/// `psi^(2 bitrev(i) + 1)`.
#[derive(PartialEq, Eq)]
pub struct Poly {
    n: usize,
    data: Buffer,
}

impl Poly {
    /// The zero polynomial with `limbs` rows of `n`.
    pub fn zero(n: usize, limbs: usize) -> Self {
        let mut poly = Self::unfilled(n, limbs);
        poly.data.fill(0);
        poly
    }

    /// A polynomial to be overwritten entirely: until then it holds anything, canonical or not.
    pub fn unfilled(n: usize, limbs: usize) -> Self {
        Self { n, data: take(n * limbs) }
    }

    /// Length of a row.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of rows.
    pub fn limbs(&self) -> usize {
        self.data.len() / self.n
    }

    /// Row `i`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn limb(&self, i: usize) -> &[u64] {
        &self.data[i * self.n..][..self.n]
    }

    /// Row `i`, mutable.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn limb_mut(&mut self, i: usize) -> &mut [u64] {
        &mut self.data[i * self.n..][..self.n]
    }

    /// All rows, one after the other.
    pub fn as_slice(&self) -> &[u64] {
        &self.data
    }

    /// All rows, one after the other, mutable.
    pub fn as_mut_slice(&mut self) -> &mut [u64] {
        &mut self.data
    }

    /// Drops the rows from `limbs` on: the same polynomial modulo fewer primes.
    pub fn truncate(&mut self, limbs: usize) {
        self.data.truncate(limbs * self.n);
    }

    /// The first `limbs` rows (at most those there are).
    #[must_use]
    pub fn truncated(&self, limbs: usize) -> Self {
        let length = (limbs * self.n).min(self.data.len());
        let mut data = take(length);
        data.copy_from_slice(&self.data[..length]);
        Self { n: self.n, data }
    }
}

impl Clone for Poly {
    fn clone(&self) -> Self {
        self.truncated(self.limbs())
    }
}

impl fmt::Debug for Poly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poly({} rows of {})", self.limbs(), self.n)
    }
}
