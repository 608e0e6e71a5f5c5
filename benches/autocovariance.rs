//! Sums of lagged products at lags 0..=20 against 21 plain dot products, which they must not be slower than.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foretoken::math::autocovariance::{Divisor, LaggedProducts, mean, products};
use foretoken::math::toeplitz::Levinson;

const LAGS: usize = 20;

fn dot_products(x: &[f64]) -> Vec<f64> {
    (0..=LAGS).map(|lag| x[lag..].iter().zip(x).map(|(a, b)| a * b).sum()).collect()
}

fn yule_walker(x: &[f64]) -> Levinson {
    let products = LaggedProducts::of([x], mean([x]), LAGS);
    Levinson::solve(&products.autocovariances(Divisor::Biased))
}

fn autocovariance(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("autocovariance");
    for n in [10_000, 1_000_000] {
        let x = common::ar2(n, 0);
        group.throughput(Throughput::Elements(n as u64));
        group
            .bench_with_input(BenchmarkId::new("21 dot products", n), &x, |b, x| b.iter(|| dot_products(black_box(x))));
        group.bench_with_input(BenchmarkId::new("lagged products", n), &x, |b, x| {
            b.iter(|| products(black_box(x), 50.0, LAGS));
        });
        group.bench_with_input(BenchmarkId::new("Yule-Walker", n), &x, |b, x| b.iter(|| yule_walker(black_box(x))));
    }
    group.finish();
}

criterion_group!(benches, autocovariance);
criterion_main!(benches);
