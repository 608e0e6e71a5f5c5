//! g_t: what the terms add to the recursion of the values, x_t = g_t + sum_k a_k x_{t-k} + e_t.
//!
//! With r_t the terms, b their coefficients, phi(B) and delta(B) the two polynomials:
//!
//! | form | terms of time alone | covariates (levels c_t) |
//! |---|---|---|
//! | equation | r_t' b | delta(B) c_t' b |
//! | mean | phi(B) r_t' b | phi(B) delta(B) c_t' b |
//!
//! An intercept and a trend give a line again, g_t = c + s t, which costs nothing; other terms of time alone cost O(p
//! width) a step in the mean form, and covariates one filter each.

use super::ar::Form;
use super::terms::{Terms, Trend};
use crate::data::batch::Covariates;

/// The offset of a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offset {
    terms: Terms,
    coefficients: Vec<f64>,
    form: Form,
    /// d + mD: where the time of the first z stands.
    order: usize,
    /// phi_1..phi_p in the mean form, else nothing: what filters the terms of time.
    phi: Vec<f64>,
    /// (lag, weight) of the polynomial that filters the covariates.
    covariate_filter: Vec<(usize, f64)>,
    /// (c, s) of the intercept and the trend.
    line: (f64, f64),
}

impl Offset {
    /// `phi` filters the terms of time, `covariate_filter` the covariates; `order` is d + mD.
    pub(super) fn new(
        terms: Terms,
        coefficients: Vec<f64>,
        form: Form,
        phi: &[f64],
        covariate_filter: &[(usize, f64)],
        order: usize,
    ) -> Self {
        let level = if terms.has_intercept() { coefficients[0] } else { 0.0 };
        let slope = if terms.trend == Trend::ConstantTrend { coefficients[1] } else { 0.0 };
        // phi(B) (level + slope t), multiplied out.
        let sum: f64 = phi.iter().sum();
        let moment: f64 = phi.iter().zip(1..).map(|(phi, i)| phi * f64::from(i)).sum();
        let line = (level * (1.0 - sum) + slope * moment, slope * (1.0 - sum));
        let (phi, covariate_filter) = (phi.to_vec(), covariate_filter.to_vec());
        Self { terms, coefficients, form, order, phi, covariate_filter, line }
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    pub(super) fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn line(&self) -> (f64, f64) {
        self.line
    }

    /// How many steps back the covariates of a row reach.
    pub(super) fn covariate_depth(&self) -> usize {
        self.covariate_filter.last().map_or(0, |&(lag, _)| lag)
    }

    /// The coefficients of the covariates.
    fn covariate_coefficients(&self) -> &[f64] {
        &self.coefficients[self.terms.deterministic()..]
    }

    /// r_t' b of the terms of time alone: the mean (or the intercept) of z at an index of x.
    pub(super) fn deterministic_mean(&self, index: i64, scratch: &mut Vec<f64>) -> f64 {
        self.terms.value((index, self.order as i64), &self.coefficients, scratch)
    }

    /// c_t' b of one step's covariates.
    pub(super) fn covariate_level(&self, row: &[f64]) -> f64 {
        row.iter().zip(self.covariate_coefficients()).map(|(x, b)| x * b).sum()
    }

    /// What the terms of time alone add at an index.
    pub(super) fn of_time(&self, index: i64, scratch: &mut Vec<f64>) -> f64 {
        if self.terms.is_line() {
            return self.line.0 + self.line.1 * (index + 1 - self.order as i64) as f64;
        }
        let now = self.deterministic_mean(index, scratch);
        (1..).zip(&self.phi).fold(now, |sum, (lag, phi)| sum - phi * self.deterministic_mean(index - lag, scratch))
    }

    /// g where it is the same at all times and there are no covariates.
    pub(super) fn constant(&self) -> Option<f64> {
        (self.terms.is_line() && self.line.1 == 0.0 && self.terms.covariates.is_empty()).then_some(self.line.0)
    }

    /// What the covariates add, from their levels c' b now and `back` steps ago.
    pub(super) fn of_covariates(&self, now: f64, back: impl Fn(usize) -> f64) -> f64 {
        self.covariate_filter.iter().fold(now, |sum, &(lag, weight)| sum - weight * back(lag))
    }

    /// The offsets of consecutive rows of one lane, the first at `index` and at `step` of the covariates.
    pub(super) fn fill(&self, index: i64, known: &Covariates, step: usize, out: &mut [f64]) {
        let mut scratch = Vec::new();
        if self.line.1 == 0.0 && self.terms.is_line() {
            out.fill(self.line.0);
        } else {
            (index..).zip(out.iter_mut()).for_each(|(index, out)| *out = self.of_time(index, &mut scratch));
        }
        if self.terms.covariates.is_empty() {
            return;
        }
        let first = step.saturating_sub(self.covariate_depth());
        let levels: Vec<f64> = (first..step + out.len()).map(|t| self.covariate_level(known.row(t).lane(0))).collect();
        for (t, out) in (step - first..).zip(out) {
            // Rows that reach before the first step are undefined.
            *out += self.of_covariates(levels[t], |back| t.checked_sub(back).map_or(0.0, |t| levels[t]));
        }
    }
}
