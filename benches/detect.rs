//! Anomaly detection on one long series: the bar is five million rows per second on two cores, fits included.
//!
//! The baseline is the textbook loop of a known AR(2): conditional mean, standardised error, alarm beyond a fixed
//! multiple. It neither fits, calibrates, scores nor gives regions.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foretoken::model::linear::{ArSpec, Order};
use foretoken::score::{DetectOptions, Training, detect};
use foretoken::{Autoregressive, Fit, Series};

const ROWS: usize = 10_000_000;

fn textbook_alarms(x: &[f64]) -> usize {
    let error = |t: usize| x[t] - (10.0 + 0.5 * x[t - 1] + 0.3 * x[t - 2]);
    (2..x.len()).filter(|&t| error(t).abs() > 2.576).count()
}

fn alarms(series: &Series, spec: &ArSpec, training: Training) -> usize {
    let fit = |train: &Series| {
        let fitted = spec.fit(std::slice::from_ref(train))?;
        Ok((Box::new(fitted.model) as Box<dyn Autoregressive>, fitted.summary))
    };
    let options = DetectOptions { training, false_alarm_rate: 0.01, period: 1 };
    let detection = detect(series, &fit, &options).expect("simulated data can be judged");
    detection.is_anomaly.iter().filter(|alarm| **alarm).count()
}

fn detection(criterion: &mut Criterion) {
    let series = Series::new("", common::ar2(ROWS, 0));
    let mut group = criterion.benchmark_group("detect");
    group.sample_size(10).throughput(Throughput::Elements(ROWS as u64));
    group.bench_function(BenchmarkId::new("textbook loop", ROWS), |b| {
        b.iter(|| textbook_alarms(black_box(series.values())))
    });
    let second_order = ArSpec { order: Order::Fixed(2), ..ArSpec::default() };
    for (name, spec) in [("order 2", &second_order), ("automatic order", &ArSpec::default())] {
        for (how, training) in [("halves", Training::Halves), ("quarter", Training::Rows(ROWS / 4))] {
            let id = BenchmarkId::new(format!("{name}, {how}"), ROWS);
            group.bench_function(id, |b| b.iter(|| alarms(black_box(&series), spec, training)));
        }
    }
    group.finish();
}

criterion_group!(benches, detection);
criterion_main!(benches);
