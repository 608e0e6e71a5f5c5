//! The command line: parse, run, exit code. One file per command.
//!
//! Data go to standard output, messages and progress to standard error. A closed pipe is not an error.

mod args;
mod completions;
mod config;
mod decode;
mod detect;
mod figures;
mod fit;
mod fit_system;
mod forecast;
mod generate;
mod history;
mod input;
mod inspect;
mod inspect_file;
mod load;
mod models;
mod network;
mod notes;
mod output;
mod plot;
mod progress;
mod residuals;
mod scenario;
mod score;
mod symbols;
mod table;
mod tokenize;
mod vector;

use std::process::ExitCode;

use clap::Parser;

use crate::error::{Error, ErrorKind};
use args::{Cli, Command};

/// How a command ended that did not fail outright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Everything was done.
    Done,
    /// Some series failed; they were listed, the others were done.
    SomeFailed,
    /// `--fail-on-anomaly` was given and there is one.
    AnomalyFound,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::SomeFailed => 4,
            Outcome::AnomalyFound => 10,
        })
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let given = match config::expand(std::env::args_os().collect()) {
        Ok(given) => given,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(exit_code(&error));
        }
    };
    match run(&Cli::parse_from(given).command) {
        Ok(outcome) => outcome.into(),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn run(command: &Command) -> Result<Outcome, Error> {
    match command {
        Command::Forecast(args) => forecast::run(args),
        Command::Fit(args) => fit::run(args),
        Command::Detect(args) => detect::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Generate(args) => generate::run(args),
        Command::Score(args) => score::run(args),
        Command::Tokenize(args) => tokenize::tokenize(args),
        Command::Detokenize(args) => tokenize::detokenize(args),
        Command::Plot(args) => plot::run(args),
        Command::Completions { shell } => completions::run(*shell),
    }
}

fn exit_code(error: &Error) -> u8 {
    match error.kind() {
        // A file that cannot be read or written was named wrongly, as far as the user can tell.
        ErrorKind::Usage | ErrorKind::Io => 2,
        ErrorKind::Data | ErrorKind::Numeric => 3,
        _ => 1,
    }
}
