//! `foretoken fit`: the objects of scripts, residuals, the readable summary.

use serde_json::Value;

use crate::support::{Folder, Table, dataset, months, series, values};

const LYNX: [&str; 8] = ["--order", "2", "--estimator", "least-squares", "--difference", "0", "--transform", "none"];

fn fit(file: &str, args: &[&str]) -> Value {
    let run = Folder::new().run(&[&["fit", &dataset(file), "--json"], args].concat());
    let mut objects = run.objects();
    assert_eq!(objects.len(), 1);
    objects.remove(0)
}

fn number(object: &Value, key: &str) -> f64 {
    object[key].as_f64().unwrap_or_else(|| panic!("{key} of {object}"))
}

fn numbers(object: &Value) -> Vec<f64> {
    object.as_array().expect("an array").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a}, not {b}");
}

#[test]
fn an_object_has_every_key_in_its_order() {
    let object = fit("lynx.csv", &[&LYNX[..], &["-H", "3", "--level", "80,99.5"]].concat());
    let keys: Vec<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut expected = "model estimator order lags coefficients standard_errors seasonal_coefficients \
        seasonal_standard_errors intercept intercept_standard_error mean mean_standard_error trend terms transform \
        differences seasonal_differences preprocessing innovation_variance innovation_variance_unbiased log_likelihood aic \
        aicc bic hqic observations converged warnings forecast"
        .split_whitespace()
        .collect::<Vec<_>>();
    assert_eq!(keys, expected);
    let ahead = object["forecast"].as_object().expect("an object");
    expected = "year mean median se lo-80 hi-80 lo-99.5 hi-99.5".split(' ').collect();
    assert_eq!(ahead.keys().collect::<Vec<_>>(), expected);
    assert!(ahead.values().all(|steps| steps.as_array().is_some_and(|steps| steps.len() == 3)));
    assert_eq!(object["forecast"]["year"], serde_json::json!([1935, 1936, 1937]));
    assert_eq!(object["estimator"], "least-squares");
    assert_eq!((object["order"].as_u64(), object["observations"].as_u64()), (Some(2), Some(112)));
    assert_eq!(object["converged"], true);
}

#[test]
fn the_numbers_belong_to_each_other() {
    let object = fit("lynx.csv", &LYNX);
    let phi = numbers(&object["coefficients"]);
    let (intercept, mean) = (number(&object, "intercept"), number(&object, "mean"));
    close(mean, intercept / (1.0 - phi.iter().sum::<f64>()));
    assert_eq!(object["terms"]["intercept"]["estimate"], object["intercept"]);
    assert_eq!(object["terms"]["intercept"]["std_error"], object["intercept_standard_error"]);
    let (l, n, k) = (number(&object, "log_likelihood"), 112.0_f64, 4.0);
    close(number(&object, "aic"), 2.0 * k - 2.0 * l);
    close(number(&object, "aicc"), 2.0 * k - 2.0 * l + 2.0 * k * (k + 1.0) / (n - k - 1.0));
    close(number(&object, "bic"), k * n.ln() - 2.0 * l);
    close(number(&object, "hqic"), 2.0 * k * n.ln().ln() - 2.0 * l);
    let variance = number(&object, "innovation_variance");
    close(number(&object, "innovation_variance_unbiased"), variance * n / (n - 3.0));
    close(-0.5 * n * ((std::f64::consts::TAU * variance).ln() + 1.0), l);
}

#[test]
fn what_does_not_exist_is_null() {
    let object = fit("lynx.csv", &[&LYNX[..], &["--trend", "n"]].concat());
    assert!(["intercept", "mean", "trend"].iter().all(|key| object[key].is_null()), "{object}");
    let object = fit("lynx.csv", &[&LYNX[..], &["--trend", "ct"]].concat());
    assert!(object["mean"].is_null() && object["trend"].is_f64() && object["terms"]["trend"]["estimate"].is_f64());
    let differenced = fit("nile.csv", &["--order", "1", "--difference", "1", "--transform", "none", "--period", "0"]);
    assert!(differenced["mean"].is_null() && differenced["intercept"].is_f64());
    assert_eq!(differenced["differences"], 1);
}

#[test]
fn a_script_gets_one_model_unless_it_asks_for_an_average() {
    let args =
        ["--order", "2", "--estimator", "yule-walker", "--difference", "1", "--transform", "none", "--period", "0"];
    let alone = fit("nile.csv", &args);
    assert_eq!(numbers(&alone["coefficients"]).len(), 2);
    assert!(alone["members"].is_null());
    let average = fit("nile.csv", &[&args[..], &["--average", "drift"]].concat());
    let members = average["members"].as_array().expect("members");
    assert!(average["coefficients"].is_null() && members.len() == 2);
    assert!(
        members.iter().all(|member| number(member, "weight") == 0.5 && number(member, "innovation_variance") > 0.0)
    );
    assert!(members[0]["intercept"].is_null());
    assert_eq!(members[1]["coefficients"], alone["coefficients"]);
}

#[test]
fn naive_models_have_no_lags() {
    let object = fit("nile.csv", &["--model", "mean", "-H", "1"]);
    assert_eq!((object["mean"].clone(), object["estimator"].clone()), (object["intercept"].clone(), Value::Null));
    close(number(&object, "mean"), 919.35);
    let drift = fit("nile.csv", &["--model", "rwd"]);
    assert_eq!((numbers(&drift["coefficients"]).len(), drift["mean"].is_null()), (0, true));
    close(number(&drift, "intercept"), -380.0 / 99.0);
}

#[test]
fn residuals_stand_beside_their_rows() {
    let mut table = "shop,when,sold\n".to_owned();
    for shop in ["A", "B"] {
        months(30).iter().zip(values(30)).for_each(|(month, value)| table += &format!("{shop},{month},{value}\n"));
    }
    let folder = Folder::with("x.csv", table);
    let args = ["fit", "x.csv", "--id", "shop", "--order", "1", "--transform", "none", "--difference", "0"];
    let run = folder.run(&[&args[..], &["--period", "0", "--json", "--residuals", "r.csv"]].concat());
    let objects = run.says("wrote r.csv").objects();
    assert_eq!(objects.iter().map(|object| object["shop"].as_str()).collect::<Vec<_>>(), [Some("A"), Some("B")]);
    let table = Table::of(&folder.text("r.csv"), ',');
    assert_eq!(table.header, ["shop", "when", "sold", "fitted", "residual", "standardised"]);
    assert_eq!((table.rows.len(), table.column("when")[59]), (60, "2022-06"));
    let [sold, fitted, residual, standardised] =
        ["sold", "fitted", "residual", "standardised"].map(|c| table.numbers(c));
    assert!(fitted[0].is_nan() && residual[30].is_nan() && standardised[0].is_nan(), "the first has no lag");
    let (phi, c) = (numbers(&objects[1]["coefficients"])[0], number(&objects[1], "intercept"));
    let sd = number(&objects[1], "innovation_variance").sqrt();
    for row in 31..60 {
        close(fitted[row], c + phi * sold[row - 1]);
        close(residual[row], sold[row] - fitted[row]);
        close(standardised[row], residual[row] / sd);
    }
}

#[test]
fn fitted_values_are_in_the_units_of_the_data() {
    let folder = Folder::new();
    let args = ["--order", "1", "--transform", "log", "--difference", "1", "--period", "0", "--residuals", "r.ndjson"];
    folder.run(&[&["fit", &dataset("air_passengers.csv")], &args[..]].concat()).exits(0);
    let rows: Vec<Value> =
        folder.text("r.ndjson").lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert!(rows[1]["fitted"].is_null() && rows[0]["residual"].is_null());
    for row in &rows[2..] {
        let (value, fitted) = (number(row, "passengers"), number(row, "fitted"));
        assert!((fitted / value - 1.0).abs() < 0.5, "{row}");
        close(number(row, "residual"), value - fitted);
    }
}

#[test]
fn a_person_reads_a_summary() {
    let file = dataset("lynx.csv");
    let run = Folder::new().run(&[&["fit", &file], &LYNX[..]].concat()).exits(0);
    let inspected = Folder::new().run(&[&["inspect", &file], &LYNX[..]].concat()).exits(0).stdout;
    let summary = &inspected[inspected.find("====").expect("a summary")..];
    assert_eq!(run.stdout.trim_end(), summary.trim_end(), "the summary of inspect");
    for part in ["AR(2) by least squares", "P>|z|", "phi_2", "AR.1", "Ljung-Box", "KPSS, level", "Log-likelihood"] {
        assert!(summary.contains(part), "no {part} in\n{summary}");
    }
    // Of averages and naive models there is less to say.
    let run = Folder::new().run(&["fit", &dataset("nile.csv"), "--model", "rwd"]).exits(0);
    assert!(run.stdout.contains("log-likelihood") && !run.stdout.contains("===="), "{}", run.stdout);
    let run = Folder::new().run(&["fit", &dataset("panel_sales.csv"), "--model", "mean"]).exits(0);
    assert!(run.stdout.contains("log-likelihood") && run.stdout.contains("--json says all of each"), "{}", run.stdout);
}

#[test]
fn a_series_that_fails_does_not_stop_the_others() {
    let mut table = series("unique_id,ds,y", &months(30)).replace("\n2", "\nA,2");
    table += "B,2020-01,1\nB,2020-02,2\n";
    let folder = Folder::with("x.csv", table);
    let run = folder.run(&["fit", "x.csv", "--order", "1", "--json", "--save", "m.json"]).exits(4);
    assert_eq!(run.stdout.lines().count(), 1);
    run.says("series `B`");
    assert!(folder.text("m.json").contains("\"series\":1"));
}

#[test]
fn options_without_effect_are_refused() {
    let file = dataset("nile.csv");
    let folder = Folder::new();
    folder.run(&["fit", &file, "--model", "mean", "--order", "2"]).exits(2).says("--order without --model ar");
    folder.run(&["fit", &file, "-H", "2"]).exits(2).says("--json");
    folder.run(&["fit", &file, "--residuals", "r.docx"]).exits(2).says("the ending names no table format");
    folder.run(&["fit", &file, "--save", "no/such/m.json"]).exits(2).says("does not exist");
    assert!(folder.names().is_empty());
}

#[test]
fn models_of_tokens_have_a_likelihood_and_no_criterion() {
    let (folder, file) = (Folder::new(), dataset("sunspots_yearly.csv"));
    for model in ["markov", "codebook"] {
        let object = folder.run(&["fit", &file, "--model", model, "--json"]).objects().remove(0);
        assert!(object["log_likelihood"].is_f64() && object["aic"].is_null() && object["bic"].is_null(), "{object}");
        let run = folder.run(&["fit", &file, "--model", model]).exits(0);
        assert!(run.stdout.contains("log-likelihood") && !run.stdout.contains("AIC"), "{}", run.stdout);
    }
}

/// Every value is known, and none has a density.
#[test]
fn residuals_of_a_series_without_error_are_zero() {
    let line: String = months(30).iter().enumerate().map(|(t, month)| format!("{month},{}\n", 3 * t)).collect();
    let folder = Folder::with("x.csv", "month,y\n".to_owned() + &line);
    folder.run(&["fit", "x.csv", "--difference", "1", "--residuals", "r.csv"]).exits(0);
    let table = folder.table("r.csv");
    assert_eq!((table.column("fitted")[0], table.column("residual")[0]), ("", ""));
    assert_eq!(table.numbers("fitted")[1..], table.numbers("y")[1..]);
    assert!(table.numbers("residual")[1..].iter().all(|e| *e == 0.0));
    assert!(table.column("standardised").iter().all(|e| e.is_empty()));
}

#[test]
fn a_robust_fit_says_what_its_innovations_follow() {
    let object = fit("lynx.csv", &["--order", "2", "--estimator", "robust"]);
    let (scale, dof) = (number(&object["student_t"], "scale"), number(&object["student_t"], "degrees_of_freedom"));
    close(number(&object, "innovation_variance"), scale * scale * dof / (dof - 2.0));
    let text =
        Folder::new().run(&["fit", &dataset("lynx.csv"), "--order", "2", "--estimator", "robust"]).exits(0).stdout;
    assert!(text.contains("Student's t innovations: scale "), "{text}");
}
