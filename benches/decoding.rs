//! What decoding costs: a beam over tokens, and 1,000 paths x 48 steps under each strategy beside plain sampling.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use foretoken::generate::{Decoding, Generation, generate};
use foretoken::math::random::LaneRng;
use foretoken::model::Running;
use foretoken::model::linear::Ar;
use foretoken::predictive::Family;
use foretoken::{Autoregressive, Batch, Covariates, Predictive, Result, Rows, Session};

const HORIZON: usize = 48;

/// A first-order chain over symbols: the row of the last one.
#[derive(Debug)]
struct Chain(Predictive);

#[derive(Debug)]
struct ChainSession<'m>(&'m Chain, Vec<usize>);

impl Chain {
    fn random(symbols: usize) -> Self {
        let mut rng = LaneRng::new(1, 0);
        let mut rows = Predictive::new(Family::Categorical { symbols }, symbols);
        for row in 0..symbols {
            let weights: Vec<f64> = (0..symbols).map(|_| rng.uniform().powi(8)).collect();
            let total: f64 = weights.iter().sum();
            rows.set(row, &weights.iter().map(|weight| weight / total).collect::<Vec<_>>(), true);
        }
        Self(rows)
    }
}

impl Autoregressive for Chain {
    fn family(&self) -> Family {
        self.0.family().clone()
    }

    fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
        Ok(Box::new(ChainSession(self, vec![0; context.lanes()])))
    }
}

impl<'m> Session<'m> for ChainSession<'m> {
    fn lanes(&self) -> usize {
        self.1.len()
    }

    fn conditional(&mut self, _known: Rows<'_>, out: &mut Predictive) {
        for (lane, &last) in self.1.iter().enumerate() {
            out.set(lane, self.0.0.row(last).parameters(), true);
        }
    }

    fn observe(&mut self, x: &[f64]) {
        self.1 = x.iter().map(|x| *x as usize).collect();
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        Box::new(ChainSession(self.0, parents.iter().map(|&lane| self.1[lane]).collect()))
    }
}

fn autoregression() -> Ar {
    let mut phi = vec![0.0; 12];
    (phi[0], phi[11]) = (0.5, 0.4);
    Ar::new(1.0, 0.0, phi, 1.0, 10.0)
}

fn decode(c: &mut Criterion) {
    let (chain, ar) = (Chain::random(256), autoregression());
    let context = Batch::single(&[9.0, 10.0, 11.0, 10.0, 9.0, 12.0, 10.0, 9.5, 10.5, 11.0, 8.0, 10.0], 0);
    let temperature = 1.0;
    let strategies = [
        ("sample", Decoding::Sample { temperature }),
        ("tempered", Decoding::Sample { temperature: 0.7 }),
        ("top-k", Decoding::TopK { k: 50, temperature }),
        ("nucleus", Decoding::Nucleus { mass: 0.9, temperature }),
        ("typical", Decoding::Typical { mass: 0.9, temperature }),
    ];
    for (model, model_name) in [(&chain as &dyn Autoregressive, "256 symbols"), (&ar, "AR(12)")] {
        let mut group = c.benchmark_group(model_name);
        group.sample_size(10);
        for (name, decoding) in strategies {
            let what = Generation { decoding, ..Generation::sample(HORIZON, 1000, 1) };
            group.bench_function(format!("{name}/1000x{HORIZON}"), |b| {
                b.iter(|| generate(black_box(model), &context, &Covariates::none(), &what).expect("paths"));
            });
        }
        let beam = Generation { decoding: Decoding::Beam { width: 64 }, ..Generation::mean(HORIZON) };
        group.bench_function(format!("beam/64x{HORIZON}"), |b| {
            b.iter(|| generate(black_box(model), &context, &Covariates::none(), &beam).expect("a path"));
        });
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
