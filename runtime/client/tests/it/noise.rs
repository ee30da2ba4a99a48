//! Noise against the formulas: root mean square within a factor of two, maximum below 6.5 standard deviations.
//!
//! Noise is measured in the coefficients of the decrypted polynomial, in units of the integers that carry the
//! message.

use fhecc_ckks::{
    Ciphertext, Encoder, EvaluationKeys, Evaluator, KeyKind, KeyRequest, Parameters, Plaintext, Poly,
};
use fhecc_client::{Decryptor, Encryptor, PublicEncryptor, SeedSequence};

use crate::fixture::{Owner, literal, values};

const SIGMA: f64 = 3.19;

fn setting() -> (Parameters, Owner) {
    let parameters = Parameters::insecure_for_tests(literal(12)).unwrap();
    let owner = Owner::new(&parameters, 1);
    (parameters, owner)
}

/// Centred coefficients modulo `q_0` of the difference of two polynomials at one level.
fn difference(parameters: &Parameters, a: &Poly, b: &Poly) -> Vec<f64> {
    let prime = &parameters.moduli()[0];
    let mut row = a.limb(0).to_vec();
    fhecc_kernels::sub_assign(&mut row, b.limb(0), &prime.modulus);
    prime.ntt.inverse(&mut row);
    let q = prime.modulus.value();
    row.into_iter().map(|x| if x > q / 2 { x as f64 - q as f64 } else { x as f64 }).collect()
}

fn noise(owner: &Owner, ciphertext: &Ciphertext, want: &Poly) -> Vec<f64> {
    let found = Decryptor::new(&owner.secret).decrypt_plaintext(ciphertext).unwrap();
    difference(&owner.parameters, found.poly(), want)
}

fn check(what: &str, noise: &[f64], deviation: f64) {
    let count = noise.len() as f64;
    let rms = (noise.iter().map(|x| x * x).sum::<f64>() / count).sqrt();
    let max = noise.iter().fold(0.0f64, |max, x| max.max(x.abs()));
    assert!((0.5..2.0).contains(&(rms / deviation)), "{what}: rms {rms}, expected {deviation}");
    assert!(max < 6.5 * deviation, "{what}: max {max}, deviation {deviation}");
}

fn plaintext(parameters: &Parameters, level: usize, seed: u64) -> Plaintext {
    Encoder::new(parameters).encode(&values(parameters.slots(), seed), level, parameters.scale()).unwrap()
}

fn encrypt(owner: &Owner, plaintext: &Plaintext, seed: u8) -> Ciphertext {
    Encryptor::new(&owner.secret, SeedSequence::deterministic([seed; 32])).encrypt(plaintext).unwrap()
}

/// Number of non-zero coefficients of a uniform ternary secret.
fn weight(parameters: &Parameters) -> f64 {
    parameters.n() as f64 * 2.0 / 3.0
}

#[test]
fn encoding_rounds_once_per_coefficient() {
    let (parameters, _) = setting();
    let x = values(parameters.slots(), 3);
    let encoder = Encoder::new(&parameters);
    let decoded = encoder.decode_real(&encoder.encode(&x, 1, parameters.scale()).unwrap());
    let errors: Vec<f64> = decoded.iter().zip(&x).map(|(a, b)| a - b).collect();
    // A slot is a sum of N coefficients, each off by a uniform error of variance 1/12; half of it is real.
    let deviation = (parameters.n() as f64 / 24.0).sqrt() / parameters.scale().to_f64();
    check("encode", &errors, deviation);
}

#[test]
fn fresh_encryptions() {
    let (parameters, owner) = setting();
    let plaintext = plaintext(&parameters, 3, 1);
    check("secret key", &noise(&owner, &encrypt(&owner, &plaintext, 2), plaintext.poly()), SIGMA);

    let public = owner.generator(1).public_key(3).unwrap();
    let mut encryptor = PublicEncryptor::new(&parameters, &public, SeedSequence::deterministic([3; 32]));
    let ciphertext = encryptor.encrypt(&plaintext).unwrap();
    let deviation = SIGMA * (1.0 + 2.0 * parameters.n() as f64 / 3.0 + weight(&parameters)).sqrt();
    check("public key", &noise(&owner, &ciphertext, plaintext.poly()), deviation);
}

/// The noise that switching with digits of the given sizes adds.
fn switching_deviation(parameters: &Parameters, level: usize, special_count: usize) -> (f64, f64) {
    let n = parameters.n() as f64;
    let product = |range: std::ops::Range<usize>| range.map(|i| parameters.prime(i) as f64).product::<f64>();
    let special: f64 =
        parameters.special_moduli()[..special_count].iter().map(|p| p.modulus.value() as f64).product();
    let digits = parameters.digits(level, special_count).unwrap();
    let squares: f64 = digits.into_iter().map(|range| (product(range) / special).powi(2)).sum();
    let keys = (n * SIGMA * SIGMA * squares / 12.0).sqrt();
    let rounding = ((1.0 + weight(parameters)) / 12.0).sqrt();
    (keys, rounding)
}

#[test]
fn key_switching_and_its_truncations() {
    let (parameters, owner) = setting();
    let kind = KeyKind::rotation(1, parameters.n());
    // (level of the key, special primes, level of the ciphertext)
    for (key_level, special_count, level) in
        [(5, 2, 5), (5, 2, 2), (5, 2, 1), (3, 1, 3), (3, 1, 0), (0, 1, 0)]
    {
        let request = KeyRequest { kind, level: key_level, special_count };
        let keys = owner.generator(4).evaluation_keys(&[request]).unwrap();
        let evaluator = Evaluator::new(&parameters, &keys);
        let x = values(parameters.slots(), 7);
        let encoder = Encoder::new(&parameters);
        let plaintext = encoder.encode(&x, level, parameters.scale()).unwrap();
        let ciphertext = encrypt(&owner, &plaintext, 2);
        let rotated = evaluator.rotate(&ciphertext, 1).unwrap();
        // Rotate the decrypted input itself: rounding of the encoding must not count.
        let input = Decryptor::new(&owner.secret).decrypt_plaintext(&ciphertext).unwrap();
        let galois = fhecc_ckks::Galois::rotation(1, parameters.n());
        let automorphism = fhecc_kernels::Automorphism::new(parameters.n(), galois.exponent() as usize);
        let mut want = Poly::zero(parameters.n(), 1);
        automorphism.permute(0, want.limb_mut(0), input.poly().limb(0));
        let (keys, rounding) = switching_deviation(&parameters, level, special_count);
        let what = format!("key level {key_level}, special {special_count}, level {level}");
        check(&what, &noise(&owner, &rotated, &want), keys.hypot(rounding));
    }
    let (keys, rounding) = switching_deviation(&parameters, 1, 2);
    assert!(keys < rounding, "digits well below the special primes: {keys} and {rounding}");
}

#[test]
fn rescaling_rounds() {
    let (parameters, owner) = setting();
    let keys = EvaluationKeys::empty();
    let evaluator = Evaluator::new(&parameters, &keys);
    let plaintext = plaintext(&parameters, 3, 1);
    let ciphertext = encrypt(&owner, &plaintext, 2);
    // Multiply by q_3 exactly, then rescale: only the rounding is left.
    let mut scaled = ciphertext.clone();
    let q = fhecc_ckks::Scale::from_prime(parameters.prime(3));
    scaled = evaluator.mul_constant(&scaled, 1.0, q).unwrap();
    let exact = evaluator.rescale(&scaled).unwrap();
    // A multiple of q rescales without any error: Rescale(q x) = x.
    for limb in 0..3 {
        assert_eq!(exact.parts().0.limb(limb), ciphertext.parts().0.limb(limb));
        assert_eq!(exact.parts().1.limb(limb), ciphertext.parts().1.limb(limb));
    }
    // Multiply by q_3 + 1: the result is x + round(x / q_3), with fresh rounding errors in both polynomials.
    let extended = evaluator.add(&scaled, &scaled_by_one(&evaluator, &ciphertext, q)).unwrap();
    let rounded = evaluator.rescale(&extended).unwrap();
    let input = Decryptor::new(&owner.secret).decrypt_plaintext(&ciphertext).unwrap();
    // The message is below q_3 / 2^4, so that its own quotient is below the rounding errors.
    let deviation = ((1.0 + weight(&parameters)) / 12.0).sqrt();
    check("rescale", &noise(&owner, &rounded, input.poly()), deviation);
}

/// The ciphertext as it is, declared to have the scale that `q` times it has.
fn scaled_by_one(evaluator: &Evaluator<'_>, ciphertext: &Ciphertext, q: fhecc_ckks::Scale) -> Ciphertext {
    let mut one = evaluator.mul_constant(ciphertext, 1.0, fhecc_ckks::Scale::from_pow2(0)).unwrap();
    one.set_scale(ciphertext.scale().mul(q));
    one
}
