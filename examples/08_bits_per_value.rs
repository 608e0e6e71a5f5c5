//! What a held-out value costs under each model, in bits in the data's own units, forwards and backwards: every model is
//! fitted to all but the last fifth of a series and scores that fifth, each value given all before it (forwards) or all
//! that follow it in the fifth (backwards: the other factorisation of a joint distribution, by a model of the reversed rows).
//! The two orders are compared on the rows that both score.
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

/// The scores of the held-out rows, in the order of the series.
fn scores(model: &str, series: &Series, rows: usize, backwards: bool) -> Result<HeldOut> {
    let past = HeldOut::training(series, rows)?;
    let train = if backwards { past.reversed() } else { past };
    let fitted = fit(model, &train, infer_period(train.values(), series.timeline().frequency()))?;
    let score = if backwards { HeldOut::of_reversed } else { HeldOut::of };
    score(fitted.as_ref(), series, rows)
}

/// Bits per value of both orders over the rows that both score, and how many these are: backwards the last rows, which
/// have nothing after them, are the context of the others.
fn both_orders(forwards: &HeldOut, backwards: &HeldOut) -> (f64, f64, usize) {
    let pairs = || forwards.log_probs.iter().zip(&backwards.log_probs).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let count = pairs().count();
    let bits = |sum: f64| -sum / count as f64 / std::f64::consts::LN_2;
    (bits(pairs().map(|(a, _)| a).sum()), bits(pairs().map(|(_, b)| b).sum()), count)
}

fn main() -> Result<()> {
    let heading =
        |first: &str| format!("| {first} | {} |\n|---|---|{}", MODELS.join(" | "), "---|".repeat(MODELS.len()));
    let (mut bits, mut orders) = (heading("series | held out"), heading("series | held out"));
    for name in SERIES {
        let path = format!("datasets/{name}.csv");
        let series = read_path(Path::new(&path), &ReadOptions::default())?.series.remove(0);
        let rows = series.len() / 5;
        let first = format!("\n| {name} | {rows} of {} |", series.len());
        bits += &first;
        orders += &first;
        for model in MODELS {
            let (forwards, backwards) = (scores(model, &series, rows, false)?, scores(model, &series, rows, true)?);
            let (one, other, count) = both_orders(&forwards, &backwards);
            bits += &format!(" {:.2} |", forwards.bits_per_value());
            orders += &format!(" {one:.2} / {other:.2} ({count}) |");
        }
    }
    println!("{bits}\n\nForwards / backwards, over the rows that both score:\n\n{orders}");
    Ok(())
}
