//! Whole processes: `forecast` of a small file against a bare start (`--version`), wall time and peak memory.
//!
//! The bar: within 20 ms and 30 MiB. Peak memory is that of `/usr/bin/time`, where there is one.

mod common;

use common::process::{Usage, is_benchmark, run_forecast, run_with};

const RUNS: usize = 20;

fn main() {
    if !is_benchmark() {
        return;
    }
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/air_passengers.csv");
    let output = format!("{}/air_passengers_forecast.csv", env!("CARGO_TARGET_TMPDIR"));
    let best = |run: &dyn Fn() -> Usage| (0..RUNS).map(|_| run()).reduce(Usage::smaller).unwrap_or_default();
    let start = best(&|| run_with(&["--version"]));
    let forecast = best(&|| run_forecast(data, &output));
    println!("process/--version          {start}");
    println!("process/forecast 144 rows  {forecast}  (bar: 20 ms, 30 MiB)");
}
