//! Agreement with R and statsmodels. The numbers and where they come from: `tests/reference/README.md`.
//!
//! Closed forms agree to 1e-8 relative. Near-singular least squares (log air passengers of order 13) are as far apart
//! between R and statsmodels as from here; nothing is loosened for them.

use std::fs;
use std::path::Path;

use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::math::autocovariance::{Divisor, LaggedProducts, autocorrelations, mean, partial_autocorrelations};
use foretoken::math::residual_tests::{jarque_bera, ljung_box};
use foretoken::math::stationarity::kpss_level;
use foretoken::model::linear::{Ar, Criterion, Estimator, LinearSpec, Order, Terms, Trend};
use foretoken::{Batch, Covariates, Fit, Fitted, Series};
use serde_json::Value;

const TOLERANCE: f64 = 1e-8;

struct Reference {
    name: String,
    series: Series,
    json: Value,
}

fn references() -> Vec<Reference> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let mut all: Vec<Reference> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let json: Value = serde_json::from_str(&fs::read_to_string(&path).expect("text")).expect("JSON");
            let name = json["series"].as_str().expect("a name").to_owned();
            Reference { series: Series::new(&name, numbers(&json["values"])), name, json }
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(all.len(), 8, "every reference file is read");
    all
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_f64().expect("a number")).collect(),
        Value::Null => Vec::new(),
        single => vec![single.as_f64().expect("a number")],
    }
}

fn number(value: &Value) -> f64 {
    numbers(value)[0]
}

/// Fails unless every number agrees to a relative 1e-8 (absolute for numbers below `floor`).
fn agree(what: &str, ours: &[f64], theirs: &[f64], floor: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * b.abs().max(floor), "{what}[{i}]: {a} here, {b} there");
    }
}

/// Each record `p1`, `p2`, .. of a table with its order.
fn by_order(table: &Value) -> Vec<(usize, &Value)> {
    // R fails to fit an intercept without demeaning to the Lake Huron series.
    let records: Vec<(usize, &Value)> = table
        .as_object()
        .expect("a table")
        .iter()
        .map(|(key, record)| (key[1..].parse().expect("an order"), record))
        .collect();
    records
}

fn fit(series: &Series, order: usize, estimator: Estimator, trend: Trend) -> Fitted<Ar> {
    let spec = LinearSpec { order: Order::Fixed(order), estimator, terms: Terms::of(trend), ..LinearSpec::default() };
    spec.fit(std::slice::from_ref(series)).expect("a fit")
}

fn check_forecast(what: &str, reference: &Reference, model: &Ar, se_factor: f64, theirs: &Value) {
    let context = Batch::single(reference.series.values(), 0);
    let ahead = forecast(model, &context, &Covariates::none(), ForecastOptions::new(12)).expect("a forecast");
    let means: Vec<f64> = (0..12).map(|h| ahead.mean(h)).collect();
    let errors: Vec<f64> = (0..12).map(|h| ahead.std_dev(h) * se_factor).collect();
    agree(&format!("{what} forecast"), &means, &numbers(&theirs["mean"]), 1e-3);
    agree(&format!("{what} forecast se"), &errors, &numbers(&theirs["se"]), 1e-6);
}

const YULE_WALKER: Estimator = Estimator::YuleWalker { adjusted: false };

#[test]
fn yule_walker_is_that_of_r() {
    for reference in references() {
        for (key, trend) in [("ar_yw", Trend::Constant), ("ar_yw_nodemean", Trend::None)] {
            for (order, theirs) in by_order(&reference.json["r"][key]) {
                let what = format!("{} {key} p{order}", reference.name);
                let Fitted { model, summary } = fit(&reference.series, order, YULE_WALKER, trend);
                agree(&what, model.coefficients(), &numbers(&theirs["ar"]), 1e-3);
                // R divides by n - (p + 1) whether or not a mean is estimated.
                let n = reference.series.len() as f64;
                let r_variance = summary.innovation_variance * n / (n - order as f64 - 1.0);
                agree(&what, &[r_variance], &[number(&theirs["var_pred"])], 0.0);
                let ratio = (r_variance / summary.innovation_variance_unbiased).sqrt();
                let errors: Vec<f64> = summary
                    .parameters
                    .iter()
                    .filter(|parameter| parameter.name.starts_with("phi"))
                    .map(|parameter| parameter.standard_error.expect("an error") * ratio)
                    .collect();
                agree(&what, &errors, &numbers(&theirs["se"]), 1e-3);
                let factor = (r_variance / summary.innovation_variance).sqrt();
                check_forecast(&what, &reference, &model, factor, &theirs["forecast"]);
            }
        }
    }
}

#[test]
fn yule_walker_is_that_of_statsmodels() {
    for reference in references() {
        let table = &reference.json["statsmodels"];
        for (key, adjusted, trend) in [
            ("yule_walker_mle", false, Trend::Constant),
            ("yule_walker_adjusted", true, Trend::Constant),
            ("yule_walker_mle_nodemean", false, Trend::None),
        ] {
            for (order, theirs) in by_order(&table[key]) {
                let what = format!("{} {key} p{order}", reference.name);
                let fitted = fit(&reference.series, order, Estimator::YuleWalker { adjusted }, trend);
                agree(&what, fitted.model.coefficients(), &numbers(&theirs["rho"]), 1e-3);
                agree(&what, &[fitted.summary.innovation_variance], &[number(&theirs["sigma2"])], 0.0);
            }
        }
    }
}

#[test]
fn least_squares_is_that_of_r() {
    for reference in references() {
        for (key, trend) in
            [("ar_ols_nodemean_intercept", Trend::Constant), ("ar_ols_nodemean_nointercept", Trend::None)]
        {
            for (order, theirs) in by_order(&reference.json["r"][key]) {
                let what = format!("{} {key} p{order}", reference.name);
                let Fitted { model, summary } = fit(&reference.series, order, Estimator::LeastSquares, trend);
                agree(&what, model.coefficients(), &numbers(&theirs["ar"]), 1e-3);
                if trend == Trend::Constant {
                    agree(&what, &[model.intercept()], &numbers(&theirs["x_intercept"]), 1e-3);
                }
                agree(&what, &[summary.innovation_variance], &numbers(&theirs["var_pred"]), 0.0);
                let lags = summary.parameters.iter().filter(|parameter| parameter.name.starts_with("phi"));
                let errors: Vec<f64> = lags.map(|lag| lag.standard_error.expect("an error")).collect();
                agree(&format!("{what} se"), &errors, &numbers(&theirs["asy_se_ar"]), 1e-6);
                check_forecast(&what, &reference, &model, 1.0, &theirs["forecast"]);
            }
        }
    }
}

#[test]
fn least_squares_is_that_of_statsmodels() {
    for reference in references() {
        for (key, trend) in
            [("autoreg_n", Trend::None), ("autoreg_c", Trend::Constant), ("autoreg_ct", Trend::ConstantTrend)]
        {
            for (order, theirs) in by_order(&reference.json["statsmodels"][key]) {
                let what = format!("{} {key} p{order}", reference.name);
                let Fitted { model, summary } = fit(&reference.series, order, Estimator::LeastSquares, trend);
                let (values, errors): (Vec<f64>, Vec<f64>) =
                    summary.parameters.iter().map(|p| (p.value, p.standard_error.expect("an error"))).unzip();
                agree(&format!("{what} params"), &values, &numbers(&theirs["params"]), 1e-3);
                agree(&format!("{what} bse"), &errors, &numbers(&theirs["bse"]), 1e-6);
                agree(&format!("{what} sigma2"), &[summary.innovation_variance], &numbers(&theirs["sigma2"]), 0.0);
                agree(&format!("{what} llf"), &[summary.log_likelihood], &numbers(&theirs["llf"]), 1.0);
                assert_eq!(summary.observations as f64, number(&theirs["nobs"]));
                let (n, k) = (summary.observations as f64, values.len() as f64 + 1.0);
                for (criterion, name) in [
                    (Criterion::Aic, "aic"),
                    (Criterion::Aicc, "aicc"),
                    (Criterion::Bic, "bic"),
                    (Criterion::Hqic, "hqic"),
                ] {
                    let ours = criterion.of(summary.innovation_variance, n, k);
                    agree(&format!("{what} {name}"), &[ours], &numbers(&theirs[name]), 1.0);
                }
                agree(&format!("{what} aic of the summary"), &[summary.aic()], &numbers(&theirs["aic"]), 1.0);
                check_forecast(&what, &reference, &model, 1.0, &theirs["forecast"]);
            }
        }
    }
}

#[test]
fn orders_are_those_of_r_and_statsmodels() {
    for reference in references() {
        let train = std::slice::from_ref(&reference.series);
        let theirs = &reference.json["r"]["select_yw"];
        let differences = numbers(&theirs["aic_minus_min"]);
        let order = Order::Auto { max: Some(differences.len() - 1), criterion: Criterion::Aic };
        let spec = LinearSpec { order, estimator: YULE_WALKER, ..LinearSpec::default() };
        let aic: Vec<f64> = spec
            .order_table(train, differences.len() - 1)
            .expect("a table")
            .iter()
            .map(|row| row.criterion(Criterion::Aic))
            .collect();
        let smallest = aic.iter().copied().fold(f64::INFINITY, f64::min);
        let ours: Vec<f64> = aic.iter().map(|aic| aic - smallest).collect();
        agree(&format!("{} ar.yw aic", reference.name), &ours, &differences, 1.0);
        assert_eq!(spec.fit(train).expect("a fit").model.order() as f64, number(&theirs["order"]));

        for select in reference.json["statsmodels"]["select"].as_array().expect("a list") {
            check_selection(&reference, select);
        }
    }
}

fn check_selection(reference: &Reference, theirs: &Value) {
    let (ic, trend) = (theirs["ic"].as_str().expect("a name"), theirs["trend"].as_str().expect("a name"));
    let criterion = match ic {
        "aic" => Criterion::Aic,
        "bic" => Criterion::Bic,
        "hqic" => Criterion::Hqic,
        other => panic!("unknown criterion {other}"),
    };
    let trend = match trend {
        "n" => Trend::None,
        "c" => Trend::Constant,
        _ => Trend::ConstantTrend,
    };
    let max = number(&theirs["maxlag"]) as usize;
    let order = Order::Auto { max: Some(max), criterion };
    let spec =
        LinearSpec { order, estimator: Estimator::LeastSquares, terms: Terms::of(trend), ..LinearSpec::default() };
    let train = std::slice::from_ref(&reference.series);
    let table = spec.order_table(train, max).expect("a table");
    let what = format!("{} select {ic} {trend:?}", reference.name);
    // `ar_select_order` does not count every deterministic term and the variance as parameters: a constant apart.
    let entries = theirs["criteria"].as_array().expect("a list");
    let (ours, values): (Vec<f64>, Vec<f64>) = entries
        .iter()
        .map(|entry| (table[entry[0].as_array().map_or(0, Vec::len)].criterion(criterion), number(&entry[1])))
        .unzip();
    let above_best = |x: &[f64]| x.iter().map(|value| value - x[0]).collect::<Vec<f64>>();
    agree(&what, &above_best(&ours), &above_best(&values), 1.0);
    let chosen = theirs["ar_lags"].as_array().map_or(0, Vec::len);
    assert_eq!(spec.fit(train).expect("a fit").model.order(), chosen, "{what}");
}

#[test]
fn autocorrelations_are_those_of_r_and_statsmodels() {
    for reference in references() {
        let (x, json) = (reference.series.values(), &reference.json);
        let theirs = numbers(&json["r"]["acf"]);
        agree("acf", &autocorrelations(x, theirs.len() - 1), &theirs, 1e-3);
        for theirs in [numbers(&json["r"]["pacf"]), numbers(&json["statsmodels"]["pacf_ywm"])[1..].to_vec()] {
            agree("pacf", &partial_autocorrelations(x, theirs.len()), &theirs, 1e-3);
        }
        let theirs = numbers(&json["statsmodels"]["acf_adjusted"]);
        let c = LaggedProducts::of([x], mean([x]), theirs.len() - 1).autocovariances(Divisor::Adjusted);
        let ours: Vec<f64> = c.iter().map(|ck| ck / c[0]).collect();
        agree("adjusted acf", &ours, &theirs, 1e-3);
    }
}

#[test]
fn tests_of_residuals_and_stationarity_are_those_of_r() {
    for reference in references() {
        let x = reference.series.values();
        for (lag, theirs) in reference.json["r"]["ljung_box_raw"].as_object().expect("a table") {
            let ours = ljung_box(x, lag[3..].parse().expect("lags"), 0).expect("varies");
            agree("Ljung-Box", &[ours.statistic], &numbers(&theirs["q"]), 1.0);
            agree("Ljung-Box p", &[ours.p_value], &numbers(&theirs["p"]), 1e-4);
        }
        let theirs = &reference.json["r"]["kpss_level"]["stat"];
        agree("KPSS", &[kpss_level(x)], &numbers(theirs), 1e-3);
        let theirs = &reference.json["r"]["jarque_bera_raw"];
        let ours = jarque_bera(x).expect("varies");
        agree("Jarque-Bera", &[ours.statistic, ours.p_value], &[number(&theirs["stat"]), number(&theirs["p"])], 1e-4);
    }
}
