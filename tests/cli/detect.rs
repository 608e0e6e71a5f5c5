//! `foretoken detect`: rows, verdicts, training, exit codes.

use crate::support::{Folder, Table, dataset, months, values};

const APPENDED: [&str; 6] = ["expected", "lo", "hi", "surprisal", "p_value", "is_anomaly"];

/// Noise around 50 with spikes in the given rows.
fn noisy(rows: usize, spikes: &[usize]) -> Vec<f64> {
    let mut x = values(rows);
    spikes.iter().for_each(|&row| x[row] += 500.0);
    x
}

fn numbered(x: &[f64]) -> String {
    "t,x\n".to_owned() + &(1..).zip(x).map(|(t, x): (usize, &f64)| format!("{t},{x}\n")).collect::<String>()
}

/// The verdicts must follow from the region, and rows without p-value must not be alarms.
#[track_caller]
fn check_verdicts(table: &Table, value: &str) {
    let [x, lo, hi, p] = [value, "lo", "hi", "p_value"].map(|name| table.numbers(name));
    for (row, verdict) in table.column("is_anomaly").into_iter().enumerate() {
        let is_outside = x[row] < lo[row] || x[row] > hi[row];
        let is_anomaly = !p[row].is_nan() && is_outside;
        assert_eq!(verdict, is_anomaly.to_string(), "row {row}: {:?}", table.rows[row]);
    }
}

fn alarms(table: &Table) -> Vec<usize> {
    let flags = table.column("is_anomaly");
    (0..flags.len()).filter(|&row| flags[row] == "true").collect()
}

#[test]
fn every_row_is_repeated_with_its_verdict() {
    let file = dataset("sensor_anomalies.csv");
    let table = Folder::new().run(&["detect", &file, "--train-rows", "2000"]).table();
    assert_eq!(table.header, [&["time", "temperature"], &APPENDED[..]].concat());
    let input = Table::of(&std::fs::read_to_string(&file).expect("the dataset"), ',');
    assert_eq!(table.column("time"), input.column("time"));
    assert_eq!(table.numbers("temperature"), input.numbers("temperature"));
    check_verdicts(&table, "temperature");
    let spike = table.column("time").iter().position(|time| *time == "2024-01-15T23:10").expect("the labelled spike");
    assert!(alarms(&table).contains(&spike));
    assert!(alarms(&table).len() < 1_000, "{} alarms", alarms(&table).len());
}

#[test]
fn columns_and_order_of_the_input_stay() {
    // A number in a column of numbers is written as such: 54 beside 54.5 as 54.0.
    let x: Vec<String> = noisy(60, &[50]).into_iter().map(|x| format!("{x:.2}")).collect();
    let code = |i: usize| 12_345_678_901_234_567_890_u128 + i as u128;
    let mut rows: Vec<String> =
        (0..60).map(|i| format!("r{i},{},00{i},{},\"a, b\",{},true", months(60)[i], code(i), x[i])).collect();
    rows.reverse();
    rows.swap(0, 30);
    let folder = Folder::with("in.csv", "name,month,code,long,remark,x,flag\n".to_owned() + &rows.join("\n"));
    let args = ["detect", "in.csv", "--value", "x", "--time", "month", "--train-rows", "40", "--model", "mean"];
    let run = folder.run(&args).exits(0);
    let mut lines = run.stdout.lines();
    assert_eq!(lines.next(), Some(&*format!("name,month,code,long,remark,x,flag,{}", APPENDED.join(","))));
    let mut lines: Vec<&str> = lines.collect();
    assert!(lines.iter().zip(&rows).all(|(line, row)| line.starts_with(row.as_str())), "{}", run.stdout);
    lines.retain(|line| line.ends_with(",true"));
    assert!(matches!(lines[..], [line] if line.starts_with("r50,")), "{lines:?}");
}

#[test]
fn training_rows_are_not_judged() {
    let x = noisy(300, &[20, 250]);
    let folder = Folder::with("x.csv", numbered(&x));
    let table = folder.run(&["detect", "x.csv", "--train-rows", "200"]).table();
    check_verdicts(&table, "x");
    let p = table.numbers("p_value");
    assert!(p[..200].iter().all(|p| p.is_nan()) && p[200..].iter().all(|p| !p.is_nan()));
    assert!(alarms(&table).contains(&250) && !alarms(&table).contains(&20));
}

#[test]
fn training_ends_at_a_time() {
    let rows: String = months(120).iter().zip(noisy(120, &[100])).map(|(t, x)| format!("{t},{x}\n")).collect();
    let folder = Folder::with("x.csv", format!("month,x\n{rows}"));
    let until = |time: &str| folder.run(&["detect", "x.csv", "--train-until", time]);
    let expected = folder.run(&["detect", "x.csv", "--train-rows", "60"]).table();
    assert_eq!(until("2024-12").table(), expected, "the time itself is a training row");
    assert!(alarms(&expected).contains(&100));
    for (time, code, said) in [
        ("1999-01", 2, "lies before the first time"),
        ("never", 2, "`never` is no time of this series"),
        ("2099-01", 2, "leave none of the 120 rows to judge"),
        ("2020-03", 3, "3 training rows are too few"),
    ] {
        assert_eq!(until(time).exits(code).says(said).says("x.csv").stdout, "", "{time}");
    }
}

#[test]
fn halves_judge_each_other() {
    let x = noisy(400, &[80, 300]);
    let table = Folder::with("x.csv", numbered(&x)).run(&["detect", "x.csv"]).table();
    check_verdicts(&table, "x");
    let found = alarms(&table);
    assert!(found.contains(&80) && found.contains(&300), "{found:?}");
    let p = table.numbers("p_value");
    assert!(p[200..].iter().all(|p| !p.is_nan()), "the second half has the first as its past");
    assert!(p[..200].iter().filter(|p| p.is_nan()).count() < 30, "only rows without a past have no score");
}

#[test]
fn an_anomaly_may_be_an_exit_code() {
    let folder = Folder::with("x.csv", numbered(&noisy(300, &[250])));
    let args = ["detect", "x.csv", "--train-rows", "200"];
    let expected = folder.run(&args).exits(0).stdout;
    let run = folder.run(&[&args[..], &["--fail-on-anomaly"]].concat()).exits(10);
    assert_eq!(run.stdout, expected, "the table is written all the same");
    folder.write("x.csv", numbered(&noisy(300, &[])));
    folder.run(&[&args[..], &["--fail-on-anomaly", "--false-alarm-rate", "1e-9"]].concat()).exits(0);
}

#[test]
fn a_missing_value_has_no_score_and_is_no_alarm() {
    let mut rows: Vec<String> = numbered(&noisy(300, &[280])).lines().map(str::to_owned).collect();
    rows[251] = "251,".to_owned();
    rows.remove(261);
    let folder = Folder::with("x.csv", rows.join("\n"));
    let run = folder.run(&["detect", "x.csv", "--train-rows", "200", "--order", "2", "--difference", "0"]);
    let table =
        run.says("1 missing value (251 in line 252) and 1 missing time (261 after line 261): kept as unknown").table();
    assert_eq!(table.rows.len(), 299, "the row that is not there is not made up");
    check_verdicts(&table, "x");
    let row = |t: &str| table.column("t").iter().position(|time| *time == t).expect("a row");
    let gap = row("251");
    assert!(table.numbers("surprisal")[gap].is_nan(), "there is nothing to score");
    assert!(table.numbers("p_value")[gap].is_nan() && table.column("is_anomaly")[gap] == "false");
    let width = |t: &str| table.numbers("hi")[row(t)] - table.numbers("lo")[row(t)];
    // The coefficient of the second lag is the one that is not small here.
    assert!(width("253") > 1.01 * width("258"), "what is missing is integrated out");
    assert!(alarms(&table).contains(&row("281")));
}

#[test]
fn a_constant_series_has_no_alarms_and_says_why() {
    let mut x = [5.0; 60];
    x[50] = 9.0;
    let folder = Folder::with("x.csv", numbered(&x));
    for args in [&["detect", "x.csv"][..], &["detect", "x.csv", "--train-rows", "30"]] {
        let table = folder.run(args).says("the training rows are constant (5)").says("no alarms").table();
        assert_eq!((table.rows.len(), alarms(&table).len()), (60, 0));
    }
}

#[test]
fn objects_hold_the_events_of_the_table() {
    let folder = Folder::with("x.csv", numbered(&noisy(300, &[220, 250])));
    let args = ["detect", "x.csv", "--train-rows", "200", "--model", "mean"];
    let table = folder.run(&args).table();
    let objects = folder.run(&[&args[..], &["--json"]].concat()).objects();
    assert_eq!(objects.len(), 1);
    assert_eq!((&objects[0]["rows"], &objects[0]["judged"]), (&300.into(), &100.into()));
    assert_eq!(objects[0]["anomalies"], alarms(&table).len());
    let events = objects[0]["events"].as_array().expect("events");
    let peaks: Vec<i64> = events.iter().filter_map(|event| event["peak"].as_i64()).collect();
    assert_eq!(peaks, [221, 251]);
    assert_eq!(events[0]["hi"].as_f64(), Some(table.numbers("hi")[220]));
}

#[test]
fn a_column_that_is_already_there_is_refused() {
    let rows: String = (0..60).zip(values(60)).map(|(t, x)| format!("{t},{x},1\n")).collect();
    let folder = Folder::with("x.csv", format!("ds,y,lo\n{rows}"));
    let run = folder.run(&["detect", "x.csv", "-o", "out.csv", "--plot", "out.svg"]).exits(2);
    assert_eq!(run.says("already has a column `lo`").says("rename").stdout, "");
    assert_eq!(folder.names(), ["x.csv"]);
}

#[test]
fn rows_of_a_series_that_fails_have_no_verdict() {
    let mut rows: String = (0..60).zip(values(60)).map(|(t, x)| format!("good,{t},{x}\n")).collect();
    rows += "short,0,1\nshort,1,2\n";
    let folder = Folder::with("x.csv", format!("unique_id,ds,y\n{rows}"));
    let run = folder.run(&["detect", "x.csv"]).exits(4).says("x.csv: series `short`: 2 rows are too few");
    let table = Table::of(&run.stdout, ',');
    assert_eq!(table.rows.len(), 62);
    assert!(table.rows[60..].iter().all(|row| row[3..].iter().all(String::is_empty)), "{:?}", &table.rows[60..]);
}

#[test]
fn a_chart_of_one_series_has_a_threshold_even_where_halves_differ() {
    let mut x = noisy(400, &[300]);
    x[..200].iter_mut().for_each(|x| *x *= 8.0);
    let folder = Folder::with("x.csv", numbered(&x));
    folder.run(&["detect", "x.csv", "--model", "mean", "--plot", "x.svg"]).exits(0);
    let picture = folder.text("x.svg");
    assert!(picture.contains("threshold") && picture.contains("anomalies ("), "{picture}");
}

/// `series` short series, each longer by one row than the one before.
fn panel(series: usize) -> String {
    let rows = |id: usize| {
        let numbered = (0..40 + id).zip(values(40 + id));
        numbered.map(|(t, x)| format!("s{id},{t},{x}\n")).collect::<String>()
    };
    "unique_id,ds,y\n".to_owned() + &(0..series).map(rows).collect::<String>()
}

#[test]
fn notes_of_many_series_are_one_line_of_each_kind() {
    let run = Folder::with("x.csv", panel(30)).run(&["detect", "x.csv"]).exits(0);
    let few: Vec<&str> = run.stderr.lines().filter(|line| line.contains("too few to check")).collect();
    assert_eq!(few.len(), 2, "one line for each half: {few:#?}");
    assert!(few[0].starts_with("note: 30 series (`s0`, `s1`, `s2` and 27 more), in numbers of `s0`: first half: 5 "));
}

#[test]
fn a_chart_of_a_panel_has_one_entry_for_anomalies_and_counts_in_titles() {
    let folder = Folder::with("x.csv", panel(4));
    folder.run(&["detect", "x.csv", "--false-alarm-rate", "0.2", "--plot", "x.svg"]).exits(0);
    let picture = folder.text("x.svg");
    assert!(!picture.contains("anomalies (") && picture.contains("s3: "), "{picture}");
    assert!(
        picture.contains("Anomalies of y") && !picture.contains("\ny\n"),
        "the name of the values stands there once"
    );
    folder.run(&["plot", "x.csv", "-o", "x.svg"]).exits(0);
    assert_eq!(folder.text("x.svg").matches("\ny\n").count(), 1);
}

#[test]
fn a_surprisal_that_is_cut_off_has_a_tick_where_it_is() {
    let folder = Folder::new();
    let args = ["--train-rows", "4000", "--plot", "x.svg", "-o", "x.csv"];
    folder.run(&[&["detect", &dataset("sensor_anomalies.csv")], &args[..]].concat()).exits(0);
    let picture = folder.text("x.svg");
    let (_, cut) = picture.split_once("surprisal (nats), cut off at ").expect("spikes are cut off");
    let cut = cut.lines().next().expect("a number");
    assert!(cut.parse::<f64>().is_ok_and(|cut| cut % 5.0 == 0.0), "{cut}");
    assert!(picture.contains(&format!("\n{cut}\n")), "no tick at {cut}");
}
