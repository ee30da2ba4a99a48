//! Public uniform polynomials from a seed.
//!
//! Half of every key and of every fresh secret-key ciphertext is uniform and public, so it is stored as 32
//! bytes and generated whenever it is used. AES-128 in counter mode expands it, which CPUs do at the speed of
//! their memory. Every row, that is purpose, digit and limb, has its own AES key, derived from the seed with
//! BLAKE3, so that no two rows share randomness and a truncated key has the same rows as the full one.

use std::ops::Range;

use aes::cipher::array::Array;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use fhecc_kernels::{Modulus, packed_words, retain_below, unpack};

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

/// Candidates per round: whole blocks of [`fhecc_kernels::unpack`].
const CHUNK: usize = 512;

/// Fills `out` with uniform residues modulo `m`: the row `domain` of the object with this seed.
pub fn uniform_row(seed: &Seed, domain: Domain, m: &Modulus, out: &mut [u64]) {
    UniformRow::new(seed, domain, m).fill(out);
}

/// The residues of [`uniform_row`], one piece after the other.
///
/// The stream is read as packed candidates of as many bits as the modulus, which are rejected unless they are below it.
pub(crate) struct UniformRow {
    cipher: Aes128Enc,
    /// Blocks of the stream so far.
    counter: u64,
    q: u64,
    bits: u32,
    /// The stream's part that makes one round of candidates.
    stream: Round,
    /// Residues of a round that was not needed entirely, and which of them are left.
    round: Round,
    left: Range<usize>,
}

/// Aligned for vector loads.
#[repr(align(64))]
struct Round([u64; CHUNK]);

impl UniformRow {
    pub(crate) fn new(seed: &Seed, domain: Domain, m: &Modulus) -> Self {
        let q = m.value();
        Self {
            cipher: domain.cipher(seed),
            counter: 0,
            q,
            bits: u64::BITS - q.leading_zeros(),
            stream: Round([0; CHUNK]),
            round: Round([0; CHUNK]),
            left: 0..0,
        }
    }

    /// The next residues.
    pub(crate) fn fill(&mut self, mut out: &mut [u64]) {
        while !out.is_empty() {
            if self.left.is_empty() {
                let packed = self.next_packed();
                if let Some(whole) = out.first_chunk_mut::<CHUNK>() {
                    unpack(whole, &self.stream.0[..packed], self.bits);
                    let found = retain_below(whole, self.q);
                    out = &mut out[found..];
                    continue;
                }
                unpack(&mut self.round.0, &self.stream.0[..packed], self.bits);
                self.left = 0..retain_below(&mut self.round.0, self.q);
            }
            let taken = self.left.len().min(out.len());
            let (filled, rest) = out.split_at_mut(taken);
            filled.copy_from_slice(&self.round.0[self.left.start..][..taken]);
            self.left.start += taken;
            out = rest;
        }
    }

    /// Writes the next part of the stream and returns its words.
    fn next_packed(&mut self) -> usize {
        let words = packed_words(CHUNK, self.bits);
        for (number, block) in (self.counter..).zip(self.stream.0[..words].as_chunks_mut().0) {
            *block = [number.to_le(), 0];
        }
        self.counter += words as u64 / 2;
        let bytes: &mut [[u8; 16]] = bytemuck::cast_slice_mut(&mut self.stream.0[..words]);
        let blocks: &mut [Block] = Array::cast_slice_from_core_mut(bytes);
        self.cipher.encrypt_blocks(blocks);
        self.stream.0[..words].iter_mut().for_each(|word| *word = u64::from_le(*word));
        words
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
        for q in [1_099_511_480_321, 268_369_921, 7_681] {
            let m = Modulus::new(q).unwrap();
            let domain = Domain { purpose: Purpose::KeySwitch, digit: 1, limb: 2 };
            let mut whole = vec![0; 3000];
            uniform_row(&[7; 32], domain, &m, &mut whole);
            let mut stream = UniformRow::new(&[7; 32], domain, &m);
            for piece in [1, 511, 512, 513, 1024, 439] {
                let mut found = vec![0; piece];
                stream.fill(&mut found);
                assert_eq!(found, whole.drain(..piece).collect::<Vec<_>>(), "{q}, a piece of {piece}");
            }
        }
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
