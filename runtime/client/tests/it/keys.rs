//! Keys: truncation, serialisation, determinism.

use fhecc_ckks::{
    Ciphertext, DigitLayout, Encoder, EvaluationError, EvaluationKeys, Evaluator, FormatError, KeyKind,
    KeyRequest, KeySwitchKey, Parameters, SeededCiphertext,
};
use fhecc_client::{Encryptor, KeyGenerator, PublicEncryptor, PublicKey, SecretKey, SeedSequence};

use crate::fixture::{Owner, literal, max_error, parameters, values};

#[test]
fn keys_do_not_work_above_their_level() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let kind = KeyKind::rotation(1, parameters.n());
    let keys =
        owner.generator(1).evaluation_keys(&[KeyRequest { kind, level: 2, special_count: 1 }]).unwrap();
    let evaluator = Evaluator::new(&parameters, &keys);
    let x = values(parameters.slots(), 1);
    assert!(evaluator.rotate(&owner.encrypt(&x, 2, parameters.scale()), 1).is_ok());
    let high = owner.encrypt(&x, 3, parameters.scale());
    assert!(matches!(
        evaluator.rotate(&high, 1),
        Err(EvaluationError::KeyAboveLevel { found: 3, allowed: 2, .. })
    ));
    assert!(matches!(evaluator.rotate(&high, 2), Err(EvaluationError::KeyMissing { level: 3, .. })));
    assert!(matches!(evaluator.mul(&high, &high), Err(EvaluationError::KeyMissing { .. })));
}

#[test]
fn impossible_keys_are_refused() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    for (level, special_count) in [(6, 2), (2, 0), (2, 3)] {
        let request = KeyRequest { kind: KeyKind::Relinearisation, level, special_count };
        assert!(matches!(owner.generator(1).key(request), Err(EvaluationError::Argument { .. })));
        assert!(owner.generator(1).public_key(6).is_err());
    }
}

#[test]
fn truncated_keys_are_prefixes_of_full_ones() {
    let parameters = parameters();
    let mut digits = Vec::new();
    for level in 0..=parameters.max_level() {
        let layout = KeySwitchKey::layout_digits(&parameters, level, 2, DigitLayout::Greedy).unwrap();
        assert_eq!(layout.last().unwrap().end, level + 1);
        assert!(
            layout
                .iter()
                .zip(&digits)
                .all(|(a, b): (&std::ops::Range<usize>, &std::ops::Range<usize>)| { a.start == b.start })
        );
        digits = layout;
    }
    // 40 + 28 + 28 = 96 bits, then 3 times 31.
    assert_eq!(digits, vec![0..3, 3..6]);
}

#[test]
fn everything_survives_its_bytes() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let x = values(parameters.slots(), 1);
    let plaintext = Encoder::new(&parameters).encode(&x, 3, parameters.scale()).unwrap();

    let seeded = Encryptor::new(&owner.secret, SeedSequence::deterministic([5; 32]))
        .encrypt_seeded(&plaintext)
        .unwrap();
    let read = SeededCiphertext::from_bytes(&seeded.to_bytes(&parameters), &parameters).unwrap();
    assert_eq!(read, seeded);
    let whole = read.expand(&parameters);
    assert_eq!(whole, seeded.expand(&parameters));
    assert_eq!(Ciphertext::from_bytes(&whole.to_bytes(&parameters), &parameters).unwrap(), whole);

    let keys = owner.keys(&[1, -2]);
    let read = EvaluationKeys::from_bytes(&keys.to_bytes(&parameters).unwrap(), &parameters).unwrap();
    assert_eq!(read, keys);
    let mut expanded = keys.clone();
    expanded.expand(&parameters);
    assert_eq!(expanded.to_bytes(&parameters).unwrap(), keys.to_bytes(&parameters).unwrap());

    let public = owner.generator(1).public_key(4).unwrap();
    assert_eq!(PublicKey::from_bytes(&public.to_bytes(&parameters), &parameters).unwrap(), public);

    let secret = SecretKey::from_bytes(&owner.secret.to_bytes(), &parameters).unwrap();
    assert_eq!(*secret.to_bytes(), *owner.secret.to_bytes());
    let read = Owner { parameters: parameters.clone(), secret };
    assert!(max_error(&read.decrypt(&whole), x) < 1e-6);
}

#[test]
fn damaged_bytes_are_errors_not_panics() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let kind = KeyKind::Relinearisation;
    let keys =
        owner.generator(1).evaluation_keys(&[KeyRequest { kind, level: 1, special_count: 1 }]).unwrap();
    let bytes = keys.to_bytes(&parameters).unwrap();
    for length in (0..200).chain([bytes.len() / 2, bytes.len() - 1]) {
        assert!(EvaluationKeys::from_bytes(&bytes[..length], &parameters).is_err());
    }
    for position in 0..150 {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0xff;
        // Damage to a seed or a residue may go unnoticed, but never panics.
        let _ = EvaluationKeys::from_bytes(&damaged, &parameters).is_ok();
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(EvaluationKeys::from_bytes(&longer, &parameters), Err(FormatError::Trailing { found: 1 }));

    let ciphertext = owner.encrypt(&values(8, 1), 1, parameters.scale());
    let mut bytes = ciphertext.to_bytes(&parameters);
    let residues = bytes.len() - 5;
    bytes[residues..].fill(0xff);
    assert!(matches!(Ciphertext::from_bytes(&bytes, &parameters), Err(FormatError::Residue { .. })));
    let bytes = ciphertext.to_bytes(&parameters);
    assert!(matches!(EvaluationKeys::from_bytes(&bytes, &parameters), Err(FormatError::Tag { .. })));
    let other = Parameters::insecure_for_tests(literal(12)).unwrap();
    assert_eq!(Ciphertext::from_bytes(&bytes, &other), Err(FormatError::Fingerprint));
    let mut secret = owner.secret.to_bytes();
    secret[100] = 3;
    assert!(matches!(SecretKey::from_bytes(&secret, &parameters), Err(FormatError::Value { .. })));
}

#[test]
fn no_two_keys_share_randomness() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let request = KeyRequest { kind: KeyKind::Relinearisation, level: 2, special_count: 2 };
    let mut generator = owner.generator(1);
    let (first, second) = (generator.key(request).unwrap(), generator.key(request).unwrap());
    assert_ne!(first, second);
    // Determinism: the same seeds in the same order give the same keys, one by one or all at once.
    let all = owner.generator(1).evaluation_keys(&[request]).unwrap();
    assert_eq!(all.get(request.kind, 2).unwrap(), &first);

    let plaintext = Encoder::new(&parameters).encode(&[0.5], 1, parameters.scale()).unwrap();
    let mut encryptor = Encryptor::new(&owner.secret, SeedSequence::deterministic([5; 32]));
    assert_ne!(encryptor.encrypt(&plaintext).unwrap(), encryptor.encrypt(&plaintext).unwrap());
}

#[test]
fn the_public_key_encrypts_up_to_its_level() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let public = owner.generator(1).public_key(3).unwrap();
    let mut encryptor = PublicEncryptor::new(&parameters, &public, SeedSequence::deterministic([8; 32]));
    let encoder = Encoder::new(&parameters);
    let x = values(parameters.slots(), 1);
    for level in [0, 3] {
        let ciphertext = encryptor.encrypt(&encoder.encode(&x, level, parameters.scale()).unwrap()).unwrap();
        assert!(max_error(&owner.decrypt(&ciphertext), x.iter().copied()) < 5e-5);
    }
    let error = encryptor.encrypt(&encoder.encode(&x, 4, parameters.scale()).unwrap()).unwrap_err();
    assert_eq!(error, EvaluationError::LevelTooHigh { found: 4, allowed: 3 });
}

#[test]
fn a_foreign_secret_decrypts_to_nothing() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let thief = Owner::new(&parameters, 2);
    let x = values(parameters.slots(), 1);
    let found = thief.decrypt(&owner.encrypt(&x, 2, parameters.scale()));
    assert!(max_error(&found, x) > 1e3);
}

#[test]
fn generators_share_nothing_but_the_secret() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let request = KeyRequest { kind: KeyKind::conjugation(parameters.n()), level: 1, special_count: 1 };
    let key = |seed| {
        KeyGenerator::new(&owner.secret, SeedSequence::deterministic([seed; 32])).key(request).unwrap()
    };
    assert_ne!(key(1), key(2));
}

#[test]
fn more_special_primes_than_one_conversion_takes() {
    let many = fhecc_ckks::ParametersLiteral { special_bits: vec![40; 10], ..literal(11) };
    let parameters = Parameters::insecure_for_tests(many).unwrap();
    let owner = Owner::new(&parameters, 1);
    let level = parameters.max_level();
    let requests = [KeyRequest { kind: KeyKind::Relinearisation, level, special_count: 10 }];
    let keys = owner.generator(1).evaluation_keys(&requests).unwrap();
    let evaluator = Evaluator::new(&parameters, &keys);
    let x = values(parameters.slots(), 1);
    let a = owner.encrypt(&x, level, parameters.scale());
    let want = || x.iter().map(|x| x * x);
    assert!(max_error(&owner.decrypt(&evaluator.mul(&a, &a).unwrap()), want()) < 1e-5);
    assert!(max_error(&owner.decrypt(&evaluator.mul_rescale(&a, &a).unwrap()), want()) < 1e-5);
}

#[test]
fn keys_of_one_level_may_differ_in_special_primes() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let kind = KeyKind::rotation(1, parameters.n());
    let requests =
        [(2, 1), (2, 2), (4, 1)].map(|(level, special_count)| KeyRequest { kind, level, special_count });
    let keys = owner.generator(1).evaluation_keys(&requests).unwrap();
    let shape = |key: &KeySwitchKey| (key.level(), key.special_count());
    assert_eq!(shape(keys.get(kind, 1).unwrap()), (2, 2));
    assert_eq!(shape(keys.get_special(kind, 1, 1).unwrap()), (2, 1));
    assert_eq!(shape(keys.get(kind, 3).unwrap()), (4, 1));
    assert!(matches!(keys.get_special(kind, 3, 2), Err(EvaluationError::KeyMissing { level: 3, .. })));
    assert!(matches!(keys.get_special(kind, 5, 1), Err(EvaluationError::KeyAboveLevel { allowed: 4, .. })));
}
