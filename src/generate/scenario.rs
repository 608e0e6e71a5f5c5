//! Generation with fixed values at some future steps: "what if March is 500?"
//!
//! ```text
//! condition   draws from p(x_{t+1..t+h} | x_<=t, x_F = v): news about March is news about February too
//! intervene   x_F is set to v: earlier steps are what they were, later ones follow from v
//! ```
//!
//! **Conditioning** is exact where the joint of the next values is Gaussian before the outer map
//! ([`gaussian`](super::gaussian)). Any other model is conditioned by particles: the bootstrap filter (Gordon, Salmond
//! and Smith 1993, *IEE Proc. F* 140, p. 108) draws N = max(paths, 1000) paths step by step, weighs them at a fixed step by
//! the density of its value and resamples them systematically (Kitagawa 1996, *J. Comp. Graph. Stat.* 5, p. 12), which for
//! a session is a fork. The effective sample size 1 / sum w^2 says how many of the paths the value left; where it is below
//! [`LEAST_SAMPLE_SIZE`], that is an error. Particles foresee nothing: of the steps long before a fixed one the paths
//! share few ancestors, and every further fixed step thins them out again, so that spreads there come out too small
//! though the last steps are well covered.
//!
//! **Intervening** is the one generation loop with the value in place of a choice; every decoding has it but beam search.
//!
//! `log_prob` of a path is the joint density under the model of all its values, the fixed ones included. Conditioned,
//! `log_q` is `log_prob` less the log evidence ln p(x_F = v | x_<=t): the density of the conditioned path, exact or with the
//! particles' estimate of the evidence. Intervened, `log_q` is that of the choices alone.
//!
//! Exact conditioning costs what [`gaussian`](super::gaussian) says; particles cost N paths, and O(N) memory per step.

use super::gaussian::{Conditioned, have_one_link, impossible, log_sum, outside};
use super::{Decoding, Generation, Paths, Run, Stop, check_finite, forward, stream_of};
use crate::data::batch::{Batch, Covariates};
use crate::error::{Error, Result};
use crate::math::random::LaneRng;
use crate::model::{Autoregressive, GaussianPath};
use crate::predictive::{Distribution, Family};

/// The fewest particles.
pub const LEAST_PARTICLES: usize = 1_000;

/// The effective sample size below which particles say nothing.
pub const LEAST_SAMPLE_SIZE: f64 = 20.0;

/// Fixed values at future steps, for every lane of a context its own. Step 0 is the first after the context.
///
/// ```
/// use foretoken::generate::scenario::Fixes;
///
/// let fixes = Fixes::new(&[(2, 500.0), (0, 410.0)])?;
/// assert_eq!(fixes.of(0), [(0, 410.0), (2, 500.0)]);
/// assert!(Fixes::new(&[(2, 500.0), (2, 410.0)]).is_err());
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fixes {
    /// (step, value) of each lane, by ascending step.
    lanes: Vec<Vec<(usize, f64)>>,
}

impl Fixes {
    /// The values of the only lane.
    ///
    /// # Errors
    /// As [`of_lanes`](Self::of_lanes).
    pub fn new(fixed: &[(usize, f64)]) -> Result<Self> {
        Self::of_lanes(&[fixed])
    }

    /// The values of several lanes.
    ///
    /// # Errors
    /// If a value is not finite, or a step has two.
    pub fn of_lanes(lanes: &[&[(usize, f64)]]) -> Result<Self> {
        Ok(Self { lanes: lanes.iter().map(|fixed| sorted(fixed)).collect::<Result<_>>()? })
    }

    /// Whether no lane has any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(Vec::is_empty)
    }

    /// The values of a lane, by ascending step.
    #[must_use]
    pub fn of(&self, lane: usize) -> &[(usize, f64)] {
        &self.lanes[lane]
    }

    /// The value of a lane at a step, where there is one.
    pub(super) fn at(&self, lane: usize, step: usize) -> Option<f64> {
        let fixed = self.of(lane);
        fixed.binary_search_by_key(&step, |(step, _)| *step).ok().map(|at| fixed[at].1)
    }

    fn check(&self, lanes: usize, horizon: usize) -> Result<()> {
        assert_eq!(self.lanes.len(), lanes, "every lane of a context has its own fixed values");
        match self.lanes.iter().flatten().find(|(step, _)| *step >= horizon) {
            Some((step, value)) => {
                Err(Error::usage(format!("the fixed value {value} at step {} lies beyond the horizon", step + 1))
                    .expected(format!("steps from 1 to {horizon}"))
                    .hint("use a longer --horizon"))
            }
            None => Ok(()),
        }
    }
}

fn sorted(fixed: &[(usize, f64)]) -> Result<Vec<(usize, f64)>> {
    let mut sorted = fixed.to_vec();
    sorted.sort_by_key(|(step, _)| *step);
    if let Some((step, value)) = sorted.iter().find(|(_, value)| !value.is_finite()) {
        return Err(Error::usage(format!("{value} cannot be fixed at step {}", step + 1)).expected("a finite number"));
    }
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let [(step, one), (_, other)] = [pair[0], pair[1]];
        return Err(Error::usage(format!("step {} is fixed twice, at {one} and {other}", step + 1))
            .expected("one value per step"));
    }
    Ok(sorted)
}

/// What a fixed value means for the steps before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FixMode {
    /// It is observed: all other steps are distributed given it.
    #[default]
    Condition,
    /// It is set: only later steps know of it.
    Intervene,
}

/// Paths with fixed values.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The paths, which hold the fixed values at their steps.
    pub paths: Paths,
    /// How many independent paths the particles are worth at the fixed step where they are worth least; `None` where
    /// nothing was resampled.
    pub effective_sample_size: Option<f64>,
    /// ln p(fixed values | context), of all lanes together: exact, or the particles' estimate. NaN for an intervention,
    /// which asks no such thing, and where a conditional is undefined.
    pub log_evidence: f64,
}

/// Generates paths that have fixed values at some steps. Otherwise as [`generate`](super::generate): path i of context
/// lane l is lane l * paths + i.
///
/// ```
/// use foretoken::generate::Generation;
/// use foretoken::generate::scenario::{FixMode, Fixes, generate_fixed};
/// use foretoken::model::naive::Naive;
/// use foretoken::{Batch, Covariates, Fit, Series};
///
/// let history = vec![5.0, 7.0, 6.0, 8.0];
/// let walk = Naive::RandomWalk { drift: false }.fit(&[Series::new("", history.clone())])?.model;
/// let (context, known) = (Batch::single(&history, 0), Covariates::none());
/// let (mean, fixes) = (Generation::mean(4), Fixes::new(&[(2, 14.0)])?);
/// let bridge = generate_fixed(&walk, &context, &known, &mean, &fixes, FixMode::Condition)?.paths;
/// let jump = generate_fixed(&walk, &context, &known, &mean, &fixes, FixMode::Intervene)?.paths;
/// let rounded = |paths: &foretoken::generate::Paths| paths.path(0).map(f64::round).collect::<Vec<_>>();
/// assert_eq!(rounded(&bridge), [10.0, 12.0, 14.0, 14.0]);
/// assert_eq!(rounded(&jump), [8.0, 8.0, 14.0, 14.0]);
/// # Ok::<(), foretoken::Error>(())
/// ```
///
/// Conditioned, a decoding is one of whole paths: `Sample` at temperature 1 draws them, `BestOf` takes the likeliest draw, `Mean`
/// and `Median` take every step's mean or median given the context and all fixed values, in one path. `Greedy` and `Beam` are
/// the likeliest path of all, which is known where the joint is one normal distribution behind its link. Values that are missing at the end of the
/// context are integrated out where that is exact.
///
/// # Errors
/// As [`generate`](super::generate); if a step lies beyond the horizon; if the model holds a fixed value impossible; if the
/// decoding or a stopping rule has no meaning for conditioned paths; if conditioning is by particles
/// and fewer than [`LEAST_SAMPLE_SIZE`] of them are left.
///
/// # Panics
/// If there are not fixes for every lane of the context.
pub fn generate_fixed(
    model: &dyn Autoregressive,
    context: &Batch,
    known: &Covariates,
    what: &Generation,
    fixes: &Fixes,
    mode: FixMode,
) -> Result<Scenario> {
    known.check_reach(context.steps() + what.horizon)?;
    what.stop.check(&model.family())?;
    fixes.check(context.lanes(), what.horizon)?;
    if mode == FixMode::Intervene {
        return intervene(model, context, known, what, fixes);
    }
    check_conditioned(what)?;
    match exact(model, context, known, what, fixes)? {
        Some(scenario) => Ok(scenario),
        None if is_mode(what.decoding) => Err(without_mode(what.decoding)),
        None => Particles::begin(model, context, known, what, fixes)?.scenario(model, context, known, what),
    }
}

/// Whether the decoding is the likeliest path.
fn is_mode(decoding: Decoding) -> bool {
    matches!(decoding, Decoding::Greedy | Decoding::Beam { .. })
}

fn without_mode(decoding: Decoding) -> Error {
    Error::usage(format!("{} cannot look ahead to fixed values under this model", decoding.spelled()))
        .expected("a linear model with normal innovations, whose likeliest path is known, not an average of several")
        .hint("--decode median, or let fixed values change later steps only: --fix-mode intervene")
}

/// Conditioned paths are decoded as a whole.
fn check_conditioned(what: &Generation) -> Result<()> {
    let is_of_paths = match what.decoding {
        Decoding::Mean | Decoding::Median | Decoding::Greedy | Decoding::Beam { .. } => true,
        Decoding::Sample { temperature } | Decoding::BestOf { temperature, .. } => temperature == 1.0,
        _ => false,
    };
    if !is_of_paths {
        return Err(Error::usage(format!(
            "{} chooses step by step and cannot look ahead to fixed values",
            what.decoding.spelled()
        ))
        .expected("sample and best-of at temperature 1, mean, median, or greedy of a linear model")
        .hint("decode so, or let fixed values change later steps only: --fix-mode intervene"));
    }
    if !matches!(what.stop, Stop::Never) {
        return Err(Error::usage("a path that stops early has no values to condition on after its end")
            .expected("no stopping rule")
            .hint("leave out --until, or let fixed values change later steps only: --fix-mode intervene"));
    }
    Ok(())
}

/// From the joint, where it is Gaussian before the outer map.
fn exact(
    model: &dyn Autoregressive,
    context: &Batch,
    known: &Covariates,
    what: &Generation,
    fixes: &Fixes,
) -> Result<Option<Scenario>> {
    let unknown = context.unknown_end();
    let read = context.before(context.steps() - unknown);
    let joints = model.begin(&read, known)?.gaussian_paths(&known.after(read.steps()), unknown + what.horizon);
    let Some(joints) = joints.filter(|lanes| lanes.iter().all(|joint| have_one_link(joint))) else { return Ok(None) };
    let have_one_part = joints.iter().all(|joint| joint.iter().filter(|part| part.weight > 0.0).count() == 1);
    if is_mode(what.decoding) && !have_one_part {
        return Ok(None);
    }
    let is_defined = are_defined(model, &read, known, &joints)?;
    let mut all = Vec::new();
    let mut log_evidence = 0.0;
    for (lane, joint) in joints.into_iter().enumerate() {
        let joint = joint.into_iter().map(|part| part.after(unknown)).collect::<Result<_>>()?;
        let given = Conditioned::new(joint, fixes.of(lane))?;
        let evidence = if is_defined[lane] { given.log_evidence() } else { f64::NAN };
        log_evidence += evidence;
        let scored = decoded(&given, what, lane).into_iter().map(|path| {
            let log_prob = if is_defined[lane] { given.log_density(&path) } else { f64::NAN };
            (path, log_prob, log_prob - evidence)
        });
        all.extend(ranked(scored.collect(), what.decoding));
    }
    Ok(Some(Scenario { paths: gathered(what.horizon, &all)?, effective_sample_size: None, log_evidence }))
}

/// Whether every step of a lane rests on known values alone.
fn are_defined(
    model: &dyn Autoregressive,
    read: &Batch,
    known: &Covariates,
    joints: &[Vec<GaussianPath>],
) -> Result<Vec<bool>> {
    let center = |part: &GaussianPath| part.maps.iter().zip(&part.mean).map(|(map, z)| map.forward(*z)).collect();
    let centers: Vec<Vec<f64>> = joints.iter().map(|joint| center(&joint[0])).collect();
    let rows = model.conditionals(read, &continuing(read, &centers), known)?;
    let lanes = read.lanes();
    Ok((0..lanes).map(|lane| (lane..rows.rows()).step_by(lanes).all(|row| rows.is_defined(row))).collect())
}

/// A path of every lane after a context.
fn continuing(context: &Batch, paths: &[Vec<f64>]) -> Batch {
    Batch::lanes_of(&paths.iter().map(Vec::as_slice).collect::<Vec<_>>(), &context.ends())
}

/// The paths of one lane.
fn decoded(given: &Conditioned, what: &Generation, lane: usize) -> Vec<Vec<f64>> {
    match what.decoding {
        Decoding::Mean => vec![given.mean_path()],
        // In the units of the link a normal path is likeliest where it is at its median.
        Decoding::Median | Decoding::Greedy | Decoding::Beam { .. } => vec![given.median_path()],
        _ => {
            let paths = drawn_paths(what);
            let drawn = Generation { paths, decoding: Decoding::Sample { temperature: 1.0 }, ..what.clone() };
            (0..paths).map(|path| given.draw(&mut stream_of(&drawn, lane * paths + path))).collect()
        }
    }
}

/// How many paths of a lane are drawn.
fn drawn_paths(what: &Generation) -> usize {
    match what.decoding {
        Decoding::BestOf { n, .. } => n.max(1),
        _ => what.paths,
    }
}

/// The likeliest of the drawn paths of a lane where one is asked for, else all.
fn ranked(mut paths: Vec<Scored>, decoding: Decoding) -> Vec<Scored> {
    if let (Decoding::BestOf { .. }, Some(first)) = (decoding, paths.first()) {
        let better = |best: usize, path: usize| if paths[path].1 > paths[best].1 { path } else { best };
        let best = if first.1.is_nan() { 0 } else { (1..paths.len()).fold(0, better) };
        return vec![paths.swap_remove(best)];
    }
    paths
}

/// A path, its log_prob and its log_q.
type Scored = (Vec<f64>, f64, f64);

/// Paths from their values, log_prob and log_q.
fn gathered(horizon: usize, all: &[Scored]) -> Result<Paths> {
    let values: Vec<f64> = (0..horizon).flat_map(|step| all.iter().map(move |(path, ..)| path[step])).collect();
    for (step, row) in values.chunks_exact(all.len()).enumerate() {
        check_finite(row, step)?;
    }
    let log_prob = all.iter().map(|(_, log_prob, _)| *log_prob).collect();
    Ok(Paths::whole(horizon, values, log_prob, all.iter().map(|(.., log_q)| *log_q).collect()))
}

/// Refuses a fixed value that no parameters could make likely.
pub(super) fn check_possible(distribution: &Distribution<'_>, value: f64, step: usize) -> Result<()> {
    let map = distribution.map();
    if !map.link.is_in_domain(value / map.scale) {
        return Err(outside(step, value));
    }
    match distribution.family() {
        Family::Categorical { symbols } if !(0..*symbols).any(|symbol| symbol as f64 == value) => {
            Err(Error::data(format!("the fixed value {value} at step {} is no symbol of the model", step + 1))
                .expected(format!("one of 0 to {}", symbols - 1)))
        }
        _ => Ok(()),
    }
}

/// Paths that are thinned out at fixed steps.
struct Particles<'a> {
    run: Run<'a>,
    fixes: &'a Fixes,
    /// How many stand for a lane.
    number: usize,
    /// Of each lane.
    log_evidence: Vec<f64>,
    sample_size: f64,
    /// What resampling draws from, of each lane.
    rngs: Vec<LaneRng>,
}

impl<'a> Particles<'a> {
    fn begin(
        model: &'a dyn Autoregressive,
        context: &Batch,
        known: &Covariates,
        what: &Generation,
        fixes: &'a Fixes,
    ) -> Result<Self> {
        let number = drawn_paths(what).max(LEAST_PARTICLES);
        let drawn = Generation { paths: number + 1, decoding: Decoding::Sample { temperature: 1.0 }, ..what.clone() };
        let own = Generation { paths: number, ..drawn.clone() };
        let rngs = (0..context.lanes() * number).map(|particle| stream_of(&own, particle)).collect();
        Ok(Self {
            run: Run::begin(model, context, known, &own, rngs)?,
            fixes,
            number,
            log_evidence: vec![0.0; context.lanes()],
            sample_size: f64::INFINITY,
            // The stream after those of the particles.
            rngs: (0..context.lanes()).map(|lane| stream_of(&drawn, lane * (number + 1) + number)).collect(),
        })
    }

    fn advance(&mut self, step: usize) -> Result<()> {
        let mut row = vec![0.0; self.number * self.log_evidence.len()];
        let (fixes, number) = (self.fixes, self.number);
        self.run.choose(step, &mut row, |particle| fixes.at(particle / number, step))?;
        let mut parents = Vec::new();
        for lane in 0..self.log_evidence.len() {
            let own = lane * number..(lane + 1) * number;
            match fixes.at(lane, step) {
                Some(value) => parents.extend(self.resampled(lane, step, value)?.iter().map(|at| own.start + at)),
                None => parents.extend(own),
            }
        }
        self.run.observe(&row);
        if parents.iter().enumerate().any(|(particle, parent)| particle != *parent) {
            self.fork(&parents);
        }
        Ok(())
    }

    /// Which particles of a lane go on, by how likely they hold the value.
    fn resampled(&mut self, lane: usize, step: usize, value: f64) -> Result<Vec<usize>> {
        let conditional = &self.run.conditional;
        let own = lane * self.number..(lane + 1) * self.number;
        let logs: Vec<f64> = own.clone().map(|particle| conditional.row(particle).log_prob(value)).collect();
        let total = log_sum(&logs);
        if !total.is_finite() {
            return Err(impossible(&[(step, value)]));
        }
        let is_defined = own.into_iter().all(|particle| conditional.is_defined(particle));
        self.log_evidence[lane] += if is_defined { total - (self.number as f64).ln() } else { f64::NAN };
        let weights: Vec<f64> = logs.iter().map(|log| (log - total).exp()).collect();
        let size = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
        if size < LEAST_SAMPLE_SIZE {
            return Err(too_few(size, self.number, step, value));
        }
        self.sample_size = self.sample_size.min(size);
        Ok(systematic(&weights, self.rngs[lane].uniform()))
    }

    fn fork(&mut self, parents: &[usize]) {
        self.run.session = self.run.session.fork(parents);
        self.run.paths = self.run.paths.gather(parents);
    }

    fn scenario(
        mut self,
        model: &dyn Autoregressive,
        context: &Batch,
        known: &Covariates,
        what: &Generation,
    ) -> Result<Scenario> {
        (0..what.horizon).try_for_each(|step| self.advance(step))?;
        let all = match what.decoding {
            Decoding::Mean => self.centers(model, context, known, mean)?,
            Decoding::Median => self.centers(model, context, known, median)?,
            decoding => {
                let paths = drawn_paths(what);
                let draws = self.draws(paths);
                draws.chunks(paths).flat_map(|own| ranked(own.to_vec(), decoding)).collect()
            }
        };
        Ok(Scenario {
            paths: gathered(what.horizon, &all)?,
            effective_sample_size: self.sample_size.is_finite().then_some(self.sample_size),
            log_evidence: self.log_evidence.iter().sum(),
        })
    }

    /// As many paths of each lane as are wanted, evenly spread: copies of one particle stand side by side.
    fn draws(&self, paths: usize) -> Vec<Scored> {
        let all = (0..self.log_evidence.len() * paths).map(|path| {
            let (lane, path) = (path / paths, path % paths);
            let particle = lane * self.number + path * self.number / paths;
            let log_prob = self.run.paths.log_prob[particle];
            (self.run.paths.path(particle).collect(), log_prob, log_prob - self.log_evidence[lane])
        });
        all.collect()
    }

    /// A path of every lane whose steps each sum up those of its particles.
    fn centers(
        &self,
        model: &dyn Autoregressive,
        context: &Batch,
        known: &Covariates,
        center: fn(&[f64]) -> f64,
    ) -> Result<Vec<Scored>> {
        let of_lane = |lane: usize| {
            let own = lane * self.number..(lane + 1) * self.number;
            let at = |step: usize| {
                // A mean of equal values is not always that value.
                let fixed = self.fixes.at(lane, step);
                fixed.unwrap_or_else(|| center(&self.run.paths.step(step)[own.clone()]))
            };
            (0..self.run.paths.horizon).map(at).collect()
        };
        let centers: Vec<Vec<f64>> = (0..context.lanes()).map(of_lane).collect();
        let target = continuing(context, &centers);
        let rows = model.conditionals(context, &target, known)?;
        let mut log_prob = vec![0.0; context.lanes()];
        for (row, x) in target.values().iter().enumerate() {
            log_prob[row % context.lanes()] += if rows.is_defined(row) { rows.row(row).log_prob(*x) } else { f64::NAN };
        }
        let scored = centers.into_iter().zip(log_prob).zip(&self.log_evidence);
        Ok(scored.map(|((path, log_prob), evidence)| (path, log_prob, log_prob - evidence)).collect())
    }
}

/// Indices in ascending order, each as often as its weight times their number says, to within one.
fn systematic(weights: &[f64], start: f64) -> Vec<usize> {
    let number = weights.len();
    let (mut at, mut sum) = (0, weights[0]);
    let next = |i: usize| {
        let mark = (i as f64 + start) / number as f64;
        while sum < mark && at + 1 < number {
            at += 1;
            sum += weights[at];
        }
        at
    };
    (0..number).map(next).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The lower one: a value that was drawn, so that it is a symbol among symbols.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    *sorted.select_nth_unstable_by((values.len() - 1) / 2, f64::total_cmp).1
}

fn too_few(size: f64, number: usize, step: usize, value: f64) -> Error {
    Error::numeric(format!(
        "{number} drawn paths are worth {size:.1} where {value} is fixed at step {}: too few hold it likely",
        step + 1
    ))
    .expected(format!("an effective sample size of at least {LEAST_SAMPLE_SIZE}"))
    .hint("draw more --paths, fix a likelier value, or let it change later steps only: --fix-mode intervene")
}

fn intervene(
    model: &dyn Autoregressive,
    context: &Batch,
    known: &Covariates,
    what: &Generation,
    fixes: &Fixes,
) -> Result<Scenario> {
    if matches!(what.decoding, Decoding::Beam { .. }) {
        return Err(Error::usage("--decode beam compares paths by values that it chose, and these are fixed")
            .expected("another decoding")
            .hint("decode greedily for one likely path"));
    }
    let paths = forward(model, context, known, what, Some(&|lane, step| fixes.at(lane, step)))?;
    Ok(Scenario { paths, effective_sample_size: None, log_evidence: f64::NAN })
}
