//! Polynomials of a key in as many bits as their primes have.

use std::ops::Deref;
use std::sync::Arc;

use fhecc_kernels::{pack, packed_words, unpack};
use rayon::prelude::*;

use super::store::KeyStore;
use crate::error::{EvaluationError, FormatError};
use crate::parameters::Parameters;
use crate::poly::{AlignedWords, Poly, aligned_zeros};
use crate::seed::strip_length;

/// What polynomials a key has: `digits` of them over `q_0 ..= q_level` and the first `special_count` special primes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedShape {
    level: usize,
    limbs: usize,
    special_count: usize,
    digits: usize,
}

impl PackedShape {
    pub(crate) fn new(parameters: &Parameters, level: usize, special_count: usize, digits: usize) -> Self {
        Self { level, limbs: parameters.limbs_at(level), special_count, digits }
    }

    /// Rows of each polynomial.
    pub(crate) fn rows(self) -> usize {
        self.limbs + self.special_count
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

/// Positions of a strip.
pub(crate) fn strip(parameters: &Parameters) -> usize {
    strip_length(parameters.n())
}

/// Packed polynomials. A row holds the first strip of every digit, then the second of every digit, and so on: a
/// product with all digits reads it from beginning to end.
#[derive(Clone, Debug)]
pub(crate) struct PackedRows {
    shape: PackedShape,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Vec<AlignedWords>),
    /// The offset of every row in the file, in bytes, and the words of the row.
    Disk(Arc<KeyStore>, Vec<(u64, usize)>),
}

impl PackedRows {
    /// Packs each row as soon as `fill(scratch, digit, row, out)` has written it; `scratch` is made once per thread.
    pub(crate) fn in_memory<S>(
        parameters: &Parameters,
        shape: PackedShape,
        scratch: impl Fn() -> S + Send + Sync,
        fill: impl Fn(&mut S, usize, usize, &mut [u64]) + Send + Sync,
    ) -> Self {
        let rows = packed_rows(parameters, shape, scratch, fill);
        Self { shape, place: Place::Memory(rows.collect()) }
    }

    /// The same, on disk: no more than a row per thread is in memory.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if a row cannot be written.
    pub(crate) fn in_store<S>(
        parameters: &Parameters,
        shape: PackedShape,
        store: &Arc<KeyStore>,
        scratch: impl Fn() -> S + Send + Sync,
        fill: impl Fn(&mut S, usize, usize, &mut [u64]) + Send + Sync,
    ) -> Result<Self, EvaluationError> {
        let words = (0..shape.rows()).map(|row| shape.row_words(parameters, row));
        let rows: Vec<_> = words.map(|words| (store.reserve(words), words)).collect();
        packed_rows(parameters, shape, scratch, fill)
            .zip(&rows)
            .try_for_each(|(words, &(offset, _))| store.write(offset, &words))?;
        Ok(Self { shape, place: Place::Disk(store.clone(), rows) })
    }

    /// Writes the rows to the store and forgets them; nothing to do if they are there.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if a row cannot be written, or read from the store it is in.
    pub(crate) fn move_to(&mut self, store: &Arc<KeyStore>) -> Result<(), EvaluationError> {
        if matches!(&self.place, Place::Disk(found, _) if Arc::ptr_eq(found, store)) {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(self.shape.rows());
        for row in 0..self.shape.rows() {
            let words = self.words(row)?;
            let offset = store.reserve(words.len());
            store.write(offset, &words)?;
            rows.push((offset, words.len()));
        }
        self.place = Place::Disk(store.clone(), rows);
        Ok(())
    }

    /// Row `row` of all digits; one that is on disk is read.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if it cannot be read.
    pub(crate) fn row(&self, parameters: &Parameters, row: usize) -> Result<PackedRow<'_>, EvaluationError> {
        let bits = self.shape.bits(parameters, row);
        Ok(PackedRow { words: self.words(row)?, strip: strip(parameters), bits, digits: self.shape.digits })
    }

    fn words(&self, row: usize) -> Result<Words<'_>, EvaluationError> {
        match &self.place {
            Place::Memory(rows) => Ok(Words::Memory(&rows[row])),
            Place::Disk(store, rows) => {
                let (offset, words) = rows[row];
                let mut read = Poly::unfilled(words, 1);
                store.read(offset, read.as_mut_slice())?;
                Ok(Words::Read(read))
            }
        }
    }

    /// Bytes in memory.
    pub(crate) fn bytes_in_memory(&self) -> usize {
        match &self.place {
            Place::Memory(rows) => rows.iter().map(|row| size_of_val(&**row)).sum(),
            Place::Disk(..) => 0,
        }
    }

    /// Bytes on disk.
    pub(crate) fn bytes_on_disk(&self) -> usize {
        match &self.place {
            Place::Memory(_) => 0,
            Place::Disk(_, rows) => rows.iter().map(|&(_, words)| words * size_of::<u64>()).sum(),
        }
    }

    /// Appends the words, little-endian, row after row.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if a row cannot be read.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), EvaluationError> {
        out.reserve(self.bytes_in_memory() + self.bytes_on_disk());
        for row in 0..self.shape.rows() {
            self.words(row)?.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        }
        Ok(())
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
            let words = AlignedWords::from_iter(64, words.iter().map(|&word| u64::from_le_bytes(word)));
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
        Ok(Self { shape, place: Place::Memory(rows) })
    }
}

/// Whether all residues are the same, wherever they are; rows that cannot be read equal none.
impl PartialEq for PackedRows {
    fn eq(&self, other: &Self) -> bool {
        let same_row = |row| {
            let words = (self.words(row), other.words(row));
            matches!(words, (Ok(words), Ok(other)) if *words == *other)
        };
        self.shape == other.shape && (0..self.shape.rows()).all(same_row)
    }
}

/// The rows, each made and packed by one thread.
fn packed_rows<S>(
    parameters: &Parameters,
    shape: PackedShape,
    scratch: impl Fn() -> S + Send + Sync,
    fill: impl Fn(&mut S, usize, usize, &mut [u64]) + Send + Sync,
) -> impl IndexedParallelIterator<Item = AlignedWords> {
    (0..shape.rows()).into_par_iter().map_init(
        move || (scratch(), Poly::unfilled(parameters.n(), 1)),
        move |(scratch, out), row| {
            let mut packed = aligned_zeros(shape.row_words(parameters, row));
            for digit in 0..shape.digits {
                fill(scratch, digit, row, out.limb_mut(0));
                pack_row(parameters, shape, (digit, row), out.limb(0), &mut packed);
            }
            packed
        },
    )
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

/// The words of a row, where they lie or read from disk.
enum Words<'a> {
    Memory(&'a [u64]),
    Read(Poly),
}

impl Deref for Words<'_> {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        match self {
            Self::Memory(words) => words,
            Self::Read(words) => words.as_slice(),
        }
    }
}

/// One row of all digits.
pub(crate) struct PackedRow<'a> {
    words: Words<'a>,
    strip: usize,
    bits: u32,
    digits: usize,
}

impl PackedRow<'_> {
    /// Unpacks strip `index` of the first digits, as many as `out` has.
    pub(crate) fn unpack<'s>(&self, index: usize, out: impl Iterator<Item = &'s mut [u64]>) {
        let words = packed_words(self.strip, self.bits);
        let from = self.words[index * words * self.digits..].chunks_exact(words);
        out.zip(from).for_each(|(out, from)| unpack(out, from, self.bits));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::tiny_for_tests;

    fn parameters(log_n: u32) -> Parameters {
        tiny_for_tests(log_n, 50)
    }

    const SHAPE: PackedShape = PackedShape { level: 2, limbs: 3, special_count: 1, digits: 3 };

    fn residue(parameters: &Parameters, digit: usize, row: usize, position: usize) -> u64 {
        let x = (digit * 1_000_003 + row * 7_919 + position + 1) as u64;
        SHAPE.modulus(parameters, row) - 1 - x.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000
    }

    fn rows(parameters: &Parameters) -> PackedRows {
        PackedRows::in_memory(
            parameters,
            SHAPE,
            || (),
            |(), digit, row, out| {
                for (position, out) in out.iter_mut().enumerate() {
                    *out = residue(parameters, digit, row, position);
                }
            },
        )
    }

    #[test]
    fn strips_are_those_that_were_packed_in_exactly_their_bits() {
        for log_n in [10, 11, 12] {
            let parameters = parameters(log_n);
            let packed = rows(&parameters);
            assert_eq!(packed.bytes_in_memory(), 3 * (40 + 28 + 31 + 50) * parameters.n() / 8);
            let strip = strip(&parameters);
            for row in 0..SHAPE.rows() {
                let found = packed.row(&parameters, row).unwrap();
                for digits in 1..=SHAPE.digits {
                    let mut out = vec![0; strip * digits];
                    for index in 0..parameters.n() / strip {
                        found.unpack(index, out.chunks_exact_mut(strip));
                        for (i, &found) in out.iter().enumerate() {
                            let want = residue(&parameters, i / strip, row, index * strip + i % strip);
                            assert_eq!(found, want, "2^{log_n}, row {row}, strip {index}, value {i}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_are_the_words_and_a_residue_that_is_too_large_is_refused() {
        let parameters = parameters(12);
        let packed = rows(&parameters);
        let mut bytes = Vec::new();
        packed.write(&mut bytes).unwrap();
        assert_eq!(bytes.len(), packed.bytes_in_memory());
        assert_eq!(PackedRows::read(&parameters, SHAPE, &bytes), Ok(packed));
        let short = PackedRows::read(&parameters, SHAPE, &bytes[1..]);
        assert_eq!(short, Err(FormatError::Truncated { needed: bytes.len(), found: bytes.len() - 1 }));
        // The words of the last block of the last row begin with the low bits of its first residue.
        for row in [0, 3] {
            let modulus = SHAPE.modulus(&parameters, row);
            let bits = SHAPE.bits(&parameters, row) as usize;
            let end: usize = (0..=row).map(|row| SHAPE.row_words(&parameters, row) * 8).sum();
            let mut damaged = bytes.clone();
            damaged[end - strip(&parameters) * bits / 8..][..8].fill(0xff);
            let found = (1 << bits) - 1;
            let refused = PackedRows::read(&parameters, SHAPE, &damaged);
            assert_eq!(refused, Err(FormatError::Residue { found, modulus }), "row {row}");
        }
    }
}
