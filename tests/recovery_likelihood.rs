//! What was put in comes out of the exact and the robust likelihood: with gaps, heavy tails and outliers.
//!
//! Every check is against Monte Carlo error with fixed seeds, so a failure is a change of the code.

mod common;

use common::{moments, simulate_ar};
use foretoken::math::random::LaneRng;
use foretoken::model::linear::{Ar, Estimator, Innovations, LinearSpec, Order};
use foretoken::{Fit, Fitted, Series};

const PHI: [f64; 2] = [1.1, -0.5];

fn fit(x: Vec<f64>, estimator: Estimator) -> Fitted<Ar> {
    let spec = LinearSpec { order: Order::Fixed(2), estimator, ..LinearSpec::default() };
    spec.fit(&[Series::new("", x)]).expect("a fit")
}

/// 3 + an AR(2) with innovations of a distribution.
fn simulate(n: usize, lane: u64, innovation: impl Fn(&mut LaneRng) -> f64) -> Vec<f64> {
    let mut rng = LaneRng::new(31, lane);
    let mut w = vec![0.0; 2];
    for t in 2..n + 102 {
        w.push(PHI[0] * w[t - 1] + PHI[1] * w[t - 2] + innovation(&mut rng));
    }
    w[102..].iter().map(|w| 3.0 + w).collect()
}

/// The mean squared error of phi by each of two estimators over series.
fn squared_errors(replications: u64, series: impl Fn(u64) -> Vec<f64>) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for lane in 0..replications {
        let x = series(lane);
        for (sum, estimator) in sums.iter_mut().zip([Estimator::Robust, Estimator::LeastSquares]) {
            let model = fit(x.clone(), estimator).model;
            *sum += model.coefficients().iter().zip(PHI).map(|(own, phi)| (own - phi).powi(2)).sum::<f64>();
        }
    }
    sums
}

#[test]
fn heavy_tails_are_recovered_with_less_error_than_by_least_squares() {
    let heavy = |lane| simulate(250, lane, |rng| rng.student_t(4.0));
    // Asymptotically the variances stand as (v - 2)(v + 3) / (v (v + 1)) = 0.7.
    let [robust, least_squares] = squared_errors(120, heavy);
    let ratio = robust / least_squares;
    assert!((0.5..0.88).contains(&ratio), "{ratio}");
}

#[test]
fn scale_and_degrees_of_freedom_are_recovered() {
    let fitted = fit(simulate(8000, 0, |rng| 2.0 * rng.student_t(4.0)), Estimator::Robust);
    // Scale and degrees of freedom are estimated too.
    let counted = fitted.summary.parameters.len() as f64 + 2.0;
    assert!((fitted.summary.aic() + 2.0 * fitted.summary.log_likelihood - 2.0 * counted).abs() < 1e-6);
    let Innovations::StudentT { scale, dof } = fitted.model.innovations() else { panic!("not Student's t") };
    assert!((scale - 2.0).abs() < 0.12 && (dof - 4.0).abs() < 0.7, "{scale} {dof}");
    for (parameter, truth) in fitted.summary.parameters.iter().zip([3.0 * 0.4, PHI[0], PHI[1]]) {
        let error = parameter.standard_error.expect("an error");
        assert!((parameter.value - truth).abs() < 4.0 * error && error < 0.05, "{parameter:?}");
    }
}

#[test]
fn five_percent_of_outliers_hurt_least_squares_only() {
    // An innovation of twenty standard deviations is followed by the process; one added to a value alone is not.
    let wild = |rng: &mut LaneRng| rng.normal() * if rng.uniform() < 0.05 { 20.0 } else { 1.0 };
    let [robust, least_squares] = squared_errors(40, |lane| simulate(250, lane, wild));
    assert!(robust < 0.15 * least_squares, "{robust} {least_squares}");
}

#[test]
fn standard_errors_are_the_spread_of_repeated_fits() {
    let errors = |estimator: Estimator, series: &dyn Fn(u64) -> Vec<f64>| {
        let fits: Vec<Fitted<Ar>> = (0..120).map(|lane| fit(series(lane), estimator)).collect();
        for parameter in 1..3 {
            let of = |fitted: &Fitted<Ar>| fitted.summary.parameters[parameter].clone();
            let values: Vec<f64> = fits.iter().map(|fitted| of(fitted).value).collect();
            let reported: Vec<f64> = fits.iter().map(|fitted| of(fitted).standard_error.expect("an error")).collect();
            let ratio = moments(&reported).0 / moments(&values).1.sqrt();
            assert!((ratio - 1.0).abs() < 0.2, "{estimator:?}, parameter {parameter}: {ratio}");
        }
    };
    errors(Estimator::Robust, &|lane| simulate(400, lane, |rng| rng.student_t(4.0)));
    // A fifth of the values is missing.
    errors(Estimator::Exact, &|lane| {
        let mut rng = LaneRng::new(32, lane);
        let x = simulate_ar(&PHI, 1.2, 1.0, 400, (33, lane));
        x.into_iter().map(|x| if rng.uniform() < 0.2 { f64::NAN } else { x }).collect()
    });
}
