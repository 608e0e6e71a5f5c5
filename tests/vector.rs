//! What vector autoregressions promise beyond the numbers of other programs.

mod common;

use foretoken::forecast::vector::forecast_vector;
use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::generate::vector::generate_vector;
use foretoken::generate::{Decoding, Generation, Stop};
use foretoken::math::random::LaneRng;
use foretoken::model::linear::{Criterion, Estimator, LinearSpec, Order, Terms, Trend};
use foretoken::model::vector::{DMatrix, DVector, FittedVar, Var, VarOrder, VarSpec};
use foretoken::score::vector::vector_log_probs;
use foretoken::{Batch, Covariates, Fit, Series};

/// A VAR(2) of two series with an intercept: the second follows the first.
fn truth() -> Var {
    let lags = vec![
        DMatrix::from_row_slice(2, 2, &[0.5, 0.1, 0.4, 0.3]),
        DMatrix::from_row_slice(2, 2, &[-0.3, 0.0, 0.2, 0.2]),
    ];
    Var::new(
        &["a", "b"],
        Trend::Constant,
        DMatrix::from_row_slice(2, 1, &[2.0, -1.0]),
        lags,
        &DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 2.0]),
    )
    .expect("a model")
}

/// n values of every component of the truth.
fn simulated(n: usize, seed: u64) -> Vec<Series> {
    let start = Batch::lanes_of(&[&[0.0; 2], &[0.0; 2]], &[0, 0]);
    let paths = generate_vector(&truth(), &start, &Generation::sample(n + 200, 1, seed)).expect("paths");
    let names = ["a", "b"];
    paths.iter().zip(names).map(|(path, name)| Series::new(name, path.path(0).skip(200).collect())).collect()
}

fn fit(series: &[Series], order: usize) -> FittedVar {
    VarSpec { order: VarOrder::Fixed(order), ..VarSpec::default() }.fit(series).expect("a fit")
}

fn with_gap(series: &Series, gaps: &[usize]) -> Series {
    let value = |(t, x): (usize, &f64)| if gaps.contains(&t) { f64::NAN } else { *x };
    Series::new(series.id(), series.values().iter().enumerate().map(value).collect())
}

#[test]
fn parameters_are_recovered() {
    let fitted = fit(&simulated(5_000, 4), 2);
    let truth = truth();
    let names = fitted.coefficient_names();
    assert_eq!(names, ["intercept", "L1.a", "L1.b", "L2.a", "L2.b"]);
    let terms = [truth.deterministic().transpose(), truth.lags()[0].transpose(), truth.lags()[1].transpose()];
    let mut row = 0;
    for block in &terms {
        for values in block.row_iter() {
            for equation in 0..2 {
                let error = fitted.standard_errors()[(row, equation)];
                let away = (fitted.coefficients()[(row, equation)] - values[equation]) / error;
                assert!(away.abs() < 4.0, "{} of equation {equation}: {away} errors away", names[row]);
            }
            row += 1;
        }
    }
    assert!((fitted.covariance() - truth.covariance()).amax() < 0.12);
    let test = |caused, causing| fitted.granger(caused, causing).expect("a test");
    assert!(test(1, 0).f_p_value < 1e-12 && test(1, 0).wald_p_value < 1e-12);
    let order = VarSpec { order: VarOrder::Auto { max: None, criterion: Criterion::Bic }, ..VarSpec::default() };
    assert_eq!(order.fit(&simulated(1_000, 5)).expect("a fit").model.order(), 2);
}

#[test]
fn p_values_are_uniform_where_nothing_is_caused() {
    let small = |seed: u64| {
        let mut rng = LaneRng::new(seed, 0);
        let noise = |rng: &mut LaneRng| (0..60).map(|_| rng.normal()).collect::<Vec<f64>>();
        let series = [Series::new("a", noise(&mut rng)), Series::new("b", noise(&mut rng))];
        fit(&series, 2).granger(0, 1).expect("a test").f_p_value < 0.1
    };
    let share = (0..300).filter(|&seed| small(seed)).count() as f64 / 300.0;
    assert!((share - 0.1).abs() < 0.06, "{share}");
}

#[test]
fn one_series_is_the_regression_of_that_series() {
    let x = common::simulate_ar(&[0.6, -0.2], 40.0, 2.0, 80, (8, 0));
    for trend in [Trend::None, Trend::Constant, Trend::ConstantTrend] {
        for order in [0, 1, 3] {
            let series = Series::new("x", x.clone());
            let spec = VarSpec { order: VarOrder::Fixed(order), trend };
            let ours = spec.fit(std::slice::from_ref(&series)).expect("a fit");
            let own = LinearSpec {
                order: Order::Fixed(order),
                estimator: Estimator::LeastSquares,
                terms: Terms::of(trend),
                ..LinearSpec::default()
            };
            let own = own.fit(std::slice::from_ref(&series)).expect("a fit");
            let close =
                |a: f64, b: f64| assert!((a - b).abs() <= 1e-10 * b.abs().max(1e-3), "{trend:?} {order}: {a} {b}");
            let summary = ours.summary(0);
            close(summary.innovation_variance, own.summary.innovation_variance);
            close(summary.innovation_variance_unbiased, own.summary.innovation_variance_unbiased);
            close(ours.log_likelihood(), own.summary.log_likelihood);
            for criterion in [Criterion::Aic, Criterion::Aicc, Criterion::Bic, Criterion::Hqic] {
                close(ours.criterion(criterion), own.summary.criterion(criterion));
                close(summary.criterion(criterion), own.summary.criterion(criterion));
            }
            let lags: Vec<f64> = ours.model.lags().iter().map(|a| a[(0, 0)]).collect();
            lags.iter().zip(own.model.coefficients()).for_each(|(a, b)| close(*a, *b));
            let context = Batch::single(&x, 0);
            let ahead = &forecast_vector(&ours.model, &context, ForecastOptions::new(5)).expect("forecasts")[0];
            let theirs = forecast(&own.model, &context, &Covariates::none(), ForecastOptions::new(5)).expect("one");
            for step in 0..5 {
                close(ahead.mean(step), theirs.mean(step));
                close(ahead.std_dev(step), theirs.std_dev(step));
            }
        }
    }
}

/// The density of a whole stretch from one multivariate normal distribution.
fn normal_density(x: &DVector<f64>, mean: &DVector<f64>, covariance: DMatrix<f64>) -> f64 {
    let cholesky = covariance.cholesky().expect("positive definite");
    let z = cholesky.l().solve_lower_triangular(&(x - mean)).expect("a solution");
    let logs: f64 = cholesky.l().diagonal().iter().map(|l| l.ln()).sum();
    -0.5 * (z.norm_squared() + x.len() as f64 * std::f64::consts::TAU.ln()) - logs
}

#[test]
fn scores_sum_to_the_likelihood_and_to_the_joint_density() {
    let series = simulated(60, 1);
    let fitted = fit(&series, 2);
    let all = Batch::of_series(&series);
    let scores = vector_log_probs(&fitted.model, &all);
    assert!(scores[..2].iter().all(|score| score.is_nan()), "the first lags are unknown");
    let sum: f64 = scores[2..].iter().sum();
    assert!((sum - fitted.log_likelihood()).abs() < 1e-9, "{sum} {}", fitted.log_likelihood());

    let state = fitted.model.state(&all.before(54)).expect("a state");
    let mean = fitted.model.marginals(&state, 6).mean;
    let x = DVector::from_iterator(12, (54..60).flat_map(|step| all.row(step).to_vec()));
    let joint =
        normal_density(&x, &DVector::from_column_slice(mean.as_slice()), fitted.model.joint_covariance(&state, 6));
    let tail: f64 = scores[54..].iter().sum();
    assert!((joint - tail).abs() < 1e-9, "{joint} {tail}");
}

#[test]
fn rows_with_a_missing_value_drop_out_of_fit_and_score() {
    let series = simulated(80, 2);
    let holed = [with_gap(&series[0], &[20, 21]), with_gap(&series[1], &[50])];
    let fitted = fit(&holed, 2);
    assert_eq!(fitted.observations(), 80 - 2 - 4 - 3);
    assert!(fitted.warnings[0].contains("7 times are left out"), "{:?}", fitted.warnings);
    let sum: f64 = vector_log_probs(&fitted.model, &Batch::of_series(&holed)).iter().filter(|x| !x.is_nan()).sum();
    assert!((sum - fitted.log_likelihood()).abs() < 1e-9);
}

#[test]
fn a_ragged_end_is_conditioned_on_what_is_known() {
    let model = truth();
    let series = simulated(40, 3);
    let whole = Batch::of_series(&series);
    // b ends two steps before a; both miss the step before.
    let ragged = [with_gap(&series[0], &[37]), with_gap(&series[1], &[37, 38, 39])];
    let ragged = Batch::of_series(&ragged);
    let ours = model.marginals(&model.state(&ragged).expect("a state"), 4);

    // The joint of everything after the last two whole vectors, conditioned the direct way.
    let begin = model.state(&whole.before(37)).expect("a state");
    let mean = DVector::from_column_slice(model.marginals(&begin, 7).mean.as_slice());
    let joint = model.joint_covariance(&begin, 7);
    let known = [2, 4];
    let ahead: Vec<usize> = (6..14).collect();
    let x = DVector::from_iterator(2, known.iter().map(|&i| whole.row(37 + i / 2)[i % 2]));
    let pick = |rows: &[usize], columns: &[usize]| joint.select_rows(rows).select_columns(columns);
    let inverse = pick(&known, &known).try_inverse().expect("a regular matrix");
    let gain = pick(&ahead, &known) * inverse;
    let expected = mean.select_rows(&ahead) + &gain * (x - mean.select_rows(&known));
    let covariance = pick(&ahead, &ahead) - &gain * pick(&known, &ahead);
    assert!((DVector::from_column_slice(ours.mean.as_slice()) - expected).amax() < 1e-10);
    assert!((DVector::from_column_slice(ours.variance.as_slice()) - covariance.diagonal()).amax() < 1e-10);

    // Paths draw what is unknown of the lags.
    let what = Generation::sample(4, 8_000, 1);
    let paths = generate_vector(&model, &ragged, &what).expect("paths");
    assert!(paths[0].log_prob()[0].is_nan());
    for (component, paths) in paths.iter().enumerate() {
        for step in 0..4 {
            let (mean, variance) = common::moments(paths.step(step));
            let exact = (ours.mean[(component, step)], ours.variance[(component, step)]);
            assert!((mean - exact.0).abs() < 5.0 * (exact.1 / 8_000.0).sqrt(), "{component} {step}");
            assert!((variance / exact.1 - 1.0).abs() < 0.08, "{component} {step}: {variance} {}", exact.1);
        }
    }
    let never = [with_gap(&series[0], &(0..40).step_by(2).collect::<Vec<_>>()), series[1].clone()];
    let error = model.state(&Batch::of_series(&never)).expect_err("no whole lags").to_string();
    assert!(error.contains("no 2 consecutive times"), "{error}");
}

#[test]
fn exact_marginals_and_the_joint_are_those_of_paths() {
    let series = simulated(50, 6);
    let fitted = fit(&series, 2);
    let context = Batch::of_series(&series);
    let options = ForecastOptions { paths: Some(8_000), seed: 3, ..ForecastOptions::new(5) };
    let exact = forecast_vector(&fitted.model, &context, ForecastOptions::new(5)).expect("exact");
    let sampled = forecast_vector(&fitted.model, &context, options).expect("sampled");
    for (exact, sampled) in exact.iter().zip(&sampled) {
        for step in 0..5 {
            let sd = exact.std_dev(step);
            assert!((exact.mean(step) - sampled.mean(step)).abs() < 5.0 * sd / 8_000_f64.sqrt());
            assert!((sampled.std_dev(step) / sd - 1.0).abs() < 0.04);
        }
    }
    // Paths of the components belong together: the covariance across series and steps.
    let state = fitted.model.state(&context).expect("a state");
    let joint = fitted.model.joint_covariance(&state, 5);
    let (a, b) = (sampled[0].paths().expect("paths"), sampled[1].paths().expect("paths"));
    let covariance = |x: &[f64], y: &[f64]| {
        let (mx, my) = (common::moments(x).0, common::moments(y).0);
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / x.len() as f64
    };
    for (early, late) in [(0, 0), (0, 1), (1, 3)] {
        let exact = joint[(2 * early, 2 * late + 1)];
        let sd = (joint[(2 * early, 2 * early)] * joint[(2 * late + 1, 2 * late + 1)]).sqrt();
        assert!((covariance(a.step(early), b.step(late)) - exact).abs() < 0.06 * sd, "{early} {late}");
    }
    // The log density of a path is that of scoring it.
    let continued: Vec<Vec<f64>> =
        [a, b].iter().zip(&series).map(|(p, s)| s.values().iter().copied().chain(p.path(7)).collect()).collect();
    let lanes: Vec<&[f64]> = continued.iter().map(Vec::as_slice).collect();
    let scores = vector_log_probs(&fitted.model, &Batch::lanes_of(&lanes, &[0, 0]));
    let sum: f64 = scores[50..].iter().sum();
    assert!((sum - a.log_prob()[7]).abs() < 1e-9 && a.log_prob() == b.log_prob());
}

#[test]
fn a_path_depends_on_its_seed_and_number_alone() {
    let series = simulated(30, 7);
    let context = Batch::of_series(&series);
    let draw = |paths, seed| generate_vector(&truth(), &context, &Generation::sample(6, paths, seed)).expect("paths");
    let (few, many) = (draw(2, 1), draw(9, 1));
    for component in 0..2 {
        assert!(few[component].path(1).eq(many[component].path(1)));
        assert!(!few[component].path(1).eq(draw(2, 2)[component].path(1)));
    }
    let mean = generate_vector(&truth(), &context, &Generation::mean(6)).expect("a path");
    let marginals = truth().marginals(&truth().state(&context).expect("a state"), 6);
    assert!((0..6).all(|step| (mean[1].step(step)[0] - marginals.mean[(1, step)]).abs() < 1e-12));
}

#[test]
fn joint_paths_are_tempered_and_mirrored_and_nothing_else() {
    let context = Batch::of_series(&simulated(30, 7));
    let draw = |what: &Generation| generate_vector(&truth(), &context, what);
    let mean = draw(&Generation::mean(5)).expect("a path");
    let plain = Generation::sample(5, 4, 3);
    let hot = Generation { decoding: Decoding::Sample { temperature: 4.0 }, antithetic: true, ..plain.clone() };
    let (cold, hot) = (draw(&plain).expect("paths"), draw(&hot).expect("paths"));
    for component in 0..2 {
        for step in 0..5 {
            let center = mean[component].step(step)[0];
            let [cold, hot] = [&cold, &hot].map(|paths| paths[component].step(step));
            // Errors of twice the size, and their mirror images.
            assert!((hot[0] - center - 2.0 * (cold[0] - center)).abs() < 1e-9);
            assert!((hot[0] + hot[1] - 2.0 * center).abs() < 1e-9);
        }
    }
    // Five steps of two numbers, each twice as wide.
    assert!((hot[0].log_q()[0] - (cold[0].log_prob()[0] - 10.0 * 2.0_f64.ln())).abs() < 1e-9);
    assert!(cold[0].log_q() == cold[0].log_prob() && hot[0].log_prob()[0] < cold[0].log_prob()[0]);
    let top = Generation { decoding: Decoding::TopK { k: 5, temperature: 1.0 }, ..plain.clone() };
    for refused in [top, Generation { stop: Stop::Above(1.0), ..plain }] {
        assert!(draw(&refused).expect_err("a refusal").to_string().contains("several series"));
    }
}

#[test]
fn a_trend_continues_where_the_context_ends() {
    let line = |slope: f64, lane| {
        let mut rng = LaneRng::new(12, lane);
        (0..60).map(|t| 100.0 + slope * f64::from(t) + 0.01 * rng.normal()).collect::<Vec<f64>>()
    };
    let series = [Series::new("up", line(2.0, 0)), Series::new("down", line(-1.0, 1))];
    let spec = VarSpec { order: VarOrder::Fixed(1), trend: Trend::ConstantTrend };
    let fitted = spec.fit(&series).expect("a fit");
    for (start, end) in [(0, 60), (10, 50)] {
        let lanes: Vec<&[f64]> = series.iter().map(|series| &series.values()[start..end]).collect();
        let context = Batch::lanes_of(&lanes, &[start as i64; 2]);
        let ahead = forecast_vector(&fitted.model, &context, ForecastOptions::new(10)).expect("forecasts");
        assert!((ahead[0].mean(9) - 100.0 - 2.0 * (end as f64 + 9.0)).abs() < 0.1);
        assert!((ahead[1].mean(9) - 100.0 + (end as f64 + 9.0)).abs() < 0.1);
        let path = generate_vector(&fitted.model, &context, &Generation::mean(10)).expect("a path");
        assert!((path[1].step(9)[0] - ahead[1].mean(9)).abs() < 1e-9, "a path has the trend of the marginals");
    }
}

#[test]
fn what_cannot_be_fitted_is_named() {
    let series = simulated(40, 9);
    let said = |series: &[Series], order: usize| {
        let spec = VarSpec { order: VarOrder::Fixed(order), ..VarSpec::default() };
        spec.fit(series).expect_err("refused").to_string()
    };
    let with = |id: &str, x: Vec<f64>| [series[0].clone(), series[1].clone(), Series::new(id, x)];
    let [a, b] = [series[0].values(), series[1].values()];
    let text = said(&with("copy", a.to_vec()), 2);
    assert!(text.contains("lag 1 of `copy` is a linear combination"), "{text}");
    assert!(said(&with("copy", a.to_vec()), 0).contains("`copy` is explained without error"));
    let sum: Vec<f64> = a.iter().zip(b).map(|(a, b)| a + b + 1e4).collect();
    assert!(said(&with("sum", sum), 1).contains("`sum`"));
    assert!(said(&with("flat", vec![3.0; 40]), 1).contains("`flat` is constant (3)"));
    let late: Vec<f64> = std::iter::once(0.7).chain(a[..39].iter().copied()).collect();
    let huge = [1.0, -1.0, 0.5].iter().cycle().zip(a).map(|(sign, x)| 1e200 * sign * x).collect();
    assert!(said(&with("huge", huge), 1).contains("range of numbers"));
    assert!(said(&with("late", late), 1).contains("`late` is explained without error"));
    let short: Vec<Series> = series.iter().map(|s| Series::new(s.id(), s.values()[..12].to_vec())).collect();
    let text = said(&short, 4);
    assert!(text.contains("a VAR(4) of 2 series has 9 coefficients in each equation, and there are 8 times"), "{text}");
    assert!(text.contains("at least 11"), "{text}");
    let unequal = [series[0].clone(), Series::new("b", b[..30].to_vec())];
    assert!(said(&unequal, 1).contains("`b` has 30 times from 1 to 30, but `a` 40 times from 1 to 40"));
    let auto = VarSpec::default().fit(&short).expect("a small order");
    assert!(auto.model.order() <= 2);
    let tiny: Vec<Series> = series.iter().map(|s| Series::new(s.id(), s.values()[..6].to_vec())).collect();
    let auto = VarSpec::default().fit(&tiny).expect("means");
    assert!(auto.model.order() == 0 && auto.warnings[0].contains("too few to try lags"), "{:?}", auto.warnings);
}

#[test]
fn an_unstable_fit_is_finite_and_says_so() {
    let grow = |base: f64, lane| {
        let mut rng = LaneRng::new(2, lane);
        (0..40).map(|t| 10.0 * base.powi(t) + rng.normal()).collect::<Vec<f64>>()
    };
    let series = [Series::new("a", grow(1.1, 0)), Series::new("b", grow(1.05, 1))];
    let fitted = fit(&series, 1);
    assert!(!fitted.model.is_stable() && fitted.warnings[0].contains("not stable"), "{:?}", fitted.warnings);
    let context = Batch::of_series(&series);
    assert!(forecast_vector(&fitted.model, &context, ForecastOptions::new(20)).is_ok());
    assert!(forecast_vector(&fitted.model, &context, ForecastOptions::new(50_000)).is_err(), "beyond all numbers");
}
