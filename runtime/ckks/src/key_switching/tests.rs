//! Exact identities of the steps of key switching.

use std::sync::Arc;

use super::{Decomposed, ExtendedPair, divide, key_product};
use crate::error::EvaluationError;
use crate::keys::{DigitLayout, KeyStore, KeySwitchKey, mask_row};
use crate::parameters::{Parameters, ParametersLiteral};
use crate::poly::Poly;

fn parameters() -> Parameters {
    parameters_of(10)
}

fn parameters_of(log_n: u32) -> Parameters {
    Parameters::insecure_for_tests(ParametersLiteral {
        log_n,
        base_bits: 40,
        slots_to_coeffs_bits: vec![28, 28],
        merged_bits: vec![],
        compute_bits: vec![31, 31],
        input_bits: vec![],
        raised_bits: vec![],
        eval_mod_bits: vec![],
        coeffs_to_slots_bits: vec![],
        special_bits: vec![48, 48],
        log_scale: 31,
        bootstrap: None,
    })
    .unwrap()
}

/// Residues that look uniform modulo every prime.
fn uniform(parameters: &Parameters, limbs: usize, seed: u64) -> Poly {
    let mut poly = Poly::zero(parameters.n(), limbs);
    let mut state = seed | 1;
    for (limb, prime) in parameters.moduli()[..limbs].iter().enumerate() {
        for x in poly.limb_mut(limb) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *x = prime.modulus.reduce(state);
        }
    }
    poly
}

#[test]
fn division_undoes_multiplication() {
    let parameters = parameters();
    let x = uniform(&parameters, 5, 1);
    for special_count in 1..=2 {
        let mut pair = ExtendedPair::zero(&parameters, 4, special_count);
        pair.add_scaled(&parameters, &x, Some(&x));
        let (c0, c1) = pair.mod_down(&parameters);
        assert_eq!(c0, x);
        assert_eq!(c1, x);
    }
    // P q x, divided by P q at once and in two steps.
    let mut scaled = x.clone();
    for (limb, prime) in parameters.moduli()[..5].iter().enumerate() {
        let q = prime.modulus.reduce(parameters.prime(4));
        fhecc_kernels::mul_scalar_assign(scaled.limb_mut(limb), q, &prime.modulus);
    }
    assert_eq!(divide(&parameters, scaled.clone(), 4, 0, true), x.truncated(4));
    let mut pair = ExtendedPair::zero(&parameters, 4, 2);
    pair.add_scaled(&parameters, &scaled, Some(&scaled));
    let (c0, c1) = pair.mod_down_rescale(&parameters);
    assert_eq!(c0, x.truncated(4));
    assert_eq!(c1, x.truncated(4));
}

/// The rescale from the raised primes is `round(x Q / D)`, with and without special primes to divide by first.
#[test]
fn the_change_to_other_primes_rounds_the_quotient_of_the_moduli() {
    let parameters = Parameters::insecure_for_tests(ParametersLiteral {
        base_bits: 20,
        slots_to_coeffs_bits: vec![20],
        compute_bits: vec![],
        input_bits: vec![20],
        raised_bits: vec![20, 21],
        eval_mod_bits: vec![22],
        special_bits: vec![28],
        ..parameters().literal().clone()
    })
    .unwrap();
    let (level, below) = (3, 1);
    assert_eq!((parameters.lowest_level(level), parameters.level_below(level)), (level, below));
    let product =
        |level: usize| parameters.moduli_at(level).iter().map(|p| i128::from(p.modulus.value())).product();
    let (from, to): (i128, i128) = (product(level), product(below));
    assert!((parameters.rescale_factor(level).to_f64() / (from as f64 / to as f64) - 1.0).abs() < 1e-12);
    let n = parameters.n();
    let mut state = 1u128;
    let coefficients: Vec<i128> = (0..n)
        .map(|_| {
            state = state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
            (state >> 1) as i128 % from - from / 2
        })
        .collect();
    let mut x = Poly::zero(n, parameters.limbs_at(level));
    for (limb, prime) in parameters.moduli_at(level).iter().enumerate() {
        for (out, c) in x.limb_mut(limb).iter_mut().zip(&coefficients) {
            *out = c.rem_euclid(prime.modulus.value().into()) as u64;
        }
        prime.ntt.forward(x.limb_mut(limb));
    }
    let plain = divide(&parameters, x.clone(), level, 0, true);
    let mut pair = ExtendedPair::zero(&parameters, level, 1);
    pair.add_scaled(&parameters, &x, None);
    assert_eq!(pair.mod_down_rescale(&parameters).0, plain);

    let mut rows = plain;
    assert_eq!(rows.limbs(), parameters.limbs_at(below));
    for (limb, prime) in parameters.moduli_at(below).iter().enumerate() {
        prime.ntt.inverse(rows.limb_mut(limb));
    }
    for (position, c) in coefficients.iter().enumerate() {
        let rounded = (2 * c * to + from).div_euclid(2 * from);
        for (limb, prime) in parameters.moduli_at(below).iter().enumerate() {
            let want = rounded.rem_euclid(prime.modulus.value().into()) as u64;
            assert_eq!(rows.limb(limb)[position], want, "{c} at {position}");
        }
    }
}

#[test]
fn the_fused_rescale_rounds_once() {
    let parameters = parameters();
    let mut pair = ExtendedPair::zero(&parameters, 3, 2);
    pair.add_scaled(&parameters, &uniform(&parameters, 4, 5), None);
    let fused = pair.clone().mod_down_rescale(&parameters).0;
    let steps = divide(&parameters, pair.mod_down(&parameters).0, 3, 0, true);
    // The first division is exact here, so both round the same number.
    assert_eq!(fused, steps);
}

#[test]
fn digits_are_centred_residues_modulo_groups_of_primes() {
    let parameters = parameters();
    let x = uniform(&parameters, 5, 3);
    let mut coefficients = x.clone();
    for (limb, prime) in parameters.moduli()[..5].iter().enumerate() {
        prime.ntt.inverse(coefficients.limb_mut(limb));
    }
    let digits = parameters.digits(4, 2).unwrap();
    assert_eq!(digits, [0..3, 3..5]);
    let decomposed = Decomposed::new(&parameters, (x.limbs() - 1, &x), 2).unwrap();
    for (digit, range) in digits.into_iter().enumerate() {
        let primes = &parameters.moduli()[range.clone()];
        let product: i128 = primes.iter().map(|p| i128::from(p.modulus.value())).product();
        for row in 0..7 {
            let prime = parameters.extended_prime(4, row);
            let mut found = decomposed.row(digit, row).to_vec();
            prime.ntt.inverse(&mut found);
            for k in (0..parameters.n()).step_by(97) {
                let residues: Vec<u64> = range.clone().map(|limb| coefficients.limb(limb)[k]).collect();
                let mut value = garner(primes, &residues);
                if value > product / 2 {
                    value -= product;
                }
                let want = value.rem_euclid(i128::from(prime.modulus.value()));
                assert_eq!(i128::from(found[k]), want, "digit {digit} row {row} coefficient {k}");
            }
        }
    }
}

/// The integer below the product of the primes with these residues.
fn garner(primes: &[crate::parameters::RingPrime], residues: &[u64]) -> i128 {
    let (mut value, mut product) = (0i128, 1i128);
    for (prime, &residue) in primes.iter().zip(residues) {
        let m = &prime.modulus;
        let reduce = |x: i128| m.reduce_u128(x.unsigned_abs());
        let digit = m.mul(m.sub(residue, reduce(value)), m.inv(reduce(product)));
        value += product * i128::from(digit);
        product *= i128::from(m.value());
    }
    value
}

#[test]
fn a_lift_keeps_the_centred_value() {
    let parameters = parameters();
    let mut coefficients = uniform(&parameters, 1, 7).limb(0).to_vec();
    let q0 = parameters.prime(0);
    coefficients[..3].copy_from_slice(&[0, q0 / 2, q0 / 2 + 1]);
    let lifted = Decomposed::lift(&parameters, &coefficients, 4, 1);
    for row in 0..6 {
        let prime = parameters.extended_prime(4, row);
        let mut found = lifted.row(0, row).to_vec();
        prime.ntt.inverse(&mut found);
        for (found, &x) in found.into_iter().zip(&coefficients) {
            let centred = if x > q0 / 2 { x as i64 - q0 as i64 } else { x as i64 };
            assert_eq!(found, prime.modulus.from_i64(centred));
        }
    }
}

/// A key with digits that look uniform, which is all that a product sees of them.
fn key(parameters: &Parameters, level: usize, store: Option<&Arc<KeyStore>>) -> KeySwitchKey {
    let fill =
        |(): &mut (), digit: usize, row: usize, out: &mut [u64]| b_row(parameters, level, digit, row, out);
    KeySwitchKey::generate(parameters, (level, 2, DigitLayout::Greedy), [3; 32], store, || (), fill).unwrap()
}

fn b_row(parameters: &Parameters, level: usize, digit: usize, row: usize, out: &mut [u64]) {
    mask_row(parameters, &[4; 32], level, digit, row, out);
}

/// For rings of one strip and of several; at the level of the key and below.
#[test]
fn a_key_product_is_the_sum_of_products_with_both_halves_of_the_key() {
    for (log_n, level) in [(10, 4), (10, 3), (12, 4), (12, 2)] {
        let parameters = parameters_of(log_n);
        let n = parameters.n();
        let mut key = key(&parameters, 4, None);
        let x = uniform(&parameters, level + 1, 9);
        let decomposed = Decomposed::new(&parameters, (x.limbs() - 1, &x), 2).unwrap();
        let found = decomposed.product(&parameters, &key).unwrap();
        for row in 0..level + 3 {
            let own = if row <= level { row } else { row + 4 - level };
            let m = &parameters.extended_prime(level, row).modulus;
            let (mut want, mut half) = ([vec![0; n], vec![0; n]], vec![0; n]);
            for digit in 0..decomposed.digits {
                b_row(&parameters, 4, digit, own, &mut half);
                fhecc_kernels::mul_add_assign(&mut want[0], decomposed.row(digit, row), &half, m);
                mask_row(&parameters, &[3; 32], 4, digit, own, &mut half);
                fhecc_kernels::mul_add_assign(&mut want[1], decomposed.row(digit, row), &half, m);
            }
            assert_eq!(found.c0.limb(row), want[0], "2^{log_n}, level {level}, row {row}");
            assert_eq!(found.c1.limb(row), want[1], "2^{log_n}, level {level}, row {row}");
        }
        key.expand(&parameters);
        let expanded = decomposed.product(&parameters, &key).unwrap();
        assert_eq!((&expanded.c0, &expanded.c1), (&found.c0, &found.c1));
        let fused = key_product(&parameters, (x.limbs() - 1, &x), &key).unwrap();
        assert_eq!((fused.c0, fused.c1), (found.c0, found.c1));
    }
}

fn store() -> Arc<KeyStore> {
    Arc::new(KeyStore::create(&std::env::temp_dir()).unwrap())
}

#[test]
fn a_key_on_disk_is_the_same_key() {
    let parameters = parameters_of(12);
    let in_memory = key(&parameters, 4, None);
    let (first, second) = (store(), store());
    let written = key(&parameters, 4, Some(&first));
    let mut moved = in_memory.clone();
    moved.expand(&parameters);
    moved.move_to(&first).unwrap();
    let mut moved_on = moved.clone();
    moved_on.move_to(&second).unwrap();
    let bytes = in_memory.size_in_bytes();
    assert_eq!((first.size_in_bytes(), second.size_in_bytes()), (2 * bytes as u64, bytes as u64));
    let x = uniform(&parameters, 4, 9);
    let want = key_product(&parameters, (x.limbs() - 1, &x), &in_memory).unwrap();
    for key in [&written, &moved, &moved_on] {
        assert_eq!((key.size_in_bytes(), key.bytes_on_disk()), (0, bytes));
        assert_eq!(key, &in_memory);
        assert_eq!(key.to_bytes(&parameters), in_memory.to_bytes(&parameters));
        let fused = key_product(&parameters, (x.limbs() - 1, &x), key).unwrap();
        assert_eq!((&fused.c0, &fused.c1), (&want.c0, &want.c1));
        let decomposed = Decomposed::new(&parameters, (x.limbs() - 1, &x), 2).unwrap();
        let product = decomposed.product(&parameters, key).unwrap();
        assert_eq!((&product.c0, &product.c1), (&want.c0, &want.c1));
    }
}

#[test]
fn a_store_that_fails_is_an_error_wherever_it_is_read() {
    let parameters = parameters();
    let store = store();
    let key = key(&parameters, 4, Some(&store));
    store.damage(store.size_in_bytes() - 1);
    let x = uniform(&parameters, 5, 9);
    let failed = [
        key_product(&parameters, (x.limbs() - 1, &x), &key).map(drop),
        Decomposed::new(&parameters, (x.limbs() - 1, &x), 2).unwrap().product(&parameters, &key).map(drop),
        key.to_bytes(&parameters).map(drop),
        key.clone().move_to(&self::store()),
    ];
    for result in failed {
        let Err(EvaluationError::KeyStore { action: "read", folder, kind, .. }) = result else {
            panic!("{result:?}");
        };
        assert_eq!((folder, kind), (std::env::temp_dir(), std::io::ErrorKind::UnexpectedEof));
    }
    assert_ne!(key, key.clone(), "rows that cannot be read equal none");
    let nowhere = std::env::temp_dir().join("no such folder of fhecc");
    let refused = KeyStore::create(&nowhere).unwrap_err();
    assert!(matches!(refused, EvaluationError::KeyStore { action: "made", .. }), "{refused}");
}
