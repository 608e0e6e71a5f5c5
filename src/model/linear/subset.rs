//! Least squares on any lags and terms, its covariances, and the choice of lags.
//!
//! ```text
//! z_t = r_t' b + sum_{k in lags} phi_k z_{t-k} + e_t      minimise sum e_t^2 over the rows that have all lags
//! ```
//!
//! The rows stand in a [`Design`]; O(n k^2) time and O(n k) memory for k columns. Rows begin after the largest lag, also
//! where lags between are left out, as in statsmodels' `AutoReg(lags = [1, 12])`, whose parameters, errors, likelihoods
//! and forecasts these are.
//!
//! | [`CovarianceKind`] | V | statsmodels |
//! |---|---|---|
//! | classical | (X'X)^-1 RSS / n | `AutoReg.fit()`; times n / (n - k) with `use_t = True` |
//! | heteroskedastic | HC1: White's HC0 times n / (n - k) | `cov_type = "HC1"` |
//! | autocorrelated | Newey and West's, Bartlett's weights, no correction | `cov_type = "HAC"` |
//!
//! n is the number of rows and k that of coefficients, so HC0 is HC1 times (n - k) / n.
//!
//! Sets of lags are chosen on the rows that have all lags up to the largest that is tried: see
//! [`subsets`](crate::math::subsets).

use nalgebra::DMatrix;

use super::ar::Innovations;
use super::closed_form::complete_rows;
use super::design::Design;
use super::order::Criterion;
use super::spec::{CovarianceKind, Estimate, Estimated, LinearSpec, is_constant, values};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::autocovariance::mean;
use crate::math::covariance::{autocorrelated, default_lags, heteroskedastic};
use crate::math::regression::Regression;
use crate::math::subsets::{Subset, best_subset};

/// Rows of a matrix.
pub(super) fn rows_of(matrix: &DMatrix<f64>) -> Vec<Vec<f64>> {
    matrix.row_iter().map(|row| row.iter().copied().collect()).collect()
}

/// Coefficients with the roots of the diagonal of their covariance.
pub(super) fn with_errors(coefficients: &[f64], covariance: &DMatrix<f64>) -> Vec<Estimated> {
    let errors = covariance.diagonal().map(|variance| variance.max(0.0).sqrt());
    coefficients.iter().zip(errors.iter()).map(|(b, error)| (*b, Some(*error))).collect()
}

impl LinearSpec {
    pub(super) fn subset_least_squares(&self, train: &[Series], lags: &[usize]) -> Result<Estimate> {
        if is_constant(train) {
            return self.constant(train, lags);
        }
        self.check_rows(train, lags)?;
        let design = Design::with_lags(self, train, lags);
        let fit = design.least_squares()?;
        let covariance = self.covariance_of(&design, &fit);
        let (n, width) = (design.y.len() as f64, design.x.ncols() as f64);
        let mut terms = with_errors(&fit.coefficients, &covariance);
        let phi = terms.split_off(self.terms.width());
        let innovations = (Innovations::Gaussian { sd: (fit.rss / n).sqrt() }, fit.rss / (n - width));
        Ok(Estimate { covariance: Some(rows_of(&covariance)), ..Estimate::given((terms, phi), lags, innovations) })
    }

    /// # Errors
    /// If there are not more rows than coefficients.
    pub(super) fn check_rows(&self, train: &[Series], lags: &[usize]) -> Result<()> {
        let width = self.terms.width() + lags.len();
        let depth = lags.last().copied().unwrap_or(0);
        let rows = complete_rows(train, depth);
        if rows > width {
            return Ok(());
        }
        Err(Error::data(format!("only {rows} rows have all lags up to {depth}"))
            .expected(format!("more than the {width} coefficients"))
            .hint("lower --order, or fill gaps with --missing interpolate"))
    }

    fn covariance_of(&self, design: &Design, fit: &Regression) -> DMatrix<f64> {
        let (n, width) = (design.y.len() as f64, design.x.ncols() as f64);
        match self.covariance {
            CovarianceKind::Classical => fit.inverse() * (fit.rss / n),
            CovarianceKind::Heteroskedastic => {
                heteroskedastic(&design.x, &fit.residuals, &fit.root) * (n / (n - width))
            }
            CovarianceKind::Autocorrelated { lags } => {
                let lags = lags.unwrap_or_else(|| default_lags(design.y.len()));
                autocorrelated(&design.x, &fit.residuals, &fit.root, &design.position, lags)
            }
        }
    }

    /// The lags with the smallest criterion, and what there is to say about the search.
    pub(super) fn best_subset(
        &self,
        train: &[Series],
        max: usize,
        criterion: Criterion,
    ) -> Result<(Vec<usize>, Vec<String>)> {
        let max = self.affordable_lags(train, max);
        if max == 0 || is_constant(train) {
            return Ok((Vec::new(), Vec::new()));
        }
        let factor = if self.is_plain() { self.lag_factor(train, max) } else { self.design_factor(train, max) };
        let rows = complete_rows(train, max) as f64;
        // Whatever explains all but rounding explains all.
        let floor = 1e-24 * factor.column(max).norm_squared();
        let of_set =
            |size: usize, rss: f64| criterion.of(rss.max(floor) / rows, rows, (size + self.terms.width() + 1) as f64);
        let Subset { columns, is_best, .. } = best_subset(&factor, &of_set);
        let mut warnings = Vec::new();
        if !is_best {
            warnings.push(format!(
                "the sets of {max} lags are too many to try all: the lags are those of forward selection and exchanges"
            ));
        }
        Ok((columns.iter().map(|column| column + 1).collect(), warnings))
    }

    /// The factor of lags and response beside any terms. An intercept takes the level of the values out beforehand,
    /// which keeps digits.
    fn design_factor(&self, train: &[Series], max: usize) -> DMatrix<f64> {
        let design = Design::new(self, train, max);
        let (rows, width) = design.x.shape();
        let level = if self.terms.has_intercept() { mean(values(train)) } else { 0.0 };
        let mut all = design.x.resize_horizontally(width + 1, 0.0);
        all.column_mut(width).copy_from_slice(&design.y);
        all.columns_mut(self.terms.width(), max + 1).add_scalar_mut(-level);
        let triangle = all.qr().unpack_r().resize_vertically(rows.max(width + 1), 0.0);
        triangle.view((self.terms.width(), self.terms.width()), (max + 1, max + 1)).into_owned()
    }
}
