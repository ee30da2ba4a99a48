//! Exact sizes of serialised keys and ciphertexts, so that a reader knows them before it reads.

use fhecc_ckks::bootstrap::{BootstrapKeyKind, key_plan};
use fhecc_ckks::parameters::RingPrime;
use fhecc_ckks::{DigitLayout, EvaluationError, KeyRequest, KeySwitchKey, Parameters};

/// Tag and fingerprint.
const START: u64 = 4 + 32;
const LEVEL: u64 = 4;
const SCALE: u64 = 16;
const SEED: u64 = 32;
/// Level, special primes, digit layout.
const KEY_SHAPE: u64 = 12;
/// The length before an object within another.
const BLOCK: u64 = 8;

/// Bytes of one polynomial over these primes: whole bytes per residue.
fn poly<'a>(parameters: &Parameters, primes: impl Iterator<Item = &'a RingPrime>) -> u64 {
    let width =
        |prime: &RingPrime| u64::from((u64::BITS - prime.modulus.value().leading_zeros()).div_ceil(8));
    parameters.n() as u64 * primes.map(width).sum::<u64>()
}

pub(super) fn ciphertext(parameters: &Parameters, level: usize) -> u64 {
    START + LEVEL + SCALE + 2 * poly(parameters, parameters.moduli().iter().take(level + 1))
}

pub(super) fn seeded_ciphertext(parameters: &Parameters, level: usize) -> u64 {
    START + LEVEL + SCALE + SEED + poly(parameters, parameters.moduli().iter().take(level + 1))
}

fn key(
    parameters: &Parameters,
    level: usize,
    special_count: usize,
    layout: DigitLayout,
) -> Result<u64, EvaluationError> {
    let packed = KeySwitchKey::packed_bytes(parameters, level, special_count, layout)?;
    Ok(START + KEY_SHAPE + SEED + packed as u64)
}

pub(super) fn switch_key(parameters: &Parameters, request: &KeyRequest) -> Result<u64, EvaluationError> {
    key(parameters, request.level, request.special_count, DigitLayout::Greedy)
}

pub(super) fn bootstrap_keys(parameters: &Parameters) -> Result<u64, EvaluationError> {
    let mut bytes = START + 4;
    for request in key_plan(parameters)? {
        let size = key(parameters, request.level, request.special_count, request.layout)?;
        bytes += match request.kind {
            BootstrapKeyKind::DenseToSparse => BLOCK + size,
            BootstrapKeyKind::Raise(_) => 4 + BLOCK + size,
            BootstrapKeyKind::Shared(..) => 0,
        };
    }
    Ok(bytes)
}
