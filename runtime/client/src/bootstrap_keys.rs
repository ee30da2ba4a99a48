//! Generation of the keys of a bootstrap.

use std::collections::BTreeMap;

use fhecc_ckks::bootstrap::{BootstrapKeyKind, BootstrapKeys, key_plan};
use fhecc_ckks::keys::{PlacedKey, Placement};
use fhecc_ckks::{EvaluationError, EvaluationKeys, KeyRequest};

use crate::keygen::KeyGenerator;
use crate::secret::SecretPolynomial;

impl KeyGenerator<'_> {
    /// The keys that only a bootstrap uses: from the main secret to an ephemeral sparse one, which is sampled
    /// here and forgotten on return, and from its images back to the main one.
    ///
    /// The ephemeral secret protects one key, modulo `q0` and one special prime. The way back is encrypted
    /// under the main secret, so the sparse one may be encrypted there modulo the whole chain.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if the parameters have no bootstrap or not the levels it needs.
    pub fn bootstrap_keys(&mut self) -> Result<BootstrapKeys, EvaluationError> {
        self.bootstrap_keys_placed(&|_| None)
    }

    /// The same, with the keys for which `place` names a store on disk; see
    /// [`KeyGenerator::evaluation_keys_placed`].
    ///
    /// # Errors
    ///
    /// As [`KeyGenerator::bootstrap_keys`], and [`EvaluationError::KeyStore`] if a store cannot be written.
    pub fn bootstrap_keys_placed(&mut self, place: Placement<'_>) -> Result<BootstrapKeys, EvaluationError> {
        let secret = self.secret();
        let parameters = secret.parameters();
        let plan = key_plan(parameters)?;
        let weight = parameters.literal().bootstrap.map_or(0, |literal| literal.ephemeral_weight as usize);
        let ephemeral = SecretPolynomial::sparse(parameters, weight, self.seeds());
        let dense = secret.polynomial();
        let mut dense_to_sparse = None;
        let mut raise = BTreeMap::new();
        for request in plan {
            let shape = (request.level, request.special_count, request.layout);
            match request.kind {
                BootstrapKeyKind::DenseToSparse => {
                    let store = place(PlacedKey::DenseToSparse);
                    dense_to_sparse = Some(self.placed_switch_key(dense, &ephemeral, shape, store)?);
                }
                BootstrapKeyKind::Raise(galois) => {
                    // The automorphism is applied after the product with the key, to ciphertext and secret.
                    let under = dense.automorphism(parameters, galois.inverse(parameters.n()));
                    let store = place(PlacedKey::Raise(galois));
                    raise.insert(galois, self.placed_switch_key(&ephemeral, &under, shape, store)?);
                }
                BootstrapKeyKind::Shared(..) => {}
            }
        }
        let dense_to_sparse = dense_to_sparse.ok_or_else(|| EvaluationError::Argument {
            what: "the key plan of a bootstrap has no key to the sparse secret".into(),
        })?;
        Ok(BootstrapKeys::from_parts(dense_to_sparse, raise))
    }

    /// The keys asked for and all keys of a bootstrap.
    ///
    /// # Errors
    ///
    /// As [`KeyGenerator::bootstrap_keys`] and [`KeyGenerator::evaluation_keys`].
    pub fn evaluation_keys_with_bootstrap(
        &mut self,
        requests: &[KeyRequest],
    ) -> Result<EvaluationKeys, EvaluationError> {
        self.evaluation_keys_with_bootstrap_placed(requests, &|_| None)
    }

    /// The same, with the keys for which `place` names a store on disk; see
    /// [`KeyGenerator::evaluation_keys_placed`].
    ///
    /// # Errors
    ///
    /// As [`KeyGenerator::evaluation_keys_with_bootstrap`], and [`EvaluationError::KeyStore`] if a store cannot be
    /// written.
    pub fn evaluation_keys_with_bootstrap_placed(
        &mut self,
        requests: &[KeyRequest],
        place: Placement<'_>,
    ) -> Result<EvaluationKeys, EvaluationError> {
        let plan = key_plan(self.secret().parameters())?;
        let mut all = requests.to_vec();
        all.extend(plan.iter().filter_map(|request| request.shared()));
        all.sort_unstable();
        all.dedup();
        let mut keys = self.evaluation_keys_placed(&all, place)?;
        keys.set_bootstrap(self.bootstrap_keys_placed(place)?);
        Ok(keys)
    }
}
