//! The exact likelihood from the rows themselves: gaps, regressors and long sparse polynomials.
//!
//! Rows are the differences w = delta(B) u. Row t < p is predicted with order t and weighs 1 / v_t, the others with order p:
//! the innovations form of the density. Missing values and coefficients beta are unknowns of one weighted least-squares
//! problem; the missing ones are integrated out (their determinant counts), beta is maximised over.
//!
//! Cost of an evaluation with its gradient: O(n q (k + 1)) for q lags and k regressors, O(p^2 (k + 1)) for the first p
//! rows of every series, and what [`Gaps`] says.

use super::banded::Banded;
use super::dual::Real;
use super::gaps::{Gaps, Precision};
use super::ladder::{Adjoint, Ladder};
use super::profile::{Profile, Tally, Weights, determinant_counts};

/// The differenced series with its regressors; index 0 is the response.
#[derive(Debug, Clone)]
pub(super) struct RowSeries {
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) gaps: Gaps,
}

/// The data of an evaluation.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    series: Vec<RowSeries>,
    /// The lags of the expanded polynomial.
    lags: Vec<usize>,
    order: usize,
    tally: Tally,
    determinant: Vec<f64>,
}

/// One series, filtered.
struct Pass<T> {
    filtered: Vec<Vec<T>>,
    precision: Option<Precision<T>>,
}

impl Rows {
    pub(super) fn new(series: Vec<RowSeries>, lags: Vec<usize>) -> Self {
        let order = lags.last().copied().unwrap_or(0);
        let lengths: Vec<usize> = series.iter().map(|series| series.columns[0].len()).collect();
        let missing: usize = series.iter().map(|series| series.gaps.len()).sum();
        let columns = series.first().map_or(0, |series| series.columns.len() - 1);
        let tally = Tally { rows: lengths.iter().sum::<usize>() - missing, columns };
        let determinant = determinant_counts(&lengths, order);
        Self { series, lags, order, tally, determinant }
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Half the log of the sum of squares and the determinant's share, with derivatives by the ladder.
    pub(super) fn evaluate<T: Real>(&self, ladder: &Ladder<T>, adjoint: &mut Adjoint<T>) -> Option<Profile<T>> {
        let passes = self.series.iter().map(|series| self.pass(ladder, series)).collect::<Option<Vec<_>>>()?;
        let (beta, information) = self.regress(ladder, &passes)?;
        let mut missing = T::of(0.0);
        let mut sum = T::of(0.0);
        let mut completed = Vec::with_capacity(passes.len());
        for (series, pass) in self.series.iter().zip(&passes) {
            let (residuals, differenced) = self.complete(ladder, series, pass, &beta);
            for (t, &e) in residuals.iter().enumerate() {
                sum += e * e * ladder.precision(t.min(self.order));
            }
            if let Some(precision) = &pass.precision {
                missing += precision.factor.log_determinant();
            }
            completed.push((residuals, differenced));
        }
        if !(sum.value() > 0.0 && sum.value().is_finite() && missing.value().is_finite()) {
            return None;
        }
        adjoint.clear();
        let mut slopes = vec![T::of(0.0); self.order + 1];
        let share = 0.5 / self.tally.rows as f64;
        for ((series, pass), (residuals, differenced)) in self.series.iter().zip(&passes).zip(&completed) {
            self.pull(ladder, residuals, differenced, sum, adjoint, &mut slopes);
            if let Some(precision) = &pass.precision {
                series.gaps.pull(ladder, precision, share, adjoint, &mut slopes);
            }
        }
        let weights = Weights { determinant: &self.determinant, slopes, missing, rows: self.tally.rows };
        let (objective, log_determinant) = weights.close(sum, ladder, adjoint);
        Some(Profile {
            objective,
            sum_of_squares: sum.value(),
            log_determinant: log_determinant.value(),
            beta,
            information,
        })
    }

    fn pass<T: Real>(&self, ladder: &Ladder<T>, series: &RowSeries) -> Option<Pass<T>> {
        let filtered: Vec<Vec<T>> = series.columns.iter().map(|x| self.filter(ladder, x)).collect();
        let precision = match series.gaps.is_empty() {
            true => None,
            false => Some(series.gaps.factor(ladder, &filtered)?),
        };
        Some(Pass { filtered, precision })
    }

    /// w_t - sum_i a_i w_{t-i}, each row with its order.
    fn filter<T: Real>(&self, ladder: &Ladder<T>, x: &[f64]) -> Vec<T> {
        let mut e: Vec<T> = x.iter().map(|&x| T::of(x)).collect();
        for t in 1..self.order.min(x.len()) {
            for (i, &a) in (1..).zip(ladder.order(t)) {
                e[t] -= a.scale(x[t - i]);
            }
        }
        if x.len() > self.order {
            let a = ladder.order(self.order);
            for &lag in &self.lags {
                for (e, &x) in e[self.order..].iter_mut().zip(&x[self.order - lag..]) {
                    *e -= a[lag - 1].scale(x);
                }
            }
        }
        e
    }

    /// beta and the lower triangle of its information, by generalised least squares with the missing values out.
    fn regress<T: Real>(&self, ladder: &Ladder<T>, passes: &[Pass<T>]) -> Option<(Vec<T>, Vec<f64>)> {
        let k = self.tally.columns;
        let product = |i: usize, j: usize| {
            let mut sum = T::of(0.0);
            for pass in passes {
                for (t, (&x, &y)) in pass.filtered[i].iter().zip(&pass.filtered[j]).enumerate() {
                    sum += x * y * ladder.precision(t.min(self.order));
                }
                if let Some(Precision { factor, forward }) = &pass.precision {
                    sum -= factor.inner(&forward[i], &forward[j]);
                }
            }
            sum
        };
        let mut information = Vec::with_capacity(k * (k + 1) / 2);
        let mut normal = Banded::zeros(k, k.saturating_sub(1));
        for i in 0..k {
            for j in 0..=i {
                let entry = product(i + 1, j + 1);
                information.push(entry.value());
                *normal.at(i, j) = entry;
            }
        }
        let mut beta: Vec<T> = (1..=k).map(|i| product(i, 0)).collect();
        if !normal.factor(1e-13).is_empty() {
            return None;
        }
        normal.solve(&mut beta);
        Some((beta, information))
    }

    /// The innovations and the differenced errors u with missing values filled in, given beta.
    fn complete<T: Real>(
        &self,
        ladder: &Ladder<T>,
        series: &RowSeries,
        pass: &Pass<T>,
        beta: &[T],
    ) -> (Vec<T>, Vec<T>) {
        let mut residuals = pass.filtered[0].clone();
        let mut differenced: Vec<T> = series.columns[0].iter().map(|&y| T::of(y)).collect();
        for (i, &beta) in (1..).zip(beta) {
            residuals.iter_mut().zip(&pass.filtered[i]).for_each(|(e, &x)| *e -= beta * x);
            differenced.iter_mut().zip(&series.columns[i]).for_each(|(w, &x)| *w -= beta.scale(x));
        }
        if let Some(Precision { factor, forward }) = &pass.precision {
            let mut u: Vec<T> = forward[0].iter().map(|&b| -b).collect();
            for (&beta, forward) in beta.iter().zip(&forward[1..]) {
                u.iter_mut().zip(forward).for_each(|(u, &b)| *u += beta * b);
            }
            factor.backward(&mut u);
            series.gaps.fill(ladder, &u, &mut residuals, &mut differenced);
        }
        (residuals, differenced)
    }

    /// Adds the derivatives of ln S / 2. Missing values and beta minimise S: their own derivatives vanish.
    fn pull<T: Real>(
        &self,
        ladder: &Ladder<T>,
        residuals: &[T],
        differenced: &[T],
        sum: T,
        adjoint: &mut Adjoint<T>,
        slopes: &mut [T],
    ) {
        let inverse = T::of(1.0) / sum;
        for (t, &e) in residuals.iter().enumerate() {
            let level = t.min(self.order);
            let weighted = e * ladder.precision(level) * inverse;
            slopes[level] += (weighted * e).scale(0.5);
            if level < self.order {
                for (i, by) in (1..).zip(adjoint.order(level)) {
                    *by -= weighted * differenced[t - i];
                }
            }
        }
        if residuals.len() > self.order {
            let by = adjoint.order(self.order);
            for &lag in &self.lags {
                let mut product = T::of(0.0);
                for (&e, &w) in residuals[self.order..].iter().zip(&differenced[self.order - lag..]) {
                    product += e * w;
                }
                by[lag - 1] -= product * inverse;
            }
        }
    }
}
