//! The distribution of a year's total. Quantiles of single months do not add up, because the months depend on each
//! other; sampled paths are draws from the joint distribution, so any function of a path has its quantiles.
//!
//! ```sh
//! cargo run --no-default-features --example 02_sample_paths
//! ```

use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::math::random::LaneRng;
use foretoken::model::linear::ArSpec;
use foretoken::{Batch, Covariates, Fit, Result, Series};

const HORIZON: usize = 12;

fn main() -> Result<()> {
    let sales = monthly_sales(120);
    let fitted = ArSpec { period: 12, ..ArSpec::default() }.fit(&[Series::new("sales", sales.clone())])?;
    println!("{}", fitted.summary.description);

    let options = ForecastOptions { paths: Some(10_000), seed: 7, ..ForecastOptions::new(HORIZON) };
    let ahead = forecast(&fitted.model, &Batch::single(&sales, 0), &Covariates::none(), options)?;
    let paths = ahead.paths().expect("paths were asked for");
    let mut totals: Vec<f64> = (0..paths.lanes()).map(|path| paths.path(path).sum()).collect();
    totals.sort_by(f64::total_cmp);

    let months: Vec<(f64, f64)> = (0..HORIZON).map(|step| ahead.interval(step, 0.80)).collect();
    let (low, high) = months.iter().fold((0.0, 0.0), |(low, high), month| (low + month.0, high + month.1));
    let rank = |share: f64| totals[(share * totals.len() as f64) as usize];
    println!("80 % interval of the year's total:     {:.0} to {:.0}", rank(0.1), rank(0.9));
    println!("sum of the months' intervals (wrong):  {low:.0} to {high:.0}");
    let target = 1.05 * sales[sales.len() - 12..].iter().sum::<f64>();
    let reached = totals.iter().filter(|total| **total >= target).count() as f64 / totals.len() as f64;
    println!("chance of 5 % more than last year:     {:.0} %", 100.0 * reached);
    Ok(())
}

/// Sales with a season, a slow growth and errors that persist for some months.
fn monthly_sales(n: usize) -> Vec<f64> {
    let mut rng = LaneRng::new(2, 0);
    let mut error = 0.0;
    let mut month = |t: usize| {
        error = 0.5 * error + 8.0 * rng.normal();
        let season = 30.0 * (std::f64::consts::TAU * t as f64 / 12.0).sin();
        200.0 + 0.4 * t as f64 + season + error
    };
    (0..n).map(&mut month).collect()
}
