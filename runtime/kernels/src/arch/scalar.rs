//! Portable reference code: what every other instruction set must equal bit for bit.

pub(super) mod convert;
pub(super) mod dot;
pub(super) mod embedding;
pub(super) mod ntt;
pub(super) mod pack;
pub(super) mod permute;
pub(super) mod pointwise;
pub(super) mod reduce;
