//! `--missing keep`: gaps are integrated out, by the exact likelihood unless told.

use foretoken::math::random::LaneRng;

use crate::support::{Folder, Run, Table};

/// An autoregression 3 + w, w_t = 0.3 w_{t-1} + 0.55 w_{t-2} + e_t, that is unknown at some steps.
fn gapped(rows: usize, is_missing: impl Fn(usize) -> bool) -> String {
    let (mut rng, mut w) = (LaneRng::new(21, 0), [0.0; 2]);
    let mut row = |t: usize| {
        w = [0.3 * w[0] + 0.55 * w[1] + rng.normal(), w[0]];
        if is_missing(t) { format!("{},\n", t + 1) } else { format!("{},{}\n", t + 1, 3.0 + w[0]) }
    };
    "t,x\n".to_owned() + &(0..rows).map(&mut row).collect::<String>()
}

fn forecast(folder: &Folder, file: &str, args: &[&str]) -> Run {
    folder.run(&[&["forecast", file, "-H", "3", "--missing", "keep"], args].concat())
}

/// Order 2 on levels.
const PLAIN: [&str; 6] = ["--order", "2", "--difference", "0", "--transform", "none"];

#[test]
fn the_default_is_the_exact_likelihood_where_values_are_missing_inside() {
    let folder = Folder::with("gaps.csv", gapped(80, |t| t % 7 == 3 || (30..35).contains(&t)));
    folder.write("late.csv", gapped(80, |t| !(3..78).contains(&t)));
    folder.write("long.csv", gapped(400, |t| t % 7 == 3));
    let model = |file: &str, args: &[&str]| {
        let object = forecast(&folder, file, &[&["--json"], &PLAIN[..], args].concat()).objects().remove(0);
        (object["AR"]["model"].as_str().expect("a description").to_owned(), object["AR"].clone())
    };
    let (description, fit) = model("gaps.csv", &[]);
    assert!(description.contains("exact maximum likelihood"), "{description}");
    assert_eq!(fit["observations"], serde_json::json!(80 - 11 - 5 + 1), "every known value counts");
    for (name, expected) in [("phi_1", 0.3), ("phi_2", 0.55)] {
        let found = fit["parameters"][name]["estimate"].as_f64().expect("an estimate");
        assert!((found - expected).abs() < 0.3, "{name}: {found}");
    }
    // What is missing at the ends is no gap, and a long series has rows enough.
    assert!(!model("late.csv", &[]).0.contains("exact"), "{}", model("late.csv", &[]).0);
    assert!(model("long.csv", &[]).0.contains("least squares"));
}

#[test]
fn spreads_are_wider_after_a_gap() {
    let folder = Folder::with("near.csv", gapped(60, |t| t == 58));
    folder.write("far.csv", gapped(60, |t| t == 40));
    folder.write("end.csv", gapped(60, |t| t >= 58));
    for estimator in ["exact", "yule-walker", "burg", "least-squares"] {
        let args = [&["--estimator", estimator, "--json"], &PLAIN[..]].concat();
        // The spread of every step in units of an innovation's.
        let spread = |file: &str| -> Vec<f64> {
            let object = forecast(&folder, file, &args).objects().remove(0);
            let sd = object["AR"]["innovation_variance"].as_f64().expect("a variance").sqrt();
            let se = object["AR"]["se"].as_array().expect("an array").iter();
            se.map(|se| se.as_f64().expect("a number") / sd).collect()
        };
        let [near, far, end] = ["near.csv", "far.csv", "end.csv"].map(spread);
        // Both lags are known, or one of two is not, or the forecast begins two steps later.
        assert!((far[0] - 1.0).abs() < 1e-12, "{estimator}: {far:?}");
        assert!(near[0] > 1.05, "{estimator}: {near:?}");
        assert!(end[0] > 1.05 && end.is_sorted(), "{estimator}: {end:?}");
    }
}

#[test]
fn every_command_keeps_gaps() {
    let folder = Folder::with("gaps.csv", gapped(120, |t| t % 9 == 4));
    let table = folder.run(&["detect", "gaps.csv", "--missing", "keep", "-o", "-"]).table();
    let rows: Vec<f64> = table.numbers("surprisal");
    // A row after a gap is scored given what is known before.
    assert!(rows[5].is_finite() && rows[4].is_nan() && rows.iter().filter(|x| x.is_finite()).count() > 90);
    let text = folder.run(&["inspect", "gaps.csv"]).exits(0).stdout;
    assert!(text.contains("13 missing values"), "{text}");
    let drift = forecast(&folder, "gaps.csv", &["--difference", "1"]).table();
    assert!(drift.rows.iter().flatten().all(|cell| cell.parse::<f64>().is_ok_and(f64::is_finite)));
}

#[test]
fn missing_values_are_filled_from_both_sides() {
    let wave = |t: usize| 50.0 + 10.0 * (0.5 * t as f64).sin();
    let hidden = [20, 41, 42, 70];
    let row = |t: usize| if hidden.contains(&t) { format!("{t},\n") } else { format!("{t},{}\n", wave(t)) };
    let folder = Folder::with("x.csv", format!("t,x\n{}", (0..90).map(row).collect::<String>()));
    let args =
        ["--missing", "keep", "--estimator", "exact", "--order", "3", "--difference", "0", "--transform", "none"];
    folder.run(&[&["fit", "x.csv", "--period", "0", "--fill", "out.csv"], &args[..]].concat()).exits(0);
    let table = Table::of(&folder.text("out.csv"), ',');
    let (x, low, high) = (table.numbers("x"), table.numbers("lo-95"), table.numbers("hi-95"));
    for t in 0..90 {
        let is_filled = hidden.contains(&t);
        assert_eq!(table.column("is_filled")[t], is_filled.to_string());
        assert!((x[t] - wave(t)).abs() < if is_filled { 1.0 } else { 1e-9 }, "{t}: {}", x[t]);
        assert!(!is_filled || (low[t] < x[t] && x[t] < high[t]), "{t}");
    }
    let refused = folder.run(&["fit", "x.csv", "--missing", "keep", "--model", "naive", "--fill", "out.csv"]);
    refused.exits(2).says("--fill without --model ar");
}

#[test]
fn correlations_without_a_known_pair_are_unknown_and_not_zero() {
    let folder = Folder::with("x.csv", gapped(120, |t| t % 2 == 0));
    let objects = folder.run(&["inspect", "x.csv", "--missing", "keep", "--json"]).exits(0).objects();
    let acf = objects[0]["acf"].as_array().expect("an array");
    assert!(acf[1].is_null() && acf[2].is_number() && acf[3].is_null(), "{acf:?}");
    let text = folder.run(&["inspect", "x.csv", "--missing", "keep"]).exits(0).stdout;
    assert!(!text.contains("NaN") && text.contains("  1  -"), "{text}");
}
