//! Cost of a generated step against the length of the context: sessions that remember, beside a loop without memory that
//! reads the whole context again for every step. `FORETOKEN_CHART=docs/step-cost.svg cargo bench --bench step_cost` draws it.

mod common;

use std::path::Path;
use std::time::Instant;

use foretoken::chart::{Color, Figure, Format, Mark, Panel, Scale, render};
use foretoken::model::linear::{Estimator, LinearSpec, Order};
use foretoken::model::token::QuantisedSpec;
use foretoken::model::token::codebook::CodebookSpec;
use foretoken::model::transformed::{Differences, Seasonal, Transform, Transformed};
use foretoken::predictive::Link;
use foretoken::{Autoregressive, Batch, Covariates, Fit, Predictive, Result, Rows, Series};

const CONTEXTS: [usize; 6] = [64, 256, 1_024, 4_096, 16_384, 65_536];
/// The smallest of so many rounds counts: what else runs on the machine only adds.
const ROUNDS: usize = 9;

/// Seconds per step of generation, by a session that has read the context.
fn remembered(model: &dyn Autoregressive, context: &Batch, steps: usize) -> Result<f64> {
    let begun = model.begin(context, &Covariates::none())?;
    let mut row = Predictive::new(model.family(), 1);
    let round = || {
        let mut session = begun.fork(&[0]);
        let start = Instant::now();
        for _ in 0..steps {
            session.conditional(Rows::none(), &mut row);
            session.observe(&[row.row(0).median()]);
        }
        start.elapsed().as_secs_f64() / steps as f64
    };
    Ok(std::iter::repeat_with(round).take(ROUNDS).fold(f64::INFINITY, f64::min))
}

/// Seconds per step of a loop that begins anew with all values so far.
fn read_again(model: &dyn Autoregressive, context: &[f64], steps: usize) -> Result<f64> {
    let mut row = Predictive::new(model.family(), 1);
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS.min(3) {
        let mut values = context.to_vec();
        let start = Instant::now();
        for _ in 0..steps {
            model.begin(&Batch::single(&values, 0), &Covariates::none())?.conditional(Rows::none(), &mut row);
            values.push(row.row(0).median());
        }
        best = best.min(start.elapsed().as_secs_f64() / steps as f64);
    }
    Ok(best)
}

fn models(train: &Series) -> Result<Vec<(&'static str, Box<dyn Autoregressive>)>> {
    let train = std::slice::from_ref(train);
    let ar = LinearSpec { order: Order::Fixed(12), estimator: Estimator::LeastSquares, ..LinearSpec::default() };
    let log = Transform::new(Seasonal::None, Link::Log, Differences::new(1, 0, 1))?;
    let codebook = CodebookSpec { patch: Some(8), codes: Some(16), ..CodebookSpec::default() };
    Ok(vec![
        ("AR(12)", Box::new(ar.fit(train)?.model)),
        ("AR(12) of log differences", Box::new(Transformed::fit(&ar, log, train)?.model)),
        ("Markov chain", Box::new(QuantisedSpec::default().fit(train)?.model)),
        ("codebook", Box::new(codebook.fit(train)?.model)),
    ])
}

fn main() -> Result<()> {
    if !std::env::args().any(|arg| arg == "--bench") {
        return Ok(());
    }
    let x = common::ar2(CONTEXTS[CONTEXTS.len() - 1], 3);
    let train = Series::new("", x[..2_000].to_vec());
    let mut panel = Panel::new(Scale::Number).x_label("log2 of the context's length").y_label("log10 of ns per step");
    println!("| ns per step after a context of | {} |", CONTEXTS.map(|n| n.to_string()).join(" | "));
    println!("|---|{}", "---|".repeat(CONTEXTS.len()));
    for (number, (name, model)) in models(&train)?.into_iter().enumerate() {
        let kept = CONTEXTS.map(|n| remembered(model.as_ref(), &Batch::single(&x[..n], 0), 1_000));
        let again = CONTEXTS.map(|n| read_again(model.as_ref(), &x[..n], 20));
        let row = |times: [Result<f64>; 6]| times.into_iter().map(|time| Ok(1e9 * time?)).collect::<Result<Vec<f64>>>();
        let (kept, again) = (row(kept)?, row(again)?);
        let cells = |times: &[f64]| times.iter().map(|time| format!("{time:.0}")).collect::<Vec<_>>().join(" | ");
        println!("| {name} | {} |\n| {name}, read again | {} |", cells(&kept), cells(&again));
        let (x, log) =
            (CONTEXTS.map(|n| (n as f64).log2()).to_vec(), |y: &[f64]| y.iter().map(|y| y.log10()).collect());
        let color = Color::Series(number);
        panel = panel
            .with(Mark::Line { x: x.clone(), y: log(&kept), color, label: Some(name.to_owned()) })
            .with(Mark::Dashed { x, y: log(&again), color, label: None });
    }
    if let Ok(file) = std::env::var("FORETOKEN_CHART") {
        let figure =
            Figure::new(vec![panel]).title("Cost of a generated step").subtitle("dashed: the context is read again");
        std::fs::write(&file, render(&figure, Format::of_path(Path::new(&file))?)?).expect("the chart is written");
    }
    Ok(())
}
