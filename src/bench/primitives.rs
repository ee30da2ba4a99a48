//! The operations on ciphertexts, at several levels.

use super::linear_map;
use super::timing::{Clock, Times, try_times};
use super::workbench::{Workbench, refused};
use super::{rounded, shown};
use crate::error::Failure;
use crate::output;
use crate::progress::Spinner;
use fhecc_ckks::{EvaluationError, Evaluator, KeyKind, KeyRequest};
use serde::Serialize;

/// Rotations that share one decomposition.
const HOISTED: i64 = 7;

/// One operation at one level.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Primitive {
    level: usize,
    limbs: usize,
    name: &'static str,
    median_ms: f64,
    quartiles_ms: Option<[f64; 2]>,
    runs: usize,
}

/// All operations.
#[derive(Debug, Serialize)]
pub(crate) struct Primitives {
    threads: usize,
    expanded_keys: bool,
    rows: Vec<Primitive>,
}

/// The levels to measure at: the lowest compute level, the highest, the highest of the modular reduction, the top.
pub(crate) fn default_levels(bench: &Workbench) -> Vec<usize> {
    let p = &bench.parameters;
    let levels =
        [p.slots_to_coeffs_top_level() + 1, p.compute_top_level(), p.eval_mod_top_level(), p.max_level()];
    let mut levels = levels.to_vec();
    levels.dedup();
    levels
}

/// Measures.
pub(crate) fn measure(bench: &Workbench, levels: &[usize], repeats: usize) -> Result<Primitives, Failure> {
    let mut rows = Vec::new();
    let mut expanded_keys = false;
    for &level in levels {
        let _spinner = Spinner::new(&format!("operations at level {level}"));
        let keys = bench.keys(&requests(bench, level))?;
        expanded_keys = keys.iter().any(|(_, levels)| levels.keys().iter().any(|k| k.is_expanded()));
        at_level(bench, &Evaluator::new(&bench.parameters, &keys), level, repeats, &mut rows)?;
    }
    Ok(Primitives { threads: rayon::current_num_threads(), expanded_keys, rows })
}

fn requests(bench: &Workbench, level: usize) -> Vec<KeyRequest> {
    let mut requests = linear_map::key_requests(&bench.parameters, level);
    requests.push(relinearisation(bench, level));
    requests
}

/// The key for products, shaped like those of plans: the one that a bootstrap brings along, or where that has other
/// limbs, one with all special primes.
pub(crate) fn relinearisation(bench: &Workbench, level: usize) -> KeyRequest {
    let parameters = &bench.parameters;
    let top = level.max(parameters.eval_mod_top_level());
    let brought = parameters.lowest_level(level) == parameters.lowest_level(top);
    let special_count =
        if brought { parameters.best_special_count(top) } else { parameters.max_special_count(level) };
    KeyRequest { kind: KeyKind::Relinearisation, level, special_count }
}

fn at_level(
    bench: &Workbench,
    evaluator: &Evaluator<'_>,
    level: usize,
    repeats: usize,
    rows: &mut Vec<Primitive>,
) -> Result<(), Failure> {
    let x = bench.ciphertext(level)?;
    let values = bench.values();
    let factor = bench.parameters.rescale_factor(level);
    let encoded = evaluator.encoder().encode(&values, level, factor).map_err(|e| refused(&e))?;
    let hoisted: Vec<i64> = (1..=HOISTED).collect();
    type Work<'w> = &'w dyn Fn() -> Result<(), EvaluationError>;
    let operations: [(&'static str, f64, Work<'_>); 6] = [
        ("rotation", 1.0, &|| evaluator.rotate(&x, 1).map(drop)),
        ("rotation, one of 7 hoisted", HOISTED as f64, &|| evaluator.rotate_hoisted(&x, &hoisted).map(drop)),
        ("product, relinearised", 1.0, &|| evaluator.mul(&x, &x).map(drop)),
        ("rescale", 1.0, &|| evaluator.rescale(&x).map(drop)),
        ("encoding", 1.0, &|| Ok(evaluator.encoder().encode(&values, level, factor).map(drop)?)),
        ("product with a plaintext", 1.0, &|| evaluator.mul_plain(&x, &encoded).map(drop)),
    ];
    let mut push = |name, times: &Times, quartiles: bool| {
        let ms = |seconds: f64| rounded(seconds * 1e3);
        let quartiles_ms = quartiles.then(|| [ms(times.low), ms(times.high)]);
        let median_ms = ms(times.median);
        rows.push(Primitive {
            level,
            limbs: bench.parameters.limbs_at(level),
            name,
            median_ms,
            quartiles_ms,
            runs: times.runs,
        });
    };
    for (name, count, work) in operations {
        let times = try_times(Clock::Wall, repeats, || work().map_err(|e| refused(&e)))?;
        push(name, &times.per(count), true);
    }
    let parts = linear_map::measure(bench, evaluator, &x, (Clock::Wall, repeats))?;
    for (name, seconds) in [
        ("linear map: baby step", parts.baby),
        ("linear map: giant step", parts.giant),
        ("linear map: diagonal", parts.diagonal),
        ("linear map: the rest", parts.base),
    ] {
        push(name, &Times { runs: repeats, ..Times::of(vec![seconds]) }, false);
    }
    Ok(())
}

impl Primitives {
    /// For people: operations down, levels across.
    pub(crate) fn text(&self) -> String {
        let (mut names, mut levels) = (Vec::new(), Vec::new());
        for row in &self.rows {
            if !names.contains(&row.name) {
                names.push(row.name);
            }
            if !levels.contains(&row.level) {
                levels.push(row.level);
            }
        }
        let heading = levels.iter().map(|level| format!("level {level}"));
        let mut table = vec![std::iter::once("operation".to_owned()).chain(heading).collect::<Vec<_>>()];
        for name in names {
            let cell = |level: &usize| {
                let row = self.rows.iter().find(|row| row.name == name && row.level == *level);
                row.map_or_else(String::new, |row| shown(row.median_ms))
            };
            table.push(std::iter::once(name.to_owned()).chain(levels.iter().map(cell)).collect());
        }
        let (threads, keys) = (self.threads, if self.expanded_keys { "expanded" } else { "compact" });
        format!("operations, median ms, {threads} threads, {keys} keys\n{}", output::table(&table))
    }
}
