//! Decoding strategies against what they say they do, on rows and on models small enough to be enumerated.

use std::sync::Arc;

use foretoken::data::batch::Rows;
use foretoken::generate::{Decoding, FirstPassage, Generation, Paths, Stop, generate};
use foretoken::math::random::LaneRng;
use foretoken::math::special::{chi_squared_survival, normal_cdf};
use foretoken::model::linear::{Ar, ArSpec, Average, Choice, LinkChoice, Order, SeasonalChoice};
use foretoken::model::naive::Naive;
use foretoken::model::{PathFactor, Running};
use foretoken::predictive::{Bins, Family, Link, OuterMap};
use foretoken::{Autoregressive, Batch, Covariates, ErrorKind, Fit, Predictive, Result, Series, Session, score};

// ------------------------------------------------------------------------------------------------ small models

/// Rows that depend on the last symbols: S rows on one, S^2 on two; a single row on none.
#[derive(Debug, Clone)]
struct Chain {
    rows: Predictive,
}

impl Chain {
    /// Symbols with these probabilities after each symbol.
    fn of_symbols(matrix: &[Vec<f64>]) -> Self {
        let mut rows = Predictive::new(Family::Categorical { symbols: matrix[0].len() }, matrix.len());
        matrix.iter().enumerate().for_each(|(row, masses)| rows.set(row, masses, true));
        Self { rows }
    }

    /// Where a symbol leads: the last symbols as the digits of a number.
    fn after(&self, state: usize, symbol: f64) -> usize {
        let rows = self.rows.rows();
        if rows == 1 || symbol.is_nan() { 0 } else { (state * self.family().width() + symbol as usize) % rows }
    }

    /// The same row always.
    fn constant(family: Family, parameters: &[f64], map: OuterMap) -> Self {
        let mut rows = Predictive::new(family, 1);
        rows.set(0, parameters, true);
        rows.set_map(0, map);
        Self { rows }
    }
}

#[derive(Debug, Clone)]
struct ChainSession<'m> {
    chain: &'m Chain,
    last: Vec<usize>,
}

impl Autoregressive for Chain {
    fn family(&self) -> Family {
        self.rows.family().clone()
    }

    fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
        let mut session = ChainSession { chain: self, last: vec![0; context.lanes()] };
        (0..context.steps()).for_each(|step| session.observe(context.row(step)));
        Ok(Box::new(session))
    }
}

impl<'m> Session<'m> for ChainSession<'m> {
    fn lanes(&self) -> usize {
        self.last.len()
    }

    fn conditional(&mut self, _known: Rows<'_>, out: &mut Predictive) {
        for (lane, &last) in self.last.iter().enumerate() {
            out.set(lane, self.chain.rows.row(last).parameters(), true);
            out.set_map(lane, self.chain.rows.row(last).map());
        }
    }

    fn observe(&mut self, x: &[f64]) {
        for (last, x) in self.last.iter_mut().zip(x) {
            *last = self.chain.after(*last, *x);
        }
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        Box::new(Self { chain: self.chain, last: parents.iter().map(|&lane| self.last[lane]).collect() })
    }
}

fn run(model: &dyn Autoregressive, context: &[f64], what: &Generation) -> Paths {
    generate(model, &Batch::single(context, 0), &Covariates::none(), what).expect("paths")
}

fn decoded(horizon: usize, paths: usize, decoding: Decoding) -> Generation {
    Generation { decoding, ..Generation::sample(horizon, paths, 5) }
}

const TOKENS: [f64; 8] = [0.02, 0.25, 0.0, 0.13, 0.3, 0.05, 0.05, 0.2];

fn bins() -> Arc<Bins> {
    Arc::new(Bins::new(vec![-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 4.0], [0.5, 1.0]).expect("bins"))
}

const LOG: OuterMap = OuterMap { link: Link::Log, shift: 0.3, factor: 0.5, scale: 2.0 };

/// One row of every family, some behind a log.
fn rows() -> Vec<(&'static str, Chain)> {
    let mixture = [0.3, -1.0, 0.5, 0.7, 1.0, 1.0];
    let of_t = [0.3, -1.0, 0.5, 3.5, 0.7, 1.0, 1.0, 9.0];
    let of_counts = [0.3, 2.0, 0.5, 0.7, 20.0, 0.1];
    vec![
        ("normal", Chain::constant(Family::Gaussian, &[1.0, 2.0], OuterMap::IDENTITY)),
        ("lognormal", Chain::constant(Family::Gaussian, &[1.0, 2.0], LOG)),
        ("t", Chain::constant(Family::StudentT, &[1.0, 2.0, 3.5], OuterMap::IDENTITY)),
        ("mixture", Chain::constant(Family::Mixture { components: 2 }, &mixture, OuterMap::IDENTITY)),
        ("log mixture", Chain::constant(Family::Mixture { components: 2 }, &mixture, LOG)),
        ("t mixture", Chain::constant(Family::StudentTMixture { components: 2 }, &of_t, OuterMap::IDENTITY)),
        ("counts", Chain::constant(Family::NegativeBinomialMixture { components: 2 }, &of_counts, OuterMap::IDENTITY)),
        ("bins", Chain::constant(Family::Binned(bins()), &TOKENS, OuterMap { shift: 1.0, ..OuterMap::IDENTITY })),
        ("symbols", Chain::constant(Family::Categorical { symbols: 8 }, &TOKENS, OuterMap::IDENTITY)),
    ]
}

fn draws_of(temperature: f64) -> [Decoding; 4] {
    [
        Decoding::Sample { temperature },
        Decoding::TopK { k: 3, temperature },
        Decoding::Nucleus { mass: 0.6, temperature },
        Decoding::Typical { mass: 0.6, temperature },
    ]
}

// ---------------------------------------------------------------------------------- frequencies and their densities

/// The probability of a chi-square statistic at least this large, where expected counts of zero must be zero.
fn chi_square_p(counts: &[f64], expected: &[f64]) -> f64 {
    let n: f64 = counts.iter().sum();
    let (mut statistic, mut cells) = (0.0, 0);
    for (count, mass) in counts.iter().zip(expected) {
        if *mass > 0.0 {
            statistic += (count - n * mass).powi(2) / (n * mass);
            cells += 1;
        } else {
            assert_eq!(*count, 0.0, "a draw where there is no mass");
        }
    }
    if cells < 2 { 1.0 } else { chi_squared_survival(statistic, f64::from(cells - 1)) }
}

/// TOKENS to the power 1 / T, of which `kept` stay.
fn truncated(temperature: f64, kept: &[usize]) -> [f64; 8] {
    let powers = TOKENS.map(|mass| mass.powf(1.0 / temperature));
    let total: f64 = kept.iter().map(|&token| powers[token]).sum();
    std::array::from_fn(|token| if kept.contains(&token) { powers[token] / total } else { 0.0 })
}

#[test]
fn truncated_tokens_come_as_often_as_their_masses_say() {
    // Masses .30 .25 .20 .13 .05 .05 .02; at T = 1/2 .09 .0625 .04 .0169 .0025 .0025 .0004 of .2148. Entropy at T = 1: 1.651,
    // surprisals 1.204 1.386 1.609 2.040 2.996 3.912; at T = 1/2: .870 1.235 1.681 2.542 4.453 of 1.336.
    let cases = [
        (Decoding::Sample { temperature: 0.5 }, 0.5, &[0, 1, 3, 4, 5, 6, 7][..]),
        (Decoding::TopK { k: 3, temperature: 1.0 }, 1.0, &[1, 4, 7]),
        // Of two equal masses the first token stays.
        (Decoding::TopK { k: 5, temperature: 0.5 }, 0.5, &[1, 3, 4, 5, 7]),
        (Decoding::TopK { k: 99, temperature: 1.0 }, 1.0, &[0, 1, 3, 4, 5, 6, 7]),
        (Decoding::Nucleus { mass: 0.74, temperature: 1.0 }, 1.0, &[1, 4, 7]),
        (Decoding::Nucleus { mass: 0.76, temperature: 1.0 }, 1.0, &[1, 3, 4, 7]),
        (Decoding::Nucleus { mass: 0.8, temperature: 0.5 }, 0.5, &[1, 4, 7]),
        (Decoding::Nucleus { mass: 1.0, temperature: 1.0 }, 1.0, &[0, 1, 3, 4, 5, 6, 7]),
        (Decoding::Typical { mass: 0.19, temperature: 1.0 }, 1.0, &[7]),
        (Decoding::Typical { mass: 0.4, temperature: 1.0 }, 1.0, &[1, 7]),
        (Decoding::Typical { mass: 0.5, temperature: 1.0 }, 1.0, &[1, 3, 7]),
        (Decoding::Typical { mass: 0.3, temperature: 0.5 }, 0.5, &[1, 7]),
    ];
    for (decoding, temperature, kept) in cases {
        let expected = truncated(temperature, kept);
        for (name, model) in rows().iter().filter(|(name, _)| ["bins", "symbols"].contains(name)) {
            let paths = run(model, &[], &decoded(1, if *name == "bins" { 10_000 } else { 100_000 }, decoding));
            let (mut counts, family) = ([0.0; 8], model.family());
            for (value, log_q) in paths.step(0).iter().zip(paths.log_q()) {
                let token = if let Family::Binned(bins) = &family { bins.index(value - 1.0) } else { *value as usize };
                counts[token] += 1.0;
                if family == (Family::Categorical { symbols: 8 }) {
                    assert!((log_q - expected[token].ln()).abs() < 1e-12, "{decoding:?}: {log_q} of token {token}");
                }
            }
            let p = chi_square_p(&counts, &expected);
            assert!(p > 1e-3, "{decoding:?}: {counts:?} for {expected:?}, p = {p}");
        }
    }
}

/// The shares of the 256 cells of equal mass that are kept, each between 0 and 1, of a row before any map.
fn kept_cells(model: &Chain, truncation: Decoding) -> Vec<f64> {
    let row = model.rows.row(0);
    let surprisals: Vec<f64> = (0..256).map(|i| row.surprisal(row.quantile((f64::from(i) + 0.5) / 256.0))).collect();
    let entropy = surprisals.iter().sum::<f64>() / 256.0;
    let (count, rank): (f64, Vec<f64>) = match truncation {
        Decoding::TopK { k, .. } => (k as f64, surprisals),
        Decoding::Nucleus { mass, .. } => (256.0 * mass, surprisals),
        Decoding::Typical { mass, .. } => (256.0 * mass, surprisals.iter().map(|s| (s - entropy).abs()).collect()),
        _ => (256.0, surprisals),
    };
    let mut order: Vec<usize> = (0..256).collect();
    order.sort_by(|a, b| rank[*a].total_cmp(&rank[*b]));
    let mut kept = vec![0.0; 256];
    order.iter().enumerate().for_each(|(place, &cell)| kept[cell] = (count - place as f64).clamp(0.0, 1.0));
    kept
}

#[test]
fn truncated_values_come_from_the_cells_that_are_kept() {
    for (name, model) in rows().into_iter().filter(|(name, _)| ["normal", "t", "mixture", "t mixture"].contains(name)) {
        for decoding in [
            Decoding::TopK { k: 50, temperature: 1.0 },
            Decoding::Nucleus { mass: 0.7, temperature: 1.0 },
            Decoding::Typical { mass: 0.3, temperature: 1.0 },
        ] {
            let kept = kept_cells(&model, decoding);
            let total: f64 = kept.iter().sum();
            let paths = run(&model, &[], &decoded(1, 20_000, decoding));
            // Groups of cells, since single ones at the edges differ by ties and by the table of a mixture.
            let (mut counts, mut outside) = ([0.0; 16], 0.0);
            for value in paths.step(0) {
                let cell = ((256.0 * model.rows.row(0).cdf(*value)) as usize).min(255);
                counts[cell / 16] += 1.0;
                outside += f64::from(u8::from(kept[cell] == 0.0));
            }
            let expected: Vec<f64> = kept.chunks(16).map(|cells| cells.iter().sum::<f64>() / total).collect();
            let off = |(count, share): (&f64, &f64)| (count / 2e4 - share).abs();
            let largest = counts.iter().zip(&expected).map(off).fold(0.0, f64::max);
            // Half a cell of each kind, and five standard errors.
            assert!(largest < 0.6 / total + 0.015, "{name}, {decoding:?}: {counts:?} for {expected:?}");
            assert!(outside / 2e4 < 1.2 / total, "{name}, {decoding:?}: {outside} draws from cells that are not kept");
        }
    }
}

#[test]
fn a_nucleus_of_a_symmetric_row_is_its_central_interval() {
    for (name, model) in &rows()[..3] {
        let paths = run(model, &[], &decoded(1, 20_000, Decoding::Nucleus { mass: 0.7, temperature: 1.0 }));
        let mut counts = [0.0; 20];
        for (value, (log_q, log_prob)) in paths.step(0).iter().zip(paths.log_q().iter().zip(paths.log_prob())) {
            counts[(20.0 * model.rows.row(0).cdf(*value)) as usize] += 1.0;
            assert!((log_q - log_prob + 0.7_f64.ln()).abs() < 1e-9, "{name}");
        }
        let central: [f64; 20] = std::array::from_fn(|i| if (3..17).contains(&i) { 1.0 / 14.0 } else { 0.0 });
        let p = chi_square_p(&counts, &central);
        assert!(p > 1e-3, "{name}: {counts:?}, p = {p}");
    }
}

#[test]
fn draws_are_as_dense_as_log_q_says() {
    for (name, model) in rows().into_iter().filter(|(name, _)| !["symbols", "counts"].contains(name)) {
        for decoding in [0.5, 1.0, 2.0].into_iter().flat_map(draws_of) {
            let paths = run(&model, &[], &decoded(1, 12_000, decoding));
            let mut draws: Vec<(f64, f64)> = paths.step(0).iter().copied().zip(paths.log_q().iter().copied()).collect();
            draws.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            // n draws of density q: the mean of 1 / q over those between a and b is the length on which there is mass, b - a
            // where there are no holes. Here three fifths of all draws, one by one.
            for part in [1_200..3_600, 3_600..6_000, 8_400..10_800] {
                let own = &draws[part];
                let length = own[own.len() - 1].0 - own[0].0;
                let said = own.iter().map(|(_, log_q)| (-log_q).exp()).sum::<f64>() / 12_000.0;
                let holes = matches!(decoding, Decoding::Typical { .. }) || name == "bins" || name.contains("mixture");
                let (low, high) = if holes { (0.0, 1.1) } else { (0.9, 1.1) };
                let ratio = said / length;
                assert!(ratio > low && ratio < high, "{name}, {decoding:?}: {said} of {length}");
            }
        }
    }
}

// ------------------------------------------------------------------------------------------------------ temperature

#[test]
fn the_coldest_draws_meet_greedy() {
    for (name, model) in rows() {
        let greedy = run(&model, &[], &decoded(3, 7, Decoding::Greedy));
        assert_eq!((greedy.lanes(), greedy.log_q()), (1, &[0.0][..]), "{name}");
        let expected = match name {
            "normal" | "t" => 1.0,
            "lognormal" => 2.0 * 0.8_f64.exp(),
            "bins" => 1.75,
            "symbols" => 4.0,
            _ => greedy.step(0)[0],
        };
        assert!((greedy.step(0)[0] - expected).abs() < 1e-14, "{name}: {}", greedy.step(0)[0]);
        for decoding in draws_of(1e-6) {
            let cold = run(&model, &[], &decoded(3, 20, decoding));
            let distance = if name == "bins" { 0.25 } else { 0.02 };
            let near = |value: &f64| (value - expected).abs() <= distance;
            assert!((0..3).all(|step| cold.step(step).iter().all(near)), "{name}, {decoding:?}: {:?}", cold.step(0));
            assert!(cold.log_q().iter().all(|log_q| log_q.is_finite()), "{name}, {decoding:?}");
        }
    }
}

#[test]
fn temperature_one_is_the_model_bit_for_bit() {
    for (name, model) in rows() {
        let paths = run(&model, &[], &decoded(4, 6, Decoding::Sample { temperature: 1.0 }));
        for lane in 0..6 {
            let mut rng = LaneRng::new(5, lane as u64);
            let own: Vec<f64> = (0..4).map(|_| model.rows.row(0).sample(&mut rng)).collect();
            assert_eq!(paths.path(lane).collect::<Vec<_>>(), own, "{name}");
            assert_eq!(paths.log_q()[lane], paths.log_prob()[lane], "{name}");
        }
    }
}

#[test]
fn a_tempered_normal_path_is_one_of_another_spread() {
    let walk = |sd: f64| Ar::new(0.5, 0.0, vec![0.6, 0.2], sd, 2.5);
    let hot = run(&walk(1.0), &[2.0, 3.0], &decoded(5, 50, Decoding::Sample { temperature: 4.0 }));
    let wide = run(&walk(2.0), &[2.0, 3.0], &decoded(5, 50, Decoding::Sample { temperature: 1.0 }));
    for lane in 0..50 {
        assert!(hot.path(lane).zip(wide.path(lane)).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!((hot.log_q()[lane] - wide.log_prob()[lane]).abs() < 1e-10);
    }
}

// ------------------------------------------------------------------------------------------------------- chain rule

const DECODINGS: [Decoding; 9] = [
    Decoding::Mean,
    Decoding::Median,
    Decoding::Greedy,
    Decoding::Sample { temperature: 0.8 },
    Decoding::TopK { k: 50, temperature: 1.0 },
    Decoding::Nucleus { mass: 0.9, temperature: 1.2 },
    Decoding::Typical { mass: 0.9, temperature: 1.0 },
    Decoding::Beam { width: 5 },
    Decoding::BestOf { n: 8, temperature: 1.0 },
];

fn history() -> Vec<f64> {
    (0..60).map(|t| 20.0 + 5.0 * (0.7 * f64::from(t)).sin() + f64::from(t % 7)).collect()
}

fn autoregression(transform: LinkChoice) -> impl Autoregressive {
    let spec = ArSpec {
        order: Order::Fixed(3),
        transform: Choice::Fixed(transform),
        seasonal: Choice::Fixed(SeasonalChoice::None),
        difference: Choice::Fixed(0),
        average: Choice::Fixed(Average::None),
        ..ArSpec::default()
    };
    spec.fit(&[Series::new("", history())]).expect("a fit").model
}

/// The log density of a path under the normal joint of an identity-linked model.
fn joint_log_density(model: &dyn Autoregressive, context: &[f64], path: &[f64]) -> f64 {
    let session = model.begin(&Batch::single(context, 0), &Covariates::none()).expect("a session");
    let joint = session.gaussian_paths(&Covariates::none(), path.len()).expect("a joint").remove(0).remove(0);
    let factor = |j: usize, i: usize| match &joint.factor {
        PathFactor::Toeplitz(psi) => psi[j - i],
        PathFactor::Lower(rows) => rows[j * (j + 1) / 2 + i],
    };
    let mut innovations: Vec<f64> = Vec::new();
    let mut log_density = 0.0;
    for (j, y) in path.iter().enumerate() {
        let from_past: f64 = (0..j).map(|i| factor(j, i) * innovations[i]).sum();
        let e = (joint.maps[j].backward(*y) - joint.mean[j] - from_past) / factor(j, j);
        log_density += -0.5 * e * e - factor(j, j).ln() - 0.5 * std::f64::consts::TAU.ln();
        log_density += joint.maps[j].log_jacobian(*y);
        innovations.push(e);
    }
    log_density
}

#[test]
fn a_path_has_the_log_density_of_its_steps_and_of_the_joint() {
    let (context, none) = (history(), Covariates::none());
    for transform in [LinkChoice::None, LinkChoice::Log] {
        let model = autoregression(transform);
        for decoding in DECODINGS {
            let paths = run(&model, &context, &decoded(6, 4, decoding));
            assert_eq!(paths.lanes(), if decoding.gives_one_path() { 1 } else { 4 }, "{decoding:?}");
            for lane in 0..paths.lanes() {
                let path: Vec<f64> = paths.path(lane).collect();
                let target = Batch::single(&path, context.len() as i64);
                let scored =
                    score::log_likelihood(&model, &Batch::single(&context, 0), &target, &none).expect("scores");
                let (own, joint) = (paths.log_prob()[lane], joint_log_density(&model, &context, &path));
                assert_eq!(scored.1, 6);
                assert!((own - scored.0).abs() < 1e-10, "{decoding:?}: {own}, scored {}", scored.0);
                assert!((own - joint).abs() < 1e-10, "{decoding:?}: {own}, jointly {joint}");
            }
        }
    }
}

// ------------------------------------------------------------------------------------------------- beams and best of n

/// After 0 the likeliest symbol leads into a spread-out row.
fn garden_path() -> Chain {
    Chain::of_symbols(&[
        vec![0.1, 0.5, 0.4, 0.0],
        vec![0.25, 0.25, 0.25, 0.25],
        vec![0.02, 0.03, 0.05, 0.9],
        vec![0.3, 0.3, 0.15, 0.25],
    ])
}

/// All paths of a chain from a symbol, with their log probabilities.
fn enumerate(chain: &Chain, from: usize, steps: usize) -> Vec<(Vec<f64>, f64)> {
    let mut all = vec![(Vec::new(), 0.0)];
    for _ in 0..steps {
        let continued = |(path, log): (Vec<f64>, f64)| {
            let last = path.iter().fold(chain.after(0, from as f64), |state, symbol| chain.after(state, *symbol));
            let masses = chain.rows.row(last).parameters().to_vec();
            (0..masses.len()).map(move |s| ([path.clone(), vec![s as f64]].concat(), log + masses[s].ln()))
        };
        all = all.into_iter().flat_map(continued).collect();
    }
    all
}

#[test]
fn a_wide_beam_finds_the_most_probable_path() {
    let chain = garden_path();
    for (from, steps) in [(0, 5), (1, 4), (3, 6)] {
        let all = enumerate(&chain, from, steps);
        let best = all.into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a }).expect("a path");
        let beam = |width| run(&chain, &[from as f64], &decoded(steps, 1, Decoding::Beam { width }));
        let wide = beam(5000);
        assert!((wide.log_prob()[0] - best.1).abs() < 1e-12, "{from}: {:?}, not {best:?}", wide.log_prob());
        assert_eq!(wide.path(0).collect::<Vec<_>>(), best.0);
        assert_eq!(wide.log_q(), [0.0]);
        let greedy = run(&chain, &[from as f64], &decoded(steps, 1, Decoding::Greedy));
        assert!(beam(1).path(0).eq(greedy.path(0)));
        assert!(beam(2).log_prob()[0] >= greedy.log_prob()[0]);
        assert!(from != 0 || greedy.log_prob()[0] < best.1 - 0.5, "greedy is led astray");
    }
}

#[test]
fn beams_carry_all_that_their_sessions_remember() {
    let mut rng = LaneRng::new(11, 0);
    let mut row = || {
        let weights: [f64; 3] = std::array::from_fn(|_| rng.uniform().powi(3));
        weights.map(|weight| weight / weights.iter().sum::<f64>()).to_vec()
    };
    for _ in 0..20 {
        let chain = Chain::of_symbols(&(0..9).map(|_| row()).collect::<Vec<_>>());
        let best = enumerate(&chain, 1, 6).into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a }).expect("a path");
        let wide = run(&chain, &[1.0], &decoded(6, 1, Decoding::Beam { width: 800 }));
        assert!((wide.log_prob()[0] - best.1).abs() < 1e-12, "{:?}, not {best:?}", wide.log_prob());
        assert_eq!(wide.path(0).collect::<Vec<_>>(), best.0);
        // What a narrow one says of its path is true.
        let narrow = run(&chain, &[1.0], &decoded(6, 1, Decoding::Beam { width: 2 }));
        let path: Vec<f64> = narrow.path(0).collect();
        let target = Batch::single(&path, 1);
        let scored = score::log_likelihood(&chain, &Batch::single(&[1.0], 0), &target, &Covariates::none());
        assert!((narrow.log_prob()[0] - scored.expect("scores").0).abs() < 1e-12);
    }
}

#[test]
fn beams_of_several_lanes_do_not_meet_and_pass_over_unknown_values() {
    let chain = garden_path();
    let what = decoded(4, 1, Decoding::Beam { width: 3 });
    let context = Batch::lanes_of(&[&[1.0, 0.0, f64::NAN], &[0.0, 3.0, 1.0], &[2.0]], &[0, 0, 0]);
    let together = generate(&chain, &context, &Covariates::none(), &what).expect("paths");
    for (lane, own) in [&[1.0, 0.0][..], &[0.0, 3.0, 1.0], &[2.0]].into_iter().enumerate() {
        let unknown = usize::from(lane == 0);
        let alone = run(&chain, own, &Generation { horizon: 4 + unknown, ..what.clone() });
        assert!(alone.path(0).skip(unknown).eq(together.path(lane)), "lane {lane}");
        let (a, b) = (alone.log_prob()[0], together.log_prob()[lane]);
        assert!(if lane == 0 { b.is_nan() } else { a == b }, "lane {lane}: {a} {b}");
    }
}

#[test]
fn a_beam_of_a_linear_model_is_greedy() {
    for transform in [LinkChoice::None, LinkChoice::Log] {
        let model = autoregression(transform);
        let greedy = run(&model, &history(), &decoded(12, 1, Decoding::Greedy));
        for width in [1, 2, 16, 300] {
            let beam = run(&model, &history(), &decoded(12, 1, Decoding::Beam { width }));
            assert!(beam.path(0).eq(greedy.path(0)), "{width}");
        }
    }
}

#[test]
fn a_beam_of_values_weighs_spread_against_height() {
    /// After a value above 0 the spread is 1, else 0.1: the mode 0.5 leads to a flat row.
    #[derive(Debug)]
    struct Threshold;
    #[derive(Debug)]
    struct ThresholdSession(Vec<f64>);
    impl Autoregressive for Threshold {
        fn family(&self) -> Family {
            Family::Gaussian
        }
        fn begin<'m>(&'m self, context: &Batch, _known: &Covariates) -> Result<Running<'m>> {
            Ok(Box::new(ThresholdSession(vec![1.0; context.lanes()])))
        }
    }
    impl<'m> Session<'m> for ThresholdSession {
        fn lanes(&self) -> usize {
            self.0.len()
        }
        fn conditional(&mut self, _known: Rows<'_>, out: &mut Predictive) {
            for (lane, last) in self.0.iter().enumerate() {
                out.set(lane, &[0.5, if *last > 0.0 { 1.0 } else { 0.1 }], true);
            }
        }
        fn observe(&mut self, x: &[f64]) {
            self.0 = x.to_vec();
        }
        fn fork(&self, parents: &[usize]) -> Running<'m> {
            Box::new(Self(parents.iter().map(|&lane| self.0[lane]).collect()))
        }
    }
    let greedy = run(&Threshold, &[], &decoded(2, 1, Decoding::Greedy));
    let beam = run(&Threshold, &[], &decoded(2, 1, Decoding::Beam { width: 257 }));
    assert_eq!(greedy.path(0).collect::<Vec<_>>(), [0.5, 0.5]);
    let path: Vec<f64> = beam.path(0).collect();
    assert!(path[0] <= 0.0 && path[0] > -0.02 && path[1] == 0.5, "{path:?}");
    assert!(beam.log_prob()[0] > greedy.log_prob()[0] + 2.0);
}

#[test]
fn the_best_of_n_is_the_densest_of_the_same_draws() {
    let model = Ar::new(0.5, 0.0, vec![0.6, 0.2], 1.0, 2.5);
    let context = Batch::lanes_of(&[&[2.0, 3.0], &[9.0, 1.0]], &[0, 0]);
    for stop in [Stop::Never, Stop::Above(4.0)] {
        let drawn = Generation { stop, ..decoded(6, 12, Decoding::Sample { temperature: 1.3 }) };
        let best = Generation { decoding: Decoding::BestOf { n: 12, temperature: 1.3 }, ..drawn.clone() };
        let [drawn, best] =
            [&drawn, &best].map(|what| generate(&model, &context, &Covariates::none(), what).expect("paths"));
        for lane in 0..2 {
            let ranking = |i: &usize| drawn.log_prob()[*i] / drawn.len(*i) as f64;
            let chosen = (lane * 12..lane * 12 + 12).max_by(|a, b| ranking(a).total_cmp(&ranking(b))).expect("a path");
            assert!(best.path(lane).map(f64::to_bits).eq(drawn.path(chosen).map(f64::to_bits)));
            assert_eq!(best.log_q()[lane], drawn.log_q()[chosen]);
            assert_eq!((best.len(lane), best.stopped(lane)), (drawn.len(chosen), drawn.stopped(chosen)));
        }
    }
}

// ------------------------------------------------------------------------------------------------ antithetic draws

#[test]
fn mirrored_paths_have_the_same_law_and_averages_that_vary_less() {
    let history = history();
    let model = autoregression(LinkChoice::Log);
    let draw = |antithetic| {
        let what = Generation { antithetic, ..Generation::sample(4, 4000, 3) };
        run(&model, &history, &what)
    };
    let [plain, mirrored] = [false, true].map(draw);
    for step in 0..4 {
        // The variance of the average of a pair, and of all values.
        let of = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64)
        };
        let pairs =
            |paths: &Paths| of(&paths.step(step).chunks(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect::<Vec<_>>());
        assert!(pairs(&mirrored).1 < 0.05 * pairs(&plain).1, "step {step}");
        let [(mean, variance), (plain_mean, plain_variance)] = [&mirrored, &plain].map(|paths| of(paths.step(step)));
        assert!((mean - plain_mean).abs() < 4.0 * (plain_variance / 4000.0).sqrt(), "step {step}");
        assert!((variance / plain_variance - 1.0).abs() < 0.12, "step {step}: {variance}, not {plain_variance}");
        assert!(plain.step(step).iter().step_by(2).eq(mirrored.step(step).iter().step_by(2)));
    }
    // Not of counts, which are listed anew for every draw.
    for (name, model) in rows().into_iter().filter(|(name, _)| *name != "counts") {
        let what = Generation { antithetic: true, ..decoded(1, 20_000, Decoding::TopK { k: 200, temperature: 1.0 }) };
        let odd: Vec<f64> = run(&model, &[], &what).step(0).iter().skip(1).step_by(2).copied().collect();
        let plain = run(&model, &[], &Generation { antithetic: false, ..what });
        for q in [0.1, 0.4, 0.8] {
            let below = |values: &mut dyn Iterator<Item = f64>, edge: f64| values.filter(|x| *x <= edge).count() as f64;
            let edge = model.rows.row(0).quantile(q);
            let [a, b] =
                [below(&mut odd.iter().copied(), edge) / 1e4, below(&mut plain.step(0).iter().copied(), edge) / 2e4];
            assert!((a - b).abs() < 0.025, "{name}, {q}: {a} against {b}");
        }
    }
}

// ------------------------------------------------------------------------------------------------------- stopping

#[test]
fn a_stopped_path_ends_with_its_value_and_disturbs_no_other() {
    let model = Ar::new(0.5, 0.0, vec![0.6, 0.2], 1.0, 2.5);
    let whole = run(&model, &[2.0, 3.0], &Generation::sample(9, 40, 7));
    let beyond = Stop::When(Arc::new(|step, value| step > 0 && !(1.0..4.0).contains(&value)));
    for (stop, is_last) in [
        (Stop::Above(4.0), (|_, x| x > 4.0) as fn(usize, f64) -> bool),
        (Stop::Below(1.0), |_, x| x < 1.0),
        (beyond, |step, x| step > 0 && !(1.0..4.0).contains(&x)),
    ] {
        let what = Generation { stop, ..Generation::sample(9, 40, 7) };
        let paths = run(&model, &[2.0, 3.0], &what);
        for lane in 0..40 {
            let full: Vec<f64> = whole.path(lane).collect();
            let end = full.iter().enumerate().position(|(step, x)| is_last(step, *x));
            let len = end.map_or(9, |step| step + 1);
            assert_eq!((paths.len(lane), paths.stopped(lane)), (len, end.is_some()), "{what:?}");
            let path: Vec<f64> = paths.path(lane).collect();
            assert_eq!(path[..len], full[..len]);
            assert!(path[len..].iter().all(|x| x.is_nan()));
            let (context, target) = (Batch::single(&[2.0, 3.0], 0), Batch::single(&full[..len], 2));
            let scored = score::log_likelihood(&model, &context, &target, &Covariates::none()).expect("scores").0;
            assert!((paths.log_prob()[lane] - scored).abs() < 1e-10);
            assert_eq!(paths.log_prob()[lane], paths.log_q()[lane]);
        }
        // Nor does it matter how many run beside it.
        let few = run(&model, &[2.0, 3.0], &Generation { paths: 3, ..what });
        assert!((0..3).all(|lane| few.path(lane).map(f64::to_bits).eq(paths.path(lane).map(f64::to_bits))));
    }
}

#[test]
fn beams_stop_at_a_token_and_compare_per_value() {
    // From 0: stop at once with 0.3, or go round 1, 2, 1, .. almost surely.
    let chain = Chain::of_symbols(&[
        vec![0.0, 0.7, 0.0, 0.3],
        vec![0.0, 0.0, 1.0, 0.0],
        vec![0.01, 0.98, 0.0, 0.01],
        vec![1.0, 0.0, 0.0, 0.0],
    ]);
    let what = Generation { stop: Stop::Token(3), ..decoded(5, 1, Decoding::Beam { width: 50 }) };
    let beam = run(&chain, &[0.0], &what);
    assert_eq!(beam.path(0).collect::<Vec<_>>(), [1.0, 2.0, 1.0, 2.0, 1.0]);
    assert_eq!((beam.len(0), beam.stopped(0)), (5, false));
    let short =
        run(&chain, &[2.0], &Generation { horizon: 1, decoding: Decoding::Greedy, stop: Stop::Token(1), ..what });
    assert_eq!((short.len(0), short.stopped(0)), (1, true));
}

#[test]
fn a_walk_on_a_lattice_hits_a_level_when_the_hitting_time_theorem_says() {
    const HORIZON: usize = 23;
    const LEVEL: usize = 3;
    const PATHS: usize = 40_000;
    let up = 0.55;
    let place = |k: usize| {
        (0..60)
            .map(|j| {
                if j == k + 1 {
                    up
                } else if j + 1 == k {
                    1.0 - up
                } else {
                    0.0
                }
            })
            .collect()
    };
    let walk = Chain::of_symbols(&(0..60).map(place).collect::<Vec<_>>());
    let what = Generation { stop: Stop::Token(30 + LEVEL), ..Generation::sample(HORIZON, PATHS, 1) };
    let passage = FirstPassage::of(&run(&walk, &[30.0], &what), 0..PATHS);
    // P(T = n) = a / n C(n, (n + a) / 2) p^((n + a) / 2) q^((n - a) / 2) (Grimmett and Stirzaker 2001, 3.10.14).
    let mass = |n: usize| {
        if n < LEVEL || (n - LEVEL) % 2 == 1 {
            return 0.0;
        }
        let ups = (n + LEVEL) / 2;
        let choose: f64 = (1..=ups).map(|i| (n - ups + i) as f64 / i as f64).product();
        LEVEL as f64 / n as f64 * choose * up.powi(ups as i32) * (1.0_f64 - up).powi((n - ups) as i32)
    };
    let mut expected: Vec<f64> = (1..=HORIZON).map(mass).collect();
    expected.push(1.0 - expected.iter().sum::<f64>());
    let mut counts: Vec<f64> = passage.counts().iter().map(|count| *count as f64).collect();
    counts.push(passage.censored() * PATHS as f64);
    let p = chi_square_p(&counts, &expected);
    assert!(p > 1e-3, "{counts:?} for {expected:?}, p = {p}");
    assert_eq!((passage.paths(), passage.quantile(1.0)), (PATHS, None));
    let below = |n: usize| expected[..n].iter().sum::<f64>();
    let median = passage.quantile(0.5).expect("half of them stop");
    assert!(below(median) > 0.49 && below(median - 1) < 0.51, "{median}");
}

#[test]
fn a_normal_walk_with_drift_crosses_when_the_inverse_normal_law_says() {
    const PATHS: usize = 4000;
    let steps: Vec<f64> = (0..400).map(|t| 0.15 * f64::from(t) + if t % 2 == 0 { 0.5 } else { -0.5 }).collect();
    let fitted = Naive::RandomWalk { drift: true }.fit(&[Series::new("", steps.clone())]).expect("a walk");
    let sd = fitted.summary.innovation_variance.sqrt();
    let drift = (steps[399] - steps[0]) / 399.0;
    let distance = 20.0;
    let what = Generation { stop: Stop::Above(steps[399] + distance), ..Generation::sample(300, PATHS, 2) };
    let passage = FirstPassage::of(&run(&fitted.model, &steps, &what), 0..PATHS);
    // A walk overshoots by 0.5826 standard deviations on average: Siegmund's correction (1985, Sequential Analysis, p. 50).
    let level = distance + 0.582_597 * sd;
    let mut stopped = 0;
    for (step, count) in passage.counts().iter().enumerate() {
        stopped += count;
        let t = (step + 1) as f64;
        let root = sd * t.sqrt();
        let reflected = (2.0 * drift * level / (sd * sd)).exp() * normal_cdf((-level - drift * t) / root);
        let expected = normal_cdf((drift * t - level) / root) + reflected;
        let share = stopped as f64 / PATHS as f64;
        assert!((share - expected).abs() < 0.03, "after {t} steps {share}, not {expected}");
    }
    assert!(passage.censored() < 0.2);
}

// -------------------------------------------------------------------------------------------------------- refusals

#[test]
fn what_has_no_meaning_is_refused_with_a_reason() {
    let all = rows();
    let model = |name: &str| &all.iter().find(|(own, _)| *own == name).expect("a row").1;
    let refuse = |name: &str, what: &Generation| {
        let error = generate(model(name), &Batch::empty(&[0]), &Covariates::none(), what).expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        error.to_string()
    };
    for (decoding, reason) in [
        (Decoding::Sample { temperature: 0.0 }, "temperature 0"),
        (Decoding::Sample { temperature: f64::NAN }, "temperature NaN"),
        (Decoding::TopK { k: 0, temperature: 1.0 }, "top 0"),
        (Decoding::Nucleus { mass: 0.0, temperature: 1.0 }, "no mass"),
        (Decoding::Typical { mass: 1.1, temperature: 1.0 }, "1.1 is no mass"),
        (Decoding::Beam { width: 0 }, "beam"),
        (Decoding::BestOf { n: 0, temperature: 1.0 }, "0 paths"),
    ] {
        let said = refuse("normal", &decoded(3, 2, decoding));
        assert!(said.contains(reason), "{decoding:?}: {said}");
    }
    let hot = refuse("t", &decoded(3, 2, Decoding::Sample { temperature: 4.5 }));
    assert!(hot.contains("degrees of freedom") && hot.contains("4.500"), "{hot}");
    let hot = refuse("t mixture", &decoded(3, 2, Decoding::Sample { temperature: 4.5 }));
    assert!(hot.contains("with 3.500 degrees of freedom"), "{hot}");
    assert!(refuse("symbols", &decoded(3, 2, Decoding::Mean)).contains("no symbol"));
    assert!(refuse("counts", &decoded(3, 2, Decoding::Mean)).contains("no count"));
    assert!(refuse("normal", &Generation::sample(3, 0, 1)).contains("0 paths"));
    let stopping = |stop| Generation { stop, ..Generation::sample(3, 2, 1) };
    assert!(refuse("normal", &stopping(Stop::Token(1))).contains("without tokens"));
    assert!(refuse("symbols", &stopping(Stop::Token(8))).contains("no token 8"));
    assert!(refuse("normal", &stopping(Stop::Above(f64::NAN))).contains("threshold"));
}
