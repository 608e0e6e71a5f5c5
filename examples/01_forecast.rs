//! Forecasts the airline passengers of 1961 from the four years before, with an autoregression whose transform, season,
//! differences and order are chosen by the default rule.
//!
//! ```sh
//! cargo run --no-default-features --example 01_forecast
//! ```

use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::model::linear::ArSpec;
use foretoken::{Batch, Covariates, Fit, Result, Series};

fn main() -> Result<()> {
    // Thousands of passengers a month, 1957 to 1960 (Box and Jenkins 1976, series G).
    #[rustfmt::skip]
    let passengers = vec![
        315.0, 301.0, 356.0, 348.0, 355.0, 422.0, 465.0, 467.0, 404.0, 347.0, 305.0, 336.0,
        340.0, 318.0, 362.0, 348.0, 363.0, 435.0, 491.0, 505.0, 404.0, 359.0, 310.0, 337.0,
        360.0, 342.0, 406.0, 396.0, 420.0, 472.0, 548.0, 559.0, 463.0, 407.0, 362.0, 405.0,
        417.0, 391.0, 419.0, 461.0, 472.0, 535.0, 622.0, 606.0, 508.0, 461.0, 390.0, 432.0,
    ];
    let context = Batch::single(&passengers, 0);
    let spec = ArSpec { period: 12, ..ArSpec::default() };
    let fitted = spec.fit(&[Series::new("passengers", passengers)])?;
    println!("{}", fitted.summary.description);

    let ahead = forecast(&fitted.model, &context, &Covariates::none(), ForecastOptions::new(12))?;
    println!("month   mean  80 % interval");
    for step in 0..ahead.horizon() {
        let (low, high) = ahead.interval(step, 0.80);
        println!("1961-{:02}  {:4.0}  {low:4.0} to {high:4.0}", step + 1, ahead.mean(step));
    }
    Ok(())
}
