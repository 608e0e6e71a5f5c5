//! Burg of order 20 against its definition, one pass for each sum and each array; the order of many short series.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foretoken::math::autocovariance::mean;
use foretoken::math::burg::Burg;
use foretoken::model::linear::{self, BurgVariance, Estimator, LinearSpec, Order};
use foretoken::{Fit, Series};
use rayon::prelude::*;

const ORDER: usize = 20;

fn centred(x: &[f64]) -> Vec<f64> {
    let level = x.iter().sum::<f64>() / x.len() as f64;
    x.iter().map(|x| x - level).collect()
}

/// As array programs write it: every product a pass, every new array allocated.
fn passes(x: &[f64], order: usize) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let minus = |a: &[f64], r: f64, b: &[f64]| a.iter().zip(b).map(|(a, b)| a - r * b).collect::<Vec<f64>>();
    let mut forward = centred(x)[1..].to_vec();
    let mut backward = centred(x)[..x.len() - 1].to_vec();
    let mut reflections = Vec::new();
    for _ in 0..order {
        let r = 2.0 * dot(&forward, &backward) / (dot(&forward, &forward) + dot(&backward, &backward));
        reflections.push(r);
        let next = minus(&forward, r, &backward);
        let back = minus(&backward, r, &forward);
        forward = next[1..].to_vec();
        backward = back[..back.len() - 1].to_vec();
    }
    reflections
}

fn one_series(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("Burg(20)");
    group.sample_size(10);
    for n in [1000, 100_000, 1_000_000] {
        let x = common::ar2(n, 0);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_with_input(BenchmarkId::new("automatic", n), &x, |b, x| {
            b.iter(|| Burg::fit(&[black_box(x)], mean([&x[..]]), ORDER))
        });
        group.bench_with_input(BenchmarkId::new("direct", n), &x, |b, x| {
            b.iter(|| Burg::directly(&[black_box(x)], mean([&x[..]]), ORDER))
        });
        group.bench_with_input(BenchmarkId::new("passes", n), &x, |b, x| b.iter(|| passes(black_box(x), ORDER)));
    }
    group.finish();
}

fn many_series(criterion: &mut Criterion) {
    const SERIES: u64 = 10_000;
    let all: Vec<Series> = (0..SERIES).map(|stream| Series::new("", common::ar2(200, stream))).collect();
    let order = Order::Auto { max: Some(16), criterion: linear::Criterion::Aicc };
    let estimator = Estimator::Burg { variance: BurgVariance::Levinson };
    let spec = LinearSpec { order, estimator, ..LinearSpec::default() };
    let mut group = criterion.benchmark_group("order up to 16 of series of 200");
    group.sample_size(10).throughput(Throughput::Elements(SERIES));
    let reflections = |series: &Series| Burg::fit(&[series.values()], mean([series.values()]), 16).reflections()[15];
    group.bench_function(BenchmarkId::new("Burg::fit", SERIES), |b| {
        b.iter(|| all.par_iter().map(reflections).sum::<f64>())
    });
    let table = |series: &Series| spec.order_table(std::slice::from_ref(series), 16).expect("a table").len();
    group.bench_function(BenchmarkId::new("LinearSpec::order_table", SERIES), |b| {
        b.iter(|| all.par_iter().map(table).sum::<usize>())
    });
    let chosen = |series: &Series| spec.fit(std::slice::from_ref(series)).expect("a fit").model.order();
    group.bench_function(BenchmarkId::new("LinearSpec::fit", SERIES), |b| {
        b.iter(|| all.par_iter().map(chosen).sum::<usize>())
    });
    let reflections = |series: &Series| passes(series.values(), 16)[15];
    group.bench_function(BenchmarkId::new("passes", SERIES), |b| {
        b.iter(|| all.par_iter().map(reflections).sum::<f64>())
    });
    group.finish();
}

criterion_group!(benches, one_series, many_series);
criterion_main!(benches);
