//! Progress on stderr, drawn only on a terminal.

use fhecc_runtime::Progress;
use fhecc_runtime::execution::Status;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Counts images.
#[derive(Debug)]
pub(crate) struct Counter(ProgressBar);

impl Counter {
    /// Counts to `total`.
    pub(crate) fn new(what: &str, total: usize) -> Self {
        Self(bar(what, total as u64, "{msg:>10} {bar:32} {pos}/{len}, {eta} left"))
    }

    /// So many more are done.
    pub(crate) fn add(&self, count: usize) {
        self.0.inc(count as u64);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Follows the steps of a plan, with an estimate of the time left.
#[derive(Debug)]
pub(crate) struct StepBar(ProgressBar);

/// Positions of the bar from empty to full.
const FULL: u64 = 1000;

impl StepBar {
    /// Begins.
    pub(crate) fn new() -> Self {
        Self(bar("", FULL, "{bar:32} {percent:>3} % {wide_msg}"))
    }
}

impl Progress for StepBar {
    fn report(&mut self, status: &Status<'_>) {
        let left = status.seconds_left.map(|s| format!(", about {s:.0} s left")).unwrap_or_default();
        self.0.set_message(format!("{} {}{left}", status.op, status.layer));
        self.0.set_position((status.share * FULL as f64) as u64);
    }
}

impl Drop for StepBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Shows that something of unknown length goes on.
#[derive(Debug)]
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// Begins.
    pub(crate) fn new(what: &str) -> Self {
        let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(120));
        Self(spinner)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn bar(what: &str, total: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(what.to_owned());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}
