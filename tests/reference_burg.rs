//! Burg's estimator against R's `ar.burg`, statsmodels' `burg` and spectrum's `arburg`. The numbers and where they come
//! from: `tests/reference/README.md`.
//!
//! Closed forms agree to 1e-8 relative. Innovation variances differ by rule and never by a factor: R's `var.method = 1`
//! and spectrum are Levinson's, R's `var.method = 2` and statsmodels the mean of the errors.

use std::fs;
use std::path::Path;

use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::model::linear::{BurgVariance, Criterion, Estimator, LinearSpec, Order, Terms, Trend};
use foretoken::{Batch, Covariates, Fit, Series};
use serde_json::Value;

const SERIES: [&str; 8] =
    ["airpassengers_log", "lakehuron", "lynx_log10", "nile", "sim_ar1_near_unit", "sim_ar2", "ukgas_log", "wwwusage"];

fn read(name: &str) -> (Series, Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name).with_extension("json");
    let json: Value = serde_json::from_str(&fs::read_to_string(path).expect("text")).expect("JSON");
    (Series::new(name, numbers(&json["values"])), json)
}

/// Numbers; one number is a list of one.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_f64().expect("a number")).collect(),
        single => vec![single.as_f64().expect("a number")],
    }
}

/// The records of a table with their orders; a single record for an order is still a list.
fn by_order(table: &Value) -> Vec<(usize, &Value)> {
    let records = table.as_object().expect("a table").iter();
    records.map(|(key, record)| (key[1..].parse().expect("an order"), record)).collect()
}

fn agree(what: &str, ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= 1e-8 * b.abs().max(1e-3), "{what}[{i}]: {a} here, {b} there");
    }
}

fn burg(order: Order, variance: BurgVariance, trend: Trend) -> LinearSpec {
    LinearSpec { order, estimator: Estimator::Burg { variance }, terms: Terms::of(trend), ..LinearSpec::default() }
}

#[test]
fn coefficients_variances_errors_and_forecasts_are_those_of_r() {
    for name in SERIES {
        let (series, json) = read(name);
        for (key, variance, trend) in [
            ("ar_burg_var1", BurgVariance::Levinson, Trend::Constant),
            ("ar_burg_var2", BurgVariance::Errors, Trend::Constant),
            ("ar_burg_nodemean", BurgVariance::Levinson, Trend::None),
        ] {
            for (order, theirs) in by_order(&json["r"][key]) {
                let what = format!("{name} {key} p{order}");
                let spec = burg(Order::Fixed(order), variance, trend);
                let fitted = spec.fit(std::slice::from_ref(&series)).expect("a fit");
                let summary = &fitted.summary;
                agree(&what, fitted.model.coefficients(), &numbers(&theirs["ar"]));
                agree(&what, &[summary.innovation_variance], &numbers(&theirs["var_pred"]));
                // R takes the mean out of the autocovariances behind the errors also where none is fitted.
                if trend == Trend::Constant {
                    let factor = (summary.innovation_variance / summary.innovation_variance_unbiased).sqrt();
                    let lags = summary.parameters.iter().filter(|parameter| parameter.name.starts_with("phi"));
                    let errors: Vec<f64> = lags.map(|lag| lag.standard_error.expect("an error") * factor).collect();
                    agree(&format!("{what} se"), &errors, &numbers(&theirs["se"]));
                }
                let context = Batch::single(series.values(), 0);
                let ahead = forecast(&fitted.model, &context, &Covariates::none(), ForecastOptions::new(12));
                let ahead = ahead.expect("a forecast");
                let (means, errors): (Vec<f64>, Vec<f64>) = (0..12).map(|h| (ahead.mean(h), ahead.std_dev(h))).unzip();
                agree(&format!("{what} forecast"), &means, &numbers(&theirs["forecast"]["mean"]));
                agree(&format!("{what} forecast se"), &errors, &numbers(&theirs["forecast"]["se"]));
            }
        }
    }
}

#[test]
fn coefficients_and_variances_are_those_of_statsmodels_and_spectrum() {
    let negative = |a: Vec<f64>| a.iter().map(|a| -a).collect::<Vec<f64>>();
    for name in SERIES {
        let (series, json) = read(name);
        let check = |what: &str, order: usize, spec: LinearSpec, phi: &[f64], variance: &Value| {
            let fitted = spec.fit(std::slice::from_ref(&series)).expect("a fit");
            let what = format!("{name} {what} p{order}");
            agree(&what, fitted.model.coefficients(), phi);
            agree(&what, &[fitted.summary.innovation_variance], &numbers(variance));
        };
        for (key, trend) in [("burg", Trend::Constant), ("burg_nodemean", Trend::None)] {
            for (order, theirs) in by_order(&json["statsmodels"][key]) {
                let spec = burg(Order::Fixed(order), BurgVariance::Errors, trend);
                check(key, order, spec, &numbers(&theirs["rho"]), &theirs["sigma2"]);
            }
        }
        for (order, theirs) in by_order(&json["spectrum"]) {
            let (spec, theirs) =
                (burg(Order::Fixed(order), BurgVariance::Levinson, Trend::Constant), &theirs["arburg"]);
            check("arburg", order, spec, &negative(numbers(&theirs["a"])), &theirs["variance"]);
        }
    }
}

#[test]
fn orders_are_those_of_r() {
    for name in SERIES {
        let (series, json) = read(name);
        let theirs = &json["r"]["select_burg"];
        let differences = numbers(&theirs["aic_minus_min"]);
        let max = differences.len() - 1;
        let order = Order::Auto { max: Some(max), criterion: Criterion::Aic };
        let (spec, train) = (burg(order, BurgVariance::Levinson, Trend::Constant), std::slice::from_ref(&series));
        let table = spec.order_table(train, max).expect("a table");
        let aic: Vec<f64> = table.iter().map(|row| row.criterion(Criterion::Aic)).collect();
        let smallest = aic.iter().copied().fold(f64::INFINITY, f64::min);
        for (order, (aic, theirs)) in aic.iter().zip(&differences).enumerate() {
            let ours = aic - smallest;
            assert!((ours - theirs).abs() < 1e-8 * theirs.max(1.0), "{name}, order {order}: {ours}, {theirs} there");
        }
        assert_eq!(spec.fit(train).expect("a fit").model.order() as f64, numbers(&theirs["order"])[0], "{name}");
    }
}
