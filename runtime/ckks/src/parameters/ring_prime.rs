//! One prime of the ring.

use std::sync::OnceLock;

use fhecc_kernels::{Modulus, Ntt};

/// Shortest transform the kernels offer.
pub(crate) const SHORTEST: usize = 16;

/// The product of some primes modulo `m`.
pub(crate) fn product_modulo<'p>(primes: impl IntoIterator<Item = &'p RingPrime>, m: &Modulus) -> u64 {
    primes.into_iter().fold(1, |product, prime| m.mul(product, m.reduce(prime.modulus.value())))
}

/// One prime with its reduction constants and transform tables.
#[derive(Debug)]
pub struct RingPrime {
    /// The modulus.
    pub modulus: Modulus,
    /// The negacyclic transform of length `N`.
    pub ntt: Ntt,
    /// Transforms of length `N/2, N/4, ...`, made when first used.
    shorter: Vec<OnceLock<Option<Ntt>>>,
    imaginary_unit: OnceLock<u64>,
    /// See [`RingPrime::roots`], for the lengths `N, N/2, ...`.
    roots: Vec<OnceLock<Box<[u64]>>>,
}

impl RingPrime {
    /// Tables for the prime `q` in the ring of degree `n`; `None` if `q` is unsuitable.
    pub(super) fn new(q: u64, n: usize) -> Option<Self> {
        let modulus = Modulus::new(q)?;
        let ntt = Ntt::new(modulus, n)?;
        let shorter = (0..(n / SHORTEST).ilog2()).map(|_| OnceLock::new()).collect();
        let roots = (0..=(n / SHORTEST).ilog2()).map(|_| OnceLock::new()).collect();
        Some(Self { modulus, ntt, shorter, imaginary_unit: OnceLock::new(), roots })
    }

    /// The transform of length `n`, for powers of two from 16 to `N`.
    ///
    /// The root of the shorter transform is the matching power of the longer one's, so that the transform of
    /// `b(X^g)` repeats every value of the transform of `b` on `g` consecutive positions.
    pub(crate) fn transform(&self, n: usize) -> &Ntt {
        let full = self.ntt.n();
        if n == full {
            return &self.ntt;
        }
        debug_assert!(n.is_power_of_two() && (SHORTEST..full).contains(&n), "{n} of {full}");
        let slot = &self.shorter[(full / n).ilog2() as usize - 1];
        slot.get_or_init(|| Ntt::new(self.modulus, n)).as_ref().expect("q = 1 mod 2N implies q = 1 mod 2n")
    }

    /// The values of `X` at the even positions of the transform of length `n`; at the odd ones they are the negatives.
    pub(crate) fn roots(&self, n: usize) -> &[u64] {
        self.roots[(self.ntt.n() / n).ilog2() as usize].get_or_init(|| {
            let mut values = vec![0; n];
            values[1] = 1;
            self.transform(n).forward(&mut values);
            values.into_iter().step_by(2).collect()
        })
    }

    /// The value of `X^(N/2)`, whose slots are `i`, at the positions of the first half of a row: a square root of -1.
    /// It is the same for the shorter transforms.
    pub(crate) fn imaginary_unit(&self) -> u64 {
        *self.imaginary_unit.get_or_init(|| {
            let mut values = [0; SHORTEST];
            values[SHORTEST / 2] = 1;
            self.transform(SHORTEST).forward(&mut values);
            values[0]
        })
    }
}
