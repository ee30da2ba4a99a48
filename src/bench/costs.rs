//! The cost table of a profile, measured: what `fhecc tune` writes.

mod bootstraps;

use super::linear_map;
use super::primitives::relinearisation;
use super::timing::{Clock, try_times};
use super::workbench::{Workbench, refused};
use crate::error::Failure;
use crate::progress::Spinner;
use fhecc_ckks::bootstrap::key_plan;
use fhecc_ckks::{Ciphertext, Evaluator};
use fhecc_plan::{Costs, LevelCosts, Profile};
use rayon::ThreadPool;

/// Measures the time of one thread, as it typically is: medians. Profiles that cannot bootstrap keep what they say of it.
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
        bootstraps::measure(profile, &one, repeats, &mut costs)?;
    }
    Ok(costs)
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
        rotation_ms: milliseconds(rotation.median),
        multiply_ms: milliseconds(product.median),
    })
}

fn hundredths(ratio: f64) -> f64 {
    ((ratio * 100.0).round() / 100.0).max(0.01)
}

/// Microseconds are exact enough, and never nothing.
fn milliseconds(seconds: f64) -> f64 {
    ((seconds * 1e6).round() / 1e3).max(1e-3)
}
