//! What bootstraps take: time, keys and memory for every choice of rotations, on one thread and on two, with keys on disk,
//! and with transformed matrices.

use super::{hundredths, milliseconds, pool};
use crate::bench::timing::{Clock, median_of, once, rounds};
use crate::bench::workbench::{Workbench, refused};
use crate::error::Failure;
use crate::keys::key_store;
use crate::progress::Spinner;
use fhecc_ckks::bootstrap::BootstrapKeyRequest;
use fhecc_ckks::keys::KeyStore;
use fhecc_ckks::{Ciphertext, EvaluationKeys, Evaluator, Parameters, memory};
use fhecc_plan::{
    BootstrapCosts, BootstrapRotations, BootstrapSpec, Costs, KeyGroup, Profile, TransformedCosts,
};
use fhecc_runtime::{bootstrap_key_group_names, bootstrap_key_groups};
use rayon::ThreadPool;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is timed in every round: every choice of rotations on two threads, the first one also on one, by both clocks,
/// and on two from disk.
const VARIANTS: usize = BootstrapRotations::ALL.len();
const ONE_THREAD: usize = VARIANTS;
const WALL_OF_ONE: usize = VARIANTS + 1;
const FROM_DISK: usize = VARIANTS + 2;
const TIMED: usize = VARIANTS + 3;

/// Measures `repeats` rounds and fills in `costs`.
pub(super) fn measure(
    profile: &Profile,
    one: &ThreadPool,
    repeats: usize,
    costs: &mut Costs,
) -> Result<(), Failure> {
    let _spinner = Spinner::new("bootstraps");
    let two = pool(2)?;
    let variants = BootstrapRotations::ALL.map(|rotations| Variant::new(profile, rotations));
    let variants: Vec<Variant> = variants.into_iter().collect::<Result<_, _>>()?;
    let [hoisted, ..] = variants.as_slice() else { return Ok(()) };
    let stored = Stored::new(hoisted)?;
    let timed = rounds::<TIMED>(repeats, |which| match which {
        ONE_THREAD => hoisted.seconds(&hoisted.keys, one, Clock::Thread),
        WALL_OF_ONE => hoisted.seconds(&hoisted.keys, one, Clock::Wall),
        FROM_DISK => hoisted.seconds(&stored.keys, &two, Clock::Wall),
        variant => variants[variant].seconds(&variants[variant].keys, &two, Clock::Wall),
    })?;
    let mut groups = vec![stored.groups()];
    let ratio = |a: usize, b: usize| median_of(&timed, |round| round[a] / round[b]);
    costs.bootstrap_ms = milliseconds(median_of(&timed, |round| round[ONE_THREAD]));
    costs.second_core = hundredths(ratio(WALL_OF_ONE, 0).max(1.0));
    // What cannot be told from noise is taken for a hundredth of the time.
    let seconds = (ratio(FROM_DISK, 0) - 1.0).max(0.01) * median_of(&timed, |round| round[0]);
    let read: u64 = groups.iter().flatten().map(|group| group.read_bytes).sum();
    costs.disk_mib_per_s = (read as f64 / f64::from(1 << 20) / seconds).round().max(1.0);
    drop(stored);
    for variant in &variants[1..] {
        groups.push(Stored::new(variant)?.groups());
    }
    costs.bootstraps.clear();
    for ((index, variant), keys) in variants.iter().enumerate().zip(groups) {
        let (scratch, scratch_of_two) = (variant.scratch(one)?, variant.scratch(&two)?);
        let transformed = variant.transformed(profile, BootstrapRotations::ALL[index], (&two, repeats))?;
        costs.bootstraps.push(BootstrapCosts {
            rotations: BootstrapRotations::ALL[index],
            relative: hundredths(ratio(index, 0)),
            plaintext_bytes: matrix_bytes(&variant.bench),
            transformed: Some(transformed),
            scratch_bytes: scratch as u64,
            thread_bytes: scratch_of_two.saturating_sub(scratch) as u64,
            keys,
        });
    }
    Ok(())
}

fn workbench(
    profile: &Profile,
    rotations: BootstrapRotations,
    transformed: bool,
) -> Result<Workbench, Failure> {
    let spec = BootstrapSpec { rotations, ..profile.bootstrap.clone() };
    let bench = Workbench::new(&Profile { bootstrap: spec, ..profile.clone() }, false)?;
    bench.parameters.prepare_bootstrap(transformed).map_err(|e| refused(&e))?;
    Ok(bench)
}

fn matrix_bytes(bench: &Workbench) -> u64 {
    bench.parameters.bootstrap_matrix_bytes().unwrap_or(0) as u64
}

fn seconds(
    (parameters, keys): (&Parameters, &EvaluationKeys),
    argument: &Ciphertext,
    (pool, clock): (&ThreadPool, Clock),
) -> Result<f64, Failure> {
    let evaluator = Evaluator::new(parameters, keys);
    let work = || evaluator.bootstrap(argument).map(drop).map_err(|e| refused(&e));
    pool.install(|| once(clock, work))
}

/// Bootstraps with one choice of rotations.
struct Variant {
    bench: Workbench,
    keys: EvaluationKeys,
    argument: Ciphertext,
}

impl Variant {
    fn new(profile: &Profile, rotations: BootstrapRotations) -> Result<Self, Failure> {
        let bench = workbench(profile, rotations, false)?;
        let keys = bench.bootstrap_keys(&|_| None)?;
        let argument = bench.ciphertext(bench.parameters.slots_to_coeffs_top_level())?;
        Ok(Self { bench, keys, argument })
    }

    fn seconds(&self, keys: &EvaluationKeys, pool: &ThreadPool, clock: Clock) -> Result<f64, Failure> {
        seconds((&self.bench.parameters, keys), &self.argument, (pool, clock))
    }

    /// What transformed matrices change, from alternating rounds.
    fn transformed(
        &self,
        profile: &Profile,
        rotations: BootstrapRotations,
        (pool, repeats): (&ThreadPool, usize),
    ) -> Result<TransformedCosts, Failure> {
        let other = workbench(profile, rotations, true)?;
        let timed = rounds::<2>(repeats, |which| match which {
            0 => self.seconds(&self.keys, pool, Clock::Wall),
            _ => seconds((&other.parameters, &self.keys), &self.argument, (pool, Clock::Wall)),
        })?;
        let relative = hundredths(median_of(&timed, |round| round[1] / round[0]));
        Ok(TransformedCosts { relative, bytes: matrix_bytes(&other) })
    }

    /// Bytes of polynomials that it takes besides its argument and its matrices, at most.
    fn scratch(&self, pool: &ThreadPool) -> Result<usize, Failure> {
        let before = memory::in_use();
        memory::reset_peak();
        self.seconds(&self.keys, pool, Clock::Wall)?;
        Ok(memory::peak() - before)
    }
}

/// The keys of a bootstrap on disk, every group in a store of its own.
struct Stored {
    keys: EvaluationKeys,
    /// With the number of keys.
    stores: BTreeMap<String, (Arc<KeyStore>, usize)>,
    /// Bytes of every group that the first bootstrap read.
    read: BTreeMap<String, u64>,
}

impl Stored {
    /// Puts them there and bootstraps once.
    fn new(variant: &Variant) -> Result<Self, Failure> {
        let parameters = &variant.bench.parameters;
        let groups = bootstrap_key_groups(parameters).map_err(|e| refused(&e))?;
        let name = bootstrap_key_group_names(parameters).map_err(|e| refused(&e))?;
        let store =
            |(name, requests): (String, Vec<BootstrapKeyRequest>)| Ok((name, (key_store()?, requests.len())));
        let stores: BTreeMap<_, _> = groups.into_iter().map(store).collect::<Result<_, Failure>>()?;
        let keys = variant.bench.bootstrap_keys(&|key| Some(stores.get(&name(key)?)?.0.clone()))?;
        variant.seconds(&keys, &pool(1)?, Clock::Wall)?;
        let read = stores.iter().map(|(name, (store, _))| (name.clone(), store.bytes_read())).collect();
        Ok(Self { keys, stores, read })
    }

    fn groups(&self) -> Vec<KeyGroup> {
        let group = |(name, (store, count)): (&String, &(Arc<KeyStore>, usize))| KeyGroup {
            name: name.clone(),
            count: u32::try_from(*count).unwrap_or(u32::MAX),
            bytes: store.size_in_bytes(),
            read_bytes: self.read.get(name).copied().unwrap_or(0),
        };
        self.stores.iter().map(group).collect()
    }
}
