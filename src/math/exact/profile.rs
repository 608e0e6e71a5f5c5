//! What an evaluation of the concentrated likelihood gives, and the part that every kind of data shares.
//!
//! ```text
//! l = -N/2 (ln(2 pi S / N) + 1) - ln det / 2       S = min over beta of (y - X beta)' V^-1 (y - X beta)
//! f = ln S / 2 + ln det / (2 N)                    what is minimised
//! ```
//!
//! ln det = ln |V| + ln |missing|, with |V_n| = prod_k (1 - r_k^2)^-min(k, n) (Brockwell and Davis 1991, section 8.7).

use super::dual::Real;
use super::ladder::{Adjoint, Ladder};

/// How many densities a likelihood has, and how many regressors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// N.
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// An evaluation.
#[derive(Debug, Clone)]
pub(super) struct Profile<T> {
    pub(super) objective: T,
    /// S at the best beta.
    pub(super) sum_of_squares: f64,
    pub(super) log_determinant: f64,
    pub(super) beta: Vec<T>,
    /// X' V^-1 X with the missing values integrated out: the lower triangle, row by row.
    pub(super) information: Vec<f64>,
}

/// What the determinant and the weights say, however the sum of squares was made.
#[derive(Debug)]
pub(super) struct Weights<'a, T> {
    /// How often ln(1 - r_k^2) counts, k = 1..p.
    pub(super) determinant: &'a [f64],
    /// d f / d ln(1 / v_k), k = 0..=p.
    pub(super) slopes: Vec<T>,
    /// ln |missing|.
    pub(super) missing: T,
    /// N.
    pub(super) rows: usize,
}

impl<T: Real> Weights<'_, T> {
    /// f and ln det, and the derivatives by ln(1 - r_k^2) into the adjoint.
    pub(super) fn close(&self, sum: T, ladder: &Ladder<T>, adjoint: &mut Adjoint<T>) -> (T, T) {
        let share = 0.5 / self.rows as f64;
        let mut log_determinant = self.missing;
        // 1 / v_k holds the factors of all orders above k.
        let mut above = T::of(0.0);
        let by = adjoint.log_complement();
        for (k, log) in ladder.log_complements().enumerate() {
            above += self.slopes[k];
            log_determinant -= log.scale(self.determinant[k]);
            by[k] = above - T::of(share * self.determinant[k]);
        }
        (sum.ln().scale(0.5) + log_determinant.scale(share), log_determinant)
    }
}

/// How often ln(1 - r_k^2) counts in the determinants of series of these lengths, k = 1..order.
pub(super) fn determinant_counts(lengths: &[usize], order: usize) -> Vec<f64> {
    (1..=order).map(|k| lengths.iter().map(|&n| k.min(n) as f64).sum()).collect()
}
