//! The concentrated log-likelihood of several series under one process, by the filter.

use std::sync::Arc;

use nalgebra::DMatrix;

use super::{Process, Spread};
use crate::error::{Error, Result};

/// A series with what explains its level: y_t = sum_j beta_j x_{tj} + u_t.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed<'a> {
    /// The values, NaN where missing.
    pub y: &'a [f64],
    /// The regressors, each as long as `y`; what they are where `y` is missing does not matter.
    pub columns: Vec<&'a [f64]>,
}

/// The likelihood of several series under one process, with sigma^2 and beta at their maximum.
#[derive(Debug, Clone, PartialEq)]
pub struct Concentrated {
    /// The sum of the log densities of all rows that have one.
    pub log_likelihood: f64,
    /// How many rows have one.
    pub rows: usize,
    /// The variance of the innovations.
    pub sigma2: f64,
    /// The coefficients of the regressors, by generalised least squares.
    pub beta: Vec<f64>,
    /// sum of ln F over the rows that have a density.
    pub log_determinant: f64,
}

/// The concentrated log-likelihood. The filter runs over the regressors along with the series (de Jong 1991, *Ann.
/// Statist.* 19, p. 1073); its gains are shared. O(n (r (1 + k) + k^2)) and O(r^2) per value that is not settled.
///
/// # Errors
/// If no row has a density, the regressors are collinear, or the series has no variation left.
///
/// # Panics
/// If a regressor is not as long as its series, or series have different numbers of regressors.
pub fn log_likelihood(process: &Arc<Process>, series: &[Observed<'_>]) -> Result<Concentrated> {
    let width = 1 + series.first().map_or(0, |series| series.columns.len());
    let mut gram = DMatrix::<f64>::zeros(width, width);
    let (mut rows, mut log_determinant) = (0, 0.0);
    for series in series {
        assert!(series.columns.len() + 1 == width, "every series has the same regressors");
        for (variance, innovations) in innovations(process, series) {
            rows += 1;
            log_determinant += f64::ln(variance);
            for i in 0..width {
                for j in 0..width {
                    gram[(i, j)] += innovations[i] * innovations[j] / variance;
                }
            }
        }
    }
    let k = width - 1;
    let normal = gram.view((1, 1), (k, k)).clone_owned();
    let cross = gram.view((1, 0), (k, 1)).clone_owned();
    let solved = normal.cholesky().ok_or_else(|| Error::numeric("the regressors are collinear"))?.solve(&cross);
    let sum = gram[(0, 0)] - cross.dot(&solved);
    let n = rows as f64;
    if !(sum > 0.0 && rows > 0) {
        return Err(Error::numeric("the series has no variation that its likelihood could be of"));
    }
    let sigma2 = sum / n;
    let log_likelihood = -0.5 * (n * (std::f64::consts::TAU * sigma2).ln() + n + log_determinant);
    Ok(Concentrated { log_likelihood, rows, sigma2, beta: solved.iter().copied().collect(), log_determinant })
}

/// (F, innovations of the series and of every regressor) of the rows that have a density.
fn innovations(process: &Arc<Process>, series: &Observed<'_>) -> Vec<(f64, Vec<f64>)> {
    let columns: Vec<&[f64]> = std::iter::once(series.y).chain(series.columns.iter().copied()).collect();
    assert!(columns.iter().all(|column| column.len() == series.y.len()), "a regressor is as long as its series");
    let mut spread = Spread::new(Arc::clone(process));
    let mut means = vec![vec![0.0; process.order()]; columns.len()];
    let mut all = Vec::new();
    for t in 0..series.y.len() {
        let predicted: Vec<f64> = means.iter().map(|means| spread.mean(means)).collect();
        let (slot, has_density, variance) = (spread.slot(), !spread.next.is_diffuse, spread.next.variance);
        let known = !series.y[t].is_nan();
        spread.advance(known);
        let mut row = Vec::with_capacity(columns.len());
        for ((means, column), mean) in means.iter_mut().zip(&columns).zip(predicted) {
            if known {
                row.push(column[t] - mean);
                spread.update(means, slot, column[t], column[t] - mean);
            } else if let Some(to) = means.get_mut(slot) {
                *to = mean;
            }
        }
        if known && has_density {
            all.push((variance, row));
        }
    }
    all
}

/// (how many known values have a density, sum of their ln F): what does not depend on the values.
pub(in crate::math) fn determinant(process: &Arc<Process>, y: &[f64]) -> (usize, f64) {
    let rows = innovations(process, &Observed { y, columns: Vec::new() });
    (rows.len(), rows.iter().map(|(variance, _)| variance.ln()).sum())
}
