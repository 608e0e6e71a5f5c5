//! `datasets/` holds what its README lists, byte for byte, and what the simulation program makes.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

#[path = "../examples/simulate_datasets.rs"]
#[allow(dead_code, reason = "its main writes the files, which a test must not")]
mod simulate_datasets;

/// One row of the README's table of files.
#[derive(Debug)]
struct Listed {
    file: String,
    rows: usize,
    sha256: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("datasets")
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("datasets/{file}: {error}"))
}

/// The rows `| [`file`](file) | kind | rows | `sha256` |`.
fn listed() -> Vec<Listed> {
    let readme = read("README.md");
    readme.lines().filter(|line| line.starts_with("| [`")).map(listed_in).collect()
}

fn listed_in(line: &str) -> Listed {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [link, _kind, rows, sha256] = cells[..] else { panic!("4 cells expected in {line}") };
    Listed {
        file: link.split('`').nth(1).expect("a file name in backticks").to_owned(),
        rows: rows.replace(',', "").parse().expect("a number of rows"),
        sha256: sha256.trim_matches('`').to_owned(),
    }
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_file_is_listed() {
    let mut files: Vec<String> = fs::read_dir(folder())
        .expect("datasets is readable")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a UTF-8 name"))
        .filter(|name| name != "README.md")
        .collect();
    let mut listed: Vec<String> = listed().into_iter().map(|row| row.file).collect();
    files.sort();
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn rows_and_checksums_are_those_of_the_readme() {
    for Listed { file, rows, sha256: expected } in listed() {
        let text = read(&file);
        assert_eq!(text.lines().count() - 1, rows, "rows of {file}");
        assert_eq!(sha256(&text), expected, "checksum of {file}");
    }
}

#[test]
fn files_are_plain_tables() {
    let mut bytes = 0;
    for Listed { file, .. } in listed() {
        let text = read(&file);
        let columns = |line: &str| line.split(',').count();
        let header = text.lines().next().expect("a header");
        assert!(!text.contains('\r') && text.ends_with('\n'), "{file} has lines that do not end in LF");
        assert!(text.lines().all(|line| columns(line) == columns(header)), "{file} has a ragged line");
        bytes += text.len();
    }
    assert!(bytes < 700_000, "{bytes} bytes are too many for a repository");
}

#[test]
fn simulated_files_are_what_the_program_makes() {
    for (file, text) in simulate_datasets::simulated_files() {
        // Not assert_eq!, which would print both files.
        assert!(read(file) == text, "datasets/{file} differs: run `cargo run --example simulate_datasets`");
    }
}

#[test]
fn first_rows_of_the_sensor_are_clean() {
    let first_label = read("sensor_anomalies_labels.csv").lines().nth(1).expect("a label")[..16].to_owned();
    let data = read("sensor_anomalies.csv");
    let first_row = data.lines().skip(1).position(|line| line.starts_with(&first_label)).expect("the labelled time");
    assert!(first_row >= 4_000, "the first anomaly is in row {first_row}");
}
