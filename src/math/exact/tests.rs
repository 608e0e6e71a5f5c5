//! The maximised likelihood against closed forms, dense matrices, differences, and at its edges.

use std::sync::Arc;

use super::fit::Evaluator;
use super::*;
use crate::error::ErrorKind;
use crate::math::kalman::tests::{dense, gapped, wave};
use crate::math::kalman::{self, Process};
use crate::math::optimise::Objective;
use crate::math::random::LaneRng;

fn problem<'a>(y: &'a [f64], columns: &[&'a [f64]], structure: Structure) -> ExactProblem<'a> {
    ExactProblem { series: vec![Observed { y, columns: columns.to_vec() }], structure }
}

/// All kinds of structure: (orders, d, D, m).
fn structures() -> Vec<Structure> {
    let sparse = Structure { lags: Lags::Set(vec![1, 3]), ..Structure::ar(0) };
    vec![
        Structure::ar(2),
        sparse.clone(),
        Structure { seasonal_order: 1, period: 4, ..Structure::ar(1) },
        Structure { differences: 1, ..Structure::ar(2) },
        Structure { differences: 1, seasonal_order: 1, seasonal_differences: 1, period: 3, ..sparse },
        Structure { differences: 2, ..Structure::ar(1) },
    ]
}

fn coefficients(structure: &Structure) -> (Vec<f64>, Vec<f64>) {
    let count = match &structure.lags {
        Lags::Order(p) => *p,
        Lags::Set(lags) => lags.len(),
    };
    ([0.5, -0.3][..count].to_vec(), [0.4][..structure.seasonal_order].to_vec())
}

#[test]
fn order_one_has_its_closed_form() {
    let (y, n) = (wave(30), 30.0);
    for phi in [-0.6, 0.0, 0.95] {
        let squares: f64 = y.windows(2).map(|pair| (pair[1] - phi * pair[0]).powi(2)).sum();
        let sum = (1.0 - phi * phi) * y[0] * y[0] + squares;
        let sigma2 = sum / n;
        let expected = -0.5 * n * ((std::f64::consts::TAU * sigma2).ln() + 1.0) + 0.5 * f64::ln(1.0 - phi * phi);
        let own = problem(&y, &[], Structure::ar(1)).at(&[phi], &[]).expect("stationary");
        assert!((own.log_likelihood - expected).abs() < 1e-11 && (own.sigma2 - sigma2).abs() < 1e-14);
    }
}

#[test]
fn gradients_and_hessians_are_those_of_differences() {
    let (clean, gappy) = (wave(30), gapped(30));
    let (ones, line) = (vec![1.0; 30], (0..30).map(|t| f64::from(t * t)).collect::<Vec<f64>>());
    for structure in structures() {
        for (y, columns) in [(&clean, vec![]), (&clean, vec![&ones[..]]), (&gappy, vec![&line[..]])] {
            // A constant vanishes under differences.
            if columns == [&ones[..]] && !structure.difference_lags().is_empty() {
                continue;
            }
            let evaluator = Evaluator::new(&problem(y, &columns, structure.clone())).expect("a problem");
            let mut run = evaluator.run();
            let (phi, seasonal_phi) = coefficients(&structure);
            let z: Vec<f64> = [0.3, -0.2, 0.25][..phi.len() + seasonal_phi.len()].to_vec();
            let (_, gradient) = run.gradient(&z).expect("defined");
            let hessian = run.hessian(&z).expect("defined");
            for i in 0..z.len() {
                let mut at = |by: f64| {
                    let mut z = z.clone();
                    z[i] += by;
                    run.gradient(&z).expect("defined")
                };
                let (above, below) = (at(1e-5), at(-1e-5));
                assert!(((above.0 - below.0) / 2e-5 - gradient[i]).abs() < 1e-9, "{structure:?} {i}");
                for j in 0..z.len() {
                    let slope = (above.1[j] - below.1[j]) / 2e-5;
                    assert!((slope - hessian[(i, j)]).abs() < 1e-8, "{structure:?} {i} {j}");
                }
            }
        }
    }
}

#[test]
fn likelihoods_with_gaps_and_differences_are_those_of_dense_matrices() {
    for structure in structures() {
        let (phi, seasonal_phi) = coefficients(&structure);
        for y in [wave(26), gapped(26)] {
            let own = problem(&y, &[], structure.clone()).at(&phi, &seasonal_phi).expect("stationary");
            let expanded = expand(&structure, &phi, &seasonal_phi);
            let (log_determinant, squares, rows) = dense(&expanded, &structure.difference_lags(), &y);
            assert_eq!(own.rows, rows, "{structure:?}");
            assert!((own.log_determinant - log_determinant).abs() < 1e-9, "{structure:?}");
            assert!((own.sigma2 * rows as f64 / squares - 1.0).abs() < 1e-10, "{structure:?}");
        }
    }
}

/// phi(B) Phi(B^m) multiplied out.
fn expand(structure: &Structure, phi: &[f64], seasonal_phi: &[f64]) -> Vec<f64> {
    let lags: Vec<usize> = match &structure.lags {
        Lags::Order(p) => (1..=*p).collect(),
        Lags::Set(lags) => lags.clone(),
    };
    let season = structure.period * seasonal_phi.len();
    let mut product = vec![0.0; lags.last().copied().unwrap_or(0) + season];
    for (&lag, &phi) in lags.iter().zip(phi) {
        product[lag - 1] += phi;
        seasonal_phi.iter().for_each(|factor| product[lag + season - 1] -= phi * factor);
    }
    seasonal_phi.iter().for_each(|factor| product[season - 1] += factor);
    product
}

#[test]
fn a_pool_is_the_sum_of_its_series() {
    let (first, second) = (wave(30), gapped(25));
    for structure in structures() {
        let (phi, seasonal_phi) = coefficients(&structure);
        let at = |series: Vec<Observed<'_>>| {
            ExactProblem { series, structure: structure.clone() }.at(&phi, &seasonal_phi).expect("stationary")
        };
        let of = |y| Observed { y, columns: Vec::new() };
        let (a, b, pool) = (at(vec![of(&first)]), at(vec![of(&second)]), at(vec![of(&first), of(&second)]));
        let squares = |at: &Concentrated| at.sigma2 * at.rows as f64;
        assert_eq!(a.rows + b.rows, pool.rows);
        assert!((squares(&a) + squares(&b) - squares(&pool)).abs() < 1e-10 * squares(&pool), "{structure:?}");
        assert!((a.log_determinant + b.log_determinant - pool.log_determinant).abs() < 1e-9, "{structure:?}");
    }
}

#[test]
fn the_maximum_is_stationary_and_its_process_has_its_likelihood() {
    let (y, ones) = (gapped(60), vec![1.0; 60]);
    let fit = problem(&y, &[&ones], Structure::ar(2)).maximise().expect("a maximum");
    assert!(fit.converged && fit.gradient < 1e-12);
    let process = Arc::new(fit.process().expect("stationary"));
    let filtered = kalman::log_likelihood(&process, &[Observed { y: &y, columns: vec![&ones] }]).expect("a likelihood");
    assert!((filtered.log_likelihood - fit.log_likelihood).abs() < 1e-9);
    assert!((filtered.beta[0] - fit.beta[0]).abs() < 1e-9);
}

#[test]
fn hard_series_end_in_a_finite_answer() {
    let walk: Vec<f64> = wave(60)
        .iter()
        .scan(0.0, |sum, x| {
            Some({
                *sum += x;
                *sum
            })
        })
        .collect();
    let trend: Vec<f64> = (0..60).map(|t| f64::from(t) + 0.01 * f64::from(t * t % 7)).collect();
    let sine: Vec<f64> = (0..60).map(|t| (0.7 * f64::from(t)).sin()).collect();
    let ones = vec![1.0; 60];
    for y in [&walk, &trend, &sine] {
        for order in [1, 2, 20] {
            let fit = problem(y, &[&ones], Structure::ar(order)).maximise().expect("an answer");
            assert!(fit.log_likelihood.is_finite() && fit.sigma2 > 0.0, "{order}");
            assert!(Process::new(&fit.expanded, &[]).is_ok() || !fit.converged, "{order}");
            assert!(!fit.converged || fit.covariance.is_some(), "{order}");
        }
    }
    // The alternating series has no maximum inside.
    let flip: Vec<f64> = (0..60).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
    assert!(problem(&flip, &[], Structure::ar(1)).maximise().is_ok_and(|fit| !fit.converged));
}

#[test]
fn what_has_no_likelihood_is_an_error_that_says_why() {
    let (y, ones) = (wave(20), vec![1.0; 20]);
    let expect = |problem: ExactProblem<'_>, kind: ErrorKind, part: &str| {
        let error = problem.maximise().expect_err(part);
        assert!(error.kind() == kind && error.to_string().contains(part), "{error}");
    };
    let twos = vec![2.0; 20];
    expect(problem(&y, &[&ones, &twos], Structure::ar(1)), ErrorKind::Data, "regressor 2 is a linear combination");
    expect(problem(&y, &[&ones[1..]], Structure::ar(1)), ErrorKind::Usage, "do not fit");
    expect(problem(&y[..4], &[&ones[..4]], Structure::ar(2)), ErrorKind::Data, "4 values are too few for 3");
    expect(problem(&twos, &[&ones], Structure::ar(1)), ErrorKind::Numeric, "does not vary");
    let mut infinite = y.clone();
    infinite[7] = f64::INFINITY;
    expect(problem(&infinite, &[], Structure::ar(1)), ErrorKind::Data, "value 8 is infinite");
    let unordered = Structure { lags: Lags::Set(vec![3, 1]), ..Structure::ar(0) };
    expect(problem(&y, &[], unordered), ErrorKind::Usage, "not ascending");
    expect(problem(&[f64::NAN; 9], &[], Structure::ar(1)), ErrorKind::Data, "no series has a value left");
    assert!(problem(&y, &[], Structure::ar(1)).at(&[1.01], &[]).is_err());
}

/// A level of 1e7 standard deviations without a term for it needs a root that numbers cannot hold: no maximum, but no order
/// ends below those that it contains.
#[test]
fn a_likelihood_without_a_maximum_does_not_fall_with_the_order() {
    let mut rng = LaneRng::new(11, 0);
    let mut level = 1e7;
    let mut step = |_| {
        level += rng.normal();
        level
    };
    let y: Vec<f64> = (0..60).map(&mut step).collect();
    let mut before = f64::NEG_INFINITY;
    for order in 1..=6 {
        let series = vec![Observed { y: &y, columns: Vec::new() }];
        let fit = ExactProblem { series, structure: Structure::ar(order) }.maximise().expect("an answer");
        assert!(!fit.converged && fit.log_likelihood > before - 1e-6, "{order}: {} {before}", fit.log_likelihood);
        println!("{order}: {} {} {:?}", fit.log_likelihood, fit.iterations, fit.phi);
        before = fit.log_likelihood;
    }
}
