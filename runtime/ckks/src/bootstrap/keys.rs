//! The keys of a bootstrap: which ones, how large, and those that exist for it alone.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::circuit::bootstrap_literal;
use super::raise::RAISE_SPECIAL_COUNT;
use super::schedule::{BootstrapStage, schedules};
use crate::bytes::{Reader, Writer};
use crate::error::{EvaluationError, FormatError};
use crate::galois::Galois;
use crate::keys::{DigitLayout, KeyKind, KeyRequest, KeySwitchKey, PlacedKey, Placement};
use crate::linear::baby_rotations;
use crate::parameters::Parameters;

const TAG: [u8; 4] = *b"FBK1";

/// What a key of the bootstrap is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BootstrapKeyKind {
    /// From the main secret to the ephemeral sparse one, modulo `q0` and one special prime.
    DenseToSparse,
    /// From an image of the ephemeral secret back to the main one, a single digit over the whole chain.
    Raise(Galois),
    /// An ordinary key, kept with the other evaluation keys, and the stage that asked for it if it is a rotation.
    Shared(KeyKind, Option<BootstrapStage>),
}

/// One key a bootstrap needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootstrapKeyRequest {
    /// What it is for.
    pub kind: BootstrapKeyKind,
    /// The highest level it is used at.
    pub level: usize,
    /// Its number of special primes.
    pub special_count: usize,
    /// How its digits are laid out.
    pub layout: DigitLayout,
    /// Bytes in memory once expanded; half of that, and 32 bytes, before.
    pub bytes: usize,
}

impl BootstrapKeyRequest {
    /// The request for an ordinary key, `None` for the keys in [`BootstrapKeys`].
    pub fn shared(&self) -> Option<KeyRequest> {
        match self.kind {
            BootstrapKeyKind::Shared(kind, _) => {
                Some(KeyRequest { kind, level: self.level, special_count: self.special_count })
            }
            BootstrapKeyKind::DenseToSparse | BootstrapKeyKind::Raise(_) => None,
        }
    }
}

/// Every key that [`crate::Evaluator::bootstrap`] uses, each once, at the level where it is used.
///
/// # Errors
///
/// [`EvaluationError::Argument`] if the parameters have no bootstrap or not the levels it needs.
pub fn key_plan(parameters: &Parameters) -> Result<Vec<BootstrapKeyRequest>, EvaluationError> {
    bootstrap_literal(parameters)?;
    let n = parameters.n();
    let mut plan = Vec::new();
    let mut push = |kind, level: usize, special_count: usize, layout| -> Result<(), EvaluationError> {
        let bytes = 2 * KeySwitchKey::packed_bytes(parameters, level, special_count, layout)?;
        plan.push(BootstrapKeyRequest { kind, level, special_count, layout, bytes });
        Ok(())
    };
    push(BootstrapKeyKind::DenseToSparse, 0, RAISE_SPECIAL_COUNT, DigitLayout::Greedy)?;
    for schedule in schedules(parameters) {
        if schedule.stage == BootstrapStage::CoeffsToSlots(0) {
            for baby in baby_rotations(&schedule.giants) {
                let kind = BootstrapKeyKind::Raise(Galois::rotation(i64::from(baby), n));
                push(kind, schedule.level, RAISE_SPECIAL_COUNT, DigitLayout::Single)?;
            }
        }
        for rotation in schedule.key_rotations() {
            let kind =
                BootstrapKeyKind::Shared(KeyKind::rotation(i64::from(rotation), n), Some(schedule.stage));
            push(kind, schedule.level, schedule.special_count, DigitLayout::Greedy)?;
        }
    }
    let top = parameters.eval_mod_top_level();
    let count = parameters.best_special_count(top);
    for kind in [KeyKind::conjugation(n), KeyKind::Relinearisation] {
        push(BootstrapKeyKind::Shared(kind, None), top, count, DigitLayout::Greedy)?;
    }
    Ok(plan)
}

/// The keys that only a bootstrap uses. The ephemeral secret itself exists during their generation only.
#[derive(Clone, Debug, PartialEq)]
pub struct BootstrapKeys {
    pub(crate) dense_to_sparse: KeySwitchKey,
    pub(crate) raise: BTreeMap<Galois, KeySwitchKey>,
}

impl BootstrapKeys {
    /// The keys from their parts: to the ephemeral secret, and back from its images.
    pub fn from_parts(dense_to_sparse: KeySwitchKey, raise: BTreeMap<Galois, KeySwitchKey>) -> Self {
        Self { dense_to_sparse, raise }
    }

    /// Generates the uniform halves of all keys and keeps them; see [`KeySwitchKey::expand`].
    pub fn expand(&mut self, parameters: &Parameters) {
        self.dense_to_sparse.expand(parameters);
        let mut keys: Vec<_> = self.raise.values_mut().collect();
        keys.par_iter_mut().for_each(|key| key.expand(parameters));
    }

    /// Bytes of the polynomials in memory.
    pub fn size_in_bytes(&self) -> usize {
        self.iter().map(|(_, key)| key.size_in_bytes()).sum()
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = (PlacedKey, &KeySwitchKey)> {
        let raise = self.raise.iter().map(|(&galois, key)| (PlacedKey::Raise(galois), key));
        std::iter::once((PlacedKey::DenseToSparse, &self.dense_to_sparse)).chain(raise)
    }

    /// Bytes of the polynomials in a [`crate::keys::KeyStore`].
    pub fn bytes_on_disk(&self) -> usize {
        self.iter().map(|(_, key)| key.bytes_on_disk()).sum()
    }

    /// Moves the keys for which `place` names a store; see [`KeySwitchKey::move_to`].
    ///
    /// # Errors
    ///
    /// As [`KeySwitchKey::move_to`].
    pub fn move_to_disk(&mut self, place: Placement<'_>) -> Result<(), EvaluationError> {
        let raise = self.raise.iter_mut().map(|(&galois, key)| (PlacedKey::Raise(galois), key));
        for (which, key) in
            std::iter::once((PlacedKey::DenseToSparse, &mut self.dense_to_sparse)).chain(raise)
        {
            if let Some(store) = place(which) {
                key.move_to(&store)?;
            }
        }
        Ok(())
    }

    /// The keys as bytes, without the expanded halves.
    ///
    /// # Errors
    ///
    /// As [`KeySwitchKey::to_bytes`].
    pub fn to_bytes(&self, parameters: &Parameters) -> Result<Vec<u8>, EvaluationError> {
        let mut writer = Writer::new(TAG, parameters);
        writer.block(&self.dense_to_sparse.to_bytes(parameters)?);
        writer.u32(self.raise.len() as u32);
        for (galois, key) in &self.raise {
            writer.u32(galois.exponent());
            writer.block(&key.to_bytes(parameters)?);
        }
        Ok(writer.finish())
    }

    /// The keys that [`BootstrapKeys::to_bytes`] wrote, not expanded.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if the bytes are not such keys of these parameters.
    pub fn from_bytes(bytes: &[u8], parameters: &Parameters) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes, TAG, parameters)?;
        let dense_to_sparse = KeySwitchKey::from_bytes(reader.block()?, parameters)?;
        let count = reader.u32()?;
        let mut raise = BTreeMap::new();
        for _ in 0..count {
            let found = reader.u32()?;
            let galois = Galois::from_exponent(found, parameters.n()).ok_or(FormatError::Value {
                what: "automorphism",
                found: found.into(),
                allowed: (0, 2 * parameters.n() as u64 - 1),
            })?;
            raise.insert(galois, KeySwitchKey::from_bytes(reader.block()?, parameters)?);
        }
        reader.finish()?;
        Ok(Self { dense_to_sparse, raise })
    }
}
