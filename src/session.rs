//! From images to logits: encryption, evaluation and decryption, or evaluation on clear slots.

use crate::error::Failure;
use crate::keys::{self, Keys};
use crate::program::Program;
use fhecc_ckks::Encoder;
use fhecc_client::{Decryptor, Encryptor};
use fhecc_plan::{Op, Plan, Step};
use fhecc_runtime::images::{ImageError, ImageRgb};
use fhecc_runtime::{Clear, Encrypted, Execution, ExecutionError, Progress, Trace, needs_bootstrap};
use std::time::Instant;

/// The logits of one image, and what they took.
#[derive(Debug)]
pub(crate) struct Answer {
    /// One per class.
    pub(crate) logits: Vec<f64>,
    /// Encryption, evaluation, decryption.
    pub(crate) seconds: [f64; 3],
    /// Step by step.
    pub(crate) trace: Trace,
}

/// A plan on ciphertexts, ready for any number of images.
pub(crate) struct EncryptedSession<'a> {
    keys: &'a Keys,
    execution: Execution<'a, Encrypted<'a>>,
}

impl<'a> EncryptedSession<'a> {
    /// Prepares `program` with these keys.
    pub(crate) fn new(program: &'a Program, keys: &'a Keys) -> Result<Self, Failure> {
        if needs_bootstrap(&program.plan) {
            keys.parameters.prepare_bootstrap().map_err(|e| Failure::bug(&e))?;
        }
        let backend = Encrypted::new(&program.plan, &keys.parameters, &keys.evaluation);
        let execution = Execution::new(&program.plan, &program.weights, backend).map_err(|e| stopped(&e))?;
        Ok(Self { keys, execution })
    }

    /// Encrypts, evaluates and decrypts.
    pub(crate) fn classify(&self, image: &ImageRgb, progress: &mut dyn Progress) -> Result<Answer, Failure> {
        let plan: &Plan = self.execution.plan();
        let parameters = &self.keys.parameters;
        let begin = Instant::now();
        let values = image.slots(&plan.input, plan.input.layout.period()).map_err(|e| unfit(&e))?;
        let level = input_step(plan)?.level.0.into();
        let plaintext = Encoder::new(parameters)
            .encode(&values, level, parameters.scale())
            .map_err(|e| Failure::bug(&e))?;
        let input = Encryptor::new(&self.keys.secret, keys::seeds()?)
            .encrypt(&plaintext)
            .map_err(|e| Failure::bug(&e))?;
        let encrypted = Instant::now();
        let (output, trace) = self.execution.run(input, progress).map_err(|e| stopped(&e))?;
        let evaluated = Instant::now();
        let slots = Decryptor::new(&self.keys.secret).decrypt(&output).map_err(|e| Failure::bug(&e))?;
        let logits = logits(plan, &slots);
        let seconds = [
            (encrypted - begin).as_secs_f64(),
            (evaluated - encrypted).as_secs_f64(),
            evaluated.elapsed().as_secs_f64(),
        ];
        Ok(Answer { logits, seconds, trace })
    }
}

/// A plan on clear slots, ready for any number of images.
pub(crate) struct ClearSession<'a> {
    execution: Execution<'a, Clear>,
}

impl<'a> ClearSession<'a> {
    /// Prepares `program`.
    pub(crate) fn new(program: &'a Program) -> Result<Self, Failure> {
        let backend = Clear::new(&program.plan);
        let execution = Execution::new(&program.plan, &program.weights, backend).map_err(|e| stopped(&e))?;
        Ok(Self { execution })
    }

    /// The logits of every image, and what the batch took.
    pub(crate) fn classify(
        &self,
        images: &[ImageRgb],
        progress: &mut dyn Progress,
    ) -> Result<(Vec<Vec<f64>>, Trace), Failure> {
        let plan: &Plan = self.execution.plan();
        let slots = |image: &ImageRgb| image.slots(&plan.input, plan.input.layout.period());
        let slots = images.iter().map(slots).collect::<Result<Vec<_>, _>>().map_err(|e| unfit(&e))?;
        let level = input_step(plan)?.level.0;
        let input = self.execution.backend().input(slots, level).map_err(|e| Failure::bug(&e))?;
        let (output, trace) = self.execution.run(input, progress).map_err(|e| stopped(&e))?;
        Ok((output.images().iter().map(|slots| logits(plan, slots)).collect(), trace))
    }

    /// The logits of one image, timed as an encrypted run is.
    pub(crate) fn classify_one(
        &self,
        image: &ImageRgb,
        progress: &mut dyn Progress,
    ) -> Result<Answer, Failure> {
        let begin = Instant::now();
        let (mut logits, trace) = self.classify(std::slice::from_ref(image), progress)?;
        let logits = logits.pop().unwrap_or_default();
        Ok(Answer { logits, seconds: [0.0, begin.elapsed().as_secs_f64(), 0.0], trace })
    }
}

fn input_step(plan: &Plan) -> Result<&Step, Failure> {
    plan.steps
        .iter()
        .find(|step| step.op == Op::Input)
        .ok_or_else(|| Failure::bad_input("the plan reads no input. Compile the network again."))
}

fn logits(plan: &Plan, slots: &[f64]) -> Vec<f64> {
    let period = plan.output.layout.period();
    let slots = slots.get(..period).unwrap_or(slots);
    plan.output.layout.unpack(slots).into_iter().map(|value| value * plan.output.range).collect()
}

fn stopped(error: &ExecutionError) -> Failure {
    Failure::new(error.exit_class().into(), format!("{error}."))
}

fn unfit(error: &ImageError) -> Failure {
    Failure::new(error.exit_class().into(), format!("{error}."))
}
