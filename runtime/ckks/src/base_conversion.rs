//! Cached converters between residue bases.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use fhecc_kernels::{BaseConverter, Modulus};

use crate::parameters::RingPrime;

/// A source basis: consecutive primes of [`crate::Parameters`]' full list, and perhaps one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    /// Index of the first prime.
    pub(crate) start: usize,
    /// Index after the last prime.
    pub(crate) end: usize,
    /// One more prime, last in the order of the source rows.
    pub(crate) extra: Option<usize>,
}

/// Most primes a source basis can have.
pub(crate) const MAX_SOURCE: usize = 8;

/// Rows converted at a time: the source is read, and scaled, once for all of them, and they still fit the cache
/// until they are transformed.
const GROUP: usize = 4;

/// Number of target rows to convert at a time when there are `rows` in total: few enough that every thread gets
/// some.
pub(crate) fn group_size(rows: usize) -> usize {
    rows.div_ceil(rayon::current_num_threads()).clamp(1, GROUP)
}

/// Source basis and target primes, padded.
type Key = (Source, [usize; GROUP]);

/// Converters made so far, by source basis and target primes. They are small; a parameter set has a few hundred.
#[derive(Debug, Default)]
pub(crate) struct Converters {
    made: RwLock<BTreeMap<Key, Arc<BaseConverter>>>,
}

impl Source {
    /// Indices of its primes, in the order of the source rows.
    pub(crate) fn primes(self) -> impl Iterator<Item = usize> {
        (self.start..self.end).chain(self.extra)
    }

    /// What the inverse transforms of the source rows multiply by; see [`BaseConverter::digit_factors`].
    pub(crate) fn digit_factors(self, primes: &[RingPrime]) -> Vec<u64> {
        let moduli: Vec<Modulus> = self.primes().map(|i| primes[i].modulus).collect();
        BaseConverter::digit_factors(&moduli)
    }
}

impl Converters {
    /// The converter from `source` to the primes with these indices in `primes`.
    ///
    /// # Panics
    ///
    /// If there are more targets than [`group_size`] allows.
    pub(crate) fn get(&self, primes: &[RingPrime], source: Source, targets: &[usize]) -> Arc<BaseConverter> {
        let mut key: Key = (source, [usize::MAX; GROUP]);
        key.1[..targets.len()].copy_from_slice(targets);
        if let Some(found) = self.made.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(found);
        }
        let from: Vec<Modulus> = source.primes().map(|i| primes[i].modulus).collect();
        let to: Vec<Modulus> = targets.iter().map(|&i| primes[i].modulus).collect();
        let converter = Arc::new(BaseConverter::new(&from, &to));
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(key).or_insert(converter))
    }
}
