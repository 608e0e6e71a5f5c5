//! Byte-pair merges of series of a thousand symbols: the buckets of ranks against a scan of the sequence for every merge.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use foretoken::math::random::LaneRng;
use foretoken::model::token::merges::Merges;

const SYMBOLS: usize = 16;
const LENGTH: usize = 1_000;
const SERIES: usize = 64;

/// Steps of at most two bins, with a motif of twelve steps now and then.
fn series(stream: u64) -> Vec<u32> {
    let mut rng = LaneRng::new(5, stream);
    let (mut x, mut all) = (8_i64, Vec::new());
    while all.len() < LENGTH {
        if rng.uniform() < 0.1 {
            all.extend([3, 4, 6, 9, 12, 13, 12, 9, 6, 4, 3, 2]);
        }
        x = (x + rng.below(5) as i64 - 2).clamp(0, SYMBOLS as i64 - 1);
        all.push(x as u32);
    }
    all.truncate(LENGTH);
    all
}

/// One pass for every merge.
fn by_scans(merges: &Merges, sequence: &[u32]) -> Vec<u32> {
    let mut tokens = sequence.to_vec();
    for (rank, pair) in merges.pairs().iter().enumerate() {
        let (mut out, mut at) = (Vec::with_capacity(tokens.len()), 0);
        while at < tokens.len() {
            if tokens[at..].starts_with(pair) {
                out.push((SYMBOLS + rank) as u32);
                at += 2;
            } else {
                out.push(tokens[at]);
                at += 1;
            }
        }
        tokens = out;
    }
    tokens
}

fn encode(criterion: &mut Criterion) {
    let all: Vec<Vec<u32>> = (0..SERIES as u64).map(series).collect();
    let sequences: Vec<&[u32]> = all.iter().map(Vec::as_slice).collect();
    let merges = Merges::learn(&sequences, SYMBOLS, 256, 2).expect("merges");
    let mut encoder = merges.encoder();
    assert_eq!(encoder.encode(sequences[0]).expect("symbols"), by_scans(&merges, sequences[0]));
    let mut group = criterion.benchmark_group("merges");
    group.throughput(Throughput::Elements((SERIES * LENGTH) as u64));
    group.bench_function("buckets", |b| {
        b.iter(|| sequences.iter().map(|one| encoder.encode(black_box(one)).expect("symbols").len()).sum::<usize>());
    });
    group.bench_function("scans", |b| {
        b.iter(|| sequences.iter().map(|one| by_scans(&merges, black_box(one)).len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
