//! How much memory polynomials take: ciphertexts, plaintexts and everything temporary, of the whole process.
//!
//! The matrices of a bootstrap and keys are not among them; they state their own sizes. The memory of dropped
//! polynomials is handed out again, never given back to the system: it grows to [`peak`] and little more.

use crate::poly::pool;

/// Bytes of the polynomials there are.
pub fn in_use() -> usize {
    pool().in_use
}

/// The most bytes of polynomials there were at a time since [`reset_peak`].
pub fn peak() -> usize {
    pool().peak
}

/// Begins a new measurement of [`peak`].
pub fn reset_peak() {
    let mut pool = pool();
    pool.peak = pool.in_use;
}
