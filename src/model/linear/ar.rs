//! The fitted autoregression and its conditionals.
//!
//! ```text
//! z_t = (1 - B)^d (1 - B^m)^D x_t
//! equation:  z_t = r_t' b + sum_i phi_i z_{t-i} + e_t
//! mean:      z_t = r_t' b + w_t,   w_t = sum_i phi_i w_{t-i} + e_t
//! ```
//!
//! with the [`Terms`] r_t (covariates enter as their differences, like the values), and e_t ~ N(0, sigma^2) or a scaled
//! Student's t. With both polynomials multiplied out, a_1, a_2, .. the coefficients of phi(B) delta(B), each form is one
//! recursion on the values themselves, x_t = g_t + sum_k a_k x_{t-k} + e_t, with an offset g_t that is known beforehand.
//!
//! State per lane: the last p + d + mD values in a ring. A step costs O(number of nonzero a_k) per lane. All
//! conditionals of a target at once are a filter, added lag by lag over blocks that stay in cache; both ways add in the
//! same order. Around missing values, and at the start of a stationary process, a lane carries a Kalman filter, which
//! costs O((p + d + mD)^2) a step until as many values in a row are known as the model looks back on. Dense recursions of
//! more than 96 lags are filtered by overlap-save, O(log p) a row.
//!
//! Matches `predict` of R's `ar` and `arima` (without gaps, or d = D = 0), and statsmodels' `AutoReg`, without the
//! uncertainty of the coefficients.

use super::offset::Offset;
use super::recursive::Recursion;

use super::session::ArSession;
use super::terms::{Terms, Trend};
use crate::data::batch::{Batch, Covariates};
use crate::error::{Error, Result};
use crate::math::exact::reflections;
use crate::math::filter::Filter;
use crate::model::transformed::Differences;
use crate::model::{Autoregressive, Running, step_through};
use crate::predictive::{Family, Predictive};

/// Rows of a target that are filtered at once.
const BLOCK: usize = 2048;
/// A recursion with less than one in so many of its lags adds them one by one, up to a number.
const SPARSE: usize = 4;
const FEW_LAGS: usize = 24;

/// The distribution of the innovations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Innovations {
    /// N(0, sd^2).
    Gaussian {
        /// The standard deviation.
        sd: f64,
    },
    /// Student's t times a scale.
    StudentT {
        /// The scale.
        scale: f64,
        /// The degrees of freedom.
        dof: f64,
    },
}

impl Innovations {
    fn family(self) -> Family {
        match self {
            Self::Gaussian { .. } => Family::Gaussian,
            Self::StudentT { .. } => Family::StudentT,
        }
    }

    /// The scale parameter.
    pub(super) fn scale(self) -> f64 {
        match self {
            Self::Gaussian { sd } => sd,
            Self::StudentT { scale, .. } => scale,
        }
    }

    /// The variance; infinite for at most two degrees of freedom.
    #[must_use]
    pub fn variance(self) -> f64 {
        match self {
            Self::Gaussian { sd } => sd * sd,
            Self::StudentT { scale, dof } if dof > 2.0 => scale * scale * dof / (dof - 2.0),
            Self::StudentT { .. } => f64::INFINITY,
        }
    }

    /// How many of their parameters a fit estimates: degrees of freedom at their upper end stand for the normal.
    pub(in crate::model) fn parameters(self) -> usize {
        match self {
            Self::Gaussian { .. } => 1,
            Self::StudentT { .. } => 2,
        }
    }

    /// Writes a row at a location; `spread` is the standard deviation in units of an innovation's.
    pub(super) fn write(self, row: usize, (location, spread): (f64, f64), is_known: bool, out: &mut Predictive) {
        let is_defined = is_known && self.scale() > 0.0;
        match self {
            Self::Gaussian { sd } => out.set(row, &[location, sd * spread], is_defined),
            Self::StudentT { scale, dof } => out.set(row, &[location, scale * spread, dof], is_defined),
        }
    }
}

/// How the terms enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Beside the lags, in the equation of z_t: as statsmodels' `AutoReg`, R's `ar.ols`.
    Equation,
    /// As the mean of z_t, whose deviations are the autoregression: as R's `arima` with `xreg`.
    Mean,
}

/// What is assumed of the values before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Nothing: the first p + d + mD values are given, not modelled.
    Given,
    /// The deviations w_t are stationary from the start; only the d + mD values that are differenced away are given.
    Stationary,
}

/// x_t = g_t + sum_k a_k x_{t-k} + e_t: an autoregression of order p on differences, with its terms g_t, multiplied out into
/// one recursion on the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Ar {
    phi: Vec<f64>,
    pub(super) differences: Differences,
    /// (lag, weight) of delta(B) = 1 - sum weight B^lag.
    pub(super) delta: Vec<(usize, f64)>,
    /// (k, a_k), k ascending, without zeros.
    pub(super) recursion: Vec<(usize, f64)>,
    pub(super) offset: Offset,
    pub(super) innovations: Innovations,
    pub(super) start: Start,
    /// What stands in for the values before the first, the latest first.
    pub(super) stand_in: Vec<f64>,
    /// Behind coefficients by recursive least squares.
    pub(super) running: Option<Recursion>,
}

/// Everything that makes an [`Ar`].
#[derive(Debug, Clone)]
pub struct ArParts {
    /// phi_1..phi_p, with zeros for lags that are left out.
    pub phi: Vec<f64>,
    /// d, D and m.
    pub differences: Differences,
    /// The terms r_t.
    pub terms: Terms,
    /// Their coefficients b, in the order of [`Terms::names`].
    pub coefficients: Vec<f64>,
    /// How they enter.
    pub form: Form,
    /// The distribution of e_t.
    pub innovations: Innovations,
    /// What is assumed of the values before the first.
    pub start: Start,
    /// The first training values, d + mD of them, or one: they stand in, repeated, for the values before the first.
    pub origin: Vec<f64>,
}

impl Ar {
    /// A model with known parameters: intercept c, slope b per step, phi_1..phi_p, the standard deviation of the
    /// innovations, and the level that stands in for values before the first.
    #[must_use]
    pub fn new(intercept: f64, slope: f64, phi: Vec<f64>, innovation_sd: f64, level: f64) -> Self {
        Self::from_parts(ArParts {
            phi,
            differences: Differences::none(),
            terms: Terms::of(Trend::ConstantTrend),
            coefficients: vec![intercept, slope],
            form: Form::Equation,
            innovations: Innovations::Gaussian { sd: innovation_sd },
            start: Start::Given,
            origin: vec![level],
        })
    }

    /// A model with known parameters.
    ///
    /// # Panics
    /// If there is not one coefficient per term, or no origin.
    #[must_use]
    pub fn from_parts(parts: ArParts) -> Self {
        let ArParts { phi, differences, terms, coefficients, form, innovations, start, origin } = parts;
        assert!(coefficients.len() == terms.width() && !origin.is_empty(), "one coefficient per term, and an origin");
        let delta: Vec<(usize, f64)> = differences.lags().iter().map(|&(lag, weight)| (lag, weight as f64)).collect();
        let recursion = expand(&phi, &delta);
        let depth = phi.len() + differences.order();
        let stand_in = (0..depth).map(|back| origin[origin.len() - 1 - back % origin.len()]).collect();
        let offset = match form {
            Form::Equation => Offset::new(terms, coefficients, form, &[], &delta, differences.order()),
            Form::Mean => Offset::new(terms, coefficients, form, &phi, &recursion, differences.order()),
        };
        Self { phi, differences, delta, recursion, offset, innovations, start, stand_in, running: None }
    }

    /// What makes this model: [`from_parts`](Self::from_parts) makes the same of it. The origin is as short as it can be.
    #[must_use]
    pub fn parts(&self) -> ArParts {
        let repeats = |count: &usize| (*count..self.depth()).all(|i| self.stand_in[i] == self.stand_in[i - count]);
        let count = (1..self.depth()).find(repeats).unwrap_or(self.depth());
        let origin = self.stand_in[..count].iter().rev().copied().collect();
        ArParts {
            phi: self.phi.clone(),
            differences: self.differences.clone(),
            terms: self.terms().clone(),
            coefficients: self.term_coefficients().to_vec(),
            form: self.form(),
            innovations: self.innovations,
            start: self.start,
            origin: if count == 0 { vec![0.0] } else { origin },
        }
    }

    /// The same model with other numbers: b in the order of [`Terms::names`], and phi_1..phi_p.
    ///
    /// # Panics
    /// If there are not as many of them as this model has.
    #[must_use]
    pub fn with_coefficients(&self, coefficients: Vec<f64>, phi: Vec<f64>) -> Self {
        assert_eq!(phi.len(), self.phi.len(), "one coefficient per lag");
        let parts = ArParts {
            phi,
            differences: self.differences.clone(),
            terms: self.terms().clone(),
            coefficients,
            form: self.form(),
            innovations: self.innovations,
            start: self.start,
            origin: vec![0.0],
        };
        Self { stand_in: self.stand_in.clone(), ..Self::from_parts(parts) }
    }

    /// The intercept c of the equation of z_t.
    #[must_use]
    pub fn intercept(&self) -> f64 {
        self.offset.line().0
    }

    /// The coefficient of t = 1, 2, .. in the equation of z_t; t counts from the first value that has its differences.
    #[must_use]
    pub fn slope(&self) -> f64 {
        self.offset.line().1
    }

    /// The mean of stationary values that have one mean: no differences, nothing but an intercept beside the lags.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let has_one = *self.terms() == Terms::of(Trend::Constant) && self.differences.order() == 0;
        let level = match self.form() {
            Form::Mean => self.term_coefficients().first().copied(),
            Form::Equation => Some(self.intercept() / (1.0 - self.phi.iter().sum::<f64>())),
        };
        level.filter(|_| has_one && reflections(&self.phi).is_some())
    }

    /// phi_1..phi_p.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.phi
    }

    /// The differences that are taken first.
    #[must_use]
    pub fn differences(&self) -> &Differences {
        &self.differences
    }

    /// The terms beside the lags.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        self.offset.terms()
    }

    /// Their coefficients b, in the order of [`Terms::names`].
    #[must_use]
    pub fn term_coefficients(&self) -> &[f64] {
        self.offset.coefficients()
    }

    /// How the terms enter.
    #[must_use]
    pub fn form(&self) -> Form {
        self.offset.form()
    }

    /// What is assumed of the values before the first.
    #[must_use]
    pub fn start(&self) -> Start {
        self.start
    }

    /// The distribution of e_t.
    #[must_use]
    pub fn innovations(&self) -> Innovations {
        self.innovations
    }

    /// sigma: the scale of the innovations.
    #[must_use]
    pub fn innovation_sd(&self) -> f64 {
        self.innovations.scale()
    }

    /// The order p.
    #[must_use]
    pub fn order(&self) -> usize {
        self.phi.len()
    }

    /// How many values a conditional looks back on: p + d + mD.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.stand_in.len()
    }

    /// psi_0..psi_{h-1}: the effect of an innovation on x, j steps later (Box, Jenkins, Reinsel and Ljung 2015, section
    /// 5.2). O(h p).
    #[must_use]
    pub fn psi_weights(&self, count: usize) -> Vec<f64> {
        let mut psi: Vec<f64> = Vec::with_capacity(count);
        for j in 0..count {
            let weight = |(lag, a): &(usize, f64)| a * psi[j - lag];
            let next =
                if j == 0 { 1.0 } else { self.recursion.iter().take_while(|(lag, _)| *lag <= j).map(weight).sum() };
            psi.push(next);
        }
        psi
    }

    /// # Errors
    /// If the covariates are not those of the model, or not known over all steps of a batch.
    pub(super) fn check_covariates(&self, steps: usize, known: &Covariates) -> Result<()> {
        let names = &self.terms().covariates;
        if names.len() == known.width() {
            return known.check_reach(steps);
        }
        let what = format!("the model has {} covariates, and {} are given", names.len(), known.width());
        Err(Error::usage(what).expected(format!("values of {}", names.join(", "))))
    }

    /// What adds the lags to a block of offsets. A recursion with few of its lags adds them one by one.
    fn lag_filter(&self) -> LagFilter<'_> {
        let depth = self.depth();
        if self.recursion.len() < FEW_LAGS.min(depth.div_ceil(SPARSE)) {
            return LagFilter::Sparse { depth, lags: &self.recursion };
        }
        let mut taps = vec![0.0; depth.max(1)];
        self.recursion.iter().for_each(|&(lag, a)| taps[lag - 1] = a);
        LagFilter::Dense(Filter::new(taps))
    }

    /// Conditionals of one lane without missing values, of which at most the first `depth` are not settled by their
    /// lags alone: lags before the context are stand-ins, and such rows undefined.
    fn filter(&self, context: &Batch, target: &Batch, known: &Covariates) -> Predictive {
        let depth = self.depth();
        let read = context.steps().min(depth);
        let mut x: Vec<f64> = self.stand_in[..depth - read].iter().rev().copied().collect();
        x.extend_from_slice(&context.values()[context.steps() - read..]);
        x.extend_from_slice(target.values());
        let mut rows = Predictive::new(self.family(), target.steps());
        let mut lags = self.lag_filter();
        let mut means = vec![0.0; lags.block().min(target.steps())];
        for start in (0..target.steps()).step_by(lags.block()) {
            let end = (start + lags.block()).min(target.steps());
            let block = &mut means[..end - start];
            self.offset.fill(context.end(0) + start as i64, known, context.steps() + start, block);
            if depth > 0 {
                lags.add_to(block, &x[start..end + depth - 1]);
            }
            for (row, &mean) in (start..).zip(block.iter()) {
                self.innovations.write(row, (mean, 1.0), row + read >= depth, &mut rows);
            }
        }
        rows
    }
}

/// The sum of the lags over a block of rows. Both forms add in the order of the lags, but for long dense recursions, which
/// go through a Fourier transform.
enum LagFilter<'a> {
    Sparse { depth: usize, lags: &'a [(usize, f64)] },
    Dense(Filter),
}

impl LagFilter<'_> {
    /// Rows at once.
    fn block(&self) -> usize {
        match self {
            Self::Dense(filter) if filter.taps().len() > BLOCK / 32 => 32 * BLOCK,
            _ => BLOCK,
        }
    }

    /// Adds the lags to the means of rows whose values stand in `x`, after as many as the model looks back on.
    fn add_to(&mut self, means: &mut [f64], x: &[f64]) {
        match self {
            Self::Dense(filter) => filter.add_to(means, x),
            Self::Sparse { depth, lags } => {
                for &(lag, a) in *lags {
                    means.iter_mut().zip(&x[*depth - lag..]).for_each(|(mean, past)| *mean += a * past);
                }
            }
        }
    }
}

/// The coefficients a_k of 1 - phi(B) delta(B), without zeros.
fn expand(phi: &[f64], delta: &[(usize, f64)]) -> Vec<(usize, f64)> {
    let mut dense = vec![0.0; phi.len() + delta.last().map_or(0, |&(lag, _)| lag)];
    delta.iter().for_each(|(lag, weight)| dense[lag - 1] += weight);
    for (i, phi) in (1..).zip(phi) {
        dense[i - 1] += phi;
        delta.iter().for_each(|(lag, weight)| dense[i + lag - 1] -= phi * weight);
    }
    (1..).zip(dense).filter(|(_, a)| *a != 0.0).collect()
}

impl Autoregressive for Ar {
    fn family(&self) -> Family {
        self.innovations.family()
    }

    fn begin<'m>(&'m self, context: &Batch, known: &Covariates) -> Result<Running<'m>> {
        self.check_covariates(context.steps(), known)?;
        Ok(Box::new(ArSession::begin(self, context, known)))
    }

    fn memory(&self) -> Option<usize> {
        Some(self.depth())
    }

    fn conditionals(&self, context: &Batch, target: &Batch, known: &Covariates) -> Result<Predictive> {
        let is_known = |batch: &Batch| batch.values().iter().all(|x| !x.is_nan());
        if !(context.lanes() == 1 && target.lanes() == 1 && is_known(context) && is_known(target)) {
            return step_through(self, context, target, known);
        }
        self.check_covariates(context.steps() + target.steps(), known)?;
        // A stationary start takes its first steps through the filter of the session.
        let unsettled = match self.start {
            Start::Stationary => self.depth().saturating_sub(context.steps()).min(target.steps()),
            Start::Given => 0,
        };
        if unsettled == 0 {
            return Ok(self.filter(context, target, known));
        }
        let (head, tail) = target.values().split_at(unsettled);
        let mut rows = step_through(self, context, &Batch::single(head, target.start(0)), known)?;
        let read: Vec<f64> = context.values().iter().chain(head).copied().collect();
        let read = Batch::single(&read, context.start(0));
        rows.append(&self.filter(&read, &Batch::single(tail, read.end(0)), known));
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Short, sparse, and long enough for overlap-save.
    #[test]
    fn reading_at_once_is_stepping_for_every_form_of_the_filter() {
        let x: Vec<f64> = (0..700).map(|t| 5.0 + (0.3 * f64::from(t)).sin() + f64::from(t * 37 % 11) / 8.0).collect();
        let dense = |p: i32| (1..=p).map(|k| 0.5 * f64::from(k).cos() / f64::from(p)).collect::<Vec<f64>>();
        let mut sparse = vec![0.0; 60];
        (sparse[0], sparse[59]) = (0.4, 0.3);
        for phi in [Vec::new(), dense(3), sparse, dense(130)] {
            let model = Ar::new(1.0, 0.01, phi, 1.0, 5.0);
            let (context, target) = (Batch::single(&x[..20], 0), Batch::single(&x[20..], 20));
            let at_once = model.conditionals(&context, &target, &Covariates::none()).expect("rows");
            let stepped = step_through(&model, &context, &target, &Covariates::none()).expect("rows");
            for row in 0..at_once.rows() {
                let [one, other] = [&at_once, &stepped].map(|rows| rows.row(row).mean());
                assert!((one - other).abs() < 1e-12 && at_once.is_defined(row) == stepped.is_defined(row), "{row}");
            }
        }
    }
}
