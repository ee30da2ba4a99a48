//! Public uniform polynomials from a seed.
//!
//! Half of every key and of every fresh secret-key ciphertext is uniform and public, so it is stored as 32
//! bytes and generated whenever it is used. AES-128 in counter mode expands it, which CPUs do at the speed of
//! their memory. Every row, that is purpose, digit and limb, has its own AES key, derived from the seed with
//! BLAKE3, so that no two rows share randomness and a truncated key has the same rows as the full one.

use aes::cipher::array::Array;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use fhecc_kernels::{Modulus, packed_words, retain_below, unpack};

use crate::poly::Poly;

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

    /// The cipher whose counter mode is this domain's stream.
    fn cipher(self, seed: &Seed) -> Aes128Enc {
        let digest = blake3::keyed_hash(seed, &self.stream().to_le_bytes());
        let mut key = Array::default();
        key.copy_from_slice(&digest.as_bytes()[..16]);
        Aes128Enc::new(&key)
    }
}

/// Most positions that are generated, packed and multiplied at a time: those of all digits of a key stay in a core's own
/// cache.
const STRIP: usize = 512;

/// Positions of a strip of a row of `n`: an automorphism in the transform domain maps strips to strips. A row has two at
/// least, because mirror images are worked on together.
pub(crate) fn strip_length(n: usize) -> usize {
    STRIP.min(n / 2).max(1)
}

/// Fills `out` with uniform residues modulo `m`: the row `domain` of the object with this seed.
pub fn uniform_row(seed: &Seed, domain: Domain, m: &Modulus, out: &mut [u64]) {
    let row = UniformRow::new(seed, domain, m);
    let mut stream = Poly::unfilled(STREAM_WORDS, 1);
    let strips = out.chunks_mut(strip_length(out.len())).enumerate();
    strips.for_each(|(index, out)| row.strip(index, out, stream.as_mut_slice()));
}

/// The residues of [`uniform_row`], any strip at a time.
///
/// Every strip has a stream of its own. It begins with as many packed candidates as the strip has positions, of as many
/// bits as the modulus; those that are not below it are left out, and replaced at the end by candidates from the low
/// bits of the stream's next words.
pub(crate) struct UniformRow {
    cipher: Aes128Enc,
    q: u64,
    bits: u32,
}

/// Words of scratch memory in which a strip is generated: candidates have fewer than 64 bits.
pub(crate) const STREAM_WORDS: usize = STRIP;

/// Blocks that are encrypted together fastest; more than a quarter of these take as long one after the other.
const BLOCKS: usize = 64;

impl UniformRow {
    pub(crate) fn new(seed: &Seed, domain: Domain, m: &Modulus) -> Self {
        let q = m.value();
        Self { cipher: domain.cipher(seed), q, bits: u64::BITS - q.leading_zeros() }
    }

    /// Writes strip `index`; `out` has the length of the strip, `scratch` has [`STREAM_WORDS`].
    pub(crate) fn strip(&self, index: usize, out: &mut [u64], scratch: &mut [u64]) {
        let words = packed_words(out.len(), self.bits);
        let blocks = words.div_ceil(2);
        let encrypted = if blocks % BLOCKS > BLOCKS / 4 { blocks.next_multiple_of(BLOCKS) } else { blocks };
        self.stream(index, 0, &mut scratch[..(2 * encrypted).min(STREAM_WORDS)]);
        unpack(out, &scratch[..words], self.bits);
        let kept = retain_below(out, self.q);
        let mut missing = &mut out[kept..];
        for first in blocks.. {
            if missing.is_empty() {
                break;
            }
            let mut pair = [0; 2];
            self.stream(index, first, &mut pair);
            for word in pair {
                let candidate = word & (u64::MAX >> (u64::BITS - self.bits));
                if candidate < self.q
                    && let Some(next) = missing.split_off_first_mut()
                {
                    *next = candidate;
                }
            }
        }
    }

    /// Writes an even number of words of the stream of strip `index`, from block `first` on.
    fn stream(&self, index: usize, first: usize, words: &mut [u64]) {
        // Four blocks at a time, which vectorises.
        let (four, rest) = words.as_chunks_mut::<8>();
        let mut counters: [u64; 8] =
            std::array::from_fn(|i| if i % 2 == 0 { (first + i / 2) as u64 } else { index as u64 });
        for blocks in four {
            *blocks = counters.map(u64::to_le);
            (0..8).step_by(2).for_each(|i| counters[i] += 4);
        }
        rest.copy_from_slice(&counters.map(u64::to_le)[..rest.len()]);
        let bytes: &mut [[u8; 16]] = bytemuck::cast_slice_mut(words);
        let blocks: &mut [Block] = Array::cast_slice_from_core_mut(bytes);
        self.cipher.encrypt_blocks(blocks);
        words.iter_mut().for_each(|word| *word = u64::from_le(*word));
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
    fn strips_are_pieces_of_the_row_in_any_order() {
        // Hardly any, some, and half of the candidates are left out.
        for q in [1_099_511_480_321, 268_369_921, 16_777_259] {
            let m = Modulus::new(q).unwrap();
            let domain = Domain { purpose: Purpose::KeySwitch, digit: 1, limb: 2 };
            for n in [16, 512, 1024, 4096] {
                let mut whole = vec![0; n];
                uniform_row(&[7; 32], domain, &m, &mut whole);
                let stream = UniformRow::new(&[7; 32], domain, &m);
                let mut found = vec![0; strip_length(n)];
                let mut scratch = [0; STREAM_WORDS];
                for (index, want) in whole.chunks_exact(found.len()).enumerate().rev() {
                    stream.strip(index, &mut found, &mut scratch);
                    assert_eq!(found, want, "modulo {q}, strip {index} of a row of {n}");
                }
            }
        }
    }

    #[test]
    fn domains_and_strips_are_separated() {
        let base = row(Purpose::KeySwitch, 1, 2, 2000);
        assert_eq!(base, row(Purpose::KeySwitch, 1, 2, 2000));
        assert!(base.chunks_exact(STRIP).skip(1).all(|strip| *strip != base[..STRIP]));
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
