//! Modular arithmetic over slices of `u64`: pointwise kernels, the negacyclic NTT, automorphisms and fast
//! base conversion and packing. The only crate of the workspace that may contain `unsafe`.
//!
//! # Ranges
//!
//! A [`Modulus`] is an odd prime `q < 2^50`. *Canonical* means in `[0, q)`. Unless its text says otherwise, a
//! kernel takes canonical operands and returns canonical results; operands outside their stated range give
//! unspecified values, never undefined behaviour.
//!
//! # Instruction sets
//!
//! The portable code in `arch/scalar` is the specification. Every other instruction set returns the same bits.
//! The choice is made once per process, see [`isa()`].
//!
//! # Panics
//!
//! Every kernel panics when its slices differ in length.

#![allow(unsafe_code, reason = "vector loads and stores, and the jump to code for a detected CPU; see arch/")]

mod arch;
mod automorphism;
mod convert;
mod embedding;
mod isa;
mod modulus;
mod ntt;
mod pack;
mod pointwise;
mod roots;

pub use automorphism::{Automorphism, coefficient_automorphism, repeat};
pub use convert::BaseConverter;
pub use embedding::{inverse_embedding, round_products};
pub use isa::{Isa, IsaError, isa, select};
pub use modulus::Modulus;
pub use ntt::Ntt;
pub use pack::{pack, packed_words, retain_below, unpack};
pub use pointwise::{
    add_assign, add_reduce, add_scalar_assign, dot, dot2, from_i64, lift_centred, mul, mul_add_assign,
    mul_add2_assign, mul_assign, mul_scalar_add_assign, mul_scalar_assign, neg_assign, reduce, rsub_assign,
    sub_assign, sub_mul_scalar_assign, sums_and_differences,
};

#[cfg(test)]
mod tests;
