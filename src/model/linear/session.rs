//! The session of an autoregression: a ring of lags, and a Kalman filter where the lags are not all known.
//!
//! A lane is *settled* when as many of its last values are known as the model looks back on; then the ring says
//! everything. Before that, with Gaussian innovations:
//!
//! - a stationary start begins with the filter of the process (its w_t stationary, its first d + mD values diffuse);
//! - a missing value turns the ring into the state of a filter that holds the recursion x_t = g_t + sum a_k x_{t-k} + e_t
//!   itself: known lags have no variance, lags before the first value are diffuse.
//!
//! The filters hold u_t = x_t - m_t without offsets, where m_t is a particular solution of the equation, begun at zero.
//! Around Student's t nothing is exact: a missing value is replaced by its conditional mean, and what depends on it is
//! undefined.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::sync::Arc;

use super::ar::{Ar, Innovations, Start};
use crate::data::batch::{Batch, Covariates, Rows};
use crate::math::kalman::{Ahead, Factor, Filter, Process};
use crate::math::kernels::add_scaled;
use crate::model::lag_ring::{LagRing, has_missing};
use crate::model::{GaussianPath, Moments, PathFactor, Running, Session};
use crate::predictive::{OuterMap, Predictive};

/// The lanes of a running autoregression.
#[derive(Debug, Clone)]
pub(super) struct ArSession<'m> {
    model: &'m Ar,
    /// The index of the next value of each lane.
    index: Vec<i64>,
    ring: LagRing,
    /// c_t' b of the last steps of each lane, and of the step that comes next once it is known.
    covariates: LagRing,
    covariates_now: Vec<f64>,
    unsettled: Vec<Option<Box<Unsettled>>>,
    /// The recursion of the values as a process, once a value was missing.
    process: OnceCell<Arc<Process>>,
    /// Scratch: the conditional means.
    mean: Vec<f64>,
    scratch: Vec<f64>,
}

/// A lane whose lags are not all known: x_t = m_t + u_t.
#[derive(Debug, Clone)]
struct Unsettled {
    filter: Filter,
    /// The solution at the last steps, the latest first.
    past: VecDeque<f64>,
    solves: Solves,
}

/// What the equations need of one step.
#[derive(Debug, Clone, Copy)]
struct Input {
    /// g_t.
    offset: f64,
    /// r_t' b of the terms of time alone.
    mean: f64,
    /// c_t' b.
    covariates: f64,
}

/// Which equation m_t solves, begun at zero.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Solves {
    /// m_t = g_t + sum a_k m_{t-k}.
    Recursion,
    /// delta(B) (m_t - c_t' b) = r_t' b: a mean of the values whose differences are those of the model.
    Differences,
}

impl<'m> ArSession<'m> {
    /// Stands at the end of a context whose covariates have been checked.
    pub(super) fn begin(model: &'m Ar, context: &Batch, known: &Covariates) -> Self {
        let lanes = context.lanes();
        let mut session = Self {
            model,
            index: context.ends(),
            ring: LagRing::new(model.stand_in.clone(), lanes),
            covariates: LagRing::new(vec![0.0; model.offset.covariate_depth()], lanes),
            covariates_now: vec![0.0; lanes],
            unsettled: vec![None; lanes],
            process: OnceCell::new(),
            mean: vec![0.0; lanes],
            scratch: Vec::new(),
        };
        let has_gaps = (0..lanes).any(|lane| context.lane(lane).any(f64::is_nan));
        let is_short = model.start == Start::Stationary
            && (0..lanes).any(|lane| context.steps() - context.padding(lane) < model.depth());
        if has_gaps || is_short || !model.terms().covariates.is_empty() {
            session.read(context, known);
        } else {
            session.ring.read_end(context);
        }
        session
    }

    /// Reads a context value by value; padding is skipped.
    fn read(&mut self, context: &Batch, known: &Covariates) {
        for (lane, index) in self.index.iter_mut().enumerate() {
            *index = context.end(lane) - context.steps() as i64;
        }
        for lane in 0..self.index.len() {
            self.restart(lane);
        }
        for step in 0..context.steps() {
            self.note_covariates(known.row(step));
            self.observe(context.row(step));
            for lane in (0..self.index.len()).filter(|&lane| step < context.padding(lane)) {
                self.restart(lane);
            }
        }
    }

    /// The lane has not started.
    fn restart(&mut self, lane: usize) {
        self.ring.restart(lane);
        self.covariates.restart(lane);
        let is_stationary = self.model.start == Start::Stationary && self.model.innovations.scale() > 0.0;
        let needs_filter = is_stationary && self.model.depth() > 0;
        self.unsettled[lane] = needs_filter.then(|| Unsettled::stationary(self.model).map(Box::new)).flatten();
    }

    /// c_t' b of the step that comes next.
    fn note_covariates(&mut self, known: Rows<'_>) {
        if self.model.terms().covariates.is_empty() {
            return;
        }
        for (lane, now) in self.covariates_now.iter_mut().enumerate() {
            *now = self.model.offset.covariate_level(known.lane(lane));
        }
    }

    /// g_t of the next step of a lane.
    fn offset(&mut self, lane: usize) -> f64 {
        let of_time = self.model.offset.of_time(self.index[lane], &mut self.scratch);
        let covariates = &self.covariates;
        of_time + self.model.offset.of_covariates(self.covariates_now[lane], |back| covariates.lag(back)[lane])
    }

    /// The conditional means of settled lanes.
    fn update_means(&mut self) {
        match self.model.offset.constant() {
            Some(offset) => self.mean.fill(offset),
            None => (0..self.index.len()).for_each(|lane| self.mean[lane] = self.offset(lane)),
        }
        for &(lag, a) in &self.model.recursion {
            add_scaled(&mut self.mean, a, self.ring.lag(lag));
        }
    }

    fn all_settled(&self) -> bool {
        self.unsettled.iter().all(Option::is_none)
    }

    /// What the equations of an unsettled lane need of its next step.
    fn input(&mut self, lane: usize) -> Input {
        let offset = self.offset(lane);
        let mean = self.model.offset.deterministic_mean(self.index[lane], &mut self.scratch);
        Input { offset, mean, covariates: self.covariates_now[lane] }
    }

    /// Turns the ring into the state of a filter: the lane meets a missing value.
    fn unsettle(&mut self, lane: usize) {
        let (depth, known) = (self.model.depth(), self.ring.known_run(lane));
        let is_exact = matches!(self.model.innovations, Innovations::Gaussian { sd } if sd > 0.0);
        if self.unsettled[lane].is_some() || depth == 0 || known == 0 || !is_exact {
            return;
        }
        let lags: Vec<f64> = (1..=known.min(depth)).map(|back| self.ring.lag(back)[lane]).collect();
        let process = self.process.get_or_init(|| Arc::new(Process::free(&self.model.recursion)));
        let past = VecDeque::from(vec![0.0; depth]);
        let filter = Filter::after(Arc::clone(process), &lags);
        self.unsettled[lane] = Some(Box::new(Unsettled { filter, past, solves: Solves::Recursion }));
    }

    /// What the filter of a lane says about its next value: its mean, its spread in units of an innovation's, and
    /// whether it has a density.
    fn filtered(&mut self, lane: usize) -> Option<((f64, f64), bool)> {
        self.unsettled[lane].as_ref()?;
        let input = self.input(lane);
        let state = self.unsettled[lane].as_ref()?;
        let (next, particular) = (state.filter.predict(), state.particular(self.model, &input));
        if next.diffuse {
            return Some(((self.mean[lane], 1.0), false));
        }
        let spread = next.variance.sqrt();
        Some(((particular + next.mean, spread), spread.is_finite()))
    }

    fn settled_path(&self, lane: usize, known: &Covariates, psi: &[f64]) -> GaussianPath {
        let (depth, horizon) = (self.model.depth(), psi.len());
        let mut x: Vec<f64> = (1..=depth).rev().map(|lag| self.ring.lag(lag)[lane]).collect();
        for (h, input) in self.inputs_ahead(lane, known, horizon).into_iter().enumerate() {
            let past = self.model.recursion.iter().map(|&(lag, a)| a * x[depth + h - lag]);
            x.push(input.offset + past.sum::<f64>());
        }
        let maps = vec![OuterMap::IDENTITY; horizon];
        GaussianPath { weight: 1.0, mean: x.split_off(depth), factor: PathFactor::Toeplitz(psi.to_vec()), maps }
    }

    /// The joint of a lane that its filter knows; `None` where nothing has determined one of the steps.
    fn unsettled_path(
        &self,
        lane: usize,
        state: &Unsettled,
        known: &Covariates,
        horizon: usize,
    ) -> Option<GaussianPath> {
        let mut state = state.clone();
        let Ahead { mut mean, factor, diffuse } = state.filter.ahead(horizon);
        if diffuse {
            return None;
        }
        for (mean, input) in mean.iter_mut().zip(self.inputs_ahead(lane, known, horizon)) {
            *mean += state.particular(self.model, &input);
            state.step(self.model, &input);
        }
        let sd = self.model.innovations.scale();
        let scaled = |factor: Vec<f64>| factor.into_iter().map(|l| l * sd).collect();
        let factor = match factor {
            Factor::Toeplitz(psi) => PathFactor::Toeplitz(scaled(psi)),
            Factor::Lower(rows) => PathFactor::Lower(scaled(rows)),
        };
        Some(GaussianPath { weight: 1.0, mean, factor, maps: vec![OuterMap::IDENTITY; horizon] })
    }

    /// The inputs of the next steps of a lane; `known` starts at the next step.
    fn inputs_ahead(&self, lane: usize, known: &Covariates, horizon: usize) -> Vec<Input> {
        let (offset, mut scratch) = (&self.model.offset, Vec::new());
        let has_covariates = !self.model.terms().covariates.is_empty();
        let level = |h: usize| if has_covariates { offset.covariate_level(known.row(h).lane(lane)) } else { 0.0 };
        let back = |h: usize, lag: usize| if lag <= h { level(h - lag) } else { self.covariates.lag(lag - h)[lane] };
        let input = |h: usize| {
            let index = self.index[lane] + h as i64;
            let (of_time, covariates) = (offset.of_time(index, &mut scratch), level(h));
            let mean = offset.deterministic_mean(index, &mut scratch);
            Input { offset: of_time + offset.of_covariates(covariates, |lag| back(h, lag)), mean, covariates }
        };
        (0..horizon).map(input).collect()
    }
}

impl Unsettled {
    /// The stationary start of a lane; `None` where phi is not stationary after all.
    fn stationary(model: &Ar) -> Option<Self> {
        let process = Process::new(model.coefficients(), &model.delta).ok()?;
        let past = VecDeque::from(vec![0.0; model.differences.order()]);
        Some(Self { filter: Filter::new(Arc::new(process)), past, solves: Solves::Differences })
    }

    /// The next value of the equation that is solved.
    fn solution(&self, model: &Ar, input: &Input) -> f64 {
        let (first, polynomial) = match self.solves {
            Solves::Recursion => (input.offset, &model.recursion),
            Solves::Differences => (input.mean, &model.delta),
        };
        polynomial.iter().fold(first, |sum, &(lag, weight)| sum + weight * self.past[lag - 1])
    }

    /// m_t of the next step.
    fn particular(&self, model: &Ar, input: &Input) -> f64 {
        let levels = if self.solves == Solves::Differences { input.covariates } else { 0.0 };
        self.solution(model, input) + levels
    }

    /// Moves m one step on.
    fn step(&mut self, model: &Ar, input: &Input) {
        let next = self.solution(model, input);
        if self.past.pop_back().is_some() {
            self.past.push_front(next);
        }
    }
}

impl<'m> Session<'m> for ArSession<'m> {
    fn lanes(&self) -> usize {
        self.index.len()
    }

    fn conditional(&mut self, known: Rows<'_>, out: &mut Predictive) {
        self.note_covariates(known);
        self.update_means();
        if let (true, Innovations::Gaussian { sd }) = (self.all_settled(), self.model.innovations) {
            return out.set_normals(&self.mean, sd, |lane| sd > 0.0 && self.ring.is_known(lane));
        }
        for lane in 0..self.index.len() {
            let settled = ((self.mean[lane], 1.0), self.ring.is_known(lane));
            let (location, is_known) = self.filtered(lane).unwrap_or(settled);
            self.mean[lane] = location.0;
            self.model.innovations.write(lane, location, is_known, out);
        }
    }

    /// Asks for the conditional itself where values are missing; a model with covariates knows those of the step that
    /// its conditional was last asked for.
    fn observe(&mut self, x: &[f64]) {
        if has_missing(x) {
            self.update_means();
            (0..x.len()).filter(|&lane| x[lane].is_nan()).for_each(|lane| self.unsettle(lane));
        }
        let settled = self.all_settled();
        if !settled {
            x.iter().enumerate().for_each(|(lane, &x)| self.observe_filtered(lane, x));
        }
        self.ring.push(x, &self.mean);
        if !self.model.terms().covariates.is_empty() {
            self.covariates.push(&self.covariates_now, &self.covariates_now);
        }
        self.index.iter_mut().for_each(|index| *index = index.wrapping_add(1));
        if !settled {
            let known = |lane: usize| self.ring.is_known(lane);
            self.unsettled.iter_mut().enumerate().filter(|(lane, _)| known(*lane)).for_each(|(_, state)| *state = None);
        }
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        Box::new(ArSession {
            model: self.model,
            index: parents.iter().map(|&lane| self.index[lane]).collect(),
            ring: self.ring.fork(parents),
            covariates: self.covariates.fork(parents),
            covariates_now: parents.iter().map(|&lane| self.covariates_now[lane]).collect(),
            unsettled: parents.iter().map(|&lane| self.unsettled[lane].clone()).collect(),
            process: self.process.clone(),
            mean: vec![0.0; parents.len()],
            scratch: Vec::new(),
        })
    }

    fn gaussian_paths(&self, known: &Covariates, horizon: usize) -> Option<Vec<Vec<GaussianPath>>> {
        let Innovations::Gaussian { sd } = self.model.innovations else { return None };
        let psi: Vec<f64> = self.model.psi_weights(horizon).iter().map(|psi| psi * sd).collect();
        let path = |lane: usize| match &self.unsettled[lane] {
            Some(state) => self.unsettled_path(lane, state, known, horizon).map(|path| vec![path]),
            None => Some(vec![self.settled_path(lane, known, &psi)]),
        };
        (0..self.index.len()).map(path).collect()
    }

    /// Of Student's t innovations: the recursion is linear, whatever their distribution.
    fn moments(&self, known: &Covariates, horizon: usize) -> Option<Vec<Vec<Moments>>> {
        let (variance, is_linear) = match self.model.innovations {
            Innovations::Gaussian { .. } => return None,
            Innovations::StudentT { dof, .. } => (self.model.innovations.variance(), dof > 1.0 && self.all_settled()),
        };
        let psi = self.model.psi_weights(horizon);
        let of = |lane: usize| {
            let path = self.settled_path(lane, known, &psi);
            let steps = path.mean.iter().zip(path.factor.variances());
            steps.map(|(&mean, share)| Moments { mean, variance: variance * share }).collect()
        };
        is_linear.then(|| (0..self.index.len()).map(of).collect())
    }
}

impl ArSession<'_> {
    /// The part of [`Session::observe`] of an unsettled lane; its mean becomes that of the filter.
    fn observe_filtered(&mut self, lane: usize, x: f64) {
        let Some(((mean, _), _)) = self.filtered(lane) else { return };
        self.mean[lane] = mean;
        let (model, input) = (self.model, self.input(lane));
        if let Some(state) = &mut self.unsettled[lane] {
            state.filter.observe(x - state.particular(model, &input));
            state.step(model, &input);
        }
    }
}
