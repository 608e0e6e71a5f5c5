//! Anomaly detection: values that the conditional distribution, checked on held-out rows, did not expect.
//!
//! ```text
//! training rows:  [ first three quarters: fit | last quarter: calibrate ]   other rows:  judge
//! ```
//!
//! The surprisal -ln p(x_t | x_<t) is reported. The alarm statistic is its conditional tail
//! u_t = P(-ln p(X) >= -ln p(x_t) | x_<t), so that a variance that varies does not shift the rate; a
//! [`Calibration`] on rows that the fit did not use makes it a p-value. The user gives the false-alarm rate: with
//! p(u*) = rate, `lo` and `hi` are the region {u >= u*}, and a judged row is an anomaly exactly when it lies outside
//! (the region is the definition, the p-value agrees with it). After an alarm the lags take the value clipped to the
//! region for at most one period, and the calibration sees its rows in the same way.
//!
//! Four numbers that are easily confused:
//!
//! - the **rate** is the share of rows without anomaly that may be flagged, as the user asks for it;
//! - the **score** of a row is -ln u, its surprise by the model alone: in nats, but not the surprisal;
//! - the **threshold** is the score -ln u* that held-out rows exceed at that rate (the surprisal that a row has there is
//!   for charts only: [`Detection::threshold_surprisals`]);
//! - **outside** is u*: the mass that the model itself puts beyond the region, equal to the rate if the model is right.
//!
//! A missing value, or one whose conditional depends on a missing one, has no score and is no alarm. A value outside
//! the domain of the model's transform is an anomaly and counts as missing for the surprisal of the rows after it.
//!
//! Cost: one pass of scores over all rows and one over those of the calibration, two more of regions over the latter,
//! and a few steps of the model per alarm. Halves run in parallel.

use std::ops::Range;

use rayon::prelude::*;

use super::calibration::{Calibration, FEWEST_ROWS};
use super::judge::{Judge, Scored, runs};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::model::{Autoregressive, Summary};

/// Fewer training rows than this are not split into three quarters and one.
const FEWEST_TRAINING_ROWS: usize = 8;
/// How often the calibration is repeated with lags clipped by the one before.
const CLIPPED_PASSES: usize = 2;
/// The most rows that are clipped after an alarm where there is no season.
const MOST_CLIPPED: usize = 10;

/// Which rows a model learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Training {
    /// The first so many rows; the rows after them are judged.
    Rows(usize),
    /// Two halves, each judged by the other's fit. The first half begins without a past: its first rows, as many as
    /// the model has lags, have no score.
    Halves,
}

/// What [`detect`] is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectOptions {
    /// Which rows the model learns from.
    pub training: Training,
    /// The share of rows without anomaly that may be flagged, in (0, 1).
    pub false_alarm_rate: f64,
    /// The season length: for how many rows after an alarm the lags may be clipped. Without a season (0 or 1) it is
    /// the model's memory, at most ten.
    pub period: usize,
}

/// What is known of every row of a series. A value that does not exist is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// The conditional mean, given the lags as they were clipped.
    pub expected: Vec<f64>,
    /// The lower edge of the accepted region.
    pub lo: Vec<f64>,
    /// The upper edge of the accepted region.
    pub hi: Vec<f64>,
    /// -ln p(x_t | x_<t) in nats, given the true past.
    pub surprisal: Vec<f64>,
    /// The calibrated probability of a row at least as surprising; NaN for training rows.
    pub p_value: Vec<f64>,
    /// Whether the row is judged and lies outside `lo, hi`.
    pub is_anomaly: Vec<bool>,
    /// Whether the row is judged: training rows have a region, to be drawn, but no p-value and no alarm.
    pub judged: Vec<bool>,
    /// (row, surprisal at the edge of its region, given the true past) for a line across a chart: every row that a fit
    /// scores, or about 4,096 of them, evenly spaced. NaN where there is no region.
    pub threshold_surprisals: Vec<(usize, f64)>,
    /// How many held-out rows the p-values rest on; the smaller half's for [`Training::Halves`].
    pub calibration_rows: usize,
    /// What the fits report, in the order of their training rows.
    pub summaries: Vec<Summary>,
    /// What the user should know: a constant series, a rate that the rows cannot confirm.
    pub warnings: Vec<String>,
}

impl Detection {
    /// The alarms, merged where fewer than three other rows lie between two of them.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let peak = |rows: &Range<usize>| {
            rows.clone()
                .filter(|&row| self.is_anomaly[row])
                .min_by(|&a, &b| self.p_value[a].total_cmp(&self.p_value[b]))
        };
        runs(&self.is_anomaly)
            .into_iter()
            .map(|rows| Event { start: rows.start, end: rows.end, peak: peak(&rows).unwrap_or(rows.start) })
            .collect()
    }
}

/// A run of alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The row of the first alarm.
    pub start: usize,
    /// The row after the last alarm.
    pub end: usize,
    /// The row with the smallest p-value.
    pub peak: usize,
}

/// Fits a model to a series, which holds the rows to fit to and no others.
pub type Fitter<'a> = &'a (dyn Fn(&Series) -> Result<(Box<dyn Autoregressive>, Summary)> + Sync);

/// Judges a series.
///
/// ```
/// use foretoken::model::naive::Naive;
/// use foretoken::score::detect::{DetectOptions, Training, detect};
/// use foretoken::{Fit, Series};
///
/// let mut x: Vec<f64> = (0..200).map(|t| (f64::from(t) * 2.399).sin()).collect();
/// x[150] = 30.0;
/// let options = DetectOptions { training: Training::Rows(120), false_alarm_rate: 0.01, period: 1 };
/// let fit = |train: &Series| {
///     let fitted = Naive::Mean.fit(std::slice::from_ref(train))?;
///     Ok((Box::new(fitted.model) as Box<dyn foretoken::Autoregressive>, fitted.summary))
/// };
/// let detection = detect(&Series::new("", x), &fit, &options)?;
/// assert_eq!(detection.events().len(), 1);
/// assert!(detection.is_anomaly[150]);
/// # Ok::<(), foretoken::Error>(())
/// ```
///
/// # Errors
/// If the rate is not in (0, 1), training leaves no row to judge or has fewer than eight rows, no value is known, or
/// the fit fails.
pub fn detect(series: &Series, fit: Fitter<'_>, options: &DetectOptions) -> Result<Detection> {
    let n = series.len();
    check(series, options)?;
    match options.training {
        Training::Rows(rows) => {
            Part { name: "", training: 0..rows, scored: 0..n, judged_from: rows }.detect(series, fit, options)
        }
        Training::Halves => {
            let (first, second) = (0..n / 2, n / 2..n);
            let by_second =
                Part { name: "first half: ", training: second.clone(), scored: first.clone(), judged_from: 0 };
            let by_first = Part { name: "second half: ", training: first, judged_from: second.start, scored: second };
            let (first, second) =
                rayon::join(|| by_second.detect(series, fit, options), || by_first.detect(series, fit, options));
            Ok(joined(first?, second?))
        }
    }
}

/// The rows of a series of so many that [`detect`] fits models to, in the order of their times.
#[must_use]
pub fn fitted_rows(rows: usize, options: &DetectOptions) -> Vec<Range<usize>> {
    match options.training {
        Training::Rows(training) => vec![fitted_of(&(0..training.min(rows)))],
        Training::Halves => vec![fitted_of(&(0..rows / 2)), fitted_of(&(rows / 2..rows))],
    }
}

/// The three quarters of training rows that a fit sees; the others calibrate it.
fn fitted_of(training: &Range<usize>) -> Range<usize> {
    training.start..training.start + 3 * training.len() / 4
}

/// A model that was fitted to other rows, in front of a series.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The model.
    pub model: &'a dyn Autoregressive,
    /// What its fit reported.
    pub summary: &'a Summary,
    /// The index of the first value of the series, as the model counts.
    pub start: i64,
    /// How many values stand before the rows to judge: a past for their lags.
    pub past: usize,
}

/// Judges the rows of a series after their past by a model that is not fitted again. [`Training::Rows`] are rows that
/// check the false-alarm rate; with [`Training::Halves`] all rows are judged, and the rate is the model's own.
///
/// ```
/// use foretoken::model::naive::Naive;
/// use foretoken::score::detect::{DetectOptions, Given, Training, detect_given};
/// use foretoken::{Fit, Series};
///
/// let x: Vec<f64> = (0..100).map(|t| (f64::from(t) * 2.399).sin()).collect();
/// let fitted = Naive::Mean.fit(&[Series::new("", x)])?;
/// let given = Given { model: &fitted.model, summary: &fitted.summary, start: 100, past: 0 };
/// let options = DetectOptions { training: Training::Halves, false_alarm_rate: 0.01, period: 1 };
/// let detection = detect_given(&Series::new("", vec![0.3, 30.0, -0.5]), &given, &options)?;
/// assert_eq!(detection.is_anomaly, [false, true, false]);
/// # Ok::<(), foretoken::Error>(())
/// ```
///
/// # Errors
/// If the rate is not in (0, 1), no row is left to judge, no value is known, or the model cannot read the series.
pub fn detect_given(series: &Series, given: &Given<'_>, options: &DetectOptions) -> Result<Detection> {
    let rate = options.false_alarm_rate;
    check_rate(rate)?;
    check_known(&series.values()[given.past..])?;
    let rows = series.len() - given.past;
    let check = match options.training {
        Training::Rows(check) if check >= rows => return Err(none_left(check, rows)),
        Training::Rows(check) => check,
        Training::Halves => 0,
    };
    let (scored, judged_from) = (given.past..series.len(), given.past + check);
    let judge = Judge::new(given.model, series, -given.start, 0);
    let calibration = match check {
        0 => Calibration::new(Vec::new()),
        _ => calibrate(&judge, given.past..judged_from, rate, clip_limit(given.model, options.period))?,
    };
    let part = Part { name: "", training: given.past..judged_from, scored, judged_from };
    part.judged(&judge, &calibration, given.summary.clone(), options)
}

fn check_rate(rate: f64) -> Result<()> {
    if rate > 0.0 && rate < 1.0 {
        return Ok(());
    }
    Err(Error::usage(format!("the false-alarm rate {rate} is not a probability"))
        .expected("a share of rows between 0 and 1, like 0.01"))
}

fn check_known(values: &[f64]) -> Result<()> {
    if values.iter().any(|x| !x.is_nan()) {
        return Ok(());
    }
    Err(Error::data("no value is known").expected("a series with values"))
}

fn none_left(rows: usize, n: usize) -> Error {
    Error::usage(format!("{rows} training rows leave none of the {n} rows to judge"))
        .expected(format!("fewer than {n} training rows"))
        .hint("give fewer training rows, or none to judge each half by the other")
}

fn check(series: &Series, options: &DetectOptions) -> Result<()> {
    check_rate(options.false_alarm_rate)?;
    check_known(series.values())?;
    let (n, fewest) = (series.len(), FEWEST_TRAINING_ROWS);
    match options.training {
        Training::Rows(rows) if rows >= n => Err(none_left(rows, n)),
        Training::Rows(rows) if rows < fewest => Err(Error::data(too_few(rows, "training row", ""))
            .expected(format!("at least {fewest}"))
            .hint("give more training rows")),
        Training::Halves if n < 2 * fewest => Err(Error::data(too_few(n, "row", " to judge halves"))
            .expected(format!("at least {}", 2 * fewest))
            .hint("give more history")),
        _ => Ok(()),
    }
}

/// `1 row is too few`, `7 rows are too few`, and what for.
fn too_few(count: usize, name: &str, purpose: &str) -> String {
    let plural = if count == 1 { " is" } else { "s are" };
    format!("{count} {name}{plural} too few{purpose}")
}

/// Which rows one fit learns from and which it scores.
struct Part {
    /// What precedes its warnings.
    name: &'static str,
    training: Range<usize>,
    scored: Range<usize>,
    judged_from: usize,
}

impl Part {
    fn detect(&self, series: &Series, fit: Fitter<'_>, options: &DetectOptions) -> Result<Detection> {
        let fitted = fitted_of(&self.training);
        let split = fitted.end;
        let fit_rows = series.slice(fitted);
        if let Some(constant) = constant_of(fit_rows.values())? {
            return Ok(self.without_alarms(constant));
        }
        let (model, summary) = fit(&fit_rows)?;
        let model = model.as_ref();
        let origin = self.training.start as i64;
        let held_out = Judge::new(model, series, origin, self.training.start);
        let (rate, clip_limit) = (options.false_alarm_rate, clip_limit(model, options.period));
        let calibration = calibrate(&held_out, split..self.training.end, rate, clip_limit)?;
        self.judged(&Judge::new(model, series, origin, 0), &calibration, summary, options)
    }

    /// Scores and judges the rows of a part by a model that is calibrated.
    fn judged(
        &self,
        judge: &Judge<'_>,
        calibration: &Calibration,
        summary: Summary,
        options: &DetectOptions,
    ) -> Result<Detection> {
        let rate = options.false_alarm_rate;
        let outside = (-calibration.threshold(rate)).exp();
        let mut rows = judge.score(self.scored.clone(), outside)?;
        judge.clip_lags(&mut rows, self.judged_from, outside, clip_limit(judge.model(), options.period))?;
        let mut detection = self.decide(rows, judge.values(), calibration, rate);
        detection.warnings = self.warnings(&detection, calibration, rate);
        detection.summaries.push(summary);
        Ok(detection)
    }

    /// Turns scores into p-values that agree with the regions.
    fn decide(&self, rows: Scored, values: &[f64], calibration: &Calibration, rate: f64) -> Detection {
        let judged: Vec<bool> = self.scored.clone().map(|position| position >= self.judged_from).collect();
        let is_outside =
            |&position: &usize| position >= self.judged_from && rows.is_outside(position, values[position]);
        let is_anomaly: Vec<bool> = self.scored.clone().map(|position| is_outside(&position)).collect();
        let threshold_surprisals = (0..).step_by(rows.stride).zip(rows.edge_surprisal).collect();
        let mut p_value = rows.score;
        p_value.par_iter_mut().zip(&judged).zip(&is_anomaly).with_min_len(1 << 12).for_each(|((p, judged), alarm)| {
            let calibrated = if *judged { calibration.p_value(*p) } else { f64::NAN };
            *p = agreeing(calibrated, *alarm, rate);
        });
        Detection {
            expected: rows.expected,
            lo: rows.lo,
            hi: rows.hi,
            surprisal: rows.surprisal,
            p_value,
            is_anomaly,
            judged,
            threshold_surprisals,
            calibration_rows: calibration.rows(),
            summaries: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn warnings(&self, detection: &Detection, calibration: &Calibration, rate: f64) -> Vec<String> {
        let rows = calibration.rows();
        let mut warnings = Vec::new();
        if (detection.lo.iter().zip(&detection.judged)).all(|(lo, judged)| !judged || lo.is_nan()) {
            warnings.push("no judged row has a spread to be judged by: no alarms".to_owned());
        } else if rows == 0 {
            warnings.push("no held-out row checks the false-alarm rate: it is the model's own".to_owned());
        } else if !calibration.is_empirical() {
            let few = too_few(rows, "held-out row", " to check the false-alarm rate on");
            warnings.push(format!("{few} (at least {FEWEST_ROWS}): it is the model's own"));
        } else if rate * (rows as f64) < 1.0 {
            warnings.push(format!(
                "a false-alarm rate of {rate} is below one in {rows} held-out rows: it rests on an extrapolated tail"
            ));
        }
        warnings.iter().map(|warning| format!("{}{warning}", self.name)).collect()
    }

    /// The answer for training rows that are all the same: there is no spread that a value could leave.
    fn without_alarms(&self, constant: f64) -> Detection {
        let n = self.scored.len();
        let nan = || vec![f64::NAN; n];
        Detection {
            expected: vec![constant; n],
            lo: nan(),
            hi: nan(),
            surprisal: nan(),
            p_value: nan(),
            is_anomaly: vec![false; n],
            judged: self.scored.clone().map(|position| position >= self.judged_from).collect(),
            threshold_surprisals: Vec::new(),
            calibration_rows: 0,
            summaries: vec![Summary {
                name: "Constant".to_owned(),
                description: format!("constant {constant}, nothing to fit"),
                ..Summary::default()
            }],
            warnings: vec![format!(
                "{}the training rows are constant ({constant}), so nothing tells an unusual value: no alarms",
                self.name
            )],
        }
    }
}

/// The calibration of held-out rows whose lags are clipped as those of judged rows will be. Clipping depends on the
/// threshold and the threshold on the calibration, hence the repetition.
fn calibrate(judge: &Judge<'_>, rows: Range<usize>, rate: f64, clip_limit: usize) -> Result<Calibration> {
    let mut scored = judge.score(rows.clone(), rate)?;
    let unclipped = scored.score.clone();
    let mut calibration = Calibration::new(unclipped.clone());
    for _ in 0..CLIPPED_PASSES {
        let outside = (-calibration.threshold(rate)).exp();
        scored.score.copy_from_slice(&unclipped);
        judge.replace_regions(&mut scored, outside)?;
        judge.clip_lags(&mut scored, rows.start, outside, clip_limit)?;
        calibration = Calibration::new(scored.score.clone());
    }
    Ok(calibration)
}

/// For how many rows the lags may be clipped after an alarm.
fn clip_limit(model: &dyn Autoregressive, period: usize) -> usize {
    if period > 1 { period } else { model.memory().unwrap_or(1).clamp(1, MOST_CLIPPED) }
}

/// The p-value on the side of the rate on which its row lies; the two are rounded differently.
fn agreeing(p: f64, is_anomaly: bool, rate: f64) -> f64 {
    match is_anomaly {
        true if p >= rate => rate.next_down(),
        false if p < rate => rate,
        _ => p,
    }
}

/// The only value of a slice, if there is only one.
fn constant_of(values: &[f64]) -> Result<Option<f64>> {
    let mut known = values.iter().copied().filter(|x| !x.is_nan());
    let Some(first) = known.next() else {
        return Err(Error::data("no value of the rows to fit to is known")
            .expected("values among the first three quarters of the training rows")
            .hint("give more training rows"));
    };
    Ok(known.all(|x| x == first).then_some(first))
}

/// The halves put together; their fits in the order of their training rows, the second's judge first.
fn joined(mut first: Detection, second: Detection) -> Detection {
    let rows = first.expected.len();
    first
        .threshold_surprisals
        .extend(second.threshold_surprisals.into_iter().map(|(row, surprisal)| (rows + row, surprisal)));
    first.expected.extend(second.expected);
    first.lo.extend(second.lo);
    first.hi.extend(second.hi);
    first.surprisal.extend(second.surprisal);
    first.p_value.extend(second.p_value);
    first.is_anomaly.extend(second.is_anomaly);
    first.judged.extend(second.judged);
    first.calibration_rows = first.calibration_rows.min(second.calibration_rows);
    first.summaries.splice(0..0, second.summaries);
    first.warnings.extend(second.warnings);
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::batch::{Batch, Covariates, Rows as CovariateRows};
    use crate::error::ErrorKind;
    use crate::math::random::LaneRng;
    use crate::model::naive::Naive;
    use crate::model::transformed::{Differences, Seasonal, Transform, Transformed};
    use crate::model::{Fit, Running, Session};
    use crate::predictive::{Family, Link, Predictive};

    const PHI: [f64; 2] = [0.5, 0.3];

    /// x_t = 0.5 x_{t-1} + 0.3 x_{t-2} + sd e_t for one lane, not fitted to anything.
    #[derive(Debug, Clone, Copy)]
    struct Ar2 {
        sd: f64,
        remembers_all: bool,
    }

    #[derive(Debug, Clone)]
    struct Ar2Session<'m> {
        model: &'m Ar2,
        lags: [f64; 2],
    }

    impl Autoregressive for Ar2 {
        fn family(&self) -> Family {
            Family::Gaussian
        }

        fn memory(&self) -> Option<usize> {
            (!self.remembers_all).then_some(2)
        }

        fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
            let mut session = Ar2Session { model: self, lags: [f64::NAN; 2] };
            (0..context.steps()).for_each(|t| session.observe(context.row(t)));
            Ok(Box::new(session))
        }
    }

    impl<'m> Session<'m> for Ar2Session<'m> {
        fn lanes(&self) -> usize {
            1
        }

        fn conditional(&mut self, _known: CovariateRows<'_>, out: &mut Predictive) {
            let mean = PHI[0] * self.lags[0] + PHI[1] * self.lags[1];
            out.set(0, &[if mean.is_nan() { 0.0 } else { mean }, self.model.sd], !mean.is_nan());
        }

        fn observe(&mut self, x: &[f64]) {
            self.lags = [x[0], self.lags[0]];
        }

        fn fork(&self, _parents: &[usize]) -> Running<'m> {
            Box::new(self.clone())
        }
    }

    fn simulate(n: usize, seed: u64, noise: impl Fn(&mut LaneRng) -> f64) -> Vec<f64> {
        let mut rng = LaneRng::new(seed, 0);
        let mut x = vec![0.0, 0.0];
        for t in 2..n {
            x.push(PHI[0] * x[t - 1] + PHI[1] * x[t - 2] + noise(&mut rng));
        }
        x
    }

    fn options(training: Training, false_alarm_rate: f64) -> DetectOptions {
        DetectOptions { training, false_alarm_rate, period: 1 }
    }

    fn detect_ar2(x: &[f64], model: Ar2, options: &DetectOptions) -> Detection {
        let fit = |_: &Series| Ok((Box::new(model) as Box<dyn Autoregressive>, Summary::default()));
        detect(&Series::new("", x.to_vec()), &fit, options).expect("a detection")
    }

    const AR2: Ar2 = Ar2 { sd: 1.0, remembers_all: false };

    fn fit_naive(naive: Naive) -> impl Fn(&Series) -> Result<(Box<dyn Autoregressive>, Summary)> {
        move |train| {
            let fitted = naive.fit(std::slice::from_ref(train))?;
            Ok((Box::new(fitted.model) as Box<dyn Autoregressive>, fitted.summary))
        }
    }

    /// The share of alarms among rows without anomaly, over several series.
    fn realised_rate(rate: f64, noise: impl Fn(&mut LaneRng) -> f64) -> f64 {
        const SERIES: u64 = 5;
        const JUDGED: usize = 4000;
        let alarms = (0..SERIES).map(|seed| {
            let x = simulate(8000 + JUDGED, seed, &noise);
            let detection = detect_ar2(&x, AR2, &options(Training::Rows(8000), rate));
            detection.is_anomaly.iter().filter(|alarm| **alarm).count()
        });
        alarms.sum::<usize>() as f64 / (SERIES as usize * JUDGED) as f64
    }

    #[test]
    fn the_false_alarm_rate_is_the_one_asked_for() {
        // 200 alarms expected; their standard error, calibration included, is about 11 % of that.
        for rate in [realised_rate(0.01, LaneRng::normal), realised_rate(0.01, |rng| rng.student_t(3.0))] {
            assert!((rate / 0.01 - 1.0).abs() < 0.3, "{rate}");
        }
    }

    #[test]
    fn a_spread_that_the_model_gets_wrong_does_not_shift_the_rate() {
        let x = simulate(12_000, 7, LaneRng::normal);
        let right = detect_ar2(&x, AR2, &options(Training::Rows(8000), 0.02));
        let wrong = detect_ar2(&x, Ar2 { sd: 0.4, ..AR2 }, &options(Training::Rows(8000), 0.02));
        let differ = right.is_anomaly.iter().zip(&wrong.is_anomaly).filter(|(a, b)| a != b).count();
        assert!(differ <= 4, "{differ}");
        let width = |detection: &Detection| detection.hi[9000] - detection.lo[9000];
        assert!((width(&wrong) / width(&right) - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_spike_is_one_alarm() {
        let mut x = simulate(2000, 1, LaneRng::normal);
        x[1500] += 25.0;
        let detection = detect_ar2(&x, AR2, &options(Training::Rows(1000), 0.001));
        let near: Vec<usize> = (1490..1520).filter(|&t| detection.is_anomaly[t]).collect();
        assert_eq!(near, [1500]);
        assert!(detection.events().contains(&Event { start: 1500, end: 1501, peak: 1500 }));
        // The surprisal is not spared the echo: it is that of the true past.
        let echo = x[1501] - PHI[0] * x[1500] - PHI[1] * x[1499];
        assert!((detection.surprisal[1501] - 0.5 * (echo * echo + std::f64::consts::TAU.ln())).abs() < 1e-9);
    }

    #[test]
    fn a_new_level_is_flagged_and_then_learned() {
        let mut rng = LaneRng::new(2, 0);
        let mut level = 0.0;
        let steps = (0..1000).map(|t| rng.normal() + if t == 800 { 200.0 } else { 0.0 });
        let x: Vec<f64> = steps
            .map(|step| {
                level += step;
                level
            })
            .collect();
        let fit = fit_naive(Naive::RandomWalk { drift: false });
        let detection = detect(&Series::new("", x), &fit, &options(Training::Rows(600), 1e-3)).expect("a detection");
        let near: Vec<usize> = (790..820).filter(|&t| detection.is_anomaly[t]).collect();
        assert_eq!(near, [800, 801], "the jump, and the row whose lag was clipped");
    }

    #[test]
    fn lags_stay_clipped_for_at_most_one_period() {
        let mut rng = LaneRng::new(5, 0);
        let mut x: Vec<f64> = (0..800).map(|_| rng.normal()).collect();
        x[600..].iter_mut().for_each(|x| *x += 100.0);
        let series = Series::new("", x);
        let asked = DetectOptions { training: Training::Rows(400), false_alarm_rate: 1e-3, period: 12 };
        let detection = detect(&series, &fit_naive(Naive::RandomWalk { drift: false }), &asked).expect("a detection");
        // Twelve rows against clipped lags, one whose lag was still clipped, then the new level is known.
        assert_eq!(detection.events(), [Event { start: 600, end: 613, peak: detection.events()[0].peak }]);
    }

    #[test]
    fn alarms_are_exactly_the_judged_rows_outside() {
        let mut x = simulate(3000, 3, |rng| rng.student_t(2.0));
        x[2000] = f64::NAN;
        for training in [Training::Rows(1000), Training::Halves] {
            let detection = detect_ar2(&x, AR2, &options(training, 0.02));
            assert!(detection.is_anomaly.iter().any(|alarm| *alarm));
            for (t, &value) in x.iter().enumerate() {
                let outside = value < detection.lo[t] || value > detection.hi[t];
                assert_eq!(detection.is_anomaly[t], detection.judged[t] && outside, "row {t}");
                assert_eq!(detection.is_anomaly[t], detection.p_value[t] < 0.02, "row {t}");
            }
        }
    }

    #[test]
    fn a_missing_value_is_a_missing_score() {
        let mut x = simulate(600, 4, LaneRng::normal);
        x[500] = f64::NAN;
        let detection = detect_ar2(&x, AR2, &options(Training::Rows(400), 0.01));
        assert!(detection.expected[500].is_finite() && detection.surprisal[500].is_nan());
        assert!(detection.p_value[500..503].iter().all(|p| p.is_nan()) && detection.p_value[503].is_finite());
        assert!(!detection.is_anomaly[500..503].iter().any(|alarm| *alarm));
        let training = |column: &[f64]| column[2..400].iter().all(|x| x.is_finite());
        assert!(training(&detection.surprisal) && training(&detection.lo) && !training(&detection.p_value));
    }

    #[test]
    fn constant_training_rows_give_no_alarms_and_say_why() {
        let mut x = vec![5.0; 60];
        x[50] = 9.0;
        let fit = fit_naive(Naive::Mean);
        let detection = detect(&Series::new("", x), &fit, &options(Training::Rows(40), 0.01)).expect("a detection");
        assert!(!detection.is_anomaly.contains(&true));
        assert!(detection.warnings[0].contains("constant (5)"), "{:?}", detection.warnings);
        // No spread of another kind: a season without error.
        let x: Vec<f64> = (0..60).map(|t| f64::from(t % 4)).collect();
        let fit = fit_naive(Naive::Seasonal { period: 4 });
        let detection = detect(&Series::new("", x), &fit, &options(Training::Rows(40), 0.01)).expect("a detection");
        assert!(!detection.is_anomaly.contains(&true));
        assert!(detection.warnings[0].contains("no alarms"), "{:?}", detection.warnings);
    }

    #[test]
    fn halves_are_judged_by_each_other() {
        let x = simulate(1001, 5, LaneRng::normal);
        let detection = detect_ar2(&x, AR2, &options(Training::Halves, 0.01));
        assert!(detection.judged.iter().all(|judged| *judged));
        assert!(detection.p_value[..2].iter().all(|p| p.is_nan()), "the first half has no past");
        assert!(detection.p_value[2..].iter().all(|p| p.is_finite()), "the second half has");
        assert_eq!(detection.calibration_rows, 125);
        // The second half is judged as if the first had been named as training rows.
        let named = detect_ar2(&x, AR2, &options(Training::Rows(500), 0.01));
        assert_eq!(detection.p_value[500..], named.p_value[500..]);
        assert_eq!(detection.lo[500..], named.lo[500..]);
    }

    #[test]
    fn seasonal_factors_continue_before_the_first_training_row() {
        let factors = [0.0, 10.0, 20.0];
        let mut rng = LaneRng::new(6, 0);
        let x: Vec<f64> = (0..400).map(|t| factors[t % 3] + rng.normal()).collect();
        let fit = |train: &Series| {
            // The second half begins at row 200, in phase 2.
            let first = if train.values()[0] > 15.0 { [20.0, 0.0, 10.0] } else { factors };
            let transform = Transform::new(Seasonal::Additive(first.to_vec()), Link::Identity, Differences::none())?;
            let fitted = Transformed::fit(&Naive::Mean, transform, std::slice::from_ref(train))?;
            Ok((Box::new(fitted.model) as Box<dyn Autoregressive>, fitted.summary))
        };
        let detection = detect(&Series::new("", x), &fit, &options(Training::Halves, 0.01)).expect("a detection");
        assert!(detection.expected.iter().enumerate().all(|(t, mean)| (mean - factors[t % 3]).abs() < 1.0));
    }

    #[test]
    fn a_value_outside_the_domain_is_an_anomaly_and_does_not_stop_the_rest() {
        let mut x: Vec<f64> = simulate(400, 8, |rng| 0.1 * rng.normal()).iter().map(|x| x.exp()).collect();
        x[300] = -1.0;
        let fit = |train: &Series| {
            let transform = Transform::new(Seasonal::None, Link::Log, Differences::new(1, 0, 1))?;
            let fitted = Transformed::fit(&Naive::Mean, transform, std::slice::from_ref(train))?;
            Ok((Box::new(fitted.model) as Box<dyn Autoregressive>, fitted.summary))
        };
        let detection = detect(&Series::new("", x), &fit, &options(Training::Rows(200), 0.01)).expect("a detection");
        assert!(detection.is_anomaly[300] && detection.lo[300] > 0.0);
        assert!(detection.p_value[301].is_finite() && detection.surprisal[301].is_nan());
        assert!(detection.surprisal[302].is_finite());
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let x = simulate(50_000, 12, LaneRng::normal);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| format!("{:?}", detect_ar2(&x, AR2, &options(Training::Halves, 0.01))))
        };
        assert_eq!(with(1), with(3));
    }

    /// Judges row by row with one session, as the documentation says it.
    fn step_by_step(x: &[f64], detection: &Detection, training: usize, outside: f64, limit: usize) -> Vec<[f64; 3]> {
        let mut session = AR2.begin(&Batch::empty(&[0]), &Covariates::none()).expect("a session");
        let mut conditional = Predictive::new(Family::Gaussian, 1);
        let (mut start, mut last) = (None, 0);
        let mut rows = Vec::new();
        for (t, &value) in x.iter().enumerate() {
            session.conditional(CovariateRows::none(), &mut conditional);
            let row = conditional.row(0);
            let (lo, hi) = if conditional.is_defined(0) { row.accepted_region(outside) } else { (f64::NAN, f64::NAN) };
            let mut lag = value;
            if t >= training && (value < lo || value > hi) {
                assert!(detection.is_anomaly[t], "row {t}");
                start = start.filter(|_| t - last <= 3).or(Some(t));
                last = t;
                lag = if t - start.unwrap_or(t) < limit { value.clamp(lo, hi) } else { value };
            }
            session.observe(&[lag]);
            rows.push([if conditional.is_defined(0) { row.mean() } else { f64::NAN }, lo, hi]);
        }
        rows
    }

    #[test]
    fn blocks_equal_stepping_bit_for_bit() {
        let mut x = simulate(40_000, 9, |rng| rng.student_t(3.0));
        (20_000..20_040).for_each(|t| x[t] += 30.0);
        (30_000..30_500).step_by(7).for_each(|t| x[t] = f64::NAN);
        let asked = options(Training::Rows(10_000), 0.02);
        let detection = detect_ar2(&x, AR2, &asked);
        let series = Series::new("", x.clone());
        let judge = Judge::new(&AR2, &series, 0, 0);
        let calibration = calibrate(&judge, 7500..10_000, 0.02, 2).expect("a calibration");
        let outside = (-calibration.threshold(0.02)).exp();
        let stepped = step_by_step(&x, &detection, 10_000, outside, 2);
        for (t, [expected, lo, hi]) in stepped.into_iter().enumerate() {
            let bits = |x: f64| if x.is_nan() { 0 } else { x.to_bits() };
            assert_eq!(bits(detection.expected[t]), bits(expected), "row {t}");
            assert_eq!((bits(detection.lo[t]), bits(detection.hi[t])), (bits(lo), bits(hi)), "row {t}");
        }
        // A model that does not tell its memory is read in one block and stepped to the end: the same answer.
        let all = detect(
            &series,
            &|_| Ok((Box::new(Ar2 { sd: 1.0, remembers_all: true }) as Box<dyn Autoregressive>, Summary::default())),
            &DetectOptions { period: 2, ..asked },
        );
        let all = all.expect("a detection");
        assert_eq!(all.is_anomaly, detection.is_anomaly);
        assert_eq!(format!("{:?}", all.p_value), format!("{:?}", detection.p_value));
        assert_eq!(format!("{:?}", all.surprisal), format!("{:?}", detection.surprisal));
    }

    /// The rows whose surprisal is given the lags that the region was given, and has a threshold.
    fn comparable<'a>(x: &'a [f64], detection: &'a Detection) -> impl Iterator<Item = (usize, f64)> + 'a {
        let clipped = |t: usize| (detection.expected[t] - PHI[0] * x[t - 1] - PHI[1] * x[t - 2]).abs() > 1e-9;
        let known = move |&(t, edge): &(usize, f64)| edge.is_finite() && t >= 2 && detection.judged[t] && !clipped(t);
        detection.threshold_surprisals.iter().copied().filter(known)
    }

    #[test]
    fn alarms_are_the_rows_above_the_threshold_in_both_halves() {
        let mut x = simulate(1200, 10, LaneRng::normal);
        x[600..].iter_mut().for_each(|x| *x *= 4.0);
        let detection = detect_ar2(&x, AR2, &options(Training::Halves, 0.05));
        let (mut rows, mut alarms) = (0, 0);
        for (t, threshold) in comparable(&x, &detection) {
            assert_eq!(detection.is_anomaly[t], detection.surprisal[t] > threshold, "row {t}");
            rows += 1;
            alarms += usize::from(detection.is_anomaly[t]);
        }
        assert!(rows > 500 && alarms > 20, "{alarms} alarms in {rows} rows");
        let threshold = |t: usize| detection.threshold_surprisals[t].1;
        assert!(threshold(300) - threshold(900) > 3.0, "judged by the noisy half, and by the quiet one");
    }

    #[test]
    fn thresholds_of_a_long_series_are_few_and_evenly_spaced() {
        let x = simulate(50_001, 13, LaneRng::normal);
        let detection = detect_ar2(&x, AR2, &options(Training::Rows(10_000), 0.05));
        let rows: Vec<usize> = detection.threshold_surprisals.iter().map(|&(row, _)| row).collect();
        assert_eq!(rows, (0..50_001).step_by(16).collect::<Vec<_>>());
        assert!(comparable(&x, &detection).count() > 1000);
        for (t, threshold) in comparable(&x, &detection) {
            assert_eq!(detection.is_anomaly[t], detection.surprisal[t] > threshold, "row {t}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_an_error_and_what_cannot_be_confirmed_a_warning() {
        let x = simulate(100, 11, LaneRng::normal);
        let fit = fit_naive(Naive::Mean);
        let judge = |x: &[f64], training, rate| detect(&Series::new("", x.to_vec()), &fit, &options(training, rate));
        let kind = |result: Result<Detection>| result.expect_err("an error").kind();
        assert_eq!(kind(judge(&x, Training::Rows(100), 0.01)), ErrorKind::Usage);
        assert_eq!(kind(judge(&x, Training::Rows(50), 0.0)), ErrorKind::Usage);
        assert_eq!(kind(judge(&x, Training::Rows(7), 0.01)), ErrorKind::Data);
        assert_eq!(kind(judge(&x[..15], Training::Halves, 0.01)), ErrorKind::Data);
        assert_eq!(kind(judge(&[f64::NAN; 50], Training::Halves, 0.01)), ErrorKind::Data);
        let mut late = x.clone();
        late[..60].fill(f64::NAN);
        assert_eq!(kind(judge(&late, Training::Rows(70), 0.01)), ErrorKind::Data);
        let warned = |training, rate| judge(&x, training, rate).expect("a detection").warnings;
        assert_eq!(too_few(1, "row", ""), "1 row is too few");
        assert!(warned(Training::Rows(80), 0.01)[0].contains("below one in 20"));
        assert!(warned(Training::Rows(40), 0.1)[0].contains("too few to check"));
        assert!(warned(Training::Rows(80), 0.1).is_empty());
        assert!(warned(Training::Halves, 0.1)[1].starts_with("second half: "));
    }
}
