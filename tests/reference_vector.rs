//! Agreement of vector autoregressions with statsmodels; the numbers come from `tests/reference/vector/var.py`.

use std::fs;
use std::path::Path;

use foretoken::forecast::ForecastOptions;
use foretoken::forecast::vector::forecast_vector;
use foretoken::model::linear::{Criterion, Trend};
use foretoken::model::vector::{DMatrix, FittedVar, VarOrder, VarSpec};
use foretoken::{Batch, Series};
use serde_json::Value;

const TOLERANCE: f64 = 1e-8;
const CRITERIA: [(&str, Criterion); 3] = [("aic", Criterion::Aic), ("bic", Criterion::Bic), ("hqic", Criterion::Hqic)];

fn reference() -> (Vec<Series>, Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/vector/var.json");
    let json: Value = serde_json::from_str(&fs::read_to_string(path).expect("text")).expect("JSON");
    let names = json["names"].as_array().expect("names").iter().map(|name| name.as_str().expect("a name"));
    let series = names.map(|name| Series::new(name, numbers(&json["values"][name]))).collect();
    (series, json)
}

/// All numbers of nested arrays, row by row.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        single => vec![single.as_f64().expect("a number")],
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn trend(value: &Value) -> Trend {
    match value.as_str() {
        Some("n") => Trend::None,
        Some("c") => Trend::Constant,
        _ => Trend::ConstantTrend,
    }
}

fn by_rows(matrix: &DMatrix<f64>) -> Vec<f64> {
    matrix.transpose().as_slice().to_vec()
}

/// Fails unless every number agrees to a relative 1e-8 (absolute below `floor`).
fn agree(what: &str, ours: &[f64], theirs: &[f64], floor: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * b.abs().max(floor), "{what}[{i}]: {a} here, {b} there");
    }
}

/// Every record with our fit of it.
fn for_each_fit(check: impl Fn(&str, &[Series], &FittedVar, &Value)) {
    let (series, json) = reference();
    let records = json["fits"].as_array().expect("fits");
    assert_eq!(records.len(), 6);
    for record in records {
        let order = record["order"].as_u64().expect("an order") as usize;
        let spec = VarSpec { order: VarOrder::Fixed(order), trend: trend(&record["trend"]) };
        let what = format!("VAR({order}) {}", record["trend"]);
        check(&what, &series, &spec.fit(&series).expect("a fit"), record);
    }
}

#[test]
fn coefficients_and_their_errors() {
    for_each_fit(|what, _, fitted, theirs| {
        agree(&format!("{what} params"), &by_rows(fitted.coefficients()), &numbers(&theirs["params"]), 1e-3);
        agree(&format!("{what} bse"), &by_rows(&fitted.standard_errors()), &numbers(&theirs["bse"]), 0.0);
        agree(&format!("{what} p"), &by_rows(&fitted.p_values()), &numbers(&theirs["pvalues"]), 1e-6);
        let unbiased = by_rows(&fitted.covariance_unbiased());
        agree(&format!("{what} sigma_u"), &unbiased, &numbers(&theirs["sigma_u"]), 0.0);
        agree(&format!("{what} sigma_u_mle"), &by_rows(&fitted.covariance()), &numbers(&theirs["sigma_u_mle"]), 0.0);
    });
}

#[test]
fn likelihood_and_criteria() {
    for_each_fit(|what, _, fitted, theirs| {
        agree(what, &[fitted.log_likelihood()], &[number(&theirs["llf"])], 0.0);
        assert_eq!(fitted.observations() as u64, theirs["nobs"].as_u64().expect("a count"), "{what}");
        for (name, criterion) in CRITERIA {
            let ours = per_row(fitted.criterion(criterion), criterion, fitted.observations());
            agree(&format!("{what} {name}"), &[ours], &[number(&theirs[name])], 1.0);
        }
    });
}

/// A criterion of three series as statsmodels defines it: per row, without the constants of the density and without the
/// six entries of the covariance as parameters.
fn per_row(ours: f64, criterion: Criterion, rows: usize) -> f64 {
    let n = rows as f64;
    (ours - criterion.penalty(n, 6.0)) / n - 3.0 * (std::f64::consts::TAU.ln() + 1.0)
}

#[test]
fn orders_are_selected_alike() {
    let (series, json) = reference();
    for theirs in json["select_order"].as_array().expect("selections") {
        let trend = trend(&theirs["trend"]);
        for (name, criterion) in CRITERIA {
            let order = VarOrder::Auto { max: Some(6), criterion };
            let fitted = VarSpec { order, trend }.fit(&series).expect("a fit");
            let selected = theirs["selected"][name].as_u64().expect("an order");
            assert_eq!(fitted.model.order() as u64, selected, "{name} {trend:?}");
            let ours: Vec<f64> =
                fitted.orders.iter().map(|row| per_row(row.criterion(criterion), criterion, row.rows)).collect();
            agree(name, &ours, &numbers(&theirs["ics"][name]), 1.0);
        }
    }
}

#[test]
fn forecasts_but_for_the_documented_factor() {
    for_each_fit(|what, series, fitted, theirs| {
        let theirs = &theirs["forecast"];
        let context = Batch::of_series(series);
        let horizon = theirs["mean"].as_array().expect("steps").len();
        let ahead = forecast_vector(&fitted.model, &context, ForecastOptions::new(horizon)).expect("forecasts");
        let (n, q) = (fitted.observations() as f64, fitted.coefficients().nrows() as f64);
        let factor = n / (n - q);
        let steps = || (0..horizon).flat_map(|step| ahead.iter().map(move |forecast| (forecast, step)));
        let means: Vec<f64> = steps().map(|(forecast, step)| forecast.mean(step)).collect();
        agree(&format!("{what} mean"), &means, &numbers(&theirs["mean"]), 1e-3);
        let variances: Vec<f64> = steps().map(|(forecast, step)| factor * forecast.std_dev(step).powi(2)).collect();
        let covariances = numbers(&theirs["cov"]);
        let diagonal: Vec<f64> = covariances.chunks(9).flat_map(|block| [block[0], block[4], block[8]]).collect();
        agree(&format!("{what} variance"), &variances, &diagonal, 0.0);
        let state = fitted.model.state(&context).expect("a state");
        let joint = fitted.model.joint_covariance(&state, horizon) * factor;
        let blocks: Vec<f64> =
            (0..horizon).flat_map(|step| by_rows(&joint.view((3 * step, 3 * step), (3, 3)).into_owned())).collect();
        agree(&format!("{what} covariance"), &blocks, &covariances, 1e-3);
    });
}

#[test]
fn impulse_responses_and_roots() {
    for_each_fit(|what, _, fitted, theirs| {
        let Some(irf) = theirs.get("irf") else { return };
        let steps = irf.as_array().expect("steps").len();
        let all = |weights: Vec<DMatrix<f64>>| weights.iter().flat_map(by_rows).collect::<Vec<f64>>();
        agree(&format!("{what} irf"), &all(fitted.model.psi_weights(steps)), &numbers(irf), 1e-3);
        let (n, q) = (fitted.observations() as f64, fitted.coefficients().nrows() as f64);
        let unbiased = fitted.model.impulse_responses(steps).into_iter().map(|w| w * (n / (n - q)).sqrt());
        agree(&format!("{what} orthogonal"), &all(unbiased.collect()), &numbers(&theirs["orth_irf"]), 1e-3);
        let moduli: Vec<f64> = fitted.model.eigenvalues().iter().map(|value| 1.0 / value.norm()).collect();
        agree(&format!("{what} roots"), &moduli, &numbers(&theirs["root_moduli"]), 0.0);
    });
}

#[test]
fn granger_tests() {
    for_each_fit(|what, _, fitted, theirs| {
        let Some(records) = theirs.get("granger").and_then(Value::as_array) else {
            assert!(fitted.granger_table().is_err(), "{what}: no lags");
            return;
        };
        let ours = fitted.granger_table().expect("tests");
        assert_eq!(ours.len(), records.len());
        for (ours, theirs) in ours.iter().zip(records) {
            let pair = (theirs["caused"].as_u64(), theirs["causing"].as_u64());
            assert_eq!((Some(ours.caused as u64), Some(ours.causing as u64)), pair);
            let degrees = numbers(&theirs["f_df"]);
            assert_eq!([ours.f_degrees.0 as f64, ours.f_degrees.1 as f64], degrees[..]);
            let what = format!("{what} {pair:?}");
            agree(&what, &[ours.f, ours.wald], &[number(&theirs["f"]), number(&theirs["wald"])], 0.0);
            let p_values = [number(&theirs["f_p"]), number(&theirs["wald_p"])];
            agree(&what, &[ours.f_p_value, ours.wald_p_value], &p_values, 1e-12);
        }
    });
}
