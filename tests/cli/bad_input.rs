//! Whatever is wrong is said once, with its place and a way out; nothing is written.

use std::io::Read;

use crate::support::{COMMANDS, Folder, Run, Table, check_svg, monthly, months, series, values};

/// Exit code, no output, one error that says all of it.
#[track_caller]
fn refused(folder: &Folder, args: &[&str], code: i32, said: &[&str]) -> Run {
    let before = folder.names();
    let mut run = folder.run(args).exits(code);
    for text in said {
        run = run.says(text);
    }
    assert_eq!(run.stdout, "", "{args:?}");
    let errors = run.stderr.lines().filter(|line| line.starts_with("error")).count();
    assert_eq!(errors, 1, "{args:?}\n{}", run.stderr);
    assert!(run.stderr.lines().all(|line| line.len() < 400), "{}", run.stderr);
    assert_eq!(folder.names(), before, "{args:?}");
    run
}

/// As [`refused`], by every command that reads files.
#[track_caller]
fn refused_by_all(folder: &Folder, file: &str, code: i32, said: &[&str]) {
    for command in COMMANDS {
        refused(folder, &[command, &[file]].concat(), code, said);
    }
}

/// Times 1 to 40 with some values, one of them replaced.
fn numbered_with(row: usize, text: &str) -> String {
    let cell = |(t, x): (usize, f64)| if t == row { format!("{t},{text}\n") } else { format!("{t},{x}\n") };
    "t,x\n".to_owned() + &(1..).zip(values(40)).map(cell).collect::<String>()
}

#[test]
fn lags_that_say_nothing_new_are_told_with_a_way_out() {
    let line: String = (0..40).map(|t| format!("{t},{}\n", 3 * t)).collect();
    let folder = Folder::with("x.csv", "t,x\n".to_owned() + &line);
    let args = ["fit", "x.csv", "--order", "2", "--difference", "0", "--transform", "none", "--estimator"];
    let with =
        |estimator: &str, trend: &str| folder.run(&[&args[..], &[estimator, "--trend", trend]].concat()).exits(3);
    with("least-squares", "c").says("an order of at most 1").says("help: lower --order");
    with("least-squares", "ct").says("the lags say nothing that the terms beside them do not say").says("--order 0");
    with("robust", "c").says("`phi_2` is a linear combination").says("help: choose a lower --order");
}

#[test]
fn files_that_are_not_there() {
    let folder = Folder::new();
    refused_by_all(&folder, "none.csv", 2, &["none.csv: cannot be read"]);
    std::fs::create_dir(folder.path().join("sub")).expect("a folder");
    refused_by_all(&folder, "sub", 2, &["sub: is a directory", "expected a file"]);
}

#[test]
fn files_without_a_series() {
    let binary: Vec<u8> = (0..2000_u32).map(|i| (i * i % 251) as u8).collect();
    let table = monthly();
    let invalid = table.replace("2020-04", "#").into_bytes().into_iter().map(|b| if b == b'#' { 0xff } else { b });
    let cases: [(&str, Vec<u8>, &[&str]); 10] = [
        ("empty.csv", Vec::new(), &["the input is empty", "expected a header line"]),
        ("blank.csv", b"\n \n\n".to_vec(), &["the input is empty", "expected a header line"]),
        ("header.csv", b"ds,y\n".to_vec(), &["a header, but no row", "expected at least one row"]),
        ("binary.csv", binary, &["binary", "expected CSV, TSV, NDJSON or Parquet"]),
        ("utf8.csv", invalid.collect(), &["line 5", "not valid UTF-8", "save the file as UTF-8"]),
        ("utf16.csv", b"\xff\xfed\0s\0".to_vec(), &["UTF-16", "save it as UTF-8"]),
        ("cut.parquet", b"PAR1abcdefgh".to_vec(), &["the Parquet file could not be read"]),
        ("cut.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03abc".to_vec(), &["the compressed data are damaged"]),
        ("array.json", b"[{\"ds\":1,\"y\":2}]".to_vec(), &["a JSON array", "expected one JSON object per line"]),
        ("words.csv", b"a,b\nx,y\nz,w\n".to_vec(), &["no column holds numbers", "--value COLUMN"]),
    ];
    for (name, content, said) in cases {
        let folder = Folder::with(name, content);
        refused_by_all(&folder, name, 3, &[&[name], said].concat());
    }
}

#[test]
fn cells_that_are_no_numbers() {
    let all_missing: String = (1..41).map(|t| format!("{t},\n")).collect();
    let comma: String = (1..41).map(|t| format!("{t};{t},5\n")).collect();
    let unquoted: String = (1..41).map(|t| format!("{t},{t},5\n")).collect();
    for (content, said) in [
        (numbered_with(20, "abc"), &["line 21: column `x`: `abc` is no number", "expected a number", "--value"][..]),
        (numbered_with(20, "1,5"), &["line 21: the row has 3 fields; expected 2", "decimals need a point"]),
        (numbered_with(20, "\"1.234,5\""), &["line 21", "`1.234,5` is no number", "a decimal point", "`1234.5`"]),
        (numbered_with(20, "inf"), &["line 21: the value is infinite", "expected finite numbers"]),
        (numbered_with(20, "-Infinity"), &["line 21: the value is infinite"]),
        (numbered_with(20, "1e999"), &["line 21: the value is infinite"]),
        (numbered_with(20, "\"open"), &["line 21: a quote is never closed"]),
        (numbered_with(20, ""), &[][..]),
        (format!("t,x\n{all_missing}"), &["all values are missing", "expected at least one number"]),
        (format!("t;x\n{comma}"), &["line 2: column `x`: `1,5` is no number", "a decimal point", "`1.5`"]),
        (format!("t,x\n{unquoted}"), &["line 2: the row has 3 fields", "decimals need a point"]),
    ] {
        let folder = Folder::with("x.csv", content);
        match said {
            [] => drop(refused(
                &folder,
                &["forecast", "x.csv", "-H", "3"],
                3,
                &["x.csv: 1 missing value (20 in line 21)", "--missing"],
            )),
            said => refused_by_all(&folder, "x.csv", 3, &[&["x.csv"], said].concat()),
        }
    }
}

#[test]
fn times_that_make_no_series() {
    let day = |i: usize| format!("2024-01-{:02}", i + 1);
    let twice: Vec<String> = (0..30).map(|i| day(i - usize::from(i > 9))).collect();
    let mixed: Vec<String> = (0..20).map(|i| format!("{}T00:00{}", day(i), if i == 7 { "" } else { "Z" })).collect();
    let no_date: Vec<String> = (0..20).map(|i| if i == 7 { "soon".to_owned() } else { day(i) }).collect();
    let no_day: Vec<String> = (0..20).map(|i| if i == 7 { "2024-01-32".to_owned() } else { day(i) }).collect();
    let empty: Vec<String> = (0..20).map(|i| if i == 7 { String::new() } else { day(i) }).collect();
    for (times, said) in [
        (&twice, &["1 duplicate time: 2024-01-10 (line 11 and line 12)", "one row per time", "remove or average"][..]),
        (&mixed, &["line 9: column `ds`: mixed zones", "expected times that all have the same zone", "UTC"]),
        (&no_date, &["line 9: column `ds`", "soon"]),
        (&no_day, &["line 9: column `ds`", "2024-01-32"]),
        (&empty, &["line 9: column `ds`", "missing"]),
    ] {
        let folder = Folder::with("x.csv", series("ds,y", times));
        refused_by_all(&folder, "x.csv", 3, &[&["x.csv"], said].concat());
    }
}

#[test]
fn duplicate_times_may_hide_an_id() {
    let rows: String =
        ["a", "b"].iter().flat_map(|id| months(20).into_iter().map(move |m| format!("{id},{m},1\n"))).collect();
    let folder = Folder::with("x.csv", format!("shop,month,sold\n{rows}"));
    refused_by_all(&folder, "x.csv", 3, &["20 duplicate times", "add --id shop"]);
}

#[test]
fn columns_that_are_not_there_or_too_many() {
    let folder = Folder::with("x.csv", monthly());
    for option in ["--id", "--time", "--value"] {
        for command in COMMANDS {
            let args = [command, &["x.csv", option, "nothing"]].concat();
            refused(&folder, &args, 2, &["x.csv: there is no column `nothing`", "expected one of `month`, `sold`"]);
        }
    }
    folder.write("two.csv", "month,a,b\n2020-01,1,2\n2020-02,3,4\n");
    refused_by_all(&folder, "two.csv", 3, &["several columns may hold the values: `a`, `b`", "--value COLUMN"]);
    folder.write("same.csv", "month,a,a\n2020-01,1,2\n2020-02,3,4\n");
    refused_by_all(&folder, "same.csv", 3, &["line 1: two columns are called `a`", "different column names"]);
    folder.write("headless.csv", "2020-01,1\n2020-02,3\n");
    refused_by_all(&folder, "headless.csv", 3, &["line 1: the first line has `2020-01`", "a header line"]);
}

#[test]
fn too_few_rows() {
    let folder = Folder::with("one.csv", "ds,y\n2024-01-01,5\n");
    folder.write("eight.csv", series("month,x", &months(8)));
    let enough = ["expected at least", "give more history"];
    refused(
        &folder,
        &["forecast", "one.csv", "-H", "3", "-o", "out.csv"],
        3,
        &[&["one.csv: 1 value is too few"], &enough[..]].concat(),
    );
    refused(&folder, &["inspect", "one.csv"], 3, &[&["one.csv: 1 value is too few"], &enough[..]].concat());
    folder.write("two.csv", "ds,y\n2024-01-01,5\n2024-02-01,6\n");
    // Values of the file are counted, not the differences that a model is of.
    refused(&folder, &["forecast", "two.csv", "-H", "2"], 3, &["two.csv: 2 values are too few", "expected at least 3"]);
    refused(&folder, &["detect", "one.csv", "-o", "out.csv"], 3, &[&["one.csv: 1 row"], &enough[..]].concat());
    let large = ["eight.csv: order 5 is too large for", "expected an order of at most 3", "--order auto"];
    refused(&folder, &["forecast", "eight.csv", "-H", "3", "--order", "5", "-o", "out.csv"], 2, &large);
    refused(&folder, &["inspect", "eight.csv", "--order", "5", "--plot", "out.svg"], 2, &large);
    refused(&folder, &["detect", "eight.csv", "-o", "out.csv"], 3, &["eight.csv: 8 rows are too few to judge halves"]);
    for rows in ["8", "9", "1000000"] {
        let said = format!("eight.csv: {rows} training rows leave none of the 8 rows to judge");
        refused(&folder, &["detect", "eight.csv", "--train-rows", rows], 2, &[&said]);
    }
    refused(&folder, &["detect", "eight.csv", "--train-rows", "0"], 3, &["eight.csv: 0 training rows are too few"]);
}

#[test]
fn orders_from_half_the_length_on() {
    let folder = Folder::with("x.csv", monthly());
    for (order, difference) in [("18", "0"), ("19", "0"), ("35", "0"), ("36", "0"), ("1000", "0"), ("18", "1")] {
        let args = ["forecast", "x.csv", "-H", "3", "--order", order, "--difference", difference, "-o", "out.csv"];
        let said = format!("x.csv: order {order} is too large for");
        refused(&folder, &args, 2, &[&said, "expected an order of at most 17", "lower --order"]);
    }
    let least = ["forecast", "x.csv", "-H", "3", "--order", "17", "--difference", "0", "--estimator", "least-squares"];
    assert!(folder.run(&least).code.is_some_and(|code| [0, 2, 3].contains(&code)));
    refused(&folder, &["forecast", "x.csv", "-H", "3", "--order", "99999"], 2, &["a whole number from 0 to 5000"]);
}

#[test]
fn options_outside_their_range() {
    let folder = Folder::with("x.csv", monthly());
    let forecast = |args: &[&str], said: &[&str]| {
        refused(&folder, &[&["forecast", "x.csv", "-o", "out.csv", "--plot", "out.svg"], args].concat(), 2, said);
    };
    for horizon in ["0", "1000000000", "1000001"] {
        forecast(
            &["-H", horizon],
            &[&format!("'{horizon}'"), "--horizon", "expected a number of steps from 1 to 1000000"],
        );
    }
    forecast(&["-H", "-3"], &["'-3'", "--horizon"]);
    forecast(&["-H", "x"], &["'x'", "--horizon"]);
    forecast(&[], &["--horizon"]);
    for level in ["0", "100", "-5", "abc", "NaN", "inf", "80,", "80,101"] {
        forecast(&["-H", "3", "--level", level], &["--level", "expected a percentage above 0 and below 100"]);
    }
    forecast(&["-H", "3", "--level", "80,80"], &["--level names 80 twice"]);
    forecast(&["-H", "3", "--model", "ar,ar"], &["--model names AR twice"]);
    forecast(&["-H", "3", "--model", "arima"], &["'arima'", "snaive"]);
    forecast(&["-H", "3", "--paths", "0"], &["--paths"]);
    forecast(&["-H", "3", "--paths", "2", "--model", "ar,mean"], &["one --model with --paths"]);
    forecast(&["-H", "1000000", "--paths", "1000000"], &["rows of forecasts are too many", "at most 100000000"]);
    forecast(&["-H", "3", "--period", "1000001"], &["--period", "a whole number from 0 to 1000000"]);
    forecast(&["-H", "3", "--freq", "0d"], &["a frequency cannot be 0 days", "a count from 1 on"]);
    forecast(&["-H", "3", "--seed", "2"], &["--paths"]);
    forecast(&["-H", "3", "--difference", "3"], &["from 0 to 2"]);
    forecast(&["-H", "3", "--freq", "often"], &["`often` is no frequency", "expected for example 1d"]);
    forecast(&["-H", "3", "--frob"], &["--frob"]);
    for rate in ["0", "1", "-0.1", "x"] {
        let args = ["detect", "x.csv", "--false-alarm-rate", rate];
        refused(&folder, &args, 2, &["--false-alarm-rate", "expected a rate above 0 and below 1"]);
    }
    refused(
        &folder,
        &["detect", "x.csv", "--train-rows", "9", "--train-until", "2020-09"],
        2,
        &["cannot be used with"],
    );
    refused(&folder, &["frob"], 2, &["unrecognized subcommand 'frob'"]);
    refused(
        &folder,
        &["forecast", "x.csv", "-H", "3", "-o", "-", "--json"],
        2,
        &["standard output", "give one of them"],
    );
}

#[test]
fn periods_longer_than_the_series() {
    let folder = Folder::with("x.csv", monthly());
    for period in ["36", "1000000"] {
        for command in &COMMANDS {
            folder.run(&[command, &["x.csv", "--period", period][..]].concat()).exits(0);
        }
        for output in ["out.csv", "out.svg"] {
            std::fs::remove_file(folder.path().join(output)).expect("an output of all commands");
        }
        let forecast = |args: &[&str], said: &[&str]| {
            refused(&folder, &[&["forecast", "x.csv", "-H", "3", "--period", period], args].concat(), 3, said);
        };
        forecast(&["--model", "snaive"], &["x.csv: 36 values are too few to fit SNaive"]);
        forecast(&["--seasonal", "factors"], &["x.csv: less than two periods of", "--seasonal none"]);
        forecast(&["--seasonal", "difference"], &["x.csv: 36 values are too few", "smaller --order"]);
    }
}

#[test]
fn a_failure_leaves_earlier_output_alone() {
    let folder = Folder::with("x.csv", numbered_with(20, "abc"));
    for command in COMMANDS {
        folder.write("out.csv", "earlier");
        folder.write("out.svg", "earlier");
        refused(&folder, &[command, &["x.csv"]].concat(), 3, &["x.csv: line 21"]);
        assert_eq!((folder.text("out.csv"), folder.text("out.svg")), ("earlier".to_owned(), "earlier".to_owned()));
    }
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = Folder::with("x.csv", monthly());
    let forecast = ["forecast", "x.csv", "-H", "3"];
    let with = |command: &[&'static str], args: &[&'static str], said: &[&str]| {
        refused(&folder, &[command, args].concat(), 2, said);
    };
    let folderless = ["none/out", "the folder `none` does not exist", "create it first"];
    for command in [&forecast[..], &["detect", "x.csv"]] {
        with(command, &["-o", "none/out.csv"], &folderless);
        with(command, &["-o", "none/out.csv", "--plot", "out.svg"], &folderless);
        with(command, &["-o", "out.csv", "--plot", "none/out.svg"], &folderless);
        with(command, &["--json", "-o", "none/out.csv"], &folderless);
        with(command, &["-o", "out.xlsx"], &["out.xlsx", "expected a file name that ends in .csv"]);
        with(command, &["-o", "out"], &["out: ", "expected a file name that ends in .csv"]);
        with(command, &["--plot", "out.gif"], &["out.gif: charts cannot be written as `.gif`", ".svg or .png"]);
    }
    for command in [&["inspect", "x.csv", "--plot"][..], &["plot", "x.csv", "-o"]] {
        with(command, &["none/out.svg"], &folderless);
        with(command, &["out.gif"], &["out.gif: charts cannot be written as `.gif`", ".svg or .png"]);
        with(command, &["out"], &["out: ", ".svg or .png"]);
    }
    std::fs::create_dir(folder.path().join("sub.csv")).expect("a folder");
    with(&forecast, &["-o", "sub.csv"], &["sub.csv: is a directory", "expected a file"]);
}

#[test]
fn a_full_device_is_an_error() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let folder = Folder::with("x.csv", monthly());
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let output = folder.command(&["forecast", "x.csv", "-H", "3"]).stdout(full).output().expect("the binary ends");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error: standard output: cannot be written"));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = Folder::with("x.csv", monthly());
    for (args, read) in [
        (&["forecast", "x.csv", "-H", "90000", "--model", "naive"][..], 1000),
        (&["forecast", "x.csv", "-H", "90000", "--model", "naive", "--json"], 1000),
        (&["forecast", "x.csv", "-H", "3"], 0),
        (&["detect", "x.csv"], 0),
        (&["inspect", "x.csv"], 0),
        (&["completions", "bash"], 10),
    ] {
        let mut child = folder.command(args).stdin(std::process::Stdio::null()).spawn().expect("the binary starts");
        let mut stdout = child.stdout.take().expect("a pipe");
        stdout.read_exact(&mut vec![0; read]).expect("the beginning of the output");
        drop(stdout);
        let output = child.wait_with_output().expect("the binary ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}\n{said}");
        assert!(said.lines().all(|line| line.starts_with("note: ")), "{args:?}\n{said}");
    }
}

/// A panel of which three series are good and three are not.
fn panel() -> String {
    let mut table = "unique_id,ds,y\n".to_owned();
    let mut push = |id: &str, time: usize, value: &str| table += &format!("{id},{time},{value}\n");
    for (time, value) in values(40).iter().enumerate() {
        push("good", time, &value.to_string());
        push("gap", time + usize::from(time > 9), &value.to_string());
        push("twice", time - usize::from(time > 9), &value.to_string());
        push("infinite", time, if time == 5 { "inf" } else { "1" });
        push("same", time, "7");
        push("late", time + 100, &value.to_string());
    }
    push("short", 0, "1");
    table
}

#[test]
fn good_series_of_a_panel_are_done() {
    let folder = Folder::with("x.csv", panel());
    let run = folder.run(&["forecast", "x.csv", "-H", "2", "-o", "out.csv", "--plot", "out.svg"]).exits(4);
    let run = run
        .says("error: x.csv: series `gap`: 1 missing time (10 after line 57)")
        .says("error: x.csv: series `twice`: 1 duplicate time: 9 (line")
        .says("error: x.csv: series `infinite`: line")
        .says("error: x.csv: series `short`: 1 value is too few")
        .says("error: 4 of 7 series failed; the others are done");
    assert_eq!(run.stdout, "");
    assert_eq!(run.stderr.matches("error").count(), 5, "{}", run.stderr);
    let table = Table::of(&folder.text("out.csv"), ',');
    assert_eq!(table.column("unique_id"), ["good", "good", "same", "same", "late", "late"]);
    check_svg(&folder.text("out.svg"));
    folder.run(&["forecast", "x.csv", "-H", "2", "--json"]).exits(4);
    for &command in &COMMANDS[1..] {
        let run = folder.run(&[command, &["x.csv"]].concat()).exits(4);
        run.says("error: x.csv: series `twice`: 1 duplicate time").says("series failed; the others are done");
    }
}

#[test]
fn a_panel_without_a_good_series_fails() {
    let rows: String = (0..20).map(|t| format!("a,{},1\nb,{t},inf\n", t / 2)).collect();
    let folder = Folder::with("x.csv", format!("unique_id,ds,y\n{rows}c,1,2\n"));
    refused(
        &folder,
        &["forecast", "x.csv", "-H", "2", "-o", "out.csv"],
        3,
        &["all 3 series failed", "x.csv: series `a`: 10 duplicate"],
    );
    folder.write("x.csv", format!("unique_id,ds,y\n{rows}"));
    refused_by_all(&folder, "x.csv", 3, &["x.csv: series `a`: 10 duplicate times"]);
}

#[test]
fn a_missing_id_is_named() {
    let folder = Folder::with("x.csv", "unique_id,ds,y\na,1,2\n,2,3\na,3,4\n");
    refused_by_all(&folder, "x.csv", 3, &["x.csv: line 3: the id is missing"]);
}

/// Options that messages advise, wherever they come from.
#[test]
fn advice_names_options_that_exist() {
    let folder = Folder::with("x.csv", panel());
    folder.write("grid.csv", "ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-05,4\n2024-01-05T12:00,5\n");
    folder.write("far.csv", "ds,y\n1,1\n2,2\n3,3\n100000000,4\n");
    let help: String = ["forecast", "detect", "generate", "score", "tokenize"]
        .map(|command| folder.run(&[command, "--help"]).stdout)
        .concat();
    for file in ["x.csv", "grid.csv", "far.csv"] {
        for command in COMMANDS {
            let said = folder.run(&[command, &[file]].concat()).stderr;
            for option in said.split_whitespace().filter(|word| word.starts_with("--")) {
                let option = option.trim_end_matches([',', ';', '.']);
                assert!(help.contains(&format!("{option} ")), "{option}\n{said}");
            }
        }
    }
}

#[test]
fn options_without_effect() {
    let folder = Folder::with("x.csv", monthly());
    let forecast = |args: &[&str], said: &[&str]| {
        refused(&folder, &[&["forecast", "x.csv", "-H", "3", "-o", "out.csv"], args].concat(), 2, said);
    };
    forecast(
        &["--model", "snaive", "--order", "3", "--transform", "log"],
        &["--order, --transform without --model ar"],
    );
    forecast(&["--order", "3", "--criterion", "bic"], &["--order fixes it"]);
    forecast(&["--order", "3", "--max-order", "9"], &["--order fixes it"]);
    refused(&folder, &["detect", "x.csv", "--model", "mean", "--trend", "n"], 2, &["--trend without --model ar"]);
}

#[test]
fn every_frequency_of_a_panel_is_said() {
    let days = (1..29).map(|day| format!("a,2024-01-{day:02},{}\n", day * day % 17));
    let months = (1..13).map(|month| format!("b,2024-{month:02}-01,{}\n", month * month % 7));
    let folder =
        Folder::with("x.csv", format!("unique_id,ds,y\n{}{}", days.collect::<String>(), months.collect::<String>()));
    let run = folder.run(&["forecast", "x.csv", "-H", "1", "--level", "0.95"]).exits(0);
    run.says("note: daily and monthly, ").says("--level is in percent");
}

#[test]
fn values_that_cannot_be_squared_are_called_so() {
    let folder = Folder::new();
    for (unit, what) in [("e300", "too large to be squared"), ("e-300", "too small to be squared")] {
        let rows: String = (1..40).map(|t| format!("{t},{}{unit}\n", t * 7 % 5 + 1)).collect();
        folder.write("x.csv", format!("t,y\n{rows}"));
        let run = folder.run(&["fit", "x.csv", "--order", "1", "--difference", "0", "--transform", "none"]).exits(3);
        run.says(what).says("change their unit");
    }
}

#[test]
fn forecasts_end_with_the_calendar() {
    let folder =
        Folder::with("x.csv", monthly().replace("2020-", "9997-").replace("2021-", "9998-").replace("2022-", "9999-"));
    folder.run(&["forecast", "x.csv", "-H", "2"]).exits(3).says("the calendar ends").says("9999-12");
}
