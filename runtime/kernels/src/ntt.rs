//! The negacyclic number-theoretic transform.

use crate::Modulus;
use crate::arch::{Kernels, NttPlan};
use crate::isa::active;
use crate::roots::primitive_root;

/// The transform of `Z_q[X]/(X^n + 1)` for one prime and one `n`, with its twiddle tables.
///
/// With `psi` the primitive `2n`-th root fixed by `q` and `n`, position `i` of a transformed polynomial `a` holds
/// `a(psi^(2 bitrev(i) + 1))`, `bitrev` reversing `log2 n` bits.
#[derive(Debug)]
pub struct Ntt {
    modulus: Modulus,
    n: usize,
    plan: Box<dyn NttPlan>,
}

impl Ntt {
    /// `None` unless `n >= 16` is a power of two and `q = 1 mod 2n`.
    #[must_use]
    pub fn new(m: Modulus, n: usize) -> Option<Self> {
        Self::with_kernels(active(), m, n)
    }

    pub(crate) fn with_kernels(kernels: &dyn Kernels, m: Modulus, n: usize) -> Option<Self> {
        if n < 16 || !n.is_power_of_two() {
            return None;
        }
        let psi = primitive_root(&m, n)?;
        Some(Self { modulus: m, n, plan: kernels.ntt(m, n, psi) })
    }

    /// The prime.
    #[must_use]
    pub fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    /// The number of coefficients.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// Coefficients to values, both canonical.
    ///
    /// # Panics
    ///
    /// If `a` does not hold `n` values.
    pub fn forward(&self, a: &mut [u64]) {
        assert_eq!(a.len(), self.n, "the transform has a fixed length");
        self.plan.forward(a);
    }

    /// Values to coefficients, both canonical: the inverse of [`Ntt::forward`].
    ///
    /// # Panics
    ///
    /// If `a` does not hold `n` values.
    pub fn inverse(&self, a: &mut [u64]) {
        self.inverse_times(a, 1);
    }

    /// [`Ntt::inverse`], every coefficient times a canonical factor: as fast as without.
    ///
    /// # Panics
    ///
    /// If `a` does not hold `n` values.
    pub fn inverse_times(&self, a: &mut [u64], factor: u64) {
        assert_eq!(a.len(), self.n, "the transform has a fixed length");
        self.plan.inverse(a, factor);
    }
}
