//! All keys of one evaluation.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::placement::{PlacedKey, Placement};
use super::request::{KeyKind, KeyRequest};
use super::switch::KeySwitchKey;
use crate::bootstrap::BootstrapKeys;
use crate::bytes::{Reader, Writer};
use crate::error::{EvaluationError, FormatError};
use crate::galois::Galois;
use crate::parameters::Parameters;

const TAG: [u8; 4] = *b"FEK1";

/// Keys of one kind, for different levels and numbers of special primes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyLevels {
    /// Ascending in level, then descending in the number of special primes; no two agree in both.
    keys: Vec<KeySwitchKey>,
}

impl KeyLevels {
    /// The key with the lowest level that still reaches `level`; among several, the one with most special
    /// primes, which has the fewest digits.
    pub fn at(&self, level: usize) -> Option<&KeySwitchKey> {
        self.keys.iter().find(|key| key.reaches(level))
    }

    /// The key with this number of special primes and the lowest level that still reaches `level`.
    pub fn at_special(&self, level: usize, special_count: usize) -> Option<&KeySwitchKey> {
        self.keys.iter().find(|key| key.reaches(level) && key.special_count() == special_count)
    }

    /// All keys, ascending in level.
    pub fn keys(&self) -> &[KeySwitchKey] {
        &self.keys
    }

    fn insert(&mut self, key: KeySwitchKey) {
        let order = |key: &KeySwitchKey| (key.level(), std::cmp::Reverse(key.special_count()));
        match self.keys.binary_search_by_key(&order(&key), order) {
            Ok(i) => self.keys[i] = key,
            Err(i) => self.keys.insert(i, key),
        }
    }
}

/// Everything secret-independent that evaluation needs from the owner of the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EvaluationKeys {
    keys: BTreeMap<KeyKind, KeyLevels>,
    bootstrap: Option<BootstrapKeys>,
}

impl EvaluationKeys {
    /// No keys: enough for additions and products with plaintexts.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a key, replacing one of the same kind, level and number of special primes.
    pub fn insert(&mut self, kind: KeyKind, key: KeySwitchKey) {
        self.keys.entry(kind).or_default().insert(key);
    }

    /// The key of this kind for a ciphertext at `level`; see [`KeyLevels::at`].
    ///
    /// # Errors
    ///
    /// [`EvaluationError::KeyMissing`] if there is none of this kind, [`EvaluationError::KeyAboveLevel`] if
    /// none reaches the level.
    pub fn get(&self, kind: KeyKind, level: usize) -> Result<&KeySwitchKey, EvaluationError> {
        self.find(kind, level, |levels| levels.at(level))
    }

    /// The key of this kind and number of special primes for a ciphertext at `level`: where several keys are
    /// used with one decomposition they must agree in it.
    ///
    /// # Errors
    ///
    /// As [`EvaluationKeys::get`].
    pub fn get_special(
        &self,
        kind: KeyKind,
        level: usize,
        special_count: usize,
    ) -> Result<&KeySwitchKey, EvaluationError> {
        self.find(kind, level, |levels| levels.at_special(level, special_count))
    }

    fn find<'k>(
        &'k self,
        kind: KeyKind,
        level: usize,
        choose: impl FnOnce(&'k KeyLevels) -> Option<&'k KeySwitchKey>,
    ) -> Result<&'k KeySwitchKey, EvaluationError> {
        let key = || kind.to_string();
        let levels = self.keys.get(&kind).ok_or_else(|| EvaluationError::KeyMissing { key: key(), level })?;
        choose(levels).ok_or_else(|| match levels.keys.last() {
            Some(highest) if highest.level() < level => {
                EvaluationError::KeyAboveLevel { key: key(), found: level, allowed: highest.level() }
            }
            _ => EvaluationError::KeyMissing { key: key(), level },
        })
    }

    /// Sets the keys that only a bootstrap uses.
    pub fn set_bootstrap(&mut self, keys: BootstrapKeys) {
        self.bootstrap = Some(keys);
    }

    /// The keys that only a bootstrap uses.
    pub fn bootstrap(&self) -> Option<&BootstrapKeys> {
        self.bootstrap.as_ref()
    }

    /// All keys, by kind.
    pub fn iter(&self) -> impl Iterator<Item = (KeyKind, &KeyLevels)> {
        self.keys.iter().map(|(&kind, levels)| (kind, levels))
    }

    /// Generates the uniform halves of all keys and keeps them; see [`KeySwitchKey::expand`].
    pub fn expand(&mut self, parameters: &Parameters) {
        let mut all: Vec<_> = self.keys.values_mut().flat_map(|levels| &mut levels.keys).collect();
        all.par_iter_mut().for_each(|key| key.expand(parameters));
        if let Some(keys) = &mut self.bootstrap {
            keys.expand(parameters);
        }
    }

    /// Bytes of the polynomials in memory.
    pub fn size_in_bytes(&self) -> usize {
        let shared: usize =
            self.keys.values().flat_map(|levels| &levels.keys).map(KeySwitchKey::size_in_bytes).sum();
        shared + self.bootstrap.as_ref().map_or(0, BootstrapKeys::size_in_bytes)
    }

    /// Bytes of the polynomials in [`super::KeyStore`]s.
    pub fn bytes_on_disk(&self) -> usize {
        let shared: usize =
            self.keys.values().flat_map(|levels| &levels.keys).map(KeySwitchKey::bytes_on_disk).sum();
        shared + self.bootstrap.as_ref().map_or(0, BootstrapKeys::bytes_on_disk)
    }

    /// Moves the keys for which `place` names a store; see [`KeySwitchKey::move_to`]. The others stay where they are.
    ///
    /// # Errors
    ///
    /// As [`KeySwitchKey::move_to`]; some keys may then have been moved.
    pub fn move_to_disk(&mut self, place: Placement<'_>) -> Result<(), EvaluationError> {
        for (&kind, levels) in &mut self.keys {
            for key in &mut levels.keys {
                let request = KeyRequest { kind, level: key.level(), special_count: key.special_count() };
                if let Some(store) = place(PlacedKey::Shared(request)) {
                    key.move_to(&store)?;
                }
            }
        }
        self.bootstrap.as_mut().map_or(Ok(()), |keys| keys.move_to_disk(place))
    }

    /// The keys as bytes.
    ///
    /// # Errors
    ///
    /// As [`KeySwitchKey::to_bytes`].
    pub fn to_bytes(&self, parameters: &Parameters) -> Result<Vec<u8>, EvaluationError> {
        let mut writer = Writer::new(TAG, parameters);
        let all: Vec<_> = self
            .keys
            .iter()
            .flat_map(|(kind, levels)| levels.keys.iter().map(move |key| (kind, key)))
            .collect();
        writer.u32(all.len() as u32);
        for (kind, key) in all {
            writer.u32(match kind {
                KeyKind::Relinearisation => 0,
                KeyKind::Galois(galois) => galois.exponent(),
            });
            writer.block(&key.to_bytes(parameters)?);
        }
        writer.u32(self.bootstrap.is_some().into());
        if let Some(keys) = &self.bootstrap {
            writer.block(&keys.to_bytes(parameters)?);
        }
        Ok(writer.finish())
    }

    /// The keys that [`EvaluationKeys::to_bytes`] wrote, not expanded.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if the bytes are not such keys of these parameters.
    pub fn from_bytes(bytes: &[u8], parameters: &Parameters) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes, TAG, parameters)?;
        let count = reader.u32()?;
        let mut keys = Self::empty();
        for _ in 0..count {
            let found = reader.u32()?;
            let kind = if found == 0 {
                KeyKind::Relinearisation
            } else {
                let allowed = (0, 2 * parameters.n() as u64 - 1);
                Galois::from_exponent(found, parameters.n())
                    .map(KeyKind::Galois)
                    .ok_or(FormatError::Value { what: "automorphism", found: found.into(), allowed })?
            };
            keys.insert(kind, KeySwitchKey::from_bytes(reader.block()?, parameters)?);
        }
        if reader.ranged("bootstrap keys", (0, 1))? == 1 {
            keys.bootstrap = Some(BootstrapKeys::from_bytes(reader.block()?, parameters)?);
        }
        reader.finish()?;
        Ok(keys)
    }
}
