//! Exact sizes of serialised keys and ciphertexts, so that a reader knows them before it reads.

use fhecc_ckks::parameters::RingPrime;
use fhecc_ckks::{DigitLayout, EvaluationError, KeySwitchKey, Parameters};

/// Tag and fingerprint.
const START: u64 = 4 + 32;
const LEVEL: u64 = 4;
const SCALE: u64 = 16;
const SEED: u64 = 32;
/// Level, special primes, digit layout.
const KEY_SHAPE: u64 = 12;

/// Bytes of one polynomial over these primes: whole bytes per residue.
fn poly<'a>(parameters: &Parameters, primes: impl Iterator<Item = &'a RingPrime>) -> u64 {
    let width =
        |prime: &RingPrime| u64::from((u64::BITS - prime.modulus.value().leading_zeros()).div_ceil(8));
    parameters.n() as u64 * primes.map(width).sum::<u64>()
}

pub(super) fn ciphertext(parameters: &Parameters, level: usize) -> u64 {
    START + LEVEL + SCALE + 2 * poly(parameters, parameters.moduli_at(level).iter())
}

pub(super) fn seeded_ciphertext(parameters: &Parameters, level: usize) -> u64 {
    START + LEVEL + SCALE + SEED + poly(parameters, parameters.moduli_at(level).iter())
}

pub(super) fn key(
    parameters: &Parameters,
    (level, special_count, layout): (usize, usize, DigitLayout),
) -> Result<u64, EvaluationError> {
    let packed = KeySwitchKey::packed_bytes(parameters, level, special_count, layout)?;
    Ok(START + KEY_SHAPE + SEED + packed as u64)
}
