//! The same numbers in every format: what is read, and what is written.

use crate::support::{Folder, Run, Table, monthly};

fn forecast(name: &str, content: impl AsRef<[u8]>) -> Run {
    Folder::with(name, content).run(&["forecast", name, "-H", "3"])
}

#[test]
fn every_way_of_writing_a_table_reads_the_same() {
    let plain = monthly();
    let expected = forecast("x.csv", &plain).exits(0).stdout;
    let quoted: String = plain.lines().map(|line| format!("\"{}\"\n", line.replace(',', "\",\""))).collect();
    let objects: String = plain
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(','))
        .map(|(month, sold)| format!("{{\"month\":\"{month}\",\"sold\":{sold}}}\n"))
        .collect();
    let ways = [
        ("crlf.csv", plain.replace('\n', "\r\n")),
        ("cr.csv", plain.replace('\n', "\r")),
        ("bom.csv", format!("\u{feff}{plain}")),
        ("bom_crlf.csv", format!("\u{feff}{}", plain.replace('\n', "\r\n"))),
        ("quoted.csv", quoted),
        ("blanks.csv", plain.replace(',', ", ")),
        ("tabs.tsv", plain.replace(',', "\t")),
        ("semicolons.csv", plain.replace(',', ";")),
        ("bars.txt", plain.replace(',', "|")),
        ("open_end.csv", plain.trim_end().to_owned()),
        ("blank_lines.csv", format!("\n{plain}\n\n")),
        ("objects.ndjson", objects),
        ("any_ending", plain.replace(',', "\t")),
    ];
    for (name, content) in ways {
        assert_eq!(forecast(name, content).exits(0).stdout, expected, "{name}");
    }
}

#[test]
fn packed_files_and_standard_input_read_the_same() {
    let plain = monthly();
    let expected = forecast("x.csv", &plain).exits(0).stdout;
    let packed = include_bytes!("monthly.csv.gz");
    assert_eq!(forecast("x.csv.gz", packed).exits(0).stdout, expected);
    let folder = Folder::new();
    for input in [plain.as_bytes(), packed] {
        assert_eq!(folder.run_with(&["forecast", "-", "-H", "3"], input).exits(0).stdout, expected);
    }
    let damaged = &packed[..packed.len() - 20];
    forecast("x.csv.gz", damaged).exits(3).says("x.csv.gz: the compressed data are damaged");
}

#[test]
fn written_tables_hold_the_same_numbers() {
    let folder = Folder::with("x.csv", monthly());
    let expected = folder.run(&["forecast", "x.csv", "-H", "12"]).table();
    for name in ["o.csv", "o.tsv", "o.ndjson", "o.parquet", "o.json"] {
        let run = folder.run(&["forecast", "x.csv", "-H", "12", "-o", name]).exits(0).says(&format!("wrote {name}"));
        assert_eq!(run.stdout, "", "{name}");
    }
    assert_eq!(Table::of(&folder.text("o.csv"), ','), expected);
    assert_eq!(Table::of(&folder.text("o.tsv"), '\t'), expected);
    let array: serde_json::Value = serde_json::from_str(&folder.text("o.json")).expect("JSON");
    let lines = folder.text("o.ndjson");
    let objects: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(array.as_array(), Some(&objects));
    for name in &expected.header[1..] {
        let column: Vec<f64> = objects.iter().map(|object| object[name].as_f64().expect("a number")).collect();
        assert_eq!(column, expected.numbers(name), "{name}");
    }
}

#[test]
fn written_tables_can_be_read_again() {
    let folder = Folder::with("x.csv", monthly());
    let again = |name: &str| {
        folder.run(&["forecast", "x.csv", "-H", "12", "-o", name]).exits(0);
        let args = ["forecast", name, "-H", "2", "--value", "AR", "--model", "naive"];
        folder.run(&args).exits(0).says("no model here uses the columns AR-lo-80").stdout
    };
    let expected = again("o.csv");
    assert!(expected.starts_with("month,Naive,") && expected.contains("2024-01,"));
    for name in ["o.tsv", "o.ndjson", "o.parquet"] {
        assert_eq!(again(name), expected, "{name}");
    }
}

#[test]
fn a_dash_is_standard_output() {
    let folder = Folder::with("x.csv", monthly());
    let piped = folder.run(&["forecast", "x.csv", "-H", "3"]).exits(0);
    let asked = folder.run(&["forecast", "x.csv", "-H", "3", "-o", "-"]).exits(0);
    assert_eq!(asked.stdout, piped.stdout);
    assert_eq!(folder.names(), ["x.csv"]);
    assert!(piped.stdout.starts_with("month,AR,"), "no message comes before the header");
}

#[test]
fn an_output_is_replaced_but_never_the_input() {
    let folder = Folder::with("x.csv", monthly());
    let expected = folder.run(&["detect", "x.csv"]).exits(0).stdout;
    folder.run(&["forecast", "x.csv", "-H", "3", "-o", "out.csv"]).exits(0);
    folder.run(&["detect", "x.csv", "-o", "out.csv"]).exits(0);
    assert_eq!(folder.text("out.csv"), expected);
    for command in ["forecast", "detect"] {
        let horizon: &[&str] = if command == "forecast" { &["-H", "3"] } else { &[] };
        folder.run(&[&[command, "x.csv", "-o", "./x.csv"], horizon].concat()).exits(2).says("would be overwritten");
    }
    assert_eq!(folder.text("x.csv"), monthly());
}
