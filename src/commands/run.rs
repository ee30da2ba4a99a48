//! `fhecc run`

mod json;
mod text;

use super::limit_threads;
use crate::account::{Account, Bounds};
use crate::args::{Backend, Run};
use crate::batch;
use crate::error::Failure;
use crate::image_files::{ImageFiles, Named};
use crate::keys::Keys;
use crate::output;
use crate::program::Program;
use crate::progress::{ImagesBar, Spinner, StepBar};
use crate::session::{Answer, ClearSession, EncryptedSession};
use fhecc_runtime::images::{self, ImageRgb};
use fhecc_runtime::{Progress, TraceEntry};
use rayon::prelude::*;
use std::time::Instant;

/// What an evaluation held in keys.
#[derive(Clone, Copy, Default)]
struct KeyFigures {
    rotations: usize,
    bytes: usize,
    seconds: f64,
}

/// Everything there is to report.
struct Report<'a> {
    backend: Backend,
    program: &'a Program,
    images: &'a [Named],
    evaluated: &'a Evaluated,
    total_seconds: f64,
}

/// What came of the images.
struct Evaluated {
    /// One for every image. Of several, the traces hold range alarms only.
    answers: Vec<Answer>,
    /// From the first encryption to the last decryption.
    images_seconds: f64,
    keys: KeyFigures,
    /// How many images were evaluated at once.
    at_once: usize,
    /// Memory predicted and measured; of a single image on ciphertexts.
    account: Option<Account>,
}

/// Classifies images.
pub(crate) fn run(args: &Run) -> Result<(), Failure> {
    let begin = Instant::now();
    limit_threads(args.threads)?;
    let program = Program::open(&args.program, &args.sources)?;
    let size = images::plan_size(&program.plan.input)
        .map_err(|e| Failure::new(e.exit_class().into(), format!("{}: {e}.", args.program.display())))?;
    let ImageFiles { images, skipped } = ImageFiles::read(&args.images, size)?;
    for (folder, count) in skipped {
        let others = if count == 1 { "1 file or folder" } else { &format!("{count} files or folders") };
        output::note(&format!("{}: skipped {others} not named .png, .jpg or .jpeg\n", folder.display()));
    }
    let evaluated = match args.backend {
        Backend::Clear => clear(args, &program, &images)?,
        Backend::Ckks => {
            let bounds = Bounds::new(&program.plan, args.expand_keys)?;
            bounds.install(|| encrypted(args, &program, &images, &bounds))?
        }
    };
    warn_of_ranges(&images, &evaluated.answers);
    let report = Report {
        backend: args.backend,
        program: &program,
        images: &images,
        evaluated: &evaluated,
        total_seconds: begin.elapsed().as_secs_f64(),
    };
    if args.json { json::print(&report) } else { text::print(&report) }
}

fn clear(args: &Run, program: &Program, images: &[Named]) -> Result<Evaluated, Failure> {
    let session = ClearSession::new(program)?;
    // Each on a thread of its own; the first one shows how far all are.
    let classify = |images: &[&ImageRgb], progress: &mut (dyn Progress + Send)| {
        let Some((first, others)) = images.split_first() else { return Ok(Vec::new()) };
        let (first, others) = rayon::join(
            || session.classify_one(first, progress),
            || {
                let others = others.par_iter().map(|image| session.classify_one(image, &mut ()));
                others.collect::<Result<Vec<_>, _>>()
            },
        );
        let mut answers = vec![first?];
        answers.extend(others?);
        Ok(answers)
    };
    let (answers, images_seconds) = answers(args, program, images, usize::MAX, classify)?;
    let at_once = batch::at_once(images.len(), usize::MAX);
    Ok(Evaluated { answers, images_seconds, keys: KeyFigures::default(), at_once, account: None })
}

fn encrypted(args: &Run, program: &Program, images: &[Named], bounds: &Bounds) -> Result<Evaluated, Failure> {
    let (mut keys, seconds) = keys(args, program)?;
    let figures = KeyFigures { rotations: keys.rotations(), bytes: keys.evaluation.size_in_bytes(), seconds };
    if args.expand_keys {
        keys.expand();
    }
    let session = EncryptedSession::new(program, &keys)?;
    let before = fhecc_ckks::memory::in_use() as u64;
    let classify =
        |images: &[&ImageRgb], progress: &mut (dyn Progress + Send)| session.classify(images, progress);
    let (answers, images_seconds) = answers(args, program, images, bounds.at_once, classify)?;
    let account = match answers.as_slice() {
        [only] => Some(Account::new(&program.plan, &keys, &only.trace, (before, session.held_bytes()))),
        _ => None,
    };
    let at_once = batch::at_once(images.len(), bounds.at_once);
    Ok(Evaluated { answers, images_seconds, keys: figures, at_once, account })
}

fn keys(args: &Run, program: &Program) -> Result<(Keys, f64), Failure> {
    if let Some(folder) = &args.keys {
        let _spinner = Spinner::new("loading keys");
        return Ok((Keys::load(folder, &program.plan)?, 0.0));
    }
    let _spinner = Spinner::new("generating keys");
    let begin = Instant::now();
    let keys = Keys::generate(&program.plan)?;
    Ok((keys, begin.elapsed().as_secs_f64()))
}

/// Classifies one image on all threads, or several at once, at most `most`; in text, says of several at once what each one is.
fn answers(
    args: &Run,
    program: &Program,
    images: &[Named],
    most: usize,
    classify: impl Fn(&[&ImageRgb], &mut (dyn Progress + Send)) -> Result<Vec<Answer>, Failure> + Sync,
) -> Result<(Vec<Answer>, f64), Failure> {
    let begin = Instant::now();
    let mut answers = Vec::with_capacity(images.len());
    if let [only] = images {
        answers.extend(classify(&[&only.image], &mut StepBar::new())?);
        return Ok((answers, begin.elapsed().as_secs_f64()));
    }
    let bar = ImagesBar::new(images.len());
    let work = |several: &[Named]| {
        let images: Vec<&ImageRgb> = several.iter().map(|named| &named.image).collect();
        classify(&images, &mut bar.part(images.len()))
    };
    batch::in_order(images, most, work, |named, mut answer| {
        if !args.json {
            bar.suspend(|| output::result(&text::line(&program.plan, named, &answer)))?;
        }
        answer.trace.entries.retain(is_alarm);
        answers.push(answer);
        Ok(())
    })?;
    Ok((answers, begin.elapsed().as_secs_f64()))
}

/// Whether an activation read values beyond its range; only clear slots show it.
fn is_alarm(entry: &TraceEntry) -> bool {
    entry.op == "polynomial" && entry.reading.is_some_and(|reading| reading.exceeded())
}

/// Says on stderr if values left the ranges that the activations were calibrated to.
fn warn_of_ranges(images: &[Named], answers: &[Answer]) {
    let alarms = |answer: &Answer| answer.trace.entries.iter().filter(|e| is_alarm(e)).count();
    let mut beyond = images.iter().zip(answers).filter(|(_, answer)| alarms(answer) > 0);
    let Some((named, answer)) = beyond.next() else { return };
    let Some(first) = answer.trace.entries.iter().find(|entry| is_alarm(entry)) else { return };
    let on = match (images.len(), 1 + beyond.count()) {
        (1, _) => String::new(),
        (all, some) => format!("on {some} of {all} images, the first of them {}: ", named.path.display()),
    };
    output::note(&format!(
        "warning: {on}{} activations, the first of them `{}`, read values beyond the range they were calibrated to; the answer may be off. Calibrate on more images, or on images like this one.\n",
        alarms(answer),
        first.layer
    ));
}
