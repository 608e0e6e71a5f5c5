//! What a held-out value costs under each model, in bits in the data's own units, forwards and backwards: every model is
//! fitted to all but the last fifth of a series and scores that fifth, each value given all before it (forwards) or all
//! that follow it in the fifth (backwards: the other factorisation of a joint distribution, by a model of the reversed rows).
//!
//! ```sh
//! cargo run --release --example 08_bits_per_value
//! ```

use std::path::Path;

use foretoken::data::frame::{ReadOptions, read_path};
use foretoken::data::period::infer_period;
use foretoken::model::linear::{ArSpec, Choice, Criterion, Estimator, Order};
use foretoken::model::token::QuantisedSpec;
use foretoken::model::token::codebook::CodebookSpec;
use foretoken::model::transformed::{Differences, Seasonal, Transform, Transformed};
use foretoken::predictive::Link;
use foretoken::score::HeldOut;
use foretoken::{Autoregressive, Fit, Result, Series};

const SERIES: [&str; 6] = ["lynx", "sunspots_yearly", "nile", "air_passengers", "daily_visits", "hourly_load"];
const MODELS: [&str; 6] = ["AR", "AR, exact", "Markov", "Markov, differences", "codebook", "codebook, differences"];

fn fit(model: &str, train: &Series, period: usize) -> Result<Box<dyn Autoregressive>> {
    let (train, differences) = (std::slice::from_ref(train), usize::from(model.ends_with("differences")));
    let transform = Transform::new(Seasonal::None, Link::Identity, Differences::new(differences, 0, 1))?;
    let ar = ArSpec { period, ..ArSpec::default() };
    Ok(match model {
        "AR" => Box::new(ar.fit(train)?.model),
        "AR, exact" => {
            let (order, estimator) = (Order::Auto { max: Some(30), criterion: Criterion::Aicc }, Estimator::Exact);
            Box::new(ArSpec { order, estimator: Choice::Fixed(estimator), ..ar }.fit(train)?.model)
        }
        "Markov" | "Markov, differences" => {
            Box::new(Transformed::fit(&QuantisedSpec::default(), transform, train)?.model)
        }
        _ => Box::new(
            Transformed::fit(&CodebookSpec { period: Some(period), ..CodebookSpec::default() }, transform, train)?
                .model,
        ),
    })
}

fn bits(model: &str, series: &Series, rows: usize, backwards: bool) -> Result<f64> {
    let past = HeldOut::training(series, rows)?;
    let train = if backwards { past.reversed() } else { past };
    let fitted = fit(model, &train, infer_period(train.values(), series.timeline().frequency()))?;
    let score = if backwards { HeldOut::of_reversed } else { HeldOut::of };
    Ok(score(fitted.as_ref(), series, rows)?.bits_per_value())
}

fn main() -> Result<()> {
    println!("| series | held out | {} |\n|---|---|{}", MODELS.join(" | "), "---|".repeat(MODELS.len()));
    for name in SERIES {
        let path = format!("datasets/{name}.csv");
        let series = read_path(Path::new(&path), &ReadOptions::default())?.series.remove(0);
        let rows = series.len() / 5;
        let cells =
            MODELS.iter().map(|model| match (bits(model, &series, rows, false), bits(model, &series, rows, true)) {
                (Ok(forwards), Ok(backwards)) => format!("{forwards:.2} ({backwards:.2})"),
                (Err(error), _) | (_, Err(error)) => error.to_string(),
            });
        println!("| {name} | {rows} of {} | {} |", series.len(), cells.collect::<Vec<_>>().join(" | "));
    }
    Ok(())
}
