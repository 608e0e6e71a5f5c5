//! `detect --load` and `inspect --load`: rows judged by saved models, and what a model file holds.

use crate::support::{Folder, Table, dataset, months, values};

const AR: [&str; 10] =
    ["--order", "1", "--estimator", "least-squares", "--difference", "0", "--transform", "none", "--period", "0"];

/// A table of some of 60 months, with a spike in the 56th.
fn rows(range: std::ops::Range<usize>, ids: &[&str]) -> String {
    let (times, mut values) = (months(60), values(60));
    values[55] += 80.0;
    let row = |id: &str, i: usize| format!("{id},{},{}\n", times[i], values[i]);
    let of = |id: &&str| range.clone().map(|i| row(id, i)).collect::<String>();
    format!("shop,month,sold\n{}", ids.iter().map(of).collect::<String>())
}

/// A folder with `m.json`, fitted to the first 50 months of some shops.
fn saved(ids: &[&str]) -> Folder {
    let folder = Folder::with("sold.csv", rows(0..50, ids));
    let args = ["fit", "sold.csv", "--id", "shop", "--time", "month", "--save", "m.json"];
    folder.run(&[&args[..], &AR].concat()).exits(0);
    folder
}

fn judged(folder: &Folder, file: &str, args: &[&str]) -> Table {
    folder.run(&[&["detect", file, "--load", "m.json", "-o", "-"], args].concat()).table()
}

#[test]
fn rows_that_follow_are_judged_as_the_forecast_expects_them() {
    let folder = saved(&["A", "B"]);
    folder.write("new.csv", rows(50..60, &["B"]));
    let run = folder.run(&["detect", "new.csv", "--load", "m.json"]).exits(0);
    let table = run.says("no held-out row checks the false-alarm rate: it is the model's own").table();
    assert_eq!((table.rows.len(), table.column("is_anomaly")[5]), (10, "true"));
    assert_eq!(table.column("is_anomaly").iter().filter(|flag| **flag == "true").count(), 1);
    // The first row has the saved values for its past.
    let ahead = folder.run(&["forecast", "--load", "m.json", "-H", "1", "--level", "99.9"]).table();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6 * b.abs(), "{a}, not {b}");
    close(table.numbers("expected")[0], ahead.numbers("AR")[1]);
    close(table.numbers("hi")[0], ahead.numbers("AR-hi-99.9")[1]);
    // So it has with all rows in the table, where the first row of all has none.
    folder.write("all.csv", rows(0..60, &["B"]));
    let all = judged(&folder, "all.csv", &[]);
    assert!(all.numbers("surprisal")[0].is_nan());
    for name in ["expected", "surprisal", "hi"] {
        all.numbers(name)[50..].iter().zip(table.numbers(name)).for_each(|(a, b)| close(*a, b));
    }
    // Rows that check the rate are not judged.
    let checked = judged(&folder, "all.csv", &["--train-rows", "50"]);
    let p_values = checked.numbers("p_value");
    assert!(p_values[..50].iter().all(|p| p.is_nan()) && p_values[50..].iter().all(|p| !p.is_nan()));
    close(checked.numbers("expected")[52], all.numbers("expected")[52]);
}

#[test]
fn the_season_of_a_model_is_that_of_the_calendar() {
    let folder = Folder::new();
    let file = dataset("air_passengers.csv");
    folder.run(&["fit", &file, "--model", "ar", "--seasonal", "factors", "--save", "m.json"]).exits(0);
    let whole = judged(&folder, &file, &[]);
    // The same from an August on, without the years before.
    let text = std::fs::read_to_string(&file).expect("the dataset");
    let lines: Vec<&str> = text.lines().collect();
    folder.write("late.csv", [&lines[..1], &lines[92..]].concat().join("\n") + "\n");
    let late = judged(&folder, "late.csv", &[]);
    let (a, b) = (&whole.numbers("expected")[91..], late.numbers("expected"));
    assert!(b.iter().filter(|x| !x.is_nan()).count() > 20);
    let agree = a.iter().zip(&b).filter(|(_, b)| !b.is_nan()).all(|(a, b)| (a - b).abs() < 1e-6 * a.abs());
    assert!(agree, "{a:?}\n{b:?}");
}

#[test]
fn tables_that_do_not_fit_the_models_are_refused() {
    let folder = saved(&["A"]);
    folder.write("new.csv", rows(50..60, &["A"]));
    let detect = |file: &str, args: &[&str]| folder.run(&[&["detect", file, "--load", "m.json"], args].concat());
    detect("new.csv", &["--order", "2"]).exits(2).says("--order with --load");
    detect("new.csv", &["--model", "mean"]).exits(2).says("cannot be used with");
    detect("new.csv", &["--covariates", "sold"]).exits(2).says("--covariates with --load");
    folder.write("other.csv", rows(50..60, &["C"]));
    detect("other.csv", &[]).exits(3).says("series `C`: the model file has no model of it");
    let day = |t: usize| format!("A,2024-01-{:02},{}\n", t + 5, values(60)[t]);
    folder.write("daily.csv", "shop,month,sold\n".to_owned() + &(0..10).map(day).collect::<String>());
    detect("daily.csv", &["--freq", "1d"]).exits(3).says("the times from 2024-01-05 on are not those of the model");
    detect("new.csv", &["--train-rows", "10"]).exits(2).says("leave none of the 10 rows to judge");
    // A model without ids judges one series.
    folder.run(&[&["fit", &dataset("nile.csv"), "--save", "m.json"], &AR[..]].concat()).exits(0);
    detect("new.csv", &["--id", "shop", "--time", "month", "--value", "sold", "--freq", "1mo"])
        .exits(2)
        .says("several series");
}

#[test]
fn a_model_file_is_described() {
    let folder = saved(&["A"]);
    let text = folder.run(&["inspect", "--load", "m.json"]).exits(0).stdout;
    for part in ["m.json: 1 model of `sold`", "A: AR(1) by least squares", "phi_1", "50 values up to 2024-02, monthly"]
    {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let object = folder.run(&["inspect", "--load", "m.json", "--json"]).objects().remove(0);
    let fit = [&["fit", "sold.csv", "--id", "shop", "--time", "month", "--json"], &AR[..]].concat();
    let fit = folder.run(&fit).objects().remove(0);
    for (key, value) in fit.as_object().expect("an object") {
        assert_eq!(&object[key], value, "{key}");
    }
    assert_eq!(
        (&object["values"], &object["to"], &object["frequency"]),
        (&50.into(), &"2024-02".into(), &"1mo".into())
    );
    assert_eq!(object["kept"][0].as_f64(), Some(values(50)[49]));
    let folder = saved(&["A", "B", "C", "D"]);
    let text = folder.run(&["inspect", "--load", "m.json"]).exits(0).stdout;
    assert!(text.contains("4 models of `sold`") && text.contains("4 series; --json says all"), "{text}");
    folder.run(&["inspect", "--load", "m.json", "sold.csv"]).exits(2);
    folder.run(&["inspect", "--load", "m.json", "--order", "2"]).exits(2).says("--order with --load");
    folder.run(&["inspect", "--load", "sold.csv"]).exits(3);
    folder.run(&["inspect"]).exits(2).says("required");
}
