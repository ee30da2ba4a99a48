//! A bootstrap by stage, beside the bytes of keys that each stage reads.

use super::timing::{Clock, Times, try_times};
use super::workbench::{Workbench, refused};
use super::{rounded, shown};
use crate::error::Failure;
use crate::output;
use crate::progress::Spinner;
use fhecc_ckks::bootstrap::{BootstrapKeyKind, BootstrapKeyRequest, BootstrapStage, BootstrapStep, key_plan};
use fhecc_ckks::{Evaluator, KeyKind, Parameters};
use serde::Serialize;
use std::time::Instant;

/// One stage.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Stage {
    name: String,
    median_ms: f64,
    quartiles_ms: [f64; 2],
    share: f64,
    keys: usize,
    key_bytes: usize,
}

/// A bootstrap.
#[derive(Debug, Serialize)]
pub(crate) struct Bootstrap {
    threads: usize,
    expanded_keys: bool,
    transformed_matrices: bool,
    matrix_bytes: Option<usize>,
    keygen_seconds: f64,
    median_ms: f64,
    quartiles_ms: [f64; 2],
    runs: usize,
    key_bytes: usize,
    stages: Vec<Stage>,
}

fn ms(seconds: f64) -> f64 {
    rounded(seconds * 1e3)
}

/// Measures.
pub(crate) fn measure(
    bench: &Workbench,
    (expand, compact): (bool, bool),
    repeats: usize,
) -> Result<Bootstrap, Failure> {
    let parameters = &bench.parameters;
    let plan = key_plan(parameters).map_err(|e| refused(&e))?;
    parameters.prepare_bootstrap(!compact).map_err(|e| refused(&e))?;
    let begin = Instant::now();
    let spinner = Spinner::new("keys of a bootstrap");
    let keys = bench.bootstrap_keys(&|_| None)?;
    let keygen_seconds = rounded(begin.elapsed().as_secs_f64());
    drop(spinner);
    let _spinner = Spinner::new("bootstraps");
    let evaluator = Evaluator::new(parameters, &keys);
    let x = bench.ciphertext(parameters.slots_to_coeffs_top_level())?;
    let mut runs: Vec<Vec<(BootstrapStep, f64)>> = Vec::new();
    let total = try_times(Clock::Wall, repeats, || {
        let mut run = Vec::new();
        let mut begin = Instant::now();
        let mut done = |step| {
            run.push((step, begin.elapsed().as_secs_f64()));
            begin = Instant::now();
        };
        evaluator.bootstrap_observed(&x, &mut done).map(drop).map_err(|e| refused(&e))?;
        runs.push(run);
        Ok(())
    })?;
    // The first run touches memory for the first time and is not counted.
    let counted = runs.get(1..).unwrap_or_default();
    let steps: Vec<BootstrapStep> = runs.first().into_iter().flatten().map(|(step, _)| *step).collect();
    let stage = |(index, step): (usize, &BootstrapStep)| {
        let times = Times::of(counted.iter().filter_map(|run| run.get(index)).map(|(_, s)| *s).collect());
        let own: Vec<_> = plan.iter().filter(|request| belongs(request, *step, parameters.n())).collect();
        Stage {
            name: name(*step, parameters),
            median_ms: ms(times.median),
            quartiles_ms: [ms(times.low), ms(times.high)],
            share: rounded(times.median / total.median),
            keys: own.len(),
            key_bytes: own.iter().map(|request| request.bytes / if expand { 1 } else { 2 }).sum(),
        }
    };
    Ok(Bootstrap {
        threads: rayon::current_num_threads(),
        expanded_keys: expand,
        transformed_matrices: !compact,
        matrix_bytes: parameters.bootstrap_matrix_bytes(),
        keygen_seconds,
        median_ms: ms(total.median),
        quartiles_ms: [ms(total.low), ms(total.high)],
        runs: total.runs,
        key_bytes: keys.size_in_bytes(),
        stages: steps.iter().enumerate().map(stage).collect(),
    })
}

/// Whether a key is read in this step.
fn belongs(request: &BootstrapKeyRequest, step: BootstrapStep, n: usize) -> bool {
    match request.kind {
        BootstrapKeyKind::DenseToSparse | BootstrapKeyKind::Raise(_) => {
            step == BootstrapStep::Linear(BootstrapStage::CoeffsToSlots(0))
        }
        BootstrapKeyKind::Shared(_, Some(stage)) => step == BootstrapStep::Linear(stage),
        BootstrapKeyKind::Shared(KeyKind::Relinearisation, None) => step == BootstrapStep::Sine,
        BootstrapKeyKind::Shared(kind, None) => {
            kind == KeyKind::conjugation(n) && step == BootstrapStep::RealPart
        }
    }
}

fn name(step: BootstrapStep, parameters: &Parameters) -> String {
    let literal = parameters.literal();
    match step {
        BootstrapStep::Linear(BootstrapStage::SlotsToCoeffs(part)) => {
            format!("slots to coefficients, {} of {}", part + 1, literal.slots_to_coeffs_bits.len())
        }
        BootstrapStep::Linear(BootstrapStage::CoeffsToSlots(part)) => {
            let count = literal.coeffs_to_slots_bits.len();
            let before = match part + 1 {
                1 => "raise of the modulus, ",
                last if last == count => "trace, ",
                _ => "",
            };
            format!("{before}coefficients to slots, {} of {count}", part + 1)
        }
        BootstrapStep::RealPart => "sum with the conjugate".to_owned(),
        BootstrapStep::Sine => "modular reduction".to_owned(),
    }
}

impl Bootstrap {
    /// For people. `memory_read` in 10^9 bytes per second, if it was measured.
    pub(crate) fn text(&self, memory_read: Option<f64>) -> String {
        let mut heading = vec!["stage", "median ms", "share", "keys", "MiB of keys"];
        if memory_read.is_some() {
            heading.push("ms to read them");
        }
        let mut rows = vec![heading.into_iter().map(str::to_owned).collect::<Vec<_>>()];
        let mut push = |name: &str, ms: f64, share: f64, keys: usize, bytes: usize| {
            let mut row =
                vec![name.to_owned(), shown(ms), format!("{:.1} %", 100.0 * share), keys.to_string()];
            row.push(format!("{:.1}", bytes as f64 / f64::from(1 << 20)));
            row.extend(memory_read.map(|rate| shown(bytes as f64 / rate * 1e-6)));
            rows.push(row);
        };
        for stage in &self.stages {
            push(&stage.name, stage.median_ms, stage.share, stage.keys, stage.key_bytes);
        }
        let keys = self.stages.iter().map(|stage| stage.keys).sum();
        let bytes = self.stages.iter().map(|stage| stage.key_bytes).sum();
        push("bootstrap", self.median_ms, 1.0, keys, bytes);
        format!(
            "bootstrap, {} runs, {} threads, matrices {}, {} keys, made in {:.1} s\n{}  every key is read once, that of the modular reduction once per product{}\n",
            self.runs,
            self.threads,
            if self.transformed_matrices { "transformed" } else { "as coefficients" },
            if self.expanded_keys { "expanded" } else { "compact" },
            self.keygen_seconds,
            output::table(&rows),
            if self.expanded_keys { "" } else { "; as much again is generated when used" }
        )
    }
}
