//! `score`: the rows held out are those at the end, no fit sees them, and the numbers belong together.

use crate::support::{Folder, dataset, values};

fn scored(folder: &Folder, args: &[&str]) -> serde_json::Value {
    let run = folder.run(&[&["score"], args, &["--json"]].concat()).exits(0);
    serde_json::from_str(run.stdout.lines().next().expect("a line")).expect("an object")
}

#[test]
fn the_numbers_belong_together_and_to_the_rows() {
    let (folder, file) = (Folder::new(), dataset("sunspots_yearly.csv"));
    for model in ["ar", "naive", "markov", "codebook"] {
        let json = scored(&folder, &[&file, "--test-rows", "40", "--model", model, "-o", "rows.csv"]);
        let number = |key: &str| json[key].as_f64().expect(key);
        let (sum, values, nats) = (number("log_likelihood"), number("values"), number("nats_per_value"));
        assert_eq!(values, 40.0);
        assert!((nats + sum / values).abs() < 1e-12);
        assert!((number("bits_per_value") - nats / std::f64::consts::LN_2).abs() < 1e-12);
        let counts = json["pit_histogram"].as_array().expect("counts").iter().map(|n| n.as_u64().expect("a count"));
        assert_eq!(counts.sum::<u64>(), 40);
        assert_eq!(json["perplexity"].is_null(), model != "markov", "{model}");
        let table = folder.table("rows.csv");
        assert_eq!(table.column("year"), (1949..1989).map(|year| year.to_string()).collect::<Vec<_>>());
        assert!((table.numbers("log_prob").iter().sum::<f64>() - sum).abs() < 1e-9);
        assert!(table.numbers("pit").iter().all(|pit| (0.0..=1.0).contains(pit)));
    }
}

#[test]
fn no_fit_sees_what_is_held_out() {
    let text = std::fs::read_to_string(dataset("nile.csv")).expect("a data set");
    let rows: Vec<&str> = text.lines().collect();
    let folder = Folder::with("all.csv", &text);
    folder.write("past.csv", rows[..81].join("\n") + "\n");
    // The model of the first 80 rows, saved, says the same of the rest.
    let model = ["--order", "2", "--difference", "0"];
    folder.run(&[&["fit", "past.csv", "--save", "m.json"], &model[..]].concat()).exits(0);
    let direct = scored(&folder, &[&["all.csv", "--test-rows", "20"], &model[..]].concat());
    let loaded = scored(&folder, &["all.csv", "--test-rows", "20", "--load", "m.json"]);
    let of = |json: &serde_json::Value| json["log_likelihood"].as_f64().expect("a number");
    assert!((of(&direct) - of(&loaded)).abs() < 1e-9 * of(&direct).abs(), "{direct} {loaded}");
    let run = folder.run(&["score", "all.csv", "--test-rows", "30", "--load", "m.json"]).exits(0);
    run.says("the model has seen 10 of the 30 held-out rows");
}

#[test]
fn both_orders_of_time_score_the_same_rows() {
    let (folder, file) = (Folder::new(), dataset("lynx.csv"));
    let forwards = ["score", &file, "--test-rows", "30", "--estimator", "exact", "--order", "2", "--difference", "0"];
    folder.run(&[&forwards[..], &["-o", "forwards.csv"]].concat()).exits(0);
    folder.run(&[&forwards[..], &["-o", "backwards.csv", "--reverse"]].concat()).exits(0);
    let (there, back) = (folder.table("forwards.csv"), folder.table("backwards.csv"));
    assert_eq!(there.column("trappings"), back.column("trappings"));
    assert_ne!(there.column("log_prob"), back.column("log_prob"));
    // The last row has nothing after it: the stationary distribution scores it.
    assert!(back.numbers("log_prob").iter().all(|x| x.is_finite()));
}

#[test]
fn an_impossible_value_is_named() {
    let mut values = values(39);
    values[37] = -5.0;
    let rows: String = values.iter().zip(1..).map(|(x, t)| format!("{t},{x}\n")).collect();
    let folder = Folder::with("x.csv", format!("t,y\n{rows}"));
    let args = ["score", "x.csv", "--test-rows", "4", "--transform", "log"];
    folder.run(&args).exits(0).says("the model holds -5 at 38 impossible: the log-likelihood is minus infinity");
    let json = scored(&folder, &args[1..]);
    assert!(
        json["log_likelihood"].is_null() && json["warnings"][0].as_str().is_some_and(|text| text.contains("at 38"))
    );
}

#[test]
fn impossible_splits_are_refused() {
    let (folder, file) = (Folder::new(), dataset("nile.csv"));
    for rows in ["0", "100", "500"] {
        folder.run(&["score", &file, "--test-rows", rows]).exits(2).says("cannot be held out");
    }
    folder.run(&["score", &file]).exits(2).says("--test-rows");
}

#[test]
fn a_constant_series_has_no_density_and_no_score() {
    let folder = Folder::with("x.csv", "t,y\n".to_owned() + &(1..30).map(|t| format!("{t},5\n")).collect::<String>());
    let json = scored(&folder, &["x.csv", "--test-rows", "5"]);
    assert!(json["log_likelihood"].is_null() && json["nats_per_value"].is_null() && json["values"] == 0, "{json}");
    let table = folder.run(&["generate", "x.csv", "-H", "2"]).table();
    assert_eq!(table.column("y"), ["5.0", "5.0"]);
    assert!(table.numbers("log_prob").iter().chain(&table.numbers("log_q")).all(|x| x.is_nan()));
}
