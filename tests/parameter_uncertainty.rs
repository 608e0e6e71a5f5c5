//! Forecasts with drawn parameters against the closed form of one step, the delta method, and the share that they cover.

use foretoken::forecast::{Forecast, ForecastOptions, forecast};
use foretoken::math::random::LaneRng;
use foretoken::model::linear::{
    Ar, ArSpec, Choice, Estimator, LinkChoice, Order, ParameterDraws, SeasonalChoice, with_parameter_uncertainty,
};
use foretoken::model::mixture::Mixture;
use foretoken::model::transformed::Transformed;
use foretoken::{Batch, Covariates, ErrorKind, Fit, Fitted, Series};

type Model = Transformed<Mixture<Ar>>;

fn simulated(n: usize, phi: f64, seed: u64) -> Vec<f64> {
    let mut rng = LaneRng::new(seed, 0);
    let mut x = 0.0;
    let mut next = || {
        x = phi * x + rng.normal();
        x + 3.0
    };
    (0..50 + n).map(|_| next()).skip(50).collect()
}

fn spec(order: usize) -> ArSpec {
    ArSpec {
        order: Order::Fixed(order),
        estimator: Choice::Fixed(Estimator::LeastSquares),
        transform: Choice::Fixed(LinkChoice::None),
        seasonal: Choice::Fixed(SeasonalChoice::None),
        difference: Choice::Fixed(0),
        ..ArSpec::default()
    }
}

/// An autoregression of order one by least squares, with the covariance sigma^2 (X'X)^-1 of intercept and coefficient.
fn fitted(x: &[f64]) -> Fitted<Model> {
    let mut fitted = spec(1).fit(&[Series::new("", x.to_vec())]).expect("a fit");
    let lags = &x[..x.len() - 1];
    let (n, sum) = (lags.len() as f64, lags.iter().sum::<f64>());
    let squares: f64 = lags.iter().map(|x| x * x).sum();
    let scale = fitted.summary.innovation_variance / (n * squares - sum * sum);
    let covariance = vec![vec![squares * scale, -sum * scale], vec![-sum * scale, n * scale]];
    fitted.summary.covariance = Some(covariance);
    fitted
}

fn uncertain(fitted: &Fitted<Model>, count: usize, seed: u64) -> Model {
    let draws = ParameterDraws { count, seed, stream: 0 };
    with_parameter_uncertainty(fitted, None, draws).expect("draws").model
}

fn ahead(model: &Model, x: &[f64], horizon: usize) -> Forecast {
    let options = ForecastOptions::new(horizon);
    forecast(model, &Batch::single(x, 0), &Covariates::none(), options).expect("a forecast")
}

/// (c, phi, sigma^2, V) of a fit.
fn numbers(fitted: &Fitted<Model>) -> ([f64; 2], f64, Vec<Vec<f64>>) {
    let parameters = &fitted.summary.parameters;
    let theta = [parameters[0].value, parameters[1].value];
    (theta, fitted.summary.innovation_variance, fitted.summary.covariance.clone().expect("a covariance"))
}

fn form(v: &[Vec<f64>], g: [f64; 2]) -> f64 {
    g[0] * g[0] * v[0][0] + 2.0 * g[0] * g[1] * v[0][1] + g[1] * g[1] * v[1][1]
}

#[test]
fn one_step_has_the_variance_of_the_closed_form() {
    let x = simulated(60, 0.5, 1);
    let fitted = fitted(&x);
    let (_, sigma2, v) = numbers(&fitted);
    let (plain, wide) = (ahead(&fitted.model, &x, 1), ahead(&uncertain(&fitted, 4_000, 3), &x, 1));
    // sigma^2 + x' V x with the row x = (1, last value).
    let expected = sigma2 + form(&v, [1.0, x[59]]);
    assert!(expected > 1.01 * sigma2, "the part of the parameters is seen");
    let own = wide.std_dev(0).powi(2);
    assert!(((own - sigma2) / (expected - sigma2) - 1.0).abs() < 0.1, "{own}, not {expected}");
    assert!((plain.std_dev(0).powi(2) - sigma2).abs() < 1e-12 * sigma2);
    // Draws stand in pairs around the estimate.
    assert!((wide.mean(0) - plain.mean(0)).abs() < 1e-9);
}

#[test]
fn four_steps_have_the_variance_of_the_delta_method() {
    let x = simulated(400, 0.5, 2);
    let fitted = fitted(&x);
    let ([c, phi], sigma2, v) = numbers(&fitted);
    let wide = ahead(&uncertain(&fitted, 4_000, 4), &x, 4);
    // m_j = c + phi m_{j-1}: its derivatives by c and phi.
    let (mut mean, mut gradient, mut innovations) = (x[399], [0.0, 0.0], 0.0);
    for j in 0..4 {
        gradient = [1.0 + phi * gradient[0], mean + phi * gradient[1]];
        mean = c + phi * mean;
        // The innovations' part of each draw varies with its phi: to second order, by the curvature of phi^(2j).
        let curvature = f64::from(j * (2 * j - 1)) * phi.powi(2 * j - 2);
        innovations += sigma2 * (phi.powi(2 * j) + v[1][1] * curvature);
        let expected = form(&v, gradient);
        let own = wide.std_dev(j as usize).powi(2) - innovations;
        assert!((own / expected - 1.0).abs() < 0.12, "step {}: {own}, not {expected}", j + 1);
    }
}

#[test]
fn intervals_of_short_series_cover_more_often() {
    const SERIES: u64 = 300;
    let (mut plain, mut wide) = (0, 0);
    for seed in 0..SERIES {
        let all = simulated(17, 0.6, 100 + seed);
        let (x, next) = (&all[..16], all[16]);
        let fitted = fitted(x);
        let covers = |forecast: Forecast| {
            let (lo, hi) = forecast.interval(0, 0.9);
            usize::from(lo <= next && next <= hi)
        };
        plain += covers(ahead(&fitted.model, x, 1));
        wide += covers(ahead(&uncertain(&fitted, 60, seed), x, 1));
    }
    // 270 are asked for, with a standard deviation of 5. What is left is the innovation variance, which counts as known.
    eprintln!("coverage {plain} {wide}");
    assert!(wide >= plain + 6 && wide > 240, "{plain} and {wide} of {SERIES}");
}

#[test]
fn seeds_decide_and_members_share_their_weight() {
    let x = simulated(60, 0.5, 5);
    let fitted = fitted(&x);
    let model = |seed| uncertain(&fitted, 30, seed);
    assert_eq!(model(1), model(1));
    assert_ne!(model(1), model(2));
    assert!(model(1).inner().weights().iter().all(|weight| (weight - 1.0 / 30.0).abs() < 1e-15));
    let draws = |stream| ParameterDraws { count: 30, seed: 1, stream };
    let of_stream = |stream| with_parameter_uncertainty(&fitted, None, draws(stream)).expect("draws").model;
    assert_ne!(of_stream(0), of_stream(1));
}

#[test]
fn draws_of_a_stationary_estimate_are_stationary() {
    let x = simulated(30, 0.9, 6);
    let mut fitted = fitted(&x);
    fitted.summary.covariance = Some(vec![vec![0.0, 0.0], vec![0.0, 0.04]]);
    let phi = fitted.summary.parameters[1].value;
    let drawn = with_parameter_uncertainty(&fitted, None, ParameterDraws::default()).expect("draws");
    let members = drawn.model.inner().members();
    assert!(members.iter().all(|ar| ar.coefficients()[0] < 1.0) && members.len() == 200);
    assert!(phi < 1.0 && drawn.rejected > 0.05 && drawn.rejected < 0.6, "{} at {phi}", drawn.rejected);
}

#[test]
fn an_average_of_differences_draws_for_each_member() {
    let mut x = simulated(40, 0.3, 7);
    (1..40).for_each(|t| x[t] += x[t - 1]);
    let spec = ArSpec { difference: Choice::Fixed(1), ..spec(1) };
    let mut fitted = spec.fit(&[Series::new("", x.clone())]).expect("a fit");
    let names: Vec<&str> = fitted.summary.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["1.phi_1", "2.intercept", "2.phi_1"]);
    let mut covariance = vec![vec![0.0; 3]; 3];
    (covariance[0][0], covariance[1][1], covariance[2][2]) = (0.01, 0.02, 0.005);
    fitted.summary.covariance = Some(covariance);
    let model = uncertain(&fitted, 50, 1);
    let members = model.inner().members();
    assert_eq!(members.len(), 100);
    let spread = |values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    };
    let phi = |members: &[Ar]| spread(members.iter().map(|ar| ar.coefficients()[0]).collect());
    let drift = spread(members[50..].iter().map(Ar::intercept).collect());
    assert!((phi(&members[..50]) / 0.1 - 1.0).abs() < 0.3 && (phi(&members[50..]) / 0.0707 - 1.0).abs() < 0.3);
    assert!((drift / 0.1414 - 1.0).abs() < 0.3 && members[..50].iter().all(|ar| ar.intercept() == 0.0));
    assert!(ahead(&model, &x, 6).std_dev(5) > ahead(&fitted.model, &x, 6).std_dev(5));
}

#[test]
fn a_member_without_parameters_stands_for_itself() {
    let mut x = simulated(40, 0.3, 9);
    (1..40).for_each(|t| x[t] += x[t - 1]);
    let spec = ArSpec { difference: Choice::Fixed(1), ..spec(0) };
    let mut fitted = spec.fit(&[Series::new("", x)]).expect("a fit");
    fitted.summary.covariance = Some(vec![vec![0.02]]);
    let model = uncertain(&fitted, 10, 1);
    let (members, weights) = (model.inner().members(), model.inner().weights());
    assert_eq!((members.len(), &members[0]), (11, &fitted.model.inner().members()[0]));
    assert!((weights[0] - 0.5).abs() < 1e-12);
}

#[test]
fn a_fit_without_covariance_is_refused() {
    let x = simulated(60, 0.5, 8);
    let mut fitted = fitted(&x);
    fitted.summary.covariance = None;
    let refused = with_parameter_uncertainty(&fitted, None, ParameterDraws::default()).expect_err("no covariance");
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert!(refused.to_string().contains("least-squares"), "{refused}");
    let none = ParameterDraws { count: 0, ..ParameterDraws::default() };
    assert!(with_parameter_uncertainty(&fitted, None, none).is_err());
    // A constant series is certain whatever its parameters.
    let constant = spec(1).fit(&[Series::new("", vec![5.0; 20])]).expect("a fit");
    let model = uncertain(&constant, 10, 1);
    assert_eq!(model.inner().members(), constant.model.inner().members());
}
