//! Forecasts of every dataset stay what they are: `tests/golden/`, written anew with `FORETOKEN_BLESS=1`.

use std::fs;
use std::path::PathBuf;

use crate::support::{Folder, Table, dataset};

/// Other processors round differently; anything more is another forecast.
const TOLERANCE: f64 = 1e-9;
/// No series, but a list of events.
const NO_SERIES: &str = "sensor_anomalies_labels.csv";
/// Forecast with its covariates.
const DRIVEN: &str = "weekly_promotions.csv";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The tables in a folder, in order.
fn tables_in(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(".csv") && name != NO_SERIES);
    names.sort();
    names
}

#[test]
fn forecasts_of_all_datasets_are_as_before() {
    let datasets = tables_in(PathBuf::from(dataset("")));
    assert!(datasets.len() >= 8);
    for name in &datasets {
        let data = dataset(name);
        let mut args = vec!["forecast", &data, "-H", "12"];
        if name == DRIVEN {
            args.extend(["--covariates", "price,promotion"]);
        }
        let table = Folder::new().run(&args).exits(0).stdout;
        let golden = folder().join(name);
        if std::env::var_os("FORETOKEN_BLESS").is_some() {
            fs::write(&golden, &table).expect("a golden file");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
        check(name, &Table::of(&table, ','), &Table::of(&expected, ','));
    }
    assert_eq!(tables_in(folder()), datasets, "one golden file for each dataset");
}

fn check(name: &str, found: &Table, expected: &Table) {
    assert_eq!(found.header, expected.header, "{name}");
    assert_eq!(found.rows.len(), expected.rows.len(), "{name}");
    for (found, expected) in found.rows.iter().zip(&expected.rows) {
        for (a, b) in found.iter().zip(expected) {
            assert!(is_same(a, b), "{name}: {a} was {b}\n{found:?}\n{expected:?}");
        }
    }
}

fn is_same(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0),
        _ => a == b,
    }
}
