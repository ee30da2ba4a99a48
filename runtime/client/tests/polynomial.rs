//! Chebyshev polynomials of encrypted values: exact depth, exact scale, small error.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up should say where")]

use fhecc_ckks::{
    Chebyshev, Ciphertext, Encoder, EvaluationError, EvaluationKeys, Evaluator, KeyKind, KeyRequest, Monic,
    Parameters, ParametersLiteral, Scale,
};
use fhecc_client::{Decryptor, Encryptor, KeyGenerator, SecretKey, SeedSequence};

struct Setup {
    parameters: Parameters,
    secret: SecretKey,
    keys: EvaluationKeys,
}

impl Setup {
    /// Seven levels of 40 bits on a small, insecure ring.
    fn new() -> Self {
        let parameters = Parameters::insecure_for_tests(ParametersLiteral {
            log_n: 11,
            base_bits: 45,
            slots_to_coeffs_bits: vec![],
            merged_bits: vec![],
            compute_bits: vec![40; 7],
            input_bits: vec![],
            raised_bits: vec![],
            eval_mod_bits: vec![],
            coeffs_to_slots_bits: vec![],
            special_bits: vec![48; 3],
            log_scale: 40,
            bootstrap: None,
        })
        .unwrap();
        let mut seeds = SeedSequence::deterministic([1; 32]);
        let secret = SecretKey::generate(&parameters, &mut seeds);
        let request =
            KeyRequest { kind: KeyKind::Relinearisation, level: parameters.max_level(), special_count: 3 };
        let keys = KeyGenerator::new(&secret, seeds).evaluation_keys(&[request]).unwrap();
        Self { parameters, secret, keys }
    }

    fn encrypt(&self, values: &[f64], level: usize) -> Ciphertext {
        self.encrypt_at(values, level, self.parameters.scale())
    }

    fn encrypt_at(&self, values: &[f64], level: usize, scale: Scale) -> Ciphertext {
        let plaintext = Encoder::new(&self.parameters).encode(values, level, scale).unwrap();
        Encryptor::new(&self.secret, SeedSequence::deterministic([2; 32])).encrypt(&plaintext).unwrap()
    }

    fn evaluate(
        &self,
        input: &Ciphertext,
        p: &Chebyshev,
        target: Scale,
    ) -> Result<Ciphertext, EvaluationError> {
        Evaluator::new(&self.parameters, &self.keys).polynomial(input, p, target)
    }
}

fn ramp(count: usize) -> Vec<f64> {
    (0..count).map(|s| 2.0 * s as f64 / (count - 1) as f64 - 1.0).collect()
}

#[test]
fn degrees_and_parities_at_their_exact_depth() {
    let setup = Setup::new();
    let x = ramp(setup.parameters.slots());
    let top = setup.parameters.max_level();
    let input = setup.encrypt(&x, top);
    let decryptor = Decryptor::new(&setup.secret);
    for degree in [1usize, 2, 3, 5, 7, 8, 12, 15, 27, 31, 59, 63] {
        for step in [1, 2] {
            let coefficients: Vec<f64> = (0..=degree)
                .map(|k| if (degree - k) % step == 0 { (1.3 * k as f64).cos() / (1 + k) as f64 } else { 0.0 })
                .collect();
            let p = Chebyshev { coefficients, domain: (-1.0, 1.0) };
            let target = Scale::from_pow2(38);
            let output = setup.evaluate(&input, &p, target).unwrap();
            assert_eq!(output.level(), top - p.depth(), "degree {degree}");
            assert_eq!(output.scale().to_parts(), target.to_parts());
            let found = decryptor.decrypt(&output).unwrap();
            let error = found.iter().zip(&x).map(|(y, &x)| (y - p.evaluate(x)).abs()).fold(0.0, f64::max);
            assert!(error < f64::exp2(-20.0), "degree {degree}, step {step}: 2^{:.1}", error.log2());
        }
    }
}

#[test]
fn degrees_two_and_four_take_one_level_less_and_end_at_exactly_the_scale() {
    let setup = Setup::new();
    let evaluator = Evaluator::new(&setup.parameters, &setup.keys);
    let x = ramp(setup.parameters.slots());
    for (coefficients, domain) in [
        (vec![0.3, 0.5, 0.22, 0.01, -0.03], 1.0),
        (vec![0.1, -0.5, 0.4, -0.2, 0.7], 0.65),
        (vec![0.0, 0.0, 0.0, 0.0, 1.0], 1.0),
        (vec![0.3, 0.5, 0.22], 1.0),
        (vec![0.1, -0.5, -0.7], 0.65),
    ] {
        let series = Chebyshev { coefficients, domain: (-domain, domain) };
        let monic = Monic::new(&series).unwrap();
        for level in [monic.depth(), 5] {
            let scale = monic.argument_scale(&setup.parameters, level);
            let values: Vec<f64> = x.iter().map(|x| x * domain).collect();
            let output = evaluator.monic(&setup.encrypt_at(&values, level, scale), &monic).unwrap();
            assert_eq!(output.level(), level - monic.depth());
            assert_eq!(output.scale().to_parts(), setup.parameters.scale().to_parts());
            let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
            let error = found.iter().zip(&values).map(|(y, &x)| (y - series.evaluate(x)).abs());
            let error = error.fold(0.0, f64::max);
            assert!(error < f64::exp2(-20.0), "{series:?} at level {level}: 2^{:.1}", error.log2());
            let elsewhere = evaluator.monic(&setup.encrypt(&values, level), &monic);
            assert!(matches!(elsewhere, Err(EvaluationError::ScaleMismatch { .. })), "{elsewhere:?}");
        }
        let (needed, found) = (monic.depth(), monic.depth() - 1);
        let refused = evaluator.monic(&setup.encrypt(&x, found), &monic);
        assert_eq!(refused, Err(EvaluationError::LevelTooLow { found, needed }));
    }
}

#[test]
fn degree_two_without_a_rescale_stays_at_its_level_at_the_scale_of_the_square() {
    let setup = Setup::new();
    let evaluator = Evaluator::new(&setup.parameters, &setup.keys);
    let x = ramp(setup.parameters.slots());
    for coefficients in [vec![0.3, 0.5, 0.22], vec![0.1, -0.5, -0.7]] {
        let series = Chebyshev { coefficients, domain: (-1.0, 1.0) };
        let monic = Monic::new(&series).unwrap();
        for level in [1, 5] {
            let output = evaluator.monic_unrescaled(&setup.encrypt(&x, level), &monic).unwrap();
            // The square of 2^40, over the coefficient of x^2.
            let leading = (2.0 * series.coefficients[2]).abs();
            assert_eq!(output.level(), level);
            assert!((output.scale().log2() - (80.0 - leading.log2())).abs() < 1e-12);
            let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
            let error = found.iter().zip(&x).map(|(y, &x)| (y - series.evaluate(x)).abs());
            let error = error.fold(0.0, f64::max);
            assert!(error < f64::exp2(-20.0), "{series:?} at level {level}: 2^{:.1}", error.log2());
        }
        let narrow = evaluator.monic_unrescaled(&setup.encrypt(&x, 0), &monic);
        assert!(matches!(narrow, Err(EvaluationError::ScaleRange { .. })), "{narrow:?}");
    }
    let four = Monic::new(&Chebyshev { coefficients: vec![0.5; 5], domain: (-1.0, 1.0) }).unwrap();
    let refused = evaluator.monic_unrescaled(&setup.encrypt(&x, 3), &four);
    assert!(matches!(refused, Err(EvaluationError::Argument { .. })), "{refused:?}");
}

#[test]
fn other_domains_are_mapped_for_free() {
    let setup = Setup::new();
    let (lo, hi) = (-0.5, 1.1);
    let x: Vec<f64> =
        ramp(setup.parameters.slots()).iter().map(|t| (lo + hi + (hi - lo) * t) / 2.0).collect();
    let p = Chebyshev::interpolate(f64::exp, 11, (lo, hi));
    let output = setup.evaluate(&setup.encrypt(&x, 6), &p, setup.parameters.scale()).unwrap();
    assert_eq!(output.level(), 2);
    let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
    let error = found.iter().zip(&x).map(|(y, x)| (y - x.exp()).abs()).fold(0.0, f64::max);
    assert!(error < f64::exp2(-20.0), "2^{:.1}", error.log2());
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let setup = Setup::new();
    let scale = setup.parameters.scale();
    let input = setup.encrypt(&[0.5], 3);
    let p = |coefficients: Vec<f64>, domain| Chebyshev { coefficients, domain };
    let constant = setup.evaluate(&input, &p(vec![1.0], (-1.0, 1.0)), scale);
    assert!(matches!(constant, Err(EvaluationError::Argument { .. })));
    let empty = setup.evaluate(&input, &p(vec![0.0, 1.0], (1.0, 1.0)), scale);
    assert!(matches!(empty, Err(EvaluationError::Argument { .. })));
    let deep = setup.evaluate(&input, &p(vec![1.0; 9], (-1.0, 1.0)), scale);
    assert_eq!(deep, Err(EvaluationError::LevelTooLow { found: 3, needed: 4 }));
    let wide = setup.evaluate(&input, &p(vec![1.0; 8], (-256.0, 256.0)), scale);
    assert!(matches!(wide, Err(EvaluationError::ScaleRange { .. })), "{wide:?}");
}
