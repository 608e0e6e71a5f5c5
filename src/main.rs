//! The `foretoken` command: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    foretoken::cli::main()
}
