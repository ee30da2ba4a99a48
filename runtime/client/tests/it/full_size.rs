//! The real parameters, once: N = 2^15.

use fhecc_ckks::{Encoder, Evaluator, KeyKind, KeyRequest, ParameterError, Parameters, ParametersLiteral};

use crate::fixture::{Owner, max_error, values};

#[test]
fn the_default_set_is_secure_and_computes() {
    let parameters = Parameters::new(ParametersLiteral::b5()).unwrap();
    assert_eq!(parameters.security_bits(), Some(128));
    assert!(parameters.log_qp() > 864.0 && parameters.log_qp() <= 865.0, "{}", parameters.log_qp());
    assert_eq!((parameters.limbs(), parameters.special_limbs()), (2 + 11 + 16, 6));
    let limbs = [0, 1, 2, 3, 11, 12, 22].map(|level| parameters.limbs_at(level));
    assert_eq!((limbs, parameters.max_level()), ([1, 2, 2, 3, 11, 6, 16], 22));
    assert_eq!((parameters.slots_to_coeffs_top_level(), parameters.compute_top_level()), (2, 7));
    assert_eq!(parameters.eval_mod_top_level(), 19);

    let owner = Owner::new(&parameters, 1);
    let (low, high) = (3, parameters.max_level());
    let requests = [
        KeyRequest { kind: KeyKind::Relinearisation, level: high, special_count: 3 },
        KeyRequest { kind: KeyKind::rotation(5, parameters.n()), level: low, special_count: 3 },
    ];
    let keys = owner.generator(1).evaluation_keys(&requests).unwrap();
    let evaluator = Evaluator::new(&parameters, &keys);
    let x = values(parameters.slots(), 1);
    // At the top the scale is that of the primes there, so that a product fits the next level.
    let scale = fhecc_ckks::Scale::from_pow2(40);
    let plaintext = Encoder::new(&parameters).encode(&x, high, scale).unwrap();
    assert!(max_error(&evaluator.encoder().decode_real(&plaintext), x.iter().copied()) < 1e-9);
    let product =
        evaluator.mul_rescale(&owner.encrypt(&x, high, scale), &owner.encrypt(&x, high, scale)).unwrap();
    assert!(max_error(&owner.decrypt(&product), x.iter().map(|x| x * x)) < 1e-7);
    let rotated = evaluator.rotate(&owner.encrypt(&x, low, parameters.scale()), 5).unwrap();
    assert!(max_error(&owner.decrypt(&rotated), x.iter().copied().cycle().skip(5)) < 1e-4);
}

#[test]
fn sets_above_the_security_table_are_refused() {
    // Keys of the highest level may have fewer special primes, so the chain itself must be too large.
    let refused = |change: fn(&mut ParametersLiteral)| {
        let mut literal = ParametersLiteral::b6();
        change(&mut literal);
        Parameters::new(literal).unwrap_err()
    };
    assert!(matches!(
        refused(|literal| literal.eval_mod_bits = vec![40; 13]),
        ParameterError::Insecure { log_n: 15, allowed: Some(868), .. }
    ));
    assert!(matches!(refused(|literal| literal.log_n = 14), ParameterError::Insecure { log_n: 14, .. }));
    assert!(matches!(refused(|literal| literal.log_n = 12), ParameterError::Insecure { allowed: None, .. }));
    let weak = |literal: &mut ParametersLiteral| {
        literal.bootstrap.as_mut().unwrap().ephemeral_weight = 31;
    };
    assert!(matches!(refused(weak), ParameterError::InsecureEphemeral { weight: 31, .. }));
    assert!(matches!(
        refused(|literal| literal.special_bits[0] = 49),
        ParameterError::InsecureEphemeral { .. }
    ));
    assert!(matches!(refused(|literal| literal.base_bits = 51), ParameterError::PrimeBits { found: 51, .. }));
    assert!(matches!(refused(|literal| literal.log_n = 9), ParameterError::RingDegree { found: 9, .. }));
    assert!(matches!(
        refused(|literal| literal.special_bits.clear()),
        ParameterError::Count { found: 0, .. }
    ));
    let small = |literal: &mut ParametersLiteral| literal.eval_mod_bits = vec![20; 3];
    assert!(matches!(refused(small), ParameterError::NotEnoughPrimes { bits: 20, wanted: 3 }));
    let unlike = |literal: &mut ParametersLiteral| literal.raised_bits = vec![46; 6];
    assert!(matches!(refused(unlike), ParameterError::Range { found: 276, allowed: (278, 282), .. }));
    let unlike = |literal: &mut ParametersLiteral| literal.merged_bits = vec![50; 2];
    assert!(matches!(refused(unlike), ParameterError::Range { found: 100, allowed: (92, 96), .. }));
    let alone = |literal: &mut ParametersLiteral| literal.raised_bits.clear();
    assert!(matches!(refused(alone), ParameterError::Count { found: 4, allowed: (0, 0), .. }));
    let odd = |literal: &mut ParametersLiteral| literal.log_scale = 5;
    assert!(matches!(refused(odd), ParameterError::Range { what: "log_scale", found: 5, .. }));
}
