//! Evaluation keys and ciphertexts as framed files that belong to one plan and one key pair.

mod error;
mod sizes;

pub use error::ArtefactError;

use crate::framing::{Expected, ExpectedSection, FrameReader, FrameWriter, Header, Identity, Kind};
use crate::{Protection, all_key_requests, needs_bootstrap};
use fhecc_ckks::bootstrap::BootstrapKeys;
use fhecc_ckks::{
    Ciphertext, EvaluationKeys, FormatError, KeyKind, KeyRequest, KeySwitchKey, Parameters, SeededCiphertext,
};
use fhecc_plan::{CheckedPlan, Op, Plan};
use rayon::prelude::*;
use std::path::Path;

/// Keys that are read and then parsed in parallel; bounds the memory beside the keys themselves.
const KEYS_AT_ONCE: usize = 8;
const BOOTSTRAP: &str = "bootstrap";
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

fn section_name(request: &KeyRequest) -> String {
    let KeyRequest { kind, level, special_count } = request;
    match kind {
        KeyKind::Relinearisation => format!("relinearisation.{level}.{special_count}"),
        KeyKind::Galois(galois) => format!("automorphism.{}.{level}.{special_count}", galois.exponent()),
    }
}

/// Writes the evaluation keys that the plan needs, one section each.
///
/// # Errors
///
/// [`ArtefactError::KeyMissing`] if one is not among `keys`, [`ArtefactError::Frame`] of writing.
pub fn write_evaluation_keys(
    path: &Path,
    plan: &CheckedPlan,
    parameters: &Parameters,
    key_pair: [u8; 32],
    keys: &EvaluationKeys,
) -> Result<(), ArtefactError> {
    let requests = all_key_requests(plan, parameters).map_err(ArtefactError::Evaluation)?;
    let bootstrap = if needs_bootstrap(plan) {
        let missing = || ArtefactError::KeyMissing { key: BOOTSTRAP.to_owned() };
        Some(keys.bootstrap().ok_or_else(missing)?)
    } else {
        None
    };
    let names = requests.iter().map(section_name).chain(bootstrap.map(|_| BOOTSTRAP.to_owned()));
    let identity = identity(plan, parameters, key_pair)?;
    let mut writer = FrameWriter::create(path, Protection::Public, Kind::EvaluationKeys, identity, names)?;
    for request in &requests {
        let same = |key: &&KeySwitchKey| {
            (key.level(), key.special_count()) == (request.level, request.special_count)
        };
        let levels = keys.iter().find(|(kind, _)| *kind == request.kind).map(|(_, levels)| levels);
        let key = levels.and_then(|levels| levels.keys().iter().find(same));
        let key = key.ok_or_else(|| ArtefactError::KeyMissing { key: section_name(request) })?;
        writer.section(&key.to_bytes(parameters))?;
    }
    if let Some(bootstrap) = bootstrap {
        writer.section(&bootstrap.to_bytes(parameters))?;
    }
    Ok(writer.finish()?)
}

/// Reads the evaluation keys of a plan, with the header that names their key pair.
///
/// # Errors
///
/// [`ArtefactError`] if the file is damaged, or belongs to another plan, other parameters or another key pair.
pub fn read_evaluation_keys(
    path: &Path,
    plan: &CheckedPlan,
    parameters: &Parameters,
    key_pair: Option<[u8; 32]>,
) -> Result<(Header, EvaluationKeys), ArtefactError> {
    let requests = all_key_requests(plan, parameters).map_err(ArtefactError::Evaluation)?;
    let size =
        |request: &KeyRequest| sizes::switch_key(parameters, request).map_err(ArtefactError::Evaluation);
    let mut sections = requests
        .iter()
        .map(|request| Ok((section_name(request), size(request)?..=size(request)?)))
        .collect::<Result<Vec<_>, ArtefactError>>()?;
    if needs_bootstrap(plan) {
        let bytes = sizes::bootstrap_keys(parameters).map_err(ArtefactError::Evaluation)?;
        sections.push((BOOTSTRAP.to_owned(), bytes..=bytes));
    }
    let mut reader =
        FrameReader::open(path, &expected(Kind::EvaluationKeys, plan, parameters, key_pair, sections)?)?;
    let mut keys = EvaluationKeys::empty();
    for some in requests.chunks(KEYS_AT_ONCE) {
        let mut sections = Vec::with_capacity(some.len());
        for request in some {
            sections.push((request, reader.section()?.unwrap_or_default()));
        }
        let parsed: Vec<KeySwitchKey> = sections
            .par_iter()
            .map(|(request, bytes)| parse_key(request, bytes, parameters))
            .collect::<Result<_, _>>()?;
        some.iter().zip(parsed).for_each(|(request, key)| keys.insert(request.kind, key));
    }
    if let Some(bytes) = reader.section()? {
        keys.set_bootstrap(BootstrapKeys::from_bytes(&bytes, parameters)?);
    }
    let header = reader.header().clone();
    reader.finish()?;
    Ok((header, keys))
}

fn parse_key(
    request: &KeyRequest,
    bytes: &[u8],
    parameters: &Parameters,
) -> Result<KeySwitchKey, ArtefactError> {
    let key = KeySwitchKey::from_bytes(bytes, parameters)?;
    if (key.level(), key.special_count()) == (request.level, request.special_count) {
        Ok(key)
    } else {
        Err(ArtefactError::KeyMissing { key: section_name(request) })
    }
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
