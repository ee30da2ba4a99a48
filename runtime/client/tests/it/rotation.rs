//! Rotations: direction, hoisting, levels.

use fhecc_ckks::{Evaluator, KeyKind, KeyRequest};
use fhecc_client::Decryptor;

use crate::fixture::{Owner, max_error, parameters, values};

#[test]
fn rotation_moves_slots_to_the_left() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let keys = owner.keys(&[1, 5, -3]);
    let evaluator = Evaluator::new(&parameters, &keys);
    let slots = parameters.slots();
    let x = values(slots, 1);
    for level in [0, 3, 5] {
        let a = owner.encrypt(&x, level, parameters.scale());
        for k in [0i64, 1, 5, -3] {
            let rotated = evaluator.rotate(&a, k).unwrap();
            assert_eq!((rotated.level(), rotated.scale()), (a.level(), a.scale()));
            let want = (0..slots as i64).map(|s| x[(s + k).rem_euclid(slots as i64) as usize]);
            assert!(max_error(&owner.decrypt(&rotated), want) < 1e-5, "k {k} level {level}");
        }
    }
    let whole_turn = evaluator.rotate(&owner.encrypt(&x, 2, parameters.scale()), slots as i64).unwrap();
    assert!(max_error(&owner.decrypt(&whole_turn), x) < 1e-5);
}

#[test]
fn hoisted_rotations_equal_single_ones() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let keys = owner.keys(&[1, 2, 7]);
    let evaluator = Evaluator::new(&parameters, &keys);
    let a = owner.encrypt(&values(parameters.slots(), 4), 4, parameters.scale());
    let rotations = [1, 0, 7, 2];
    let hoisted = evaluator.rotate_hoisted(&a, &rotations).unwrap();
    for (k, found) in rotations.into_iter().zip(hoisted) {
        assert_eq!(found, evaluator.rotate(&a, k).unwrap());
    }
}

#[test]
fn conjugation_negates_imaginary_parts() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let keys = owner.keys(&[]);
    let evaluator = Evaluator::new(&parameters, &keys);
    let x = values(parameters.slots(), 1);
    let turned = evaluator.mul_i(&owner.encrypt(&x, 3, parameters.scale())).unwrap();
    let slots =
        Decryptor::new(&owner.secret).decrypt_complex(&evaluator.conjugate(&turned).unwrap()).unwrap();
    assert!(slots.iter().zip(&x).all(|(z, x)| z.re.abs() < 1e-5 && (z.im + x).abs() < 1e-5));
}

#[test]
fn results_do_not_depend_on_threads_or_on_expanded_keys() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let mut keys = owner.keys(&[3]);
    let a = owner.encrypt(&values(parameters.slots(), 4), 5, parameters.scale());
    let run = |threads: usize, keys: &fhecc_ckks::EvaluationKeys| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let evaluator = Evaluator::new(&parameters, keys);
            let rotated = evaluator.rotate(&a, 3).unwrap();
            evaluator.mul_rescale(&rotated, &a).unwrap()
        })
    };
    let one = run(1, &keys);
    assert_eq!(one, run(3, &keys));
    let seeded = keys.size_in_bytes();
    keys.expand(&parameters);
    assert_eq!(keys.size_in_bytes(), 2 * seeded);
    assert_eq!(one, run(2, &keys));
}

#[test]
fn the_lowest_sufficient_key_is_chosen() {
    let parameters = parameters();
    let owner = Owner::new(&parameters, 1);
    let kind = KeyKind::rotation(1, parameters.n());
    let requests = [5, 2].map(|level| KeyRequest { kind, level, special_count: 2 });
    let keys = owner.generator(2).evaluation_keys(&requests).unwrap();
    assert_eq!(keys.get(kind, 0).unwrap().level(), 2);
    assert_eq!(keys.get(kind, 2).unwrap().level(), 2);
    assert_eq!(keys.get(kind, 3).unwrap().level(), 5);
    let evaluator = Evaluator::new(&parameters, &keys);
    let x = values(parameters.slots(), 1);
    for level in 0..=5 {
        let rotated = evaluator.rotate(&owner.encrypt(&x, level, parameters.scale()), 1).unwrap();
        assert!(max_error(&owner.decrypt(&rotated), x.iter().copied().cycle().skip(1)) < 1e-5);
    }
}
