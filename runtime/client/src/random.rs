//! Where randomness comes from.

use rand::TryRngCore;
use rand::rand_core::OsError;
use rand::rngs::OsRng;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use zeroize::Zeroizing;

/// A supply of independent 32-byte seeds, none of which is handed out twice.
///
/// Every key and every ciphertext takes its own seeds from here: one public, for the uniform half, and one
/// secret, for the error. Seed `i` is the start of stream `i` of ChaCha20 keyed with the master seed.
pub struct SeedSequence {
    master: Zeroizing<[u8; 32]>,
    next: u64,
}

impl SeedSequence {
    /// A sequence seeded by the operating system.
    ///
    /// # Errors
    ///
    /// [`OsError`] if the operating system has no randomness to give.
    pub fn from_os() -> Result<Self, OsError> {
        let mut master = Zeroizing::new([0; 32]);
        OsRng.try_fill_bytes(master.as_mut_slice())?;
        Ok(Self { master, next: 0 })
    }

    /// A reproducible sequence, for tests: whoever knows the seed knows everything made from it, and two
    /// sequences from one seed give the same randomness twice.
    pub fn deterministic(master: [u8; 32]) -> Self {
        Self { master: Zeroizing::new(master), next: 0 }
    }

    /// The next seed.
    pub fn next_seed(&mut self) -> Zeroizing<[u8; 32]> {
        let mut rng = ChaCha20Rng::from_seed(*self.master);
        rng.set_stream(self.next);
        self.next += 1;
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        seed
    }

    /// A generator of secret values, from the next seed.
    pub(crate) fn next_generator(&mut self) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(*self.next_seed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_never_repeat_and_masters_differ() {
        let mut sequence = SeedSequence::deterministic([1; 32]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            assert!(seen.insert(*sequence.next_seed()));
        }
        let mut other = SeedSequence::deterministic([2; 32]);
        assert!(seen.insert(*other.next_seed()));
        let (mut a, mut b) = (SeedSequence::from_os().unwrap(), SeedSequence::from_os().unwrap());
        assert_ne!(*a.next_seed(), *b.next_seed());
    }
}
