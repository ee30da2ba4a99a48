//! x86-64 with AVX2 and FMA: four residues at a time, multiplied as `f64`.
//!
//! AVX2 has no wide integer multiplication. But a residue is below `2^50` and so exact in `f64`, and two fused
//! multiply-adds give a product of residues exactly, as a rounded value and its error.
//!
//! The functions of the modules below are safe `#[target_feature]` functions; loads and stores, in `lanes`, are
//! their only `unsafe` operations. Calling them from code compiled for any CPU is what takes `unsafe`, and is done
//! here only, with [`Avx2`] as the proof that the CPU was checked.

mod convert;
mod dot;
mod embedding;
mod lanes;
mod ntt;
mod pack;
mod permute;
mod pointwise;
mod reduce;
mod rows;
mod sum;

use super::{Kernels, NttPlan};
use crate::Modulus;
use crate::automorphism::Groups;
use crate::convert::ConverterTables;

/// The running CPU has AVX2 and FMA: only [`Avx2::detect`] makes one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let found = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }
}

/// Forwards kernels to their module.
macro_rules! forward {
    ($($module:ident::$kernel:ident($($operand:ident: $type:ty),+) $(-> $result:ty)?;)+) => {
        $(fn $kernel(&self, $($operand: $type),+) $(-> $result)? {
            let Self(()) = self;
            // SAFETY: `self` exists, so the CPU has the features.
            unsafe { $module::$kernel($($operand),+) }
        })+
    };
}

impl Kernels for Avx2 {
    forward! {
        pointwise::add_assign(a: &mut [u64], b: &[u64], m: &Modulus);
        pointwise::sub_assign(a: &mut [u64], b: &[u64], m: &Modulus);
        pointwise::rsub_assign(a: &mut [u64], b: &[u64], m: &Modulus);
        pointwise::neg_assign(a: &mut [u64], m: &Modulus);
        pointwise::add_scalar_assign(a: &mut [u64], s: u64, m: &Modulus);
        pointwise::sums_and_differences(dst: &mut [u64], s: u64, b: &[u64], m: &Modulus);
        pointwise::mul_assign(a: &mut [u64], b: &[u64], m: &Modulus);
        pointwise::mul(dst: &mut [u64], a: &[u64], b: &[u64], m: &Modulus);
        pointwise::mul_add_assign(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus);
        pointwise::mul_scalar_assign(a: &mut [u64], s: u64, m: &Modulus);
        pointwise::mul_scalar_add_assign(acc: &mut [u64], a: &[u64], s: u64, m: &Modulus);
        pointwise::sub_mul_scalar_assign(a: &mut [u64], b: &[u64], s: u64, m: &Modulus);
        dot::dot(dst: &mut [u64], a: &[&[u64]], b: &[&[u64]], m: &Modulus);
        dot::dot2(dst0: &mut [u64], dst1: &mut [u64], a: &[&[u64]], k0: &[&[u64]], k1: &[&[u64]], m: &Modulus);
        reduce::reduce(dst: &mut [u64], src: &[u64], m: &Modulus);
        reduce::add_reduce(dst: &mut [u64], src: &[u64], c: u64, m: &Modulus);
        reduce::reduce_signed(dst: &mut [u64], src: &[i64], m: &Modulus);
        reduce::lift_centred(dst: &mut [u64], src: &[u64], from: &Modulus, to: &Modulus);
        permute::permute(dst: &mut [u64], src: &[u64], groups: Groups<'_>);
        permute::permute_mirrored(dst: &mut [u64], src: &[u64], groups: Groups<'_>);
        permute::permute_add_assign(acc: &mut [u64], src: &[u64], groups: Groups<'_>, m: &Modulus);
        embedding::inverse_embedding(cos: &[f64], sin: &[f64], re: &mut [f64], im: &mut [f64], out: &mut [f64]);
        embedding::round_products(dst: &mut [i64], src: &[f64], factor: f64);
        permute::repeat(dst: &mut [u64], src: &[u64]);
        pack::pack(dst: &mut [u64], src: &[u64], bits: u32);
        pack::unpack(dst: &mut [u64], src: &[u64], bits: u32);
        pack::retain_below(values: &mut [u64], bound: u64) -> usize;
        convert::convert(tables: &ConverterTables, src: &[&[u64]], dst: &mut [&mut [u64]]);
    }

    fn ntt(&self, m: Modulus, n: usize, psi: u64) -> Box<dyn NttPlan> {
        Box::new(Plan { proof: *self, tables: ntt::Tables::new(m, n, psi) })
    }
}

/// Tables with the proof that they can be used.
#[derive(Debug)]
struct Plan {
    proof: Avx2,
    tables: ntt::Tables,
}

impl NttPlan for Plan {
    fn forward(&self, a: &mut [u64]) {
        let Avx2(()) = self.proof;
        // SAFETY: `proof` exists, so the CPU has the features.
        unsafe { ntt::forward(&self.tables, a) }
    }

    fn inverse(&self, a: &mut [u64], factor: u64) {
        let Avx2(()) = self.proof;
        // SAFETY: `proof` exists, so the CPU has the features.
        unsafe { ntt::inverse(&self.tables, a, factor) }
    }
}
