//! Accuracy on a benchmark set: sMAPE, MASE and OWA against Naive2 of every model, and what share of values its 80 and
//! 95 % intervals hold, over all steps and at each. The files are long tables `unique_id,ds,y`; TEST continues TRAIN.
//! Points are medians, which minimise the expected absolute error that sMAPE and MASE measure.
//!
//! ```sh
//! cargo run --release --example 06_accuracy_study -- TRAIN.csv TEST.csv PERIOD
//! ```

use std::collections::HashMap;
use std::path::Path;

use foretoken::data::frame::{ReadOptions, read_path};
use foretoken::evaluate::{mase, smape};
use foretoken::forecast::{Forecast, ForecastOptions, forecast};
use foretoken::math::stationarity::{classical_seasonal_factors, is_seasonal};
use foretoken::model::combination::Weights;
use foretoken::model::linear::{
    ArSpec, Average, BurgVariance, Choice, Criterion, Estimator, LinkChoice, Order, SeasonalChoice, Terms, Trend,
};
use foretoken::model::naive::Naive;
use foretoken::{Batch, Covariates, Fit, Result, Series};
use rayon::prelude::*;

/// The point of a step and its 80 and 95 % intervals.
type Step = (f64, [(f64, f64); 2]);
type Model = Box<dyn Fn(&Series, usize) -> Result<Vec<Step>> + Sync>;
/// sMAPE, MASE, and for every step whether the intervals held the value.
type Score = (f64, f64, Vec<[bool; 2]>);

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [train, test, period] = &args[..] else {
        println!("usage: 06_accuracy_study TRAIN.csv TEST.csv PERIOD");
        return Ok(());
    };
    let period = period.parse().expect("PERIOD is a number");
    let read = |path: &String| read_path(Path::new(path), &ReadOptions::default()).map(|panel| panel.series);
    let (train, test) = (read(train)?, read(test)?);
    let test: HashMap<&str, &[f64]> = test.iter().map(|series| (series.id(), series.values())).collect();
    println!(
        "{} series\n{:26} {:>7} {:>7} {:>7} {:>6} {:>6}",
        train.len(),
        "model",
        "sMAPE",
        "MASE",
        "OWA",
        "80 %",
        "95 %"
    );
    let mut naive2 = None;
    for (name, model) in models(period) {
        let scores: Result<Vec<Score>> =
            train.par_iter().map(|series| score(&model, series, test[series.id()], period)).collect();
        match scores {
            Ok(scores) => print_row(name, &scores, naive2.get_or_insert(means(&scores))),
            Err(error) => println!("{name:26} {error}"),
        }
    }
    Ok(())
}

/// Naive2 first, then the default rule and its alternatives.
fn models(period: usize) -> Vec<(&'static str, Model)> {
    let rule = || ArSpec { period, ..ArSpec::default() };
    let criterion = |criterion| Order::Auto { max: None, criterion };
    let by = |estimator| ArSpec { estimator: Choice::Fixed(estimator), ..rule() };
    let averaging = |average| ArSpec { average: Choice::Fixed(average), ..rule() };
    let no_drift = Terms::of(Trend::None);
    vec![
        ("Naive2", Box::new(move |series, horizon| Ok(naive2(series.values(), period, horizon)))),
        ("AR, default rule", of(rule(), Forecast::median)),
        ("AR, means as points", of(rule(), Forecast::mean)),
        ("AR, with drift only", of(averaging(Average::None), Forecast::median)),
        ("AR, without drift only", of(ArSpec { terms: no_drift, ..averaging(Average::None) }, Forecast::median)),
        (
            "AR, orders by AICc weights",
            of(ArSpec { weights: Weights::Criterion(Criterion::Aicc), ..averaging(Average::Orders) }, Forecast::median),
        ),
        ("AR, Yule-Walker", of(by(Estimator::YuleWalker { adjusted: false }), Forecast::median)),
        ("AR, Burg", of(by(Estimator::Burg { variance: BurgVariance::Levinson }), Forecast::median)),
        ("AR, least squares", of(by(Estimator::LeastSquares), Forecast::median)),
        ("AR, exact likelihood", of(by(Estimator::Exact), Forecast::median)),
        ("AR, robust", of(by(Estimator::Robust), Forecast::median)),
        ("AR, no log", of(ArSpec { transform: Choice::Fixed(LinkChoice::None), ..rule() }, Forecast::median)),
        (
            "AR, no seasonal factors",
            of(ArSpec { seasonal: Choice::Fixed(SeasonalChoice::None), ..rule() }, Forecast::median),
        ),
        ("AR, no differences", of(ArSpec { difference: Choice::Fixed(0), ..rule() }, Forecast::median)),
        ("AR, first differences", of(ArSpec { difference: Choice::Fixed(1), ..rule() }, Forecast::median)),
        ("AR, BIC", of(ArSpec { order: criterion(Criterion::Bic), ..rule() }, Forecast::median)),
        ("SNaive", of(Naive::Seasonal { period }, Forecast::median)),
        ("Naive", of(Naive::RandomWalk { drift: false }, Forecast::median)),
        ("RWD", of(Naive::RandomWalk { drift: true }, Forecast::median)),
    ]
}

fn of(spec: impl Fit + Sync + 'static, point: fn(&Forecast, usize) -> f64) -> Model {
    Box::new(move |series, horizon| {
        let model = spec.fit(std::slice::from_ref(series))?.model;
        let context = Batch::single(series.values(), 0);
        let ahead = forecast(&model, &context, &Covariates::none(), ForecastOptions::new(horizon))?;
        let step = |step| (point(&ahead, step), [ahead.interval(step, 0.80), ahead.interval(step, 0.95)]);
        Ok((0..horizon).map(step).collect())
    })
}

/// The M4 competition's benchmark: the last value, seasonally adjusted where the series shows a season.
fn naive2(x: &[f64], period: usize, horizon: usize) -> Vec<Step> {
    let factors = is_seasonal(x, period).then(|| classical_seasonal_factors(x, period, true)).flatten();
    let factor = |t: usize| factors.as_ref().map_or(1.0, |factors| factors[t % period]);
    let level = x[x.len() - 1] / factor(x.len() - 1);
    (x.len()..x.len() + horizon).map(|t| (level * factor(t), [(f64::NAN, f64::NAN); 2])).collect()
}

fn score(model: &Model, train: &Series, test: &[f64], period: usize) -> Result<Score> {
    let steps = model(train, test.len()).map_err(|error| error.at(format!("series `{}`", train.id())))?;
    let points: Vec<f64> = steps.iter().map(|step| step.0).collect();
    let with_intervals = steps.iter().zip(test).filter(|(step, _)| step.1[0].0.is_finite());
    let held = with_intervals.map(|(step, y)| step.1.map(|(low, high)| (low..=high).contains(y))).collect();
    Ok((smape(test, &points), mase(test, &points, train.values(), period), held))
}

fn means(scores: &[Score]) -> (f64, f64) {
    let mean = |of: fn(&Score) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
    (mean(|score| score.0), mean(|score| score.1))
}

fn print_row(name: &str, scores: &[Score], naive2: &(f64, f64)) {
    let (smape, mase) = means(scores);
    let owa = 0.5 * (smape / naive2.0 + mase / naive2.1);
    let share = |held: &mut dyn Iterator<Item = bool>| {
        let held: Vec<bool> = held.collect();
        100.0 * held.iter().filter(|held| **held).count() as f64 / held.len() as f64
    };
    let overall = [0, 1].map(|level| share(&mut scores.iter().flat_map(|score| &score.2).map(|held| held[level])));
    print!("{name:26} {smape:7.3} {mase:7.3} {owa:7.3} {:6.1} {:6.1}  by step:", overall[0], overall[1]);
    for step in 0..scores.iter().map(|score| score.2.len()).max().unwrap_or(0) {
        print!(" {:.1}", share(&mut scores.iter().filter_map(|score| score.2.get(step)).map(|held| held[1])));
    }
    println!();
}
