//! By which keys an automorphism is done.

use super::Evaluator;
use crate::error::EvaluationError;
use crate::galois::Galois;
use crate::keys::{KeyKind, KeySwitchKey};

/// An automorphism with its key.
pub(crate) type Keyed<'k> = (Galois, &'k KeySwitchKey);

/// The keys of an automorphism: its own, or those of two automorphisms of which it is the composition.
#[derive(Clone, Copy)]
pub(crate) struct Route<'k> {
    /// What is done first if there is no key for all of it.
    pub(crate) first: Option<Keyed<'k>>,
    /// What is done last.
    pub(crate) last: Keyed<'k>,
}

impl<'k> Evaluator<'k> {
    /// Does the rotation by the sum of every pair as two rotations, the first of the pair first, wherever there is
    /// no key for the sum: fewer keys for more time. The result has the noise of two rotations.
    #[must_use]
    pub fn with_composites(mut self, pairs: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let n = self.parameters.n();
        let composite = |(first, second)| {
            let (first, second) = (Galois::rotation(first, n), Galois::rotation(second, n));
            (first.compose(second, n), (first, second))
        };
        self.composites = pairs.into_iter().map(composite).collect();
        self
    }

    /// The keys for an automorphism of ciphertexts at `level`.
    ///
    /// # Errors
    ///
    /// As [`crate::EvaluationKeys::get`] for the automorphism or, if it is a composite, its parts.
    pub(crate) fn route(&self, galois: Galois, level: usize) -> Result<Route<'k>, EvaluationError> {
        self.route_by(galois, |galois| self.keys.get(KeyKind::Galois(galois), level))
    }

    /// The keys for an automorphism with this number of special primes.
    ///
    /// # Errors
    ///
    /// As [`Evaluator::route`].
    pub(crate) fn route_special(
        &self,
        galois: Galois,
        level: usize,
        special_count: usize,
    ) -> Result<Route<'k>, EvaluationError> {
        self.route_by(galois, |galois| self.keys.get_special(KeyKind::Galois(galois), level, special_count))
    }

    fn route_by(
        &self,
        galois: Galois,
        key: impl Fn(Galois) -> Result<&'k KeySwitchKey, EvaluationError>,
    ) -> Result<Route<'k>, EvaluationError> {
        match (key(galois), self.composites.get(&galois)) {
            (Ok(own), _) => Ok(Route { first: None, last: (galois, own) }),
            (Err(missing), None) => Err(missing),
            (Err(_), Some(&(first, second))) => {
                Ok(Route { first: Some((first, key(first)?)), last: (second, key(second)?) })
            }
        }
    }
}
