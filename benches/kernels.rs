//! CPU times of the linear kernels, one JSON object per line, for `peers/linear.py` to set beside those of other
//! programs: the smallest of several runs, on one thread.

#![allow(missing_docs, reason = "a benchmark documents itself by what it prints")]

mod common;

use std::hint::black_box;
use std::time::Duration;

use cpu_time::ProcessTime;
use foretoken::math::autocovariance::{Divisor, LaggedProducts, mean};
use foretoken::math::burg::Burg;
use foretoken::math::exact::{ExactProblem, Observed, Structure};
use foretoken::math::filter::Filter;
use foretoken::math::least_squares::{Deterministic, LagRegression, Segment};
use foretoken::math::recursive::Recursive;
use foretoken::math::toeplitz::Levinson;
use foretoken::model::linear::{BurgVariance, Criterion, Estimator, LinearSpec, Order};
use foretoken::{Fit, Series};

/// How long a kernel is repeated, and how often at most.
const PATIENCE: Duration = Duration::from_millis(1_500);
const MOST_RUNS: usize = 2_000;
const LAGS: usize = 20;

/// The smallest CPU time of a run, in seconds; short kernels run in batches.
fn measure(mut kernel: impl FnMut()) -> f64 {
    kernel();
    let once = ProcessTime::now();
    kernel();
    let batch = (1e-3 / once.elapsed().as_secs_f64().max(1e-9)).clamp(1.0, 1e5) as usize;
    let (mut best, begin) = (f64::INFINITY, ProcessTime::now());
    for _ in 0..MOST_RUNS {
        let start = ProcessTime::now();
        (0..batch).for_each(|_| kernel());
        best = best.min(start.elapsed().as_secs_f64() / batch as f64);
        if begin.elapsed() > PATIENCE {
            break;
        }
    }
    best
}

fn report<T>(work: &str, n: usize, mut kernel: impl FnMut() -> T) {
    let seconds = measure(|| {
        black_box(kernel());
    });
    println!("{{\"work\": \"{work}\", \"n\": {n}, \"seconds\": {seconds:e}}}");
}

fn yule_walker(x: &[f64]) -> f64 {
    let products = LaggedProducts::of([x], mean([x]), LAGS);
    Levinson::solve(&products.autocovariances(Divisor::Biased)).variance(LAGS)
}

fn least_squares(x: &[f64]) -> f64 {
    LagRegression::new(vec![Segment { x, time: 1.0 }], Deterministic::Constant, LAGS).solve(LAGS).rss
}

fn exact(x: &[f64], order: usize) -> f64 {
    let ones = vec![1.0; x.len()];
    let series = vec![Observed { y: x, columns: vec![&ones] }];
    ExactProblem { series, structure: Structure::ar(order) }.maximise().expect("a maximum").log_likelihood
}

/// One series after the other, on one thread.
fn burg_orders(all: &[Series]) -> usize {
    let order = Order::Auto { max: Some(16), criterion: Criterion::Aicc };
    let estimator = Estimator::Burg { variance: BurgVariance::Levinson };
    let spec = LinearSpec { order, estimator, ..LinearSpec::default() };
    let chosen = |series: &Series| spec.fit(std::slice::from_ref(series)).expect("a fit").model.order();
    all.iter().map(chosen).sum()
}

/// A random walk at a level of a million: what doubles alone get wrong.
fn walk(n: usize) -> Vec<f64> {
    let mut level = 1e6;
    common::ar2(n, 3).iter().map(|e| (level += e - 50.0, level).1).collect()
}

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    for n in [1_000, 1_000_000] {
        let x = common::ar2(n, 0);
        report("autocovariances and Levinson", n, || yule_walker(black_box(&x)));
    }
    let x = common::ar2(1_000_000, 0);
    let many: Vec<Series> = (0..100_000).map(|stream| Series::new("", common::ar2(200, stream))).collect();
    report("least squares", x.len(), || least_squares(black_box(&x)));
    let hard = walk(1_000_000);
    report("least squares, pairs of doubles", hard.len(), || least_squares(black_box(&hard)));
    report("Burg, direct", x.len(), || Burg::directly(&[black_box(&x)], mean([&x[..]]), LAGS));
    report("Burg, lag sums", x.len(), || Burg::fit(&[black_box(&x)], mean([&x[..]]), LAGS));
    let small = common::ar2(200, 2);
    for order in [2, 8] {
        report(&format!("exact likelihood, AR({order})"), small.len(), || exact(black_box(&small), order));
    }
    let mut recursive = Recursive::new(8, 0.99, 1e3).expect("a prior");
    let mut t = 0;
    report("recursive least squares, p = 8", 1, || {
        t = (t + 1) % 990_000;
        recursive.update(black_box(&x[t..t + 8]), x[t + 8] - 50.0);
    });
    report("Burg, order by AICc up to 16", 100_000, || burg_orders(&many));
    let long = common::ar2(10_000_000, 1);
    let taps: Vec<f64> = (0..=256_i32).map(|k| 0.97_f64.powi(k)).collect();
    let mut filter = Filter::new(taps);
    let mut residuals = vec![0.0; long.len() - 256];
    report("residuals of order 256", long.len(), || filter.add_to(black_box(&mut residuals), black_box(&long)));
}
