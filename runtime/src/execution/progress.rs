//! How far an execution is, and how long it will take.

use fhecc_plan::{Plan, Step};
use std::time::Instant;

/// Where an execution is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Status<'a> {
    /// Index of the step about to begin; the number of steps at the end.
    pub step: usize,
    /// Number of steps.
    pub steps: usize,
    /// Layer of the step; empty at the end.
    pub layer: &'a str,
    /// Operation of the step; empty at the end.
    pub op: &'static str,
    /// Share of the predicted work that is done, from 0 to 1.
    pub share: f64,
    /// Estimated seconds left, once something has been done.
    pub seconds_left: Option<f64>,
}

/// Hears before every step, and once at the end, where an execution is.
pub trait Progress {
    /// Called before every step, and once at the end.
    fn report(&mut self, status: &Status<'_>);
}

/// Ignores everything.
impl Progress for () {
    fn report(&mut self, _: &Status<'_>) {}
}

impl<F: FnMut(&Status<'_>)> Progress for F {
    fn report(&mut self, status: &Status<'_>) {
        self(status);
    }
}

/// Predicted shares against the time that has passed.
pub(super) struct Clock {
    /// Predicted milliseconds of the steps before each index.
    before: Vec<f64>,
    start: Instant,
}

impl Clock {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut before = vec![0.0];
        let mut sum = 0.0;
        for step in &plan.steps {
            sum += fhecc_plan::prediction::step_ms(plan, step);
            before.push(sum);
        }
        Self { before, start: Instant::now() }
    }

    pub(super) fn status<'a>(&mut self, index: usize, step: Option<&'a Step>) -> Status<'a> {
        let (done, total) = (self.before[index], self.before[self.before.len() - 1]);
        let share = if total > 0.0 { done / total } else { 1.0 };
        let elapsed = self.start.elapsed().as_secs_f64();
        Status {
            step: index,
            steps: self.before.len() - 1,
            layer: step.map_or("", |step| &step.layer),
            op: step.map_or("", |step| step.op.name()),
            share,
            seconds_left: (share > 0.0).then(|| elapsed * (1.0 - share) / share),
        }
    }
}
