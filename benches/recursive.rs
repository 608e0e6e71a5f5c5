//! One update of recursive least squares with forgetting .99 against the textbook's P - g x' P / d over rows of vectors.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foretoken::math::recursive::Recursive;

const FORGETTING: f64 = 0.99;

struct Textbook {
    b: Vec<f64>,
    p: Vec<Vec<f64>>,
}

impl Textbook {
    fn update(&mut self, x: &[f64], y: f64) {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let g: Vec<f64> = self.p.iter().map(|row| dot(row, x)).collect();
        let d = FORGETTING + dot(&g, x);
        let error = y - dot(&self.b, x);
        self.b.iter_mut().zip(&g).for_each(|(b, g)| *b += g * error / d);
        let left: Vec<f64> = (0..x.len()).map(|j| x.iter().zip(&self.p).map(|(x, row)| x * row[j]).sum()).collect();
        for (row, g) in self.p.iter_mut().zip(&g) {
            row.iter_mut().zip(&left).for_each(|(p, l)| *p = (*p - g * l / d) / FORGETTING);
        }
    }
}

fn updates(criterion: &mut Criterion) {
    const ROWS: usize = 1000;
    let mut group = criterion.benchmark_group("1000 recursive updates");
    group.throughput(Throughput::Elements(ROWS as u64));
    let x = common::ar2(ROWS + 32, 0);
    let x: Vec<f64> = x.iter().map(|x| x - 50.0).collect();
    for width in [2, 8, 32] {
        group.bench_with_input(BenchmarkId::new("symmetric", width), &width, |b, &width| {
            let mut recursive = Recursive::new(width, FORGETTING, 1e4).expect("a prior");
            b.iter(|| {
                (0..ROWS).for_each(|t| {
                    recursive.update(black_box(&x[t..t + width]), x[t + width]);
                })
            });
        });
        group.bench_with_input(BenchmarkId::new("textbook", width), &width, |b, &width| {
            let unit = |i: usize| (0..width).map(|j| if i == j { 1e4 } else { 0.0 }).collect();
            let start = || Textbook { b: vec![0.0; width], p: (0..width).map(unit).collect() };
            let mut textbook = start();
            // It diverges: begun again before that.
            b.iter(|| {
                textbook = start();
                (0..ROWS).for_each(|t| textbook.update(black_box(&x[t..t + width]), x[t + width]));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, updates);
criterion_main!(benches);
