//! The filter and the likelihood against dense matrices.

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use super::*;

const PHI: [f64; 3] = [0.6, 0.3, -0.4];
const MISSING: [usize; 7] = [0, 3, 4, 5, 11, 14, 19];

pub(in crate::math) fn wave(n: usize) -> Vec<f64> {
    (0..n).map(|t| (1.1 * t as f64).sin() + 0.4 * ((t * t) as f64).cos() + 0.02 * t as f64).collect()
}

pub(in crate::math) fn gapped(n: usize) -> Vec<f64> {
    let mut y = wave(n);
    MISSING.iter().for_each(|&t| y[t] = f64::NAN);
    y
}

/// (N, L) of u = N a + L w: what the starting values and the stationary differences w give, for w from the first value
/// that has its differences.
fn integrated(n: usize, differences: &[LagWeight]) -> (DMatrix<f64>, DMatrix<f64>) {
    let lead = differences.last().map_or(0, |&(lag, _)| lag);
    let mut start = DMatrix::zeros(n, lead);
    let mut moved = DMatrix::zeros(n, n - lead);
    for t in 0..n {
        if t < lead {
            start[(t, t)] = 1.0;
            continue;
        }
        moved[(t, t - lead)] = 1.0;
        for &(lag, weight) in differences {
            for j in 0..lead {
                start[(t, j)] += weight * start[(t - lag, j)];
            }
            for j in 0..n - lead {
                moved[(t, j)] += weight * moved[(t - lag, j)];
            }
        }
    }
    (start, moved)
}

/// The log density of the known values given the first ones that determine the starting values, by dense matrices:
/// (log det, sum of squares, rows) in units of sigma^2.
pub(in crate::math) fn dense(phi: &[f64], differences: &[LagWeight], y: &[f64]) -> (f64, f64, usize) {
    let (start, moved) = integrated(y.len(), differences);
    let (mut given, mut rest) = (Vec::new(), Vec::new());
    for t in (0..y.len()).filter(|&t| !y[t].is_nan()) {
        let with: Vec<usize> = given.iter().copied().chain([t]).collect();
        let independent = given.len() < start.ncols() && start.select_rows(&with).rank(1e-9) > given.len();
        if independent { given.push(t) } else { rest.push(t) }
    }
    assert_eq!(given.len(), start.ncols(), "every starting value is determined");
    let from_given = start.select_rows(&rest) * start.select_rows(&given).try_inverse().expect("determined");
    let contrasts = moved.select_rows(&rest) - &from_given * moved.select_rows(&given);
    let mut c = autocovariances(phi).expect("stationary");
    for k in c.len()..y.len() {
        c.push((1..).zip(phi).map(|(i, phi)| phi * c[k - i]).sum());
    }
    let gamma = DMatrix::from_fn(moved.ncols(), moved.ncols(), |i, j| c[i.abs_diff(j)]);
    let factor = (&contrasts * gamma * contrasts.transpose()).cholesky().expect("positive");
    let of = |rows: &[usize]| DVector::from_iterator(rows.len(), rows.iter().map(|&t| y[t]));
    let u = of(&rest) - &from_given * of(&given);
    (factor.ln_determinant(), u.dot(&factor.solve(&u)), rest.len())
}

#[test]
fn the_likelihood_is_that_of_the_joint_of_known_values() {
    for (d, seasonal, period) in [(0, 0, 1), (1, 0, 1), (2, 0, 1), (0, 1, 4), (1, 1, 3)] {
        for y in [wave(24), gapped(24)] {
            let differences = difference_lags(d, seasonal, period);
            let process = Arc::new(Process::new(&PHI, &differences).expect("stationary"));
            let own = log_likelihood(&process, &[Observed { y: &y, columns: Vec::new() }]).expect("a likelihood");
            let (log_determinant, squares, rows) = dense(&PHI, &differences, &y);
            let what = format!("{d} {seasonal} {period}");
            assert_eq!(own.rows, rows, "{what}");
            assert!((own.sigma2 * rows as f64 - squares).abs() < 1e-9 * squares, "{what}");
            assert!((own.log_determinant - log_determinant).abs() < 1e-9, "{what}");
        }
    }
}

/// Holes among the first d + mD values: the directions that they leave open have to be told from rounding.
#[test]
fn holes_among_the_first_values_leave_the_joint_of_the_others() {
    let holes = [vec![2], vec![3], vec![5, 6], vec![0, 4, 5], vec![1, 2, 3, 9, 14], vec![7, 8, 9, 10, 11]];
    for (d, seasonal, period) in [(1, 0, 1), (2, 0, 1), (0, 1, 12), (1, 1, 4), (1, 1, 12), (2, 1, 7), (1, 2, 4)] {
        let differences = difference_lags(d, seasonal, period);
        for (phi, holes) in
            [&PHI[..], &PHI[..1], &[]].iter().flat_map(|phi| holes.iter().map(move |holes| (phi, holes)))
        {
            let mut y = wave(40);
            holes.iter().for_each(|&t| y[t] = f64::NAN);
            let process = Arc::new(Process::new(phi, &differences).expect("stationary"));
            let own = log_likelihood(&process, &[Observed { y: &y, columns: Vec::new() }]).expect("a likelihood");
            let (log_determinant, squares, rows) = dense(phi, &differences, &y);
            let what = format!("{d} {seasonal} {period} {} {holes:?}", phi.len());
            assert_eq!(own.rows, rows, "{what}");
            assert!(
                (own.sigma2 * rows as f64 - squares).abs() < 1e-7 * squares,
                "{what}: {} {squares}",
                own.sigma2 * rows as f64
            );
            assert!(
                (own.log_determinant - log_determinant).abs() < 1e-7,
                "{what}: {} {log_determinant}",
                own.log_determinant
            );
        }
    }
}

#[test]
fn regression_coefficients_are_those_of_generalised_least_squares() {
    let (y, ones, line) = (gapped(24), vec![1.0; 24], (0..24).map(f64::from).collect::<Vec<f64>>());
    let process = Arc::new(Process::new(&PHI, &[]).expect("stationary"));
    let fit = log_likelihood(&process, &[Observed { y: &y, columns: vec![&ones, &line] }]).expect("a likelihood");
    let squares = |a: f64, b: f64| {
        let left: Vec<f64> = y.iter().zip(&line).map(|(y, t)| y - a - b * t).collect();
        dense(&PHI, &[], &left).1
    };
    let (a, b) = (fit.beta[0], fit.beta[1]);
    let least = squares(a, b);
    assert!((least / fit.rows as f64 - fit.sigma2).abs() < 1e-12);
    for (by_a, by_b) in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-4), (0.0, -1e-4)] {
        assert!(squares(a + by_a, b + by_b) > least);
    }
}

#[test]
fn values_ahead_have_the_joint_that_stepping_gives() {
    let differences = difference_lags(1, 0, 1);
    let process = Arc::new(Process::new(&PHI, &differences).expect("stationary"));
    let mut filter = Filter::new(Arc::clone(&process));
    gapped(20).iter().for_each(|&u| filter.observe(u));
    assert!(!filter.is_settled());
    let ahead = filter.ahead(4);
    let Factor::Lower(rows) = &ahead.factor else { panic!("the last value is missing") };
    // Observing a value one standard deviation above its mean moves the next means by the rows of the factor.
    for j in 0..4 {
        let next = filter.predict();
        let own = rows[j * (j + 1) / 2 + j];
        assert!((next.variance - own * own).abs() < 1e-9 && !next.diffuse);
        let moved: f64 = if j == 0 { 0.0 } else { rows[j * (j + 1) / 2] };
        assert!((next.mean - ahead.mean[j] - moved).abs() < 1e-9, "{j}");
        filter.observe(next.mean + if j == 0 { own } else { 0.0 });
    }
    // Four known values in a row: nothing is uncertain any more.
    assert!(filter.is_settled() && filter.predict().variance == 1.0);
}

#[test]
fn known_lags_stand_for_the_whole_past() {
    let y = wave(12);
    let recursion = [(1, 0.7), (3, 0.5)];
    let process = Arc::new(Process::free(&recursion));
    let mut whole = Filter::new(Arc::clone(&process));
    y.iter().for_each(|&u| whole.observe(u));
    let lags: Vec<f64> = y.iter().rev().take(3).copied().collect();
    let part = Filter::after(process, &lags);
    assert_eq!((part.predict(), part.is_settled()), (whole.predict(), true));
}

/// The last season of four is missing in every year: nothing says where it stands.
#[test]
fn a_season_that_is_never_seen_is_diffuse_ahead() {
    let process = Arc::new(Process::new(&[0.5], &difference_lags(0, 1, 4)).expect("stationary"));
    let mut filter = Filter::new(process);
    wave(40).iter().enumerate().for_each(|(t, &u)| filter.observe(if t % 4 == 3 { f64::NAN } else { u }));
    let is_diffuse: Vec<bool> = (1..=8).map(|horizon| filter.ahead(horizon).diffuse).collect();
    assert_eq!(is_diffuse, [false, false, false, true, true, true, true, true]);
    assert!(!filter.predict().diffuse);
}
