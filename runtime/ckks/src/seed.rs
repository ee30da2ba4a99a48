//! Public uniform polynomials from a seed.
//!
//! Half of every key and of every fresh secret-key ciphertext is uniform and public, so it is stored as 32
//! bytes. ChaCha20 expands them; its 64-bit stream number separates purpose, digit and limb, so that no two
//! rows share randomness and a truncated key has the same rows as the full one.

use fhecc_kernels::Modulus;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A seed from which a public uniform half is expanded.
pub type Seed = [u8; 32];

/// What a uniform row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A key-switching key.
    KeySwitch,
    /// A fresh ciphertext.
    Ciphertext,
}

/// Which row of which digit of which kind of object: the domain of one expansion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The kind of object.
    pub purpose: Purpose,
    /// The digit of a key; 0 elsewhere.
    pub digit: usize,
    /// Index of the prime in the chain, or, with [`Domain::SPECIAL`] added, among the special primes.
    pub limb: usize,
}

impl Domain {
    /// Added to the index of a special prime.
    pub const SPECIAL: usize = 1 << 15;

    fn stream(self) -> u64 {
        let purpose = match self.purpose {
            Purpose::KeySwitch => 1,
            Purpose::Ciphertext => 2,
        };
        (purpose << 48) | ((self.digit as u64) << 16) | self.limb as u64
    }
}

/// Fills `out` with uniform residues modulo `m`: the row `domain` of the object with this seed.
///
/// Candidates of as many bits as the modulus, taken from whole bytes of the stream, are rejected unless they
/// are below it.
pub fn uniform_row(seed: &Seed, domain: Domain, m: &Modulus, out: &mut [u64]) {
    const CHUNK: usize = 512;
    let q = m.value();
    let bits = u64::BITS - q.leading_zeros();
    let width = bits.div_ceil(8) as usize;
    let mask = u64::MAX >> (u64::BITS - bits);
    let mut rng = ChaCha20Rng::from_seed(*seed);
    rng.set_stream(domain.stream());
    // The last candidate of a chunk is read as a whole word.
    let mut bytes = [0u8; CHUNK * 8 + 8];
    let mut filled = 0;
    while filled < out.len() {
        rng.fill_bytes(&mut bytes[..CHUNK * width]);
        for i in 0..CHUNK {
            let mut word = [0u8; 8];
            word.copy_from_slice(&bytes[i * width..][..8]);
            let candidate = u64::from_le_bytes(word) & mask;
            if candidate < q {
                out[filled] = candidate;
                filled += 1;
                if filled == out.len() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(purpose: Purpose, digit: usize, limb: usize, n: usize) -> Vec<u64> {
        let mut out = vec![0; n];
        let m = Modulus::new(1_099_511_480_321).unwrap();
        uniform_row(&[7; 32], Domain { purpose, digit, limb }, &m, &mut out);
        out
    }

    #[test]
    fn domains_are_separated_and_prefixes_agree() {
        let base = row(Purpose::KeySwitch, 1, 2, 2000);
        assert_eq!(base, row(Purpose::KeySwitch, 1, 2, 2000));
        assert_eq!(base[..700], row(Purpose::KeySwitch, 1, 2, 700));
        for other in [
            row(Purpose::Ciphertext, 1, 2, 2000),
            row(Purpose::KeySwitch, 2, 2, 2000),
            row(Purpose::KeySwitch, 2, 1, 2000),
            row(Purpose::KeySwitch, 1, 3, 2000),
            row(Purpose::KeySwitch, 1, 2 + Domain::SPECIAL, 2000),
        ] {
            let equal = base.iter().zip(&other).filter(|(a, b)| a == b).count();
            assert_eq!(equal, 0);
        }
    }

    #[test]
    fn rows_are_canonical_and_uniform() {
        for q in [1_099_511_480_321u64, 268_369_921, 281_474_976_546_817, 7_681] {
            let m = Modulus::new(q).unwrap();
            let mut out = vec![0; 1 << 14];
            uniform_row(&[1; 32], Domain { purpose: Purpose::KeySwitch, digit: 0, limb: 0 }, &m, &mut out);
            assert!(out.iter().all(|&x| x < q));
            let mean = out.iter().map(|&x| x as f64 / q as f64).sum::<f64>() / out.len() as f64;
            // Standard deviation of the mean: sqrt(1/12) / 128 = 0.0023.
            assert!((mean - 0.5).abs() < 0.012, "{mean}");
        }
    }
}
