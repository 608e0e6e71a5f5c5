//! Tests of series and residuals, roots and theoretical moments against R and statsmodels, to 1e-8. The numbers and where
//! they come from: `tests/reference/README.md`.

use std::fs;
use std::path::Path;

use foretoken::math::least_squares::Deterministic;
use foretoken::math::residual_tests::{
    ChiSquaredTest, Portmanteau, arch_lm, jarque_bera, portmanteau, skewness_and_kurtosis,
};
use foretoken::math::unit_root::{AdfLags, Beyond, KpssLags, KpssNull, KpssTest, adf, kpss};
use foretoken::model::inference::standardised_residuals;
use foretoken::model::linear::{Ar, Estimator, LinearSpec, Order};
use foretoken::{Fit, Series};
use serde_json::Value;

const TOLERANCE: f64 = 1e-8;
const SERIES: [&str; 8] =
    ["airpassengers_log", "lakehuron", "lynx_log10", "nile", "sim_ar1_near_unit", "sim_ar2", "ukgas_log", "wwwusage"];

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name).with_extension("json");
    serde_json::from_str(&fs::read_to_string(path).expect("text")).expect("JSON")
}

/// Each series: its name, its values, what other programs say.
fn all() -> impl Iterator<Item = (&'static str, Vec<f64>, Value)> {
    SERIES.into_iter().map(|name| (name, numbers(&read(name)["values"]), read(&format!("diagnostics/{name}"))))
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_f64().expect("a number")).collect(),
        single => vec![single.as_f64().expect("a number")],
    }
}

fn number(value: &Value) -> f64 {
    numbers(value)[0]
}

fn table(value: &Value) -> Vec<(&str, &Value)> {
    value.as_object().expect("a table").iter().map(|(key, value)| (key.as_str(), value)).collect()
}

/// Fails unless every number agrees to a relative 1e-8 (absolute for numbers below `floor`).
fn agree(what: &str, ours: &[f64], theirs: &[f64], floor: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * b.abs().max(floor), "{what}[{i}]: {a} here, {b} there");
    }
}

fn lags(key: &str) -> usize {
    key.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number of lags")
}

#[test]
fn dickey_fuller_is_that_of_statsmodels() {
    for (name, x, theirs) in all() {
        for (key, theirs) in table(&theirs["statsmodels"]["adf"]) {
            let (terms, lags) = key.split_once('_').expect("terms and lags");
            let terms = match terms {
                "n" => Deterministic::None,
                "c" => Deterministic::Constant,
                _ => Deterministic::ConstantTrend,
            };
            let lags = lags.parse().map_or(AdfLags::Aic, AdfLags::Fixed);
            let ours = adf(&x, terms, lags).expect("a test");
            let what = format!("{name} {key}");
            agree(&what, &[ours.statistic, ours.p_value], &[number(&theirs["stat"]), number(&theirs["p"])], 1e-3);
            assert_eq!(
                (ours.lags as f64, ours.observations as f64),
                (number(&theirs["usedlag"]), number(&theirs["nobs"]))
            );
            let critical: Vec<f64> = ["1%", "5%", "10%"].iter().map(|level| number(&theirs["crit"][level])).collect();
            agree(&what, &ours.critical_values, &critical, 0.0);
        }
    }
}

#[test]
fn dickey_fuller_is_that_of_r() {
    for (name, x, theirs) in all() {
        let statistic = |terms, lags| adf(&x, terms, AdfLags::Fixed(lags)).expect("a test").statistic;
        for key in ["adf", "adf_k1"] {
            let theirs = &theirs["r"][key];
            let ours = statistic(Deterministic::ConstantTrend, number(&theirs["parameter"]) as usize);
            agree(&format!("{name} {key}"), &[ours], &[number(&theirs["stat"])], 1e-3);
        }
        for (key, theirs) in table(&theirs["r"]["urca_df"]) {
            let terms = match key.split('_').next() {
                Some("none") => Deterministic::None,
                Some("drift") => Deterministic::Constant,
                _ => Deterministic::ConstantTrend,
            };
            agree(&format!("{name} {key}"), &[statistic(terms, lags(key))], &numbers(theirs)[..1], 1e-3);
        }
    }
}

fn check_kpss(what: &str, ours: &KpssTest, theirs: &Value) {
    agree(what, &[ours.statistic], &[number(&theirs["stat"])], 1e-3);
    if let Some(p) = theirs["p"].as_f64() {
        agree(what, &[ours.p_value], &[p], 0.0);
        let beyond = [(0.01, Beyond::Below), (0.1, Beyond::Above)].into_iter().find(|(end, _)| *end == p);
        assert_eq!(ours.beyond, beyond.map(|(_, beyond)| beyond), "{what}");
    }
    for key in ["lags", "lag", "parameter"] {
        assert!(theirs[key].is_null() || number(&theirs[key]) == ours.lags as f64, "{what}");
    }
}

#[test]
fn kpss_is_that_of_r_and_statsmodels() {
    for (name, x, theirs) in all() {
        for (key, theirs) in table(&theirs["statsmodels"]["kpss"]) {
            let (null, rule) = key.split_once('_').expect("null and lags");
            let null = if null == "c" { KpssNull::Level } else { KpssNull::Trend };
            let fixed = KpssLags::Fixed(number(&theirs["lags"]) as usize);
            let lags = if rule == "auto" { KpssLags::Automatic } else { fixed };
            check_kpss(&format!("{name} {key}"), &kpss(&x, null, lags).expect("a test"), theirs);
        }
        for (key, null) in [("kpss_level", KpssNull::Level), ("kpss_trend", KpssNull::Trend)] {
            check_kpss(key, &kpss(&x, null, KpssLags::Short).expect("a test"), &theirs["r"][key]);
        }
        for (key, theirs) in table(&theirs["r"]["urca_kpss"]) {
            let null = if key.starts_with("mu") { KpssNull::Level } else { KpssNull::Trend };
            let fixed = KpssLags::Fixed(number(&theirs["lag"]) as usize);
            let lags = if key.ends_with("short") { KpssLags::Short } else { fixed };
            check_kpss(&format!("{name} {key}"), &kpss(&x, null, lags).expect("a test"), theirs);
        }
    }
}

fn check_portmanteau(what: &str, kind: Portmanteau, x: &[f64], fitted: usize, theirs: &Value) {
    let records = table(theirs);
    let all: Vec<usize> = records.iter().map(|(key, _)| lags(key)).collect();
    for ((key, theirs), ours) in records.iter().zip(portmanteau(kind, x, &all, fitted)) {
        let ours: ChiSquaredTest = ours.expect("varies");
        agree(&format!("{what} {key}"), &[ours.statistic], &[number(&theirs["q"])], 1.0);
        // R takes the upper tail from one.
        agree(&format!("{what} {key} p"), &[ours.p_value], &[number(&theirs["p"])], 1e-6);
        assert_eq!(ours.degrees_of_freedom, lags(key) - fitted);
    }
}

#[test]
fn portmanteau_tests_are_those_of_r_and_statsmodels() {
    for (name, x, theirs) in all() {
        let r = &theirs["r"];
        check_portmanteau(name, Portmanteau::LjungBox, &x, 0, &r["ljung_box_raw"]);
        check_portmanteau(name, Portmanteau::LjungBox, &x, 0, &theirs["statsmodels"]["ljung_box_raw"]);
        check_portmanteau(name, Portmanteau::BoxPierce, &x, 0, &r["box_pierce_raw"]);
        // R's residuals of ar.yw: those of the mean form, without the first p.
        let p = table(&theirs["numpy"]["roots"]).iter().map(|(key, _)| lags(key)).max().expect("an order");
        let spec = LinearSpec {
            order: Order::Fixed(p),
            estimator: Estimator::YuleWalker { adjusted: false },
            ..LinearSpec::default()
        };
        let series = Series::new(name, x);
        let model = spec.fit(std::slice::from_ref(&series)).expect("a fit").model;
        let residuals = standardised_residuals(&model, &series).expect("residuals");
        let known: Vec<f64> = residuals.into_iter().filter(|e| e.is_finite()).collect();
        check_portmanteau(name, Portmanteau::LjungBox, &known, p, &r["ljung_box_resid_yw_pmax"]);
    }
}

#[test]
fn normality_and_arch_tests_are_those_of_r_and_statsmodels() {
    for (name, x, theirs) in all() {
        let ours = jarque_bera(&x).expect("varies");
        let (r, statsmodels) = (&theirs["r"]["jarque_bera_raw"], &theirs["statsmodels"]["jarque_bera_raw"]);
        agree(name, &[ours.statistic, ours.p_value], &[number(&r["stat"]), number(&r["p"])], 1e-6);
        let (skewness, kurtosis) = skewness_and_kurtosis(&x);
        let theirs_shape = [number(&statsmodels["skew"]), number(&statsmodels["kurtosis"])];
        agree(name, &[skewness, kurtosis], &theirs_shape, 1e-6);
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let e: Vec<f64> = x.iter().map(|x| x - mean).collect();
        for (key, theirs) in table(&theirs["statsmodels"]["het_arch_demeaned"]) {
            let ours = arch_lm(&e, lags(key)).expect("varies");
            let what = format!("{name} ARCH {key}");
            agree(&what, &[ours.statistic, ours.p_value], &[number(&theirs["lm"]), number(&theirs["p"])], 1e-12);
        }
    }
}

#[test]
fn roots_and_theoretical_moments_are_those_of_numpy_and_r() {
    for (name, _, theirs) in all() {
        for (key, roots) in table(&theirs["numpy"]["roots"]) {
            let what = format!("{name} {key}");
            let ar = Ar::new(0.0, 0.0, numbers(&roots["ar"]), 1.0, 0.0);
            let own = ar.roots().expect("roots");
            let all = numbers(&roots["real"]).into_iter().zip(numbers(&roots["imaginary"]));
            for (real, imaginary) in all {
                let apart = |z: &foretoken::model::linear::Root| (z.real - real).hypot(z.imaginary - imaginary);
                let nearest = own.iter().map(apart).fold(f64::INFINITY, f64::min);
                assert!(nearest <= TOLERANCE * real.hypot(imaginary), "{what}: {real} {imaginary}, {nearest} apart");
            }
            let theirs_acf = numbers(&theirs["r"]["ARMAacf"][key]);
            let acf = ar.autocorrelations(theirs_acf.len() - 1).expect("stationary");
            agree(&format!("{what} ARMAacf"), &acf, &theirs_acf, 1e-3);
            let theirs_psi = numbers(&theirs["r"]["ARMAtoMA"][key]);
            agree(&format!("{what} ARMAtoMA"), &ar.psi_weights(theirs_psi.len() + 1)[1..], &theirs_psi, 1e-3);
        }
    }
}
