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

pub mod gaussian;
pub mod vector;

use crate::data::batch::{Batch, Covariates};
use crate::error::{Error, Result};
use crate::math::random::LaneRng;
use crate::model::{Autoregressive, Running};
use crate::predictive::{Distribution, Predictive};

/// How a conditional becomes the value that is fed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoding {
    /// The conditional mean. Every path of a lane is the same.
    Mean,
    /// A draw from the conditional: ancestral sampling, so that a path is a draw from the joint distribution.
    Sample,
}

impl Decoding {
    fn decode(self, conditional: &Distribution<'_>, rng: &mut LaneRng) -> f64 {
        match self {
            Self::Mean => conditional.mean(),
            Self::Sample => conditional.sample(rng),
        }
    }
}

/// What to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl Generation {
    /// One path of conditional means.
    #[must_use]
    pub fn mean(horizon: usize) -> Self {
        Self { horizon, paths: 1, decoding: Decoding::Mean, seed: 0, stream: 0 }
    }

    /// Sampled paths.
    #[must_use]
    pub fn sample(horizon: usize, paths: usize, seed: u64) -> Self {
        Self { horizon, paths, decoding: Decoding::Sample, seed, stream: 0 }
    }
}

/// Generated values, time-major: path i of context lane l is lane l * paths + i.
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    horizon: usize,
    lanes: usize,
    values: Vec<f64>,
    log_prob: Vec<f64>,
}

impl Paths {
    /// Places for values and log densities, all zero.
    fn empty(horizon: usize, lanes: usize) -> Self {
        Self { horizon, lanes, values: vec![0.0; horizon * lanes], log_prob: vec![0.0; lanes] }
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

    /// The value of every path at one step.
    #[must_use]
    pub fn step(&self, step: usize) -> &[f64] {
        &self.values[step * self.lanes..(step + 1) * self.lanes]
    }

    /// The values of one path.
    pub fn path(&self, lane: usize) -> impl ExactSizeIterator<Item = f64> + '_ {
        (0..self.horizon).map(move |step| self.values[step * self.lanes + lane])
    }

    /// The log density of each path under the model, ln p(x_{t+1..t+h} | x_<=t); NaN where a step's conditional is
    /// undefined (a context shorter than the lags).
    #[must_use]
    pub fn log_prob(&self) -> &[f64] {
        &self.log_prob
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
/// let mean = generate(&walk, &context, &Covariates::none(), Generation::mean(2))?;
/// assert_eq!(mean.path(0).collect::<Vec<_>>(), [9.0, 10.0]);
/// let draws = generate(&walk, &context, &Covariates::none(), Generation::sample(2, 100, 7))?;
/// assert_eq!(draws.lanes(), 100);
/// # Ok::<(), foretoken::Error>(())
/// ```
///
/// # Errors
/// If the model cannot read the context, covariates are not known over the horizon, or a value leaves the range of floating point numbers.
pub fn generate(model: &dyn Autoregressive, context: &Batch, known: &Covariates, what: Generation) -> Result<Paths> {
    known.check_reach(context.steps() + what.horizon)?;
    let parents: Vec<usize> = (0..context.lanes() * what.paths).map(|lane| lane / what.paths).collect();
    let lanes = parents.len();
    let read = context.steps() - context.unknown_end();
    let mut run = Run {
        session: model.begin(&context.before(read), known)?.fork(&parents),
        known: known.fork(read..context.steps() + what.horizon, &parents),
        step: 0,
        conditional: Predictive::new(model.family(), lanes),
        rngs: (0..lanes).map(|lane| stream_of(what, lane)).collect(),
        decoding: what.decoding,
        log_prob: vec![0.0; lanes],
    };
    for step in read..context.steps() {
        run.impute(context.row(step), &parents)?;
    }
    let mut values = vec![0.0; what.horizon * lanes];
    for (step, row) in values.chunks_exact_mut(lanes).enumerate() {
        run.decode(row);
        check_finite(row, step)?;
        run.observe(row);
    }
    Ok(Paths { horizon: what.horizon, lanes, values, log_prob: run.log_prob })
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
    log_prob: Vec<f64>,
}

impl Run<'_> {
    /// Chooses the next value of every path.
    fn decode(&mut self, row: &mut [f64]) {
        self.session.conditional(self.known.row(self.step), &mut self.conditional);
        for (lane, value) in row.iter_mut().enumerate() {
            let distribution = self.conditional.row(lane);
            *value = self.decoding.decode(&distribution, &mut self.rngs[lane]);
            self.log_prob[lane] +=
                if self.conditional.is_defined(lane) { distribution.log_prob(*value) } else { f64::NAN };
        }
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
            self.log_prob[lane] = f64::NAN;
        }
        check_finite(&row, 0)?;
        self.observe(&row);
        Ok(())
    }
}

fn stream_of(what: Generation, lane: usize) -> LaneRng {
    let series = u64::from(what.stream) + (lane / what.paths) as u64;
    LaneRng::new(what.seed, (series << 32) | (lane % what.paths) as u64)
}

pub(crate) fn check_finite(row: &[f64], step: usize) -> Result<()> {
    if row.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    Err(Error::numeric(format!("the forecast leaves the range of numbers at step {}", step + 1))
        .expected("a model that does not explode")
        .hint("use a shorter horizon, --transform none, or --estimator yule-walker, which is always stationary"))
}
