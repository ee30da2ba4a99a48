//! Sums, products, rescaling and levels.

use fhecc_ckks::{Encoder, EvaluationError, EvaluationKeys, Evaluator, Scale};

use crate::fixture::{Owner, max_error, parameters, values};

#[test]
fn encode_decode_and_encrypt_decrypt() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let encoder = Encoder::new(&parameters);
    for period in [1, 2, 4, 8, 64, parameters.slots()] {
        let x = values(period, 3);
        let repeated = || x.iter().copied().cycle();
        for level in [0, 2, parameters.max_level()] {
            let plaintext = encoder.encode(&x, level, parameters.scale()).unwrap();
            assert!(max_error(&encoder.decode_real(&plaintext), repeated()) < 1e-7, "period {period}");
            let decrypted = owner.decrypt(&owner.encrypt(&x, level, parameters.scale()));
            assert_eq!(decrypted.len(), parameters.slots());
            assert!(max_error(&decrypted, repeated()) < 1e-6, "period {period} level {level}");
        }
    }
}

#[test]
fn a_periodic_plaintext_is_the_full_one_stored_once() {
    let parameters = parameters();
    let encoder = Encoder::new(&parameters);
    for period in [1, 8, 128] {
        let x = values(period, 5);
        let full: Vec<f64> = x.iter().copied().cycle().take(parameters.slots()).collect();
        let short = encoder.encode(&x, 3, Scale::from_pow2(40)).unwrap();
        let long = encoder.encode(&full, 3, Scale::from_pow2(40)).unwrap();
        assert!(short.size_in_bytes() * 8 <= long.size_in_bytes());
        let mut scratch = vec![0; parameters.n()];
        for limb in 0..4 {
            // The two transforms round differently in the last bit of a double at most, far below one half.
            assert_eq!(short.full_row(limb, &mut scratch), long.poly().limb(limb), "period {period}");
        }
    }
}

#[test]
fn encoding_refuses_what_it_cannot_represent() {
    let parameters = parameters();
    let encoder = Encoder::new(&parameters);
    let scale = parameters.scale();
    for count in [0, 3, parameters.slots() * 2] {
        assert!(encoder.encode(&vec![0.5; count], 1, scale).is_err());
    }
    for bad in [f64::NAN, f64::INFINITY, 1e300] {
        assert!(encoder.encode(&[bad, 0.0], 1, scale).is_err());
        assert!(encoder.encode(&[0.0, bad], 1, scale).is_err());
    }
    let wide = encoder.encode(&[0.75], 5, Scale::from_pow2(100)).unwrap();
    assert!((encoder.decode_real(&wide)[0] - 0.75).abs() < 1e-15);
}

#[test]
fn sums_and_negation() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let keys = EvaluationKeys::empty();
    let evaluator = Evaluator::new(&parameters, &keys);
    let (x, y) = (values(parameters.slots(), 1), values(parameters.slots(), 2));
    let (a, b) = (owner.encrypt(&x, 3, parameters.scale()), owner.encrypt(&y, 3, parameters.scale()));
    let pairs = || x.iter().zip(&y);
    let check = |found: Vec<f64>, want: Vec<f64>| assert!(max_error(&found, want) < 2e-6);
    check(owner.decrypt(&evaluator.add(&a, &b).unwrap()), pairs().map(|(x, y)| x + y).collect());
    check(owner.decrypt(&evaluator.sub(&a, &b).unwrap()), pairs().map(|(x, y)| x - y).collect());
    check(owner.decrypt(&evaluator.negate(&a).unwrap()), x.iter().map(|x| -x).collect());
    check(owner.decrypt(&evaluator.add_values(&a, &y).unwrap()), pairs().map(|(x, y)| x + y).collect());
    check(owner.decrypt(&evaluator.add_constant(&a, -0.3).unwrap()), x.iter().map(|x| x - 0.3).collect());
}

#[test]
fn products_consume_levels_and_track_the_scale() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let keys = owner.keys(&[]);
    let evaluator = Evaluator::new(&parameters, &keys);
    let (x, y) = (values(parameters.slots(), 1), values(parameters.slots(), 2));
    let (a, b) = (owner.encrypt(&x, 5, parameters.scale()), owner.encrypt(&y, 5, parameters.scale()));
    let want = || x.iter().zip(&y).map(|(x, y)| x * y);

    let product = evaluator.mul(&a, &b).unwrap();
    assert_eq!(product.level(), 5);
    assert!(product.scale().matches(Scale::from_pow2(62)));
    assert!(max_error(&owner.decrypt(&product), want()) < 1e-5);
    let rescaled = evaluator.rescale(&product).unwrap();
    assert_eq!(rescaled.level(), 4);
    assert!(max_error(&owner.decrypt(&rescaled), want()) < 1e-5);

    let fused = evaluator.mul_rescale(&a, &b).unwrap();
    assert_eq!((fused.level(), fused.scale()), (4, rescaled.scale()));
    assert!(max_error(&owner.decrypt(&fused), want()) < 1e-5);

    let scaled = evaluator.mul_values_rescale(&a, &y).unwrap();
    assert_eq!((scaled.level(), scaled.scale()), (4, a.scale()));
    assert!(max_error(&owner.decrypt(&scaled), want()) < 1e-5);

    let q = Scale::from_prime(parameters.prime(5));
    let constant = evaluator.rescale(&evaluator.mul_constant(&a, -1.75, q).unwrap()).unwrap();
    assert!(constant.scale().matches(a.scale()));
    assert!(max_error(&owner.decrypt(&constant), x.iter().map(|x| -1.75 * x)) < 1e-5);

    let mut deep = a.clone();
    for _ in 0..3 {
        deep = evaluator.mul_rescale(&deep, &deep).unwrap();
    }
    assert!(max_error(&owner.decrypt(&deep), x.iter().map(|x| x.powi(8))) < 1e-4);
}

#[test]
fn a_level_drop_only_removes_rows() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let keys = EvaluationKeys::empty();
    let evaluator = Evaluator::new(&parameters, &keys);
    let x = values(parameters.slots(), 1);
    let a = owner.encrypt(&x, 4, parameters.scale());
    let low = evaluator.drop_level(&a, 1).unwrap();
    for limb in 0..2 {
        assert_eq!(low.parts().0.limb(limb), a.parts().0.limb(limb));
        assert_eq!(low.parts().1.limb(limb), a.parts().1.limb(limb));
    }
    assert_eq!(low.parts().0.limbs(), 2);
    assert!(max_error(&owner.decrypt(&low), x) < 1e-6);
    let error = evaluator.drop_level(&low, 3).unwrap_err();
    assert_eq!(error, EvaluationError::LevelTooHigh { found: 3, allowed: 1 });
}

#[test]
fn multiplication_by_i_is_exact() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let keys = EvaluationKeys::empty();
    let evaluator = Evaluator::new(&parameters, &keys);
    let x = values(parameters.slots(), 1);
    let a = owner.encrypt(&x, 2, parameters.scale());
    let turned = evaluator.mul_i(&a).unwrap();
    let slots = fhecc_client::Decryptor::new(&owner.secret).decrypt_complex(&turned).unwrap();
    assert!(slots.iter().zip(&x).all(|(z, x)| z.re.abs() < 1e-6 && (z.im - x).abs() < 1e-6));
    assert_eq!(evaluator.mul_i(&turned).unwrap(), evaluator.negate(&a).unwrap());
}

#[test]
fn mismatched_operands_are_refused() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let keys = owner.keys(&[]);
    let evaluator = Evaluator::new(&parameters, &keys);
    let x = values(parameters.slots(), 1);
    let a = owner.encrypt(&x, 3, parameters.scale());
    let lower = owner.encrypt(&x, 2, parameters.scale());
    let finer = owner.encrypt(&x, 3, Scale::from_pow2(32));
    let ground = owner.encrypt(&x, 0, parameters.scale());
    assert_eq!(evaluator.add(&a, &lower), Err(EvaluationError::LevelMismatch { left: 3, right: 2 }));
    assert_eq!(evaluator.mul(&a, &lower), Err(EvaluationError::LevelMismatch { left: 3, right: 2 }));
    assert_eq!(evaluator.add(&a, &finer), Err(EvaluationError::ScaleMismatch { left: 31.0, right: 32.0 }));
    assert_eq!(evaluator.rescale(&ground), Err(EvaluationError::LevelTooLow { found: 0, needed: 1 }));
    assert_eq!(
        evaluator.mul_rescale(&ground, &ground),
        Err(EvaluationError::LevelTooLow { found: 0, needed: 1 })
    );
    assert!(matches!(evaluator.mul(&ground, &ground), Err(EvaluationError::ScaleRange { .. })));

    let other = fhecc_ckks::Parameters::insecure_for_tests(crate::fixture::literal(12)).unwrap();
    let foreign = Owner::new(&other, 1).encrypt(&x, 3, parameters.scale());
    assert!(matches!(evaluator.add(&a, &foreign), Err(EvaluationError::ParametersMismatch { .. })));
}
