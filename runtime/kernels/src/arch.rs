//! One implementation of [`Kernels`] per instruction set.

use std::fmt::Debug;
use std::sync::OnceLock;

use crate::automorphism::Groups;
use crate::convert::ConverterTables;
use crate::{Isa, Modulus};

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod rows;
mod scalar;

/// Everything that may be implemented with special instructions.
///
/// The default bodies are the portable specification; an instruction set overrides what it does faster and must
/// give the same bits. Callers have already checked that slices match in length.
pub(crate) trait Kernels: Sync {
    fn add_assign(&self, a: &mut [u64], b: &[u64], m: &Modulus) {
        scalar::pointwise::add_assign(a, b, m);
    }
    fn sub_assign(&self, a: &mut [u64], b: &[u64], m: &Modulus) {
        scalar::pointwise::sub_assign(a, b, m);
    }
    fn rsub_assign(&self, a: &mut [u64], b: &[u64], m: &Modulus) {
        scalar::pointwise::rsub_assign(a, b, m);
    }
    fn neg_assign(&self, a: &mut [u64], m: &Modulus) {
        scalar::pointwise::neg_assign(a, m);
    }
    fn add_scalar_assign(&self, a: &mut [u64], s: u64, m: &Modulus) {
        scalar::pointwise::add_scalar_assign(a, s, m);
    }
    fn sums_and_differences(&self, dst: &mut [u64], s: u64, b: &[u64], m: &Modulus) {
        scalar::pointwise::sums_and_differences(dst, s, b, m);
    }
    fn mul_assign(&self, a: &mut [u64], b: &[u64], m: &Modulus) {
        scalar::pointwise::mul_assign(a, b, m);
    }
    fn mul(&self, dst: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
        scalar::pointwise::mul(dst, a, b, m);
    }
    fn mul_add_assign(&self, acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
        scalar::pointwise::mul_add_assign(acc, a, b, m);
    }
    fn mul_scalar_assign(&self, a: &mut [u64], s: u64, m: &Modulus) {
        scalar::pointwise::mul_scalar_assign(a, s, m);
    }
    fn mul_scalar_add_assign(&self, acc: &mut [u64], a: &[u64], s: u64, m: &Modulus) {
        scalar::pointwise::mul_scalar_add_assign(acc, a, s, m);
    }
    fn sub_mul_scalar_assign(&self, a: &mut [u64], b: &[u64], s: u64, m: &Modulus) {
        scalar::pointwise::sub_mul_scalar_assign(a, b, s, m);
    }
    fn dot(&self, dst: &mut [u64], a: &[&[u64]], b: &[&[u64]], m: &Modulus) {
        scalar::dot::dot(dst, a, b, m);
    }
    fn dot2(
        &self,
        dst0: &mut [u64],
        dst1: &mut [u64],
        a: &[&[u64]],
        k0: &[&[u64]],
        k1: &[&[u64]],
        m: &Modulus,
    ) {
        scalar::dot::dot(dst0, a, k0, m);
        scalar::dot::dot(dst1, a, k1, m);
    }
    fn reduce(&self, dst: &mut [u64], src: &[u64], m: &Modulus) {
        scalar::reduce::reduce(dst, src, m);
    }
    fn add_reduce(&self, dst: &mut [u64], src: &[u64], c: u64, m: &Modulus) {
        scalar::reduce::add_reduce(dst, src, c, m);
    }
    fn reduce_signed(&self, dst: &mut [u64], src: &[i64], m: &Modulus) {
        scalar::reduce::reduce_signed(dst, src, m);
    }
    fn lift_centred(&self, dst: &mut [u64], src: &[u64], from: &Modulus, to: &Modulus) {
        scalar::reduce::lift_centred(dst, src, from, to);
    }
    fn permute(&self, dst: &mut [u64], src: &[u64], groups: Groups<'_>) {
        scalar::permute::permute(dst, src, groups);
    }
    fn permute_mirrored(&self, dst: &mut [u64], src: &[u64], groups: Groups<'_>) {
        scalar::permute::permute_mirrored(dst, src, groups);
    }
    fn permute_add_assign(&self, acc: &mut [u64], src: &[u64], groups: Groups<'_>, m: &Modulus) {
        scalar::permute::permute_add_assign(acc, src, groups, m);
    }
    fn inverse_embedding(&self, cos: &[f64], sin: &[f64], re: &mut [f64], im: &mut [f64], out: &mut [f64]) {
        scalar::embedding::inverse_embedding(cos, sin, re, im, out);
    }
    fn round_products(&self, dst: &mut [i64], src: &[f64], factor: f64) {
        scalar::embedding::round_products(dst, src, factor);
    }
    fn repeat(&self, dst: &mut [u64], src: &[u64]) {
        scalar::permute::repeat(dst, src);
    }
    fn pack(&self, dst: &mut [u64], src: &[u64], bits: u32) {
        scalar::pack::pack(dst, src, bits);
    }
    fn unpack(&self, dst: &mut [u64], src: &[u64], bits: u32) {
        scalar::pack::unpack(dst, src, bits);
    }
    fn retain_below(&self, values: &mut [u64], bound: u64) -> usize {
        scalar::pack::retain_below(values, bound)
    }
    fn convert(&self, tables: &ConverterTables, src: &[&[u64]], dst: &mut [&mut [u64]]) {
        scalar::convert::convert(tables, src, dst);
    }
    /// `psi` is a primitive `2n`-th root of unity; `n >= 16` a power of two.
    fn ntt(&self, m: Modulus, n: usize, psi: u64) -> Box<dyn NttPlan> {
        Box::new(scalar::ntt::Tables::new(m, n, psi))
    }
}

/// The twiddle tables of one transform in the layout of one instruction set.
pub(crate) trait NttPlan: Debug + Send + Sync {
    fn forward(&self, a: &mut [u64]);
    /// Every coefficient comes out times a canonical factor.
    fn inverse(&self, a: &mut [u64], factor: u64);
}

/// The portable specification.
pub(crate) struct Scalar;

impl Kernels for Scalar {}

/// `None` if the running CPU lacks `isa`.
pub(crate) fn kernels(isa: Isa) -> Option<&'static dyn Kernels> {
    match isa {
        Isa::Scalar => Some(&Scalar),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => {
            static AVX512: OnceLock<Option<avx512::Avx512>> = OnceLock::new();
            AVX512.get_or_init(avx512::Avx512::detect).as_ref().map(|found| found as &dyn Kernels)
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => {
            static AVX2: OnceLock<Option<avx2::Avx2>> = OnceLock::new();
            AVX2.get_or_init(avx2::Avx2::detect).as_ref().map(|found| found as &dyn Kernels)
        }
        #[cfg(not(target_arch = "x86_64"))]
        Isa::Avx512 | Isa::Avx2 => None,
    }
}
