//! Loops over slices, eight values at a time.

crate::arch::rows::rows!("avx512f", __m512i, 8);
