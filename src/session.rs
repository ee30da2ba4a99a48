//! From images to logits: encryption, evaluation and decryption, or evaluation on clear slots.

use crate::error::Failure;
use crate::keys::{self, Keys};
use crate::program::Program;
use fhecc_ckks::{Ciphertext, Encoder};
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
            keys.parameters
                .prepare_bootstrap(program.plan.memory.transformed_matrices)
                .map_err(|e| Failure::bug(&e))?;
        }
        let backend = Encrypted::new(&program.plan, &keys.parameters, &keys.evaluation);
        let execution = Execution::new(&program.plan, &program.weights, backend).map_err(|e| stopped(&e))?;
        execution.prepare().map_err(|e| stopped(&e))?;
        Ok(Self { keys, execution })
    }

    /// Bytes of the encoded diagonals that are held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.execution.backend().held_bytes()
    }

    /// Encrypts, evaluates and decrypts: one image, or several that share keys and encoded weights while they are used.
    /// The first answer has the trace.
    pub(crate) fn classify(
        &self,
        images: &[&ImageRgb],
        progress: &mut dyn Progress,
    ) -> Result<Vec<Answer>, Failure> {
        let encrypt = |image: &&ImageRgb| timed(|| self.encrypt(image));
        let encrypted = images.iter().map(encrypt).collect::<Result<Vec<_>, _>>()?;
        let (inputs, encryption): (Vec<_>, Vec<_>) = encrypted.into_iter().unzip();
        let begin = Instant::now();
        let (outputs, trace) = self.execution.run(inputs, progress).map_err(|e| stopped(&e))?;
        let evaluation = begin.elapsed().as_secs_f64();
        let traces = std::iter::once(trace).chain(std::iter::repeat_with(Trace::default));
        let answer = |((output, encryption), trace): ((&Ciphertext, f64), Trace)| {
            let (logits, decryption) = timed(|| self.decrypt(output))?;
            Ok(Answer { logits, seconds: [encryption, evaluation, decryption], trace })
        };
        outputs.iter().zip(encryption).zip(traces).map(answer).collect()
    }

    fn encrypt(&self, image: &ImageRgb) -> Result<Ciphertext, Failure> {
        let plan: &Plan = self.execution.plan();
        let parameters = &self.keys.parameters;
        let values = image.slots(&plan.input, plan.input.layout.period()).map_err(|e| unfit(&e))?;
        let level = input_step(plan)?.level.0.into();
        let plaintext = Encoder::new(parameters)
            .encode(&values, level, parameters.scale())
            .map_err(|e| Failure::bug(&e))?;
        Encryptor::new(&self.keys.secret, keys::seeds()?).encrypt(&plaintext).map_err(|e| Failure::bug(&e))
    }

    fn decrypt(&self, output: &Ciphertext) -> Result<Vec<f64>, Failure> {
        let slots = Decryptor::new(&self.keys.secret).decrypt(output).map_err(|e| Failure::bug(&e))?;
        Ok(logits(self.execution.plan(), &slots))
    }
}

/// What `work` gives, and its seconds.
fn timed<R>(work: impl FnOnce() -> Result<R, Failure>) -> Result<(R, f64), Failure> {
    let begin = Instant::now();
    let result = work()?;
    Ok((result, begin.elapsed().as_secs_f64()))
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
