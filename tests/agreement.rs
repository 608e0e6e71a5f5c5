//! The agreement table of `docs/agreement.md`: estimator x series, the worst relative difference to the other program over
//! all orders and quantities, made here and compared with the page; `FORETOKEN_BLESS=1` writes it. The tests in
//! `tests/reference*.rs` hold more records, each with its tolerance; this one holds the page to the numbers.

use std::fs;
use std::path::{Path, PathBuf};

use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::model::linear::{Ar, BurgVariance, Estimator, LinearSpec, Order, Terms, Trend};
use foretoken::{Batch, Covariates, Fit, Fitted, Series};
use serde_json::Value;

const SERIES: [&str; 8] =
    ["airpassengers_log", "lakehuron", "lynx_log10", "nile", "sim_ar1_near_unit", "sim_ar2", "ukgas_log", "wwwusage"];
const BEGIN: &str = "<!-- made by tests/agreement.rs -->\n";
const END: &str = "<!-- end -->\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> Value {
    let path = Path::new("tests/reference").join(name).with_extension("json");
    serde_json::from_str(&fs::read_to_string(root().join(path)).expect("text")).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_f64().expect("a number")).collect(),
        single => vec![single.as_f64().expect("a number")],
    }
}

fn fit(series: &Series, key: &str, estimator: Estimator, trend: Trend) -> Fitted<Ar> {
    let order = Order::Fixed(key[1..].parse().expect("an order"));
    let spec = LinearSpec { order, estimator, terms: Terms::of(trend), ..LinearSpec::default() };
    spec.fit(std::slice::from_ref(series)).expect("a fit")
}

/// The largest difference relative to the largest of the numbers.
fn worst(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "as many numbers");
    let size = theirs.iter().fold(0.0_f64, |size, b| size.max(b.abs()));
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / size).fold(0.0, f64::max)
}

/// Coefficients, and the means and standard errors of 12 steps, whose errors stand in the proportion `se`.
fn of_fit(series: &Series, model: &Ar, theirs: &Value, coefficients: &[f64], se: f64) -> f64 {
    let context = Batch::single(series.values(), 0);
    let ahead = forecast(model, &context, &Covariates::none(), ForecastOptions::new(12)).expect("a forecast");
    let means: Vec<f64> = (0..12).map(|h| ahead.mean(h)).collect();
    let errors: Vec<f64> = (0..12).map(|h| ahead.std_dev(h) * se).collect();
    let forecast = &theirs["forecast"];
    worst(model.coefficients(), coefficients)
        .max(worst(&means, &numbers(&forecast["mean"])))
        .max(worst(&errors, &numbers(&forecast["se"])))
}

/// The id of a series is its name among the references.
type Row = (&'static str, fn(&Series, &Value) -> f64);

/// The worst over the records of a table.
fn over(table: &Value, mut of: impl FnMut(&str, &Value) -> f64) -> f64 {
    table.as_object().expect("a table").iter().map(|(key, record)| of(key, record)).fold(0.0, f64::max)
}

fn of_r(series: &Series, table: &Value, estimator: Estimator) -> f64 {
    over(table, |key, theirs| {
        let Fitted { model, summary } = fit(series, key, estimator, Trend::Constant);
        let n = series.len() as f64;
        let factor = match estimator {
            // R's divisor is n - (p + 1) instead of n.
            Estimator::YuleWalker { .. } => (n / (n - model.order() as f64 - 1.0)).sqrt(),
            _ => 1.0,
        };
        let variance = summary.innovation_variance * factor * factor;
        of_fit(series, &model, theirs, &numbers(&theirs["ar"]), factor)
            .max(worst(&[variance], &numbers(&theirs["var_pred"])))
    })
}

fn auto_reg(series: &Series, table: &Value, trend: Trend) -> f64 {
    let width = match trend {
        Trend::None => 0,
        Trend::Constant => 1,
        Trend::ConstantTrend => 2,
    };
    over(table, |key, theirs| {
        let Fitted { model, summary } = fit(series, key, Estimator::LeastSquares, trend);
        of_fit(series, &model, theirs, &numbers(&theirs["params"])[width..], 1.0)
            .max(worst(&[summary.log_likelihood], &numbers(&theirs["llf"])))
    })
}

fn burg(variance: BurgVariance) -> Estimator {
    Estimator::Burg { variance }
}

const ROWS: [Row; 11] = [
    ("Yule-Walker: R `ar.yw`", |x, json| of_r(x, &json["r"]["ar_yw"], Estimator::YuleWalker { adjusted: false })),
    ("Yule-Walker, adjusted: statsmodels `yule_walker`", |x, json| {
        over(&json["statsmodels"]["yule_walker_adjusted"], |key, theirs| {
            let Fitted { model, summary } = fit(x, key, Estimator::YuleWalker { adjusted: true }, Trend::Constant);
            worst(model.coefficients(), &numbers(&theirs["rho"]))
                .max(worst(&[summary.innovation_variance], &numbers(&theirs["sigma2"])))
        })
    }),
    ("Burg: R `ar.burg(var.method = 1)`", |x, json| of_r(x, &json["r"]["ar_burg_var1"], burg(BurgVariance::Levinson))),
    ("Burg: R `ar.burg(var.method = 2)`", |x, json| of_r(x, &json["r"]["ar_burg_var2"], burg(BurgVariance::Errors))),
    ("least squares, n: statsmodels `AutoReg`", |x, json| auto_reg(x, &json["statsmodels"]["autoreg_n"], Trend::None)),
    ("least squares, c: statsmodels `AutoReg`", |x, json| {
        auto_reg(x, &json["statsmodels"]["autoreg_c"], Trend::Constant)
    }),
    ("least squares, ct: statsmodels `AutoReg`", |x, json| {
        auto_reg(x, &json["statsmodels"]["autoreg_ct"], Trend::ConstantTrend)
    }),
    ("recursive, forgetting 1: statsmodels `AutoReg`", |x, json| {
        over(&json["statsmodels"]["autoreg_c"], |key, theirs| {
            let model = fit(x, key, Estimator::Recursive { forgetting: 1.0 }, Trend::Constant).model;
            worst(model.coefficients(), &numbers(&theirs["params"])[1..])
        })
    }),
    ("Student's t: SciPy, maximum", |x, _| {
        let records = &read("scripted/student")[x.id()];
        if records.is_null() {
            return f64::NAN;
        }
        over(records, |key, theirs| {
            let summary = fit(x, key, Estimator::Robust, Trend::Constant).summary;
            worst(&[summary.log_likelihood], &numbers(&theirs["loglik"]))
        })
    }),
    ("exact likelihood: closed form, forecasts", |x, json| {
        over(&json["exact_mle"]["mean"], |key, theirs| {
            let model = fit(x, key, Estimator::Exact, Trend::Constant).model;
            let means = &theirs["forecast"];
            let own = numbers(&theirs["ar"]);
            if means.is_null() { worst(model.coefficients(), &own) } else { of_fit(x, &model, theirs, &own, 1.0) }
        })
    }),
    ("exact likelihood: closed form, maximum", |x, json| {
        over(&json["exact_mle"]["mean"], |key, theirs| {
            let summary = fit(x, key, Estimator::Exact, Trend::Constant).summary;
            worst(&[summary.log_likelihood], &numbers(&theirs["loglik"]))
        })
    }),
];

/// ln L here less that of R's `arima(method = "ML")` with reltol 1e-15: the largest over the orders, and the smallest.
fn beyond_r(series: &Series, json: &Value) -> (f64, f64) {
    let table = json["r"]["arima_ml_tight"].as_object().expect("a table");
    let by_order = table.iter().filter(|(_, theirs)| theirs["loglik"].is_number());
    let gains: Vec<f64> = by_order
        .map(|(key, theirs)| {
            fit(series, key, Estimator::Exact, Trend::Constant).summary.log_likelihood - numbers(&theirs["loglik"])[0]
        })
        .collect();
    (gains.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b)), gains.iter().fold(f64::INFINITY, |a, b| a.min(*b)))
}

/// A power of ten that is not exceeded; 1e-15 is rounding.
fn decade(x: f64) -> i32 {
    x.max(1e-15).log10().ceil() as i32
}

fn cells(table: &str) -> Vec<&str> {
    table.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn the_page_shows_this_table() {
    let all: Vec<(Series, Value)> = SERIES
        .map(|name| (name, read(name)))
        .map(|(name, json)| (Series::new(name, numbers(&json["values"])), json))
        .into();
    let mut table = format!("| | {} |\n|---|{}\n", SERIES.join(" | "), "---|".repeat(SERIES.len()));
    for (name, of) in ROWS {
        let found: Vec<f64> = all.iter().map(|(series, json)| of(series, json)).collect();
        assert!(found.iter().all(|x| *x < 1e-8 || x.is_nan()), "{name}: {found:?}");
        // A dash where the other program was not run.
        let cell = |x: &f64| if x.is_nan() { "-".to_owned() } else { format!("1e{}", decade(*x)) };
        let shown: Vec<String> = found.iter().map(cell).collect();
        table += &format!("| {name} | {} |\n", shown.join(" | "));
    }
    let gains: Vec<(f64, f64)> = all.iter().map(|(series, json)| beyond_r(series, json)).collect();
    assert!(gains.iter().all(|(_, least)| *least > -1e-6), "never below R: {gains:?}");
    let shown: Vec<String> = gains.iter().map(|(most, _)| format!("1e{}", decade(most.abs()))).collect();
    table += &format!("| log-likelihood beyond R `arima`, tight | {} |\n", shown.join(" | "));

    let path = root().join("docs/agreement.md");
    let page = fs::read_to_string(&path).expect("the page");
    let (head, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (old, tail) = rest.split_once(END).expect("where the table ends");
    if std::env::var_os("FORETOKEN_BLESS").is_some() {
        fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}")).expect("the page is written");
        return;
    }
    let (old, new) = (cells(old), cells(&table));
    assert_eq!(old.len(), new.len(), "the page has another table: FORETOKEN_BLESS=1 writes it");
    for (old, new) in old.iter().zip(&new) {
        // Other processors round differently: two decades.
        let power = |cell: &str| cell.strip_prefix("1e").and_then(|power| power.parse::<i32>().ok());
        match (power(old), power(new)) {
            (Some(old), Some(new)) => assert!((old - new).abs() <= 2, "1e{new} here, 1e{old} on the page"),
            _ => assert_eq!(old, new),
        }
    }
}
