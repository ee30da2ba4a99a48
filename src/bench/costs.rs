//! The cost table of a profile, measured: what `fhecc tune` writes.

use super::linear_map;
use super::primitives::relinearisation;
use super::timing::{Clock, try_times};
use super::workbench::{Workbench, refused};
use crate::error::Failure;
use crate::keys::key_store;
use crate::progress::Spinner;
use fhecc_ckks::bootstrap::{BootstrapKeyRequest, BootstrapKeys, key_plan};
use fhecc_ckks::{Ciphertext, EvaluationKeys, Evaluator, KeyRequest, memory};
use fhecc_plan::{BootstrapCosts, BootstrapRotations, BootstrapSpec, Costs, KeyGroup, LevelCosts, Profile};
use fhecc_runtime::bootstrap_key_groups;
use rayon::ThreadPool;

/// Measures the time of one thread, the fastest of `repeats` runs of everything: what else the machine does at the time is
/// no property of the program. Profiles that cannot bootstrap keep what they say of it.
pub(crate) fn measure(profile: &Profile, repeats: usize) -> Result<Costs, Failure> {
    let (bench, known) = (&Workbench::new(profile, false)?, &profile.costs);
    let one = pool(1)?;
    let mut levels = Vec::new();
    for level in levels_of(bench) {
        let _spinner = Spinner::new(&format!("operations at level {level}"));
        let mut requests = linear_map::key_requests(&bench.parameters, level);
        requests.push(relinearisation(bench, level));
        let keys = bench.keys(&requests)?;
        let evaluator = Evaluator::new(&bench.parameters, &keys);
        let x = bench.ciphertext(level)?;
        levels.push(one.install(|| at_level(bench, &evaluator, &x, repeats))?);
    }
    let mut costs = Costs { levels, ..known.clone() };
    if key_plan(&bench.parameters).is_ok() {
        bootstraps(profile, &one, repeats, &mut costs)?;
    }
    Ok(costs)
}

/// Measures a bootstrap with every choice of rotations: its time, its keys, and the memory it takes on one thread and on
/// two.
fn bootstraps(profile: &Profile, one: &ThreadPool, repeats: usize, costs: &mut Costs) -> Result<(), Failure> {
    let two = pool(2)?;
    costs.bootstraps.clear();
    for rotations in BootstrapRotations::ALL {
        let _spinner = Spinner::new(&format!("bootstraps, {rotations:?}"));
        let spec = BootstrapSpec { rotations, ..profile.bootstrap.clone() };
        let bench = Workbench::new(&Profile { bootstrap: spec, ..profile.clone() }, false)?;
        bench.parameters.prepare_bootstrap().map_err(|e| refused(&e))?;
        let keys = bench.bootstrap_keys(None)?;
        let timed = Bootstrap { bench: &bench, repeats };
        let on_one = timed.run(&keys, one, Clock::Thread)?;
        let on_two = timed.run(&keys, &two, Clock::Wall)?;
        if rotations == BootstrapRotations::Hoisted {
            costs.bootstrap_ms = milliseconds(on_one.seconds);
            let wall = timed.run(&keys, one, Clock::Wall)?.seconds;
            costs.second_core = hundredths((wall / on_two.seconds).max(1.0));
            costs.tight_memory = timed.slowdown_where_tight(&keys, &two, &on_two)?;
            costs.disk_mib_per_s = timed.disk_mib_per_s(&two, &on_two)?;
        }
        costs.bootstraps.push(BootstrapCosts {
            rotations,
            relative: hundredths(milliseconds(on_one.seconds) / costs.bootstrap_ms),
            plaintext_bytes: bench.parameters.bootstrap_matrix_bytes().unwrap_or(0) as u64,
            scratch_bytes: on_one.scratch as u64,
            thread_bytes: on_two.scratch.saturating_sub(on_one.scratch) as u64,
            keys: key_groups(&bench, &keys)?,
        });
    }
    Ok(())
}

/// Bootstraps to be measured.
struct Bootstrap<'a> {
    bench: &'a Workbench,
    repeats: usize,
}

/// What a bootstrap took: time, and bytes of polynomials besides its argument and its matrices.
struct Taken {
    seconds: f64,
    scratch: usize,
}

impl Bootstrap<'_> {
    fn run(&self, keys: &EvaluationKeys, pool: &ThreadPool, clock: Clock) -> Result<Taken, Failure> {
        let parameters = &self.bench.parameters;
        let evaluator = Evaluator::new(parameters, keys);
        let x = self.bench.ciphertext(parameters.slots_to_coeffs_top_level())?;
        let work = || evaluator.bootstrap(&x).map(drop).map_err(|e| refused(&e));
        let before = memory::in_use();
        memory::reset_peak();
        let seconds = pool.install(|| try_times(clock, self.repeats, work))?.best;
        Ok(Taken { seconds, scratch: memory::peak() - before })
    }

    /// How many times as long it takes if there is no more memory than it needs.
    fn slowdown_where_tight(
        &self,
        keys: &EvaluationKeys,
        pool: &ThreadPool,
        otherwise: &Taken,
    ) -> Result<f64, Failure> {
        memory::set_limit(memory::in_use() + otherwise.scratch);
        let tight = self.run(keys, pool, Clock::Wall);
        memory::set_limit(usize::MAX);
        Ok(hundredths((tight?.seconds / otherwise.seconds).max(1.0)))
    }

    /// The rate at which keys are read, if the system has the memory to cache them, from there. What cannot be told from
    /// noise is taken for a hundredth of the time.
    fn disk_mib_per_s(&self, pool: &ThreadPool, otherwise: &Taken) -> Result<f64, Failure> {
        let keys = self.bench.bootstrap_keys(Some(&key_store()?))?;
        let slower = self.run(&keys, pool, Clock::Wall)?.seconds - otherwise.seconds;
        let mib = keys.bytes_on_disk() as f64 / f64::from(1 << 20);
        Ok((mib / slower.max(otherwise.seconds / 100.0)).round().max(1.0))
    }
}

fn key_groups(bench: &Workbench, keys: &EvaluationKeys) -> Result<Vec<KeyGroup>, Failure> {
    let groups = bootstrap_key_groups(&bench.parameters).map_err(|e| refused(&e))?;
    let group = |(name, requests): (String, Vec<BootstrapKeyRequest>)| {
        let mut bytes = 0;
        for request in &requests {
            bytes += match request.shared() {
                Some(KeyRequest { kind, level, special_count }) => {
                    keys.get_special(kind, level, special_count).map_err(|e| refused(&e))?.size_in_bytes()
                }
                None => 0,
            };
        }
        if requests.iter().any(|request| request.shared().is_none()) {
            bytes += keys.bootstrap().map_or(0, BootstrapKeys::size_in_bytes);
        }
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        Ok(KeyGroup { name, count, bytes: bytes as u64 })
    };
    groups.into_iter().map(group).collect()
}

fn pool(threads: usize) -> Result<ThreadPool, Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Failure::resources(format!("{threads} threads cannot be started: {e}.")))
}

/// Every level at which layers compute. Higher ones follow in proportion.
fn levels_of(bench: &Workbench) -> Vec<usize> {
    let lowest = bench.parameters.slots_to_coeffs_top_level();
    (lowest.max(1)..=bench.parameters.compute_top_level()).collect()
}

fn at_level(
    bench: &Workbench,
    evaluator: &Evaluator<'_>,
    x: &Ciphertext,
    repeats: usize,
) -> Result<LevelCosts, Failure> {
    let rotation =
        try_times(Clock::Thread, repeats, || evaluator.rotate(x, 1).map(drop).map_err(|e| refused(&e)))?;
    let product =
        try_times(Clock::Thread, repeats, || evaluator.mul_rescale(x, x).map(drop).map_err(|e| refused(&e)))?;
    let parts = linear_map::measure(bench, evaluator, x, (Clock::Thread, repeats))?;
    Ok(LevelCosts {
        level: u8::try_from(x.level()).unwrap_or(u8::MAX),
        linear_ms: milliseconds(parts.base),
        baby_ms: milliseconds(parts.baby),
        giant_ms: milliseconds(parts.giant),
        diagonal_ms: milliseconds(parts.diagonal),
        rotation_ms: milliseconds(rotation.best),
        multiply_ms: milliseconds(product.best),
    })
}

fn hundredths(ratio: f64) -> f64 {
    ((ratio * 100.0).round() / 100.0).max(0.01)
}

/// Microseconds are exact enough, and never nothing.
fn milliseconds(seconds: f64) -> f64 {
    ((seconds * 1e6).round() / 1e3).max(1e-3)
}
