//! Key-switching keys.

use std::ops::Range;
use std::sync::Arc;

use super::packed::{PackedRow, PackedRows, PackedShape};
use super::store::KeyStore;
use crate::bytes::{Reader, Writer};
use crate::error::{EvaluationError, FormatError};
use crate::parameters::Parameters;
use crate::seed::{Domain, Purpose, Seed, UniformRow, uniform_row};

const TAG: [u8; 4] = *b"FKS5";

/// How the polynomial to be switched is cut into digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigitLayout {
    /// [`Parameters::digits`]: for polynomials with coefficients anywhere modulo `Q`.
    Greedy,
    /// One digit over all limbs: for polynomials whose coefficients are already small integers.
    Single,
}

/// Encryptions, one per digit, of `P` times a message `m` under a secret `s`, from which `x m` is computed for
/// any polynomial `x`.
///
/// Digit `j` is `(b_j, a_j)` over `q_0 ..= q_level` and the first `special_count` special primes, with
/// `b_j + a_j s = P g_j m + e_j`, where `g_j` is 1 modulo the primes of digit `j` and 0 modulo the others of
/// the chain. A ciphertext at a lower level uses the same key without the rows above it.
///
/// Residues take as many bits as their prime has. The uniform halves `a_j` come from a seed; [`KeySwitchKey::expand`] keeps them in memory, otherwise
/// every use generates them again.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySwitchKey {
    level: usize,
    /// The lowest level with limbs of the same chain.
    lowest_level: usize,
    special_count: usize,
    layout: DigitLayout,
    seed: Seed,
    digits: Vec<Range<usize>>,
    b: PackedRows,
    a: Option<PackedRows>,
}

impl KeySwitchKey {
    /// A key from its digits `b_j`: `fill(scratch, digit, row, out)` writes row `row` of one, of `N` canonical
    /// residues, in parallel and in any order. Each is packed as soon as it is written, in memory or on disk;
    /// `scratch` is made once per thread.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if the parameters have no such digits, [`EvaluationError::KeyStore`] if the
    /// store cannot be written.
    pub fn generate<S>(
        parameters: &Parameters,
        (level, special_count, layout): (usize, usize, DigitLayout),
        seed: Seed,
        store: Option<&Arc<KeyStore>>,
        scratch: impl Fn() -> S + Send + Sync,
        fill: impl Fn(&mut S, usize, usize, &mut [u64]) + Send + Sync,
    ) -> Result<Self, EvaluationError> {
        let digits = Self::layout_digits(parameters, level, special_count, layout)?;
        let shape = PackedShape::new(parameters, level, special_count, digits.len());
        let b = match store {
            None => PackedRows::in_memory(parameters, shape, scratch, fill),
            Some(store) => PackedRows::in_store(parameters, shape, store, scratch, fill)?,
        };
        let lowest_level = parameters.lowest_level(level);
        Ok(Self { level, lowest_level, special_count, layout, seed, digits, b, a: None })
    }

    /// Bytes that the packed digits `b_j` of such a key take, in memory and in files.
    ///
    /// # Errors
    ///
    /// As [`KeySwitchKey::layout_digits`].
    pub fn packed_bytes(
        parameters: &Parameters,
        level: usize,
        special_count: usize,
        layout: DigitLayout,
    ) -> Result<usize, EvaluationError> {
        let digits = Self::layout_digits(parameters, level, special_count, layout)?.len();
        Ok(PackedShape::new(parameters, level, special_count, digits).words(parameters) * size_of::<u64>())
    }

    /// The ranges of limbs that make up the digits of such a key.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if the level or the number of special primes is out of range, or the
    /// special primes are smaller than a digit has to be.
    pub fn layout_digits(
        parameters: &Parameters,
        level: usize,
        special_count: usize,
        layout: DigitLayout,
    ) -> Result<Vec<Range<usize>>, EvaluationError> {
        let digits = match layout {
            DigitLayout::Greedy => parameters.digits(level, special_count),
            DigitLayout::Single => parameters
                .has_keys(level, special_count)
                .then(|| std::iter::once(0..parameters.limbs_at(level)).collect()),
        };
        digits.ok_or_else(|| EvaluationError::Argument {
            what: format!(
                "no key with {special_count} special primes at level {level}: allowed are 1..={} special primes with at least the bits of every prime, and levels 0..={}",
                parameters.special_limbs(),
                parameters.max_level()
            ),
        })
    }

    /// The highest level of ciphertexts this key works for.
    pub fn level(&self) -> usize {
        self.level
    }

    /// Whether the key works for ciphertexts at `level`: it has its limbs.
    pub fn reaches(&self, level: usize) -> bool {
        (self.lowest_level..=self.level).contains(&level)
    }

    /// How many special primes the key has.
    pub fn special_count(&self) -> usize {
        self.special_count
    }

    /// How the digits are laid out.
    pub fn layout(&self) -> DigitLayout {
        self.layout
    }

    /// The limbs of every digit.
    pub fn digits(&self) -> &[Range<usize>] {
        &self.digits
    }

    /// Bytes of the packed polynomials in memory.
    pub fn size_in_bytes(&self) -> usize {
        self.b.bytes_in_memory() + self.a.as_ref().map_or(0, PackedRows::bytes_in_memory)
    }

    /// Bytes of the packed polynomials in a [`KeyStore`].
    pub fn bytes_on_disk(&self) -> usize {
        self.b.bytes_on_disk()
    }

    /// Moves the key to a store, forgetting the expanded halves. Products then read it from disk, row by row.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if the store cannot be written, or the one that the key is in cannot be read.
    pub fn move_to(&mut self, store: &Arc<KeyStore>) -> Result<(), EvaluationError> {
        self.b.move_to(store)?;
        self.compact();
        Ok(())
    }

    /// Generates the uniform halves and keeps them: twice the memory, and no generation at every use.
    pub fn expand(&mut self, parameters: &Parameters) {
        if self.a.is_none() {
            let (seed, level) = (&self.seed, self.level);
            let shape = PackedShape::new(parameters, level, self.special_count, self.digits.len());
            let fill =
                |(): &mut (), digit, row, out: &mut [u64]| mask_row(parameters, seed, level, digit, row, out);
            self.a = Some(PackedRows::in_memory(parameters, shape, || (), fill));
        }
    }

    /// Forgets the expanded halves.
    pub fn compact(&mut self) {
        self.a = None;
    }

    /// Row of all `b_j` that belongs to row `row` of a polynomial over `Q_level P`, `level` at most the key's.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if the key is on disk and cannot be read.
    pub(crate) fn b_row(
        &self,
        parameters: &Parameters,
        level: usize,
        row: usize,
    ) -> Result<PackedRow<'_>, EvaluationError> {
        self.b.row(parameters, self.own_row(parameters, level, row))
    }

    /// The same of all `a_j`, if the key is expanded.
    ///
    /// # Errors
    ///
    /// As [`KeySwitchKey::b_row`].
    pub(crate) fn a_row(
        &self,
        parameters: &Parameters,
        level: usize,
        row: usize,
    ) -> Result<Option<PackedRow<'_>>, EvaluationError> {
        self.a.as_ref().map(|a| a.row(parameters, self.own_row(parameters, level, row))).transpose()
    }

    /// The same of one `a_j`, to be generated.
    pub(crate) fn a_stream(
        &self,
        parameters: &Parameters,
        digit: usize,
        level: usize,
        row: usize,
    ) -> UniformRow {
        let own = self.own_row(parameters, level, row);
        let modulus = &parameters.extended_prime(self.level, own).modulus;
        UniformRow::new(&self.seed, mask_domain(parameters.limbs_at(self.level), digit, own), modulus)
    }

    /// Whether [`KeySwitchKey::expand`] was called.
    pub fn is_expanded(&self) -> bool {
        self.a.is_some()
    }

    fn own_row(&self, parameters: &Parameters, level: usize, row: usize) -> usize {
        let limbs = parameters.limbs_at(level);
        if row < limbs { row } else { row - limbs + parameters.limbs_at(self.level) }
    }

    /// The key as bytes; always without the expanded halves.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyStore`] if it is on disk and cannot be read.
    pub fn to_bytes(&self, parameters: &Parameters) -> Result<Vec<u8>, EvaluationError> {
        let mut writer = Writer::new(TAG, parameters);
        writer.u32(self.level as u32);
        writer.u32(self.special_count as u32);
        writer.u32(match self.layout {
            DigitLayout::Greedy => 0,
            DigitLayout::Single => 1,
        });
        writer.raw(&self.seed);
        writer.packed(&self.b)?;
        Ok(writer.finish())
    }

    /// The key that [`KeySwitchKey::to_bytes`] wrote, not expanded.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if the bytes are not such a key of these parameters.
    pub fn from_bytes(bytes: &[u8], parameters: &Parameters) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes, TAG, parameters)?;
        let level = reader.ranged("level", (0, parameters.max_level()))?;
        let special_count = reader.ranged("special primes", (1, parameters.special_limbs()))?;
        let layout = match reader.ranged("digit layout", (0, 1))? {
            0 => DigitLayout::Greedy,
            _ => DigitLayout::Single,
        };
        let seed = reader.array()?;
        let digits = Self::layout_digits(parameters, level, special_count, layout).map_err(|_| {
            let allowed = (1, parameters.special_limbs() as u64);
            FormatError::Value { what: "special primes at this level", found: special_count as u64, allowed }
        })?;
        let shape = PackedShape::new(parameters, level, special_count, digits.len());
        let b = reader.raw(shape.words(parameters) * size_of::<u64>())?;
        let b = PackedRows::read(parameters, shape, b)?;
        reader.finish()?;
        let lowest_level = parameters.lowest_level(level);
        Ok(Self { level, lowest_level, special_count, layout, seed, digits, b, a: None })
    }
}

/// Writes row `row` of `a_digit` for a key truncated at `level`.
pub fn mask_row(
    parameters: &Parameters,
    seed: &Seed,
    level: usize,
    digit: usize,
    row: usize,
    out: &mut [u64],
) {
    uniform_row(
        seed,
        mask_domain(parameters.limbs_at(level), digit, row),
        &parameters.extended_prime(level, row).modulus,
        out,
    );
}

fn mask_domain(limbs: usize, digit: usize, row: usize) -> Domain {
    let limb = if row < limbs { row } else { Domain::SPECIAL + row - limbs };
    Domain { purpose: Purpose::KeySwitch, digit, limb }
}
