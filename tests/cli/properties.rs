//! Whatever the bytes: an answer or an error, never a panic, and never success with nothing to show.

use foretoken::data::frame::{Missing, ReadOptions, read_bytes};
use proptest::prelude::*;

use crate::support::{COMMANDS, Folder};

/// Names that are usual, odd, empty or no names at all.
fn name() -> impl Strategy<Value = String> {
    let usual =
        prop::sample::select(vec!["unique_id", "ds", "y", "month", "x", "", "7", "\"q,\"", "AR", "lo", "2020-01"]);
    prop_oneof![6 => usual.prop_map(str::to_owned), 1 => "[a-zé<&]{1,5}"]
}

/// How a cell is written, by kind of column and row.
fn cell(kind: u8, row: i64, noise: u16) -> String {
    match kind {
        0 => format!("{}-{:02}-01", 2000 + row / 12, row % 12 + 1),
        1 => format!("2024-03-01T{:02}:{:02}Z", row / 4 % 24, row % 4 * 15),
        2 => row.to_string(),
        3 => format!("{}.{:02}", noise % 97, noise % 89),
        4 => format!("{}e{}", i32::from(noise % 19) - 9, i32::from(noise % 601) - 300),
        5 => ["a", "b"][usize::from(noise % 2)].to_owned(),
        6 => "5".to_owned(),
        7 => format!("{}", i64::from(noise) - 30_000),
        _ => format!("{:02}/{:02}/{}", row % 12 + 1, noise % 30 + 1, 1990 + row % 40),
    }
}

const JUNK: [&str; 14] = [
    "",
    "NA",
    "inf",
    "-inf",
    "1e309",
    "x",
    "\"",
    "\"\"",
    "1,5",
    "\u{feff}",
    "é",
    "9999999999999999999",
    "0000",
    "2024-02-30",
];

/// Columns of any names and kinds.
fn odd_columns() -> impl Strategy<Value = Vec<(String, u8)>> {
    prop::collection::vec((name(), 0_u8..9), 1..4)
}

/// Times and numbers under the usual names, perhaps with an id.
fn usual_columns() -> impl Strategy<Value = Vec<(String, u8)>> {
    let numbers = prop::sample::select(vec![3, 3, 4, 6, 7]);
    (any::<bool>(), 0_u8..3, numbers).prop_map(|(is_panel, time, value)| {
        let id = is_panel.then(|| ("unique_id".to_owned(), 5));
        id.into_iter().chain([("ds".to_owned(), time), ("y".to_owned(), value)]).collect()
    })
}

/// A small table with here and there a cell that does not belong.
fn table(columns: impl Strategy<Value = Vec<(String, u8)>>) -> impl Strategy<Value = String> {
    let cells = prop::collection::vec(any::<u16>(), 1..150);
    let bad = (0_usize..150, prop::sample::select(JUNK.to_vec()));
    let junk = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(bad, 1..3)];
    let separator = prop::sample::select(vec![",", ",", ";", "\t", "|"]);
    let end = prop::sample::select(vec!["\n", "\n", "\r\n", "\n\n"]);
    (columns, cells, junk, separator, end).prop_map(|(columns, noise, junk, separator, end)| {
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let mut text = names.join(separator) + end;
        for (row, noise) in noise.chunks_exact(columns.len()).enumerate() {
            let cells = noise.iter().zip(&columns).enumerate().map(|(i, (&noise, &(_, kind)))| {
                let place = row * columns.len() + i;
                let bad = junk.iter().find(|(at, _)| *at == place);
                bad.map_or_else(|| cell(kind, row as i64, noise), |(_, text)| (*text).to_owned())
            });
            text += &cells.collect::<Vec<_>>().join(separator);
            text += end;
        }
        text
    })
}

/// Bytes without any order, some with a beginning that promises a format.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![
        &b""[..],
        b"PAR1",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"{\"y\":",
        b"ds,y\n",
        b"\xef\xbb\xbf",
    ]);
    (start, prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(start, rest)| [start, &rest].concat())
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let tables = prop_oneof![3 => table(usual_columns()), 1 => table(odd_columns())];
    prop_oneof![5 => tables.prop_map(String::into_bytes), 1 => bytes()]
}

fn options() -> impl Strategy<Value = ReadOptions> {
    let missing = prop::sample::select(vec![Missing::Error, Missing::Drop, Missing::Interpolate, Missing::Keep]);
    (missing, any::<bool>()).prop_map(|(missing, keep_rows)| ReadOptions {
        missing,
        keep_rows,
        ..ReadOptions::default()
    })
}

/// A command with options that any table might be given.
fn command(number: usize) -> impl Strategy<Value = Vec<&'static str>> {
    let missing = prop::sample::select(vec![
        &[][..],
        &["--missing", "keep"],
        &["--missing", "interpolate"],
        &["--missing", "drop"],
    ]);
    let period = prop::sample::select(vec![&[][..], &["--period", "4"], &["--period", "1"]]);
    let models: &[&[&str]] = match number {
        0 => &[
            &[],
            &["--model", "ar,mean,naive,rwd,snaive"],
            &["--paths", "3"],
            &["--seasonal", "difference"],
            &["--transform", "box-cox"],
        ],
        1 => &[&[], &["--model", "naive"], &["--train-rows", "10"], &["--order", "2"]],
        2 => &[&[], &["--json"], &["--estimator", "least-squares"]],
        4 | 5 => &[&[], &["--model", "markov"], &["--model", "codebook"], &["--model", "snaive"]],
        6 => &[&[], &["--merges", "3"], &["--quantiser", "uniform"]],
        _ => &[&[]],
    };
    let model = prop::sample::select(models.to_vec());
    (missing, period, model).prop_map(move |(missing, period, model): (&[_], &[_], &[_])| {
        [COMMANDS[number], missing, period, model].concat()
    })
}

/// Runs a command; [`Folder::run`] itself refuses panics and signals.
fn check(args: &[&str], content: &[u8]) -> Result<(), TestCaseError> {
    let folder = Folder::with("in", content);
    let run = folder.run(&[args, &["in"]].concat());
    let code = run.code.unwrap_or(-1);
    prop_assert!([0, 2, 3, 4].contains(&code), "code {code}\n{}", run.stderr);
    let wrote = !run.stdout.is_empty() || ["out.csv", "out.svg", "out.tokens"].iter().any(|name| folder.exists(name));
    prop_assert_eq!(wrote, [0, 4].contains(&code), "{}", run.stderr);
    prop_assert_eq!(run.stderr.contains("error: "), code != 0, "{}", run.stderr);
    prop_assert!(
        folder
            .names()
            .iter()
            .all(|name| ["in", "out.csv", "out.html", "out.svg", "out.tokens"].contains(&name.as_str()))
    );
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn reading_never_panics(content in content(), options in options()) {
        if let Ok(panel) = read_bytes(content, "in", &options) {
            prop_assert!(panel.series.iter().all(|series| !series.is_empty()));
            prop_assert!(panel.series.iter().all(|series| series.values().iter().all(|x| !x.is_infinite())));
        }
    }
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn forecast_never_panics(args in command(0), content in content()) {
        check(&args, &content)?;
    }

    #[test]
    fn detect_never_panics(args in command(1), content in content()) {
        check(&args, &content)?;
    }

    #[test]
    fn inspect_never_panics(args in command(2), content in content()) {
        check(&args, &content)?;
    }

    #[test]
    fn generate_never_panics(args in command(4), content in content()) {
        check(&args, &content)?;
    }

    #[test]
    fn score_never_panics(args in command(5), content in content()) {
        check(&args, &content)?;
    }

    #[test]
    fn tokenize_never_panics(args in command(6), content in content()) {
        check(&args, &content)?;
    }

    #[test]
    fn plot_never_panics(args in command(3), content in content()) {
        check(&args, &content)?;
    }
}
