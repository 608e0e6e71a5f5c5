//! The one generation loop: conditional, choose a value, feed it back, repeat.
//!
//! ```text
//! begin(context) -> fork -> [ conditional -> decode -> observe ] x horizon
//! ```
//!
//! Every model generates through [`generate`]; how a conditional becomes a value is a [`Decoding`], when a path ends before
//! the horizon a [`Stop`]. A step costs one conditional and one observation for all lanes at once; memory is O(horizon x
//! lanes) for the result and whatever the session holds. What a path draws depends on the seed, its series and its number
//! alone, never on how many run beside it.

mod beam;
mod decoding;
pub mod gaussian;
pub mod scenario;
mod stop;
pub mod vector;

pub use decoding::{DEFAULT_BEAM_WIDTH, DEFAULT_TOP_K, DEFAULT_TOP_P, Decoding};
pub use scenario::{FixMode, Fixes, Scenario, generate_fixed};
pub use stop::{Condition, FirstPassage, Stop};

use std::ops::Range;

use self::decoding::Chooser;
use crate::data::batch::{Batch, Covariates};
use crate::error::{Error, Result};
use crate::math::normals::NormalStreams;
use crate::math::random::LaneRng;
use crate::model::{Autoregressive, Running};
use crate::predictive::{Family, Predictive};

/// What to generate.
#[derive(Debug, Clone)]
pub struct Generation {
    /// How many steps.
    pub horizon: usize,
    /// How many paths per lane of the context; one where the decoding [gives one](Decoding::gives_one_path).
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

impl Generation {
    /// How many paths every lane gets.
    #[must_use]
    pub fn paths_per_lane(&self) -> usize {
        if self.decoding.gives_one_path() { 1 } else { self.paths }
    }
}

/// Generated values, time-major: path i of context lane l is lane l * n + i, of n paths per lane.
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

/// A log density; NaN of a point mass, which has none.
fn of_density(log_density: f64) -> f64 {
    if log_density == f64::INFINITY { f64::NAN } else { log_density }
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

    /// The given paths, in the order in which they are named.
    fn gather(&self, lanes: &[usize]) -> Self {
        let of_lanes = |all: &[f64]| lanes.iter().map(|&lane| all[lane]).collect();
        Self {
            horizon: self.horizon,
            lanes: lanes.len(),
            values: (0..self.horizon).flat_map(|step| lanes.iter().map(move |&lane| self.step(step)[lane])).collect(),
            log_prob: of_lanes(&self.log_prob),
            log_q: of_lanes(&self.log_q),
            lens: lanes.iter().map(|&lane| self.lens[lane]).collect(),
            stopped: lanes.iter().map(|&lane| self.stopped[lane]).collect(),
        }
    }

    /// Paths that are whole, from their values, time-major, and their log densities.
    fn whole(horizon: usize, values: Vec<f64>, log_prob: Vec<f64>, log_q: Vec<f64>) -> Self {
        let lanes = log_prob.len();
        Self { horizon, lanes, values, log_prob, log_q, lens: vec![horizon; lanes], stopped: vec![false; lanes] }
    }

    /// Adds a value to every path, with the log density that it has under model and decoding alike.
    fn push_row(&mut self, row: &[f64], log_probs: &[f64]) {
        let step = self.lens.first().copied().unwrap_or_default();
        self.values[step * self.lanes..(step + 1) * self.lanes].copy_from_slice(row);
        self.lens.fill(step + 1);
        self.log_prob.iter_mut().zip(log_probs).for_each(|(sum, own)| *sum += own);
        self.log_q.iter_mut().zip(log_probs).for_each(|(sum, own)| *sum += of_density(*own));
    }

    /// Adds a value to a path, with its log densities under the model and under the decoding.
    fn push(&mut self, lane: usize, value: f64, [log_prob, log_q]: [f64; 2], stops: bool) {
        self.values[self.lens[lane] * self.lanes + lane] = value;
        self.lens[lane] += 1;
        self.log_prob[lane] += log_prob;
        self.log_q[lane] += of_density(log_q);
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

    /// The log density of each path under the decoding that chose it: the sum over its steps of what each value was drawn
    /// from, 0 where the past decides the value, of best-of-n that of the draw before the choice. NaN where values at the end
    /// of the context were drawn as well.
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
/// If the model cannot read the context, covariates are not known over the horizon, a decoding or a stopping rule has no meaning
/// for the model's family, or a value leaves the range of floating point numbers.
pub fn generate(model: &dyn Autoregressive, context: &Batch, known: &Covariates, what: &Generation) -> Result<Paths> {
    known.check_reach(context.steps() + what.horizon)?;
    what.stop.check(&model.family())?;
    match what.decoding {
        Decoding::Beam { width } => beam::search(model, context, known, what, width),
        _ => forward(model, context, known, what, None),
    }
}

/// The value that is fixed for a lane of the context at a step.
type Fixed<'a> = Option<&'a dyn Fn(usize, usize) -> Option<f64>>;

/// Generates step by step, from the first to the last.
fn forward(
    model: &dyn Autoregressive,
    context: &Batch,
    known: &Covariates,
    what: &Generation,
    fixed: Fixed<'_>,
) -> Result<Paths> {
    match what.decoding {
        Decoding::BestOf { n, temperature } => best_of(model, context, known, what, (n, temperature), fixed),
        _ => Ok(step_by_step(model, context, known, what, fixed)?.paths),
    }
}

fn step_by_step<'a>(
    model: &'a dyn Autoregressive,
    context: &Batch,
    known: &Covariates,
    what: &Generation,
    fixed: Fixed<'_>,
) -> Result<Run<'a>> {
    // From a Gaussian model as it is, nothing else is drawn than normals.
    let is_plain = fixed.is_none()
        && what.decoding == (Decoding::Sample { temperature: 1.0 })
        && matches!(what.stop, Stop::Never)
        && model.family() == Family::Gaussian
        && context.unknown_end() == 0;
    let per_lane = what.paths_per_lane();
    let lanes = context.lanes() * per_lane;
    let rngs = if is_plain { Vec::new() } else { (0..lanes).map(|lane| stream_of(what, lane)).collect() };
    let mut normals = is_plain.then(|| NormalStreams::new(what.seed, (0..lanes).map(|lane| stream_number(what, lane))));
    let mut run = Run::begin(model, context, known, what, rngs)?;
    let mut row = vec![f64::NAN; lanes];
    for step in 0..what.horizon {
        match (&mut normals, fixed) {
            (Some(normals), _) => run.draw(step, &mut row, normals.next())?,
            (None, Some(fixed)) => run.choose(step, &mut row, |lane| fixed(lane / per_lane, step))?,
            (None, None) => run.choose(step, &mut row, |_| None)?,
        }
        if run.has_ended() {
            break;
        }
        run.observe(&row);
    }
    Ok(run)
}

/// Draws n paths of every lane and keeps the densest.
fn best_of(
    model: &dyn Autoregressive,
    context: &Batch,
    known: &Covariates,
    what: &Generation,
    (n, temperature): (usize, f64),
    fixed: Fixed<'_>,
) -> Result<Paths> {
    let drawn = Generation { paths: n, decoding: Decoding::Sample { temperature }, ..what.clone() };
    let run = step_by_step(model, context, known, &drawn, fixed)?;
    let ranking = |lane: usize| what.stop.ranking(run.scores[lane], run.paths.len(lane));
    let best = |lanes: Range<usize>| lanes.reduce(|a, b| if ranking(b) > ranking(a) { b } else { a });
    let chosen: Vec<usize> = (0..context.lanes()).filter_map(|lane| best(lane * n..(lane + 1) * n)).collect();
    Ok(run.paths.gather(&chosen))
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
    chooser: Chooser,
    stop: Stop,
    paths: Paths,
    /// The log density of each path so far, that of undefined rows included: what ranks paths.
    scores: Vec<f64>,
    /// Scratch: the log density of each path's next value.
    own: Vec<f64>,
}

impl<'a> Run<'a> {
    /// Stands at the first step ahead.
    fn begin(
        model: &'a dyn Autoregressive,
        context: &Batch,
        known: &Covariates,
        what: &Generation,
        rngs: Vec<LaneRng>,
    ) -> Result<Self> {
        let per_lane = what.paths_per_lane();
        if per_lane == 0 {
            return Err(Error::usage("0 paths are nothing to generate").expected("1 or more"));
        }
        let parents: Vec<usize> = (0..context.lanes() * per_lane).map(|lane| lane / per_lane).collect();
        let lanes = parents.len();
        let read = context.steps() - context.unknown_end();
        let mut run = Self {
            session: model.begin(&context.before(read), known)?.fork(&parents),
            known: known.fork(read..context.steps() + what.horizon, &parents),
            step: 0,
            conditional: Predictive::new(model.family(), lanes),
            rngs,
            chooser: Chooser::of(what.decoding, &model.family())?,
            stop: what.stop.clone(),
            paths: Paths::empty(what.horizon, lanes),
            scores: vec![0.0; lanes],
            own: vec![0.0; lanes],
        };
        for step in read..context.steps() {
            run.impute(context.row(step), &parents)?;
        }
        Ok(run)
    }

    /// Draws the next value of every path from its normal: what [`choose`](Self::choose) would draw, all at once.
    fn draw(&mut self, step: usize, row: &mut [f64], normals: &[f64]) -> Result<()> {
        self.session.conditional(self.known.row(self.step), &mut self.conditional);
        self.conditional.draw_normals(normals, row, &mut self.own);
        check_finite(row, step)?;
        self.scores.iter_mut().zip(&self.own).for_each(|(score, own)| *score += own);
        self.paths.push_row(row, &self.own);
        if !self.conditional.all_defined() {
            let undefined = (0..row.len()).filter(|&lane| !self.conditional.is_defined(lane));
            undefined.for_each(|lane| self.paths.log_prob[lane] = f64::NAN);
        }
        Ok(())
    }

    /// Chooses the next value of every path where it is not fixed; one that has stopped keeps its last. A fixed value is
    /// none of the decoding's choices: it counts for `log_prob` alone.
    fn choose(&mut self, step: usize, row: &mut [f64], fixed: impl Fn(usize) -> Option<f64>) -> Result<()> {
        self.session.conditional(self.known.row(self.step), &mut self.conditional);
        for (lane, value) in row.iter_mut().enumerate() {
            if !self.paths.stopped[lane] {
                *value = self.choose_one(step, lane, fixed(lane))?;
            }
        }
        check_finite(row, step)
    }

    fn choose_one(&mut self, step: usize, lane: usize, fixed: Option<f64>) -> Result<f64> {
        let row = self.conditional.row(lane);
        let (value, log_q) = match fixed {
            Some(value) => {
                scenario::check_possible(&row, value, step)?;
                (value, Some(0.0))
            }
            None => self.chooser.choose(&row, &mut self.rngs[lane])?,
        };
        let score = row.log_prob(value);
        let log_prob = if self.conditional.is_defined(lane) { score } else { f64::NAN };
        self.scores[lane] += score;
        self.paths.push(lane, value, [log_prob, log_q.unwrap_or(score)], self.stop.is_after(step, value, &row));
        Ok(value)
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
            *value = self.chooser.choose(&self.conditional.row(lane), &mut self.rngs[lane])?.0;
            self.paths.log_prob[lane] = f64::NAN;
            if !matches!(self.chooser, Chooser::Fixed(_)) {
                self.paths.log_q[lane] = f64::NAN;
            }
        }
        check_finite(&row, 0)?;
        self.observe(&row);
        Ok(())
    }
}

/// The number of a path's random stream, and whether it is mirrored: with antithetic draws an odd path mirrors the one
/// before it.
fn stream_number(what: &Generation, lane: usize) -> (u64, bool) {
    let per_lane = what.paths_per_lane();
    let (series, path) = (u64::from(what.stream) + (lane / per_lane) as u64, lane % per_lane);
    let is_mirror = what.antithetic && path % 2 == 1;
    ((series << 32) | (path - usize::from(is_mirror)) as u64, is_mirror)
}

/// The random stream of a path.
fn stream_of(what: &Generation, lane: usize) -> LaneRng {
    let (number, is_mirror) = stream_number(what, lane);
    let rng = LaneRng::new(what.seed, number);
    if is_mirror { rng.mirrored() } else { rng }
}

pub(crate) fn check_finite(row: &[f64], step: usize) -> Result<()> {
    if row.iter().fold(true, |finite, value| finite & value.is_finite()) {
        return Ok(());
    }
    Err(Error::numeric(format!("the forecast leaves the range of numbers at step {}", step + 1))
        .expected("a model that does not explode")
        .hint(
            "use a shorter horizon, --transform none, another --seed or --head of a network, or for ar \
                   --estimator yule-walker, which is always stationary",
        ))
}
