//! Linear transforms: encrypted against clear, and what they refuse.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up should say where")]

use std::collections::{BTreeMap, BTreeSet};

use fhecc_ckks::{
    Ciphertext, DiagonalSource, Encoder, EvaluationError, EvaluationKeys, Evaluator, Fold, GiantStep,
    KeyKind, KeyRequest, LinearMap, Parameters, ParametersLiteral, Scale, split_rotations,
};
use fhecc_client::{Decryptor, Encryptor, KeyGenerator, SecretKey, SeedSequence};

struct Diagonals(BTreeMap<i32, Vec<f64>>);

impl DiagonalSource for Diagonals {
    fn diagonal(&self, rotation: i32) -> Option<Vec<f64>> {
        self.0.get(&rotation).cloned()
    }
}

struct Setup {
    parameters: Parameters,
    secret: SecretKey,
}

impl Setup {
    fn new() -> Self {
        let parameters = Parameters::insecure_for_tests(ParametersLiteral {
            log_n: 11,
            base_bits: 40,
            slots_to_coeffs_bits: vec![28; 2],
            merged_bits: vec![],
            compute_bits: vec![31; 3],
            input_bits: vec![],
            raised_bits: vec![],
            eval_mod_bits: vec![],
            coeffs_to_slots_bits: vec![],
            special_bits: vec![48; 3],
            log_scale: 31,
            bootstrap: None,
        })
        .unwrap();
        let secret = SecretKey::generate(&parameters, &mut SeedSequence::deterministic([3; 32]));
        Self { parameters, secret }
    }

    fn rotation(&self, k: i32, level: usize, special_count: usize) -> KeyRequest {
        KeyRequest { kind: KeyKind::rotation(i64::from(k), self.parameters.n()), level, special_count }
    }

    fn keys(&self, requests: &[KeyRequest]) -> EvaluationKeys {
        KeyGenerator::new(&self.secret, SeedSequence::deterministic([4; 32]))
            .evaluation_keys(requests)
            .unwrap()
    }

    /// Keys for all rotations of a schedule.
    fn schedule_keys(&self, giants: &[GiantStep], level: usize, special_count: usize) -> Vec<KeyRequest> {
        let rotations: BTreeSet<i32> = giants
            .iter()
            .flat_map(|giant| giant.babies.iter().copied().chain([giant.rotation]))
            .filter(|&k| k != 0)
            .collect();
        rotations.into_iter().map(|k| self.rotation(k, level, special_count)).collect()
    }

    fn encrypt(&self, values: &[f64], level: usize) -> Ciphertext {
        let plaintext =
            Encoder::new(&self.parameters).encode(values, level, self.parameters.scale()).unwrap();
        Encryptor::new(&self.secret, SeedSequence::deterministic([5; 32])).encrypt(&plaintext).unwrap()
    }
}

fn waves(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|s| (seed + 0.37 * s as f64).sin()).collect()
}

/// The product in clear, diagonals repeated with their period.
fn apply(diagonals: &Diagonals, x: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; x.len()];
    for (&d, values) in &diagonals.0 {
        for (s, out) in out.iter_mut().enumerate() {
            *out +=
                values[s % values.len()] * x[(s as i64 + i64::from(d)).rem_euclid(x.len() as i64) as usize];
        }
    }
    out
}

#[test]
fn transforms_equal_the_clear_product_and_keep_the_scale() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    let x = waves(slots, 0.2);
    // Full diagonals, short periods, negative rotations, and a step without babies at rotation 0.
    let cases: [(Vec<i32>, usize, i32); 4] = [
        ((-4..=5).collect(), slots, 4),
        ((0..12).collect(), 16, 4),
        (vec![-96, -32, 3, 64], 1, 32),
        (vec![0], 64, 1),
    ];
    for (rotations, period, span) in cases {
        let diagonals = Diagonals(rotations.iter().map(|&d| (d, waves(period, f64::from(d)))).collect());
        let giants = split_rotations(&rotations.iter().copied().collect(), span);
        let keys = setup.keys(&setup.schedule_keys(&giants, 4, 2));
        let input = setup.encrypt(&x, 4);
        let map = LinearMap::new(&giants, &diagonals);
        let output = Evaluator::new(&setup.parameters, &keys).linear_transform(&input, &map).unwrap();
        assert_eq!(output.level(), 3);
        assert_eq!(output.scale().to_parts(), input.scale().to_parts());
        let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
        let error = found.iter().zip(apply(&diagonals, &x)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < f64::exp2(-16.0), "rotations {rotations:?}: 2^{:.1}", error.log2());
    }
}

/// Keys for the folds and the trace of an argument of `period`.
fn fold_keys(setup: &Setup, fold: Fold<'_>, level: usize) -> Vec<KeyRequest> {
    let n = setup.parameters.n();
    let trace = (1..fold.rotations.len()).map(|j| (fold.period << (j - 1)) as i32);
    let conjugation = KeyRequest { kind: KeyKind::conjugation(n), level, special_count: 2 };
    let rotations = fold.rotations.iter().copied().chain(trace);
    rotations.map(|k| setup.rotation(k, level, 2)).chain([conjugation]).collect()
}

#[test]
fn folded_maps_equal_the_clear_product_with_as_many_diagonals_in_one() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    // From a single copy of the argument, with one fold, to more copies than folds, and a period of one.
    let cases: [(usize, &[i32], &[i32]); 7] = [
        (slots, &[slots as i32 / 2], &[-33, 0, 1, 4, 70]),
        (slots / 2, &[96, 7], &[-1, 0, 1, 3]),
        (slots / 4, &[64, 128, 5], &[-40, -2, 0, 2, 37]),
        (slots / 4, &[64], &[0, 1, 2]),
        (slots / 8, &[3, 64], &[-9, 0, 17]),
        (16, &[8, 4, 2, 1, -1, 5, 3], &[-8, 0, 1]),
        (1, &[2], &[1]),
    ];
    for (period, folds, rotations) in cases {
        let x = waves(period, 0.2);
        let fold = Fold { period, rotations: folds };
        let mut sums = vec![0];
        folds.iter().for_each(|fold| sums.extend(sums.clone().iter().map(|sum| sum + fold)));
        // Sums that coincide are the same rotation, and asked for as often.
        let mut diagonals = BTreeMap::new();
        let mut want = vec![0.0; period];
        for rotation in rotations.iter().flat_map(|r| sums.iter().map(move |sum| r + sum)) {
            let mut diagonal = waves(period, 0.9 * f64::from(rotation));
            diagonal.iter_mut().for_each(|value| *value /= sums.len() as f64);
            let one = Diagonals(BTreeMap::from([(rotation, diagonal)]));
            want.iter_mut().zip(apply(&one, &x)).for_each(|(want, v)| *want += v);
            diagonals.extend(one.0);
        }
        let diagonals = Diagonals(diagonals);
        let giants = split_rotations(&rotations.iter().copied().collect(), 4);
        let mut requests = setup.schedule_keys(&giants, 4, 2);
        requests.extend(fold_keys(&setup, fold, 4));
        requests.retain(|request| request.kind != KeyKind::rotation(0, setup.parameters.n()));
        requests.sort_unstable();
        requests.dedup();
        let keys = setup.keys(&requests);
        let map = LinearMap { fold: Some(fold), ..LinearMap::new(&giants, &diagonals) };
        let inputs = [setup.encrypt(&x, 4), setup.encrypt(&waves(period, 0.7), 4)];
        let evaluator = Evaluator::new(&setup.parameters, &keys);
        let outputs = evaluator.linear_transforms_to(&inputs, &map, setup.parameters.scale()).unwrap();
        assert_eq!((outputs[0].level(), outputs[0].scale().to_parts()), (3, inputs[0].scale().to_parts()));
        assert!(evaluator.linear_transform(&inputs[1], &map).unwrap() == outputs[1]);
        let found = Decryptor::new(&setup.secret).decrypt_complex(&outputs[0]).unwrap();
        let error = |(k, found): (usize, &fhecc_ckks::Complex)| (found.re - want[k % period]).hypot(found.im);
        let error = found.iter().enumerate().map(error).fold(0.0, f64::max);
        assert!(error < f64::exp2(-14.0), "period {period}, folds {folds:?}: 2^{:.1}", error.log2());
    }
}

#[test]
fn without_a_rescale_the_level_stays_and_the_scales_multiply() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    let x = waves(slots, 0.2);
    let giants = split_rotations(&(-4..=5).collect(), 4);
    let keys = setup.keys(&setup.schedule_keys(&giants, 3, 2));
    let diagonals = Diagonals((-4..=5).map(|d| (d, waves(slots, f64::from(d)))).collect());
    let map = LinearMap { rescaled: false, ..LinearMap::new(&giants, &diagonals) };
    let (evaluator, input) = (Evaluator::new(&setup.parameters, &keys), setup.encrypt(&x, 2));
    let output = evaluator.linear_transform_to(&input, &map, Scale::from_pow2(70)).unwrap();
    assert_eq!((output.level(), output.scale().log2()), (2, 70.0));
    let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
    let error = found.iter().zip(apply(&diagonals, &x)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(error < f64::exp2(-16.0), "2^{:.1}", error.log2());
    // Nor does it need one: 40 bits are room for ten products of 18 and 16 bits.
    let plaintext = Encoder::new(&setup.parameters).encode(&x, 0, Scale::from_pow2(18)).unwrap();
    let mut encryptor = Encryptor::new(&setup.secret, SeedSequence::deterministic([6; 32]));
    let lowest = encryptor.encrypt(&plaintext).unwrap();
    let output = evaluator.linear_transform_to(&lowest, &map, Scale::from_pow2(34)).unwrap();
    assert_eq!(output.level(), 0);
    let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
    let error = found.iter().zip(apply(&diagonals, &x)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(error < f64::exp2(-5.0), "2^{:.1}", error.log2());
    // Level 2 has 96 bits.
    let wide = evaluator.linear_transform_to(&input, &map, Scale::from_pow2(97));
    assert!(matches!(wide, Err(EvaluationError::ScaleRange { .. })), "{wide:?}");
}

#[test]
fn results_are_gathered() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    let x = waves(slots, 0.4);
    let giants = split_rotations(&BTreeSet::from([0, 3]), 2);
    let diagonals = Diagonals(BTreeMap::from([(0, waves(slots, 1.0)), (3, waves(slots, 2.0))]));
    let gathers = [slots as i32 / 4, slots as i32 / 2];
    let mut requests = setup.schedule_keys(&giants, 4, 2);
    requests.extend(gathers.map(|k| setup.rotation(k, 4, 2)));
    let keys = setup.keys(&requests);
    let map = LinearMap { gathers: &gathers, ..LinearMap::new(&giants, &diagonals) };
    let evaluator = Evaluator::new(&setup.parameters, &keys);
    let output = evaluator.linear_transform(&setup.encrypt(&x, 4), &map).unwrap();
    let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
    let once = apply(&diagonals, &x);
    for (slot, found) in found.iter().enumerate() {
        let want: f64 = (0..4).map(|copy| once[(slot + copy * slots / 4) % slots]).sum();
        assert!((found - want).abs() < f64::exp2(-15.0), "slot {slot}: {found} instead of {want}");
    }
}

#[test]
fn folds_that_an_argument_has_no_room_for_are_refused() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    let keys = setup.keys(&[]);
    let giants = split_rotations(&BTreeSet::from([0]), 1);
    let diagonals = Diagonals(BTreeMap::from([(0, vec![1.0])]));
    for (period, rotations) in [(slots, &[1, 2][..]), (2 * slots, &[1]), (24, &[1]), (0, &[1]), (64, &[])] {
        let map = LinearMap { fold: Some(Fold { period, rotations }), ..LinearMap::new(&giants, &diagonals) };
        let refused =
            Evaluator::new(&setup.parameters, &keys).linear_transform(&setup.encrypt(&[0.5], 3), &map);
        assert!(matches!(refused, Err(EvaluationError::Argument { .. })), "{period} {rotations:?}");
    }
}

#[test]
fn several_inputs_give_what_each_gives_alone() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    let scale = setup.parameters.scale();
    // Babies that are computed where they are used, and babies that are divided first.
    for giants in [split_rotations(&(-4..=5).collect(), 4), dense_schedule()] {
        let keys = setup.keys(&setup.schedule_keys(&giants, 3, 3));
        let evaluator = Evaluator::new(&setup.parameters, &keys);
        let diagonals = Diagonals((-4..64).map(|d| (d, waves(slots, f64::from(d)))).collect());
        let map = LinearMap::new(&giants, &diagonals);
        let inputs = [0.1, 0.5, 0.9].map(|seed| setup.encrypt(&waves(slots, seed), 3));
        let together = evaluator.linear_transforms_to(&inputs, &map, scale).unwrap();
        assert_eq!(together.len(), inputs.len());
        for (input, found) in inputs.iter().zip(&together) {
            assert!(evaluator.linear_transform_to(input, &map, scale).unwrap() == *found);
        }
        assert!(together[0] != together[1]);
        assert!(evaluator.linear_transforms_to(&[], &map, scale).unwrap().is_empty());

        let lower = evaluator.drop_level(&inputs[1], 2).unwrap();
        let refused = evaluator.linear_transforms_to(&[inputs[0].clone(), lower], &map, scale);
        assert!(matches!(refused, Err(EvaluationError::Argument { .. })), "{refused:?}");
        let mut scaled = inputs[1].clone();
        scaled.set_scale(scale.mul(scale));
        let refused = evaluator.linear_transforms_to(&[inputs[0].clone(), scaled], &map, scale);
        assert!(matches!(refused, Err(EvaluationError::ScaleMismatch { .. })), "{refused:?}");
    }
}

/// The map of 64 diagonals in which the babies are divided by the special primes first.
fn dense_schedule() -> Vec<GiantStep> {
    split_rotations(&(0..64).collect(), 8)
}

#[test]
fn many_diagonals_of_different_periods_equal_the_clear_product() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    let x = waves(slots, 0.7);
    let giants = dense_schedule();
    let keys = setup.keys(&setup.schedule_keys(&giants, 3, 3));
    let input = setup.encrypt(&x, 3);
    for periods in [vec![slots], vec![slots / 4, 1, slots, 16, 2], vec![8, 256, 4]] {
        let diagonal = |d: i32| {
            let period = periods[d as usize % periods.len()];
            waves(period, f64::from(d)).iter().map(|v| v / 8.0).collect()
        };
        // One is zero, whose partner in the pair is not.
        let diagonals = Diagonals((0..64).filter(|&d| d != 21).map(|d| (d, diagonal(d))).collect());
        let map = LinearMap::new(&giants, &diagonals);
        let output = Evaluator::new(&setup.parameters, &keys).linear_transform(&input, &map).unwrap();
        let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
        let error = found.iter().zip(apply(&diagonals, &x)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < f64::exp2(-17.0), "periods {periods:?}: 2^{:.1}", error.log2());
    }
}

#[test]
fn the_noise_is_that_of_the_input_and_two_roundings() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    let x = waves(slots, 0.3);
    let giants = dense_schedule();
    let keys = setup.keys(&setup.schedule_keys(&giants, 3, 3));
    // Every slot sees weights of square sum 1.
    let sign = |d: i32| if d % 3 == 0 { -0.125 } else { 0.125 };
    let diagonals = Diagonals((0..64).map(|d| (d, vec![sign(d); slots])).collect());
    let map = LinearMap::new(&giants, &diagonals);
    let output =
        Evaluator::new(&setup.parameters, &keys).linear_transform(&setup.encrypt(&x, 3), &map).unwrap();
    let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
    let square: f64 = found.iter().zip(apply(&diagonals, &x)).map(|(a, b)| (a - b).powi(2)).sum();
    let rms = (square / slots as f64).sqrt() * setup.parameters.scale().to_f64();
    // Coefficients: encryption, division of the babies, division of the sum; the secret has 2N/3 nonzero ones.
    let n = setup.parameters.n() as f64;
    let rounding = (1.0 + 2.0 * n / 3.0) / 12.0;
    let expected = (n * (3.19f64.powi(2) + 2.0 * rounding)).sqrt();
    assert!((0.5..2.0).contains(&(rms / expected)), "{rms} for {expected}");
}

#[test]
fn zero_diagonals_are_skipped_and_an_empty_map_gives_zero() {
    let setup = Setup::new();
    let x = waves(setup.parameters.slots(), 1.0);
    let giants = split_rotations(&(0..8).collect(), 4);
    let keys = setup.keys(&setup.schedule_keys(&giants, 3, 3));
    let evaluator = Evaluator::new(&setup.parameters, &keys);
    let input = setup.encrypt(&x, 3);
    for diagonals in [Diagonals(BTreeMap::from([(2, vec![0.5])])), Diagonals(BTreeMap::new())] {
        let map = LinearMap::new(&giants, &diagonals);
        let found = Decryptor::new(&setup.secret)
            .decrypt(&evaluator.linear_transform(&input, &map).unwrap())
            .unwrap();
        let error = found.iter().zip(apply(&diagonals, &x)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < f64::exp2(-17.0), "2^{:.1}", error.log2());
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads_or_the_size_of_blocks() {
    let setup = Setup::new();
    let input = setup.encrypt(&waves(setup.parameters.slots(), 0.0), 3);
    for giants in [split_rotations(&(0..8).collect(), 4), dense_schedule()] {
        let rotations = giants.iter().flat_map(|giant| giant.babies.iter().map(|baby| giant.rotation + baby));
        let diagonal = |d: i32| (d, waves(setup.parameters.slots(), f64::from(d)));
        let diagonals = Diagonals(rotations.map(diagonal).collect());
        let keys = setup.keys(&setup.schedule_keys(&giants, 3, 3));
        let run = |threads: usize, block_bytes: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let map = LinearMap::new(&giants, &diagonals);
            let evaluator = Evaluator::new(&setup.parameters, &keys).with_block_bytes(block_bytes);
            pool.install(|| evaluator.linear_transform(&input, &map).unwrap())
        };
        let expected = run(1, 64 << 20);
        assert_eq!(run(3, 64 << 20), expected);
        // Two giant steps, one, and less than one at a time.
        let giant = 8 * setup.parameters.slots() * size_of::<u64>();
        for block_bytes in [2 * giant, giant, 1] {
            assert_eq!(run(3, block_bytes), expected);
        }
    }
}

#[test]
fn keys_of_another_shape_beside_the_right_ones_do_no_harm() {
    let setup = Setup::new();
    let diagonals = Diagonals((0..4).map(|d| (d, vec![1.0])).collect());
    let giants = split_rotations(&(0..4).collect(), 4);
    let map = LinearMap::new(&giants, &diagonals);
    let input = setup.encrypt(&[0.25], 2);
    let mut requests = setup.schedule_keys(&giants, 3, 3);
    requests.push(setup.rotation(1, 2, 2));
    let keys = setup.keys(&requests);
    let output = Evaluator::new(&setup.parameters, &keys).linear_transform(&input, &map).unwrap();
    let found = Decryptor::new(&setup.secret).decrypt(&output).unwrap();
    assert!(found.iter().all(|value| (value - 1.0).abs() < f64::exp2(-16.0)));
}

#[test]
fn missing_and_truncated_keys_are_refused() {
    let setup = Setup::new();
    let diagonals = Diagonals((0..3).map(|d| (d, vec![1.0])).collect());
    let giants = split_rotations(&(0..3).collect(), 4);
    let map = LinearMap::new(&giants, &diagonals);
    let run = |keys: &EvaluationKeys, level: usize| {
        Evaluator::new(&setup.parameters, keys).linear_transform(&setup.encrypt(&[0.5], level), &map)
    };
    let one = setup.keys(&[setup.rotation(1, 3, 2)]);
    assert!(matches!(run(&one, 3), Err(EvaluationError::KeyMissing { .. })));
    let both = setup.keys(&[setup.rotation(1, 3, 2), setup.rotation(2, 2, 2)]);
    assert!(run(&both, 2).is_ok());
    assert!(matches!(run(&both, 3), Err(EvaluationError::KeyAboveLevel { found: 3, allowed: 2, .. })));
    assert!(matches!(run(&both, 0), Err(EvaluationError::LevelTooLow { found: 0, needed: 1 })));
}

/// A schedule with keys for a part of its rotations, and the pairs that do the others.
struct Composed {
    giants: Vec<GiantStep>,
    pairs: Vec<(i64, i64)>,
    keys: Vec<i32>,
}

/// One whose babies stay multiplied by the special primes, and one whose babies are divided first.
fn composed_schedules() -> [Composed; 2] {
    let giants = split_rotations(&(-4..=7).collect(), 4);
    let few = Composed { giants, pairs: vec![(1, 2), (-6, 2), (2, 2)], keys: vec![1, 2, -6] };
    let pairs = vec![(4, 1), (4, 2), (4, 3), (8, 8), (24, 8), (40, 8)];
    [few, Composed { giants: dense_schedule(), pairs, keys: vec![1, 2, 3, 4, 8, 24, 40, 56] }]
}

#[test]
fn rotations_as_two_equal_the_clear_product_as_precisely() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    let x = waves(slots, 0.4);
    let input = setup.encrypt(&x, 3);
    for Composed { giants, pairs, keys: rotations } in composed_schedules() {
        let all = giants.iter().flat_map(|giant| giant.babies.iter().map(|baby| giant.rotation + baby));
        let diagonal = |d: i32| (d, waves(slots, f64::from(d)).iter().map(|v| v / 8.0).collect());
        let diagonals = Diagonals(all.map(diagonal).collect());
        let map = LinearMap::new(&giants, &diagonals);
        let expected = apply(&diagonals, &x);
        let error = |output: &Ciphertext| {
            let found = Decryptor::new(&setup.secret).decrypt(output).unwrap();
            let square: f64 = found.iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum();
            (square / slots as f64).sqrt()
        };
        let every = setup.keys(&setup.schedule_keys(&giants, 3, 3));
        let direct = Evaluator::new(&setup.parameters, &every).with_composites(pairs.clone());
        let direct = direct.linear_transform(&input, &map).unwrap();
        // A key of its own is used where there is one.
        let plain = Evaluator::new(&setup.parameters, &every).linear_transform(&input, &map).unwrap();
        assert_eq!(direct, plain);

        let keys: Vec<KeyRequest> = rotations.iter().map(|&k| setup.rotation(k, 3, 3)).collect();
        let keys = setup.keys(&keys);
        let run = |threads: usize, block_bytes: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let evaluator = Evaluator::new(&setup.parameters, &keys).with_block_bytes(block_bytes);
            let evaluator = evaluator.with_composites(pairs.clone());
            pool.install(|| evaluator.linear_transform(&input, &map).unwrap())
        };
        let composed = run(1, 64 << 20);
        assert_eq!(run(3, 1), composed);
        assert_eq!(composed.scale().to_parts(), direct.scale().to_parts());
        let (composed, direct) = (error(&composed), error(&direct));
        assert!(composed < 1.5 * direct, "{composed} instead of {direct}");
        assert!(direct < f64::exp2(-20.0), "2^{:.1}", direct.log2());
    }
}

#[test]
fn a_rotation_as_two_turns_by_their_sum() {
    let setup = Setup::new();
    let slots = setup.parameters.slots();
    let x = waves(slots, 0.9);
    let keys = setup.keys(&[setup.rotation(5, 2, 3), setup.rotation(-7, 2, 3)]);
    let evaluator = Evaluator::new(&setup.parameters, &keys).with_composites([(5, -7), (5, 5)]);
    let input = setup.encrypt(&x, 2);
    let together = evaluator.rotate_hoisted(&input, &[5, -2, 10, -7]).unwrap();
    for (found, k) in together.into_iter().zip([5i64, -2, 10, -7]) {
        assert_eq!(found, evaluator.rotate(&input, k).unwrap());
        let found = Decryptor::new(&setup.secret).decrypt(&found).unwrap();
        let turned = |s: usize| x[(s as i64 + k).rem_euclid(slots as i64) as usize];
        assert!(found.iter().enumerate().all(|(s, v)| (v - turned(s)).abs() < f64::exp2(-17.0)), "by {k}");
    }
}

#[test]
fn parts_without_keys_are_refused() {
    let setup = Setup::new();
    let run = |keys: &EvaluationKeys, rotation: i64| {
        let evaluator = Evaluator::new(&setup.parameters, keys).with_composites([(1, 2), (4, 4)]);
        evaluator.rotate(&setup.encrypt(&[0.5], 3), rotation)
    };
    for Composed { giants, pairs, keys: rotations } in composed_schedules() {
        let diagonals = Diagonals(BTreeMap::new());
        let map = LinearMap::new(&giants, &diagonals);
        for missing in &rotations {
            let others = rotations.iter().filter(|&k| k != missing);
            let keys: Vec<KeyRequest> = others.map(|&k| setup.rotation(k, 3, 3)).collect();
            let keys = setup.keys(&keys);
            let evaluator = Evaluator::new(&setup.parameters, &keys).with_composites(pairs.clone());
            let result = evaluator.linear_transform(&setup.encrypt(&[0.5], 3), &map);
            assert!(matches!(result, Err(EvaluationError::KeyMissing { .. })), "without {missing}");
        }
    }
    let low = setup.keys(&[setup.rotation(1, 3, 2), setup.rotation(2, 2, 2)]);
    assert!(matches!(run(&low, 3), Err(EvaluationError::KeyAboveLevel { found: 3, allowed: 2, .. })));
    assert!(matches!(run(&low, 8), Err(EvaluationError::KeyMissing { .. })));
}
