//! From series as given to rows that an evaluation can run over: filled, differenced, centred and scaled.
//!
//! Missing values are interpolated: they are unknowns of the problem, and what they are measured from does not matter. The
//! regressors become orthonormal columns, the response its residual from them in units of its root mean square. So
//! nothing in an evaluation cancels that belongs to units or levels, and collinear regressors are found by name.

use std::sync::Arc;

use nalgebra::DMatrix;

use super::gaps::Gaps;
use super::rows::RowSeries;
use super::{Observed, Structure};
use crate::error::{Error, Result};
use crate::math::kalman::{LagWeight, Process, determinant};

/// A regressor is collinear when the ones before it leave less than this share of its length.
const COLLINEAR: f64 = 1e-10;

/// The rows and the way back to the units of the data.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) series: Vec<RowSeries>,
    pub(super) units: Units,
    /// What the log-likelihood of integrated series with gaps lacks (see `gaps`).
    pub(super) diffuse: f64,
}

/// Coefficients gamma of the orthonormal columns and their beta = R^-1 gamma.
#[derive(Debug, Clone)]
pub(super) struct Units {
    /// One unit of the prepared response.
    pub(super) scale: f64,
    /// R of the regressors, upper triangular, column by column.
    r: Vec<Vec<f64>>,
    /// gamma of the response before it was centred.
    centre: Vec<f64>,
}

impl Units {
    /// R^-1 g.
    pub(super) fn solve(&self, g: &[f64]) -> Vec<f64> {
        let mut x = g.to_vec();
        for j in (0..x.len()).rev() {
            x[j] /= self.r[j][j];
            for i in 0..j {
                x[i] -= self.r[j][i] * x[j];
            }
        }
        x
    }

    /// beta in the units of the data, from the prepared coefficients.
    pub(super) fn beta(&self, gamma: &[f64]) -> Vec<f64> {
        let full: Vec<f64> =
            gamma.iter().zip(&self.centre).map(|(gamma, centre)| centre + self.scale * gamma).collect();
        self.solve(&full)
    }

    /// The covariance matrix of (coefficients, gamma) as one of (coefficients, beta); the first `fixed` are coefficients.
    pub(super) fn covariance(&self, joint: &DMatrix<f64>, fixed: usize) -> Vec<Vec<f64>> {
        let convert = |row: Vec<f64>| {
            let (coefficients, gamma) = row.split_at(fixed);
            let gamma: Vec<f64> = gamma.iter().map(|gamma| self.scale * gamma).collect();
            coefficients.iter().copied().chain(self.solve(&gamma)).collect::<Vec<f64>>()
        };
        // Rows, then columns of the result.
        let half: Vec<Vec<f64>> = joint.row_iter().map(|row| convert(row.iter().copied().collect())).collect();
        let columns: Vec<Vec<f64>> =
            (0..half.len()).map(|j| convert(half.iter().map(|row| row[j]).collect())).collect();
        (0..columns.len()).map(|i| columns.iter().map(|column| column[i]).collect()).collect()
    }
}

/// A series without the missing values at its ends, those inside interpolated.
struct Filled {
    columns: Vec<Vec<f64>>,
    missing: Vec<usize>,
}

pub(super) fn prepare(series: &[Observed<'_>], structure: &Structure, order: usize) -> Result<Prepared> {
    let delta = structure.difference_lags();
    let lead = delta.last().map_or(0, |&(lag, _)| lag);
    let mut rows = Vec::with_capacity(series.len());
    let mut diffuse = 0.0;
    for (index, series) in series.iter().enumerate() {
        let filled = fill(series).map_err(|error| error.at(format!("series {}", index + 1)))?;
        if filled.columns[0].len() <= lead {
            continue;
        }
        let columns: Vec<Vec<f64>> = filled.columns.iter().map(|x| difference(x, &delta, lead)).collect();
        let count = columns[0].len();
        let mut gaps = Gaps::new(filled.missing.clone(), &delta, order, count);
        if lead > 0 && !gaps.is_empty() {
            gaps.drop_undetermined(count);
            diffuse += diffuse_share(&filled, &delta, &gaps)?;
        }
        rows.push(RowSeries { columns, gaps });
    }
    if rows.is_empty() {
        return Err(Error::data("no series has a value left after its differences")
            .expected("values that are known")
            .hint("give more history, or take fewer differences"));
    }
    let units = standardise(&mut rows)?;
    Ok(Prepared { series: rows, units, diffuse })
}

/// Half of ln |Lambda| - sum ln F of white noise: the same for every autoregression.
fn diffuse_share(filled: &Filled, delta: &[LagWeight], gaps: &Gaps) -> Result<f64> {
    let mut y = filled.columns[0].clone();
    filled.missing.iter().for_each(|&t| y[t] = f64::NAN);
    let (_, by_filter) = determinant(&Arc::new(Process::new(&[], delta)?), &y);
    Ok(0.5 * (gaps.white_noise_determinant() - by_filter))
}

fn fill(series: &Observed<'_>) -> Result<Filled> {
    let y = series.y;
    if let Some(t) = y.iter().position(|y| y.is_infinite()) {
        return Err(Error::data(format!("value {} is infinite", t + 1)).expected("numbers, or NaN where missing"));
    }
    let Some(first) = y.iter().position(|y| !y.is_nan()) else {
        return Ok(Filled { columns: vec![Vec::new(); 1 + series.columns.len()], missing: Vec::new() });
    };
    let last = y.iter().rposition(|y| !y.is_nan()).unwrap_or(first);
    for (j, x) in series.columns.iter().enumerate() {
        if let Some(t) = (first..=last).find(|&t| !y[t].is_nan() && !x[t].is_finite()) {
            return Err(Error::data(format!("regressor {} has no value where the series has value {}", j + 1, t + 1))
                .expected("a finite number wherever the series is known"));
        }
    }
    let missing: Vec<usize> = (0..=last - first).filter(|t| y[first + t].is_nan()).collect();
    let columns = std::iter::once(&y).chain(&series.columns).map(|x| interpolate(&x[first..=last], &missing)).collect();
    Ok(Filled { columns, missing })
}

/// A straight line over every run of missing values; the first and the last value are known.
fn interpolate(x: &[f64], missing: &[usize]) -> Vec<f64> {
    let mut filled = x.to_vec();
    for run in missing.chunk_by(|a, b| a + 1 == *b) {
        let (before, after) = (run[0] - 1, run[run.len() - 1] + 1);
        let slope = (filled[after] - filled[before]) / (after - before) as f64;
        for &t in run {
            filled[t] = filled[before] + slope * (t - before) as f64;
        }
    }
    filled
}

fn difference(x: &[f64], delta: &[LagWeight], lead: usize) -> Vec<f64> {
    (lead..x.len()).map(|t| x[t] - delta.iter().map(|&(lag, weight)| weight * x[t - lag]).sum::<f64>()).collect()
}

/// Orthonormal columns (mean square one), the response centred on them and scaled.
fn standardise(series: &mut [RowSeries]) -> Result<Units> {
    let rows: usize = series.iter().map(|series| series.columns[0].len()).sum();
    let size = (rows as f64).sqrt();
    let width = series.first().map_or(1, |series| series.columns.len());
    let mut r: Vec<Vec<f64>> = Vec::new();
    for j in 1..width {
        let length = product(series, j, j).sqrt();
        let mut column = vec![0.0; j];
        // Once more than needed in exact arithmetic: what the first pass leaves is orthogonal to rounding.
        for _ in 0..2 {
            for i in 1..j {
                let along = product(series, i, j) / rows as f64;
                subtract(series, i, j, along);
                column[i - 1] += along;
            }
        }
        let rest = product(series, j, j).sqrt();
        if !(rest > COLLINEAR * length && rest.is_finite()) {
            return Err(Error::data(format!("regressor {j} is a linear combination of those before it"))
                .expected("independent regressors, also after differencing"));
        }
        column[j - 1] = rest / size;
        multiply(series, j, size / rest);
        r.push(column);
    }
    let before = product(series, 0, 0).sqrt();
    let mut centre = vec![0.0; width - 1];
    for _ in 0..2 {
        for j in 1..width {
            let along = product(series, j, 0) / rows as f64;
            subtract(series, j, 0, along);
            centre[j - 1] += along;
        }
    }
    let scale = product(series, 0, 0).sqrt() / size;
    if !(scale * size > 1e-13 * before && scale.is_finite()) {
        return Err(Error::numeric("the series does not vary beyond its regressors and differences")
            .hint("a constant or exactly determined series has no likelihood"));
    }
    multiply(series, 0, scale.recip());
    Ok(Units { scale, r, centre })
}

fn product(series: &[RowSeries], i: usize, j: usize) -> f64 {
    let dot = |series: &RowSeries| series.columns[i].iter().zip(&series.columns[j]).map(|(x, y)| x * y).sum::<f64>();
    series.iter().map(dot).sum()
}

/// Column j less a multiple of column i.
fn subtract(series: &mut [RowSeries], i: usize, j: usize, factor: f64) {
    for series in series {
        let (from, to) = if i < j {
            let (left, right) = series.columns.split_at_mut(j);
            (&left[i], &mut right[0])
        } else {
            let (left, right) = series.columns.split_at_mut(i);
            (&right[0], &mut left[j])
        };
        to.iter_mut().zip(from).for_each(|(to, from)| *to -= factor * from);
    }
}

fn multiply(series: &mut [RowSeries], j: usize, factor: f64) {
    series.iter_mut().flat_map(|series| &mut series.columns[j]).for_each(|x| *x *= factor);
}
