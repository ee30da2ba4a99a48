//! Reading and writing of keys and ciphertexts as bytes: every length is checked before memory is taken.
//!
//! Residues of ciphertexts take as many whole bytes as their modulus, little-endian, row after row; those of keys as
//! many bits.

use crate::error::{EvaluationError, FormatError};
use crate::keys::PackedRows;
use crate::parameters::{Parameters, RingPrime};
use crate::poly::Poly;
use crate::scale::Scale;

/// Builds the bytes of an object.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Starts with a tag, which names kind and version, and the fingerprint of the parameters.
    pub(crate) fn new(tag: [u8; 4], parameters: &Parameters) -> Self {
        let mut bytes = tag.to_vec();
        bytes.extend_from_slice(parameters.fingerprint());
        Self { bytes }
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A length and then the bytes.
    pub(crate) fn block(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.raw(bytes);
    }

    pub(crate) fn scale(&mut self, scale: Scale) {
        let (hi, lo) = scale.to_parts();
        self.u64(hi.to_bits());
        self.u64(lo.to_bits());
    }

    /// Row `i` of `poly` belongs to the `i`-th prime.
    pub(crate) fn poly<'a>(&mut self, poly: &Poly, primes: impl Iterator<Item = &'a RingPrime>) {
        for (i, prime) in primes.enumerate() {
            let width = width(prime);
            self.bytes.reserve(poly.n() * width);
            for residue in poly.limb(i) {
                self.bytes.extend_from_slice(&residue.to_le_bytes()[..width]);
            }
        }
    }

    pub(crate) fn packed(&mut self, rows: &PackedRows) -> Result<(), EvaluationError> {
        rows.write(&mut self.bytes)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads what [`Writer`] wrote.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks tag and fingerprint.
    pub(crate) fn new(bytes: &'a [u8], tag: [u8; 4], parameters: &Parameters) -> Result<Self, FormatError> {
        let mut reader = Self { rest: bytes };
        let found = reader.array()?;
        if found != tag {
            return Err(FormatError::Tag { expected: tag, found });
        }
        if reader.raw(32)? != parameters.fingerprint() {
            return Err(FormatError::Fingerprint);
        }
        Ok(reader)
    }

    pub(crate) fn array<const K: usize>(&mut self) -> Result<[u8; K], FormatError> {
        let mut out = [0; K];
        out.copy_from_slice(self.raw(K)?);
        Ok(out)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FormatError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FormatError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number with a range.
    pub(crate) fn ranged(
        &mut self,
        what: &'static str,
        allowed: (usize, usize),
    ) -> Result<usize, FormatError> {
        let found = self.u32()?;
        if (allowed.0..=allowed.1).contains(&(found as usize)) {
            Ok(found as usize)
        } else {
            Err(FormatError::Value {
                what,
                found: found.into(),
                allowed: (allowed.0 as u64, allowed.1 as u64),
            })
        }
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(FormatError::Truncated { needed: length, found: self.rest.len() })?;
        self.rest = rest;
        Ok(head)
    }

    /// A length and then the bytes.
    pub(crate) fn block(&mut self) -> Result<&'a [u8], FormatError> {
        let length = self.u64()?;
        self.raw(usize::try_from(length).unwrap_or(usize::MAX))
    }

    pub(crate) fn scale(&mut self) -> Result<Scale, FormatError> {
        let (hi, lo) = (f64::from_bits(self.u64()?), f64::from_bits(self.u64()?));
        Scale::from_parts(hi, lo).ok_or(FormatError::Scale)
    }

    /// A polynomial with one row of `n` residues per prime, each below its prime.
    pub(crate) fn poly(&mut self, n: usize, primes: &[&RingPrime]) -> Result<Poly, FormatError> {
        let needed = primes.iter().map(|prime| n * width(prime)).sum();
        let mut bytes = self.raw(needed)?;
        let mut poly = Poly::unfilled(n, primes.len());
        for (i, prime) in primes.iter().enumerate() {
            let (width, modulus) = (width(prime), prime.modulus.value());
            let (row, rest) = bytes.split_at(n * width);
            bytes = rest;
            for (out, residue) in poly.limb_mut(i).iter_mut().zip(row.chunks_exact(width)) {
                let mut word = [0u8; 8];
                word[..width].copy_from_slice(residue);
                let found = u64::from_le_bytes(word);
                if found >= modulus {
                    return Err(FormatError::Residue { found, modulus });
                }
                *out = found;
            }
        }
        Ok(poly)
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), FormatError> {
        if self.rest.is_empty() { Ok(()) } else { Err(FormatError::Trailing { found: self.rest.len() }) }
    }
}

/// Bytes per residue.
fn width(prime: &RingPrime) -> usize {
    let bits = u64::BITS - prime.modulus.value().leading_zeros();
    bits.div_ceil(8) as usize
}
