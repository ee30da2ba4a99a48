//! Polynomials of a key in as many bits as their primes have.

use fhecc_kernels::{pack, packed_words, unpack};
use rayon::prelude::*;

use crate::error::FormatError;
use crate::parameters::Parameters;
use crate::poly::Poly;

/// Positions that are unpacked at a time: those of all digits stay in the core's own cache until they are used.
pub(crate) const STRIP: usize = 2048;

/// What polynomials a key has: `digits` of them over `q_0 ..= q_level` and the first `special_count` special primes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedShape {
    pub(crate) level: usize,
    pub(crate) special_count: usize,
    pub(crate) digits: usize,
}

impl PackedShape {
    /// Rows of each polynomial.
    pub(crate) fn rows(self) -> usize {
        self.level + 1 + self.special_count
    }

    /// Words of one row of all digits: `N` times as many bits as the prime has, for each.
    pub(crate) fn row_words(self, parameters: &Parameters, row: usize) -> usize {
        let strip = strip(parameters);
        packed_words(strip, self.bits(parameters, row)) * (parameters.n() / strip) * self.digits
    }

    /// Words of all rows.
    pub(crate) fn words(self, parameters: &Parameters) -> usize {
        (0..self.rows()).map(|row| self.row_words(parameters, row)).sum()
    }

    fn bits(self, parameters: &Parameters, row: usize) -> u32 {
        u64::BITS - self.modulus(parameters, row).leading_zeros()
    }

    fn modulus(self, parameters: &Parameters, row: usize) -> u64 {
        parameters.extended_prime(self.level, row).modulus.value()
    }
}

/// Positions of a strip: [`STRIP`], or all if the ring has fewer.
pub(crate) fn strip(parameters: &Parameters) -> usize {
    STRIP.min(parameters.n())
}

/// Packed polynomials. A row holds the first strip of every digit, then the second of every digit, and so on: a
/// product with all digits reads it from beginning to end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PackedRows {
    shape: PackedShape,
    rows: Vec<Box<[u64]>>,
}

impl PackedRows {
    /// Packs each row as soon as `fill(scratch, digit, row, out)` has written it; `scratch` is made once per thread.
    pub(crate) fn generate<S>(
        parameters: &Parameters,
        shape: PackedShape,
        scratch: impl Fn() -> S + Sync,
        fill: impl Fn(&mut S, usize, usize, &mut [u64]) + Sync,
    ) -> Self {
        let rows = (0..shape.rows()).into_par_iter().map_init(
            || (scratch(), Poly::unfilled(parameters.n(), 1)),
            |(scratch, out), row| {
                let mut packed = vec![0; shape.row_words(parameters, row)].into_boxed_slice();
                for digit in 0..shape.digits {
                    fill(scratch, digit, row, out.limb_mut(0));
                    pack_row(parameters, shape, (digit, row), out.limb(0), &mut packed);
                }
                packed
            },
        );
        Self { shape, rows: rows.collect() }
    }

    /// Row `row` of all digits.
    pub(crate) fn row<'a>(&'a self, parameters: &Parameters, row: usize) -> PackedRow<'a> {
        let strip = strip(parameters);
        let bits = self.shape.bits(parameters, row);
        PackedRow { words: &self.rows[row], strip, bits, digits: self.shape.digits }
    }

    /// Bytes in memory.
    pub(crate) fn size_in_bytes(&self) -> usize {
        self.rows.iter().map(|row| size_of_val(&**row)).sum()
    }

    /// Appends the words, little-endian, row after row.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.size_in_bytes());
        for row in &self.rows {
            row.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        }
    }

    /// The rows that [`PackedRows::write`] wrote.
    ///
    /// # Errors
    ///
    /// [`FormatError::Truncated`], or [`FormatError::Residue`] if one is not below its prime.
    pub(crate) fn read(
        parameters: &Parameters,
        shape: PackedShape,
        bytes: &[u8],
    ) -> Result<Self, FormatError> {
        let needed = shape.words(parameters) * size_of::<u64>();
        if bytes.len() != needed {
            return Err(FormatError::Truncated { needed, found: bytes.len() });
        }
        let mut rest = bytes.as_chunks().0;
        let mut rows = Vec::with_capacity(shape.rows());
        let mut unpacked = Poly::unfilled(strip(parameters), 1);
        for row in 0..shape.rows() {
            let (words, tail) = rest.split_at(shape.row_words(parameters, row));
            rest = tail;
            let words: Box<[u64]> = words.iter().map(|&word| u64::from_le_bytes(word)).collect();
            let modulus = shape.modulus(parameters, row);
            let bits = shape.bits(parameters, row);
            for packed in words.chunks_exact(packed_words(strip(parameters), bits)) {
                unpack(unpacked.limb_mut(0), packed, bits);
                if let Some(&found) = unpacked.limb(0).iter().find(|&&residue| residue >= modulus) {
                    return Err(FormatError::Residue { found, modulus });
                }
            }
            rows.push(words);
        }
        Ok(Self { shape, rows })
    }
}

fn pack_row(
    parameters: &Parameters,
    shape: PackedShape,
    (digit, row): (usize, usize),
    residues: &[u64],
    packed: &mut [u64],
) {
    let strip = strip(parameters);
    let bits = shape.bits(parameters, row);
    let to = packed.chunks_exact_mut(packed_words(strip, bits)).skip(digit).step_by(shape.digits);
    residues.chunks_exact(strip).zip(to).for_each(|(from, to)| pack(to, from, bits));
}

/// One row of all digits.
#[derive(Clone, Copy)]
pub(crate) struct PackedRow<'a> {
    words: &'a [u64],
    strip: usize,
    bits: u32,
    digits: usize,
}

impl PackedRow<'_> {
    /// Unpacks strip `index` of the first digits, as many as `out` has chunks of [`strip`] residues.
    pub(crate) fn unpack(&self, index: usize, out: &mut [u64]) {
        let words = packed_words(self.strip, self.bits);
        let from = self.words[index * words * self.digits..].chunks_exact(words);
        out.chunks_exact_mut(self.strip).zip(from).for_each(|(out, from)| unpack(out, from, self.bits));
    }
}
