//! Networks against autoregressions and the seasonal naive method, on the last fifth of every series after a fit to the rest:
//! nats per value of the conditionals one step ahead, and the CRPS of sampled paths from origins spread over it.
//!
//! ```sh
//! cargo run --release --example 12_networks -- datasets/hourly_load.csv
//! cargo run --release --example 12_networks -- datasets/panel_sales.csv models=naive,ar,mlp horizon=14
//! cargo run --release --example 12_networks -- datasets/hourly_load.csv models=gru seeds=3 remedies
//! ```
//!
//! One network is trained on all series, one autoregression on each: with innovations of Student's t, as many lags as AICc wants up to
//! 210, with and without first differences, and logarithms where values are positive. The row "the best of these" takes the best of
//! its variants on the held-out values, for each series and each measure anew, which favours it. The CRPS of a panel is divided by the
//! in-sample error of the seasonal naive method, series by series. What lies further outside the range of the training values than that is
//! wide counts as lying there: the score is proper all the same (Gneiting and Ranjan 2011, *J. Bus. Econ. Stat.* 29, p. 411), and finite for
//! the exponential of Student's t, which has no mean. `remedies` trains every network with each remedy for exposure bias.

use std::path::Path;
use std::time::Instant;

use cpu_time::ProcessTime;
use foretoken::data::frame::{ReadOptions, read_path};
use foretoken::data::period::infer_period;
use foretoken::evaluate::{crps, mase_scale};
use foretoken::generate::{Generation, generate};
use foretoken::model::linear::{ArSpec, Average, Choice, Criterion, Estimator, LinkChoice, Order, SeasonalChoice};
use foretoken::model::naive::Naive;
use foretoken::model::neural::{Architecture, HeadChoice, NeuralSpec, Remedy, Rise, Training};
use foretoken::{Autoregressive, Batch, Covariates, Error, Fit, Result, Series, score};
use rayon::prelude::*;

/// Lags of an autoregression, at most.
const LAGS: usize = 210;

struct Study {
    /// Every series, and where its future begins.
    series: Vec<(Series, usize)>,
    train: Vec<Series>,
    /// What the CRPS of every series is divided by.
    units: Vec<f64>,
    period: usize,
    /// The periods of the networks, if given.
    periods: Option<Vec<usize>>,
    horizon: usize,
    origins: usize,
    paths: usize,
    seeds: u64,
    epochs: usize,
    head: HeadChoice,
    remedies: Vec<(&'static str, Remedy)>,
}

/// Of one series: the sum of log densities and their number, and the sums of the CRPS of every step and their number.
#[derive(Debug, Clone)]
struct Score {
    nats: (f64, usize),
    crps: Vec<(f64, usize)>,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| args.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str, default: usize| match option(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| Error::usage(format!("{name}={text}")).expected("a whole number")),
    };
    let file = args.first().filter(|arg| !arg.contains('=')).map_or("datasets/hourly_load.csv", String::as_str);
    let read = |file: &str| read_path(Path::new(file), &ReadOptions::default()).map(|panel| panel.series);
    let last = number("last", usize::MAX)?;
    let of_last = |series: Series| series.slice(series.len().saturating_sub(last)..series.len());
    let series: Vec<Series> = read(file)?.into_iter().map(of_last).collect();
    let series: Vec<(Series, usize)> = match option("future") {
        None => series.into_iter().map(|series| (series.clone(), series.len() - series.len() / 5)).collect(),
        Some(future) => {
            let future = read(future)?;
            let whole = |series: &Series| {
                let own = future.iter().find(|own| own.id() == series.id())?;
                let values = [series.values(), own.values()].concat();
                Some((Series::new(series.id(), values), series.len()))
            };
            series.iter().filter_map(whole).collect()
        }
    };
    let train: Vec<Series> = series.iter().map(|(series, cut)| series.slice(0..*cut)).collect();
    let longest = train.iter().max_by_key(|series| series.len()).expect("a file has a series");
    let whole = |text: &str| text.parse().map_err(|_| Error::usage(format!("{text} is no period")));
    let periods: Option<Vec<usize>> =
        option("periods").map(|text| text.split(',').map(whole).collect::<Result<_>>()).transpose()?;
    let found = || infer_period(longest.values(), longest.timeline().frequency());
    let period = periods.as_ref().and_then(|periods| periods.first().copied()).unwrap_or_else(found);
    let unit = |series: &Series| if train.len() > 1 { mase_scale(series.values(), period) } else { 1.0 };
    let head = match option("head") {
        None => HeadChoice::Auto,
        Some("gaussian") => HeadChoice::Gaussian,
        Some("student-t") => HeadChoice::StudentT,
        Some("mixture") => HeadChoice::Mixture { components: 3 },
        Some(other) => return Err(Error::usage(format!("no head is called {other}"))),
    };
    let teacher = ("teacher forcing", Remedy::TeacherForcing);
    let study = Study {
        units: train.iter().map(unit).collect(),
        horizon: number("horizon", if period > 1 { period } else { 12 })?,
        origins: number("origins", 20)?,
        paths: number("paths", 100)?,
        seeds: number("seeds", 1)? as u64,
        epochs: number("epochs", Training::default().epochs)?,
        remedies: if args.iter().any(|arg| arg == "remedies") { remedies() } else { vec![teacher] },
        periods,
        head,
        series,
        train,
        period,
    };
    println!("{file}: {} series, period {period}, {} steps ahead", study.train.len(), study.horizon);
    println!("nats/value     CRPS  at 1, 8, 24 steps             s   CPU s");
    for model in option("models").unwrap_or("naive,ar,mlp,gru,conv,transformer").split(',') {
        study.run(model)?;
    }
    Ok(())
}

fn remedies() -> Vec<(&'static str, Remedy)> {
    let sampling = |rise| Remedy::ScheduledSampling { most: 0.5, rise };
    vec![
        ("teacher forcing", Remedy::TeacherForcing),
        ("scheduled sampling, linear", sampling(Rise::Linear)),
        ("scheduled sampling, exponential", sampling(Rise::Exponential)),
        ("noise of 0.1", Remedy::Noise { sd: 0.1 }),
        ("free running, 8 steps", Remedy::FreeRunning { steps: 8 }),
        ("energy score, 8 steps of 2 rollouts", Remedy::EnergyScore { steps: 8, rollouts: 2 }),
    ]
}

impl Study {
    fn run(&self, model: &str) -> Result<()> {
        let (begun, cpu) = (Instant::now(), ProcessTime::now());
        let seconds = || [begun.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64()];
        let architecture = match model {
            "naive" => {
                let naive = match self.period {
                    0 | 1 => Naive::RandomWalk { drift: false },
                    period => Naive::Seasonal { period },
                };
                let fit = |at: usize| self.score(&naive.fit(&self.train[at..=at])?.model, at);
                let scores: Vec<Score> = (0..self.train.len()).into_par_iter().map(fit).collect::<Result<_>>()?;
                say("seasonal naive", &scores, seconds());
                return Ok(());
            }
            "ar" => {
                self.autoregressions(seconds);
                return Ok(());
            }
            "mlp" => Architecture::Mlp,
            "gru" => Architecture::Gru,
            "lstm" => Architecture::Lstm,
            "conv" => Architecture::Conv,
            "transformer" => Architecture::Transformer { heads: 4, is_rotary: true, window: None },
            other => return Err(Error::usage(format!("no model is called {other}"))),
        };
        for (name, remedy) in &self.remedies {
            for seed in 0..self.seeds {
                self.network(architecture, name, *remedy, seed)?;
            }
        }
        Ok(())
    }

    fn network(&self, architecture: Architecture, name: &str, remedy: Remedy, seed: u64) -> Result<()> {
        let (begun, cpu) = (Instant::now(), ProcessTime::now());
        let training = Training { seed, remedy, epochs: self.epochs, ..Training::default() };
        let spec =
            NeuralSpec { training, periods: self.periods.clone(), head: self.head, ..NeuralSpec::new(architecture) };
        let mut epochs = 0;
        let fitted = spec.fit_observed(&self.train, &mut |epoch| {
            epochs = epoch.number;
            eprintln!("{name} {epochs} of {}: loss {:.4}, held out {:.4}", epoch.of, epoch.loss, epoch.held_out);
        })?;
        let seconds = [begun.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64()];
        let score = |at: usize| self.score(&fitted.model, at);
        let scores: Vec<Score> = (0..self.train.len()).into_par_iter().map(score).collect::<Result<_>>()?;
        say(&format!("{}, {name}, seed {seed}, {epochs} epochs", fitted.summary.description), &scores, seconds);
        Ok(())
    }

    fn autoregressions(&self, seconds: impl Fn() -> [f64; 2]) {
        let mut best: Vec<Option<Score>> = vec![None; self.train.len()];
        for transform in [LinkChoice::None, LinkChoice::Log] {
            for differences in [0, 1] {
                let fit = |at: usize| {
                    let longest = LAGS.min(self.train[at].len() / 3);
                    let spec = ArSpec {
                        order: Order::Auto { max: Some(longest), criterion: Criterion::Aicc },
                        estimator: Choice::Fixed(Estimator::Robust),
                        transform: Choice::Fixed(transform),
                        difference: Choice::Fixed(differences),
                        seasonal: Choice::Fixed(SeasonalChoice::None),
                        average: Choice::Fixed(Average::None),
                        ..ArSpec::default()
                    };
                    self.score(&spec.fit(&self.train[at..=at])?.model, at)
                };
                let name = format!("AR, Student's t, {differences} differences, {transform:?}");
                let scores: Vec<Result<Score>> = (0..self.train.len()).into_par_iter().map(fit).collect();
                for (score, best) in scores.iter().zip(&mut best) {
                    match (score, best) {
                        (Ok(score), Some(best)) => best.improve(score),
                        (Ok(score), best) => *best = Some(score.clone()),
                        (Err(error), _) => eprintln!("{name}: {error}"),
                    }
                }
                if let Ok(scores) = scores.into_iter().collect::<Result<Vec<Score>>>() {
                    say(&name, &scores, seconds());
                }
            }
        }
        say("AR, Student's t, the best of these", &best.into_iter().flatten().collect::<Vec<Score>>(), seconds());
    }

    /// How a model does on the future of a series.
    fn score(&self, model: &dyn Autoregressive, at: usize) -> Result<Score> {
        let (series, cut) = &self.series[at];
        let (past, future) = series.values().split_at(*cut);
        let known = Covariates::none();
        let target = Batch::single(future, *cut as i64);
        let nats = score::log_likelihood(model, &Batch::single(past, 0), &target, &known)?;
        let horizon = self.horizon.min(future.len());
        let most = future.len() - horizon;
        let origins = self.origins.clamp(1, most + 1);
        let extremes = |(least, largest): (f64, f64), x: &f64| (least.min(*x), largest.max(*x));
        let (least, largest) = past.iter().fold((f64::INFINITY, f64::NEG_INFINITY), extremes);
        let (low, high) = (2.0 * least - largest, 2.0 * largest - least);
        let from = |origin: usize| {
            let from = cut + if origins > 1 { origin * most / (origins - 1) } else { 0 };
            let sample = Generation { stream: at as u32, ..Generation::sample(horizon, self.paths, origin as u64) };
            let paths = generate(model, &Batch::single(&series.values()[..from], 0), &known, &sample)?;
            let crps = |step: usize| {
                let mut draws: Vec<f64> = paths.step(step).iter().map(|x| x.clamp(low, high)).collect();
                crps(series.values()[from + step].clamp(low, high), &mut draws) / self.units[at]
            };
            Ok((0..horizon).map(crps).collect())
        };
        let all: Vec<Vec<f64>> = (0..origins).into_par_iter().map(from).collect::<Result<_>>()?;
        let sum = |step: usize| {
            let known = all.iter().map(|own| own[step]).filter(|crps| !crps.is_nan());
            known.fold((0.0, 0), |(sum, count), crps| (sum + crps, count + 1))
        };
        Ok(Score { nats, crps: (0..horizon).map(sum).collect() })
    }
}

impl Score {
    fn improve(&mut self, other: &Self) {
        if other.nats.0 > self.nats.0 {
            self.nats = other.nats;
        }
        let whole = |crps: &[(f64, usize)]| crps.iter().map(|step| step.0).sum::<f64>();
        if whole(&other.crps) < whole(&self.crps) {
            self.crps.clone_from(&other.crps);
        }
    }
}

/// The means over all values.
fn say(name: &str, scores: &[Score], [seconds, cpu]: [f64; 2]) {
    let mean = |all: &mut dyn Iterator<Item = (f64, usize)>| {
        let (sum, count) = all.fold((0.0, 0), |all, own| (all.0 + own.0, all.1 + own.1));
        sum / count as f64
    };
    let nats = mean(&mut scores.iter().map(|score| score.nats));
    let crps = mean(&mut scores.iter().flat_map(|score| score.crps.iter().copied()));
    let at = |step: usize| mean(&mut scores.iter().filter_map(|score| score.crps.get(step - 1).copied()));
    println!("{nats:10.4} {crps:8.4} {:8.4} {:8.4} {:8.4} {seconds:7.0} {cpu:7.0}  {name}", at(1), at(8), at(24));
}
