//! One row of a key product, strip by strip in any order.

use fhecc_kernels::{Automorphism, Modulus};

use super::extended::special_product;
use crate::error::EvaluationError;
use crate::keys::{KeySwitchKey, PackedRow, strip};
use crate::parameters::Parameters;
use crate::poly::Poly;
use crate::seed::{STREAM_WORDS, UniformRow};

/// What is multiplied by `P` and added to each half of a row of the chain.
pub(crate) type Addends<'a> = [Option<&'a [u64]>; 2];

/// No addends.
pub(crate) const NOTHING: Addends<'static> = [None, None];

/// Both halves of one row of `sum_j digit_j (b_j, a_j) + P plus`, or of `P plus` alone.
pub(crate) struct RowProduct<'a> {
    modulus: &'a Modulus,
    key: Option<KeyRow<'a>>,
    /// The digits, and what is added.
    terms: Vec<&'a [u64]>,
    /// For everything added, by which half, its factor: `P` or zero, a strip of each.
    factors: Vec<[Poly; 2]>,
    strip: usize,
}

/// One row of a key.
struct KeyRow<'a> {
    b: PackedRow<'a>,
    a: UniformHalves<'a>,
}

/// One row of the uniform halves of all digits.
enum UniformHalves<'a> {
    Packed(PackedRow<'a>),
    Seeded(Vec<UniformRow>),
}

impl UniformHalves<'_> {
    /// Writes strip `index` of all digits.
    fn write(&self, index: usize, out: &mut [u64], scratch: &mut [u64]) {
        match self {
            Self::Packed(row) => row.unpack(index, out),
            Self::Seeded(rows) => {
                let strip = out.len() / rows.len();
                out.chunks_exact_mut(strip).zip(rows).for_each(|(out, row)| row.strip(index, out, scratch));
            }
        }
    }
}

impl<'a> RowProduct<'a> {
    /// The product of row `row` of some digits over `Q_level P`, the first of the key's, with a key that reaches the
    /// level.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if the key is on disk and cannot be read.
    pub(crate) fn new(
        parameters: &'a Parameters,
        key: &'a KeySwitchKey,
        (level, row): (usize, usize),
        digits: Vec<&'a [u64]>,
        plus: Addends<'a>,
    ) -> Result<Self, EvaluationError> {
        let a = match key.a_row(parameters, level, row)? {
            Some(packed) => UniformHalves::Packed(packed),
            None => {
                let stream = |digit| key.a_stream(parameters, digit, level, row);
                UniformHalves::Seeded((0..digits.len()).map(stream).collect())
            }
        };
        let key_row = KeyRow { b: key.b_row(parameters, level, row)?, a };
        let added = Self::scaled(parameters, key.special_count(), (level, row), plus);
        let terms = digits.into_iter().chain(added.terms).collect();
        Ok(Self { key: Some(key_row), terms, ..added })
    }

    /// `P plus`, `P` being the product of so many special primes; in a row of a special prime that is zero.
    pub(crate) fn scaled(
        parameters: &'a Parameters,
        special_count: usize,
        (level, row): (usize, usize),
        plus: Addends<'a>,
    ) -> Self {
        let modulus = &parameters.extended_prime(level, row).modulus;
        let strip = strip(parameters);
        let special = special_product(parameters, special_count, modulus);
        let constant = |value: u64| {
            let mut out = Poly::unfilled(strip, 1);
            out.as_mut_slice().fill(value);
            out
        };
        let plus = if row <= level { plus } else { NOTHING };
        let added = plus.into_iter().zip([[special, 0], [0, special]]);
        let added = added.filter_map(|(plus, factors)| Some((plus?, factors.map(constant))));
        let (terms, factors) = added.unzip();
        Self { modulus, key: None, terms, factors, strip }
    }

    /// Overwrites `out` with both halves of the strip that begins at `start`.
    pub(crate) fn write_strip(&self, start: usize, out: [&mut [u64]; 2], scratch: &mut RowScratch) {
        self.compute(start, out, &mut scratch.key);
    }

    fn compute<'s>(&'s self, start: usize, out: [&mut [u64]; 2], scratch: &'s mut Poly) {
        let (strip, m) = (self.strip, self.modulus);
        let (index, positions) = (start / strip, start..start + strip);
        let digits = self.terms.len() - self.factors.len();
        let (stream, unpacked) = scratch.as_mut_slice().split_at_mut(STREAM_WORDS);
        let (b, a) = unpacked[..2 * strip * digits].split_at_mut(strip * digits);
        if let Some(key) = &self.key {
            key.b.unpack(index, b);
            key.a.write(index, a, stream);
        }
        let terms: Vec<&[u64]> = self.terms.iter().map(|term| &term[positions.clone()]).collect();
        let factors = |half: &'s [u64], which: usize| -> Vec<&'s [u64]> {
            let constants = self.factors.iter().map(|factors| factors[which].as_slice());
            half.chunks_exact(strip).chain(constants).collect()
        };
        let [out0, out1] = out;
        fhecc_kernels::dot2(out0, out1, &terms, &factors(b, 0), &factors(a, 1), m);
    }

    /// Both halves of the strip from which an automorphism takes that at position `start`, and where it begins.
    pub(crate) fn source_strip<'s>(
        &self,
        automorphism: &Automorphism,
        start: usize,
        scratch: &'s mut RowScratch,
    ) -> (usize, [&'s mut [u64]; 2]) {
        let from = automorphism.source(start, self.strip);
        let RowScratch { key, halves } = scratch;
        let [half0, half1] = halves;
        self.compute(from, [half0.as_mut_slice(), half1.as_mut_slice()], key);
        (from, [half0.as_mut_slice(), half1.as_mut_slice()])
    }

    /// Overwrites `out` with both halves.
    pub(crate) fn write(&self, [out0, out1]: [&mut [u64]; 2], scratch: &mut RowScratch) {
        let strips = out0.chunks_exact_mut(self.strip).zip(out1.chunks_exact_mut(self.strip));
        for ((out0, out1), start) in strips.zip((0..).step_by(self.strip)) {
            self.write_strip(start, [out0, out1], scratch);
        }
    }
}

/// Memory for strips of products.
pub(crate) struct RowScratch {
    /// What is generated, and a strip of all digits of the key.
    key: Poly,
    halves: [Poly; 2],
}

impl RowScratch {
    /// Memory for products with so many digits.
    pub(crate) fn new(parameters: &Parameters, digits: usize) -> Self {
        let strip = strip(parameters);
        let halves = [(); 2].map(|()| Poly::unfilled(strip, 1));
        Self { key: Poly::unfilled(STREAM_WORDS + 2 * digits * strip, 1), halves }
    }
}
