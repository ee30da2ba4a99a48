//! A small insecure ring with everything set up.

use fhecc_ckks::{
    Ciphertext, Encoder, EvaluationKeys, KeyKind, KeyRequest, Parameters, ParametersLiteral, Scale,
};
use fhecc_client::{Decryptor, Encryptor, KeyGenerator, SecretKey, SeedSequence};

/// Six limbs in digits of two or three, two special primes.
pub(crate) fn literal(log_n: u32) -> ParametersLiteral {
    ParametersLiteral {
        log_n,
        base_bits: 40,
        slots_to_coeffs_bits: vec![28, 28],
        merged_bits: vec![],
        compute_bits: vec![31, 31, 31],
        input_bits: vec![],
        raised_bits: vec![],
        eval_mod_bits: vec![],
        coeffs_to_slots_bits: vec![],
        special_bits: vec![48, 48],
        log_scale: 31,
        bootstrap: None,
    }
}

pub(crate) fn parameters() -> Parameters {
    Parameters::insecure_for_tests(literal(11)).unwrap()
}

/// One owner of data.
pub(crate) struct Owner {
    pub(crate) parameters: Parameters,
    pub(crate) secret: SecretKey,
}

impl Owner {
    pub(crate) fn new(parameters: &Parameters, seed: u8) -> Self {
        let secret = SecretKey::generate(parameters, &mut SeedSequence::deterministic([seed; 32]));
        Self { parameters: parameters.clone(), secret }
    }

    pub(crate) fn generator(&self, seed: u8) -> KeyGenerator<'_> {
        KeyGenerator::new(&self.secret, SeedSequence::deterministic([seed.wrapping_add(100); 32]))
    }

    /// A relinearisation key and the given rotations, all at the highest level with two special primes.
    pub(crate) fn keys(&self, rotations: &[i64]) -> EvaluationKeys {
        let n = self.parameters.n();
        let level = self.parameters.max_level();
        let kinds = [KeyKind::Relinearisation, KeyKind::conjugation(n)]
            .into_iter()
            .chain(rotations.iter().map(|&k| KeyKind::rotation(k, n)));
        let requests: Vec<_> = kinds.map(|kind| KeyRequest { kind, level, special_count: 2 }).collect();
        self.generator(1).evaluation_keys(&requests).unwrap()
    }

    pub(crate) fn encrypt(&self, values: &[f64], level: usize, scale: Scale) -> Ciphertext {
        let plaintext = Encoder::new(&self.parameters).encode(values, level, scale).unwrap();
        // A seed per content: two encryptions in one test must not share theirs.
        let tag = values.iter().fold(level as u64, |hash, v| hash.wrapping_mul(31).wrapping_add(v.to_bits()));
        let mut seed = [9; 32];
        seed[..8].copy_from_slice(&tag.to_le_bytes());
        Encryptor::new(&self.secret, SeedSequence::deterministic(seed)).encrypt(&plaintext).unwrap()
    }

    pub(crate) fn decrypt(&self, ciphertext: &Ciphertext) -> Vec<f64> {
        Decryptor::new(&self.secret).decrypt(ciphertext).unwrap()
    }
}

/// Values in `[-1, 1]` that look random but are not.
pub(crate) fn values(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        })
        .collect()
}

pub(crate) fn max_error(found: &[f64], want: impl IntoIterator<Item = f64>) -> f64 {
    found.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
