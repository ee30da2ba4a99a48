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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParametersLiteral;

    fn parameters(log_n: u32) -> Parameters {
        Parameters::insecure_for_tests(ParametersLiteral {
            log_n,
            base_bits: 40,
            slots_to_coeffs_bits: vec![28],
            compute_bits: vec![31],
            eval_mod_bits: vec![],
            coeffs_to_slots_bits: vec![],
            special_bits: vec![50],
            log_scale: 31,
            bootstrap: None,
        })
        .unwrap()
    }

    const SHAPE: PackedShape = PackedShape { level: 2, special_count: 1, digits: 3 };

    fn residue(parameters: &Parameters, digit: usize, row: usize, position: usize) -> u64 {
        let x = (digit * 1_000_003 + row * 7_919 + position + 1) as u64;
        SHAPE.modulus(parameters, row) - 1 - x.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000
    }

    fn rows(parameters: &Parameters) -> PackedRows {
        PackedRows::generate(
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
            assert_eq!(packed.size_in_bytes(), 3 * (40 + 28 + 31 + 50) * parameters.n() / 8);
            let strip = strip(&parameters);
            for row in 0..SHAPE.rows() {
                let found = packed.row(&parameters, row);
                for digits in 1..=SHAPE.digits {
                    let mut out = vec![0; strip * digits];
                    for index in 0..parameters.n() / strip {
                        found.unpack(index, &mut out);
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
        packed.write(&mut bytes);
        assert_eq!(bytes.len(), packed.size_in_bytes());
        assert_eq!(PackedRows::read(&parameters, SHAPE, &bytes), Ok(packed));
        let short = PackedRows::read(&parameters, SHAPE, &bytes[1..]);
        assert_eq!(short, Err(FormatError::Truncated { needed: bytes.len(), found: bytes.len() - 1 }));
        // The words of the last block of the last row begin with the low bits of its first residue.
        for row in [0, 3] {
            let modulus = SHAPE.modulus(&parameters, row);
            let bits = SHAPE.bits(&parameters, row) as usize;
            let end: usize = (0..=row).map(|row| SHAPE.row_words(&parameters, row) * 8).sum();
            let mut damaged = bytes.clone();
            damaged[end - 512 * bits / 8..][..8].fill(0xff);
            let found = (1 << bits) - 1;
            let refused = PackedRows::read(&parameters, SHAPE, &damaged);
            assert_eq!(refused, Err(FormatError::Residue { found, modulus }), "row {row}");
        }
    }
}
