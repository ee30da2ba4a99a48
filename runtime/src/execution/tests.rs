//! The loop itself, on a backend that only counts levels. What the operations compute is tested in `tests/`.
#![allow(dead_code, reason = "test support is shared between crates")]

#[path = "../../../compiler/plan/tests/support/small_plan.rs"]
mod support;

pub(crate) use support::small_plan;

use super::*;
use crate::ExitClass;
use fhecc_plan::{Plan, Polynomial, Rotation};
use std::cell::Cell;
use std::io;

/// Values are level and log2 of the scale; one operation can be made to misbehave.
#[derive(Default)]
struct Counting {
    fault: Cell<Option<&'static str>>,
    live: Cell<usize>,
}

struct Level(usize, f64);

impl Counting {
    fn value(&self, x: &Level, op: &'static str, level: usize) -> Result<Level, io::Error> {
        match self.fault.get() {
            Some("level") if op == "polynomial" => Ok(Level(level + 1, x.1)),
            Some("scale") if op == "linear" => Ok(Level(level, x.1 + 1e-6)),
            Some("nan") if op == "linear" => Ok(Level(level, f64::NAN)),
            Some("error") if op == "bootstrap" => Err(io::Error::other("no key")),
            _ => Ok(Level(level, x.1)),
        }
    }
}

impl Backend for Counting {
    type Value = Level;
    type Error = io::Error;

    fn exit_class(&self, _: &io::Error) -> ExitClass {
        ExitClass::Mismatch
    }
    fn level(&self, value: &Level) -> usize {
        value.0
    }
    fn log_scale(&self, value: &Level) -> f64 {
        value.1
    }
    fn largest(&self, value: &Level) -> Option<f64> {
        Some(value.0 as f64)
    }
    fn log_scale_of(&self, _: Target<'_>) -> Option<f64> {
        Some(31.0)
    }
    fn linear(&self, x: &Level, _: &LinearLayer<'_>, _: Target<'_>) -> Result<Level, io::Error> {
        self.value(x, "linear", x.0 - 1)
    }
    fn rotate_sum(&self, x: &Level, _: &[Rotation]) -> Result<Level, io::Error> {
        self.value(x, "rotate_sum", x.0)
    }
    fn add(&self, a: &Level, _: &Level) -> Result<Level, io::Error> {
        self.value(a, "add", a.0)
    }
    fn drop_level(&self, x: &Level, level: u8) -> Result<Level, io::Error> {
        self.value(x, "drop_level", level.into())
    }
    fn bootstrap(&self, x: &Level, _: Target<'_>) -> Result<Level, io::Error> {
        self.value(x, "bootstrap", 7)
    }
    fn polynomial(&self, x: &Level, polynomial: &Polynomial) -> Result<Level, io::Error> {
        self.value(x, "polynomial", x.0 - usize::from(polynomial.depth()))
    }
}

fn checked() -> (CheckedPlan, Weights) {
    let (plan, weights) = small_plan(15);
    (CheckedPlan::new(plan).expect("good"), weights)
}

fn run(fault: Option<&'static str>, input: Level) -> Result<(Level, Trace), ExecutionError> {
    let (plan, weights) = checked();
    let backend = Counting { fault: Cell::new(fault), live: Cell::new(0) };
    Execution::new(&plan, &weights, backend).expect("its own weights").run(input, &mut ())
}

#[test]
fn a_run_traces_every_step_and_reports_shares_in_order() {
    let (plan, weights) = checked();
    let execution = Execution::new(&plan, &weights, Counting::default()).expect("its own weights");
    let (mut shares, mut layers) = (Vec::new(), Vec::new());
    let mut progress = |status: &Status<'_>| {
        shares.push(status.share);
        layers.push(status.layer.to_owned());
        assert_eq!(status.steps, 11);
    };
    let (output, trace) = execution.run(Level(6, 31.0), &mut progress).expect("runs");
    assert_eq!(output.0, 1);
    assert_eq!(trace.entries.len(), 11);
    assert!(trace.entries.iter().zip(&plan.steps).all(|(entry, step)| entry.layer == step.layer
        && entry.level == step.level.0
        && entry.op == step.op.name()));
    assert_eq!((shares.len(), shares[0], shares[11]), (12, 0.0, 1.0));
    assert!(shares.is_sorted());
    assert_eq!((&*layers[1], &*layers[11]), ("conv1", ""));
    // The counting backend's values are its levels: 5 and 7 at the polynomials, 2 at the bootstrap.
    let readings: Vec<f64> = trace.entries.iter().filter_map(|e| e.reading).map(|r| r.largest).collect();
    assert_eq!(readings, [5.0, 2.0, 7.0]);
    assert_eq!(trace.alarms().count(), 3);
}

#[test]
fn levels_and_scales_are_asserted_after_every_step() {
    let input = || Level(6, 31.0);
    assert!(matches!(
        run(Some("level"), input()),
        Err(ExecutionError::Level { step: 2, found: 4, expected: 3, .. })
    ));
    assert!(matches!(run(Some("scale"), input()), Err(ExecutionError::Scale { step: 1, .. })));
    assert!(matches!(run(Some("nan"), input()), Err(ExecutionError::Scale { step: 1, .. })));
    let wrong = run(None, Level(5, 31.0)).err().expect("the input's level");
    assert!(matches!(wrong, ExecutionError::Level { step: 0, found: 5, expected: 6, .. }));
    assert_eq!(wrong.exit_class(), ExitClass::Mismatch);
    let refused = run(Some("error"), input()).err().expect("refused");
    assert_eq!(refused.exit_class(), ExitClass::Mismatch);
    assert_eq!(refused.to_string(), "step 4 (layer `relu2`): no key");
}

#[test]
fn a_set_flag_stops_before_the_next_step() {
    let (plan, weights) = checked();
    let flag = Arc::new(AtomicBool::new(false));
    let execution = Execution::new(&plan, &weights, Counting::default()).expect("its own weights");
    let execution = execution.cancelled_by(Arc::clone(&flag));
    let mut progress = |status: &Status<'_>| flag.store(status.step >= 3, Ordering::Relaxed);
    let error = execution.run(Level(6, 31.0), &mut progress).err().expect("cancelled");
    assert!(matches!(error, ExecutionError::Cancelled { step: 3 }));
    assert_eq!(error.exit_class().code(), 130);
}

#[test]
fn weights_that_fold_to_infinity_are_refused() {
    let (mut plan, mut weights): (Plan, Weights) = small_plan(15);
    let name = "conv1.bn.running_var";
    let mut tensor = weights.get(name).expect("there").clone();
    tensor.values[0] = -1.0;
    weights.insert(name.to_owned(), tensor);
    let reference = weights.reference(name).expect("there");
    plan.weights.iter_mut().filter(|t| t.name == name).for_each(|t| *t = reference.clone());
    let plan = CheckedPlan::new(plan).expect("good");
    let error = Execution::new(&plan, &weights, Counting::default()).err().expect("NaN");
    assert!(matches!(error, ExecutionError::NotFinite { layer } if layer == "conv1"));
}
