//! Least squares of an AR(20) with intercept against the explicit design: normal equations, and Householder QR.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foretoken::math::least_squares::{Deterministic, LagRegression, Segment, Solution};
use nalgebra::{DMatrix, DVector};

const LAGS: usize = 20;

fn lag_regression(x: &[f64]) -> Solution {
    LagRegression::new(vec![Segment { x, time: 1.0 }], Deterministic::Constant, LAGS).solve(LAGS)
}

fn design(x: &[f64]) -> (DMatrix<f64>, DVector<f64>) {
    let rows = x.len() - LAGS;
    let regressor = |row: usize, column: usize| if column == 0 { 1.0 } else { x[row + LAGS - column] };
    (DMatrix::from_fn(rows, LAGS + 1, regressor), DVector::from_fn(rows, |row, _| x[row + LAGS]))
}

fn normal_equations(x: &[f64]) -> DVector<f64> {
    let (design, response) = design(x);
    let gram = design.tr_mul(&design).cholesky().expect("independent lags");
    gram.solve(&design.tr_mul(&response))
}

fn householder(x: &[f64]) -> DVector<f64> {
    let (design, mut response) = design(x);
    let qr = design.qr();
    qr.q_tr_mul(&mut response);
    qr.r().solve_upper_triangular(&response.rows(0, LAGS + 1)).expect("independent lags")
}

fn least_squares(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("least squares");
    group.sample_size(10);
    for n in [100_000, 1_000_000] {
        let x = common::ar2(n, 0);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_with_input(BenchmarkId::new("lag regression", n), &x, |b, x| {
            b.iter(|| lag_regression(black_box(x)))
        });
        group.bench_with_input(BenchmarkId::new("design, normal equations", n), &x, |b, x| {
            b.iter(|| normal_equations(black_box(x)));
        });
        if n <= 100_000 {
            group.bench_with_input(BenchmarkId::new("design, QR", n), &x, |b, x| b.iter(|| householder(black_box(x))));
        }
    }
    group.finish();
}

criterion_group!(benches, least_squares);
criterion_main!(benches);
