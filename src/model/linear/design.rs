//! The rows of a regression on terms and lags, as a matrix: what estimators need that do not stay within lagged
//! products.
//!
//! One row per value whose lags are all known: the terms in the order of [`Terms::names`](super::Terms::names), then the
//! lags in their order. O(n k) memory for k columns; pooled series follow one another.

use nalgebra::DMatrix;

use super::spec::LinearSpec;
use super::terms::Terms;
use crate::data::series::Series;
use crate::data::windows::stretches;
use crate::error::{Error, Result};
use crate::math::regression::{self, Regression};

/// Gives every row of a differenced series that has these lags and all shorter ones to `use_row(t, row, y)`, from t =
/// `from` on. The series begins at the index `start`; the time t = 1 of the trend is the index `first`.
pub(super) fn for_each_row(
    terms: &Terms,
    (start, first): (i64, i64),
    series: &Series,
    lags: &[usize],
    from: usize,
    mut use_row: impl FnMut(usize, &[f64], f64),
) {
    let depth = lags.last().copied().unwrap_or(0);
    let mut row = Vec::with_capacity(terms.width() + lags.len());
    for stretch in stretches(series.values(), depth) {
        for t in from.max(stretch.start + depth)..stretch.start + stretch.values.len() {
            row.clear();
            terms.push_row(start + t as i64, first, &mut row);
            row.extend(series.covariates().iter().map(|covariate| covariate.values[t]));
            row.extend(lags.iter().map(|lag| series.values()[t - lag]));
            use_row(t, &row, series.values()[t]);
        }
    }
}

/// Rows of terms and lags with their responses.
#[derive(Debug, Clone)]
pub(super) struct Design {
    /// rows x (terms, lags).
    pub(super) x: DMatrix<f64>,
    pub(super) y: Vec<f64>,
    names: Vec<String>,
    terms: usize,
    /// (series, position) of every row, ascending.
    pub(super) position: Vec<(usize, usize)>,
}

impl Design {
    /// Every row of differenced series that has all lags up to `lags`.
    pub(super) fn new(spec: &LinearSpec, train: &[Series], lags: usize) -> Self {
        let all: Vec<usize> = (1..=lags).collect();
        Self::with_lags(spec, train, &all)
    }

    /// Every row of differenced series that has these lags and all shorter ones.
    pub(super) fn with_lags(spec: &LinearSpec, train: &[Series], lags: &[usize]) -> Self {
        let first = spec.differences.order() as i64;
        let (mut rows, mut y, mut position) = (Vec::new(), Vec::new(), Vec::new());
        for (number, series) in train.iter().enumerate() {
            for_each_row(&spec.terms, (first, first), series, lags, 0, |t, row, response| {
                rows.extend_from_slice(row);
                y.push(response);
                position.push((number, t));
            });
        }
        let width = spec.terms.width() + lags.len();
        let mut names = spec.terms.names();
        names.extend(lags.iter().map(|lag| format!("phi_{lag}")));
        Self { x: DMatrix::from_row_slice(y.len(), width, &rows), y, names, terms: spec.terms.width(), position }
    }

    /// # Errors
    /// If columns are collinear: named.
    pub(super) fn least_squares(&self) -> Result<Regression> {
        let fit = regression::least_squares(&self.x, &self.y)?;
        match fit.collinear.first() {
            None => Ok(fit),
            Some(&column) => Err(self.collinear(column)),
        }
    }

    fn collinear(&self, column: usize) -> Error {
        let hint = if column < self.terms {
            "leave it out, or choose --penalty ridge"
        } else {
            "choose a lower --order or fewer --lags, leave out a covariate that repeats the values, or choose --penalty \
             ridge"
        };
        Error::numeric(format!("`{}` is a linear combination of the terms and lags before it", self.names[column]))
            .expected("columns that differ")
            .hint(hint)
    }

    /// The residual sums of squares with 0, 1, .. of the lags, until a lag is collinear.
    ///
    /// # Errors
    /// If a term is collinear.
    pub(super) fn nested_rss(&self) -> Result<Vec<f64>> {
        let mut squares = Vec::new();
        for columns in self.terms..=self.x.ncols() {
            let part = self.x.columns(0, columns).into_owned();
            let fit = regression::least_squares(&part, &self.y)?;
            match fit.collinear.first() {
                Some(&column) if column < self.terms => return Err(self.collinear(column)),
                Some(_) => break,
                None => squares.push(fit.rss),
            }
        }
        Ok(squares)
    }

    /// What is left of every series, in its place, without the terms; NaN where it is missing.
    pub(super) fn deviations(&self, coefficients: &[f64], train: &[Series]) -> Vec<Vec<f64>> {
        let mut left: Vec<Vec<f64>> = train.iter().map(|series| vec![f64::NAN; series.len()]).collect();
        for (row, &(series, t)) in self.position.iter().enumerate() {
            let fitted: f64 = self.x.row(row).iter().zip(coefficients).map(|(x, b)| x * b).sum();
            left[series][t] = self.y[row] - fitted;
        }
        left
    }
}
