//! Key-switching keys.

use std::ops::Range;

use rayon::prelude::*;

use crate::bytes::{Reader, Writer};
use crate::error::{EvaluationError, FormatError};
use crate::parameters::{Parameters, RingPrime};
use crate::poly::Poly;
use crate::seed::{Domain, Purpose, Seed, UniformRow, uniform_row};

const TAG: [u8; 4] = *b"FKS2";

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
/// The uniform halves `a_j` come from a seed; [`KeySwitchKey::expand`] keeps them in memory, otherwise
/// every use generates them again.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySwitchKey {
    level: usize,
    special_count: usize,
    layout: DigitLayout,
    seed: Seed,
    digits: Vec<Range<usize>>,
    b: Vec<Poly>,
    a: Option<Vec<Poly>>,
}

impl KeySwitchKey {
    /// A key from its digits `b_j`, each with `level + 1 + special_count` rows.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if the parameters have no such digits;
    /// [`EvaluationError::ParametersMismatch`] if a dimension differs.
    pub fn from_parts(
        parameters: &Parameters,
        level: usize,
        special_count: usize,
        layout: DigitLayout,
        seed: Seed,
        b: Vec<Poly>,
    ) -> Result<Self, EvaluationError> {
        let digits = Self::layout_digits(parameters, level, special_count, layout)?;
        let mismatch = |what, found, expected| EvaluationError::ParametersMismatch { what, found, expected };
        if b.len() != digits.len() {
            return Err(mismatch("number of digits", b.len(), digits.len()));
        }
        let rows = level + 1 + special_count;
        for poly in &b {
            if poly.n() != parameters.n() {
                return Err(mismatch("ring degree", poly.n(), parameters.n()));
            }
            if poly.limbs() != rows {
                return Err(mismatch("number of rows", poly.limbs(), rows));
            }
        }
        Ok(Self { level, special_count, layout, seed, digits, b, a: None })
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
        let greedy = parameters.digits(level, special_count).ok_or_else(|| EvaluationError::Argument {
            what: format!(
                "no key with {special_count} special primes at level {level}: allowed are 1..={} special primes with at least the bits of every prime, and levels 0..={}",
                parameters.special_limbs(),
                parameters.max_level()
            ),
        })?;
        Ok(match layout {
            DigitLayout::Greedy => greedy,
            DigitLayout::Single => std::iter::once(0..level + 1).collect(),
        })
    }

    /// The highest level of ciphertexts this key works for.
    pub fn level(&self) -> usize {
        self.level
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

    /// Bytes of the polynomials in memory.
    pub fn size_in_bytes(&self) -> usize {
        let expanded = self.a.iter().flatten();
        self.b.iter().chain(expanded).map(|poly| size_of_val(poly.as_slice())).sum()
    }

    /// Generates the uniform halves and keeps them: twice the memory, and no generation at every use.
    pub fn expand(&mut self, parameters: &Parameters) {
        if self.a.is_none() {
            let rows = self.level + 1 + self.special_count;
            let expand_digit = |digit| {
                let mut poly = Poly::unfilled(parameters.n(), rows);
                poly.as_mut_slice()
                    .par_chunks_exact_mut(parameters.n())
                    .enumerate()
                    .for_each(|(row, out)| mask_row(parameters, &self.seed, self.level, digit, row, out));
                poly
            };
            self.a = Some((0..self.b.len()).into_par_iter().map(expand_digit).collect());
        }
    }

    /// Forgets the expanded halves.
    pub fn compact(&mut self) {
        self.a = None;
    }

    /// Row of `b_digit` that belongs to row `row` of a polynomial over `Q_level P`, `level` at most the key's.
    pub(crate) fn b_row(&self, digit: usize, level: usize, row: usize) -> &[u64] {
        self.b[digit].limb(self.own_row(level, row))
    }

    /// The same of `a_digit`, if the key is expanded.
    pub(crate) fn a_row(&self, digit: usize, level: usize, row: usize) -> Option<&[u64]> {
        self.a.as_ref().map(|a| a[digit].limb(self.own_row(level, row)))
    }

    /// The same of `a_digit`, to be generated.
    pub(crate) fn a_stream(
        &self,
        parameters: &Parameters,
        digit: usize,
        level: usize,
        row: usize,
    ) -> UniformRow {
        let own = self.own_row(level, row);
        let modulus = &parameters.extended_prime(self.level, own).modulus;
        UniformRow::new(&self.seed, mask_domain(self.level, digit, own), modulus)
    }

    /// Whether [`KeySwitchKey::expand`] was called.
    pub fn is_expanded(&self) -> bool {
        self.a.is_some()
    }

    fn own_row(&self, level: usize, row: usize) -> usize {
        if row <= level { row } else { row - level + self.level }
    }

    /// The key as bytes; always without the expanded halves.
    pub fn to_bytes(&self, parameters: &Parameters) -> Vec<u8> {
        let mut writer = Writer::new(TAG, parameters);
        writer.u32(self.level as u32);
        writer.u32(self.special_count as u32);
        writer.u32(match self.layout {
            DigitLayout::Greedy => 0,
            DigitLayout::Single => 1,
        });
        writer.raw(&self.seed);
        let primes = primes(parameters, self.level, self.special_count);
        for poly in &self.b {
            writer.poly(poly, primes.iter().copied());
        }
        writer.finish()
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
        let primes = primes(parameters, level, special_count);
        let b = digits.iter().map(|_| reader.poly(parameters.n(), &primes)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { level, special_count, layout, seed, digits, b, a: None })
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
    uniform_row(seed, mask_domain(level, digit, row), &parameters.extended_prime(level, row).modulus, out);
}

fn mask_domain(level: usize, digit: usize, row: usize) -> Domain {
    let limb = if row <= level { row } else { Domain::SPECIAL + row - level - 1 };
    Domain { purpose: Purpose::KeySwitch, digit, limb }
}

fn primes(parameters: &Parameters, level: usize, special_count: usize) -> Vec<&RingPrime> {
    (0..level + 1 + special_count).map(|row| parameters.extended_prime(level, row)).collect()
}
