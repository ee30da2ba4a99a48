//! Two vectors are encrypted, added and rotated by someone who cannot decrypt, and decrypted again.
//!
//! `cargo run --release --example encrypt_and_add`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use fhecc_ckks::{Encoder, EvaluationKeys, Evaluator, KeyKind, KeyRequest, Parameters};
use fhecc_client::{Decryptor, Encryptor, KeyGenerator, SecretKey, SeedSequence};
use fhecc_plan::Profile;
use fhecc_runtime::parameters_literal;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // Parameters: a profile that comes with fhecc, 128-bit security. Level 1 leaves one multiplication.
    let profile = Profile::from_ron(include_str!("../models/targets/b5.ron"))?;
    let parameters = Parameters::new(parameters_literal(&profile))?;
    let level = 1;

    // The owner: a secret key, and one key that lets others rotate by one slot.
    let mut seeds = SeedSequence::from_os()?;
    let secret = SecretKey::generate(&parameters, &mut seeds);
    let rotation = KeyRequest { kind: KeyKind::rotation(1, parameters.n()), level, special_count: 1 };
    let keys: EvaluationKeys = KeyGenerator::new(&secret, seeds).evaluation_keys(&[rotation])?;
    let encoder = Encoder::new(&parameters);
    let mut encryptor = Encryptor::new(&secret, SeedSequence::from_os()?);
    let mut encrypt = |values: &[f64]| -> Result<_, Box<dyn Error>> {
        Ok(encryptor.encrypt(&encoder.encode(values, level, parameters.scale())?)?)
    };
    let a = encrypt(&[0.1, 0.2, 0.3, 0.4])?;
    let b = encrypt(&[0.5, 0.25, 0.0, -0.25])?;

    // The server: an evaluator with public keys only.
    let evaluator = Evaluator::new(&parameters, &keys);
    let sum = evaluator.add(&a, &evaluator.rotate(&b, 1)?)?;

    // The owner again. Slots repeat after the four values.
    let slots = Decryptor::new(&secret).decrypt(&sum)?;
    let expected = [0.35, 0.2, 0.05, 0.9];
    for (found, expected) in slots.iter().zip(expected) {
        println!("{found:+.6}, expected {expected:+.2}");
        assert!((found - expected).abs() < 1e-4, "the noise is far below this");
    }
    Ok(())
}
