//! Model files: what is saved forecasts as it did, goes on with new rows, and is refused when it is damaged.

use crate::support::{Folder, Table, dataset, months, values};

const AR: [&str; 12] = [
    "--order",
    "2",
    "--estimator",
    "least-squares",
    "--difference",
    "0",
    "--transform",
    "none",
    "--period",
    "0",
    "--missing",
    "keep",
];

/// A table of some of 40 months.
fn rows(range: std::ops::Range<usize>, ids: &[&str]) -> String {
    let (times, values) = (months(40), values(40));
    let row = |id: &str, i: usize| format!("{id},{},{}\n", times[i], values[i] + id.len() as f64);
    let of = |id: &&str| range.clone().map(|i| row(id, i)).collect::<String>();
    format!("shop,month,sold\n{}", ids.iter().map(of).collect::<String>())
}

/// A folder with `m.json`, fitted to the first 30 months of some shops.
fn saved(ids: &[&str]) -> Folder {
    let folder = Folder::with("sold.csv", rows(0..30, ids));
    let args = ["fit", "sold.csv", "--id", "shop", "--time", "month", "--save", "m.json"];
    folder.run(&[&args[..], &AR].concat()).exits(0).says("wrote m.json");
    folder
}

#[test]
fn a_loaded_model_forecasts_as_the_fit_did_to_the_last_digit() {
    for (file, args) in [
        ("lynx.csv", &["--order", "11", "--estimator", "yule-walker"][..]),
        ("air_passengers.csv", &["--average", "drift", "--estimator", "yule-walker"]),
        ("air_passengers.csv", &["--order", "13", "--estimator", "least-squares", "--trend", "ct"]),
        ("panel_sales.csv", &["--order", "2", "--average", "drift", "--estimator", "least-squares"]),
        ("air_passengers.csv", &["--model", "snaive"]),
        ("nile.csv", &["--model", "mean"]),
        ("nile.csv", &["--model", "rwd"]),
    ] {
        let (folder, file) = (Folder::new(), dataset(file));
        folder.run(&[&["fit", &file, "--save", "m.json"], args].concat()).exits(0);
        let alone =
            if args.contains(&"--average") || args.contains(&"--trend") { &[][..] } else { &["--average", "none"] };
        let alone = if args.contains(&"--model") { &[] } else { alone };
        for output in
            [&["-H", "14", "--json"][..], &["-H", "3", "--level", "50"], &["-H", "2", "--paths", "3", "--seed", "7"]]
        {
            let direct = folder.run(&[&["forecast", &file], args, alone, output].concat()).exits(0);
            let loaded = folder.run(&[&["forecast", "--load", "m.json"], output].concat()).exits(0);
            assert_eq!(loaded.stdout, direct.stdout, "{file} {args:?} {output:?}");
        }
    }
}

#[test]
fn a_file_is_small_and_says_what_it_is() {
    let folder = Folder::new();
    let args = ["--order", "13", "--estimator", "least-squares", "--save", "m.json"];
    folder.run(&[&["fit", &dataset("air_passengers.csv")], &args[..]].concat()).exits(0);
    let text = folder.text("m.json");
    assert!(text.len() < 2048, "{} bytes\n{text}", text.len());
    assert!(
        text.starts_with("{\"format\":\"foretoken-model\",\"version\":1,\"model\":\"ar\",\"time\":\"month\","),
        "{text}"
    );
    assert_eq!((text.lines().count(), folder.names()), (2, vec!["m.json".to_owned()]));
}

/// Fixed coefficients on all rows: the forecast of the saved model from a longer file. What a first update saved is
/// updated once more by nothing.
#[track_caller]
fn check_update(new: std::ops::Range<usize>, note: &str) {
    let folder = saved(&["A"]);
    folder.write("new.csv", rows(new.clone(), &["A"]));
    let args = ["forecast", "--load", "m.json", "--update", "new.csv", "-H", "4", "--json", "--save", "n.json"];
    let run = folder.run(&args).says(note).exits(0);
    let again = folder.run(&["forecast", "--load", "n.json", "-H", "4", "--json"]).exits(0);
    assert_eq!(again.stdout, run.stdout, "what is saved is what was forecast");
    // By hand, where no gap has to be integrated out.
    let object: serde_json::Value = serde_json::from_str(&run.stdout).expect("an object");
    let ahead = object["AR"]["mean"].as_array().expect("means").iter().map(|x| x.as_f64().expect("a number"));
    let last = new.end.max(30);
    assert_eq!(object["month"][0].as_str(), Some(&*format!("{}-{:02}", 2020 + last / 12, last % 12 + 1)));
    let parameter = |name: &str| object["AR"]["parameters"][name]["estimate"].as_f64().expect("an estimate");
    let [c, one, two] = ["intercept", "phi_1", "phi_2"].map(parameter);
    let mut x: Vec<f64> = values(40)[..last].iter().map(|value| value + 1.0).collect();
    for mean in ahead {
        let expected = c + one * x[x.len() - 1] + two * x[x.len() - 2];
        assert!((mean - expected).abs() < 1e-10, "{mean}, not {expected}");
        x.push(expected);
    }
}

#[test]
fn an_update_continues_the_past_with_the_same_coefficients() {
    check_update(30..36, "");
    check_update(28..36, "2 rows are saved already and skipped");
    check_update(0..40, "28 rows before the saved ones are skipped");
    check_update(29..30, "no new row in the update");
    check_update(33..36, "3 missing values between the saved rows and the new ones");
    check_update(30..31, "");
}

#[test]
fn an_update_of_a_gap_is_the_forecast_of_the_whole_file_with_that_gap() {
    let folder = saved(&["A"]);
    folder.write("new.csv", rows(33..34, &["A"]));
    let table = folder.run(&["forecast", "--load", "m.json", "--update", "new.csv", "-H", "3"]).table();
    let (from, to) = (rows(0..30, &["A"]), rows(33..34, &["A"]).replacen("shop,month,sold\n", "", 1));
    folder.write("whole.csv", from + &to);
    folder.run(&[&["fit", "whole.csv", "--id", "shop", "--save", "w.json"], &AR[..]].concat()).exits(0);
    // The model of the first file on the past of the second.
    let [m, w] = ["m.json", "w.json"].map(|name| folder.text(name));
    let between = |text: &str, from: &str, to: &str| {
        let (start, end) = (text.find(from).expect("a key"), text.find(to).expect("a key"));
        text[start..end].to_owned()
    };
    let mixed = w.replace(&between(&w, "\"model\":{", "\"context\""), &between(&m, "\"model\":{", "\"context\""));
    let (header, lines) = mixed.split_once('\n').expect("a header");
    let (before, after) = header.split_once("\"crc32\":\"").expect("a checksum");
    let checksum = format!("{:08x}", crc32fast::hash(lines.as_bytes()));
    folder.write("mixed.json", format!("{before}\"crc32\":\"{checksum}{}\n{lines}", &after[8..]));
    let whole = folder.run(&["forecast", "--load", "mixed.json", "-H", "3"]).table();
    assert_eq!(table, whole);
    assert_eq!(table.column("month"), ["2022-11", "2022-12", "2023-01"]);
}

#[test]
fn the_series_of_a_panel_are_matched_by_id() {
    let folder = saved(&["A", "BB", "CCC"]);
    assert_eq!(folder.text("m.json").lines().count(), 4);
    // Another order, one unknown, one missing.
    let (one, other) = (rows(30..32, &["CCC", "new"]), rows(30..33, &["A"]));
    folder.write("new.csv", one + other.split_once('\n').expect("a header").1);
    let args = ["forecast", "--load", "m.json", "--update", "new.csv", "-H", "2", "--save", "m.json"];
    let run = folder
        .run(&args)
        .exits(4)
        .says("series `new`: the model file has no model of it")
        .says("series `BB`: no row in the update");
    let table = Table::of(&run.stdout, ',');
    assert_eq!(table.column("shop"), ["A", "A", "BB", "BB", "CCC", "CCC"]);
    assert_eq!(table.column("month"), ["2022-10", "2022-11", "2022-07", "2022-08", "2022-09", "2022-10"]);
    let again = folder.run(&["forecast", "--load", "m.json", "-H", "2"]).table();
    assert_eq!(again, table);
}

#[test]
fn rows_that_contradict_the_past_are_refused_and_leave_the_file_alone() {
    let folder = saved(&["A"]);
    let before = folder.bytes("m.json");
    folder.write("new.csv", rows(29..31, &["A"]).replace("2022-06,", "2022-06,9"));
    let args = ["forecast", "--load", "m.json", "--update", "new.csv", "-H", "2", "--save", "m.json"];
    folder.run(&args).exits(3).says("series `A`: 2022-06 has the value 9").says("fit the model again");
    folder.write("new.csv", "shop,month,sold\nA,2022-08-03,5\n");
    folder.run(&args).exits(3).says("does not continue the saved ones");
    assert!(folder.bytes("m.json") == before);
}

#[test]
fn rows_without_times_follow_the_saved_ones() {
    let column = |range: std::ops::Range<usize>| {
        values(40)[range].iter().fold("y\n".to_owned(), |text, value| text + &format!("{value}\n"))
    };
    let folder = Folder::with("y.csv", column(0..30));
    folder.run(&[&["fit", "y.csv", "--save", "m.json"], &AR[..]].concat()).exits(0);
    folder.write("new.csv", column(30..33));
    let run = folder.run(&["forecast", "--load", "m.json", "--update", "new.csv", "-H", "2"]);
    assert_eq!(run.table().column("t"), ["34", "35"]);
}

#[test]
fn what_is_no_model_file_is_refused() {
    let folder = saved(&["A"]);
    let good = folder.text("m.json");
    let half = &good[..good.len() - 40];
    let (header, _) = good.split_once('\n').expect("a header");
    for (text, says) in [
        (half, "m.json: line 2: the line is no JSON: EOF"),
        (header, "m.json: the file holds 0 of 1 series"),
        ("", "m.json: the file is empty"),
        ("month,sold\n2020-01,5\n", "m.json: line 1: the file does not begin with a JSON object"),
        (
            &good.replace("\"version\":1", "\"version\":7"),
            "line 1: the file has version 7 of the format; expected at most version 1",
        ),
        (&good.replace("\"sd\":", "\"sd\":-"), "line 2: series `A`: model.inner.members[0].sd: -"),
    ] {
        folder.write("m.json", text);
        folder.run(&["forecast", "--load", "m.json", "-H", "2"]).exits(3).says(says);
    }
    folder.run(&["forecast", "--load", "none.json", "-H", "2"]).exits(2).says("none.json: cannot be read");
}

#[test]
fn options_that_a_fitted_model_leaves_nothing_to_do_are_refused() {
    let folder = saved(&["A"]);
    let forecast = |args: &[&str]| folder.run(&[&["forecast", "-H", "2"], args].concat()).exits(2);
    forecast(&["--load", "m.json", "--order", "2"]).says("--order with --load");
    forecast(&["--load", "m.json", "sold.csv"]).says("cannot be used with");
    forecast(&["--load", "m.json", "--model", "mean"]).says("cannot be used with");
    forecast(&["--load", "m.json", "--value", "sold"]).says("--update");
    forecast(&["--update", "sold.csv"]).says("--load");
    forecast(&["--load", "m.json", "--save", "n.json"]).says("--update");
    forecast(&[]).says("required");
}

#[test]
fn a_recursion_goes_on_over_new_rows_and_other_coefficients_stay() {
    let args = |estimator: &'static str| {
        let id = ["--id", "shop", "--time", "month", "--order", "1", "--difference", "0", "--transform", "none"];
        [&id[..], &["--period", "0", "--estimator", estimator, "--trend", "c"]].concat()
    };
    let numbers = |estimator: &'static str| {
        let folder = Folder::with("all.csv", rows(0..40, &["a"]));
        folder.write("sold.csv", rows(0..30, &["a"]));
        folder.write("new.csv", rows(30..40, &["a"]));
        folder.run(&[&["fit", "sold.csv", "--save", "m.json"], &args(estimator)[..]].concat()).exits(0);
        let all = folder.run(&[&["forecast", "all.csv", "-H", "3"], &args(estimator)[..]].concat()).table();
        let updated = folder.run(&["forecast", "--load", "m.json", "--update", "new.csv", "-H", "3"]).table();
        (all.numbers("AR"), updated.numbers("AR"))
    };
    let (all, updated) = numbers("recursive");
    assert!(all.iter().zip(&updated).all(|(a, b)| (a - b).abs() < 1e-9 * a.abs()), "{all:?} {updated:?}");
    let (all, updated) = numbers("least-squares");
    assert!(all.iter().zip(&updated).any(|(a, b)| (a - b).abs() > 1e-6), "least squares has no recursion");
}
