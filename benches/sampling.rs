//! 1,000 sampled paths x 48 steps from an AR(12), beside the normals alone and a loop over paths without lanes.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use foretoken::generate::{Generation, generate};
use foretoken::math::random::LaneRng;
use foretoken::model::linear::Ar;
use foretoken::model::naive::Naive;
use foretoken::{Batch, Covariates, Fit, Series};

const PATHS: usize = 1_000;
const HORIZON: usize = 48;
const PHI: [f64; 12] = [0.5, 0.1, -0.05, 0.02, 0.03, -0.04, 0.05, 0.01, -0.02, 0.03, 0.04, 0.2];
const PAST: [f64; 12] = [9.0, 10.0, 11.0, 10.0, 9.0, 12.0, 10.0, 9.5, 10.5, 11.0, 8.0, 10.0];

/// Path by path and value by value, each from its stream.
fn one_by_one() -> f64 {
    let mut sum = 0.0;
    for path in 0..PATHS {
        let mut rng = LaneRng::new(7, path as u64);
        let mut x = PAST.to_vec();
        for _ in 0..HORIZON {
            let mean: f64 = PHI.iter().zip(x.iter().rev()).map(|(phi, x)| phi * x).sum();
            x.push(1.0 + mean + rng.normal());
        }
        sum += x[x.len() - 1];
    }
    sum
}

fn sampling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sampling 1000 x 48");
    let (context, known) = (Batch::single(&PAST, 0), Covariates::none());
    let what = Generation::sample(HORIZON, PATHS, 7);
    let ar = Ar::new(1.0, 0.0, PHI.to_vec(), 1.0, 10.0);
    // A mean and nothing else: the normals.
    let noise = Naive::Mean.fit(&[Series::new("", PAST.to_vec())]).expect("a fit").model;
    group.bench_function("AR(12)", |b| b.iter(|| generate(black_box(&ar), &context, &known, &what)));
    group.bench_function("normals alone", |b| b.iter(|| generate(black_box(&noise), &context, &known, &what)));
    group.bench_function("one by one", |b| b.iter(|| black_box(one_by_one())));
    group.finish();
}

criterion_group!(benches, sampling);
criterion_main!(benches);
