//! The result for a person to read.

use super::Report;
use crate::args::Backend;
use crate::classes;
use crate::error::Failure;
use crate::image_files::Named;
use crate::output;
use crate::session::Answer;
use fhecc_plan::Plan;
use fhecc_runtime::Trace;
use std::collections::BTreeMap;

/// Writes to stdout what is known of one image, or the summary of several.
pub(super) fn print(report: &Report<'_>) -> Result<(), Failure> {
    let mut text = match (report.images, report.evaluated.answers.as_slice()) {
        ([named], [answer]) => one(report, named, answer),
        _ => several(report),
    };
    if report.backend == Backend::Ckks {
        let parameters = &report.program.plan.parameters;
        text += &format!(
            "{} rotation keys, {} of keys; security 128 bits: N = 2^{}, log2(QP) = {}\n",
            report.evaluated.keys.rotations,
            output::bytes(report.evaluated.keys.bytes as u64),
            parameters.log_n,
            parameters.log_qp()
        );
    }
    if let Some(account) = &report.evaluated.account {
        text += &account.text();
    } else if let Some(peak) = output::peak_rss_bytes() {
        text += &format!("peak memory {}\n", output::bytes(peak));
    }
    output::result(&text)
}

/// What an image is.
pub(super) fn line(plan: &Plan, named: &Named, answer: &Answer) -> String {
    match classes::ranked(plan, &answer.logits).first() {
        Some(best) => format!("{}: {}, score {:.3}\n", named.path.display(), best.label, best.score),
        None => String::new(),
    }
}

fn one(report: &Report<'_>, named: &Named, answer: &Answer) -> String {
    let plan: &Plan = &report.program.plan;
    let mut text = line(plan, named, answer);
    let rows: Vec<Vec<String>> = classes::ranked(plan, &answer.logits)
        .iter()
        .take(4)
        .map(|c| vec![c.label.clone(), format!("{:.3}", c.score), format!("logit {:.3}", c.logit)])
        .collect();
    text += &output::table(&rows);
    text += SCORES;
    text += "\n";
    let ([encrypt, evaluate, decrypt], total) = (answer.seconds, report.total_seconds);
    text += &match report.backend {
        Backend::Ckks => format!(
            "key generation {:.2} s, encryption {encrypt:.3} s, evaluation {evaluate:.2} s, decryption {decrypt:.3} s; {total:.2} s in all\n",
            report.evaluated.keys.seconds
        ),
        Backend::Clear => format!("evaluation without encryption {evaluate:.2} s; {total:.2} s in all\n"),
    };
    text += &output::table(&by_operation(&answer.trace));
    text += "slowest layers\n";
    text + &output::table(&by_layer(&answer.trace))
}

const SCORES: &str = "scores are the softmax of the logits: a ranking, not a calibrated probability\n";

fn several(report: &Report<'_>) -> String {
    let (count, seconds, total) =
        (report.images.len(), report.evaluated.images_seconds, report.total_seconds);
    let mut text = format!(
        "{SCORES}\n{count} images in {seconds:.2} s, {} at once: {:.2} s each, {:.1} images per minute\n",
        report.evaluated.at_once,
        seconds / count as f64,
        60.0 * count as f64 / seconds.max(f64::MIN_POSITIVE)
    );
    text += &match report.backend {
        Backend::Ckks => {
            format!("key generation {:.2} s; {total:.2} s in all\n", report.evaluated.keys.seconds)
        }
        Backend::Clear => format!("evaluation without encryption; {total:.2} s in all\n"),
    };
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
