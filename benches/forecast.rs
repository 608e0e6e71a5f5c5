//! A panel of short series: every series fitted by the default rule and forecast with its intervals.
//!
//! The baseline is what no fit can do without: the 24 lagged products of each series as plain dot products.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::model::linear::ArSpec;
use foretoken::{Batch, Covariates, Fit, Series};

const SERIES: usize = 1_000;
const LENGTH: usize = 200;
const HORIZON: usize = 12;

fn textbook(series: &Series) -> f64 {
    let x = series.values();
    (0..24).map(|lag| x[lag..].iter().zip(x).map(|(a, b)| a * b).sum::<f64>()).sum()
}

fn fit_and_forecast(series: &Series, period: usize) -> f64 {
    let model = ArSpec { period, ..ArSpec::default() }.fit(std::slice::from_ref(series)).expect("a fit").model;
    let context = Batch::single(series.values(), 0);
    let ahead = forecast(&model, &context, &Covariates::none(), ForecastOptions::new(HORIZON)).expect("a forecast");
    (0..HORIZON).map(|step| ahead.interval(step, 0.95).1).sum()
}

fn panel(criterion: &mut Criterion) {
    let panel: Vec<Series> = (0..SERIES).map(|i| Series::new("", common::ar2(LENGTH, i as u64))).collect();
    let size = format!("{SERIES} x {LENGTH}");
    let mut group = criterion.benchmark_group("forecast");
    group.sample_size(20).throughput(Throughput::Elements(SERIES as u64));
    group.bench_function(BenchmarkId::new("24 dot products", &size), |b| {
        b.iter(|| black_box(&panel).iter().map(textbook).sum::<f64>());
    });
    for period in [1, 12] {
        group.bench_function(BenchmarkId::new(format!("fit and forecast, period {period}"), &size), |b| {
            b.iter(|| black_box(&panel).iter().map(|series| fit_and_forecast(series, period)).sum::<f64>());
        });
    }
    group.finish();
}

criterion_group!(benches, panel);
criterion_main!(benches);
