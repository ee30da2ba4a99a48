//! x86-64 with AVX-512 and the 52-bit multiply-add of IFMA: eight residues at a time.
//!
//! The functions of the modules below are safe `#[target_feature]` functions; loads and stores, in `lanes`, are
//! their only `unsafe` operations. Calling them from code compiled for any CPU is what takes `unsafe`, and is done
//! here only, with [`Avx512`] as the proof that the CPU was checked.

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

use super::{Kernels, NttPlan, scalar};
use crate::Modulus;
use crate::automorphism::Groups;
use crate::convert::ConverterTables;

/// The running CPU has AVX-512 F, DQ, IFMA and VBMI2: only [`Avx512::detect`] makes one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let found = std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512ifma")
            && std::arch::is_x86_feature_detected!("avx512vbmi2");
        found.then_some(Self(()))
    }
}

/// Shorter transforms are left to the portable code.
const SHORTEST_NTT: usize = 256;

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

impl Kernels for Avx512 {
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
        if n < SHORTEST_NTT {
            return Box::new(scalar::ntt::Tables::new(m, n, psi));
        }
        Box::new(Plan { proof: *self, tables: ntt::Tables::new(m, n, psi) })
    }
}

/// Tables with the proof that they can be used.
#[derive(Debug)]
struct Plan {
    proof: Avx512,
    tables: ntt::Tables,
}

impl NttPlan for Plan {
    fn forward(&self, a: &mut [u64]) {
        let Avx512(()) = self.proof;
        // SAFETY: `proof` exists, so the CPU has the features.
        unsafe { ntt::forward(&self.tables, a) }
    }

    fn inverse(&self, a: &mut [u64], factor: u64) {
        let Avx512(()) = self.proof;
        // SAFETY: `proof` exists, so the CPU has the features.
        unsafe { ntt::inverse(&self.tables, a, factor) }
    }
}
