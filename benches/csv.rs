//! Ten million rows of CSV, 1,000 series of 10,000 days, through the whole program: read, fit every series, forecast 12
//! steps, write. The bar: within 5 s on two cores and 1 GiB. The baseline reads the same file and counts its lines.

mod common;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use common::process::{Usage, is_benchmark, run_forecast};

const SERIES: u64 = 1_000;
const DAYS: usize = 10_000;
const RUNS: usize = 3;

fn main() {
    if !is_benchmark() {
        return;
    }
    let path = format!("{}/ten_million_rows.csv", env!("CARGO_TARGET_TMPDIR"));
    if !Path::new(&path).exists() {
        generate(&path).expect("the temporary folder can be written");
    }
    let start = Instant::now();
    let lines = std::fs::read(&path).expect("the generated file").iter().filter(|byte| **byte == b'\n').count();
    println!("csv/read and count lines  {:8.1} ms  {lines} lines", 1e3 * start.elapsed().as_secs_f64());
    let output = format!("{}/ten_million_rows_forecast.csv", env!("CARGO_TARGET_TMPDIR"));
    let forecast = (0..RUNS).map(|_| run_forecast(&path, &output)).reduce(Usage::smaller).unwrap_or_default();
    println!("csv/forecast 10,000,000 rows  {forecast}  (bar: 5 s, 1 GiB)");
}

fn generate(path: &str) -> std::io::Result<()> {
    let days: Vec<String> = (0..DAYS).map(date).collect();
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "unique_id,ds,y")?;
    for series in 0..SERIES {
        for (day, y) in days.iter().zip(common::ar2(DAYS, series)) {
            writeln!(file, "S{series:04},{day},{y:.4}")?;
        }
    }
    file.flush()
}

/// The day so many days after 1990-01-01, by counting (years end where the next begins).
fn date(day: usize) -> String {
    let is_leap = |year: usize| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut left) = (1990, day);
    while left >= 365 + usize::from(is_leap(year)) {
        left -= 365 + usize::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + usize::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, left + 1)
}
