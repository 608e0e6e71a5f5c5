//! Reading as a whole: from bytes to panels.

use proptest::prelude::*;

use super::read::{panel_of, read_bytes};
use super::{Missing, Panel, ReadOptions, read_path};
use crate::{Error, ErrorKind, Series};

fn read(text: &str) -> Panel {
    read_with(text, &ReadOptions::default())
}

fn read_with(text: &str, options: &ReadOptions) -> Panel {
    read_bytes(text.as_bytes().to_vec(), "in.csv", options).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> Error {
    refused_bytes(text.as_bytes())
}

fn refused_bytes(bytes: &[u8]) -> Error {
    read_bytes(bytes.to_vec(), "in.csv", &ReadOptions::default()).expect_err("unusable")
}

/// Asserts that the error for a text names all parts, the file among them, and a remedy.
fn assert_error(text: &str, parts: &[&str]) {
    let error = refused(text).to_string();
    assert!(error.contains("\n  help: "), "no remedy: {error}");
    for part in parts.iter().chain(&["in.csv"]) {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

fn missing(missing: Missing) -> ReadOptions {
    ReadOptions { missing, ..ReadOptions::default() }
}

fn values(panel: &Panel, series: usize) -> &[f64] {
    panel.series[series].values()
}

fn labels(panel: &Panel, series: usize) -> Vec<String> {
    let timeline = panel.series[series].timeline();
    (0..timeline.len() as i64).map(|position| timeline.label(position)).collect()
}

const MONTHS: &str = "month,passengers\n1949-01,112\n1949-02,118\n1949-03,132\n1949-04,129\n";
const PANEL: &str = "unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,2\nb,2024-01-01,3\nb,2024-01-02,4\nb,2024-01-03,5\n";

#[test]
fn two_columns_of_any_names_just_work() {
    let panel = read(MONTHS);
    assert_eq!((panel.time_column.as_deref(), panel.value_column.as_str()), (Some("month"), "passengers"));
    assert_eq!(values(&panel, 0), [112.0, 118.0, 132.0, 129.0]);
    let timeline = panel.series[0].timeline();
    assert_eq!(
        (timeline.frequency().map(|f| f.to_string()).as_deref(), timeline.label(4)),
        (Some("1mo"), "1949-05".to_owned())
    );
    assert!(panel.notices.is_empty() && panel.failures.is_empty() && panel.id_column.is_none());
}

#[test]
fn one_column_of_numbers_has_the_times_1_to_n() {
    for text in ["x\n5\n6\n7\n", "5\n6\n7\n", "5\r\n6\r\n7", "\u{feff}5\n6\n7\n\n"] {
        let panel = read(text);
        assert_eq!(
            (values(&panel, 0), labels(&panel, 0)),
            (&[5.0, 6.0, 7.0][..], vec!["1".into(), "2".into(), "3".into()])
        );
    }
    assert_eq!(read("5\n6\n").value_column, "y");
    assert!(read("5\n6\n").notices[0].contains("no header"));
    assert_error("5\n\n7\n", &["1 missing value", "line 2"]);
}

#[test]
fn panels_are_grouped_in_order_of_appearance() {
    let panel = read(PANEL);
    assert_eq!(panel.series.iter().map(|series| series.id()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((values(&panel, 0), values(&panel, 1)), (&[1.0, 2.0][..], &[3.0, 4.0, 5.0][..]));
    let renamed = PANEL.replace("unique_id,ds,y", "shop,day,sold");
    let options = ReadOptions { id: Some("shop".into()), ..ReadOptions::default() };
    assert_eq!(read_with(&renamed, &options).series.len(), 2);
    assert_error(&renamed, &["duplicate time", "2024-01-01 (line 2 and line 4)", "--id shop"]);
}

#[test]
fn interleaved_and_unsorted_rows_are_sorted_with_a_notice() {
    let panel = read("unique_id,ds,y\na,3,3\nb,1,10\na,1,1\nb,2,20\na,2,2\n");
    assert_eq!((values(&panel, 0), values(&panel, 1)), (&[1.0, 2.0, 3.0][..], &[10.0, 20.0][..]));
    assert!(panel.notices[0].contains("sorted (1 series)"));
}

#[test]
fn separators_line_ends_quotes_and_marks_do_not_matter() {
    let plain = read(MONTHS);
    for text in [
        MONTHS.replace(',', "\t"),
        MONTHS.replace(',', ";"),
        MONTHS.replace('\n', "\r\n"),
        MONTHS.replace('\n', "\r"),
        format!("\u{feff}{MONTHS}\n\n"),
        MONTHS.replace("passengers", "\"passengers\"").replace("1949-01", "\"1949-01\"").replace("118", "\"118\""),
        MONTHS.replace("1949-02", "\n\n1949-02"),
        MONTHS.trim_end().to_owned(),
    ] {
        let panel = read(&text);
        assert_eq!((values(&panel, 0), labels(&panel, 0)), (values(&plain, 0), labels(&plain, 0)), "{text:?}");
    }
    let quoted = read("unique_id,ds,y\n\"a, \"\"b\"\"\nc\",1,1\n\"a, \"\"b\"\"\nc\",2,2\n");
    assert_eq!(quoted.series[0].id(), "a, \"b\"\nc");
    assert_eq!(read("id^,x\nx^1,5\n").value_column, "x");
}

#[test]
fn other_formats_give_the_same() {
    let lines = "{\"ds\":\"1949-01\",\"y\":112}\n\n{\"ds\":\"1949-02\",\"y\":118.5}\n";
    let panel = read(lines);
    assert_eq!((values(&panel, 0), labels(&panel, 0)), (&[112.0, 118.5][..], vec!["1949-01".into(), "1949-02".into()]));
    assert_error("{\"ds\":1,\"y\":1}\n{\"ds\":2\n", &["line 2", "JSON object"]);
    assert_error(
        "{\"ds\":\"1\",\"y\":1}\n\n{\"ds\":\"2\",\"y\":null}\n{\"ds\":\"3\",\"y\":1}\n",
        &["line 3", "missing value"],
    );
    assert_error("[{\"ds\":1,\"y\":1}]", &["one JSON object per line"]);
}

#[test]
fn parquet_has_typed_times() {
    use polars::prelude::*;
    let days = Column::new("ds".into(), [19_723, 19_724, 19_726]).cast(&DataType::Date).expect("dates");
    let mut frame = DataFrame::new_infer_height(vec![days, Column::new("y".into(), [1_i64, 2, 4])]).expect("a frame");
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).expect("written");
    let panel = read_bytes(bytes.clone(), "in.parquet", &missing(Missing::Interpolate)).expect("a panel");
    assert_eq!(
        (values(&panel, 0), panel.series[0].timeline().label(3)),
        (&[1.0, 2.0, 3.0, 4.0][..], "2024-01-04".into())
    );
    let error = read_bytes(bytes[..bytes.len() / 2].to_vec(), "in.parquet", &ReadOptions::default());
    assert_eq!(error.expect_err("half a file").kind(), ErrorKind::Data);
}

#[test]
fn compressed_text_is_unpacked() {
    // `x\n1\n2\n`, by gzip -n.
    let packed = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xe0, 0x32, 0xe4, 0x32, 0xe2, 2, 0, 0xd3, 0x91, 0xa6, 0x54, 6, 0, 0,
        0,
    ];
    match read_bytes(packed.to_vec(), "in.csv.gz", &ReadOptions::default()) {
        Ok(panel) => assert_eq!(values(&panel, 0), [1.0, 2.0]),
        Err(error) => panic!("{error}"),
    }
    assert!(refused_bytes(&packed[..20]).to_string().contains("damaged"));
}

#[test]
fn missing_values_and_gaps_follow_the_policy() {
    let text = "ds,y\n2024-01-01,1\n2024-01-02,NA\n2024-01-03,3\n2024-01-06,6\n";
    assert_error(
        text,
        &[
            "1 missing value (2024-01-02 in line 3)",
            "2 missing times (2024-01-04 after line 4, 2024-01-05 after line 4)",
            "daily",
            "--missing drop",
        ],
    );
    let dropped = read_with(text, &missing(Missing::Drop));
    assert_eq!((values(&dropped, 0), labels(&dropped, 0)[2].as_str()), (&[1.0, 3.0, 6.0][..], "2024-01-06"));
    assert_eq!(dropped.series[0].timeline().label(3), "2024-01-07");
    let filled = read_with(text, &missing(Missing::Interpolate));
    assert_eq!(values(&filled, 0), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let kept = read_with(text, &missing(Missing::Keep));
    assert_eq!(values(&kept, 0).iter().filter(|value| value.is_nan()).count(), 3);
    for panel in [dropped, filled, kept] {
        assert_eq!(panel.notices.len(), 1, "{:?}", panel.notices);
    }
}

#[test]
fn what_cannot_be_interpolated_is_left_out() {
    let text = "ds,y\n1,\n2,2\n3,\n4,4\n5,\n";
    let panel = read_with(text, &missing(Missing::Interpolate));
    assert_eq!(
        (values(&panel, 0), labels(&panel, 0)),
        (&[2.0, 3.0, 4.0][..], vec!["2".into(), "3".into(), "4".into()])
    );
    assert!(panel.notices.iter().any(|notice| notice.contains("2 missing values before")));
}

#[test]
fn only_the_first_places_are_named() {
    let text: String = (1..=9).map(|t| format!("{t},{}\n", if t > 1 { "" } else { "1" })).collect();
    assert_error(&format!("ds,y\n{text}"), &["8 missing values (2 in line 3, 3 in line 4, 4 in line 5, ...)"]);
}

#[test]
fn irregular_times_are_refused_unless_rows_are_consecutive() {
    let text = "ds,y\n2024-01-01T00:00,1\n2024-01-01T01:00,2\n2024-01-01T02:00,3\n2024-01-01T02:30,4\n";
    assert_error(text, &["1 time is not on the grid", "2024-01-01T02:30 (line 5)", "hourly", "--freq"]);
    let panel = read_with(text, &missing(Missing::Drop));
    assert_eq!((panel.series[0].len(), panel.series[0].timeline().frequency()), (4, None));
    let half_hours = ReadOptions { frequency: "30m".parse().ok(), ..missing(Missing::Keep) };
    assert_eq!(read_with(text, &half_hours).series[0].len(), 6);
}

#[test]
fn a_mistyped_year_does_not_fill_the_memory() {
    let text = "ds,y\n2024-01-01,1\n2024-01-02,2\n9999-01-03,3\n";
    let error = read_bytes(text.as_bytes().to_vec(), "in.csv", &missing(Missing::Keep)).expect_err("too sparse");
    assert!(error.to_string().contains("from 2024-01-02 to 9999-01-03"), "{error}");
    assert_eq!(read_with(text, &missing(Missing::Drop)).series[0].len(), 3);
}

#[test]
fn bad_series_do_not_spoil_the_others() {
    let panel = read("unique_id,ds,y\na,1,1\na,2,2\nb,1,1\nb,1,2\nc,1,\nd,1,inf\n");
    assert_eq!(panel.series.len(), 1);
    let said: Vec<String> = panel.failures.iter().map(|(id, error)| format!("{id}: {error}")).collect();
    for (said, expected) in said.iter().zip(["duplicate time", "all values are missing", "infinite"]) {
        assert!(said.contains(expected), "{said}");
    }
    assert!(said[2].contains("series `d`: line 7"), "{}", said[2]);
    assert_error("unique_id,ds,y\nb,1,1\nb,1,2\n", &["series `b`", "duplicate time"]);
}

#[test]
fn every_error_says_where_and_what_to_do() {
    assert_error("", &["empty"]);
    assert_error("\n \n", &["empty"]);
    assert_error("ds,y\n", &["header, but no row"]);
    assert_error("ds,y\n1,\n2,NA\n", &["all values are missing"]);
    assert_error("ds,y\n1,1\n2,inf\n", &["line 3", "infinite"]);
    assert_error("ds,y\n1,1\n2,two\n3,3\n", &["line 3", "`two`", "--value"]);
    assert_error("ds;y\n1;1\n2;1,5\n", &["line 3", "`1,5`", "decimal point", "write it as `1.5`"]);
    assert_error("ds;y\n1;1\n2;1,501\n", &["line 3", "write it as `1501` or `1.501`, whichever is meant"]);
    assert_error("ds,y\n1,1\n2,1,5\n", &["line 3", "3 fields", "expected 2"]);
    assert_error("ds,y\n1,1\n2\n", &["line 3", "1 field;"]);
    assert_error("ds,y\n1,1\n,2\n", &["line 3", "column `ds`", "time is missing"]);
    assert_error("ds,y\n2024-01-01,1\n2024-01-41,2\n", &["line 3", "`2024-01-41`"]);
    assert_error("ds,y\n2024-01-01T00:00,1\n2024-01-02T00:00Z,2\n", &["line 3", "mixed zones"]);
    assert_error("ds,y\n01/02/2024,1\n02/02/2024,2\n", &["month/day/year", "day/month/year", "2024-01-31"]);
    assert_error("2024-01-01,1\n2024-01-02,2\n", &["line 1", "`2024-01-01`", "header"]);
    assert_error("ds,y\n1,\"1\n2,2\n", &["line 2", "never closed"]);
    assert_error("ds,y\n1,5\"\n", &["line 2", "quote"]);
    assert_error("ds,ds,y\n1,1,1\n", &["`ds`", "two columns"]);
    assert_error("date,a,b\n2024-01-01,1,2\n", &["`a`, `b`", "--value"]);
    assert_error("a,b\nx,y\n", &["no column holds numbers"]);
    let options = ReadOptions { value: Some("z".into()), ..ReadOptions::default() };
    let error = read_bytes(MONTHS.into(), "in.csv", &options).expect_err("no such column");
    assert_eq!(error.kind(), ErrorKind::Usage);
    let options = ReadOptions { frequency: "7".parse().ok(), ..ReadOptions::default() };
    assert_eq!(read_bytes(MONTHS.into(), "in.csv", &options).expect_err("a step").kind(), ErrorKind::Usage);
}

#[test]
fn bytes_that_are_no_text_are_told() {
    assert!(refused_bytes(b"ds,y\n1,1\n2,\xff\n").to_string().contains("line 3"));
    assert!(refused_bytes(b"ds,y\n1,\0\n").to_string().contains("binary"));
    assert!(refused_bytes(b"\xff\xfed\0s\0").to_string().contains("UTF-16"));
    assert!(refused_bytes(b"PAR1 and nothing else PAR1").to_string().contains("Parquet"));
}

#[test]
fn files_that_cannot_be_read_are_io_errors() {
    for path in ["/no/such/file.csv", "/"] {
        let error = read_path(path.as_ref(), &ReadOptions::default()).expect_err(path);
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().starts_with(path));
    }
}

#[test]
fn further_numbers_are_covariates_that_may_reach_into_the_future() {
    let panel = read("ds,y,price,shop\n1,10,1.5,x\n2,20,2.5,x\n3,,3.5,x\n");
    assert_eq!((values(&panel, 0), &panel.covariate_columns[..]), (&[10.0, 20.0][..], &["price".to_owned()][..]));
    assert_eq!(panel.series[0].covariates()[0].values, [1.5, 2.5, 3.5]);
    assert!(panel.notices.iter().any(|notice| notice.contains("future")));
    assert!(panel.notices.iter().any(|notice| notice.contains("`shop`")));
}

#[test]
fn rows_are_kept_as_spelled_and_found_again() {
    let options = ReadOptions { keep_rows: true, ..missing(Missing::Keep) };
    let panel = read_with("note,ds,y\nfirst,2024-01-03,3.50\nsecond,2024-01-01,1\n", &options);
    let rows = panel.rows.expect("rows");
    assert_eq!(rows.frame.column("y").expect("there").str().expect("text").get(0), Some("3.50"));
    assert_eq!(rows.typed().column("y").expect("there").f64().expect("numbers").get(0), Some(3.5));
    assert_eq!(rows.row_of, [vec![1, 0]]);
    assert_eq!(rows.frame.get_column_names(), ["note", "ds", "y"]);
    let options = ReadOptions { frequency: "1d".parse().ok(), ..options };
    let panel = read_with("note,ds,y\nfirst,2024-01-03,3\nsecond,2024-01-01,1\n", &options);
    assert_eq!(panel.rows.expect("rows").row_of, [vec![1, u32::MAX, 0]]);
}

#[test]
fn integers_may_stand_for_a_calendar_step() {
    let options = ReadOptions { frequency: "1mo".parse().ok(), ..ReadOptions::default() };
    let panel = read_with("5\n6\n7\n", &options);
    assert_eq!(panel.series[0].timeline().frequency(), "1mo".parse().ok());
    assert_eq!(panel.series[0].timeline().label(3), "4");
}

#[test]
fn the_fast_way_gives_what_the_careful_way_gives() {
    let sparse = "shop,ds,y,x\n1,2024-01-01,1,4\n1,2024-01-03,2,5\n2,2024-01-01,3,6\n";
    for text in
        [PANEL, MONTHS, sparse, "y\n1\n2\n", "ds,y\n2024-01-01,1\n2024-01-02,x\n", "ds,y\n2024-01-02,1\n2024-01-01,2\n"]
    {
        for keep_rows in [false, true] {
            let id = text.starts_with("shop").then(|| "shop".to_owned());
            let options = ReadOptions { keep_rows, id, ..missing(Missing::Keep) };
            let ways = [0, usize::MAX].map(|large| panel_of(text.into(), &options, large));
            let [fast, careful] = ways.map(|panel| panel.map_err(|error| error.to_string()));
            let said = |panel: &Panel| {
                let rows = panel.rows.as_ref().map(|rows| rows.row_of.clone());
                let values: Vec<String> = panel.series.iter().map(|series| format!("{series:?}")).collect();
                (values, rows, panel.notices.clone(), panel.covariate_columns.clone())
            };
            assert_eq!(fast.map(|panel| said(&panel)), careful.map(|panel| said(&panel)), "{text}");
        }
    }
}

/// Texts from the characters and words that tables are made of, so that they often get past the first checks.
fn table_like() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        ",",
        ",",
        ";",
        "\n",
        "\n",
        "\r\n",
        "\"",
        "ds",
        "y",
        "unique_id",
        "1",
        "2",
        "-3.5",
        "2024-01-01",
        "2024-02-29",
        "2024-01-01T00:00Z",
        "01/02/2024",
        "1949Q1",
        "NA",
        "inf",
        "x",
        "é",
        " ",
        "{\"y\":",
        "}",
        "[",
        "{\"ds\":",
        "null",
        "1e400",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

/// Well-formed tables with odd cells.
fn small_table() -> impl Strategy<Value = String> {
    let cell = prop::sample::select(vec![
        "1",
        "2",
        "3.5",
        "",
        "NA",
        "x",
        "\"q,\"",
        "\"\"",
        "2024-01-01",
        "2024-01-02",
        "2024-01-31",
        "2024-02-29",
        "20240101",
        "1871",
        "1872",
        "2024-01",
        "2024-01-01T10:00+01:00",
        "2024-01-01T10:00[Europe/Berlin]",
        "-9",
        "99999999999",
        "0",
    ]);
    let columns = prop::sample::select(vec![
        vec!["y"],
        vec!["ds", "y"],
        vec!["a", "b"],
        vec!["unique_id", "ds", "y"],
        vec!["a", "b", "c"],
    ]);
    (columns, prop::collection::vec(cell, 0..40)).prop_map(|(columns, cells)| {
        let rows = cells.chunks_exact(columns.len()).map(|row| row.join(","));
        std::iter::once(columns.join(",")).chain(rows).collect::<Vec<String>>().join("\n")
    })
}

fn policy() -> impl Strategy<Value = Missing> {
    prop::sample::select(vec![Missing::Error, Missing::Drop, Missing::Interpolate, Missing::Keep])
}

/// Reads both ways; all series that come out are consistent.
fn check(bytes: &[u8], missing: Missing, keep_rows: bool) {
    let options = ReadOptions { missing, keep_rows, ..ReadOptions::default() };
    for large in [0, usize::MAX] {
        let Ok(panel) = panel_of(bytes.to_vec(), &options, large) else { continue };
        for series in &panel.series {
            assert!(!series.is_empty() && series.timeline().len() == series.len());
            assert!(missing == Missing::Keep || series.values().iter().all(|value| value.is_finite()));
            let _ = (series.timeline().label(series.len() as i64 + 5), series.timeline().seconds(0));
        }
        for (rows, series) in panel.rows.iter().flat_map(|rows| &rows.row_of).zip(&panel.series) {
            assert_eq!(rows.len(), series.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), missing in policy()) {
        check(&bytes, missing, false);
    }

    #[test]
    fn random_words_never_panic(text in table_like(), missing in policy(), keep in any::<bool>()) {
        check(text.as_bytes(), missing, keep);
    }

    #[test]
    fn random_small_tables_never_panic(text in small_table(), missing in policy(), keep in any::<bool>()) {
        check(text.as_bytes(), missing, keep);
    }

    #[test]
    fn random_objects_never_panic(lines in prop::collection::vec(json_object(), 0..8), missing in policy()) {
        check(lines.join("\n").as_bytes(), missing, true);
    }
}

fn json_object() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "1",
        "2.5",
        "null",
        "true",
        "\"x\"",
        "\"2024-01-01\"",
        "[1]",
        "{}",
        "{\"a\":1}",
        "[]",
        "1e999",
        "-0",
        "99999999999999999999",
    ]);
    let name = prop::sample::select(vec!["ds", "y", "unique_id", "a", ""]);
    prop::collection::vec((name, value), 0..4).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", pairs.join(","))
    })
}

#[test]
fn a_cell_that_does_not_read_fails_its_series_alone() {
    let text = "unique_id,ds,y\na,2024-01-01,1\nb,2024-01-01,x\nc,2024-02-30,1\na,2024-01-02,2\nb,2024-01-02,5\nc,2024-01-02,1\nd,2024-01-01Z,1\n";
    let panel = read(text);
    assert_eq!(panel.series.iter().map(Series::id).collect::<Vec<_>>(), ["a"]);
    let said: Vec<String> = panel.failures.iter().map(|(id, error)| format!("{id}: {error}")).collect();
    for (said, expected) in said.iter().zip(["b: series `b`: line 3", "c: series `c`: line 4", "d: series `d`: line 8"])
    {
        assert!(said.starts_with(expected), "{said}");
    }
    assert_eq!(said.len(), 3);
    assert_error("unique_id,ds,y\na,1,x\nb,1,z\n", &["series `a`", "line 2", "`x` is no number"]);
}

#[test]
fn months_have_many_spellings_and_keep_theirs() {
    for (first, last, next) in [
        ("2018M11", "2018M12", "2019M01"),
        ("11/2018", "12/2018", "01/2019"),
        ("201811", "201901", "201902"),
        ("2018-11", "2018-12", "2019-01"),
    ] {
        let months = if first == "201811" {
            "201811,1\n201812,2\n201901,3\n".to_owned()
        } else {
            format!("{first},1\n{last},2\n")
        };
        let panel = read(&format!("t,v\n{months}"));
        let timeline = panel.series[0].timeline();
        assert_eq!(
            (timeline.last_label(), timeline.label(panel.series[0].len() as i64)),
            (last.to_owned(), next.to_owned())
        );
    }
}

#[test]
fn a_lone_column_of_texts_is_meant_as_times() {
    assert_error("t,v\n2020-W01,1\n2020-W02,2\n", &["column `t`", "line 2", "`2020-W01` is no time"]);
    assert_eq!(read("shop,v\na,1\na,2\n").series[0].len(), 2, "a name that repeats is none");
}

#[test]
fn what_is_missing_is_named_by_time_and_line_whatever_is_done_about_it() {
    let text = "t,v\n2024-01-01,1\n2024-01-02,\n2024-01-05,3\n2024-01-06,2\n2024-01-07,2\n";
    let said =
        "1 missing value (2024-01-02 in line 3) and 2 missing times (2024-01-03 after line 3, 2024-01-04 after line 3)";
    assert_error(text, &[said, "--missing drop"]);
    for policy in [Missing::Drop, Missing::Interpolate, Missing::Keep] {
        assert!(read_with(text, &missing(policy)).notices.iter().any(|notice| notice.starts_with(said)), "{policy:?}");
    }
}
