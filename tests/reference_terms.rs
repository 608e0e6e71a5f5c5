//! Least squares beyond the plain case against other programs: terms, sparse lags, sets of lags, covariances (statsmodels)
//! and penalties (scikit-learn); covariates and Fourier terms against regressions written out here. The numbers and where
//! they come from: `tests/reference/README.md`.

use std::fs;
use std::path::Path;

use foretoken::data::series::Covariate;
use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::math::random::LaneRng;
use foretoken::model::linear::{Ar, CovarianceKind, Criterion, Fourier, LinearSpec, Order, Penalty, Terms, Trend};
use foretoken::{Batch, Covariates, Fit, Fitted, Series};
use nalgebra::{DMatrix, DVector};
use serde_json::Value;

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(path);
    serde_json::from_str(&fs::read_to_string(&path).expect("text")).expect("JSON")
}

fn series(name: &str) -> Series {
    Series::new(name, numbers(&read(&format!("{name}.json"))["values"]))
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        single => vec![single.as_f64().expect("a number")],
    }
}

fn lags(value: &Value) -> Vec<usize> {
    numbers(value).iter().map(|lag| *lag as usize).collect()
}

/// Fails unless every number agrees to a tolerance relative to theirs, absolute for those below `floor`.
fn agree(what: &str, ours: &[f64], theirs: &[f64], (tolerance, floor): (f64, f64)) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(floor), "{what}[{i}]: {a} here, {b} there");
    }
}

fn spec(lags: &[usize], terms: Terms) -> LinearSpec {
    LinearSpec { order: Order::Lags(lags.to_vec()), terms, ..LinearSpec::default() }
}

fn fit(spec: &LinearSpec, series: &Series) -> Fitted<Ar> {
    spec.fit(std::slice::from_ref(series)).expect("a fit")
}

fn values(fitted: &Fitted<Ar>) -> Vec<f64> {
    fitted.summary.parameters.iter().map(|parameter| parameter.value).collect()
}

// ----------------------------------------------------------------------------------------- terms and sparse lags

fn check_record(what: &str, series: &Series, terms: Terms, theirs: &Value) {
    let fitted = fit(&spec(&lags(&theirs["lags"]), terms), series);
    let summary = &fitted.summary;
    let errors: Vec<f64> = summary.parameters.iter().map(|p| p.standard_error.expect("an error")).collect();
    agree(&format!("{what} params"), &values(&fitted), &numbers(&theirs["params"]), (1e-8, 1e-2));
    agree(&format!("{what} bse"), &errors, &numbers(&theirs["bse"]), (1e-8, 1e-6));
    agree(&format!("{what} sigma2"), &[summary.innovation_variance], &numbers(&theirs["sigma2"]), (1e-8, 0.0));
    agree(&format!("{what} llf"), &[summary.log_likelihood], &numbers(&theirs["llf"]), (1e-8, 1.0));
    for (criterion, name) in
        [(Criterion::Aic, "aic"), (Criterion::Aicc, "aicc"), (Criterion::Bic, "bic"), (Criterion::Hqic, "hqic")]
    {
        agree(&format!("{what} {name}"), &[summary.criterion(criterion)], &numbers(&theirs[name]), (1e-8, 1.0));
    }
    assert_eq!(summary.observations as f64, numbers(&theirs["nobs"])[0]);
    let context = Batch::single(series.values(), 0);
    let options = ForecastOptions::new(12);
    let ahead = forecast(&fitted.model, &context, &Covariates::none(), options).expect("a forecast");
    let (means, spreads): (Vec<f64>, Vec<f64>) = (0..12).map(|h| (ahead.mean(h), ahead.std_dev(h))).unzip();
    agree(&format!("{what} forecast"), &means, &numbers(&theirs["forecast"]["mean"]), (1e-8, 1e-3));
    agree(&format!("{what} forecast se"), &spreads, &numbers(&theirs["forecast"]["se"]), (1e-8, 1e-6));
}

#[test]
fn terms_and_sparse_lags_are_those_of_statsmodels() {
    let (all, mut records) = (read("least_squares/terms.json"), 0);
    for (name, tables) in all.as_object().expect("series") {
        let (series, season) = (series(name), numbers(&tables["season"])[0] as usize);
        for (key, trend, dummies) in [
            ("autoreg_c_seasonal", Trend::Constant, season),
            ("autoreg_ct_seasonal", Trend::ConstantTrend, season),
            ("autoreg_c_lags", Trend::Constant, 0),
            ("autoreg_c_lags_1_3", Trend::Constant, 0),
        ] {
            let Some(table) = tables.get(key) else { continue };
            for (of, theirs) in table.as_object().expect("records") {
                let terms = Terms { dummies, ..Terms::of(trend) };
                check_record(&format!("{name} {key} {of}"), &series, terms, theirs);
                records += 1;
            }
        }
    }
    assert_eq!(records, 22, "every record is checked");
}

#[test]
fn sets_of_lags_are_those_of_statsmodels() {
    let all = read("least_squares/terms.json");
    for (name, tables) in all.as_object().expect("series") {
        let series = series(name);
        for theirs in tables["select_glob"].as_array().expect("a list") {
            let criterion = if theirs["ic"] == "aic" { Criterion::Aic } else { Criterion::Bic };
            let max = numbers(&theirs["maxlag"])[0] as usize;
            let order = Order::Subset { max: Some(max), criterion };
            let chosen = fit(&LinearSpec { order, ..LinearSpec::default() }, &series);
            let names: Vec<String> = lags(&theirs["ar_lags"]).iter().map(|lag| format!("phi_{lag}")).collect();
            let own: Vec<&String> = chosen.summary.parameters[1..].iter().map(|parameter| &parameter.name).collect();
            assert_eq!(own, names.iter().collect::<Vec<_>>(), "{name} {criterion:?}");
            // On the common sample, all rows after the largest lag that is tried, criteria differ by a constant.
            let of =
                |entry: &Value| common_criterion(&series, &lags(&entry[0]), max, criterion) - numbers(&entry[1])[0];
            let entries = theirs["criteria"].as_array().expect("a list");
            for entry in entries {
                let apart = of(entry) - of(&entries[0]);
                assert!(apart.abs() < 1e-8 * numbers(&entry[1])[0].abs().max(1.0), "{name} {}: {apart}", entry[0]);
            }
        }
    }
}

/// The criterion of some lags on the rows after `max` values.
fn common_criterion(series: &Series, lags: &[usize], max: usize, criterion: Criterion) -> f64 {
    let x = series.values();
    let later = Series::new("", x[max - lags.last().copied().unwrap_or(0)..].to_vec());
    let fitted = fit(&spec(lags, Terms::default()), &later);
    criterion.of(fitted.summary.innovation_variance, (x.len() - max) as f64, lags.len() as f64 + 2.0)
}

// ------------------------------------------------------------------------------------------------- covariances

#[test]
fn covariances_are_those_of_statsmodels() {
    let all = read("least_squares/covariances.json");
    for theirs in all["records"].as_array().expect("a list") {
        let (name, kind) = (theirs["series"].as_str().expect("a name"), theirs["kind"].as_str().expect("a kind"));
        let trend = if theirs["trend"] == "ct" { Trend::ConstantTrend } else { Trend::Constant };
        let covariance = match kind {
            "classical" => CovarianceKind::Classical,
            "HC0" | "HC1" => CovarianceKind::Heteroskedastic,
            lags => CovarianceKind::Autocorrelated { lags: Some(lags[4..].parse().expect("lags")) },
        };
        let spec = LinearSpec { covariance, ..spec(&lags(&theirs["lags"]), Terms::of(trend)) };
        let summary = fit(&spec, &series(name)).summary;
        let (n, k) = (numbers(&theirs["nobs"])[0], summary.parameters.len() as f64);
        let factor = if kind == "HC0" { (n - k) / n } else { 1.0 };
        let own = summary.covariance.expect("a covariance");
        let own: Vec<f64> = own.concat().iter().map(|entry| entry * factor).collect();
        let (theirs, what) = (numbers(&theirs["covariance"]), format!("{name} {kind}"));
        // Entries far off the diagonal are differences: they are as exact as the variances that they belong to.
        let width = k as usize;
        let scale = |i: usize| theirs[i * width + i].sqrt();
        for (at, (a, b)) in own.iter().zip(&theirs).enumerate() {
            let bound = 1e-8 * scale(at / width) * scale(at % width);
            assert!((a - b).abs() <= bound, "{what}[{at}]: {a} here, {b} there");
        }
        for (i, parameter) in summary.parameters.iter().enumerate() {
            let error = parameter.standard_error.expect("an error").powi(2) * factor;
            agree(&what, &[error], &[theirs[i * width + i]], (1e-8, 0.0));
        }
    }
}

#[test]
fn the_plain_path_has_the_covariance_of_the_general_one() {
    for trend in [Trend::None, Trend::Constant, Trend::ConstantTrend] {
        let series = series("lynx_log10");
        let general = fit(&spec(&[1, 2, 3], Terms::of(trend)), &series).summary;
        let plain = LinearSpec { order: Order::Fixed(3), terms: Terms::of(trend), ..LinearSpec::default() };
        let plain = fit(&plain, &series).summary;
        let (a, b) = (plain.covariance.expect("one").concat(), general.covariance.expect("one").concat());
        agree("covariance", &a, &b, (1e-9, 1e-6));
        for (i, parameter) in plain.parameters.iter().enumerate() {
            let error = a[i * (plain.parameters.len() + 1)].sqrt();
            agree("errors", &[error], &[parameter.standard_error.expect("an error")], (1e-12, 0.0));
        }
    }
}

// --------------------------------------------------------------------------------------------------- penalties

#[test]
fn penalised_coefficients_are_those_of_scikit_learn() {
    let (all, mut checked) = (read("least_squares/penalties.json"), 0);
    for theirs in all["records"].as_array().expect("a list") {
        let strength = theirs["strength"].as_f64();
        let penalty = match theirs["kind"].as_str() {
            Some("ridge") => Penalty::Ridge { strength },
            #[cfg(feature = "linfa")]
            Some("elastic net") => {
                Penalty::ElasticNet { strength, l1_ratio: theirs["l1_ratio"].as_f64().expect("a share") }
            }
            _ => continue,
        };
        let name = theirs["series"].as_str().expect("a name");
        let order = Order::Fixed(numbers(&theirs["order"])[0] as usize);
        let spec = LinearSpec { order, penalty: Some(penalty), ..LinearSpec::default() };
        let fitted = fit(&spec, &series(name));
        let what = format!("{name} {penalty:?}");
        let dropped = |b: &[f64]| b.iter().map(|b| *b == 0.0).collect::<Vec<bool>>();
        let b = numbers(&theirs["coefficients"]);
        assert_eq!(dropped(fitted.model.coefficients()), dropped(&b), "{what}");
        agree(&what, fitted.model.coefficients(), &b, (1e-6, 1e-2));
        agree(&what, &[fitted.model.intercept()], &numbers(&theirs["intercept"]), (1e-6, 1e-2));
        assert!(fitted.summary.converged, "{what}");
        assert_eq!(fitted.summary.preprocessing, [("penalty".to_owned(), vec![strength.expect("a number")])]);
        checked += 1;
    }
    assert_eq!(checked, if cfg!(feature = "linfa") { 48 } else { 12 });
}

#[test]
fn ridge_solves_its_normal_equations() {
    let series = series("lynx_log10");
    let (x, p, lambda) = (series.values(), 5, 20.0);
    let rows = x.len() - p;
    let design = DMatrix::from_fn(rows, p, |t, k| x[t + p - 1 - k]);
    let centred = centre(&design);
    let y = DVector::from_column_slice(&x[p..]);
    let mean = y.mean();
    let mut gram = centred.tr_mul(&centred);
    // lambda s_j^2, with s_j^2 the mean square of the centred column.
    (0..p).for_each(|j| gram[(j, j)] += lambda * centred.column(j).norm_squared() / rows as f64);
    let b = gram.lu().solve(&centred.tr_mul(&y.add_scalar(-mean))).expect("a solution");
    let penalty = Some(Penalty::Ridge { strength: Some(lambda) });
    let fitted = fit(&LinearSpec { order: Order::Fixed(p), penalty, ..LinearSpec::default() }, &series);
    agree("ridge", fitted.model.coefficients(), b.as_slice(), (1e-10, 1e-3));
    let intercept = mean - (0..p).map(|j| b[j] * design.column(j).mean()).sum::<f64>();
    agree("intercept", &[fitted.model.intercept()], &[intercept], (1e-10, 1e-3));
    assert!(fitted.summary.covariance.is_none());
}

fn centre(x: &DMatrix<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(x.nrows(), x.ncols(), |t, j| x[(t, j)] - x.column(j).mean())
}

// -------------------------------------------------------------------------------------- covariates and waves

/// A series driven by two covariates, known some steps beyond it.
fn driven(n: usize, ahead: usize) -> Series {
    let mut rng = LaneRng::new(31, 0);
    let price: Vec<f64> = (0..n + ahead).map(|_| 5.0 + rng.normal()).collect();
    let rain: Vec<f64> = (0..n + ahead).map(|_| rng.uniform()).collect();
    let mut x = vec![10.0];
    for t in 1..n {
        x.push(4.0 + 0.6 * x[t - 1] - 0.8 * price[t] + 2.0 * rain[t] + 0.1 * rng.normal());
    }
    let covariate = |name: &str, values: Vec<f64>| Covariate { name: name.to_owned(), values };
    Series::new("driven", x).with_covariates(vec![covariate("rain", rain), covariate("price", price)])
}

#[test]
fn covariates_stand_in_the_regression_and_in_the_forecast() {
    let (n, ahead) = (120, 6);
    let series = driven(n, ahead);
    let terms = Terms { covariates: vec!["price".to_owned(), "rain".to_owned()], ..Terms::default() };
    let fitted = fit(&spec(&[1, 3], terms), &series);
    let x = series.values();
    let [rain, price] = [0, 1].map(|i| &series.covariates()[i].values);
    let row = |t: usize| [1.0, price[t], rain[t], x[t - 1], x[t - 3]];
    let design = DMatrix::from_fn(n - 3, 5, |i, j| row(i + 3)[j]);
    let y = DVector::from_column_slice(&x[3..]);
    let b = (design.tr_mul(&design)).cholesky().expect("full rank").solve(&design.tr_mul(&y));
    agree("ARX", &values(&fitted), b.as_slice(), (1e-9, 1e-2));
    let names: Vec<&str> = fitted.summary.parameters.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["intercept", "price", "rain", "phi_1", "phi_3"]);
    let rss = (&y - &design * &b).norm_squared();
    agree("variance", &[fitted.summary.innovation_variance], &[rss / (n - 3) as f64], (1e-9, 0.0));

    let known =
        Covariates::of_series(&series.select_covariates(&["price".to_owned(), "rain".to_owned()]).expect("both"));
    let future =
        forecast(&fitted.model, &Batch::single(x, 0), &known, ForecastOptions::new(ahead)).expect("a forecast");
    let mut path = x.to_vec();
    for t in n..n + ahead {
        let mean = b[0] + b[1] * price[t] + b[2] * rain[t] + b[3] * path[t - 1] + b[4] * path[t - 3];
        agree("a step", &[future.mean(t - n)], &[mean], (1e-9, 1e-2));
        path.push(mean);
    }
}

#[test]
fn waves_of_a_whole_period_span_the_dummies() {
    let (series, season) = (series("airpassengers_log"), 12);
    let waves = Fourier { period: 12.0, harmonics: 6 };
    for trend in [Trend::Constant, Trend::ConstantTrend] {
        let with_dummies = fit(&spec(&[1, 2], Terms { dummies: season, ..Terms::of(trend) }), &series);
        let with_waves = fit(&spec(&[1, 2], Terms { fourier: vec![waves], ..Terms::of(trend) }), &series);
        let (a, b) = (&with_dummies.summary, &with_waves.summary);
        assert_eq!(a.parameters.len(), b.parameters.len());
        agree("variance", &[b.innovation_variance], &[a.innovation_variance], (1e-10, 0.0));
        agree("phi", with_waves.model.coefficients(), with_dummies.model.coefficients(), (1e-9, 1e-2));
        let context = Batch::single(series.values(), 0);
        let ahead = |model: &Ar| {
            let future = forecast(model, &context, &Covariates::none(), ForecastOptions::new(24)).expect("a forecast");
            (0..24).flat_map(|h| [future.mean(h), future.std_dev(h)]).collect::<Vec<f64>>()
        };
        agree("forecast", &ahead(&with_waves.model), &ahead(&with_dummies.model), (1e-9, 1e-2));
    }
}

// ----------------------------------------------------------------------------------------------- bad options

#[test]
fn options_that_do_not_fit_are_refused() {
    use foretoken::model::linear::{Estimator, SeasonalLags};
    let train = [series("lakehuron")];
    let lags = |lags: &[usize]| spec(lags, Terms::default());
    let ridge = |strength: f64| LinearSpec { penalty: Some(Penalty::Ridge { strength: Some(strength) }), ..lags(&[1]) };
    let by = |spec: LinearSpec| LinearSpec { estimator: Estimator::Exact, ..spec };
    let robust = |spec: LinearSpec| LinearSpec { covariance: CovarianceKind::Heteroskedastic, ..spec };
    let seasonal = LinearSpec { seasonal: Some(SeasonalLags { order: 1, period: 4 }), ..lags(&[1]) };
    #[allow(unused_mut)]
    let mut refused = vec![
        (lags(&[0, 1]), "a lag of 0"),
        (lags(&[1, 1]), "lag 1 is given twice"),
        (lags(&[3, 1]), "lag 3 stands before lag 1"),
        (lags(&[1, 49]), "lag 49 is too large for 98 values; expected a lag of at most 48"),
        (LinearSpec { order: Order::Fixed(49), ..lags(&[]) }, "order 49 is too large for 98 values; expected an order"),
        (seasonal, "a seasonal factor of lags with least squares"),
        (by(ridge(1.0)), "a penalty with exact"),
        (by(robust(lags(&[1]))), "robust standard errors with exact"),
        (robust(ridge(1.0)), "robust standard errors of penalised"),
        (ridge(-1.0), "a penalty of -1"),
        (ridge(f64::NAN), "a penalty of NaN"),
    ];
    #[cfg(feature = "linfa")]
    {
        let net = |l1_ratio: f64| Some(Penalty::ElasticNet { strength: None, l1_ratio });
        refused.push((LinearSpec { penalty: net(1.5), ..lags(&[1]) }, "an l1 ratio of 1.5"));
        refused.push((LinearSpec { penalty: net(f64::NAN), ..lags(&[1]) }, "an l1 ratio of NaN"));
    }
    for (spec, what) in refused {
        let error = spec.fit(&train).expect_err(what);
        assert!(error.to_string().starts_with(what), "{error}");
        assert_eq!(error.kind(), foretoken::ErrorKind::Usage);
    }
    assert!(lags(&[1, 48]).fit(&train).is_ok());
}
