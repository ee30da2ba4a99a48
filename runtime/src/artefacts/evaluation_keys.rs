//! The file of evaluation keys: one section per key, so that one after the other is read.

use super::{ArtefactError, expected, identity, sizes};
use crate::Protection;
use crate::framing::{FrameReader, FrameWriter, Header, Kind};
use crate::{all_key_requests, needs_bootstrap};
use fhecc_ckks::bootstrap::{BootstrapKeyKind, BootstrapKeys, key_plan};
use fhecc_ckks::keys::{PlacedKey, Placement};
use fhecc_ckks::{DigitLayout, EvaluationError, EvaluationKeys, KeyKind, KeySwitchKey, Parameters};
use fhecc_plan::CheckedPlan;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// One key of the file.
struct Section {
    key: PlacedKey,
    shape: (usize, usize, DigitLayout),
}

impl Section {
    fn name(&self) -> String {
        let (level, special_count, _) = self.shape;
        match self.key {
            PlacedKey::Shared(request) => match request.kind {
                KeyKind::Relinearisation => format!("relinearisation.{level}.{special_count}"),
                KeyKind::Galois(galois) => {
                    format!("automorphism.{}.{level}.{special_count}", galois.exponent())
                }
            },
            PlacedKey::DenseToSparse => "bootstrap.sparse".to_owned(),
            PlacedKey::Raise(galois) => format!("bootstrap.raise.{}", galois.exponent()),
        }
    }

    fn missing(&self) -> ArtefactError {
        ArtefactError::KeyMissing { key: self.name() }
    }

    fn is(&self, key: &KeySwitchKey) -> bool {
        self.shape == (key.level(), key.special_count(), key.layout())
    }

    fn find<'k>(&self, keys: &'k EvaluationKeys) -> Option<&'k KeySwitchKey> {
        match self.key {
            PlacedKey::Shared(request) => {
                let (_, levels) = keys.iter().find(|(kind, _)| *kind == request.kind)?;
                levels.keys().iter().find(|key| self.is(key))
            }
            PlacedKey::DenseToSparse | PlacedKey::Raise(_) => {
                keys.bootstrap()?.iter().find(|(found, _)| *found == self.key).map(|(_, key)| key)
            }
        }
    }

    fn parse(&self, bytes: &[u8], parameters: &Parameters) -> Result<KeySwitchKey, ArtefactError> {
        let key = KeySwitchKey::from_bytes(bytes, parameters)?;
        if self.is(&key) { Ok(key) } else { Err(self.missing()) }
    }
}

/// All keys that the plan needs, in the order of the file.
fn sections(plan: &CheckedPlan, parameters: &Parameters) -> Result<Vec<Section>, EvaluationError> {
    let shared = all_key_requests(plan, parameters)?.into_iter().map(|request| Section {
        key: PlacedKey::Shared(request),
        shape: (request.level, request.special_count, DigitLayout::Greedy),
    });
    let bootstrap = if needs_bootstrap(plan) { key_plan(parameters)? } else { Vec::new() };
    let own = bootstrap.into_iter().filter_map(|request| {
        let key = match request.kind {
            BootstrapKeyKind::DenseToSparse => PlacedKey::DenseToSparse,
            BootstrapKeyKind::Raise(galois) => PlacedKey::Raise(galois),
            BootstrapKeyKind::Shared(..) => return None,
        };
        Some(Section { key, shape: (request.level, request.special_count, request.layout) })
    });
    Ok(shared.chain(own).collect())
}

/// Writes the evaluation keys that the plan needs, one section each.
///
/// # Errors
///
/// [`ArtefactError::KeyMissing`] if one is not among `keys`, [`ArtefactError::Evaluation`] if one that is on disk
/// cannot be read, [`ArtefactError::Frame`] of writing.
pub fn write_evaluation_keys(
    path: &Path,
    plan: &CheckedPlan,
    parameters: &Parameters,
    key_pair: [u8; 32],
    keys: &EvaluationKeys,
) -> Result<(), ArtefactError> {
    let sections = sections(plan, parameters).map_err(ArtefactError::Evaluation)?;
    let identity = identity(plan, parameters, key_pair)?;
    let names = sections.iter().map(Section::name);
    let mut writer = FrameWriter::create(path, Protection::Public, Kind::EvaluationKeys, identity, names)?;
    for section in &sections {
        let key = section.find(keys).ok_or_else(|| section.missing())?;
        writer.section(&key.to_bytes(parameters).map_err(ArtefactError::Evaluation)?)?;
    }
    Ok(writer.finish()?)
}

/// Reads the evaluation keys of a plan into memory, with the header that names their key pair.
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
    read_evaluation_keys_placed(path, plan, parameters, key_pair, &|_| None)
}

/// The same, with the keys for which `place` names a store on disk. As many keys as there are threads are read and
/// then checked at a time, which bounds the memory beside the keys that stay there.
///
/// # Errors
///
/// As [`read_evaluation_keys`], and [`ArtefactError::Evaluation`] if a store cannot be written.
pub fn read_evaluation_keys_placed(
    path: &Path,
    plan: &CheckedPlan,
    parameters: &Parameters,
    key_pair: Option<[u8; 32]>,
    place: Placement<'_>,
) -> Result<(Header, EvaluationKeys), ArtefactError> {
    let sections = sections(plan, parameters).map_err(ArtefactError::Evaluation)?;
    let lengths = sections
        .iter()
        .map(|section| {
            let bytes = sizes::key(parameters, section.shape).map_err(ArtefactError::Evaluation)?;
            Ok((section.name(), bytes..=bytes))
        })
        .collect::<Result<Vec<_>, ArtefactError>>()?;
    let mut reader =
        FrameReader::open(path, &expected(Kind::EvaluationKeys, plan, parameters, key_pair, lengths)?)?;
    let mut keys = EvaluationKeys::empty();
    let (mut dense_to_sparse, mut raise) = (None, BTreeMap::new());
    for some in sections.chunks(rayon::current_num_threads()) {
        let mut read = Vec::with_capacity(some.len());
        for section in some {
            read.push((section, reader.section()?.unwrap_or_default()));
        }
        let parsed: Vec<KeySwitchKey> = read
            .into_par_iter()
            .map(|(section, bytes)| {
                let mut key = section.parse(&bytes, parameters)?;
                if let Some(store) = place(section.key) {
                    key.move_to(&store).map_err(ArtefactError::Evaluation)?;
                }
                Ok(key)
            })
            .collect::<Result<_, ArtefactError>>()?;
        for (section, key) in some.iter().zip(parsed) {
            match section.key {
                PlacedKey::Shared(request) => keys.insert(request.kind, key),
                PlacedKey::DenseToSparse => dense_to_sparse = Some(key),
                PlacedKey::Raise(galois) => drop(raise.insert(galois, key)),
            }
        }
    }
    if let Some(dense_to_sparse) = dense_to_sparse {
        keys.set_bootstrap(BootstrapKeys::from_parts(dense_to_sparse, raise));
    }
    let header = reader.header().clone();
    reader.finish()?;
    Ok((header, keys))
}
