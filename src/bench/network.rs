//! Encrypted evaluations of a network, by layer and by operation.

use super::timing::Times;
use super::{rounded, shown};
use crate::error::Failure;
use crate::keys::Keys;
use crate::output;
use crate::program::Program;
use crate::progress::{Spinner, StepBar};
use crate::session::EncryptedSession;
use fhecc_runtime::Trace;
use fhecc_runtime::images::{ImageRgb, plan_size};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Time in one operation of one layer.
#[derive(Clone, Debug, Serialize)]
struct Part {
    layer: String,
    operation: &'static str,
    steps: usize,
    level: u8,
    seconds: f64,
    share: f64,
}

/// An evaluation.
#[derive(Debug, Serialize)]
pub(crate) struct Network {
    network: String,
    threads: usize,
    expanded_keys: bool,
    runs: usize,
    seconds: f64,
    quartiles_seconds: [f64; 2],
    predicted_seconds_one_core: f64,
    parts: Vec<Part>,
}

/// Evaluates `program` on a grey image; times do not depend on what is encrypted.
pub(crate) fn measure(
    path: &Path,
    program: &Program,
    expand: bool,
    repeats: usize,
) -> Result<Network, Failure> {
    let refused = |e| Failure::image(path, &e);
    let size = plan_size(&program.plan.input).map_err(refused)?;
    let pixels = vec![128; 3 * size.width as usize * size.height as usize];
    let image = ImageRgb::new(size, pixels).ok_or_else(|| Failure::bad_input("the plan takes no image."))?;
    let spinner = Spinner::new("generating keys");
    let mut keys = Keys::generate(&program.plan)?;
    if expand {
        keys.expand();
    }
    drop(spinner);
    let session = EncryptedSession::new(program, &keys)?;
    let mut traces = Vec::new();
    let mut seconds = Vec::new();
    for _ in 0..repeats {
        let answers = session.classify(&[&image], &mut StepBar::new())?;
        for answer in answers {
            seconds.push(answer.seconds[1]);
            traces.push(answer.trace);
        }
    }
    let total = Times::of(seconds);
    Ok(Network {
        network: program.plan.network.name.clone(),
        threads: rayon::current_num_threads(),
        expanded_keys: expand,
        runs: total.runs,
        seconds: rounded(total.median),
        quartiles_seconds: [rounded(total.low), rounded(total.high)],
        predicted_seconds_one_core: program.plan.predicted.seconds_one_core,
        parts: parts(&traces, total.median),
    })
}

/// Sums over the steps of a layer with the same operation, each step with its median over the runs.
fn parts(traces: &[Trace], total: f64) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (index, entry) in traces.first().map(|t| t.entries.iter().enumerate()).into_iter().flatten() {
        let nanos = traces.iter().filter_map(|t| t.entries.get(index)).map(|e| e.nanos as f64 * 1e-9);
        let seconds = Times::of(nanos.collect()).median;
        let known = parts.iter_mut().find(|p| p.layer == entry.layer && p.operation == entry.op);
        match known {
            Some(part) => {
                part.steps += 1;
                part.seconds += seconds;
            }
            None => parts.push(Part {
                layer: entry.layer.clone(),
                operation: entry.op,
                steps: 1,
                level: entry.level,
                seconds,
                share: 0.0,
            }),
        }
    }
    for part in &mut parts {
        part.share = rounded(part.seconds / total.max(f64::MIN_POSITIVE));
        part.seconds = rounded(part.seconds);
    }
    parts
}

impl Network {
    /// For people: layers down, operations across.
    pub(crate) fn text(&self) -> String {
        let mut operations: BTreeMap<&str, f64> = BTreeMap::new();
        let mut layers: Vec<&str> = Vec::new();
        for part in &self.parts {
            *operations.entry(part.operation).or_default() += part.seconds;
            if !layers.contains(&part.layer.as_str()) {
                layers.push(&part.layer);
            }
        }
        let mut columns: Vec<(&str, f64)> = operations.into_iter().filter(|o| o.1 >= 1e-3).collect();
        columns.sort_by(|a, b| b.1.total_cmp(&a.1));
        let row = |name: &str, in_row: &dyn Fn(&Part) -> bool| {
            let sum = |wanted: &dyn Fn(&Part) -> bool| -> f64 {
                self.parts.iter().filter(|p| in_row(p) && wanted(p)).map(|p| p.seconds).sum()
            };
            let cell = |seconds: f64| if seconds == 0.0 { String::new() } else { shown(seconds) };
            let all = sum(&|_| true);
            let share = format!("{:.1} %", 100.0 * all / self.seconds.max(f64::MIN_POSITIVE));
            let mut row = vec![name.to_owned(), shown(all), share];
            row.extend(columns.iter().map(|(op, _)| cell(sum(&|p| p.operation == *op))));
            row
        };
        let heading = ["layer", "seconds", "share"].into_iter().chain(columns.iter().map(|(op, _)| *op));
        let mut rows = vec![heading.map(str::to_owned).collect::<Vec<_>>()];
        rows.extend(layers.into_iter().map(|layer| row(layer, &|p| p.layer == layer)));
        rows.push(row("all", &|_| true));
        format!(
            "`{}`, one image, {} runs, {} threads, {} keys: {} s; the plan predicts {} s on one core\n{}",
            self.network,
            self.runs,
            self.threads,
            if self.expanded_keys { "expanded" } else { "compact" },
            shown(self.seconds),
            shown(self.predicted_seconds_one_core),
            output::table(&rows)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhecc_runtime::TraceEntry;

    #[test]
    fn steps_of_a_layer_are_added_and_repeats_are_not() {
        let entry = |step, layer: &str, op, nanos| {
            let layer = layer.to_owned();
            TraceEntry { step, layer, op, nanos, level: 2, reading: None, held: None }
        };
        let trace = |scale: u64| Trace {
            entries: vec![
                entry(0, "a", "linear", scale),
                entry(1, "a", "linear", 2 * scale),
                entry(2, "b", "add", scale),
            ],
        };
        let found = parts(&[trace(1_000_000_000), trace(3_000_000_000)], 8.0);
        let found: Vec<_> = found.iter().map(|p| (p.layer.as_str(), p.steps, p.seconds, p.share)).collect();
        assert_eq!(found, [("a", 2, 6.0, 0.75), ("b", 1, 2.0, 0.25)]);
    }
}
