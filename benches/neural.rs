//! Training steps and sampling of networks, one JSON object per line, for `peers/neural.py` to set beside PyTorch's: the
//! smallest CPU time of several runs on one thread. A step goes from windows to parameters: inputs, forward pass, loss, backward
//! pass, clipping, AdamW. Of steps of 256 windows also the smallest elapsed times of one thread and of two.

#![allow(missing_docs, reason = "a benchmark documents itself by what it prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use foretoken::generate::{Generation, generate};
use foretoken::math::random::LaneRng;
use foretoken::model::neural::Architecture;
use foretoken::model::neural::bench::{Sizes, Steps};
use foretoken::{Batch, Covariates};
use rayon::ThreadPoolBuilder;

/// How long a kernel is repeated, and how often at least.
const PATIENCE: Duration = Duration::from_secs(3);
const LEAST_RUNS: usize = 5;
const SERIES: u64 = 64;
const PATHS: usize = 100;
const HORIZON: usize = 24;

/// The smallest CPU time and the smallest elapsed time of a run, in seconds.
fn measure(mut kernel: impl FnMut()) -> [f64; 2] {
    kernel();
    let (mut best, begin) = ([f64::INFINITY; 2], Instant::now());
    for run in 0.. {
        let (cpu, clock) = (ProcessTime::now(), Instant::now());
        kernel();
        best = [best[0].min(cpu.elapsed().as_secs_f64()), best[1].min(clock.elapsed().as_secs_f64())];
        if run >= LEAST_RUNS && begin.elapsed() > PATIENCE {
            break;
        }
    }
    best
}

fn on<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(work)
}

fn report(work: &str, name: &str, seconds: f64) {
    println!("{{\"work\": \"{work}\", \"network\": \"{name}\", \"seconds\": {seconds:e}}}");
}

fn train(name: &str, sizes: Sizes, batch: usize) {
    let mut steps = Steps::new(sizes, batch).expect("a network");
    let [cpu, _] = on(1, || measure(|| assert!(black_box(steps.step()).is_finite())));
    report("training", name, cpu);
    // Windows, not rows.
    let mut steps = Steps::new(sizes, 256).expect("a network");
    for threads in [1, 2, 1, 2] {
        let [_, clock] = on(threads, || measure(|| assert!(black_box(steps.step()).is_finite())));
        report(&format!("256 windows, {threads}"), name, clock);
    }
}

/// Series after series, as the command line does, and eight in a call.
fn sample(name: &str, sizes: Sizes) {
    let model = sizes.untrained().expect("a network");
    let length = sizes.steps.max(sizes.lags);
    let past = |stream: u64| -> Vec<f64> {
        let mut rng = LaneRng::new(5, stream);
        (0..length).map(|_| rng.normal()).collect()
    };
    let (series, known): (Vec<Vec<f64>>, _) = ((0..SERIES).map(past).collect(), Covariates::none());
    let what = Generation::sample(HORIZON, PATHS, 7);
    for at_once in [1, 8] {
        let context = |series: &[Vec<f64>]| {
            let lanes: Vec<&[f64]> = series.iter().map(Vec::as_slice).collect();
            Batch::lanes_of(&lanes, &vec![0; at_once])
        };
        let contexts: Vec<Batch> = series.chunks(at_once).map(context).collect();
        let [cpu, _] = on(1, || {
            measure(|| {
                for context in &contexts {
                    let paths = generate(black_box(&model), context, &known, &what).expect("paths");
                    assert!(black_box(paths).step(HORIZON - 1).iter().all(|x| x.is_finite()));
                }
            })
        });
        report("sampling", name, cpu);
    }
}

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let transformer = Architecture::Transformer { heads: 4, is_rotary: true, window: None };
    let small = Sizes { architecture: Architecture::Mlp, hidden: 64, layers: 2, lags: 48, steps: 16, tokens: None };
    let shapes = [
        // 256 rows of 48 lags: 16 windows of 16 steps.
        ("feed-forward", small, 16),
        ("GRU", Sizes { architecture: Architecture::Gru, lags: 1, steps: 96, ..small }, 64),
        ("convolution", Sizes { architecture: Architecture::Conv, layers: 6, lags: 1, steps: 128, ..small }, 64),
        (
            "transformer",
            Sizes { architecture: transformer, layers: 3, lags: 1, steps: 128, tokens: Some(256), ..small },
            64,
        ),
    ];
    // `-- GRU` measures that alone, `-- sampling` of all the sampling alone.
    let (only_sampling, wanted): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).partition(|arg| arg == "sampling");
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|own| own == name);
    for (name, sizes, batch) in shapes.into_iter().filter(|shape| is_wanted(shape.0)) {
        if only_sampling.is_empty() {
            train(name, sizes, batch);
        }
        sample(name, sizes);
    }
}
