//! Exact maximum likelihood of an AR(p) with mean, n = 200: the whole fit against single evaluations of the same
//! likelihood by a Kalman filter with p x p matrices, of which a maximisation by finite differences needs hundreds.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use foretoken::math::exact::{ExactFit, ExactProblem, Observed, Structure};
use nalgebra::{DMatrix, DVector};

const N: usize = 200;

fn fit(x: &[f64], ones: &[f64], order: usize) -> ExactFit {
    let series = vec![Observed { y: x, columns: vec![ones] }];
    ExactProblem { series, structure: Structure::ar(order) }.maximise().expect("a maximum")
}

/// ln of the likelihood with sigma^2 at its maximum, by the filter of textbooks: the state is the last p values.
fn plain_filter(x: &[f64], mean: f64, phi: &[f64]) -> f64 {
    let p = phi.len();
    let step = DMatrix::from_fn(p, p, |i, j| if i == 0 { phi[j] } else { f64::from(u8::from(i == j + 1)) });
    let mut noise = DMatrix::zeros(p, p);
    noise[(0, 0)] = 1.0;
    // The stationary covariance by doubling.
    let (mut covariance, mut power) = (noise.clone(), step.clone());
    for _ in 0..12 {
        covariance = &covariance + &power * &covariance * power.transpose();
        power = &power * &power;
    }
    let mut state = DVector::zeros(p);
    let (mut squares, mut logs) = (0.0, 0.0);
    for x in x {
        let (innovation, variance) = (x - mean - state[0], covariance[(0, 0)]);
        squares += innovation * innovation / variance;
        logs += variance.ln();
        let gain = covariance.column(0) / variance;
        state += &gain * innovation;
        covariance -= &gain * gain.transpose() * variance;
        state = &step * &state;
        covariance = &step * &covariance * step.transpose() + &noise;
    }
    let n = x.len() as f64;
    -0.5 * (n * ((std::f64::consts::TAU * squares / n).ln() + 1.0) + logs)
}

fn exact(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exact likelihood");
    let (x, ones) = (common::ar2(N, 0), vec![1.0; N]);
    for order in [2, 8] {
        let best = fit(&x, &ones, order);
        let (phi, mean) = (best.phi, best.beta[0]);
        assert!((plain_filter(&x, mean, &phi) - best.log_likelihood).abs() < 1e-8);
        group.bench_function(BenchmarkId::new("fit", order), |b| b.iter(|| fit(black_box(&x), &ones, order)));
        group.bench_function(BenchmarkId::new("plain filter, once", order), |b| {
            b.iter(|| plain_filter(black_box(&x), mean, &phi));
        });
    }
    group.finish();
}

criterion_group!(benches, exact);
criterion_main!(benches);
