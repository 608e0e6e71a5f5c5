//! `foretoken forecast`: columns, names, times, options.

use crate::support::{Folder, Table, dataset, monthly, months, series, values};

fn air_passengers(args: &[&str]) -> crate::support::Run {
    let file = dataset("air_passengers.csv");
    Folder::new().run(&[&["forecast", &file, "-H", "12"], args].concat())
}

#[test]
fn columns_are_time_point_and_intervals_of_80_and_95_percent() {
    let table = air_passengers(&[]).table();
    assert_eq!(table.header, ["month", "AR", "AR-lo-80", "AR-hi-80", "AR-lo-95", "AR-hi-95"]);
    let times = table.column("month");
    assert_eq!((times.len(), times[0], times[11]), (12, "1961-01-01", "1961-12-01"));
    let [lo95, lo80, point, hi80, hi95] =
        ["AR-lo-95", "AR-lo-80", "AR", "AR-hi-80", "AR-hi-95"].map(|name| table.numbers(name));
    for i in 0..12 {
        assert!(lo95[i] < lo80[i] && lo80[i] < point[i] && point[i] < hi80[i] && hi80[i] < hi95[i], "step {i}");
    }
}

#[test]
fn levels_are_named_as_they_are_given() {
    let table = air_passengers(&["--level", "99.5,50", "--model", "naive"]).table();
    assert_eq!(table.header, ["month", "Naive", "Naive-lo-99.5", "Naive-hi-99.5", "Naive-lo-50", "Naive-hi-50"]);
    let half = |level: &str| table.numbers(&format!("Naive-hi-{level}"))[0] - table.numbers("Naive")[0];
    let (z99, z50) = (2.807_033_768_343_811, 0.674_489_750_196_081_7);
    assert!((half("99.5") / half("50") - z99 / z50).abs() < 1e-9);
}

#[test]
fn models_are_spelled_as_in_tables() {
    let table = air_passengers(&["--model", "ar,mean,naive,rwd,snaive", "--level", "80"]).table();
    let expected = ["AR", "Mean", "Naive", "RWD", "SNaive"];
    let expected: Vec<String> =
        expected.iter().flat_map(|m| [m.to_string(), format!("{m}-lo-80"), format!("{m}-hi-80")]).collect();
    assert_eq!(table.header[1..], expected);
    assert_eq!(table.numbers("Naive"), [432.0; 12], "the last value");
    let last_year = [417.0, 391.0, 419.0, 461.0, 472.0, 535.0, 622.0, 606.0, 508.0, 461.0, 390.0, 432.0];
    assert_eq!(table.numbers("SNaive"), last_year);
}

#[test]
fn names_are_the_users() {
    let mut table = "sold,shop,when,note\n".to_owned();
    for shop in ["007", "Ärmel", "a b"] {
        for (month, value) in months(24).iter().zip(values(24)) {
            table += &format!("{value},{shop},{month},x\n");
        }
    }
    let folder = Folder::with("x.csv", table);
    let run = folder.run(&["forecast", "x.csv", "-H", "2", "--id", "shop", "--time", "when", "--value", "sold"]);
    let table = run.says("column `note` holds no numbers and is ignored").table();
    assert_eq!(table.header[..3], ["shop", "when", "AR"]);
    assert_eq!(table.column("shop"), ["007", "007", "Ärmel", "Ärmel", "a b", "a b"]);
    assert_eq!(table.column("when"), ["2022-01", "2022-02", "2022-01", "2022-02", "2022-01", "2022-02"]);
}

#[test]
fn names_that_need_quotes_keep_them() {
    let folder = Folder::with("x.csv", series("\"the, time\",\"a \"\"value\"\"\"", &months(24)));
    let run = folder.run(&["forecast", "x.csv", "-H", "1", "--level", "80"]).exits(0);
    assert_eq!(run.stdout.lines().next(), Some("\"the, time\",AR,AR-lo-80,AR-hi-80"));
}

#[test]
fn without_times_the_rows_are_counted() {
    let lines: String = values(30).iter().map(|value| format!("{value}\n")).collect();
    for (content, note) in [(format!("x\n{lines}"), ""), (lines.clone(), "there is no header: every line is a value")] {
        let table = Folder::with("x.csv", content).run(&["forecast", "x.csv", "-H", "2"]).says(note).table();
        assert_eq!(table.header[..2], ["t", "AR"]);
        assert_eq!(table.column("t"), ["31", "32"]);
    }
}

/// Times, 24 of them, and how the next two are written.
fn spellings() -> Vec<(Vec<String>, [&'static str; 2])> {
    let count = |f: &dyn Fn(usize) -> String| (0..24).map(f).collect::<Vec<_>>();
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let last_day = |i: usize| [31, if i < 12 { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][i % 12];
    let month = |i: usize| (2020 + i / 12, i % 12 + 1);
    vec![
        (count(&|i| format!("{}-{:02}", 1949 + i / 12, i % 12 + 1)), ["1951-01", "1951-02"]),
        (count(&|i| format!("{}-{:02}-01", month(i).0, month(i).1)), ["2022-01-01", "2022-02-01"]),
        (count(&|i| format!("{}-{:02}-{}", month(i).0, month(i).1, last_day(i))), ["2022-01-31", "2022-02-28"]),
        (count(&|i| format!("{} {}", names[i % 12], month(i).0)), ["Jan 2022", "Feb 2022"]),
        (count(&|i| format!("{}-Q{}", 1949 + i / 4, i % 4 + 1)), ["1955-Q1", "1955-Q2"]),
        (count(&|i| format!("{:02}.03.2024", i + 1)), ["25.03.2024", "26.03.2024"]),
        (count(&|i| format!("03/{:02}/2024", i + 1)), ["03/25/2024", "03/26/2024"]),
        (count(&|i| format!("202403{:02}", i + 1)), ["20240325", "20240326"]),
        (count(&|i| format!("{}", 1950 + i)), ["1974", "1975"]),
        (count(&|i| format!("{}", 10 * i)), ["240", "250"]),
        (count(&|i| format!("2024-03-01 {i:02}:00")), ["2024-03-02 00:00", "2024-03-02 01:00"]),
        (count(&|i| format!("2024-03-01T{i:02}:00:00Z")), ["2024-03-02T00:00:00Z", "2024-03-02T01:00:00Z"]),
        (count(&|i| format!("2024-03-01T{i:02}:00+05:30")), ["2024-03-02T00:00+05:30", "2024-03-02T01:00+05:30"]),
        // The clocks go forward at 02:00.
        (
            count(&|i| format!("2024-03-{:02}T{:02}:00+01:00[Europe/Berlin]", 30 + (i + 2) / 24, (i + 2) % 24)),
            ["2024-03-31T03:00+02:00[Europe/Berlin]", "2024-03-31T04:00+02:00[Europe/Berlin]"],
        ),
    ]
}

#[test]
fn times_keep_their_spelling() {
    let folder = Folder::new();
    for (times, expected) in spellings() {
        folder.write("x.csv", series("when,x", &times));
        let table = folder.run(&["forecast", "x.csv", "-H", "2", "--time", "when"]).table();
        assert_eq!(table.column("when"), expected);
    }
}

#[test]
fn rows_in_any_order_are_one_series() {
    let sorted = monthly();
    let mut lines: Vec<&str> = sorted.lines().collect();
    lines[1..].reverse();
    lines[1..].swap(3, 20);
    let folder = Folder::with("sorted.csv", &sorted);
    folder.write("mixed.csv", lines.join("\n"));
    let expected = folder.run(&["forecast", "sorted.csv", "-H", "3"]).table();
    let run = folder.run(&["forecast", "mixed.csv", "-H", "3"]);
    assert_eq!(run.says("not in the order of time").table(), expected);
}

#[test]
fn objects_hold_the_numbers_of_the_table() {
    let args = ["--model", "ar,naive", "--level", "80"];
    let table = air_passengers(&args).table();
    let objects = air_passengers(&[&args[..], &["--json"]].concat()).objects();
    let [object] = &objects[..] else { panic!("one series, one object") };
    let numbers = |model: &str, name: &str| -> Vec<f64> {
        object[model][name].as_array().expect("an array").iter().map(|x| x.as_f64().expect("a number")).collect()
    };
    for model in ["AR", "Naive"] {
        assert_eq!(numbers(model, "mean"), table.numbers(model));
        assert_eq!(numbers(model, "lo-80"), table.numbers(&format!("{model}-lo-80")));
    }
    assert_eq!(object["month"][0], "1961-01-01");
    assert!(object["AR"]["model"].as_str().is_some_and(|text| text.starts_with("average of AR(")));
    assert_eq!(object["AR"]["warnings"], serde_json::json!([]));
}

#[test]
fn the_point_may_be_the_median() {
    let args = ["--transform", "log", "--seasonal", "none", "--average", "none"];
    let table = |point: &[&str]| air_passengers(&[&args, point].concat()).table();
    let (mean, median) = (table(&[]), table(&["--point", "median"]));
    assert_eq!(mean.header, median.header);
    assert_eq!(mean.numbers("AR-lo-80"), median.numbers("AR-lo-80"));
    let (mean, median) = (mean.numbers("AR"), median.numbers("AR"));
    assert!(mean.iter().zip(&median).all(|(mean, median)| mean > median), "a log-normal mean lies above its median");
}

#[test]
fn paths_are_those_of_their_seed() {
    let paths = |args: &[&str]| air_passengers(&[&["--paths", "5"], args].concat()).exits(0).stdout;
    let first = paths(&["--seed", "1"]);
    assert_eq!(paths(&["--seed", "1"]), first);
    assert_ne!(paths(&["--seed", "2"]), first);
    assert_eq!(paths(&[]), paths(&["--seed", "0"]));
    let table = Table::of(&first, ',');
    assert_eq!(table.header, ["month", "sample_id", "AR"]);
    assert_eq!(table.rows.len(), 5 * 12);
    assert_eq!(table.column("sample_id")[..13], [["0"; 12].as_slice(), &["1"]].concat());
    assert_eq!(table.column("month")[12], "1961-01-01");
}

#[test]
fn paths_are_in_the_objects_too() {
    let args = ["--paths", "3", "--seed", "4"];
    let table = air_passengers(&args).table();
    let objects = air_passengers(&[&args[..], &["--json"]].concat()).objects();
    let paths = objects[0]["AR"]["paths"].as_array().expect("an array of paths");
    let values: Vec<f64> =
        paths.iter().flat_map(|path| path.as_array().expect("a path")).filter_map(|x| x.as_f64()).collect();
    assert_eq!(paths.len(), 3);
    assert_eq!(values, table.numbers("AR"));
}

#[test]
fn series_of_a_panel_do_not_know_of_each_other() {
    let (a, b) = (monthly(), series("month,sold", &months(50)));
    let folder = Folder::with("a.csv", &a);
    folder.write("b.csv", &b);
    let mut panel = "unique_id,month,sold\n".to_owned();
    for (id, table) in [("a", &a), ("b", &b)] {
        panel.extend(table.lines().skip(1).map(|line| format!("{id},{line}\n")));
    }
    folder.write("panel.csv", panel);
    let together = folder.run(&["forecast", "panel.csv", "-H", "4"]).table();
    assert_eq!(together.header[..3], ["unique_id", "month", "AR"]);
    for (id, rows) in [("a", 0..4), ("b", 4..8)] {
        let alone = folder.run(&["forecast", &format!("{id}.csv"), "-H", "4"]).table();
        let of_panel: Vec<&[String]> = together.rows[rows].iter().map(|row| &row[1..]).collect();
        assert_eq!(of_panel, alone.rows, "{id}");
    }
}

/// 36 months of which one value and two times are missing.
fn with_gaps() -> String {
    let table = monthly();
    let line = |(i, line): (usize, &str)| match i {
        8 => Some(line.split(',').next().unwrap_or_default().to_owned() + ",\n"),
        20 | 21 => None,
        _ => Some(format!("{line}\n")),
    };
    table.lines().enumerate().filter_map(line).collect()
}

/// The same with straight lines over the gaps.
fn filled() -> String {
    let mut x = values(36);
    x[7] = (x[6] + x[8]) / 2.0;
    let rise = (x[21] - x[18]) / 3.0;
    (x[19], x[20]) = (x[18] + rise, x[18] + rise * 2.0);
    let rows = months(36).into_iter().zip(x).map(|(month, x)| format!("{month},{x}\n"));
    "month,sold\n".to_owned() + &rows.collect::<String>()
}

#[test]
fn missing_values_are_treated_as_asked_for() {
    let folder = Folder::with("gaps.csv", with_gaps());
    folder.write("filled.csv", filled());
    let forecast = |file: &str, args: &[&str]| folder.run(&[&["forecast", file, "-H", "3"], args].concat());
    for args in [&[][..], &["--missing", "error"]] {
        let run = forecast("gaps.csv", args)
            .exits(3)
            .says("gaps.csv: 1 missing value (2020-08 in line 9) and 2 missing times (2021-08 after line 20");
        assert_eq!(run.stdout, "");
    }
    let interpolated = forecast("gaps.csv", &["--missing", "interpolate"])
        .says("in line 9) and 2 missing times (2021-08 after line 20, 2021-09 after line 20): interpolated");
    assert_eq!(interpolated.table(), forecast("filled.csv", &[]).table());
    let kept = forecast("gaps.csv", &["--missing", "keep"]).says("2021-09 after line 20): kept as unknown").table();
    assert_eq!(kept.column("month"), ["2023-01", "2023-02", "2023-03"]);
    let dropped = forecast("gaps.csv", &["--missing", "drop"]).says("left out").table();
    assert_eq!(dropped.rows.len(), 3);
    assert_ne!(dropped, kept);
}

#[test]
fn a_frequency_can_be_named() {
    let times: Vec<String> = (1..25).map(|day| format!("2024-03-{day:02}")).collect();
    let folder = Folder::with("x.csv", series("day,x", &times));
    let inferred = folder.run(&["forecast", "x.csv", "-H", "2"]).says("daily").table();
    for frequency in ["1d", "D"] {
        assert_eq!(folder.run(&["forecast", "x.csv", "-H", "2", "--freq", frequency]).table(), inferred);
    }
    let run = folder.run(&["forecast", "x.csv", "-H", "2", "--freq", "12h"]).exits(3);
    assert_eq!(run.says("23 missing times").stdout, "");
    folder.run(&["forecast", "x.csv", "-H", "2", "--freq", "2d"]).exits(3).says("--freq").says("--missing drop");
    folder.run(&["forecast", "x.csv", "-H", "2", "--freq", "fortnight"]).exits(2).says("`fortnight` is no frequency");
}

#[test]
fn a_period_can_be_named() {
    let folder = Folder::with("x.csv", monthly());
    let args = ["forecast", "x.csv", "-H", "6", "--model", "snaive", "--period", "4"];
    let table = folder.run(&args).says("period 4 (given)").table();
    let x = values(36);
    assert_eq!(table.numbers("SNaive"), [x[32], x[33], x[34], x[35], x[32], x[33]]);
    let table = folder.run(&["forecast", "x.csv", "-H", "1", "--model", "snaive", "--period", "0"]).table();
    assert_eq!(table.numbers("SNaive"), [x[35]], "no season: the last value");
    let noise: String = (0..30).map(|i| format!("{},{}\n", months(30)[i], (i * i * 37 + 11) % 101)).collect();
    let folder = Folder::with("x.csv", format!("month,x\n{noise}"));
    let table = folder.run(&["forecast", "x.csv", "-H", "1", "--model", "snaive"]).says("calendar's 12 steps").table();
    assert_eq!(table.numbers("SNaive"), [f64::from((18 * 18 * 37 + 11) % 101)]);
}

#[test]
fn a_constant_series_stays_and_says_so() {
    let times: Vec<String> = (1..41).map(|t| t.to_string()).collect();
    let rows: String = times.iter().map(|t| format!("{t},5\n")).collect();
    let folder = Folder::with("x.csv", format!("t,x\n{rows}"));
    let table = folder.run(&["forecast", "x.csv", "-H", "3"]).says("the series is constant (5)").table();
    for name in &table.header[1..] {
        assert_eq!(table.numbers(name), [5.0; 3], "{name}");
    }
}

#[test]
fn a_single_spike_is_a_series() {
    let rows: String = (1..41).map(|t| format!("{t},{}\n", if t == 20 { 100 } else { 0 })).collect();
    let folder = Folder::with("x.csv", format!("t,x\n{rows}"));
    let table = folder.run(&["forecast", "x.csv", "-H", "3"]).says("all values are 0 but one, 100").table();
    assert!(table.rows.iter().flatten().all(|cell| cell.parse::<f64>().is_ok_and(f64::is_finite)));
    for command in [&["detect", "x.csv"][..], &["inspect", "x.csv"], &["plot", "x.csv", "-o", "x.svg"]] {
        folder.run(command).exits(0);
    }
}

/// Without a level a model of a constant series forecasts zero, and does not repeat it.
#[test]
fn what_is_said_of_a_constant_series_is_true_of_the_forecast() {
    let constant: String = months(24).iter().map(|month| format!("{month},7\n")).collect();
    let folder = Folder::with("x.csv", "month,x\n".to_owned() + &constant);
    let args = ["forecast", "x.csv", "-H", "2", "--order", "0", "--difference", "0", "-o", "f.csv"];
    let run = folder.run(&[&args[..], &["--plot", "f.svg"]].concat());
    run.exits(0).says("the forecast repeats it, without any spread");
    assert!(!folder.text("f.svg").contains("95 %"), "no band, no key of it");
    folder
        .run(&[&args[..], &["--trend", "n"]].concat())
        .exits(0)
        .says("the series is constant (7), and the model has no level for it");
}
