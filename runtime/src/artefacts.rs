//! Evaluation keys and ciphertexts as framed files that belong to one plan and one key pair.

mod error;
mod evaluation_keys;
mod sizes;

pub use error::ArtefactError;
pub use evaluation_keys::{read_evaluation_keys, read_evaluation_keys_placed, write_evaluation_keys};

use crate::Protection;
use crate::framing::{Expected, ExpectedSection, FrameReader, FrameWriter, Header, Identity, Kind};
use fhecc_ckks::{Ciphertext, FormatError, Parameters, SeededCiphertext};
use fhecc_plan::{CheckedPlan, Op, Plan};
use std::path::Path;

const CIPHERTEXT: &str = "ciphertext";

/// What files of this plan, these parameters and this key pair state.
///
/// # Errors
///
/// [`ArtefactError::Unsealed`] if the plan has no digest.
pub fn identity(plan: &Plan, parameters: &Parameters, keys: [u8; 32]) -> Result<Identity, ArtefactError> {
    let digest = plan_digest(plan).ok_or(ArtefactError::Unsealed)?;
    Ok(Identity { plan: digest, parameters: *parameters.fingerprint(), keys })
}

fn plan_digest(plan: &Plan) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let digits = plan.digest.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// What to expect of a file of this plan; `keys` if it must belong to a particular key pair.
fn expected(
    kind: Kind,
    plan: &Plan,
    parameters: &Parameters,
    keys: Option<[u8; 32]>,
    sections: Vec<ExpectedSection>,
) -> Result<Expected, ArtefactError> {
    let identity = identity(plan, parameters, [0; 32])?;
    Ok(Expected { kind, plan: Some(identity.plan), parameters: Some(identity.parameters), keys, sections })
}

/// Writes an encrypted image.
///
/// # Errors
///
/// [`ArtefactError::Frame`] of writing.
pub fn write_input(
    path: &Path,
    identity: Identity,
    parameters: &Parameters,
    ciphertext: &SeededCiphertext,
) -> Result<(), ArtefactError> {
    write(path, Kind::EncryptedInput, identity, &ciphertext.to_bytes(parameters))
}

/// Writes encrypted logits.
///
/// # Errors
///
/// [`ArtefactError::Frame`] of writing.
pub fn write_output(
    path: &Path,
    identity: Identity,
    parameters: &Parameters,
    ciphertext: &Ciphertext,
) -> Result<(), ArtefactError> {
    write(path, Kind::EncryptedOutput, identity, &ciphertext.to_bytes(parameters))
}

fn write(path: &Path, kind: Kind, identity: Identity, bytes: &[u8]) -> Result<(), ArtefactError> {
    let names = [CIPHERTEXT.to_owned()];
    let mut writer = FrameWriter::create(path, Protection::Public, kind, identity, names)?;
    writer.section(bytes)?;
    Ok(writer.finish()?)
}

/// Reads an encrypted image for this plan.
///
/// # Errors
///
/// [`ArtefactError`] if the file is damaged, or belongs to another plan, other parameters or another key pair.
pub fn read_input(
    path: &Path,
    plan: &CheckedPlan,
    parameters: &Parameters,
    key_pair: Option<[u8; 32]>,
) -> Result<(Header, Ciphertext), ArtefactError> {
    let input = plan.steps.iter().find(|step| step.op == Op::Input);
    let level = input.map_or(0, |step| step.level.0.into());
    let lengths = sizes::seeded_ciphertext(parameters, level)..=sizes::ciphertext(parameters, level);
    let sections = vec![(CIPHERTEXT.to_owned(), lengths)];
    let (header, bytes) = read(path, &expected(Kind::EncryptedInput, plan, parameters, key_pair, sections)?)?;
    let ciphertext = match SeededCiphertext::from_bytes(&bytes, parameters) {
        Err(FormatError::Tag { .. }) => Ciphertext::from_bytes(&bytes, parameters)?,
        other => other?.expand(parameters),
    };
    Ok((header, ciphertext))
}

/// Reads encrypted logits of this plan.
///
/// # Errors
///
/// [`ArtefactError`] if the file is damaged, or belongs to another plan, other parameters or another key pair.
pub fn read_output(
    path: &Path,
    plan: &CheckedPlan,
    parameters: &Parameters,
    key_pair: Option<[u8; 32]>,
) -> Result<(Header, Ciphertext), ArtefactError> {
    let output = plan.steps.iter().find(|step| step.dst == plan.output.register);
    let level = output.map_or(0, |step| step.level.0.into());
    let length = sizes::ciphertext(parameters, level);
    let sections = vec![(CIPHERTEXT.to_owned(), length..=length)];
    let (header, bytes) =
        read(path, &expected(Kind::EncryptedOutput, plan, parameters, key_pair, sections)?)?;
    Ok((header, Ciphertext::from_bytes(&bytes, parameters)?))
}

fn read(path: &Path, expected: &Expected) -> Result<(Header, Vec<u8>), ArtefactError> {
    let mut reader = FrameReader::open(path, expected)?;
    let bytes = reader.section()?.unwrap_or_default();
    let header = reader.header().clone();
    reader.finish()?;
    Ok((header, bytes))
}
