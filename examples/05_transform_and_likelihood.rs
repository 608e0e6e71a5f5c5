//! Logarithms or levels? A transform is part of the model, so its likelihood is that of the data, Jacobian included,
//! and models on different scales compare, on the training rows (AIC) as well as on rows after them.
//!
//! ```sh
//! cargo run --no-default-features --example 05_transform_and_likelihood
//! ```

use foretoken::math::random::LaneRng;
use foretoken::model::linear::{ArSpec, Choice, LinkChoice, SeasonalChoice};
use foretoken::score::log_likelihood;
use foretoken::{Batch, Covariates, Fit, Result, Series};

const TRAINING: usize = 120;

fn main() -> Result<()> {
    let x = growing(144);
    let (train, test) = x.split_at(TRAINING);
    let train = [Series::new("x", train.to_vec())];
    let (context, target) = (Batch::of_series(&train), Batch::single(test, TRAINING as i64));
    println!("transform        AIC  held-out nats per row  model");
    for (name, link) in [("levels", LinkChoice::None), ("log", LinkChoice::Log), ("Box-Cox", LinkChoice::BoxCox)] {
        let spec = ArSpec {
            period: 12,
            transform: Choice::Fixed(link),
            seasonal: Choice::Fixed(SeasonalChoice::Difference(1)),
            difference: Choice::Fixed(0),
            ..ArSpec::default()
        };
        let fitted = spec.fit(&train)?;
        let (score, rows) = log_likelihood(&fitted.model, &context, &target, &Covariates::none())?;
        let summary = fitted.summary;
        println!("{name:9}  {:9.1}  {:21.3}  {}", summary.aic(), score / rows as f64, summary.description);
    }
    Ok(())
}

/// A season and errors that grow with the level.
fn growing(n: usize) -> Vec<f64> {
    let mut rng = LaneRng::new(5, 0);
    let mut month = |t: usize| {
        let season = 0.3 * (std::f64::consts::TAU * t as f64 / 12.0).sin();
        (4.0 + 0.015 * t as f64 + season + 0.06 * rng.normal()).exp()
    };
    (0..n).map(&mut month).collect()
}
