//! The data of an autoregression without gaps, reduced to what its exact likelihood depends on.
//!
//! ```text
//! u' V^-1 u = sum_{k<p} e_k^2 / v_k + sum_{t>=p} (u_t - sum_i a_{p,i} u_{t-i})^2,     e_k = u_k - sum_i a_{k,i} u_{k-i}
//! ```
//!
//! The last sum is |R b|^2, b = (1, -a_p), with R the (p+1) x (p+1) triangular factor of the lagged values: as few
//! numbers as the sums of products D of Box, Jenkins, Reinsel and Ljung 2015 (appendix A7.4, p. 263), and the same
//! quadratic form, but every term is a square. b' D b loses as many digits as the ratio of the variance of u to that of
//! its innovations has, which is 1e8 for narrow-band series; this loses half of them at most. A constant is one more
//! column. An evaluation costs O(p^2) whatever the length and number of the series.

use nalgebra::DMatrix;

use super::dual::Real;
use super::ladder::{Adjoint, Ladder};
use super::profile::{Profile, Tally, Weights, determinant_counts};
use crate::math::autocovariance::products_after;

/// Up to this ratio of a lag's sum of squares to what the lags before it leave of it, R comes from the products of the
/// lags; above, from the rows.
const GRAM_LIMIT: f64 = 1e4;
/// Rows that one Householder factorisation takes at once, in widths of the matrix.
const CHUNK: usize = 8;

/// One block for every order k: rows (u_t, u_{t-1}, .., u_{t-k}, constant).
#[derive(Debug, Clone)]
pub(super) struct Sums {
    levels: Vec<Level>,
    constant: bool,
    tally: Tally,
    /// min(k, n) summed over series: how often ln(1 - r_k^2) counts in the determinant.
    determinant: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Level {
    rows: Vec<f64>,
    width: usize,
    /// Row i begins with i zeros.
    triangular: bool,
}

impl Level {
    /// (first column that is not zero, row).
    fn rows(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let first = move |i: usize| if self.triangular { i } else { 0 };
        self.rows.chunks_exact(self.width).enumerate().map(move |(i, row)| (first(i), row))
    }
}

impl Sums {
    /// Reduces series without gaps. `constant`: a level common to all is estimated.
    pub(super) fn new(series: &[&[f64]], order: usize, constant: bool) -> Self {
        let mut levels: Vec<Level> = (0..order).map(|k| initial(series, k, constant)).collect();
        levels.push(top(series, order, constant));
        let lengths: Vec<usize> = series.iter().map(|u| u.len()).collect();
        Self {
            levels,
            constant,
            tally: Tally { rows: lengths.iter().sum(), columns: usize::from(constant) },
            determinant: determinant_counts(&lengths, order),
        }
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Half the log of the sum of squares and the determinant's share, with derivatives by the ladder.
    pub(super) fn evaluate<T: Real>(&self, ladder: &Ladder<T>, adjoint: &mut Adjoint<T>) -> Option<Profile<T>> {
        let zero = T::of(0.0);
        let total = |k: usize| ladder.order(k).iter().fold(T::of(1.0), |sum, &a| sum - a);
        let (mut own, mut one) = (Vec::new(), Vec::new());
        let (mut cross, mut square) = (zero, zero);
        for (k, level) in self.levels.iter().enumerate() {
            let (a, weight, filtered) = (ladder.order(k), ladder.precision(k), total(k));
            for (first, row) in level.rows() {
                own.push(filter(a, row, first));
                if self.constant {
                    let e = filtered.scale(row[k + 1]);
                    cross += weight * e * own[own.len() - 1];
                    square += weight * e * e;
                    one.push(e);
                }
            }
        }
        let beta = if self.constant { cross / square } else { zero };
        for (e, one) in own.iter_mut().zip(&one) {
            *e -= beta * *one;
        }
        let energies = self.energies(ladder, &own);
        let sum = energies.iter().fold(zero, |sum, &energy| sum + energy);
        if !(sum.value() > 0.0 && sum.value().is_finite() && beta.value().is_finite()) {
            return None;
        }
        self.pull(ladder, &own, beta, sum, adjoint);
        let slopes = energies.iter().map(|&energy| (energy / sum).scale(0.5)).collect();
        let weights = Weights { determinant: &self.determinant, slopes, missing: zero, rows: self.tally.rows };
        let (objective, log_determinant) = weights.close(sum, ladder, adjoint);
        let (beta, information) = if self.constant { (vec![beta], vec![square.value()]) } else { Default::default() };
        Some(Profile {
            objective,
            sum_of_squares: sum.value(),
            log_determinant: log_determinant.value(),
            beta,
            information,
        })
    }

    /// sum of e^2 / v_k by order.
    fn energies<T: Real>(&self, ladder: &Ladder<T>, residuals: &[T]) -> Vec<T> {
        let mut rest = residuals.iter();
        let energy = |(k, level): (usize, &Level)| {
            let rows = level.rows.len() / level.width;
            let squares = rest.by_ref().take(rows).fold(T::of(0.0), |sum, &e| sum + e * e);
            squares * ladder.precision(k)
        };
        self.levels.iter().enumerate().map(energy).collect()
    }

    /// d (ln S / 2) / d a_k = -sum of e_t (u_{t-i} - beta) / (v_k S).
    fn pull<T: Real>(&self, ladder: &Ladder<T>, residuals: &[T], beta: T, sum: T, adjoint: &mut Adjoint<T>) {
        adjoint.clear();
        let mut rest = residuals.iter();
        for (k, level) in self.levels.iter().enumerate() {
            let weight = ladder.precision(k) / sum;
            let by = adjoint.order(k);
            for ((first, row), &e) in level.rows().zip(rest.by_ref()) {
                let slope = -(e * weight);
                for i in first.max(1)..=k {
                    by[i - 1] += slope.scale(row[i]);
                }
                if self.constant {
                    let level = slope * beta.scale(row[k + 1]);
                    for by in by.iter_mut() {
                        *by -= level;
                    }
                }
            }
        }
    }
}

/// u_t - sum_i a_i u_{t-i} of a row.
fn filter<T: Real>(a: &[T], row: &[f64], first: usize) -> T {
    let mut e = T::of(if first == 0 { row[0] } else { 0.0 });
    for i in first.max(1)..=a.len() {
        e -= a[i - 1].scale(row[i]);
    }
    e
}

/// The row that the k-th value (from 0) of every series gives to order k.
fn initial(series: &[&[f64]], k: usize, constant: bool) -> Level {
    let width = k + 1 + usize::from(constant);
    let rows: Vec<f64> = series
        .iter()
        .filter(|u| u.len() > k)
        .flat_map(|u| u[..=k].iter().rev().copied().chain(constant.then_some(1.0)))
        .collect();
    reduce(rows, width)
}

/// All rows with p values before them.
fn top(series: &[&[f64]], order: usize, constant: bool) -> Level {
    let width = order + 1 + usize::from(constant);
    let rows: usize = series.iter().map(|u| u.len().saturating_sub(order)).sum();
    if rows > 2 * width
        && let Some(r) = factor_of_products(&gram(series, order, constant))
    {
        return Level { rows: row_major(&r), width, triangular: true };
    }
    let mut level = Level { rows: Vec::new(), width, triangular: false };
    for u in series {
        for window in u.windows(order + 1) {
            level.rows.extend(window.iter().rev().copied().chain(constant.then_some(1.0)));
            if level.rows.len() >= CHUNK * width * width {
                level = reduce(level.rows, width);
            }
        }
    }
    reduce(level.rows, width)
}

/// The triangular factor of rows, if there are more rows than columns.
fn reduce(rows: Vec<f64>, width: usize) -> Level {
    if rows.len() <= width * width {
        return Level { rows, width, triangular: false };
    }
    let r = DMatrix::from_row_slice(rows.len() / width, width, &rows).qr().unpack_r();
    Level { rows: row_major(&r), width, triangular: true }
}

fn row_major(r: &DMatrix<f64>) -> Vec<f64> {
    r.transpose().as_slice().to_vec()
}

/// The products of the columns (lag 0, .., lag p, constant) over all rows that have p values before them: the first row
/// in one pass, the others by G_{i+1,j+1} = G_{i,j} + what enters - what leaves.
fn gram(series: &[&[f64]], order: usize, constant: bool) -> DMatrix<f64> {
    let width = order + 1 + usize::from(constant);
    let mut g = DMatrix::zeros(width, width);
    for u in series.iter().filter(|u| u.len() > order) {
        let n = u.len();
        let mut row = products_after(u, 0.0, order);
        for i in 0..=order {
            for (j, &product) in (i..).zip(&row) {
                g[(i, j)] += product;
            }
            row.pop();
            if i < order {
                for (j, product) in (i..).zip(&mut row) {
                    *product += u[order - 1 - i] * u[order - 1 - j] - u[n - 1 - i] * u[n - 1 - j];
                }
            }
        }
        if constant {
            let mut sum: f64 = u[order..].iter().sum();
            for i in 0..=order {
                g[(i, order + 1)] += sum;
                if i < order {
                    sum += u[order - 1 - i] - u[n - 1 - i];
                }
            }
            g[(order + 1, order + 1)] += (n - order) as f64;
        }
    }
    g.fill_lower_triangle_with_upper_triangle();
    g
}

/// The Cholesky factor R, R'R = G; `None` where squares have lost too many digits.
fn factor_of_products(g: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let r = g.clone().cholesky()?.l().transpose();
    let kept = |j: usize| r[(j, j)] * r[(j, j)] * GRAM_LIMIT > g[(j, j)];
    (0..g.ncols()).all(kept).then_some(r)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize, shift: f64) -> Vec<f64> {
        (0..n).map(|t| (1.3 * t as f64 + shift).sin() + 0.3 * ((t * t) as f64).cos() + 0.5).collect()
    }

    #[test]
    fn products_and_rows_have_the_same_factor() {
        let series = [wave(40, 0.0), wave(3, 1.0), wave(25, 2.0)];
        let series: Vec<&[f64]> = series.iter().map(Vec::as_slice).collect();
        for constant in [false, true] {
            let g = gram(&series, 3, constant);
            let from_products = factor_of_products(&g).expect("well conditioned");
            let mut rows = Vec::new();
            for u in &series {
                for window in u.windows(4) {
                    rows.extend(window.iter().rev().copied().chain(constant.then_some(1.0)));
                }
            }
            let from_rows = DMatrix::from_row_slice(rows.len() / g.ncols(), g.ncols(), &rows).qr().unpack_r();
            for i in 0..g.ncols() {
                let sign = from_rows[(i, i)].signum();
                for j in 0..g.ncols() {
                    assert!((from_products[(i, j)] - sign * from_rows[(i, j)]).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn a_narrow_band_is_reduced_by_rows() {
        let pure: Vec<f64> = (0..60).map(|t| (0.7 * f64::from(t)).sin() + 1e-5 * (f64::from(t * t)).cos()).collect();
        assert!(factor_of_products(&gram(&[&pure], 4, false)).is_none());
    }
}
