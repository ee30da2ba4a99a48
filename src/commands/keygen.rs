//! `fhecc keygen`

use super::limit_threads;
use crate::args::Keygen;
use crate::error::Failure;
use crate::files;
use crate::keys::{self, Keys};
use crate::output;
use crate::program::Program;
use crate::progress::Spinner;
use serde::Serialize;
use std::time::Instant;

#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    network: &'a str,
    keys: String,
    rotation_keys: usize,
    key_bytes: usize,
    seconds: f64,
}

/// Generates the keys that a plan needs and stores them.
pub(crate) fn keygen(args: &Keygen) -> Result<(), Failure> {
    limit_threads(args.threads)?;
    keys::may_write(&args.output, args.force)?;
    let program = Program::open(&args.program, &args.sources)?;
    let begin = Instant::now();
    let spinner = Spinner::new("generating keys");
    let keys = files::write_whole_folder(&args.output, |folder| {
        let keys = Keys::generate(&program.plan)?;
        keys.store(folder, &program.plan)?;
        Ok(keys)
    })?;
    drop(spinner);
    let seconds = begin.elapsed().as_secs_f64();
    let key_bytes = keys.evaluation.size_in_bytes();
    let network = &program.plan.network.name;
    if args.json {
        return output::json(&Summary {
            schema: 1,
            network,
            keys: args.output.display().to_string(),
            rotation_keys: keys.rotations(),
            key_bytes,
            seconds,
        });
    }
    let folder = args.output.display();
    output::result(&format!(
        "keys for `{network}` in {folder}, {seconds:.1} s\n  secret.key       stays with you (mode 0600)\n  evaluation.keys  for whoever evaluates: {} rotation keys, {}\n",
        keys.rotations(),
        output::bytes(key_bytes as u64)
    ))
}
