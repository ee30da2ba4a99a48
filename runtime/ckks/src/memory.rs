//! How much memory polynomials take: ciphertexts, plaintexts and everything temporary, of the whole process.
//!
//! The matrices of a bootstrap are among them, keys are not; both state their own sizes.

use crate::poly::pool;

/// The most bytes of dropped polynomials that are kept for later.
pub const KEPT_BYTES: usize = 640 << 20;

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

/// Keeps dropped polynomials only as long as there are no more than `bytes` of polynomials together with them.
/// Whoever needs more gets it.
pub fn set_limit(bytes: usize) {
    let freed = {
        let mut pool = pool();
        pool.limit = bytes;
        let room = bytes.saturating_sub(pool.in_use);
        pool.shrink(room)
    };
    drop(freed);
}
