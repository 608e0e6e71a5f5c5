//! What share of future values the 95 % intervals hold, on simulated AR(2) series: of the true model, of an AR(2) fitted
//! in levels, and of the default rule. What is missing to 95 % is the uncertainty of the estimates, which the
//! intervals leave out and which more history removes.
//!
//! ```sh
//! cargo run --release --no-default-features --example 07_interval_coverage
//! ```

use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::math::random::LaneRng;
use foretoken::model::linear::{Ar, ArSpec, Choice, Order};
use foretoken::{Autoregressive, Batch, Covariates, Fit, Result, Series};
use rayon::prelude::*;

const SERIES: u64 = 4_000;
const HORIZON: usize = 12;

fn main() -> Result<()> {
    let levels = ArSpec { order: Order::Fixed(2), difference: Choice::Fixed(0), ..ArSpec::default() };
    println!("history  model           h = 1  h = 6  h = 12");
    for n in [50, 100, 200, 400, 1_000] {
        print_row(n, "true", &|_| Ok(Box::new(Ar::new(10.0, 0.0, vec![0.5, 0.3], 1.0, 50.0))))?;
        print_row(n, "AR(2) in levels", &|train| Ok(Box::new(levels.fit(train)?.model)))?;
        print_row(n, "default rule", &|train| Ok(Box::new(ArSpec::default().fit(train)?.model)))?;
    }
    Ok(())
}

type Fitter<'a> = &'a (dyn Fn(&[Series; 1]) -> Result<Box<dyn Autoregressive>> + Sync);

fn print_row(n: usize, name: &str, fit: Fitter<'_>) -> Result<()> {
    let held: Vec<Vec<bool>> = (0..SERIES).into_par_iter().map(|i| held(n, i, fit)).collect::<Result<_>>()?;
    let share = |h: usize| 100.0 * held.iter().filter(|held| held[h - 1]).count() as f64 / SERIES as f64;
    println!("{n:7}  {name:15} {:5.1}  {:5.1}  {:6.1}", share(1), share(6), share(12));
    Ok(())
}

/// For every step ahead, whether the interval of a fit to `n` values holds the value that followed.
fn held(n: usize, stream: u64, fit: Fitter<'_>) -> Result<Vec<bool>> {
    let x = ar2(n + HORIZON, stream);
    let model = fit(&[Series::new("", x[..n].to_vec())])?;
    let context = Batch::single(&x[..n], 0);
    let ahead = forecast(model.as_ref(), &context, &Covariates::none(), ForecastOptions::new(HORIZON))?;
    let is_held = |step: usize| {
        let (low, high) = ahead.interval(step, 0.95);
        (low..=high).contains(&x[n + step])
    };
    Ok((0..HORIZON).map(is_held).collect())
}

/// x_t = 10 + 0.5 x_{t-1} + 0.3 x_{t-2} + e_t, past its beginnings.
fn ar2(n: usize, stream: u64) -> Vec<f64> {
    const SETTLED: usize = 100;
    let mut rng = LaneRng::new(7, stream);
    let mut x = vec![50.0, 50.0];
    for t in 2..n + SETTLED {
        x.push(10.0 + 0.5 * x[t - 1] + 0.3 * x[t - 2] + rng.normal());
    }
    x.split_off(SETTLED)
}
