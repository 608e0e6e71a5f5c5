//! The one generation loop: conditional, choose a value, feed it back, repeat.
//!
//! ```text
//! begin(context) -> fork -> [ conditional -> decode -> observe ] x horizon
//! ```
//!
//! Every model generates through [`generate`]; how a conditional becomes a value is a [`Decoding`]. A step costs one
//! conditional and one observation for all lanes at once; memory is O(horizon x lanes) for the result and whatever the
//! session holds. What a path draws depends on the seed, its series and its number alone, never on how many run
//! beside it.

mod stop;
pub mod vector;

pub use stop::{Condition, Stop};

use crate::data::batch::{Batch, Covariates};
use crate::error::{Error, Result};
use crate::math::random::LaneRng;
use crate::model::{Autoregressive, Running};
use crate::predictive::{Distribution, Predictive};

/// How a conditional becomes the value that is fed back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decoding {
    /// The conditional mean. Every path of a lane is the same.
    Mean,
    /// The conditional median. Every path of a lane is the same.
    Median,
    /// A draw from the conditional: ancestral sampling, so that a path is a draw from the joint distribution.
    Sample {
        /// 1 is the model itself.
        temperature: f64,
    },
}

impl Decoding {
    fn decode(self, conditional: &Distribution<'_>, rng: &mut LaneRng) -> f64 {
        match self {
            Self::Mean => conditional.mean(),
            Self::Median => conditional.median(),
            Self::Sample { .. } => conditional.sample(rng),
        }
    }
}

/// What to generate.
#[derive(Debug, Clone)]
pub struct Generation {
    /// How many steps.
    pub horizon: usize,
    /// How many paths per lane of the context.
    pub paths: usize,
    /// How a conditional becomes a value.
    pub decoding: Decoding,
    /// The seed of all random streams.
    pub seed: u64,
    /// The number of the first lane's series: series of one run differ in it, so that they do not share their noise.
    pub stream: u32,
    /// Whether every odd path mirrors the draws of the one before it, which makes averages over paths more exact.
    pub antithetic: bool,
    /// What ends a path before the horizon.
    pub stop: Stop,
}

impl Generation {
    /// One path of conditional means.
    #[must_use]
    pub fn mean(horizon: usize) -> Self {
        Self { paths: 1, decoding: Decoding::Mean, ..Self::sample(horizon, 1, 0) }
    }

    /// Sampled paths.
    #[must_use]
    pub fn sample(horizon: usize, paths: usize, seed: u64) -> Self {
        let decoding = Decoding::Sample { temperature: 1.0 };
        Self { horizon, paths, decoding, seed, stream: 0, antithetic: false, stop: Stop::Never }
    }
}

/// Generated values, time-major: path i of context lane l is lane l * paths + i.
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    horizon: usize,
    lanes: usize,
    values: Vec<f64>,
    log_prob: Vec<f64>,
    log_q: Vec<f64>,
    /// How many steps each path has, its last one included.
    lens: Vec<usize>,
    stopped: Vec<bool>,
}

impl Paths {
    /// Places for paths of which nothing is known yet.
    fn empty(horizon: usize, lanes: usize) -> Self {
        Self {
            horizon,
            lanes,
            values: vec![f64::NAN; horizon * lanes],
            log_prob: vec![0.0; lanes],
            log_q: vec![0.0; lanes],
            lens: vec![0; lanes],
            stopped: vec![false; lanes],
        }
    }

    /// Adds a value to a path, with its log densities under the model and under the decoding.
    fn push(&mut self, lane: usize, value: f64, [log_prob, log_q]: [f64; 2], stops: bool) {
        self.values[self.lens[lane] * self.lanes + lane] = value;
        self.lens[lane] += 1;
        self.log_prob[lane] += log_prob;
        self.log_q[lane] += log_q;
        self.stopped[lane] = stops;
    }

    /// The number of steps.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// The number of paths of all context lanes together.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// The value of every path at one step; NaN where it has stopped before.
    #[must_use]
    pub fn step(&self, step: usize) -> &[f64] {
        &self.values[step * self.lanes..(step + 1) * self.lanes]
    }

    /// The values of one path; NaN after it has stopped.
    pub fn path(&self, lane: usize) -> impl ExactSizeIterator<Item = f64> + '_ {
        (0..self.horizon).map(move |step| self.values[step * self.lanes + lane])
    }

    /// The log density of each path under the model, ln p(x_{t+1..t+h} | x_<=t); NaN where a step's conditional is
    /// undefined (a context shorter than the lags).
    #[must_use]
    pub fn log_prob(&self) -> &[f64] {
        &self.log_prob
    }

    /// The log density of each path under the decoding that chose it.
    #[must_use]
    pub fn log_q(&self) -> &[f64] {
        &self.log_q
    }

    /// How many values a path has: the horizon, or the steps until it stopped, the last value included.
    #[must_use]
    pub fn len(&self, lane: usize) -> usize {
        self.lens[lane]
    }

    /// Whether a path stopped by its rule, be it at the last step.
    #[must_use]
    pub fn stopped(&self, lane: usize) -> bool {
        self.stopped[lane]
    }
}

/// Generates paths that continue every lane of a context. `known` starts at the first step of the context and must
/// reach over the horizon where the model uses covariates. Values that are missing at the end of a lane are drawn as
/// well, so that the spread of a path is that of its true distance from the last known value.
///
/// ```
/// use foretoken::generate::{Generation, generate};
/// use foretoken::model::naive::Naive;
/// use foretoken::{Batch, Covariates, Fit, Series};
///
/// let history = vec![5.0, 7.0, 6.0, 8.0];
/// let walk = Naive::RandomWalk { drift: true }.fit(&[Series::new("", history.clone())])?.model;
/// let context = Batch::single(&history, 0);
/// let mean = generate(&walk, &context, &Covariates::none(), &Generation::mean(2))?;
/// assert_eq!(mean.path(0).collect::<Vec<_>>(), [9.0, 10.0]);
/// let draws = generate(&walk, &context, &Covariates::none(), &Generation::sample(2, 100, 7))?;
/// assert_eq!(draws.lanes(), 100);
/// # Ok::<(), foretoken::Error>(())
/// ```
///
/// # Errors
/// If the model cannot read the context, covariates are not known over the horizon, or a value leaves the range of floating point numbers.
pub fn generate(model: &dyn Autoregressive, context: &Batch, known: &Covariates, what: &Generation) -> Result<Paths> {
    let mut run = Run::begin(model, context, known, what)?;
    let mut row = vec![f64::NAN; run.paths.lanes];
    for step in 0..what.horizon {
        run.choose(step, &mut row, |_| None)?;
        if run.has_ended() {
            break;
        }
        run.observe(&row);
    }
    Ok(run.paths)
}

/// Paths on their way.
struct Run<'a> {
    session: Running<'a>,
    /// The covariates of every path, from the first unknown step on.
    known: Covariates,
    /// The step that comes next, counted alike.
    step: usize,
    conditional: Predictive,
    rngs: Vec<LaneRng>,
    decoding: Decoding,
    stop: Stop,
    paths: Paths,
}

impl<'a> Run<'a> {
    /// Stands at the first step ahead.
    fn begin(model: &'a dyn Autoregressive, context: &Batch, known: &Covariates, what: &Generation) -> Result<Self> {
        known.check_reach(context.steps() + what.horizon)?;
        what.stop.check(&model.family())?;
        let parents: Vec<usize> = (0..context.lanes() * what.paths).map(|lane| lane / what.paths).collect();
        let lanes = parents.len();
        let read = context.steps() - context.unknown_end();
        let mut run = Self {
            session: model.begin(&context.before(read), known)?.fork(&parents),
            known: known.fork(read..context.steps() + what.horizon, &parents),
            step: 0,
            conditional: Predictive::new(model.family(), lanes),
            rngs: (0..lanes).map(|lane| stream_of(what, lane)).collect(),
            decoding: what.decoding,
            stop: what.stop.clone(),
            paths: Paths::empty(what.horizon, lanes),
        };
        for step in read..context.steps() {
            run.impute(context.row(step), &parents)?;
        }
        Ok(run)
    }

    /// Chooses the next value of every path where it is not fixed; one that has stopped keeps its last. A fixed value is
    /// none of the decoding's choices: it counts for `log_prob` alone.
    fn choose(&mut self, step: usize, row: &mut [f64], fixed: impl Fn(usize) -> Option<f64>) -> Result<()> {
        self.session.conditional(self.known.row(self.step), &mut self.conditional);
        for (lane, value) in row.iter_mut().enumerate() {
            if !self.paths.stopped[lane] {
                *value = self.choose_one(step, lane, fixed(lane));
            }
        }
        check_finite(row, step)
    }

    fn choose_one(&mut self, step: usize, lane: usize, fixed: Option<f64>) -> f64 {
        let distribution = self.conditional.row(lane);
        let value = fixed.unwrap_or_else(|| self.decoding.decode(&distribution, &mut self.rngs[lane]));
        let log_prob = if self.conditional.is_defined(lane) { distribution.log_prob(value) } else { f64::NAN };
        let is_drawn = fixed.is_none() && matches!(self.decoding, Decoding::Sample { .. });
        let log_q = if is_drawn { log_prob } else { 0.0 };
        let stops = self.stop.is_after(step, value, &distribution);
        self.paths.push(lane, value, [log_prob, log_q], stops);
        value
    }

    fn has_ended(&self) -> bool {
        self.paths.stopped.iter().all(|stopped| *stopped)
    }

    fn observe(&mut self, row: &[f64]) {
        self.session.observe(row);
        self.step += 1;
    }

    /// Moves over a step of the context: where its value is missing, every path chooses one of its own. What follows has
    /// no density given the known values alone.
    fn impute(&mut self, context: &[f64], parents: &[usize]) -> Result<()> {
        self.session.conditional(self.known.row(self.step), &mut self.conditional);
        let mut row: Vec<f64> = parents.iter().map(|&lane| context[lane]).collect();
        for (lane, value) in row.iter_mut().enumerate().filter(|(_, value)| value.is_nan()) {
            *value = self.decoding.decode(&self.conditional.row(lane), &mut self.rngs[lane]);
            self.paths.log_prob[lane] = f64::NAN;
            self.paths.log_q[lane] = f64::NAN;
        }
        check_finite(&row, 0)?;
        self.observe(&row);
        Ok(())
    }
}

/// The random stream of a path: with antithetic draws an odd one mirrors that of the path before it.
fn stream_of(what: &Generation, lane: usize) -> LaneRng {
    let series = u64::from(what.stream) + (lane / what.paths) as u64;
    let path = lane % what.paths;
    let is_mirror = what.antithetic && path % 2 == 1;
    let rng = LaneRng::new(what.seed, (series << 32) | (path - usize::from(is_mirror)) as u64);
    if is_mirror { rng.mirrored() } else { rng }
}

pub(crate) fn check_finite(row: &[f64], step: usize) -> Result<()> {
    if row.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(Error::numeric(format!("the forecast leaves the range of numbers at step {}", step + 1))
        .expected("a model that does not explode")
        .hint("use a shorter horizon, --transform none, or --estimator yule-walker, which is always stationary"))
}
