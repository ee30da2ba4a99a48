//! `fhecc run`

use super::limit_threads;
use crate::args::{Backend, Run};
use crate::classes::{self, Class};
use crate::error::Failure;
use crate::keys::Keys;
use crate::output;
use crate::program::Program;
use crate::progress::{Spinner, StepBar};
use crate::session::{Answer, ClearSession, EncryptedSession};
use fhecc_plan::{Plan, security_bits};
use fhecc_runtime::{Trace, images};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;

#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    network: &'a str,
    backend: &'a str,
    top1: Top<'a>,
    logits: &'a [f64],
    seconds: Seconds,
    bootstraps: u32,
    rotations: u32,
    rotation_keys: usize,
    key_bytes: usize,
    peak_rss_bytes: Option<u64>,
    security_bits: Option<u32>,
    log_qp: u32,
    log_n: u32,
}

#[derive(Serialize)]
struct Top<'a> {
    index: usize,
    label: &'a str,
    score: f64,
}

#[derive(Clone, Copy, Serialize)]
struct Seconds {
    keygen: f64,
    encrypt: f64,
    evaluate: f64,
    decrypt: f64,
    total: f64,
}

/// What an evaluation held in keys.
#[derive(Clone, Copy, Default)]
struct KeyFigures {
    rotations: usize,
    bytes: usize,
    seconds: f64,
}

/// Classifies one image.
pub(crate) fn run(args: &Run) -> Result<(), Failure> {
    let begin = Instant::now();
    limit_threads(args.threads)?;
    let program = Program::open(&args.program, &args.sources)?;
    let refused = |e| Failure::image(&args.image, &e);
    let size = images::plan_size(&program.plan.input).map_err(refused)?;
    let image = images::read(&args.image, size).map_err(refused)?;
    let (answer, figures) = match args.backend {
        Backend::Clear => {
            let mut bar = StepBar::new();
            (ClearSession::new(&program)?.classify_one(&image, &mut bar)?, KeyFigures::default())
        }
        Backend::Ckks => {
            let (mut keys, seconds) = keys(args, &program)?;
            let bytes = keys.evaluation.size_in_bytes();
            if args.expand_keys {
                keys.expand();
            }
            let session = EncryptedSession::new(&program, &keys)?;
            let mut bar = StepBar::new();
            let answer = session.classify(&image, &mut bar)?;
            (answer, KeyFigures { rotations: keys.rotations(), bytes, seconds })
        }
    };
    let [encrypt, evaluate, decrypt] = answer.seconds;
    let total = begin.elapsed().as_secs_f64();
    let seconds = Seconds { keygen: figures.seconds, encrypt, evaluate, decrypt, total };
    let plan: &Plan = &program.plan;
    let classes = classes::ranked(plan, &answer.logits);
    warn_of_ranges(&answer.trace);
    if args.json {
        let Some(Class { index, label, score, .. }) = classes.first() else {
            return Err(Failure::bad_input("the plan has no outputs. Compile the network again."));
        };
        return output::json(&Summary {
            schema: 1,
            network: &plan.network.name,
            backend: args.backend.name(),
            top1: Top { index: *index, label, score: *score },
            logits: &answer.logits,
            seconds,
            bootstraps: plan.predicted.bootstraps,
            rotations: plan.predicted.rotations,
            rotation_keys: figures.rotations,
            key_bytes: figures.bytes,
            peak_rss_bytes: output::peak_rss_bytes(),
            security_bits: security_bits(plan.parameters.log_n, plan.parameters.log_qp()),
            log_qp: plan.parameters.log_qp(),
            log_n: plan.parameters.log_n,
        });
    }
    output::result(&described(args, plan, &classes, &answer, seconds, figures))
}

fn keys(args: &Run, program: &Program) -> Result<(Keys, f64), Failure> {
    if let Some(folder) = &args.keys {
        let _spinner = Spinner::new("loading keys");
        return Ok((Keys::load(folder, &program.plan)?, 0.0));
    }
    let _spinner = Spinner::new("generating keys");
    let begin = Instant::now();
    let keys = Keys::generate(&program.plan)?;
    Ok((keys, begin.elapsed().as_secs_f64()))
}

fn described(
    args: &Run,
    plan: &Plan,
    classes: &[Class],
    answer: &Answer,
    seconds: Seconds,
    figures: KeyFigures,
) -> String {
    let mut text = String::new();
    if let Some(best) = classes.first() {
        text += &format!("{}: {}, score {:.3}\n", args.image.display(), best.label, best.score);
    }
    let rows: Vec<Vec<String>> = classes
        .iter()
        .take(4)
        .map(|c| vec![c.label.clone(), format!("{:.3}", c.score), format!("logit {:.3}", c.logit)])
        .collect();
    text += &output::table(&rows);
    text += "scores are the softmax of the logits: a ranking, not a calibrated probability\n\n";
    let Seconds { keygen, encrypt, evaluate, decrypt, total } = seconds;
    text += &match args.backend {
        Backend::Ckks => format!(
            "key generation {keygen:.2} s, encryption {encrypt:.3} s, evaluation {evaluate:.2} s, decryption {decrypt:.3} s; {total:.2} s in all\n"
        ),
        Backend::Clear => format!("evaluation without encryption {evaluate:.2} s; {total:.2} s in all\n"),
    };
    text += &output::table(&by_operation(&answer.trace));
    text += "slowest layers\n";
    text += &output::table(&by_layer(&answer.trace));
    if args.backend == Backend::Ckks {
        text += &format!(
            "{} rotation keys, {} of keys; security 128 bits: N = 2^{}, log2(QP) = {}\n",
            figures.rotations,
            output::bytes(figures.bytes as u64),
            plan.parameters.log_n,
            plan.parameters.log_qp()
        );
    }
    if let Some(peak) = output::peak_rss_bytes() {
        text += &format!("peak memory {}\n", output::bytes(peak));
    }
    text
}

/// Time by operation, the longest first.
fn by_operation(trace: &Trace) -> Vec<Vec<String>> {
    let mut sums: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for entry in &trace.entries {
        let sum = sums.entry(entry.op).or_default();
        *sum = (sum.0 + 1, sum.1 + entry.nanos as f64 * 1e-9);
    }
    let total = trace.seconds().max(f64::MIN_POSITIVE);
    let mut sums: Vec<(&str, (usize, f64))> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    let row = |(op, (count, seconds)): (&str, (usize, f64))| {
        let share = format!("{:.1} %", 100.0 * seconds / total);
        vec![op.to_owned(), format!("{count} x"), format!("{seconds:.3} s"), share]
    };
    sums.into_iter().map(row).collect()
}

/// Time of the slowest layers.
fn by_layer(trace: &Trace) -> Vec<Vec<String>> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for entry in &trace.entries {
        *sums.entry(entry.layer.as_str()).or_default() += entry.nanos as f64 * 1e-9;
    }
    let mut sums: Vec<(&str, f64)> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.total_cmp(&a.1));
    sums.into_iter()
        .take(5)
        .map(|(layer, seconds)| vec![layer.to_owned(), format!("{seconds:.3} s")])
        .collect()
}

/// Says on stderr if values left the ranges that the activations were calibrated to; only clear slots show it.
fn warn_of_ranges(trace: &Trace) {
    let beyond: Vec<_> = trace.alarms().filter(|entry| entry.op == "polynomial").collect();
    let Some(first) = beyond.first() else { return };
    output::note(&format!(
        "warning: {} activations, the first of them `{}`, read values beyond the range they were calibrated to; the answer may be off. Calibrate on more images, or on images like this one.\n",
        beyond.len(),
        first.layer
    ));
}
