//! Generation of evaluation keys.

use std::sync::Arc;

use fhecc_ckks::keys::{KeyStore, PlacedKey, Placement, mask_row};
use fhecc_ckks::{
    DigitLayout, EvaluationError, EvaluationKeys, KeyKind, KeyRequest, KeySwitchKey, Parameters,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::encryption::{PublicKey, encrypt_zero};
use crate::random::SeedSequence;
use crate::sampling;
use crate::secret::{SecretKey, SecretPolynomial};

/// Makes the keys others evaluate and encrypt with.
///
/// Every key takes two fresh seeds: one, public, for its uniform halves, one, secret, for its errors. Nothing
/// is ever encrypted twice with the same pair.
pub struct KeyGenerator<'s> {
    secret: &'s SecretKey,
    seeds: SeedSequence,
}

/// The two seeds of one key.
struct KeySeeds {
    public: [u8; 32],
    secret: Zeroizing<[u8; 32]>,
}

impl<'s> KeyGenerator<'s> {
    /// A generator for this secret key.
    pub fn new(secret: &'s SecretKey, seeds: SeedSequence) -> Self {
        Self { secret, seeds }
    }

    /// The secret key.
    pub fn secret(&self) -> &'s SecretKey {
        self.secret
    }

    /// The supply of seeds, for sampling further secrets.
    pub fn seeds(&mut self) -> &mut SeedSequence {
        &mut self.seeds
    }

    /// A key with which anybody can encrypt at `level` and below.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::LevelTooHigh`] if the parameters have no such level.
    pub fn public_key(&mut self, level: usize) -> Result<PublicKey, EvaluationError> {
        Ok(PublicKey::new(encrypt_zero(self.secret, level, &mut self.seeds)?))
    }

    /// One evaluation key.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if the level or the number of special primes is out of range.
    pub fn key(&mut self, request: KeyRequest) -> Result<KeySwitchKey, EvaluationError> {
        let seeds = self.key_seeds();
        self.requested(request, &seeds, None)
    }

    /// All keys asked for, generated in parallel. The result depends on the order of the requests, not on the
    /// number of threads.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if a level or number of special primes is out of range.
    pub fn evaluation_keys(&mut self, requests: &[KeyRequest]) -> Result<EvaluationKeys, EvaluationError> {
        self.evaluation_keys_placed(requests, &|_| None)
    }

    /// The same, with the keys for which `place` names a store on disk. Of those no more than a row per thread is
    /// ever in memory.
    ///
    /// # Errors
    ///
    /// As [`KeyGenerator::evaluation_keys`], and [`EvaluationError::KeyStore`] if a store cannot be written.
    pub fn evaluation_keys_placed(
        &mut self,
        requests: &[KeyRequest],
        place: Placement<'_>,
    ) -> Result<EvaluationKeys, EvaluationError> {
        let seeded: Vec<_> = requests.iter().map(|&request| (request, self.key_seeds())).collect();
        let made: Vec<_> = seeded
            .par_iter()
            .map(|(request, seeds)| {
                let store = place(PlacedKey::Shared(*request));
                Ok((request.kind, self.requested(*request, seeds, store)?))
            })
            .collect::<Result<_, EvaluationError>>()?;
        let mut keys = EvaluationKeys::empty();
        for (kind, key) in made {
            keys.insert(kind, key);
        }
        Ok(keys)
    }

    /// A key that turns products with `message` into encryptions under `under`: digits of `P message`.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::Argument`] if the level or the number of special primes is out of range.
    pub fn switch_key(
        &mut self,
        message: &SecretPolynomial,
        under: &SecretPolynomial,
        level: usize,
        special_count: usize,
        layout: DigitLayout,
    ) -> Result<KeySwitchKey, EvaluationError> {
        self.placed_switch_key(message, under, (level, special_count, layout), None)
    }

    /// The same, in the store if there is one.
    pub(crate) fn placed_switch_key(
        &mut self,
        message: &SecretPolynomial,
        under: &SecretPolynomial,
        shape: (usize, usize, DigitLayout),
        store: Option<Arc<KeyStore>>,
    ) -> Result<KeySwitchKey, EvaluationError> {
        let seeds = self.key_seeds();
        encrypt_digits(self.secret.parameters(), message, under, shape, &seeds, store)
    }

    fn key_seeds(&mut self) -> KeySeeds {
        KeySeeds { public: *self.seeds.next_seed(), secret: self.seeds.next_seed() }
    }

    fn requested(
        &self,
        request: KeyRequest,
        seeds: &KeySeeds,
        store: Option<Arc<KeyStore>>,
    ) -> Result<KeySwitchKey, EvaluationError> {
        let parameters = self.secret.parameters();
        let s = self.secret.polynomial();
        let shape = (request.level, request.special_count, DigitLayout::Greedy);
        match request.kind {
            KeyKind::Relinearisation => {
                encrypt_digits(parameters, &s.square(parameters), s, shape, seeds, store)
            }
            // The automorphism is applied after the key product, so the key is for its inverse image.
            KeyKind::Galois(galois) => {
                let under = s.automorphism(parameters, galois.inverse(parameters.n()));
                encrypt_digits(parameters, s, &under, shape, seeds, store)
            }
        }
    }
}

/// `b_j = e_j - a_j s + P g_j m` for every digit, `s` being `under` and `m` the message.
fn encrypt_digits(
    parameters: &Parameters,
    message: &SecretPolynomial,
    under: &SecretPolynomial,
    shape: (usize, usize, DigitLayout),
    seeds: &KeySeeds,
    store: Option<Arc<KeyStore>>,
) -> Result<KeySwitchKey, EvaluationError> {
    let n = parameters.n();
    let (level, special_count, layout) = shape;
    let digits = KeySwitchKey::layout_digits(parameters, level, special_count, layout)?;
    let mut errors = Zeroizing::new(vec![0i64; n * digits.len()]);
    sampling::gaussian(&mut ChaCha20Rng::from_seed(*seeds.secret), &mut errors);
    let special = parameters.special_moduli();
    let fill = |scratch: &mut Scratch, digit: usize, row: usize, out: &mut [u64]| {
        let prime = parameters.extended_prime(level, row);
        let m = &prime.modulus;
        fhecc_kernels::from_i64(out, &errors[digit * n..][..n], m);
        prime.ntt.forward(out);
        mask_row(parameters, &seeds.public, level, digit, row, &mut scratch.0);
        fhecc_kernels::mul_assign(&mut scratch.0, under.extended_row(parameters, level, row), m);
        fhecc_kernels::sub_assign(out, &scratch.0, m);
        if digits[digit].contains(&row) {
            let p = special[..special_count]
                .iter()
                .fold(1, |product, p| m.mul(product, m.reduce(p.modulus.value())));
            fhecc_kernels::mul_scalar_add_assign(out, message.extended_row(parameters, level, row), p, m);
        }
    };
    KeySwitchKey::generate(parameters, shape, seeds.public, store.as_ref(), || Scratch(vec![0; n]), fill)
}

/// A buffer for products with secrets, wiped when dropped.
struct Scratch(Vec<u64>);

impl Drop for Scratch {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
