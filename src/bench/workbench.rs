//! An owner with keys and ciphertexts to measure with.

use crate::error::Failure;
use crate::exit::Status;
use crate::keys::{parameters, seeds};
use fhecc_ckks::keys::Placement;
use fhecc_ckks::{Ciphertext, Encoder, EvaluationError, EvaluationKeys, KeyRequest, Parameters};
use fhecc_client::{Encryptor, KeyGenerator, SecretKey};
use fhecc_plan::Profile;
use std::fmt::Display;

/// Parameters and a secret key.
pub(crate) struct Workbench {
    /// The parameters.
    pub(crate) parameters: Parameters,
    secret: SecretKey,
    /// Whether keys are held expanded.
    expand: bool,
}

impl Workbench {
    /// A fresh owner.
    pub(crate) fn new(profile: &Profile, expand: bool) -> Result<Self, Failure> {
        let parameters = parameters(profile)?;
        let secret = SecretKey::generate(&parameters, &mut seeds()?);
        Ok(Self { parameters, secret, expand })
    }

    /// Ordinary keys.
    pub(crate) fn keys(&self, requests: &[KeyRequest]) -> Result<EvaluationKeys, Failure> {
        self.made(KeyGenerator::new(&self.secret, seeds()?).evaluation_keys(requests))
    }

    /// The keys of a bootstrap, those in memory for which `place` names no store.
    pub(crate) fn bootstrap_keys(&self, place: Placement<'_>) -> Result<EvaluationKeys, Failure> {
        let mut generator = KeyGenerator::new(&self.secret, seeds()?);
        self.made(generator.evaluation_keys_with_bootstrap_placed(&[], place))
    }

    fn made(&self, keys: Result<EvaluationKeys, EvaluationError>) -> Result<EvaluationKeys, Failure> {
        let mut keys = keys.map_err(|e| refused(&e))?;
        if self.expand {
            keys.expand(&self.parameters);
        }
        Ok(keys)
    }

    /// Values in all slots.
    pub(crate) fn values(&self) -> Vec<f64> {
        (0..self.parameters.slots()).map(|slot| 0.9 * (slot as f64).sin()).collect()
    }

    /// An encryption of [`Workbench::values`].
    pub(crate) fn ciphertext(&self, level: usize) -> Result<Ciphertext, Failure> {
        let encoded = Encoder::new(&self.parameters).encode(&self.values(), level, self.parameters.scale());
        let plaintext = encoded.map_err(|e| refused(&e))?;
        Encryptor::new(&self.secret, seeds()?).encrypt(&plaintext).map_err(|e| refused(&e))
    }
}

/// A computation that the profile does not allow.
pub(crate) fn refused(error: &dyn Display) -> Failure {
    Failure::new(
        Status::BadInput,
        format!("this cannot be measured with the profile: {error}. Use another profile."),
    )
}
