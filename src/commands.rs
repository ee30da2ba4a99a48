//! One file per verb.

mod bench;
mod calibrate;
mod check;
mod compile;
mod eval_accuracy;
mod explain;
mod keygen;
mod run;
mod tune;

use crate::args::Command;
use crate::error::Failure;

/// Does what the command says.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Bench(args) => bench::bench(args),
        Command::Tune(args) => tune::tune(args),
        Command::Check(args) => check::check(args),
        Command::Compile(args) => compile::compile(args),
        Command::Explain(args) => explain::explain(args),
        Command::Run(args) => run::run(args),
        Command::Keygen(args) => keygen::keygen(args),
        Command::Calibrate(args) => calibrate::calibrate(args),
        Command::EvalAccuracy(args) => eval_accuracy::eval_accuracy(args),
    }
}

/// Limits the threads of everything that follows.
fn limit_threads(threads: Option<u16>) -> Result<(), Failure> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.into())
        .build_global()
        .map_err(|e| Failure::resources(format!("{threads} threads cannot be started: {e}. Ask for fewer.")))
}
