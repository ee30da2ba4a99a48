//! The command line of fhecc: the only code that reads arguments and prints.

mod account;
mod args;
mod batch;
mod bench;
mod byte_size;
mod classes;
mod commands;
mod error;
mod exit;
mod files;
mod image_files;
mod keys;
mod output;
mod profiles;
mod program;
mod progress;
mod session;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    exit::handle_panics();
    exit::handle_interrupts();
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    match commands::run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            failure.status.into()
        }
    }
}
