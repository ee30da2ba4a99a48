//! The result as one JSON object. One image and several have the same form, except that the figures of a single
//! image also stand at the top.

use super::Report;
use crate::account::Account;
use crate::classes::{self, Class};
use crate::error::Failure;
use crate::output;
use crate::session::Answer;
use fhecc_plan::prediction::{self, MemoryUse};
use fhecc_plan::{Plan, Step, security_bits};
use fhecc_runtime::TraceEntry;
use serde::Serialize;

/// 2: `images`, `images_per_minute`, `at_once` and `seconds.images` came with several images. 3: `memory`.
const SCHEMA: u32 = 3;

#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    network: &'a str,
    backend: &'a str,
    #[serde(flatten)]
    only: Option<Classified<'a>>,
    images: Vec<Image<'a>>,
    images_per_minute: f64,
    at_once: usize,
    seconds: Seconds,
    bootstraps: u32,
    rotations: u32,
    rotation_keys: usize,
    key_bytes: usize,
    peak_rss_bytes: Option<u64>,
    memory: Option<Account>,
    /// Of a single image.
    steps: Vec<StepFigures<'a>>,
    security_bits: Option<u32>,
    log_qp: u32,
    log_n: u32,
}

#[derive(Serialize)]
struct Image<'a> {
    path: String,
    #[serde(flatten)]
    classified: Classified<'a>,
    seconds: Phases,
}

#[derive(Clone, Serialize)]
struct Classified<'a> {
    top1: Top,
    logits: &'a [f64],
}

#[derive(Clone, Serialize)]
struct Top {
    index: usize,
    label: String,
    score: f64,
}

#[derive(Clone, Copy, Serialize)]
struct Phases {
    encrypt: f64,
    evaluate: f64,
    decrypt: f64,
}

#[derive(Clone, Copy, Serialize)]
struct Seconds {
    keygen: f64,
    #[serde(flatten)]
    only: Option<Phases>,
    images: f64,
    total: f64,
}

/// Writes the object to stdout.
pub(super) fn print(report: &Report<'_>) -> Result<(), Failure> {
    let plan: &Plan = &report.program.plan;
    let mut images = Vec::with_capacity(report.images.len());
    for (named, answer) in report.images.iter().zip(&report.evaluated.answers) {
        let [encrypt, evaluate, decrypt] = answer.seconds;
        images.push(Image {
            path: named.path.display().to_string(),
            classified: classified(plan, answer)?,
            seconds: Phases { encrypt, evaluate, decrypt },
        });
    }
    let only = if let [only] = images.as_slice() { Some(only) } else { None };
    output::json(&Summary {
        schema: SCHEMA,
        network: &plan.network.name,
        backend: report.backend.name(),
        only: only.map(|image| image.classified.clone()),
        images_per_minute: 60.0 * images.len() as f64
            / report.evaluated.images_seconds.max(f64::MIN_POSITIVE),
        at_once: report.evaluated.at_once,
        seconds: Seconds {
            keygen: report.evaluated.keys.seconds,
            only: only.map(|image| image.seconds),
            images: report.evaluated.images_seconds,
            total: report.total_seconds,
        },
        images,
        bootstraps: plan.predicted.bootstraps,
        rotations: plan.predicted.rotations,
        rotation_keys: report.evaluated.keys.rotations,
        key_bytes: report.evaluated.keys.bytes,
        peak_rss_bytes: output::peak_rss_bytes(),
        memory: report.evaluated.account,
        steps: steps(report),
        security_bits: security_bits(plan.parameters.log_n, plan.parameters.log_qp()),
        log_qp: plan.parameters.log_qp(),
        log_n: plan.parameters.log_n,
    })
}

/// One step, predicted and measured. Bytes are those of ciphertexts and temporary polynomials.
#[derive(Serialize)]
struct StepFigures<'a> {
    step: usize,
    op: &'a str,
    layer: &'a str,
    seconds: f64,
    /// On one core.
    predicted_seconds: f64,
    bytes: Option<u64>,
    predicted_bytes: Option<u64>,
}

fn steps<'a>(report: &'a Report<'_>) -> Vec<StepFigures<'a>> {
    let plan: &Plan = &report.program.plan;
    let [answer] = report.evaluated.answers.as_slice() else { return Vec::new() };
    let used = MemoryUse::predict(plan, rayon::current_num_threads() as u64);
    let before = report.evaluated.account.map_or(0, |account| account.before);
    let entry = |(entry, step): (&'a TraceEntry, &Step)| StepFigures {
        step: entry.step,
        op: entry.op,
        layer: &entry.layer,
        seconds: entry.nanos as f64 * 1e-9,
        predicted_seconds: prediction::step_ms(plan, step) / 1000.0,
        bytes: entry.held.map(|held| held.peak.saturating_sub(before)),
        predicted_bytes: used
            .as_ref()
            .and_then(|used| used.steps.get(entry.step))
            .map(|step| step.ciphertexts + step.scratch),
    };
    answer.trace.entries.iter().zip(&plan.steps).map(entry).collect()
}

fn classified<'a>(plan: &Plan, answer: &'a Answer) -> Result<Classified<'a>, Failure> {
    let Some(Class { index, label, score, .. }) = classes::ranked(plan, &answer.logits).into_iter().next()
    else {
        return Err(Failure::bad_input("the plan has no outputs. Compile the network again."));
    };
    Ok(Classified { top1: Top { index, label, score }, logits: &answer.logits })
}
