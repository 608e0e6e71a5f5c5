//! Missing values given all known ones: the smoother.
//!
//! Given the known values the missing ones are Gaussian with precision Lambda / sigma^2, whose factor and inverse within
//! the band [`gaps`](super::gaps) has: the mean is the least-squares solution, the variances are the diagonal of sigma^2
//! Lambda^-1. Exact, like the fixed-interval smoother of a Kalman filter from a diffuse start (Durbin and Koopman 2012,
//! section 5.3), in O(n p + m w^2) for m missing values of which at most w lie within the reach of a row. Matches R's
//! `KalmanSmooth` for d = 0.

use super::gaps::Gaps;
use super::ladder::Ladder;
use super::not_stationary;
use crate::error::Result;
use crate::math::kalman::LagWeight;

/// What is known of a missing value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Missing {
    /// By how much its mean differs from what stood in for it.
    pub(crate) correction: f64,
    /// Its variance in units of sigma^2, infinite where the known values do not determine it.
    pub(crate) variance: f64,
}

/// The missing values at the ascending times `missing` of a process phi(B) delta(B) u = e, given w = delta(B) u with
/// stand-ins for them, from the first value that has its differences. Rows before the order count by the stationary
/// distribution.
///
/// # Errors
/// If phi is not stationary.
pub(crate) fn smooth(phi: &[f64], delta: &[LagWeight], w: &[f64], missing: &[usize]) -> Result<Vec<Missing>> {
    let mut ladder = Ladder::of_order(phi.len());
    if !ladder.descend(phi) {
        return Err(not_stationary());
    }
    let mut gaps = Gaps::new(missing.to_vec(), delta, phi.len(), w.len());
    let dropped = gaps.drop_undetermined(w.len());
    let mut columns = vec![filter(&ladder, w)];
    columns.extend(dropped.iter().map(|&index| filter(&ladder, &response(missing[index], delta, w.len()))));
    let Some(mut precision) = gaps.factor(&ladder, &columns) else { return Err(not_stationary()) };
    precision.forward.iter_mut().for_each(|x| precision.factor.backward(x));
    let inverse = precision.factor.inverse_within_band();
    let mut kept = 0..gaps.len();
    let of = |index: usize| {
        let undetermined = Missing { correction: 0.0, variance: f64::INFINITY };
        if dropped.binary_search(&index).is_ok() {
            return undetermined;
        }
        let Some(at) = kept.next() else { return undetermined };
        // One that moves with a value that nothing determines is as undetermined.
        if precision.forward[1..].iter().any(|moves| moves[at].abs() > MOVES) {
            return undetermined;
        }
        Missing { correction: -precision.forward[0][at], variance: inverse.get(at, at) }
    };
    Ok((0..missing.len()).map(of).collect())
}

/// A missing value moves with another one by more than rounding.
const MOVES: f64 = 1e-7;

/// w_t - sum_i a_i w_{t-i}, each row with its order.
fn filter(ladder: &Ladder<f64>, w: &[f64]) -> Vec<f64> {
    let row = |t: usize| {
        let a = ladder.order(t.min(ladder.max_order()));
        w[t] - (1..).zip(a).map(|(i, a)| a * w[t - i]).sum::<f64>()
    };
    (0..w.len()).map(row).collect()
}

/// What one unit of a value adds to the differences.
fn response(time: usize, delta: &[LagWeight], rows: usize) -> Vec<f64> {
    let lead = delta.last().map_or(0, |&(lag, _)| lag);
    let mut w = vec![0.0; rows];
    for (lag, weight) in std::iter::once((0, 1.0)).chain(delta.iter().map(|&(lag, weight)| (lag, -weight))) {
        if let Some(w) = (time + lag).checked_sub(lead).and_then(|row| w.get_mut(row)) {
            *w = weight;
        }
    }
    w
}
