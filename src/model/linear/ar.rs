//! The fitted autoregression, its session, and its exact Gaussian forecasts.
//!
//! State per lane: the last p values in a ring. A step costs O(p) per lane. All conditionals of a target at once are a
//! filter, added lag by lag over blocks that stay in cache; both ways add in the same order, so they agree to the bit.
//!
//! Forecasts: the mean continues the recursion with its own values; the joint covariance is that of the moving average
//! sum_j psi_j e_{t+h-j}, psi_0 = 1, psi_j = sum_i phi_i psi_{j-i} (Box, Jenkins, Reinsel and Ljung 2015, section
//! 5.2). Matches `predict` of R's `ar` and statsmodels' `AutoReg`, without the uncertainty of the coefficients.

use crate::data::batch::{Batch, Covariates, Rows};
use crate::error::Result;
use crate::model::lag_ring::LagRing;
use crate::model::{Autoregressive, GaussianPath, PathFactor, Running, Session, step_through};
use crate::predictive::{Family, OuterMap, Predictive};

/// Rows of a target that are filtered at once.
const BLOCK: usize = 2048;

/// x_t = c + b t + sum_i phi_i x_{t-i} + e_t, e_t ~ N(0, sigma^2); t = 1 at index 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Ar {
    intercept: f64,
    slope: f64,
    phi: Vec<f64>,
    innovation_sd: f64,
    /// What stands in for a lag before the first value: the mean of the training values.
    level: f64,
}

impl Ar {
    /// A model with known parameters: intercept c, slope b per step, phi_1..phi_p, the standard deviation of the
    /// innovations, and the level that stands in for values before the first.
    #[must_use]
    pub fn new(intercept: f64, slope: f64, phi: Vec<f64>, innovation_sd: f64, level: f64) -> Self {
        Self { intercept, slope, phi, innovation_sd, level }
    }

    /// c.
    #[must_use]
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// b, the coefficient of t = 1, 2, ..
    #[must_use]
    pub fn slope(&self) -> f64 {
        self.slope
    }

    /// phi_1..phi_p.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.phi
    }

    /// sigma.
    #[must_use]
    pub fn innovation_sd(&self) -> f64 {
        self.innovation_sd
    }

    /// The order p.
    #[must_use]
    pub fn order(&self) -> usize {
        self.phi.len()
    }

    /// psi_0..psi_{h-1}: the effect of an innovation j steps later. O(h p).
    #[must_use]
    pub fn psi_weights(&self, count: usize) -> Vec<f64> {
        let mut psi = Vec::with_capacity(count);
        for j in 0..count {
            let weight = |(i, phi): (usize, &f64)| phi * psi[j - 1 - i];
            let next = if j == 0 { 1.0 } else { self.phi.iter().enumerate().take(j).map(weight).sum() };
            psi.push(next);
        }
        psi
    }

    fn deterministic(&self, index: i64) -> f64 {
        self.intercept + self.slope * (index + 1) as f64
    }

    /// The means of the values after the first p of a lane (`x[..p]` is what they look back on), in blocks, each given
    /// to `use_block(first row, means)`.
    fn means(&self, x: &[f64], first_index: i64, mut use_block: impl FnMut(usize, &[f64])) {
        let p = self.order();
        let mut means = [0.0; BLOCK];
        for start in (p..x.len()).step_by(BLOCK) {
            let end = (start + BLOCK).min(x.len());
            let block = &mut means[..end - start];
            self.fill_means(&x[start - p..end], first_index + start as i64, block);
            use_block(start, block);
        }
    }

    /// The means of `means.len()` values whose p predecessors begin `x`.
    fn fill_means(&self, x: &[f64], first_index: i64, means: &mut [f64]) {
        let p = self.order();
        if self.slope == 0.0 {
            means.fill(self.intercept);
        } else {
            (first_index..).zip(means.iter_mut()).for_each(|(index, mean)| *mean = self.deterministic(index));
        }
        for (i, phi) in self.phi.iter().enumerate() {
            let past = &x[p - 1 - i..];
            means.iter_mut().zip(past).for_each(|(mean, past)| *mean += phi * past);
        }
    }

    /// The sum of squared one-step errors over the rows whose p lags are known, and their number.
    pub(super) fn sum_of_squares<'a>(&self, series: impl Iterator<Item = &'a [f64]>) -> (f64, usize) {
        let (mut squares, mut rows) = (0.0, 0);
        for x in series {
            self.means(x, 0, |start, means| {
                let errors = x[start..].iter().zip(means).map(|(x, mean)| x - mean);
                for error in errors.filter(|error| !error.is_nan()) {
                    squares += error * error;
                    rows += 1;
                }
            });
        }
        (squares, rows)
    }

    /// Conditionals of one lane without missing values: lags before the context are the level, and such rows undefined.
    fn filter(&self, context: &Batch, target: &Batch) -> Predictive {
        let p = self.order();
        let known = context.steps().min(p);
        let mut x = vec![self.level; p - known];
        x.extend_from_slice(&context.values()[context.steps() - known..]);
        x.extend_from_slice(target.values());
        let mut rows = Predictive::new(Family::Gaussian, target.steps());
        let first_index = context.end(0) - p as i64;
        self.means(&x, first_index, |start, means| {
            for (row, mean) in (start - p..).zip(means) {
                rows.set(row, &[*mean, self.innovation_sd], row + known >= p && self.innovation_sd > 0.0);
            }
        });
        rows
    }
}

impl Autoregressive for Ar {
    fn family(&self) -> Family {
        Family::Gaussian
    }

    fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
        let lanes = context.lanes();
        let mut session = ArSession {
            model: self,
            index: context.ends(),
            ring: LagRing::new(self.order(), lanes, self.level),
            mean: vec![0.0; lanes],
        };
        if (0..lanes).any(|lane| context.lane(lane).any(f64::is_nan)) {
            session.read_with_gaps(context);
        } else {
            session.ring.read_end(context);
        }
        Ok(Box::new(session))
    }

    fn memory(&self) -> Option<usize> {
        Some(self.order())
    }

    fn conditionals(&self, context: &Batch, target: &Batch, known: &Covariates) -> Result<Predictive> {
        let is_known = |batch: &Batch| batch.values().iter().all(|x| !x.is_nan());
        if context.lanes() == 1 && target.lanes() == 1 && is_known(context) && is_known(target) {
            return Ok(self.filter(context, target));
        }
        step_through(self, context, target, known)
    }
}

/// The lags of every lane.
#[derive(Debug, Clone)]
struct ArSession<'m> {
    model: &'m Ar,
    /// The index of the next value of each lane.
    index: Vec<i64>,
    ring: LagRing,
    /// Scratch: the conditional means.
    mean: Vec<f64>,
}

impl ArSession<'_> {
    /// Reads a context value by value: a missing one is replaced by its conditional mean, padding is skipped.
    fn read_with_gaps(&mut self, context: &Batch) {
        for (lane, index) in self.index.iter_mut().enumerate() {
            *index = context.end(lane) - context.steps() as i64;
        }
        for step in 0..context.steps() {
            self.observe(context.row(step));
            for lane in (0..self.index.len()).filter(|&lane| step < context.padding(lane)) {
                self.ring.restart(lane);
            }
        }
    }

    fn update_means(&mut self) {
        for (mean, &index) in self.mean.iter_mut().zip(&self.index) {
            *mean = self.model.deterministic(index);
        }
        for (lag, phi) in (1..).zip(&self.model.phi) {
            self.mean.iter_mut().zip(self.ring.lag(lag)).for_each(|(mean, past)| *mean += phi * past);
        }
    }
}

impl<'m> Session<'m> for ArSession<'m> {
    fn lanes(&self) -> usize {
        self.index.len()
    }

    fn conditional(&mut self, _known: Rows<'_>, out: &mut Predictive) {
        self.update_means();
        let sd = self.model.innovation_sd;
        for (lane, &mean) in self.mean.iter().enumerate() {
            out.set(lane, &[mean, sd], self.ring.is_known(lane) && sd > 0.0);
        }
    }

    fn observe(&mut self, x: &[f64]) {
        if x.iter().any(|x| x.is_nan()) {
            self.update_means();
        }
        self.ring.push(x, &self.mean);
        self.index.iter_mut().for_each(|index| *index += 1);
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        Box::new(ArSession {
            model: self.model,
            index: parents.iter().map(|&lane| self.index[lane]).collect(),
            ring: self.ring.fork(parents),
            mean: vec![0.0; parents.len()],
        })
    }

    fn gaussian_paths(&self, _known: &Covariates, horizon: usize) -> Option<Vec<Vec<GaussianPath>>> {
        let p = self.model.order();
        let psi = self.model.psi_weights(horizon).iter().map(|psi| psi * self.model.innovation_sd).collect::<Vec<_>>();
        let path = |lane: usize| {
            let mut x: Vec<f64> = (1..=p).rev().map(|lag| self.ring.lag(lag)[lane]).collect();
            for h in 0..horizon {
                let past = self.model.phi.iter().enumerate().map(|(i, phi)| phi * x[p + h - 1 - i]);
                x.push(self.model.deterministic(self.index[lane] + h as i64) + past.sum::<f64>());
            }
            GaussianPath {
                weight: 1.0,
                mean: x.split_off(p),
                factor: PathFactor::Toeplitz(psi.clone()),
                maps: vec![OuterMap::IDENTITY; horizon],
            }
        };
        Some((0..self.index.len()).map(|lane| vec![path(lane)]).collect())
    }
}
