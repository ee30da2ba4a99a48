//! `fhecc eval-accuracy`

use super::limit_threads;
use crate::account::Bounds;
use crate::args::{Against, EvalAccuracy};
use crate::batch;
use crate::classes::top;
use crate::error::Failure;
use crate::exit::Status;
use crate::keys::Keys;
use crate::output;
use crate::program::{Network, Program};
use crate::progress::{Counter, Spinner};
use crate::session::{ClearSession, EncryptedSession};
use fhecc_compiler::interpret::Interpreter;
use fhecc_runtime::images::{CifarFile, ImageRgb};
use rayon::prelude::*;
use serde::Serialize;
use std::time::Instant;

/// Images that pass the clear backend together: they share every layer's diagonals.
const BATCH: usize = 32;

#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    network: &'a str,
    backend: &'a str,
    images: usize,
    offset: u32,
    top1: PerNetwork,
    polynomial_against_exact: Option<Comparison>,
    encrypted_against_polynomial: Option<Comparison>,
    seconds: f64,
}

/// Percent of the images whose label came first; absent where that network was not evaluated.
#[derive(Clone, Copy, Serialize)]
struct PerNetwork {
    exact: Option<f64>,
    polynomial: Option<f64>,
    encrypted: Option<f64>,
}

/// How two evaluations compare: differences of logits, and the same divided by the plan's output range.
#[derive(Clone, Copy, Serialize)]
struct Comparison {
    same_class_percent: f64,
    largest_logit_difference: f64,
    rms_logit_difference: f64,
    largest_difference: f64,
    rms_difference: f64,
}

/// Measures accuracy and agreement on labelled images.
pub(crate) fn eval_accuracy(args: &EvalAccuracy) -> Result<(), Failure> {
    let begin = Instant::now();
    limit_threads(args.threads)?;
    let program = Program::open(&args.program, &args.sources)?;
    let (labels, images) = records(args)?;
    if args.backend == Against::Exact && program.network.is_none() {
        return Err(Failure::usage(format!(
            "{} has polynomials only. Give the .net file for the exact network, or use --backend clear.",
            args.program.display()
        )));
    }
    let exact = program.network.as_ref().map(|network| exact(network, &program, &images)).transpose()?;
    let polynomial = (args.backend != Against::Exact).then(|| polynomial(&program, &images)).transpose()?;
    let encrypted =
        (args.backend == Against::Ckks).then(|| encrypted(args, &program, &images)).transpose()?;
    let range = program.plan.output.range;
    let against = |a: &Option<Vec<Vec<f64>>>, b: &Option<Vec<Vec<f64>>>| {
        a.as_ref().zip(b.as_ref()).map(|(a, b)| compare(a, b, range))
    };
    let right = |logits: &Option<Vec<Vec<f64>>>| logits.as_ref().map(|logits| accuracy(logits, &labels));
    let top1 =
        PerNetwork { exact: right(&exact), polynomial: right(&polynomial), encrypted: right(&encrypted) };
    let summary = Summary {
        schema: 1,
        network: &program.plan.network.name,
        backend: args.backend.name(),
        images: images.len(),
        offset: args.offset,
        top1,
        polynomial_against_exact: against(&polynomial, &exact),
        encrypted_against_polynomial: against(&encrypted, &polynomial),
        seconds: begin.elapsed().as_secs_f64(),
    };
    if args.json { output::json(&summary) } else { output::result(&described(&summary)) }
}

/// Labels and images asked for.
fn records(args: &EvalAccuracy) -> Result<(Vec<u8>, Vec<ImageRgb>), Failure> {
    let refused = |e| Failure::image(&args.cifar10, &e);
    let file = CifarFile::read(&args.cifar10).map_err(refused)?;
    let offset = args.offset as usize;
    let rest = file.len().saturating_sub(offset);
    let count = args.count.map_or(rest, |count| count as usize);
    if count == 0 || count > rest {
        return Err(Failure::usage(format!(
            "{count} images from number {offset} on were asked for, but {} holds {}. Choose a smaller --count or --offset.",
            args.cifar10.display(),
            file.len()
        )));
    }
    (offset..offset + count).map(|index| file.record(index)).collect::<Result<_, _>>().map_err(refused)
}

/// The network with its exact activations, in f32 on tensors.
fn exact(network: &Network, program: &Program, images: &[ImageRgb]) -> Result<Vec<Vec<f64>>, Failure> {
    let interpreter = Interpreter::<f32>::new(&network.graph, &program.weights)
        .map_err(|e| Failure::new(Status::Other, format!("{e}.")))?;
    let input = network.input_spec();
    let counter = Counter::new("exact", images.len());
    let logits = |image: &ImageRgb| {
        let tensor =
            image.tensor(&input).map_err(|e| Failure::new(e.exit_class().into(), format!("{e}.")))?;
        let tensor: Vec<f32> = tensor.into_iter().map(|v| v as f32).collect();
        counter.add(1);
        Ok(interpreter.run(&tensor, &mut ()).into_iter().map(f64::from).collect())
    };
    images.par_iter().map(logits).collect()
}

/// The plan on clear slots.
fn polynomial(program: &Program, images: &[ImageRgb]) -> Result<Vec<Vec<f64>>, Failure> {
    let session = ClearSession::new(program)?;
    let counter = Counter::new("polynomial", images.len());
    let mut all = Vec::with_capacity(images.len());
    for batch in images.chunks(BATCH) {
        all.extend(session.classify(batch, &mut ())?.0);
        counter.add(batch.len());
    }
    Ok(all)
}

/// The plan on ciphertexts.
fn encrypted(args: &EvalAccuracy, program: &Program, images: &[ImageRgb]) -> Result<Vec<Vec<f64>>, Failure> {
    let bounds = Bounds::new(&program.plan, args.expand_keys)?;
    bounds.install(|| encrypted_within(args, program, images, &bounds))
}

fn encrypted_within(
    args: &EvalAccuracy,
    program: &Program,
    images: &[ImageRgb],
    bounds: &Bounds,
) -> Result<Vec<Vec<f64>>, Failure> {
    let spinner = Spinner::new("generating keys");
    let mut keys = Keys::generate(&program.plan)?;
    if args.expand_keys {
        keys.expand();
    }
    drop(spinner);
    let session = EncryptedSession::new(program, &keys)?;
    let counter = Counter::new("encrypted", images.len());
    let mut all = Vec::with_capacity(images.len());
    let classify = |images: &[ImageRgb]| session.classify(&images.iter().collect::<Vec<_>>(), &mut ());
    batch::in_order(images, bounds.at_once, classify, |_, answer| {
        all.push(answer.logits);
        counter.add(1);
        Ok(())
    })?;
    Ok(all)
}

fn percent(count: usize, of: usize) -> f64 {
    100.0 * count as f64 / of.max(1) as f64
}

fn accuracy(logits: &[Vec<f64>], labels: &[u8]) -> f64 {
    let right = logits.iter().zip(labels).filter(|(logits, label)| top(logits) == usize::from(**label));
    percent(right.count(), labels.len())
}

fn compare(a: &[Vec<f64>], b: &[Vec<f64>], range: f64) -> Comparison {
    let same = a.iter().zip(b).filter(|(a, b)| top(a) == top(b)).count();
    let all: Vec<f64> = a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).collect();
    let largest = all.iter().copied().fold(0.0, f64::max);
    let rms = (all.iter().map(|d| d * d).sum::<f64>() / all.len().max(1) as f64).sqrt();
    Comparison {
        same_class_percent: percent(same, a.len()),
        largest_logit_difference: largest,
        rms_logit_difference: rms,
        largest_difference: largest / range,
        rms_difference: rms / range,
    }
}

fn described(summary: &Summary<'_>) -> String {
    let mut text =
        format!("`{}` on {} images from number {} on\n", summary.network, summary.images, summary.offset);
    let named = [
        ("exact network, f32", summary.top1.exact),
        ("polynomial network, the plan on clear slots", summary.top1.polynomial),
        ("the plan on ciphertexts", summary.top1.encrypted),
    ];
    let row =
        |(name, value): (&str, Option<f64>)| value.map(|v| vec![name.to_owned(), format!("top-1 {v:.2} %")]);
    text += &output::table(&named.into_iter().filter_map(row).collect::<Vec<_>>());
    for (name, comparison) in [
        ("polynomial against exact", summary.polynomial_against_exact),
        ("encrypted against polynomial", summary.encrypted_against_polynomial),
    ] {
        let Some(c) = comparison else { continue };
        text += &format!(
            "{name}: same class {:.2} %; logits differ by at most {:.4}, rms {:.4}; divided by the output range {:.6}, rms {:.6}\n",
            c.same_class_percent,
            c.largest_logit_difference,
            c.rms_logit_difference,
            c.largest_difference,
            c.rms_difference
        );
    }
    text + &format!("{:.1} s\n", summary.seconds)
}
