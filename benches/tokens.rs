//! Values to tokens: equal bins, equal masses from a table of cells, and the latter by a binary search for each value.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

mod common;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use foretoken::Series;
use foretoken::model::token::quantiser::{Quantiser, QuantiserKind, QuantiserSpec};

const BINS: usize = 256;

fn by_search(edges: &[f64], z: &[f64], tokens: &mut Vec<u32>) {
    tokens.clear();
    tokens.extend(z.iter().map(|z| edges.partition_point(|edge| edge <= z) as u32));
}

fn tokens(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tokens");
    for n in [10_000, 1_000_000] {
        let x = common::ar2(n, 0);
        let of = |kind| {
            let spec = QuantiserSpec { kind, bins: Some(BINS) };
            spec.fit(&[Series::new("", x.clone())]).expect("a quantiser")
        };
        let (uniform, quantile) = (of(QuantiserKind::Uniform), of(QuantiserKind::Quantile));
        let map = uniform.training_map();
        let z: Vec<f64> = x.iter().map(|x| map.backward(*x)).collect();
        let mut out = Vec::with_capacity(n);
        group.throughput(Throughput::Elements(n as u64));
        let mut encode = |name: &str, quantiser: &Quantiser| {
            group.bench_with_input(BenchmarkId::new(name, n), &z, |b, z| {
                b.iter(|| quantiser.encode_all(black_box(z), &mut out));
            });
        };
        encode("uniform", &uniform);
        encode("quantile", &quantile);
        group.bench_with_input(BenchmarkId::new("quantile by binary search", n), &z, |b, z| {
            b.iter(|| by_search(quantile.bins().edges(), black_box(z), &mut out));
        });
    }
    group.finish();
}

criterion_group!(benches, tokens);
criterion_main!(benches);
