//! Networks against autoregressions: nats per value on the last fifth of a series, after a fit to the rest.
//!
//! ```sh
//! cargo run --release --example 12_networks -- datasets/hourly_load.csv
//! ```

use std::path::Path;

use foretoken::data::frame::{ReadOptions, read_path};
use foretoken::data::period::infer_period;
use foretoken::model::linear::{ArSpec, Average, Choice, Criterion, Estimator, LinkChoice, Order, SeasonalChoice};
use foretoken::model::neural::{Architecture, NeuralSpec};
use foretoken::{Autoregressive, Batch, Covariates, Fit, Result, Series, score};

fn main() -> Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "datasets/hourly_load.csv".to_owned());
    for series in read_path(Path::new(&file), &ReadOptions::default())?.series {
        let cut = series.len() - series.len() / 5;
        let train = series.slice(0..cut);
        // As many lags as reach over a week of hours, or over a season and a quarter.
        let period = infer_period(train.values(), train.timeline().frequency());
        let longest = if period == 24 { 210 } else { (period * 5 / 4).max(60) };
        for transform in [LinkChoice::None, LinkChoice::Log] {
            let spec = ArSpec {
                order: Order::Auto { max: Some(longest), criterion: Criterion::Aicc },
                estimator: Choice::Fixed(Estimator::Robust),
                transform: Choice::Fixed(transform),
                difference: Choice::Fixed(0),
                seasonal: Choice::Fixed(SeasonalChoice::None),
                average: Choice::Fixed(Average::None),
                ..ArSpec::default()
            };
            match spec.fit(std::slice::from_ref(&train)) {
                Ok(fitted) => say(&fitted.summary.description, &fitted.model, &series, cut)?,
                Err(error) => println!("{error}"),
            }
        }
        let transformer = Architecture::Transformer { heads: 4, is_rotary: true, window: None };
        for architecture in [Architecture::Mlp, Architecture::Gru, Architecture::Conv, transformer] {
            let fitted = NeuralSpec::new(architecture).fit(std::slice::from_ref(&train))?;
            let seconds = fitted.model.history().last().map_or(0.0, |epoch| epoch.seconds);
            say(&format!("{}, {seconds:.0} s", fitted.summary.description), &fitted.model, &series, cut)?;
        }
    }
    Ok(())
}

/// The mean log density of the rows from `cut` on.
fn say(name: &str, model: &dyn Autoregressive, series: &Series, cut: usize) -> Result<()> {
    let (past, future) = series.values().split_at(cut);
    let (context, target) = (Batch::single(past, 0), Batch::single(future, cut as i64));
    let (sum, count) = score::log_likelihood(model, &context, &target, &Covariates::none())?;
    println!("{:8.3} nats/value on {count} values  {name}", sum / count as f64);
    Ok(())
}
