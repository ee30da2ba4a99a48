//! The loop over a plan's steps, on any backend.

pub mod backend;
mod error;
mod progress;
mod trace;

pub use backend::{Backend, LinearLayer, Target};
pub use error::ExecutionError;
pub use progress::{Progress, Status};
pub use trace::{Held, Reading, Trace, TraceEntry};

use crate::weights;
use fhecc_plan::{CheckedPlan, LinearValues, Op, Reg, Step, StepScale, Weights};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Difference in log2 below which two scales are the same.
const SCALE_TOLERANCE: f64 = 1e-9;

/// A plan with its weights on a backend, ready to run any number of times.
#[derive(Debug)]
pub struct Execution<'a, B> {
    plan: &'a CheckedPlan,
    values: Vec<LinearValues>,
    backend: B,
    cancelled: Option<Arc<AtomicBool>>,
}

impl<'a, B: Backend> Execution<'a, B> {
    /// Takes what of `weights` the plan needs.
    ///
    /// # Errors
    ///
    /// [`ExecutionError::Weights`] if they are not those the plan was compiled for,
    /// [`ExecutionError::NotFinite`] if folding a batch norm divides by zero.
    pub fn new(plan: &'a CheckedPlan, weights: &Weights, backend: B) -> Result<Self, ExecutionError> {
        weights::check(weights, plan).map_err(ExecutionError::Weights)?;
        let mut values = Vec::with_capacity(plan.linears.len());
        for (index, map) in plan.linears.iter().enumerate() {
            let missing = |fhecc_plan::MissingTensor(name)| weights::WeightsError::Missing { name };
            let folded = map.values(weights).map_err(missing).map_err(ExecutionError::Weights)?;
            if !folded.weight.iter().chain(&folded.bias).all(|v| v.is_finite()) {
                return Err(ExecutionError::NotFinite { layer: layer_of(plan, index) });
            }
            values.push(folded);
        }
        Ok(Self { plan, values, backend, cancelled: None })
    }

    /// Stops between two steps once `flag` is set.
    #[must_use]
    pub fn cancelled_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancelled = Some(flag);
        self
    }

    /// The backend.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The plan.
    pub fn plan(&self) -> &CheckedPlan {
        self.plan
    }

    /// Makes what the plan says is held for all images: encoded weights. Without it the first image pays for that.
    ///
    /// # Errors
    ///
    /// [`ExecutionError`]: what the backend refuses.
    pub fn prepare(&self) -> Result<(), ExecutionError> {
        let steps: BTreeMap<Reg, &Step> = self.plan.steps.iter().map(|step| (step.dst, step)).collect();
        for (index, step) in self.plan.steps.iter().enumerate() {
            if let Op::Linear { src, map } = &step.op {
                let read = steps.get(src).ok_or(ExecutionError::Register { register: *src })?;
                let argument = (read.level.0.into(), self.target(read)?);
                let (layer, target) = (self.layer(*map as usize, *src)?, self.target(step)?);
                let done = self.backend.prepare(&layer, argument, target);
                done.map_err(|error| self.refused(index, step, error))?;
            }
        }
        Ok(())
    }

    fn layer(&self, index: usize, src: Reg) -> Result<LinearLayer<'_>, ExecutionError> {
        match (self.plan.linears.get(index), self.values.get(index)) {
            (Some(map), Some(values)) => Ok(LinearLayer { index, map, values }),
            _ => Err(ExecutionError::Register { register: src }),
        }
    }

    fn refused(&self, index: usize, step: &Step, error: B::Error) -> ExecutionError {
        ExecutionError::Backend {
            step: index,
            layer: step.layer.clone(),
            class: self.backend.exit_class(&error),
            source: Box::new(error),
        }
    }

    /// Executes every step and gives the output register with the trace.
    ///
    /// # Errors
    ///
    /// [`ExecutionError`]: what the backend refuses, a level or scale other than the plan's, or
    /// [`ExecutionError::Cancelled`].
    pub fn run(
        &self,
        input: B::Value,
        progress: &mut dyn Progress,
    ) -> Result<(B::Value, Trace), ExecutionError> {
        let mut registers = BTreeMap::new();
        let mut input = Some(input);
        let mut trace = Trace::default();
        let mut clock = progress::Clock::new(self.plan);
        for (index, step) in self.plan.steps.iter().enumerate() {
            progress.report(&clock.status(index, Some(step)));
            if self.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
                return Err(ExecutionError::Cancelled { step: index });
            }
            self.backend.begin_step();
            let start = Instant::now();
            let reading = self.reading(step, &registers);
            let value = self.step(index, step, &mut input, &registers)?;
            self.assert_level_and_scale(index, step, &value)?;
            for reg in &step.frees {
                registers.remove(reg);
            }
            registers.insert(step.dst, value);
            trace.entries.push(TraceEntry {
                step: index,
                layer: step.layer.clone(),
                op: step.op.name(),
                nanos: u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX),
                level: step.level.0,
                reading,
                held: self.backend.memory(),
            });
        }
        progress.report(&clock.status(self.plan.steps.len(), None));
        let output = self.plan.output.register;
        let value = registers.remove(&output).ok_or(ExecutionError::Register { register: output })?;
        Ok((value, trace))
    }

    /// The largest slot that an approximation is about to read, where the backend can tell.
    fn reading(&self, step: &Step, registers: &BTreeMap<Reg, B::Value>) -> Option<Reading> {
        let (src, allowed) = match &step.op {
            Op::Bootstrap { src } => (src, 1.0),
            Op::Polynomial { src, polynomial } => {
                (src, self.plan.polynomials.get(*polynomial as usize)?.domain)
            }
            Op::Input | Op::Linear { .. } | Op::RotateSum { .. } | Op::Add { .. } | Op::DropLevel { .. } => {
                return None;
            }
        };
        let largest = self.backend.largest(registers.get(src)?)?;
        Some(Reading { largest, allowed })
    }

    fn step(
        &self,
        index: usize,
        step: &Step,
        input: &mut Option<B::Value>,
        registers: &BTreeMap<Reg, B::Value>,
    ) -> Result<B::Value, ExecutionError> {
        let missing = |register| ExecutionError::Register { register };
        let read = |reg: &Reg| registers.get(reg).ok_or(missing(*reg));
        let result = match &step.op {
            Op::Input => return input.take().ok_or(missing(step.dst)),
            Op::Linear { src, map } => {
                self.backend.linear(read(src)?, &self.layer(*map as usize, *src)?, self.target(step)?)
            }
            Op::RotateSum { src, rotations } => self.backend.rotate_sum(read(src)?, rotations),
            Op::Add { a, b } => self.backend.add(read(a)?, read(b)?),
            Op::DropLevel { src } => self.backend.drop_level(read(src)?, step.level.0),
            Op::Bootstrap { src } => self.backend.bootstrap(read(src)?, self.target(step)?),
            Op::Polynomial { src, polynomial } => {
                let polynomial = self.plan.polynomials.get(*polynomial as usize).ok_or(missing(*src))?;
                self.backend.polynomial(read(src)?, polynomial)
            }
        };
        result.map_err(|error| self.refused(index, step, error))
    }

    /// The scale that the plan wants a step's result at.
    fn target(&self, step: &Step) -> Result<Target<'_>, ExecutionError> {
        let polynomial = |index: u32| {
            let found = self.plan.polynomials.get(index as usize);
            found.ok_or(ExecutionError::Register { register: step.dst })
        };
        Ok(match step.scale {
            StepScale::Layer => Target::Layer,
            StepScale::Argument { polynomial: index, level } => Target::Argument(polynomial(index)?, level),
            StepScale::Square { polynomial: index } => Target::Square(polynomial(index)?),
            StepScale::Raised { log2 } => Target::Raised(log2),
        })
    }

    fn assert_level_and_scale(
        &self,
        index: usize,
        step: &Step,
        value: &B::Value,
    ) -> Result<(), ExecutionError> {
        let layer = || step.layer.clone();
        let (found, expected) = (self.backend.level(value), step.level.0);
        if found != usize::from(expected) {
            return Err(ExecutionError::Level {
                step: index,
                layer: layer(),
                found,
                expected: expected.into(),
            });
        }
        let found = self.backend.log_scale(value);
        let expected = self.backend.log_scale_of(self.target(step)?).unwrap_or(f64::NAN);
        // Also refuses NaN.
        if (found - expected).abs() <= SCALE_TOLERANCE {
            return Ok(());
        }
        Err(ExecutionError::Scale { step: index, layer: layer(), found, expected })
    }
}

/// The layer that first uses a linear map.
fn layer_of(plan: &CheckedPlan, index: usize) -> String {
    let uses = |step: &&Step| matches!(step.op, Op::Linear { map, .. } if map as usize == index);
    plan.steps.iter().find(uses).map(|step| step.layer.clone()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
