//! Primes, random operands and slow references shared by the tests.

use crate::arch::{self, Kernels};
use crate::{Isa, Modulus};

/// Bit lengths on both sides of every threshold of lazy reduction.
pub(super) const BITS: [u32; 10] = [20, 27, 40, 44, 45, 46, 47, 48, 49, 50];

/// The instruction sets this CPU supports; the last one is the specification.
pub(super) fn kernels() -> Vec<(Isa, &'static dyn Kernels)> {
    Isa::ALL.into_iter().filter_map(|isa| Some((isa, arch::kernels(isa)?))).collect()
}

/// SplitMix64: enough randomness for operands, and no dependency.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Canonical operands, every fifth an edge value.
    pub(super) fn canonical(&mut self, len: usize, q: u64) -> Vec<u64> {
        let edges = [0, 1, q - 1, q / 2, q / 2 + 1];
        let pick = |r: u64| if r.is_multiple_of(5) { edges[(r / 5 % 5) as usize] } else { r % q };
        (0..len).map(|_| pick(self.word())).collect()
    }
}

/// The largest prime below `2^bits` that is 1 modulo `step`.
pub(super) fn prime(bits: u32, step: u64) -> Modulus {
    let top = ((1_u64 << bits) - 2) / step * step + 1;
    let candidates = (0..).map(|i| top - i * step);
    Modulus::new(candidates.take_while(|&q| q > 1).find(|&q| is_prime(q)).expect("a prime")).expect("odd")
}

/// The largest odd primes of so many bits.
pub(super) fn primes_below(bits: u32, count: usize) -> Vec<Modulus> {
    let candidates = (1..1 << bits).rev().filter(|&q| is_prime(q));
    candidates.take(count).filter_map(Modulus::new).collect()
}

/// Miller-Rabin with bases that are exact below `2^64`.
fn is_prime(q: u64) -> bool {
    let Some(m) = Modulus::new(q) else { return false };
    let shift = (q - 1).trailing_zeros();
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].into_iter().filter(|a| a % q != 0).all(|a| {
        let mut x = m.pow(a % q, (q - 1) >> shift);
        let mut composite = x != 1 && x != q - 1;
        for _ in 1..shift {
            x = m.mul(x, x);
            composite &= x != q - 1;
        }
        !composite
    })
}
