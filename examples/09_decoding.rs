//! What each decoding strategy does to one conditional, to one series, and to forecasts: two pictures, and a table of
//! scores over rolling origins. The model is a Markov chain over tokens of the yearly sunspot numbers.
//!
//! ```sh
//! cargo run --release --example 09_decoding -- docs/decoding_conditional.svg docs/decoding_paths.svg
//! ```

use std::path::Path;

use foretoken::chart::{Color, Figure, Format, Layout, Mark, Panel, Scale, render};
use foretoken::data::frame::{ReadOptions, read_path};
use foretoken::evaluate::{crps, energy_score};
use foretoken::generate::{Decoding, Generation, Paths, generate};
use foretoken::model::token::markov::{Markov, MarkovOrder, MarkovSpec};
use foretoken::model::token::quantiser::{QuantiserKind, QuantiserSpec};
use foretoken::model::token::{Quantised, QuantisedSpec};
use foretoken::{Batch, Covariates, Fit, Result, Series};

const HORIZON: usize = 22;
/// Paths of a forecast, origins and the steps between them.
const PATHS: usize = 200;
const ORIGINS: usize = 12;
const APART: usize = 5;

fn strategies() -> Vec<(&'static str, Decoding)> {
    let temperature = 1.0;
    vec![
        ("sample", Decoding::Sample { temperature }),
        ("temperature 0.5", Decoding::Sample { temperature: 0.5 }),
        ("temperature 1.5", Decoding::Sample { temperature: 1.5 }),
        ("top-k 5", Decoding::TopK { k: 5, temperature }),
        ("nucleus 0.7", Decoding::Nucleus { mass: 0.7, temperature }),
        ("typical 0.7", Decoding::Typical { mass: 0.7, temperature }),
        ("greedy", Decoding::Greedy),
        ("mean", Decoding::Mean),
        ("median", Decoding::Median),
        ("beam 16", Decoding::Beam { width: 16 }),
        ("best of 200", Decoding::BestOf { n: PATHS, temperature }),
    ]
}

fn fit(train: &Series) -> Result<Quantised<Markov>> {
    let quantiser = QuantiserSpec { kind: QuantiserKind::Quantile, bins: Some(16) };
    let markov = MarkovSpec { order: MarkovOrder::Fixed(2), symbols: None };
    Ok(QuantisedSpec { quantiser, markov }.fit(std::slice::from_ref(train))?.model)
}

fn paths(model: &Quantised<Markov>, past: &[f64], decoding: Decoding, horizon: usize, count: usize) -> Result<Paths> {
    let what = Generation { decoding, ..Generation::sample(horizon, count, 7) };
    generate(model, &Batch::single(past, 0), &Covariates::none(), &what)
}

fn main() -> Result<()> {
    let series = read_path(Path::new("datasets/sunspots_yearly.csv"), &ReadOptions::default())?.series.remove(0);
    let x = series.values();
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let [conditional, whole] = &names[..] {
        let model = fit(&series)?;
        draw(conditional, "One conditional under each decoding", |decoding| first_step(&model, x, decoding))?;
        draw(whole, "Paths of each decoding", |decoding| continuations(&model, x, decoding))?;
    }
    println!("| decoding | energy score | CRPS | spread of paths | mean log_prob per value |\n|---|---|---|---|---|");
    let model = fit(&series.slice(0..x.len() - HORIZON - ORIGINS * APART))?;
    for (name, decoding) in strategies() {
        let [energy, ranked, spread, log_prob] = scores(&model, x, decoding)?;
        println!("| {name} | {energy:.1} | {ranked:.1} | {spread:.1} | {log_prob:.2} |");
    }
    Ok(())
}

/// Means over origins of the energy score, the CRPS of a step, the standard deviation of a step over paths, and the log
/// density of a value under the model.
fn scores(model: &Quantised<Markov>, x: &[f64], decoding: Decoding) -> Result<[f64; 4]> {
    let mut sums = [0.0; 4];
    for origin in (0..ORIGINS).map(|back| x.len() - HORIZON - back * APART) {
        let (past, actual) = (&x[..origin], &x[origin..origin + HORIZON]);
        let paths = paths(model, past, decoding, HORIZON, PATHS)?;
        let whole: Vec<Vec<f64>> = (0..paths.lanes()).map(|lane| paths.path(lane).collect()).collect();
        sums[0] += energy_score(actual, &whole);
        for (step, y) in actual.iter().enumerate() {
            let mut values = paths.step(step).to_vec();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
            sums[1] += crps(*y, &mut values) / HORIZON as f64;
            sums[2] += variance.sqrt() / HORIZON as f64;
        }
        sums[3] += paths.log_prob().iter().sum::<f64>() / (paths.lanes() * HORIZON) as f64;
    }
    Ok(sums.map(|sum| sum / ORIGINS as f64))
}

fn draw(file: &str, title: &str, panel: impl Fn(Decoding) -> Result<Panel>) -> Result<()> {
    let panels: Result<Vec<Panel>> =
        strategies().into_iter().map(|(name, decoding)| Ok(panel(decoding)?.title(name))).collect();
    let figure = Figure::new(panels?).title(title).layout(Layout::Grid);
    std::fs::write(file, render(&figure, Format::of_path(Path::new(file))?)?).expect("the picture is written");
    Ok(())
}

/// How often each of equal cells is hit by the next value, above the same for the model itself.
fn first_step(model: &Quantised<Markov>, x: &[f64], decoding: Decoding) -> Result<Panel> {
    const CELLS: usize = 40;
    const WIDTH: f64 = 5.0;
    let shares = |decoding| {
        let next = paths(model, x, decoding, 1, 20_000)?;
        let mut counts = vec![0.0; CELLS];
        for value in next.step(0) {
            counts[((value / WIDTH).max(0.0) as usize).min(CELLS - 1)] += 100.0 / next.lanes() as f64;
        }
        Result::Ok(counts)
    };
    let centers: Vec<f64> = (0..CELLS).map(|cell| WIDTH * (cell as f64 + 0.5)).collect();
    let of_model = shares(Decoding::Sample { temperature: 1.0 })?;
    let label = |text: &str| Some(text.to_owned());
    Ok(Panel::new(Scale::Number)
        .x_label("sunspots")
        .y_label("percent")
        .with(Mark::Stems {
            x: centers.clone(),
            y: shares(decoding)?,
            color: Color::Series(0),
            label: label("decoded"),
        })
        .with(Mark::Line { x: centers, y: of_model, color: Color::Alarm, label: label("model") }))
}

fn continuations(model: &Quantised<Markov>, x: &[f64], decoding: Decoding) -> Result<Panel> {
    const SHOWN: usize = 60;
    let paths = paths(model, x, decoding, 2 * HORIZON, 4)?;
    let times = |from: usize, to: usize| (from..to).map(|t| 1700.0 + t as f64).collect::<Vec<f64>>();
    let mut panel = Panel::new(Scale::Number).y_label("sunspots");
    for lane in 0..paths.lanes() {
        let y = std::iter::once(x[x.len() - 1]).chain(paths.path(lane)).collect();
        let x = times(x.len() - 1, x.len() + 2 * HORIZON);
        panel = panel.with(Mark::Line { x, y, color: Color::Series(lane), label: None });
    }
    let history = x[x.len() - SHOWN..].to_vec();
    Ok(panel.with(Mark::Line { x: times(x.len() - SHOWN, x.len()), y: history, color: Color::Ink, label: None }))
}
