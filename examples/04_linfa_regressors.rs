//! Any linfa regressor is an autoregressive model: a linear regression and a support vector regression with a Gaussian
//! kernel learn a nonlinear map, each with Gaussian and with Student-t noise. The held-out log-likelihood, in the units
//! of the data, says which to use; all of them forecast alike.
//!
//! ```sh
//! cargo run --release --no-default-features --features linfa --example 04_linfa_regressors
//! ```

use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::math::random::LaneRng;
use foretoken::model::regression::{Noise, Regression};
use foretoken::score::log_likelihood;
use foretoken::{Autoregressive, Batch, Covariates, Fit, Result, Series};
use linfa_linear::LinearRegression;
use linfa_svm::Svm;

const TRAINING: usize = 600;

fn main() -> Result<()> {
    let x = nonlinear(800);
    let (train, test) = x.split_at(TRAINING);
    let train = [Series::new("x", train.to_vec())];
    println!("{:18} {:9}  {:>14}  {:>6}  95 % interval", "model", "noise", "log-likelihood", "next");
    for noise in [Noise::Gaussian, Noise::StudentT] {
        let linear = Regression::new("linear regression", LinearRegression::new(), 2, noise);
        let kernel = Svm::<f64, f64>::params().c_svr(10.0, Some(0.05)).gaussian_kernel(2.0);
        let kernel = Regression::new("support vectors", kernel, 2, noise);
        report("linear regression", noise, &linear.fit(&train)?.model, &train, test)?;
        report("support vectors", noise, &kernel.fit(&train)?.model, &train, test)?;
    }
    Ok(())
}

fn report(name: &str, noise: Noise, model: &dyn Autoregressive, train: &[Series; 1], test: &[f64]) -> Result<()> {
    let (context, target) = (Batch::of_series(train), Batch::single(test, TRAINING as i64));
    let (score, rows) = log_likelihood(model, &context, &target, &Covariates::none())?;
    let ahead = forecast(model, &context, &Covariates::none(), ForecastOptions::new(1))?;
    let (low, high) = ahead.interval(0, 0.95);
    let (noise, per_row) = (format!("{noise:?}"), score / rows as f64);
    println!("{name:18} {noise:9}  {per_row:14.3}  {:6.2}  {low:.2} to {high:.2}", ahead.mean(0));
    Ok(())
}

/// x_t = 2 sin(1.5 x_{t-1}) - 0.3 x_{t-2} + e_t with errors of heavy tails.
fn nonlinear(n: usize) -> Vec<f64> {
    let mut rng = LaneRng::new(4, 0);
    let mut x: Vec<f64> = vec![0.5, -0.2];
    for t in 2..n {
        x.push(2.0 * (1.5 * x[t - 1]).sin() - 0.3 * x[t - 2] + 0.2 * rng.student_t(3.0));
    }
    x
}
