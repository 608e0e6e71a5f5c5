//! Missing values of a possibly integrated autoregression, as unknowns of the least-squares problem.
//!
//! The filtered series is linear in a missing value: row t holds it with the coefficient pi_{t-s} of
//! (1 - sum_i a_i B^i) delta(B), a those of the row's order. Integrating the missing values out of the Gaussian density of
//! the full series leaves the one of the known values:
//!
//! ```text
//! S = min over missing u of sum_t e_t^2 / v_t         ln det gains ln |Lambda|,  Lambda_{ss'} = sum_t pi_{t-s} pi_{t-s'} / v_t
//! ```
//!
//! Lambda / sigma^2 is the precision of the missing values given the known ones, banded in time; they have mean u and
//! covariance sigma^2 Lambda^-1. Exact, also for integrated processes from a diffuse start, where it equals the skipping
//! Kalman filter up to a constant (Gomez, Maravall and Pena 1999, J. Econometrics 88, p. 341). O(n + m w^2) for m missing
//! values of which w at most lie within the reach of a row.

use super::banded::Banded;
use super::dual::Real;
use super::ladder::{Adjoint, Ladder};
use crate::math::kalman::{DIFFUSE_TOLERANCE, LagWeight};

/// The missing values of one series.
#[derive(Debug, Clone)]
pub(super) struct Gaps {
    /// Their times, ascending.
    times: Vec<usize>,
    /// delta: 1 at lag 0, then -weight.
    delta: Vec<LagWeight>,
    /// The largest lag of delta: the time of the first row.
    lead: usize,
    order: usize,
    /// Rows that hold a missing value, and which: (row, first, end).
    rows: Vec<(usize, usize, usize)>,
    band: usize,
}

/// Lambda's factor and what belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Precision<T> {
    pub(super) factor: Banded<T>,
    /// L^-1 of the products with the filtered series and columns.
    pub(super) forward: Vec<Vec<T>>,
}

impl Gaps {
    /// For the differenced rows 0..rows of a series; `order` is that of the autoregression.
    pub(super) fn new(times: Vec<usize>, delta: &[LagWeight], order: usize, rows: usize) -> Self {
        let lead = delta.last().map_or(0, |&(lag, _)| lag);
        let delta = std::iter::once((0, 1.0)).chain(delta.iter().map(|&(lag, weight)| (lag, -weight))).collect();
        let mut gaps = Self { times, delta, lead, order, rows: Vec::new(), band: 0 };
        gaps.find_rows(rows);
        gaps
    }

    fn find_rows(&mut self, rows: usize) {
        let (mut first, mut end) = (0, 0);
        for row in 0..rows {
            let newest = row + self.lead;
            let oldest = row - self.level(row);
            while end < self.times.len() && self.times[end] <= newest {
                end += 1;
            }
            while first < end && self.times[first] < oldest {
                first += 1;
            }
            if first < end {
                self.rows.push((row, first, end));
                self.band = self.band.max(end - first - 1);
            }
        }
    }

    /// Leaves out the missing values that no data determine: those for which differences vanish on the missing values
    /// before them, as when a season is missing in every year. The likelihood does not depend on what they are set to.
    /// Their indices are returned.
    pub(super) fn drop_undetermined(&mut self, rows: usize) -> Vec<usize> {
        let dropped = self.white_noise_factor().1;
        if !dropped.is_empty() {
            let mut index = 0..self.len();
            self.times.retain(|_| index.next().is_some_and(|index| dropped.binary_search(&index).is_err()));
            (self.rows, self.band) = (Vec::new(), 0);
            self.find_rows(rows);
        }
        dropped
    }

    fn white_noise_factor(&self) -> (Banded<f64>, Vec<usize>) {
        let mut white = Ladder::of_order(self.order);
        white.descend(&vec![0.0; self.order]);
        let mut matrix = self.precision(&white);
        let dependent = matrix.factor(DIFFUSE_TOLERANCE);
        (matrix, dependent)
    }

    /// ln |Lambda| where the differences are white noise.
    pub(super) fn white_noise_determinant(&self) -> f64 {
        self.white_noise_factor().0.log_determinant()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// The order that a row is predicted with.
    fn level(&self, row: usize) -> usize {
        row.min(self.order)
    }

    /// pi of an order, from lag 0.
    fn composite<T: Real>(&self, a: &[T]) -> Vec<T> {
        let mut pi = vec![T::of(0.0); a.len() + self.lead + 1];
        for &(lag, weight) in &self.delta {
            pi[lag] += T::of(weight);
            for (i, &a) in (lag + 1..).zip(a) {
                pi[i] -= a.scale(weight);
            }
        }
        pi
    }

    /// Visits the rows that hold missing values with pi of their order.
    fn visit<T: Real>(&self, ladder: &Ladder<T>, mut visit: impl FnMut(usize, &[T], (usize, usize))) {
        let full = self.composite(ladder.order(self.order));
        for &(row, first, end) in &self.rows {
            let level = self.level(row);
            if level == self.order {
                visit(row, &full, (first, end));
            } else {
                visit(row, &self.composite(ladder.order(level)), (first, end));
            }
        }
    }

    /// The lag at which a row holds a missing value.
    fn lag(&self, row: usize, missing: usize) -> usize {
        row + self.lead - self.times[missing]
    }

    /// Lambda.
    fn precision<T: Real>(&self, ladder: &Ladder<T>) -> Banded<T> {
        let mut matrix = Banded::zeros(self.len(), self.band);
        self.visit(ladder, |row, pi, (first, end)| {
            let weight = ladder.precision(self.level(row));
            for i in first..end {
                let left = weight * pi[self.lag(row, i)];
                for j in first..=i {
                    *matrix.at(i, j) += left * pi[self.lag(row, j)];
                }
            }
        });
        matrix
    }

    /// Factors Lambda and takes the filtered series and columns through it; `None` where it is not positive definite.
    pub(super) fn factor<T: Real>(&self, ladder: &Ladder<T>, filtered: &[Vec<T>]) -> Option<Precision<T>> {
        let mut factor = self.precision(ladder);
        if !factor.factor(0.0).is_empty() {
            return None;
        }
        let mut forward = vec![vec![T::of(0.0); self.len()]; filtered.len()];
        self.visit(ladder, |row, pi, (first, end)| {
            let weight = ladder.precision(self.level(row));
            for i in first..end {
                let left = weight * pi[self.lag(row, i)];
                for (products, e) in forward.iter_mut().zip(filtered) {
                    products[i] += left * e[row];
                }
            }
        });
        forward.iter_mut().for_each(|products| factor.forward(products));
        Some(Precision { factor, forward })
    }

    /// Adds what missing values `u` contribute to the filtered series and to the differenced one.
    pub(super) fn fill<T: Real>(&self, ladder: &Ladder<T>, u: &[T], residuals: &mut [T], differenced: &mut [T]) {
        self.visit(ladder, |row, pi, (first, end)| {
            for i in first..end {
                residuals[row] += u[i] * pi[self.lag(row, i)];
            }
        });
        for (&time, &u) in self.times.iter().zip(u) {
            for &(lag, weight) in &self.delta {
                let row = (time + lag).checked_sub(self.lead);
                if let Some(w) = row.and_then(|row| differenced.get_mut(row)) {
                    *w += u.scale(weight);
                }
            }
        }
    }

    /// Adds the derivatives of `share` ln |Lambda| by the coefficients to the adjoint and those by ln(1 / v_k) to the
    /// slopes.
    pub(super) fn pull<T: Real>(
        &self,
        ladder: &Ladder<T>,
        precision: &Precision<T>,
        share: f64,
        adjoint: &mut Adjoint<T>,
        slopes: &mut [T],
    ) {
        let inverse = precision.factor.inverse_within_band();
        let mut full = vec![T::of(0.0); self.order + self.lead + 1];
        self.visit(ladder, |row, pi, (first, end)| {
            let level = self.level(row);
            let weight = ladder.precision(level).scale(2.0 * share);
            let mut by = if level == self.order { Vec::new() } else { vec![T::of(0.0); pi.len()] };
            for i in first..end {
                let mut leverage = T::of(0.0);
                for j in first..end {
                    leverage += inverse.symmetric(i, j) * pi[self.lag(row, j)];
                }
                leverage = leverage * weight;
                slopes[level] += (leverage * pi[self.lag(row, i)]).scale(0.5);
                let to = if level == self.order { &mut full } else { &mut by };
                to[self.lag(row, i)] += leverage;
            }
            if level < self.order {
                self.pull_composite(&by, adjoint.order(level));
            }
        });
        self.pull_composite(&full, adjoint.order(self.order));
    }

    fn pull_composite<T: Real>(&self, by_pi: &[T], by: &mut [T]) {
        for &(lag, weight) in &self.delta {
            for (by, &from) in by.iter_mut().zip(&by_pi[lag + 1..]) {
                *by -= from.scale(weight);
            }
        }
    }
}
