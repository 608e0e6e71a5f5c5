//! Runs the binary as a user would and measures it.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TIME: &str = "/usr/bin/time";

/// What a process took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    wall: Duration,
    /// Peak resident memory in KiB, where it can be measured.
    memory: Option<u64>,
}

impl Usage {
    /// The smaller of each: what else runs on the machine only adds.
    pub(crate) fn smaller(self, other: Self) -> Self {
        let memory = [self.memory, other.memory].into_iter().flatten().min();
        Self { wall: self.wall.min(other.wall), memory }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8.1} ms", 1e3 * self.wall.as_secs_f64())?;
        match self.memory {
            Some(kib) => write!(f, "  {:7.1} MiB", kib as f64 / 1024.0),
            None => Ok(()),
        }
    }
}

/// Whether benchmarks are to run: `cargo test --all-targets` only wants to see that they start.
pub(crate) fn is_benchmark() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

/// Forecasts a file 12 steps ahead into another.
pub(crate) fn run_forecast(data: &str, output: &str) -> Usage {
    run_with(&["forecast", data, "-H", "12", "-o", output])
}

/// Runs the binary and waits for it.
pub(crate) fn run_with(arguments: &[&str]) -> Usage {
    let binary = env!("CARGO_BIN_EXE_foretoken");
    let is_timed = Path::new(TIME).exists();
    let mut command = if is_timed { Command::new(TIME) } else { Command::new(binary) };
    if is_timed {
        command.args(["-f", "%M", binary]);
    }
    let start = Instant::now();
    let ended = command.args(arguments).stdout(Stdio::null()).output().expect("the binary starts");
    let wall = start.elapsed();
    let messages = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{messages}");
    let memory = messages.lines().last().and_then(|line| line.trim().parse().ok()).filter(|_| is_timed);
    Usage { wall, memory }
}
