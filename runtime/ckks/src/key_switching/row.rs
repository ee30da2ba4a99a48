//! One row of a key product, strip by strip in any order.

use fhecc_kernels::{Automorphism, Modulus};

use crate::error::EvaluationError;
use crate::keys::{KeySwitchKey, PackedRow, strip};
use crate::parameters::{Parameters, product_modulo};
use crate::poly::{Poly, SpacedStrips};
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
    /// Writes strip `index` of the first digits, as many as `out` has.
    fn write<'s>(&self, index: usize, out: impl Iterator<Item = &'s mut [u64]>, scratch: &mut [u64]) {
        match self {
            Self::Packed(row) => row.unpack(index, out),
            Self::Seeded(rows) => out.zip(rows).for_each(|(out, row)| row.strip(index, out, scratch)),
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
        let special = product_modulo(&parameters.special_moduli()[..special_count], modulus);
        let constant = |value: u64| {
            let mut out = Poly::unfilled(strip, 1);
            out.as_mut_slice().fill(value);
            out
        };
        let plus = if row < parameters.limbs_at(level) { plus } else { NOTHING };
        let added = plus.into_iter().zip([[special, 0], [0, special]]);
        let added = added.filter_map(|(plus, factors)| Some((plus?, factors.map(constant))));
        let (terms, factors) = added.unzip();
        Self { modulus, key: None, terms, factors, strip }
    }

    /// Unpacks and generates the strip of the key that begins at `start`, for any number of products with the same row of
    /// the same key.
    pub(crate) fn unpack(&self, start: usize, scratch: &mut RowScratch) {
        let Some(key) = &self.key else { return };
        let (index, digits) = (start / self.strip, self.digits());
        let mut strips = scratch.key.iter_mut();
        key.b.unpack(index, strips.by_ref().take(digits));
        key.a.write(index, strips.take(digits), scratch.stream.as_mut_slice());
    }

    /// Overwrites `out` with both halves of the strip that begins at `start`, which is unpacked.
    pub(crate) fn multiply(&self, start: usize, out: [&mut [u64]; 2], scratch: &RowScratch) {
        self.compute(start, out, &scratch.key);
    }

    /// Both halves of the strip that begins at `start`, which is unpacked.
    pub(crate) fn multiplied<'s>(&self, start: usize, scratch: &'s mut RowScratch) -> [&'s mut [u64]; 2] {
        let [half0, half1] = &mut scratch.halves;
        self.compute(start, [half0.as_mut_slice(), half1.as_mut_slice()], &scratch.key);
        [half0.as_mut_slice(), half1.as_mut_slice()]
    }

    fn digits(&self) -> usize {
        self.terms.len() - self.factors.len()
    }

    fn compute<'s>(&'s self, start: usize, [out0, out1]: [&mut [u64]; 2], key: &'s SpacedStrips) {
        let strip = self.strip;
        let terms: Vec<&[u64]> = self.terms.iter().map(|term| &term[start..start + strip]).collect();
        let factors = |which: usize| -> Vec<&'s [u64]> {
            let digits = key.iter().skip(which * self.digits()).take(self.digits());
            digits.chain(self.factors.iter().map(|factors| factors[which].as_slice())).collect()
        };
        fhecc_kernels::dot2(out0, out1, &terms, &factors(0), &factors(1), self.modulus);
    }

    /// Both halves of the strip from which an automorphism takes that at position `start`, and where it begins.
    pub(crate) fn source_strip<'s>(
        &self,
        automorphism: &Automorphism,
        start: usize,
        scratch: &'s mut RowScratch,
    ) -> (usize, [&'s mut [u64]; 2]) {
        let from = automorphism.source(start, self.strip);
        self.unpack(from, scratch);
        (from, self.multiplied(from, scratch))
    }

    /// Overwrites `out` with both halves.
    pub(crate) fn write(&self, [out0, out1]: [&mut [u64]; 2], scratch: &mut RowScratch) {
        let strips = out0.chunks_exact_mut(self.strip).zip(out1.chunks_exact_mut(self.strip));
        for ((out0, out1), start) in strips.zip((0..).step_by(self.strip)) {
            self.unpack(start, scratch);
            self.multiply(start, [out0, out1], scratch);
        }
    }
}

/// Memory for strips of products.
pub(crate) struct RowScratch {
    /// What is generated.
    stream: Poly,
    /// A strip of all digits of the key, both halves.
    key: SpacedStrips,
    halves: [Poly; 2],
}

impl RowScratch {
    /// Memory for products with so many digits.
    pub(crate) fn new(parameters: &Parameters, digits: usize) -> Self {
        let strip = strip(parameters);
        let halves = [(); 2].map(|()| Poly::unfilled(strip, 1));
        Self {
            stream: Poly::unfilled(STREAM_WORDS, 1),
            key: SpacedStrips::unfilled(strip, 2 * digits),
            halves,
        }
    }
}
