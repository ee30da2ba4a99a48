//! Loops over slices, four values at a time.

crate::arch::rows::rows!("avx2", __m256i, 4);
