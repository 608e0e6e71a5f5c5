//! Exposure bias, measured: how a model fares on its own past, beside how it fares on the true one.
//!
//! ```text
//! for origins t among the held-out rows and h = 1..H, two forecasts of x_{t+h}:
//! teacher-forced   p(x_{t+h} | x_1 .. x_{t+h-1})             the one-step conditional, the past is true
//! free-running     p(x_{t+h} | x_1 .. x_t)  by sampled paths  the values after t are the model's own draws
//! ```
//!
//! A model is trained on true pasts and forecasts from its own (Ranzato et al. 2016, arXiv 1511.06732, section 1;
//! Bengio et al. 2015, *NeurIPS* 28, section 2). The teacher-forced error hardly changes with h. (Of a network it moves
//! with the age of its window, whose scale is set anew at the end of a span.) The free-running error grows, and **only
//! part of its growth is exposure bias**: the future is uncertain, and a perfect model's error grows as well. What
//! tells them apart is calibration. Free-running forecasts of a perfect model are right about their own uncertainty: a
//! share of 80 % of the values lies inside their central 80 % interval at every horizon, and the probability integral
//! transform has mean 1/2. Where its own draws mislead a model, these leave their places as h grows: coverage falls
//! where the paths are too sure of themselves, the mean moves away from 1/2 where they drift off. Where both are off
//! already under teacher forcing, the one-step model is to blame. A model that has the dynamics of several steps wrong
//! is off in the same way: the measure compares models and remedies, it does not name causes.
//!
//! Both forecasts of an origin begin with the same session, and both are judged by as many draws, so that what a finite
//! number of draws adds to CRPS, 1/(2m) of the mean distance of two draws, is the same.
//!
//! **Cost**: a session that reads the past, a pass over H values, and H steps of m paths for each origin; origins run
//! side by side, about [`LANES`] paths at a time and thread. O(n + m H) memory for each of these origins, beside the
//! session's own. On 2,016 hourly values, 200 origins of 200 paths over 48 steps took 0.2 CPU seconds of an AR(27) and
//! 24 of a transformer of 2 x 64 units.

use rayon::prelude::*;

use super::crps;
use crate::data::batch::{Batch, Covariates};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::forecast::interpolated_quantile;
use crate::generate::{Generation, Paths, generate};
use crate::math::random::LaneRng;
use crate::model::Autoregressive;
use crate::predictive::Predictive;

/// The level of the interval whose coverage is measured.
pub const LEVEL: f64 = 0.8;
/// Paths of one thread that run in lockstep.
pub const LANES: usize = 512;

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExposureOptions {
    /// How many steps ahead.
    pub horizon: usize,
    /// The most origins: of more, so many evenly spread.
    pub origins: usize,
    /// Paths of every origin, and draws of every teacher-forced conditional.
    pub paths: usize,
    /// The seed of all draws.
    pub seed: u64,
}

impl ExposureOptions {
    /// 200 paths from each of at most 200 origins.
    #[must_use]
    pub fn new(horizon: usize) -> Self {
        Self { horizon, origins: 200, paths: 200, seed: 0 }
    }
}

/// How good forecasts of one horizon were; NaN where there was none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// The mean continuous ranked probability score, in units of the data.
    pub crps: f64,
    /// The root mean squared error of the means of the draws. Draws of heavy tails behind a logarithm make it large.
    pub rmse: f64,
    /// The share of the values inside their central 80 % interval.
    pub coverage: f64,
    /// The mean of the probability integral transform, P(X < x) + P(X = x) / 2: 1/2 where forecasts are not off-centre.
    pub mean_pit: f64,
}

/// What was measured at one horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExposureStep {
    /// How many values were judged: those that are known and whose teacher-forced conditional is defined.
    pub values: usize,
    /// The mean surprisal under teacher forcing, in nats.
    pub nats_per_value: f64,
    /// Given the true past.
    pub teacher_forced: Accuracy,
    /// Given the own draws since the origin.
    pub free_running: Accuracy,
}

/// Errors by horizon given the true past and given the own one.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposure {
    /// How many origins there were.
    pub origins: usize,
    /// How many paths each had.
    pub paths: usize,
    /// Horizons 1, 2, ..
    pub steps: Vec<ExposureStep>,
}

impl Exposure {
    /// Measures over the last `rows` values of a series whose first value has index `start`. An origin is a known value
    /// before or among those rows with `horizon` of them after it.
    ///
    /// ```
    /// use foretoken::evaluate::{Exposure, ExposureOptions};
    /// use foretoken::model::naive::Naive;
    /// use foretoken::{Fit, Series};
    ///
    /// let x = Series::new("", (0..90).map(|t| f64::from(t * t % 23)).collect());
    /// let mean = Naive::Mean.fit(&[x.slice(0..60)])?.model;
    /// let exposure = Exposure::of(&mean, &x, 0, 30, ExposureOptions::new(4))?;
    /// // A constant mean does not look at its past.
    /// let last = &exposure.steps[3];
    /// assert!((last.free_running.crps / last.teacher_forced.crps - 1.0).abs() < 0.03);
    /// # Ok::<(), foretoken::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the horizon is longer than those rows, no value before it is known, or the model cannot read the series or
    /// explodes.
    pub fn of(
        model: &dyn Autoregressive,
        series: &Series,
        start: i64,
        rows: usize,
        options: ExposureOptions,
    ) -> Result<Self> {
        Self::in_lanes(model, series, start, rows, options, LANES)
    }

    fn in_lanes(
        model: &dyn Autoregressive,
        series: &Series,
        start: i64,
        rows: usize,
        options: ExposureOptions,
        lanes: usize,
    ) -> Result<Self> {
        let origins = origins(series, rows, &options)?;
        if options.paths == 0 {
            return Err(Error::usage("exposure bias of 0 paths").expected("1 or more"));
        }
        let covariates = Covariates::of_series(series);
        let size = (lanes / options.paths).max(1);
        let parts: Vec<Result<Vec<Sums>>> = origins
            .par_chunks(size)
            .enumerate()
            .map(|(number, origins)| {
                let side = Side { model, series, start, known: &covariates, options: &options };
                side.by_side(origins, number * size)
            })
            .collect();
        let mut sums = vec![Sums::default(); options.horizon];
        for part in parts {
            sums.iter_mut().zip(part?).for_each(|(sum, own)| sum.add(&own));
        }
        Ok(Self { origins: origins.len(), paths: options.paths, steps: sums.iter().map(Sums::step).collect() })
    }
}

/// How many values stand before each origin's first step ahead.
fn origins(series: &Series, rows: usize, options: &ExposureOptions) -> Result<Vec<usize>> {
    let n = series.len();
    if options.horizon == 0 || options.horizon > rows || rows >= n {
        return Err(Error::usage(format!("{} steps ahead among {rows} held-out rows of {n}", options.horizon))
            .expected("at least one step, and as many held-out rows")
            .hint("give --exposure a smaller number, or --test-rows a larger one"));
    }
    let is_known = |t: &usize| !series.values()[t - 1].is_nan();
    let all: Vec<usize> = (n - rows..=n - options.horizon).filter(is_known).collect();
    let count = all.len().min(options.origins.max(1));
    if count == 0 {
        return Err(Error::data("no value among the held-out rows is known that forecasts could start from"));
    }
    Ok((0..count).map(|i| all[if count == 1 { 0 } else { i * (all.len() - 1) / (count - 1) }]).collect())
}

/// What the origins that run side by side have in common.
struct Side<'a> {
    model: &'a dyn Autoregressive,
    series: &'a Series,
    start: i64,
    known: &'a Covariates,
    options: &'a ExposureOptions,
}

impl Side<'_> {
    /// The sums of some origins, of which the first has this number.
    fn by_side(&self, origins: &[usize], first: usize) -> Result<Vec<Sums>> {
        let &ExposureOptions { horizon, paths, seed, .. } = self.options;
        let x = self.series.values();
        let pasts: Vec<&[f64]> = origins.iter().map(|&t| &x[..t]).collect();
        let futures: Vec<&[f64]> = origins.iter().map(|&t| &x[t..t + horizon]).collect();
        let context = Batch::lanes_of(&pasts, &vec![self.start; origins.len()]);
        let target = Batch::lanes_of(&futures, &context.ends());
        let known = self.covariates(origins);
        let conditionals = self.model.conditionals(&context, &target, &known)?;
        let what = Generation { stream: first as u32, ..Generation::sample(horizon, paths, seed) };
        let own = generate(self.model, &context, &known, &what)?;
        Ok((0..horizon).map(|step| self.sums(step, target.row(step), &conditionals, &own, first)).collect())
    }

    fn sums(&self, step: usize, actual: &[f64], conditionals: &Predictive, own: &Paths, first: usize) -> Sums {
        let &ExposureOptions { paths, seed, .. } = self.options;
        let mut sums = Sums::default();
        let mut draws = vec![0.0; paths];
        for (lane, &y) in actual.iter().enumerate() {
            let row = step * actual.len() + lane;
            if y.is_nan() || !conditionals.is_defined(row) {
                continue;
            }
            let conditional = conditionals.row(row);
            // The streams after those of the paths.
            let mut rng = LaneRng::new(seed, ((first + lane) as u64) << 32 | (paths + step) as u64);
            draws.iter_mut().for_each(|draw| *draw = conditional.sample(&mut rng));
            sums.surprisal += conditional.surprisal(y);
            sums.teacher_forced.push(y, &mut draws);
            draws.copy_from_slice(&own.step(step)[lane * paths..(lane + 1) * paths]);
            sums.free_running.push(y, &mut draws);
            sums.values += 1;
        }
        sums
    }

    /// The covariates of all origins; before a lane starts those of its first step.
    fn covariates(&self, origins: &[usize]) -> Covariates {
        if self.known.width() == 0 {
            return Covariates::none();
        }
        let longest = origins.iter().max().copied().unwrap_or(0);
        let steps = longest + self.options.horizon;
        let row = |step: usize| {
            origins.iter().flat_map(move |t| {
                let own = (step + t).saturating_sub(longest).min(self.known.steps() - 1);
                self.known.row(own).lane(0)
            })
        };
        Covariates::new(self.known.width(), origins.len(), (0..steps).flat_map(row).copied().collect())
    }
}

/// Sums over the values of one horizon.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    values: usize,
    surprisal: f64,
    teacher_forced: Judged,
    free_running: Judged,
}

/// Sums of what values were under equally likely draws.
#[derive(Debug, Clone, Copy, Default)]
struct Judged {
    crps: f64,
    squares: f64,
    inside: f64,
    pit: f64,
}

impl Judged {
    fn push(&mut self, y: f64, draws: &mut [f64]) {
        let m = draws.len() as f64;
        self.crps += crps(y, draws);
        self.squares += (draws.iter().sum::<f64>() / m - y).powi(2);
        let (below, up_to) = (draws.partition_point(|x| *x < y), draws.partition_point(|x| *x <= y));
        self.pit += 0.5 * (below + up_to) as f64 / m;
        let tail = 0.5 * (1.0 - LEVEL);
        let (lo, hi) = (interpolated_quantile(draws, tail), interpolated_quantile(draws, 1.0 - tail));
        self.inside += if lo <= y && y <= hi { 1.0 } else { 0.0 };
    }

    fn add(&mut self, other: &Self) {
        self.crps += other.crps;
        self.squares += other.squares;
        self.inside += other.inside;
        self.pit += other.pit;
    }

    fn mean(&self, n: f64) -> Accuracy {
        Accuracy {
            crps: self.crps / n,
            rmse: (self.squares / n).sqrt(),
            coverage: self.inside / n,
            mean_pit: self.pit / n,
        }
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.values += other.values;
        self.surprisal += other.surprisal;
        self.teacher_forced.add(&other.teacher_forced);
        self.free_running.add(&other.free_running);
    }

    fn step(&self) -> ExposureStep {
        let n = self.values as f64;
        ExposureStep {
            values: self.values,
            nats_per_value: self.surprisal / n,
            teacher_forced: self.teacher_forced.mean(n),
            free_running: self.free_running.mean(n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::series::Covariate;
    use crate::math::special::{normal_cdf, normal_quantile};
    use crate::model::Fit;
    use crate::model::linear::{Ar, ArSpec, Choice, Order, Terms};

    const PHI: f64 = 0.8;
    const SD: f64 = 2.0;

    fn ar1(n: usize) -> Series {
        let mut rng = LaneRng::new(5, 0);
        let step = |x: &mut f64, _| {
            *x = PHI * *x + SD * rng.normal();
            Some(*x)
        };
        Series::new("", (0..n).scan(0.0, step).collect())
    }

    /// The scores of normal forecasts of given errors and spread, with what m draws add to them.
    fn expected(errors: &[f64], sd: f64, m: f64) -> Accuracy {
        let n = errors.len() as f64;
        let mean = |of: &dyn Fn(f64) -> f64| errors.iter().map(|e| of(e / sd)).sum::<f64>() / n;
        let density = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
        let root_pi = std::f64::consts::PI.sqrt();
        // Gneiting and Raftery 2007, p. 367.
        let crps = mean(&|z| z * (2.0 * normal_cdf(z) - 1.0) + 2.0 * density(z) - 1.0 / root_pi);
        let half = normal_quantile(0.5 + 0.5 * LEVEL);
        Accuracy {
            crps: sd * (crps + 1.0 / (root_pi * m)),
            rmse: sd * (mean(&|z| z * z) + 1.0 / m).sqrt(),
            coverage: mean(&|z| f64::from(z.abs() <= half)),
            mean_pit: mean(&normal_cdf),
        }
    }

    fn close(own: Accuracy, expected: Accuracy, what: &str) {
        for (a, b, within) in [
            (own.crps, expected.crps, 0.02),
            (own.rmse, expected.rmse, 0.03),
            // Quantiles of 400 draws: three of 60 values lie where they may fall.
            (own.coverage, expected.coverage, 0.06),
            (own.mean_pit, expected.mean_pit, 0.01),
        ] {
            assert!((a - b).abs() < within, "{what}: {own:?} {expected:?}");
        }
    }

    #[test]
    fn an_autoregression_has_the_scores_of_its_normal_forecasts() {
        let (x, rows, horizon) = (ar1(300), 120, 6);
        let model = Ar::new(0.0, 0.0, vec![PHI], SD, 0.0);
        let options = ExposureOptions { origins: 60, paths: 400, ..ExposureOptions::new(horizon) };
        let exposure = Exposure::of(&model, &x, 0, rows, options).expect("a measure");
        assert_eq!((exposure.origins, exposure.paths, exposure.steps.len()), (60, 400, horizon));
        let starts = origins(&x, rows, &options).expect("origins");
        assert_eq!((starts[0], starts[59]), (180, 294));
        for (h, step) in (1..).zip(&exposure.steps) {
            let power = PHI.powi(h);
            let ahead = |steps: f64| SD * ((1.0 - steps) / (1.0 - PHI * PHI)).sqrt();
            let errors = |lag: usize, power: f64| -> Vec<f64> {
                let at = |t: &usize| x.values()[t + h as usize - 1] - power * x.values()[t + h as usize - 1 - lag];
                starts.iter().map(at).collect()
            };
            close(step.free_running, expected(&errors(h as usize, power), ahead(power * power), 400.0), "free-running");
            let one = errors(1, PHI);
            close(step.teacher_forced, expected(&one, SD, 400.0), "teacher-forced");
            let nats = one.iter().map(|e| 0.5 * (e / SD).powi(2)).sum::<f64>() / 60.0
                + (SD * std::f64::consts::TAU.sqrt()).ln();
            assert!((step.nats_per_value - nats).abs() < 1e-12 && step.values == 60);
        }
    }

    /// Four times too little is left of each value, and the spread is fitted to that: one step is as sure as it should
    /// be, its own pasts die out.
    #[test]
    fn a_model_that_its_own_past_misleads_is_too_sure_of_itself_later() {
        let x = ar1(400);
        let model = Ar::new(0.0, 0.0, vec![0.2], (1.0_f64 + 0.36 / 0.36).sqrt() * SD, 0.0);
        let exposure = Exposure::of(&model, &x, 0, 300, ExposureOptions::new(8)).expect("a measure");
        let [first, last] = [&exposure.steps[0], &exposure.steps[7]];
        assert!((first.free_running.coverage - first.teacher_forced.coverage).abs() < 0.03, "{first:?}");
        assert!(last.free_running.coverage < last.teacher_forced.coverage - 0.05, "{last:?}");
    }

    #[test]
    fn neither_neighbours_nor_missing_values_nor_covariates_shift_an_origin() {
        let noise = ar1(200);
        let lever: Vec<f64> = (0..200).map(|t| f64::from(t * t % 7)).collect();
        let mut values: Vec<f64> = noise.values().iter().zip(&lever).map(|(x, z)| 0.2 * x + 3.0 * z).collect();
        for missing in [150, 163, 164, 199] {
            values[missing] = f64::NAN;
        }
        let column = Covariate { name: "lever".to_owned(), values: lever };
        let x = Series::new("", values).with_covariates(vec![column]);
        let spec = ArSpec {
            order: Order::Fixed(1),
            terms: Terms { covariates: vec!["lever".to_owned()], ..Terms::default() },
            difference: Choice::Fixed(0),
            ..ArSpec::default()
        };
        let model = spec.fit(&[x.slice(0..140)]).expect("a fit").model;
        let options = ExposureOptions { paths: 40, ..ExposureOptions::new(5) };
        let side_by_side = Exposure::in_lanes(&model, &x, 0, 60, options, 1_000).expect("a measure");
        let alone = Exposure::in_lanes(&model, &x, 0, 60, options, 1).expect("a measure");
        // To the rounding of sums in another order.
        for (a, b) in side_by_side.steps.iter().zip(&alone.steps) {
            for (a, b) in [(a.teacher_forced, b.teacher_forced), (a.free_running, b.free_running)] {
                let of = |x: Accuracy| [x.crps, x.rmse, x.coverage, x.mean_pit];
                assert!(of(a).iter().zip(of(b)).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
            }
            assert_eq!(a.values, b.values);
        }
        // 56 origins less those behind missing values; of the last step the last value is missing as well.
        assert_eq!(alone.origins, 53);
        assert_eq!(alone.steps[4].values, 53 - 4);
        // Who did not see the lever would be off by about 6.
        assert!(alone.steps[4].free_running.crps < 0.6, "{alone:?}");
    }

    #[test]
    fn more_steps_than_rows_and_nothing_to_start_from_are_refused() {
        let x = ar1(50);
        let model = Ar::new(0.0, 0.0, vec![PHI], SD, 0.0);
        let of = |x: &Series, rows, horizon| Exposure::of(&model, x, 0, rows, ExposureOptions::new(horizon));
        for (rows, horizon) in [(10, 11), (10, 0), (50, 5), (0, 1)] {
            assert!(of(&x, rows, horizon).is_err(), "{rows} {horizon}");
        }
        let mut values = x.values().to_vec();
        values[39..].fill(f64::NAN);
        let error = of(&Series::new("", values), 10, 5).expect_err("nothing known").to_string();
        assert!(error.contains("no value"), "{error}");
    }
}
