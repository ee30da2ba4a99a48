//! Coefficients that are kept, in few bits.

use std::fmt;

use fhecc_kernels::{Modulus, pack, packed_words, unpack};

use crate::poly::{AlignedWords, aligned_zeros};

/// Coefficients of one word each in as many bits as the largest needs.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Packed {
    length: usize,
    bits: u32,
    /// Strip after strip, see [`fhecc_kernels::pack`]; half of `2^bits` is added to every coefficient.
    words: AlignedWords,
}

impl Packed {
    /// Number of coefficients.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Bytes of the coefficients.
    pub(super) fn size_in_bytes(&self) -> usize {
        size_of_val(&*self.words)
    }

    /// Coefficients that are unpacked at a time, on the stack.
    const STRIP: usize = 2048;

    pub(super) fn new(values: &[i64]) -> Self {
        let largest = values.iter().map(|value| value.unsigned_abs()).max().unwrap_or(0);
        let bits = u64::BITS - largest.leading_zeros() + 1;
        let bias = 1u64 << (bits - 1);
        let strips = values.chunks(Self::STRIP);
        let words = strips.clone().map(|strip| packed_words(strip.len(), bits)).sum();
        let mut packed = aligned_zeros(words);
        let mut rest = &mut *packed;
        let mut biased = [0; Self::STRIP];
        for strip in strips {
            let biased = &mut biased[..strip.len()];
            for (to, &value) in biased.iter_mut().zip(strip) {
                *to = value.cast_unsigned().wrapping_add(bias);
            }
            let out = rest.split_off_mut(..packed_words(strip.len(), bits)).unwrap_or_default();
            pack(out, biased, bits);
        }
        Self { length: values.len(), bits, words: packed }
    }

    /// Writes the residues modulo a prime.
    pub(super) fn reduce(&self, m: &Modulus, out: &mut [u64]) {
        assert_eq!(out.len(), self.length, "one residue per coefficient");
        let bias = 1u64 << (self.bits - 1);
        let minus_bias = m.neg(m.reduce(bias));
        let mut words = &*self.words;
        let mut strip = [0; Self::STRIP];
        for out in out.chunks_mut(Self::STRIP) {
            let strip = &mut strip[..out.len()];
            let from = words.split_off(..packed_words(out.len(), self.bits)).unwrap_or_default();
            unpack(strip, from, self.bits);
            if self.bits <= 51 {
                fhecc_kernels::add_reduce(out, strip, minus_bias, m);
                continue;
            }
            strip.iter_mut().for_each(|value| *value = value.wrapping_sub(bias));
            fhecc_kernels::from_i64(out, bytemuck::cast_slice(strip), m);
        }
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed({} of {} bits)", self.length, self.bits)
    }
}
