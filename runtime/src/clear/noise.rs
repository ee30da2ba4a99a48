//! Random errors like those of encryption.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Standard deviations of the error that each kind of operation adds to every slot.
///
/// The errors are a function of the seed and the slots, so that an execution can be repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Seed of the errors.
    pub seed: u64,
    /// Linear maps and rotations.
    pub linear: f64,
    /// Bootstraps.
    pub bootstrap: f64,
    /// Polynomials.
    pub polynomial: f64,
}

impl Noise {
    /// Adds normal errors of standard deviation `sigma`.
    pub(super) fn add(&self, slots: &mut [f64], sigma: f64) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes());
        for slot in slots.iter() {
            hasher.update(&slot.to_le_bytes());
        }
        let mut random = ChaCha8Rng::from_seed(*hasher.finalize().as_bytes());
        for pair in slots.chunks_mut(2) {
            // Box and Muller: two independent normal numbers from two uniform ones.
            let radius = sigma * (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
            let (sine, cosine) = (std::f64::consts::TAU * random.random::<f64>()).sin_cos();
            pair.iter_mut().zip([cosine, sine]).for_each(|(slot, unit)| *slot += radius * unit);
        }
    }
}
