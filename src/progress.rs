//! Progress on stderr, drawn only on a terminal.

use fhecc_runtime::Progress;
use fhecc_runtime::execution::Status;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

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

/// Follows several executions at once, with an estimate of the time left for all of them.
#[derive(Debug)]
pub(crate) struct ImagesBar {
    bar: ProgressBar,
    images: usize,
    /// Images that are done.
    done: AtomicUsize,
    begin: Instant,
}

impl ImagesBar {
    /// Begins.
    pub(crate) fn new(images: usize) -> Self {
        let bar = bar("", FULL * images as u64, "{bar:32} {percent:>3} % {wide_msg}");
        Self { bar, images, done: AtomicUsize::new(0), begin: Instant::now() }
    }

    /// What follows one of the executions, of so many images.
    pub(crate) fn part(&self, images: usize) -> impl Progress + Send {
        let mut reported = 0;
        move |status: &Status<'_>| {
            let share = (status.share * FULL as f64) as u64;
            self.bar.inc(images as u64 * share.saturating_sub(reported));
            reported = share;
            let ended = if status.step == status.steps { images } else { 0 };
            let done = self.done.fetch_add(ended, Ordering::Relaxed) + ended;
            let left = seconds_left(self.bar.position(), FULL * self.images as u64, self.begin.elapsed());
            let left = left.map(|s| format!(", about {s:.0} s left")).unwrap_or_default();
            self.bar.set_message(format!("{done} of {} images{left}", self.images));
        }
    }

    /// Does `print` while nothing is drawn.
    pub(crate) fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }
}

impl Drop for ImagesBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// What remains of `total` if it goes on as until now, once something has been done.
fn seconds_left(done: u64, total: u64, elapsed: Duration) -> Option<f64> {
    (done > 0).then(|| elapsed.as_secs_f64() * total.saturating_sub(done) as f64 / done as f64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_in_proportion() {
        assert_eq!(seconds_left(0, 100, Duration::from_secs(1)), None);
        assert_eq!(seconds_left(25, 100, Duration::from_secs(2)), Some(6.0));
        assert_eq!(seconds_left(100, 100, Duration::from_secs(8)), Some(0.0));
    }
}
