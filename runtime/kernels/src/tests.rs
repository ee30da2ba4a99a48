//! Exact identities that every kernel of every instruction set must satisfy.

mod automorphism;
mod convert;
mod embedding;
mod ntt;
mod pack;
mod pointwise;
mod support;
