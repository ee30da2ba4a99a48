//! Evaluation with keys on a disk that fails.

use std::sync::Arc;

use super::{KeyKind, KeyStore, KeySwitchKey, PlacedKey, mask_row};
use crate::parameters::{Parameters, tiny_for_tests};
use crate::{
    Ciphertext, DiagonalSource, DigitLayout, EvaluationError, EvaluationKeys, Evaluator, LinearMap, Poly,
    split_rotations,
};

const LEVEL: usize = 2;

/// Every diagonal all ones.
struct Ones;

impl DiagonalSource for Ones {
    fn diagonal(&self, _: i32) -> Option<Vec<f64>> {
        Some(vec![1.0])
    }
}

/// Keys that look uniform, which is all that matters to whatever only reads them.
fn keys(parameters: &Parameters, rotations: &[i32]) -> EvaluationKeys {
    let mut keys = EvaluationKeys::empty();
    let fill = |(): &mut (), digit: usize, row: usize, out: &mut [u64]| {
        mask_row(parameters, &[4; 32], LEVEL, digit, row, out);
    };
    let shape = (LEVEL, 1, DigitLayout::Greedy);
    for &rotation in rotations {
        let key = KeySwitchKey::generate(parameters, shape, [3; 32], None, || (), fill).unwrap();
        keys.insert(KeyKind::rotation(i64::from(rotation), parameters.n()), key);
    }
    keys
}

#[test]
fn a_failing_disk_stops_rotations_and_linear_transforms_with_an_error() {
    let parameters = tiny_for_tests(10, 48);
    let zero = || Poly::zero(parameters.n(), LEVEL + 1);
    let ciphertext = Ciphertext { level: LEVEL, scale: parameters.scale(), c0: zero(), c1: zero() };
    // Babies stay with the special primes in the first split and leave them before the products in the second.
    for (diagonals, span) in [(8, 4), (144, 9)] {
        let giants = split_rotations(&(0..diagonals).collect(), span);
        let rotations: Vec<i32> = (1..diagonals).collect();
        let map = LinearMap::new(&giants, &Ones);
        let store = Arc::new(KeyStore::create(&std::env::temp_dir()).unwrap());
        let mut keys = keys(&parameters, &rotations);
        let in_memory = keys.size_in_bytes();
        let want = Evaluator::new(&parameters, &keys).linear_transform(&ciphertext, &map).unwrap();
        let five = KeyKind::rotation(5, parameters.n());
        let place = |key: PlacedKey| {
            let moved = !matches!(key, PlacedKey::Shared(request) if request.kind == five);
            moved.then(|| store.clone())
        };
        keys.move_to_disk(&place).unwrap();
        assert_eq!(keys.size_in_bytes() * rotations.len(), in_memory);
        assert_eq!(keys.size_in_bytes() + keys.bytes_on_disk(), in_memory);
        let evaluator = Evaluator::new(&parameters, &keys);
        assert_eq!(evaluator.linear_transform(&ciphertext, &map).unwrap(), want);
        store.damage(100);
        let failures = [evaluator.rotate(&ciphertext, 1), evaluator.linear_transform(&ciphertext, &map)];
        for failure in failures {
            assert!(matches!(failure, Err(EvaluationError::KeyStore { action: "read", .. })), "{failure:?}");
        }
        assert!(evaluator.rotate(&ciphertext, 5).is_ok(), "a key in memory");
    }
}
