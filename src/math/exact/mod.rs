//! Exact Gaussian maximum likelihood of autoregressions: gaps, regressors, differences, seasonal products, sparse lags.
//!
//! ```text
//! y_t = sum_j beta_j x_tj + u_t                                               regression with autoregressive errors
//! phi(B) Phi(B^m) (1 - B)^d (1 - B^m)^D u_t = e_t,   e_t ~ N(0, sigma^2)       phi of order p or at some lags, Phi of order P
//! ```
//!
//! The likelihood is that of all known values: the first ones by the stationary distribution, missing ones integrated out,
//! the d + mD starting values of an integrated process diffuse. sigma^2 and beta are concentrated out, phi and Phi
//! maximised over through their partial autocorrelations, so that every iterate is stationary.
//!
//! | data | what an evaluation runs over |
//! |---|---|
//! | no gaps, at most a mean | the sums of squares of `sums`: O(p^2), whatever the length and number of the series |
//! | anything else | the rows, `rows`, with missing values as unknowns, `gaps` |
//!
//! | file | holds |
//! |---|---|
//! | `prepare` | from series to differenced, centred, scaled rows |
//! | `ladder` | the predictors of all orders from partial autocorrelations, and back |
//! | `shape` | from free parameters to phi, Phi and their product |
//! | `sums`, `rows`, `gaps` | the likelihood of the table above |
//! | `profile` | what both end in: sum of squares, determinant, beta |
//! | `start`, `fit` | where maximisation begins; its best end, and what is reported |
//! | `smooth` | missing values given all others |
//! | `dual`, `banded` | numbers with derivatives; banded matrices |
//!
//! Two likelihoods: this one is maximised, and the filter of [`kalman`](super::kalman) scores a model row by row, which is
//! what a fit reports. They are the same function, held together by tests: for d > 0 with gaps the least-squares form
//! differs from the filter's by a constant of the pattern of gaps, which `prepare` takes from both.
//!
//! Gradients are exact (reverse mode, by hand), Hessians exact (the same code on dual numbers); Newton's method within a
//! trust region ends where rounding does. Standard errors are those of the observed information, with that of beta and
//! the coefficients jointly.
//!
//! Values agree with R's `arima(method = "ML")` where that is exact and converges, and are not below it; R counts the
//! determinant of a nearly non-stationary seasonal start wrongly (its documentation of `SSinit`), and its diffuse variance is
//! finite for d > 0.
//!
//! Sources: Box, Jenkins, Reinsel and Ljung 2015, *Time Series Analysis*, section 7.4 and its appendix; Brockwell and
//! Davis 1991, *Time Series: Theory and Methods*, section 8.7; Barndorff-Nielsen and Schou 1973, J. Multivariate Analysis
//! 3, p. 408; Gomez, Maravall and Pena 1999, J. Econometrics 88, p. 341.
//!
//! ```
//! use foretoken::math::exact::{ExactProblem, Observed, Structure};
//!
//! let level: Vec<f64> = (0..60).map(|t| 10.0 + (f64::from(t * t) * 0.7).sin() + (f64::from(t) * 0.3).sin()).collect();
//! let mut gappy = level.clone();
//! gappy[20] = f64::NAN;
//! let ones = vec![1.0; level.len()];
//! let series = vec![Observed { y: &gappy, columns: vec![&ones] }];
//! let fit = ExactProblem { series, structure: Structure::ar(2) }.maximise()?;
//! assert!(fit.converged && fit.observations == 59);
//! assert!((fit.beta[0] - 10.0).abs() < 1.0);
//! # Ok::<(), foretoken::Error>(())
//! ```

mod banded;
mod dual;
mod fit;
mod gaps;
mod ladder;
mod prepare;
mod profile;
mod rows;
mod shape;
mod smooth;
mod start;
mod sums;
#[cfg(test)]
mod tests;

pub(crate) use self::ladder::{autocovariances, reflections, root_modulus};
pub(crate) use self::smooth::{Missing, smooth};
pub use super::kalman::Observed;
use super::kalman::{Concentrated, LagWeight, Process, difference_lags, not_stationary};
use crate::error::{Error, Result};

/// The lags of phi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lags {
    /// All lags 1..=p.
    Order(usize),
    /// Some lags, ascending.
    Set(Vec<usize>),
}

/// What the errors follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// The lags of phi.
    pub lags: Lags,
    /// P, the order of Phi.
    pub seasonal_order: usize,
    /// m; does not matter where P = D = 0.
    pub period: usize,
    /// d.
    pub differences: usize,
    /// D.
    pub seasonal_differences: usize,
}

impl Structure {
    /// A stationary autoregression of order p.
    #[must_use]
    pub fn ar(order: usize) -> Self {
        Self { lags: Lags::Order(order), seasonal_order: 0, period: 1, differences: 0, seasonal_differences: 0 }
    }

    /// The lags of the difference operator.
    #[must_use]
    pub fn difference_lags(&self) -> Vec<LagWeight> {
        difference_lags(self.differences, self.seasonal_differences, self.period)
    }

    fn check(&self) -> Result<()> {
        let seasonal = self.seasonal_order + self.seasonal_differences > 0;
        if seasonal && self.period < 2 {
            return Err(Error::usage(format!("a seasonal part of period {}", self.period))
                .expected("at least 2")
                .hint("give the length of the season, as with --period 12"));
        }
        match &self.lags {
            Lags::Set(lags) if lags.first() == Some(&0) || !lags.is_sorted_by(|a, b| a < b) => {
                Err(Error::usage("the lags are not ascending").expected("different positive lags, smallest first"))
            }
            _ => Ok(()),
        }
    }
}

/// Series that share a process and regression coefficients.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactProblem<'a> {
    /// The series; all with the same number of regressors.
    pub series: Vec<Observed<'a>>,
    /// What their errors follow.
    pub structure: Structure,
}

/// A maximum of the likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactFit {
    /// The lags of `phi`.
    pub lags: Vec<usize>,
    /// phi at its lags.
    pub phi: Vec<f64>,
    /// Phi_1..Phi_P.
    pub seasonal_phi: Vec<f64>,
    /// The coefficients of the regressors, in the order of their columns.
    pub beta: Vec<f64>,
    /// sigma^2, by maximum likelihood (divisor N).
    pub sigma2: f64,
    /// The sum of the log densities of the N values that have one.
    pub log_likelihood: f64,
    /// N: known values less those that the differences need before them.
    pub observations: usize,
    /// The covariance matrix of (phi, Phi, beta), row by row, from the observed information; `None` where that is not
    /// positive definite.
    pub covariance: Option<Vec<Vec<f64>>>,
    /// The coefficients of phi(B) Phi(B^m), from lag 1.
    pub expanded: Vec<f64>,
    /// The difference operator.
    pub differences: Vec<LagWeight>,
    /// Whether the gradient vanished at a strict maximum inside the stationary region.
    pub converged: bool,
    /// Newton steps of the run that ended here.
    pub iterations: usize,
    /// The largest derivative of the mean log-likelihood by a free parameter.
    pub gradient: f64,
}

impl ExactFit {
    /// The standard errors of (phi, Phi, beta).
    #[must_use]
    pub fn standard_errors(&self) -> Option<Vec<f64>> {
        let covariance = self.covariance.as_ref()?;
        Some(covariance.iter().enumerate().map(|(i, row)| row[i].sqrt()).collect())
    }

    /// The process of the errors, for filtering and forecasting.
    ///
    /// # Errors
    /// If the coefficients are so close to the edge of the stationary region that rounding took them out.
    pub fn process(&self) -> Result<Process> {
        Process::new(&self.expanded, &self.differences)
    }
}

impl ExactProblem<'_> {
    /// Maximises the likelihood.
    ///
    /// A problem whose likelihood has no interior maximum (an order too high for the data, a root on the unit circle)
    /// ends with the best point found and `converged` false.
    ///
    /// # Errors
    /// If values are infinite, a regressor has no value where the series has one, regressors are collinear, there are
    /// fewer values than parameters, or the series has no variation left.
    pub fn maximise(&self) -> Result<ExactFit> {
        fit::Evaluator::new(self)?.maximise()
    }

    /// The likelihood at given coefficients, with sigma^2 and beta at their maximum.
    ///
    /// # Errors
    /// As [`ExactProblem::maximise`], and if the coefficients are not stationary.
    ///
    /// # Panics
    /// If the numbers of coefficients are not those of the structure.
    pub fn at(&self, phi: &[f64], seasonal_phi: &[f64]) -> Result<Concentrated> {
        fit::Evaluator::new(self)?.at(phi, seasonal_phi)
    }
}
