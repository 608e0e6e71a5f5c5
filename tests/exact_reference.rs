//! Exact maximum likelihood against the closed-form likelihood of `exact_mle` and against R's `arima`. The numbers and
//! where they come from: `tests/reference/README.md`.

use std::fs;
use std::path::Path;

use foretoken::math::exact::{ExactFit, ExactProblem, Observed, Structure};
use serde_json::Value;

const SERIES: [&str; 8] =
    ["airpassengers_log", "lakehuron", "lynx_log10", "nile", "sim_ar1_near_unit", "sim_ar2", "ukgas_log", "wwwusage"];

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name).with_extension("json");
    serde_json::from_str(&fs::read_to_string(path).expect("text")).expect("JSON")
}

/// Numbers, NaN for null; one number is a list of one.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_f64().unwrap_or(f64::NAN)).collect(),
        Value::Null => Vec::new(),
        single => vec![single.as_f64().expect("a number")],
    }
}

fn number(value: &Value) -> f64 {
    numbers(value)[0]
}

fn table(value: &Value) -> Vec<(&String, &Value)> {
    value.as_object().expect("a table").iter().collect()
}

fn maximise(y: &[f64], columns: Vec<&[f64]>, structure: Structure) -> ExactFit {
    ExactProblem { series: vec![Observed { y, columns }], structure }.maximise().expect("a maximum")
}

fn assert_close(what: &str, ours: &[f64], theirs: &[f64], tolerance: impl Fn(usize) -> f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance(i), "{what}[{i}]: {a} here, {b} there");
    }
}

#[test]
fn the_maximum_is_that_of_the_closed_form() {
    for name in SERIES {
        let json = read(name);
        let y = numbers(&json["values"]);
        let ones = vec![1.0; y.len()];
        let centre = y.iter().sum::<f64>() / y.len() as f64;
        let centred: Vec<f64> = y.iter().map(|y| y - centre).collect();
        for (kind, records) in table(&json["exact_mle"]) {
            for (key, theirs) in table(records) {
                let what = format!("{name} {kind} {key}");
                let structure = Structure::ar(key[1..].parse().expect("an order"));
                let fit = match kind.as_str() {
                    "mean" => maximise(&y, vec![&ones], structure),
                    _ => maximise(&centred, Vec::new(), structure),
                };
                let errors = numbers(&theirs["se_observed_information"]);
                let ours: Vec<f64> = fit.phi.iter().chain(&fit.beta).copied().collect();
                let mut values = numbers(&theirs["ar"]);
                values.extend(numbers(&theirs["mean"]));
                println!(
                    "{what}: dll {:.1e} coef {:.1e} se {:.1e} grad {:.1e} iterations {}",
                    fit.log_likelihood - number(&theirs["loglik"]),
                    ours.iter().zip(&values).zip(&errors).map(|((a, b), e)| (a - b).abs() / e).fold(0.0, f64::max),
                    fit.standard_errors()
                        .expect("errors")
                        .iter()
                        .zip(&errors)
                        .map(|(a, b)| (a / b - 1.0).abs())
                        .fold(0.0, f64::max),
                    fit.gradient,
                    fit.iterations
                );
                assert!(fit.converged && fit.gradient < 1e-12, "{what}");
                assert!((fit.log_likelihood - number(&theirs["loglik"])).abs() < 1e-8, "{what}");
                assert_close(&what, &ours, &values, |i| 1e-7 * errors[i]);
                assert_close(&what, &fit.standard_errors().expect("errors"), &errors, |i| 1e-5 * errors[i]);
                assert_close(&what, &[fit.sigma2], &numbers(&theirs["sigma2"]), |_| 1e-9 * fit.sigma2);
            }
        }
    }
}
