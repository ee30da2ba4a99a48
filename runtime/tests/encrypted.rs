//! The small plan on ciphertexts, against the clear backend, and its files. The ring is far too small to be
//! secure, so that this runs in seconds.

#![allow(dead_code, reason = "test support is shared between tests")]

#[path = "../../compiler/plan/tests/support/small_plan.rs"]
mod small_plan;

use fhecc_ckks::keys::{KeyStore, PlacedKey};
use fhecc_ckks::{Ciphertext, Encoder, EvaluationKeys, Parameters, SeededCiphertext};
use fhecc_client::{Decryptor, Encryptor, KeyGenerator, SecretKey, SeedSequence};
use fhecc_plan::{CheckedPlan, Plan, Rotation, Weights};
use fhecc_runtime::artefacts::{self, ArtefactError};
use fhecc_runtime::{Clear, Encrypted, Execution, ExitClass, all_key_requests, parameters_literal};
use small_plan::{compose_all, fold_all, pseudo, small_plan, unrescale_tail};
use std::path::Path;
use std::sync::Arc;

const LOG_N: u32 = 11;
const KEY_PAIR: [u8; 32] = [5; 32];

struct Owner {
    plan: CheckedPlan,
    weights: Weights,
    parameters: Parameters,
    secret: SecretKey,
    keys: EvaluationKeys,
}

impl Owner {
    fn new() -> Self {
        Self::of(small_plan(LOG_N))
    }

    fn of((plan, weights): (Plan, Weights)) -> Self {
        let plan = CheckedPlan::insecure_for_tests(plan).expect("good");
        let parameters =
            Parameters::insecure_for_tests(parameters_literal(&plan.parameters)).expect("in range");
        let secret = SecretKey::generate(&parameters, &mut SeedSequence::deterministic([1; 32]));
        let mut generator = KeyGenerator::new(&secret, SeedSequence::deterministic([2; 32]));
        let requests = all_key_requests(&plan, &parameters).expect("can bootstrap");
        let keys = generator.evaluation_keys_with_bootstrap(&requests).expect("in range");
        Self { plan, weights, parameters, secret, keys }
    }

    fn slots(&self, seed: u64) -> Vec<f64> {
        let layout = self.plan.input.layout;
        let tensor: Vec<f64> = (0..layout.len()).map(|i| pseudo(seed, i)).collect();
        layout.pack(&tensor, self.plan.parameters.slots())
    }

    fn encrypt(&self, slots: &[f64]) -> SeededCiphertext {
        let level = self.plan.steps[0].level.0.into();
        let encoder = Encoder::new(&self.parameters);
        let plaintext = encoder.encode(slots, level, self.parameters.scale()).expect("encodes");
        let mut encryptor = Encryptor::new(&self.secret, SeedSequence::deterministic([3; 32]));
        encryptor.encrypt_seeded(&plaintext).expect("encrypts")
    }

    /// The output for `input`, which is the same on one thread and on three.
    fn on_any_threads(&self, input: &Ciphertext) -> Ciphertext {
        let backend = Encrypted::new(&self.plan, &self.parameters, &self.keys);
        let execution = Execution::new(&self.plan, &self.weights, backend).expect("its own weights");
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| execution.run(vec![input.clone()], &mut ()).expect("runs").0.remove(0))
        };
        let output = run(1);
        assert!(output == run(3), "the result depends on the number of threads");
        output
    }

    fn clear_logits(&self, slots: &[f64]) -> Vec<f64> {
        let backend = Clear::new(&self.plan);
        let input = backend.input(vec![slots.to_vec()], self.plan.steps[0].level.0).expect("slots");
        let execution = Execution::new(&self.plan, &self.weights, backend).expect("its own weights");
        let (output, trace) = execution.run(input, &mut ()).expect("runs");
        assert_eq!(trace.alarms().count(), 0);
        self.plan.output.layout.unpack(&output.images()[0])
    }
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |largest: f64, (a, b)| largest.max((a - b).abs()))
}

#[test]
fn encrypted_logits_equal_clear_ones_through_files() {
    let owner = Owner::new();
    let (plan, parameters) = (&owner.plan, &owner.parameters);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);

    // The owner writes, the server reads.
    artefacts::write_evaluation_keys(&file("keys"), plan, parameters, KEY_PAIR, &owner.keys)
        .expect("written");
    let slots = owner.slots(1);
    let identity = artefacts::identity(plan, parameters, KEY_PAIR).expect("sealed");
    artefacts::write_input(&file("input"), identity, parameters, &owner.encrypt(&slots)).expect("written");
    let (header, keys) =
        artefacts::read_evaluation_keys(&file("keys"), plan, parameters, None).expect("its own file");
    assert!(keys == owner.keys);
    let store = Arc::new(KeyStore::create(folder.path()).expect("a folder that can be written"));
    let place = |key| matches!(key, PlacedKey::Shared(_)).then(|| store.clone());
    let (_, keys) = artefacts::read_evaluation_keys_placed(&file("keys"), plan, parameters, None, &place)
        .expect("its own file");
    assert!(keys == owner.keys && keys.bytes_on_disk() > 0);
    artefacts::write_evaluation_keys(&file("again"), plan, parameters, KEY_PAIR, &keys).expect("written");
    assert!(std::fs::read(file("again")).expect("bytes") == std::fs::read(file("keys")).expect("bytes"));
    let (_, input) = artefacts::read_input(&file("input"), plan, parameters, Some(header.identity.keys))
        .expect("its own file");

    let backend = Encrypted::new(plan, parameters, &keys);
    let execution = Execution::new(plan, &owner.weights, backend).expect("its own weights");
    let (outputs, trace) = execution.run(vec![input], &mut ()).expect("runs");
    let [output] = outputs.try_into().expect("one image");
    assert_eq!(trace.entries.len(), plan.steps.len());
    artefacts::write_output(&file("output"), identity, parameters, &output).expect("written");

    // The owner reads the server's answer.
    let (_, output) =
        artefacts::read_output(&file("output"), plan, parameters, Some(KEY_PAIR)).expect("its own");
    let decrypted = Decryptor::new(&owner.secret).decrypt(&output).expect("decrypts");
    let (found, expected) = (plan.output.layout.unpack(&decrypted), owner.clear_logits(&slots));
    let error = largest_difference(&found, &expected);
    assert!(error < 1e-3, "{error}: {found:?} {expected:?}");

    files_of_others_are_refused(&owner, folder.path());
    damage_is_noticed(&owner, folder.path());
}

#[test]
fn evaluations_at_the_same_time_give_the_ciphertexts_of_one_after_the_other() {
    let owner = Owner::new();
    let level = owner.plan.steps[0].level.0.into();
    let encoder = Encoder::new(&owner.parameters);
    let mut encryptor = Encryptor::new(&owner.secret, SeedSequence::deterministic([4; 32]));
    let mut input = |seed| {
        let slots = owner.slots(seed);
        let plaintext = encoder.encode(&slots, level, owner.parameters.scale()).expect("encodes");
        encryptor.encrypt(&plaintext).expect("encrypts")
    };
    let inputs = [input(1), input(2)];
    let backend = Encrypted::new(&owner.plan, &owner.parameters, &owner.keys);
    let execution = Execution::new(&owner.plan, &owner.weights, backend).expect("its own weights");
    let run = |inputs: &[Ciphertext]| execution.run(inputs.to_vec(), &mut ()).expect("runs").0;
    let on_one_thread = |input: &Ciphertext| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        pool.install(|| run(std::slice::from_ref(input))).remove(0)
    };
    // First at the same time, so that both find nothing prepared.
    let together: Vec<Ciphertext> = std::thread::scope(|scope| {
        let running = inputs.each_ref().map(|input| scope.spawn(|| on_one_thread(input)));
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    for (input, found) in inputs.iter().zip(&together) {
        assert!(run(std::slice::from_ref(input)) == std::slice::from_ref(found), "another ciphertext");
    }
    assert!(run(&inputs) == together, "images of a batch depend on one another");
    assert!(together[0] != together[1]);
}

#[test]
fn rotations_as_two_give_the_same_logits_with_fewer_keys() {
    let all = Owner::new();
    let (mut plan, weights) = small_plan(LOG_N);
    compose_all(&mut plan);
    let owner = Owner::of((plan, weights));
    assert!(owner.plan.keys.len() * 2 < all.plan.keys.len());
    assert!(owner.keys.size_in_bytes() < all.keys.size_in_bytes());
    let moved = |giants: bool| {
        let maps = owner.plan.linears.iter();
        let rotations: Vec<Rotation> =
            maps.flat_map(|map| if giants { &map.giants } else { &map.babies }).copied().collect();
        owner.plan.composites_of(&rotations).count()
    };
    assert!(moved(true) > 0 && moved(false) > 0);

    let slots = owner.slots(1);
    let input = owner.encrypt(&slots).expand(&owner.parameters);
    let output = owner.on_any_threads(&input);
    let decrypted = Decryptor::new(&owner.secret).decrypt(&output).expect("decrypts");
    let (found, expected) = (owner.plan.output.layout.unpack(&decrypted), all.clear_logits(&slots));
    assert_eq!(owner.clear_logits(&slots), expected);
    let error = largest_difference(&found, &expected);
    assert!(error < 1e-3, "{error}: {found:?} {expected:?}");
}

#[test]
fn folded_arguments_give_the_same_logits_with_fewer_products() {
    let all = Owner::new();
    let (mut plan, weights) = small_plan(LOG_N);
    fold_all(&mut plan);
    let folds: usize = plan.linears.iter().map(|map| map.folds.len()).sum();
    assert!(folds > 8 && plan.linears.iter().any(|map| map.gathers > 1));
    let diagonals = |plan: &Plan| plan.linears.iter().map(|map| map.diagonals).sum::<u32>();
    assert!(diagonals(&plan) * 4 < diagonals(&all.plan));
    let owner = Owner::of((plan, weights));

    let slots = owner.slots(1);
    let input = owner.encrypt(&slots).expand(&owner.parameters);
    let output = owner.on_any_threads(&input);
    let decrypted = Decryptor::new(&owner.secret).decrypt(&output).expect("decrypts");
    let (found, expected) = (owner.plan.output.layout.unpack(&decrypted), all.clear_logits(&slots));
    let clear = owner.clear_logits(&slots);
    assert!(largest_difference(&clear, &expected) < 1e-12, "{clear:?} {expected:?}");
    let error = largest_difference(&found, &expected);
    assert!(error < 1e-3, "{error}: {found:?} {expected:?}");

    // Diagonals that are held give the same ciphertext, whether they were encoded before or at the first use.
    let (mut plan, weights) = small_plan(LOG_N);
    fold_all(&mut plan);
    plan.memory.encoded_diagonals = true;
    plan.seal().expect("finite");
    let plan = CheckedPlan::insecure_for_tests(plan).expect("good");
    for before in [true, false] {
        let backend = Encrypted::new(&plan, &owner.parameters, &owner.keys);
        let execution = Execution::new(&plan, &weights, backend).expect("its own weights");
        if before {
            execution.prepare().expect("encodes");
        }
        assert_eq!(execution.backend().held_bytes() > 0, before);
        let held = execution.run(vec![input.clone()], &mut ()).expect("runs").0.remove(0);
        assert!(held == output, "another ciphertext");
        assert!(execution.backend().held_bytes() > 0);
    }
}

#[test]
fn an_end_without_rescales_gives_the_clear_logits() {
    for fold in [false, true] {
        let (mut plan, weights) = small_plan(LOG_N);
        unrescale_tail(&mut plan);
        if fold {
            fold_all(&mut plan);
            plan.memory.encoded_diagonals = true;
            plan.seal().expect("finite");
        }
        let owner = Owner::of((plan, weights));
        let slots = owner.slots(1);
        let output = owner.on_any_threads(&owner.encrypt(&slots).expand(&owner.parameters));
        assert_eq!((output.level(), output.scale().log2()), (2, 94.0));
        let decrypted = Decryptor::new(&owner.secret).decrypt(&output).expect("decrypts");
        let (found, expected) = (owner.plan.output.layout.unpack(&decrypted), owner.clear_logits(&slots));
        let error = largest_difference(&found, &expected);
        assert!(error < 1e-2, "{error}: {found:?} {expected:?}");
    }
}

fn files_of_others_are_refused(owner: &Owner, folder: &Path) {
    let (plan, parameters) = (&owner.plan, &owner.parameters);
    let class = |result: Result<(), ArtefactError>| result.expect_err("must be refused").exit_class();
    let keys =
        |plan, pair| artefacts::read_evaluation_keys(&folder.join("keys"), plan, parameters, pair).map(drop);
    let input = |plan, pair| artefacts::read_input(&folder.join("input"), plan, parameters, pair).map(drop);
    let output =
        |plan, pair| artefacts::read_output(&folder.join("output"), plan, parameters, pair).map(drop);
    let other_pair = Some([6; 32]);
    assert_eq!(class(keys(plan, other_pair)), ExitClass::Mismatch);
    assert_eq!(class(input(plan, other_pair)), ExitClass::Mismatch);
    assert_eq!(class(output(plan, other_pair)), ExitClass::Mismatch);

    let mut other = small_plan(LOG_N).0;
    other.network.name.push('2');
    other.seal().expect("finite");
    let other = CheckedPlan::insecure_for_tests(other).expect("good");
    for result in [keys(&other, None), input(&other, None), output(&other, None)] {
        assert_eq!(class(result), ExitClass::Mismatch);
    }
    // One kind of file in place of another.
    let swapped = artefacts::read_input(&folder.join("output"), plan, parameters, None).map(drop);
    assert_eq!(class(swapped), ExitClass::Mismatch);
    let swapped = artefacts::read_evaluation_keys(&folder.join("input"), plan, parameters, None).map(drop);
    assert_eq!(class(swapped), ExitClass::Mismatch);
}

fn damage_is_noticed(owner: &Owner, folder: &Path) {
    let good = std::fs::read(folder.join("input")).expect("readable");
    let path = folder.join("damaged");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        artefacts::read_input(&path, &owner.plan, &owner.parameters, None).map(drop).expect_err("damaged")
    };
    for turn in 0..200u64 {
        let at = (turn * 7_919 + turn * turn * 31) as usize % good.len();
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (turn % 8);
        assert_eq!(read(&bytes).exit_class(), ExitClass::Integrity, "byte {at}");
        assert_eq!(read(&good[..at]).exit_class(), ExitClass::Integrity, "cut at {at}");
    }
}
