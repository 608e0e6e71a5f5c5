//! `foretoken completions SHELL`.

use clap::CommandFactory;

use super::{Outcome, args::Cli, output};
use crate::error::Result;

pub(super) fn run(shell: clap_complete::Shell) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "foretoken", &mut script);
    output::to_stdout(&script)?;
    Ok(Outcome::Done)
}
