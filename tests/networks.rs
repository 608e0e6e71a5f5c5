//! Networks as their users train them: what they contain, what they find, and what they keep.

#[allow(dead_code, reason = "each test uses its share")]
mod common;

use common::simulate_ar;
use foretoken::data::series::Covariate;
use foretoken::generate::{Generation, generate};
use foretoken::math::random::LaneRng;
use foretoken::model::file::{Columns, ModelFile, StoredModel, StoredSeries, read_model, write_model};
use foretoken::model::linear::{Estimator, LinearSpec, Order};
use foretoken::model::neural::{Architecture, EnsembleSpec, HeadChoice, NeuralSpec, Remedy, Rise, Run, Training};
use foretoken::model::step_through;
use foretoken::predictive::Link;
use foretoken::{Autoregressive, Batch, Covariates, Fit, Series, score};

const TRANSFORMER: Architecture = Architecture::Transformer { heads: 2, is_rotary: true, window: None };
const ALL: [Architecture; 5] =
    [Architecture::Mlp, Architecture::Gru, Architecture::Lstm, Architecture::Conv, TRANSFORMER];

fn small(architecture: Architecture) -> NeuralSpec {
    NeuralSpec {
        hidden: 16,
        layers: 2,
        context: Some(6),
        periods: Some(Vec::new()),
        training: Training { epochs: 12, ..Training::default() },
        ..NeuralSpec::new(architecture)
    }
}

/// The mean log density of the values from a row on.
fn held_out(model: &dyn Autoregressive, x: &[f64], from: usize) -> f64 {
    let (context, target) = (Batch::single(&x[..from], 0), Batch::single(&x[from..], from as i64));
    let (sum, count) = score::log_likelihood(model, &context, &target, &Covariates::none()).expect("a score");
    sum / count as f64
}

/// Without hidden layers, with one scale, and nothing that shrinks: least squares.
#[test]
fn a_network_without_hidden_layers_is_the_least_squares_autoregression() {
    let x = Series::new("", simulate_ar(&[0.6, -0.3, 0.2], 4.0, 1.5, 1500, (3, 1)));
    let linear = LinearSpec { order: Order::Fixed(3), estimator: Estimator::LeastSquares, ..LinearSpec::default() };
    let linear = linear.fit(std::slice::from_ref(&x)).expect("a fit");
    let training = Training {
        epochs: 60,
        batch: 1024,
        learning_rate: 0.02,
        weight_decay: 0.0,
        dropout: 0.0,
        held_out: 0.0,
        clip: f64::INFINITY,
        ..Training::default()
    };
    let spec = NeuralSpec {
        layers: 0,
        context: Some(3),
        head: HeadChoice::ConstantGaussian,
        link: Some(Link::Identity),
        is_scaled: false,
        is_double: true,
        training,
        ..small(Architecture::Mlp)
    };
    let network = spec.fit(std::slice::from_ref(&x)).expect("a fit");
    let per_value = |sum: f64| sum / 1497.0;
    let gap = per_value(linear.summary.log_likelihood) - per_value(network.summary.log_likelihood);
    assert!(gap.abs() < 1e-6, "{gap} nats per value short of least squares");
    // Coefficients: what a unit of every lag does.
    let next = |past: [f64; 3]| {
        let row = network.model.conditionals(&Batch::single(&past, 0), &Batch::single(&[0.0], 3), &Covariates::none());
        row.expect("a row").row(0).mean()
    };
    for lag in 1..=3 {
        let mut past = [0.0; 3];
        past[3 - lag] = 1.0;
        let own = next(past) - next([0.0; 3]);
        let expected = linear.summary.parameters.iter().find(|p| p.name == format!("phi_{lag}")).expect("phi").value;
        assert!((own - expected).abs() < 1e-3, "lag {lag}: {own}, not {expected}");
    }
}

/// x_t = 2 tanh(2 x_{t-1}) - 1.2 x_{t-2} exp(-x_{t-1}^2) + .5 e_t: no line goes through it.
fn bent(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut rng = LaneRng::new(12, 0);
    let (mut x, mut log_probs): (Vec<f64>, Vec<f64>) = (vec![0.1, -0.2], vec![f64::NAN; 2]);
    for t in 2..n {
        let mean = 2.0 * (2.0 * x[t - 1]).tanh() - 1.2 * x[t - 2] * (-x[t - 1] * x[t - 1]).exp() - 1.1 * x[t - 1];
        let e = rng.normal();
        x.push(mean + 0.5 * e);
        log_probs.push(-0.5 * e * e - 0.5_f64.ln() - 0.5 * std::f64::consts::TAU.ln());
    }
    (x, log_probs)
}

#[test]
fn networks_come_close_to_the_truth_where_no_line_does() {
    let (x, truth) = bent(24_000);
    let from = 20_000;
    let truth = truth[from..].iter().sum::<f64>() / 4000.0;
    let train = [Series::new("", x[..from].to_vec())];
    let line = LinearSpec { order: Order::Fixed(6), estimator: Estimator::LeastSquares, ..LinearSpec::default() };
    let line = held_out(&line.fit(&train).expect("a fit").model, &x, from);
    assert!(line < truth - 0.1, "a line does it: {line} against {truth}");
    for architecture in ALL {
        let training = Training { epochs: 30, patience: 30, dropout: 0.0, learning_rate: 5e-3, ..Training::default() };
        let spec = NeuralSpec {
            hidden: 32,
            context: Some(3),
            head: HeadChoice::Gaussian,
            is_scaled: false,
            training,
            ..small(architecture)
        };
        let own = held_out(&spec.fit(&train).expect("a fit").model, &x, from);
        assert!(own > truth - 0.02, "{architecture:?}: {own}, the truth has {truth}, a line {line}");
    }
}

#[test]
fn one_seed_is_one_network_on_any_number_of_threads() {
    let x = [Series::new("", simulate_ar(&[0.7], 0.0, 1.0, 300, (5, 1)))];
    for architecture in ALL {
        let spec = NeuralSpec { training: Training { epochs: 1, ..Training::default() }, ..small(architecture) };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| spec.fit(&x).expect("a fit").summary.log_likelihood)
        };
        assert_eq!(on(1).to_bits(), on(2).to_bits(), "{architecture:?}");
        let other = NeuralSpec { training: Training { seed: 1, ..spec.training.clone() }, ..spec.clone() };
        assert_ne!(on(1), other.fit(&x).expect("a fit").summary.log_likelihood, "{architecture:?}");
    }
}

#[test]
fn steps_in_single_precision_are_those_of_one_pass() {
    let x = Series::new("", simulate_ar(&[0.7], 0.0, 1.0, 200, (5, 2)));
    let (context, target) = (Batch::single(&x.values()[..30], 0), Batch::single(&x.values()[30..], 30));
    for architecture in ALL {
        let model = small(architecture).fit(std::slice::from_ref(&x)).expect("a fit").model;
        let pass = model.conditionals(&context, &target, &Covariates::none()).expect("rows");
        let steps = step_through(&model, &context, &target, &Covariates::none()).expect("rows");
        for row in 0..pass.rows() {
            for (a, b) in pass.row(row).parameters().iter().zip(steps.row(row).parameters()) {
                assert!((a - b).abs() < 1e-5 * a.abs().max(1.0), "{architecture:?}, row {row}: {a} against {b}");
            }
        }
    }
}

#[test]
fn what_is_never_negative_is_never_drawn_negative_and_counts_are_counts() {
    let noise = simulate_ar(&[0.6], 0.0, 1.0, 240, (6, 1));
    let positive: Vec<f64> = noise.iter().map(|x| x.exp()).collect();
    let with_zeros: Vec<f64> = noise.iter().map(|x| x.max(0.0)).collect();
    let counts: Vec<f64> = noise.iter().map(|x| (2.0 * x.exp()).floor()).collect();
    for (what, x) in [("positive", &positive), ("with zeros", &with_zeros), ("counts", &counts)] {
        let model = small(Architecture::Gru).fit(&[Series::new("", x.clone())]).expect("a fit").model;
        let what_to = Generation::sample(40, 50, 1);
        let paths = generate(&model, &Batch::single(x, 0), &Covariates::none(), &what_to).expect("paths");
        let draws: Vec<f64> = (0..40).flat_map(|step| paths.step(step).to_vec()).collect();
        assert!(draws.iter().all(|x| *x >= 0.0), "{what}");
        assert!(what != "positive" || draws.iter().all(|x| *x > 0.0));
        assert!(what != "counts" || draws.iter().all(|x| x.fract() == 0.0));
        let mean = generate(&model, &Batch::single(x, 0), &Covariates::none(), &Generation::mean(3));
        assert!(mean.is_err() == (what == "counts"), "{what}: a mean of counts is none");
        // What is drawn has the density that it is scored with.
        let path: Vec<f64> = paths.path(3).collect();
        let own = held_out(&model, &[x.as_slice(), &path].concat(), x.len()) * 40.0;
        assert!((own - paths.log_prob()[3]).abs() < 1e-3, "{what}: {own} against {}", paths.log_prob()[3]);
    }
}

#[test]
fn every_remedy_trains() {
    let x = simulate_ar(&[0.9], 0.0, 1.0, 400, (7, 1));
    let train = [Series::new("", x[..320].to_vec())];
    let remedies = [
        Remedy::TeacherForcing,
        Remedy::ScheduledSampling { most: 0.5, rise: Rise::Linear },
        Remedy::ScheduledSampling { most: 0.5, rise: Rise::Exponential },
        Remedy::Noise { sd: 0.1 },
        Remedy::FreeRunning { steps: 4 },
        Remedy::EnergyScore { steps: 4, rollouts: 2 },
    ];
    let tokens = HeadChoice::Tokens(foretoken::model::token::quantiser::QuantiserSpec::default());
    for head in [HeadChoice::StudentT, tokens] {
        for remedy in remedies {
            let spec = small(Architecture::Gru);
            let spec = NeuralSpec { head, training: Training { remedy, ..spec.training.clone() }, ..spec };
            let own = held_out(&spec.fit(&train).expect("a fit").model, &x, 320);
            // The truth has about -1.42, white noise -2.2.
            assert!(own > -2.0, "{head:?}, {remedy:?}: {own}");
        }
    }
}

/// Noise is learned by heart at once: the best epochs come before a remedy joins.
#[test]
fn what_is_kept_was_trained_with_its_remedy() {
    let mut rng = LaneRng::new(6, 0);
    let x = Series::new("", (0..150).map(|_| rng.normal()).collect());
    let fit = |remedy: Remedy| {
        let training =
            Training { epochs: 6, patience: 1, learning_rate: 0.02, dropout: 0.0, remedy, ..Training::default() };
        let spec = NeuralSpec { training, hidden: 32, ..small(Architecture::Mlp) };
        spec.fit(std::slice::from_ref(&x)).expect("a fit").model
    };
    assert_ne!(fit(Remedy::FreeRunning { steps: 2 }), fit(Remedy::EnergyScore { steps: 2, rollouts: 2 }));
}

#[test]
fn covariates_and_gaps_are_seen() {
    let mut rng = LaneRng::new(8, 0);
    let lever: Vec<f64> = (0..400).map(|_| if rng.uniform() < 0.5 { 5.0 } else { -5.0 }).collect();
    let noise = simulate_ar(&[0.5], 0.0, 1.0, 400, (8, 1));
    let mut x: Vec<f64> = noise.iter().zip(&lever).map(|(e, lever)| e + lever).collect();
    (20..400).step_by(37).for_each(|t| x[t] = f64::NAN);
    for architecture in ALL {
        let plain = Series::new("", x.clone());
        let known = plain.clone().with_covariates(vec![Covariate { name: "lever".to_owned(), values: lever.clone() }]);
        let of = |series: Series| {
            let summary = small(architecture).fit(&[series]).expect("a fit").summary;
            summary.log_likelihood / summary.observations as f64
        };
        let (without, with) = (of(plain), of(known));
        assert!(with > without + 0.5, "{architecture:?}: {with} with the lever, {without} without");
    }
}

#[test]
fn a_file_of_safetensors_gives_the_model_back_and_is_refused_when_damaged() {
    let x = Series::new("a", simulate_ar(&[0.5], 10.0, 1.0, 120, (9, 1)));
    for architecture in ALL {
        let fitted = small(architecture).fit(std::slice::from_ref(&x)).expect("a fit");
        let stored = StoredModel::Neural(Box::new(fitted.model));
        let file = ModelFile {
            columns: Columns { value: "y".to_owned(), ..Columns::default() },
            series: vec![StoredSeries::new(stored, fitted.summary, None, &x)],
        };
        let bytes = file.to_bytes().expect("bytes");
        let loaded = ModelFile::parse(&bytes).expect("a file");
        assert_eq!(loaded.series[0].model, file.series[0].model, "{architecture:?}");
        assert_eq!(loaded.to_bytes().expect("bytes"), bytes);
        let mut flipped = bytes.clone();
        let last = flipped.len() - 2;
        flipped[last] ^= 1;
        for (what, damaged) in
            [("cut", &bytes[..bytes.len() / 2]), ("flipped", &flipped[..]), ("foreign", &b"12345678{}"[..])]
        {
            let error = ModelFile::parse(damaged).expect_err(what).to_string();
            assert!(error.contains("safetensors") || error.contains("not what was written"), "{what}: {error}");
        }
    }
}

/// Weights sum to one over what a step may see, and no step sees the value that it predicts.
#[test]
fn a_transformer_shows_with_what_weights_it_attends() {
    let x = simulate_ar(&[0.8], 0.0, 1.0, 120, (9, 4));
    let spec = NeuralSpec { training: Training { epochs: 2, ..Training::default() }, ..small(TRANSFORMER) };
    let model = spec.fit(&[Series::new("", x.clone())]).expect("a fit").model;
    let of = |x: &[f64]| model.attention(&Batch::single(x, 0), &Covariates::none()).expect("weights").expect("heads");
    let maps = of(&x);
    assert_eq!(maps.iter().map(|map| (map.layer, map.head)).collect::<Vec<_>>(), [(0, 0), (0, 1), (1, 0), (1, 1)]);
    for map in &maps {
        // The context has 6 values, of which the last row of the context is the first lag of the first step.
        assert_eq!(map.weights.iter().map(Vec::len).collect::<Vec<_>>(), (6..22).collect::<Vec<_>>());
        assert!(map.weights.iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-5));
    }
    let mut later = x.clone();
    later[119] = 9.0;
    assert_eq!(of(&later), maps);
    later[118] = 9.0;
    assert_ne!(of(&later), maps);
    let gru = NeuralSpec { training: spec.training, ..small(Architecture::Gru) };
    let gru = gru.fit(&[Series::new("", x.clone())]).expect("a fit").model;
    assert!(gru.attention(&Batch::single(&x, 0), &Covariates::none()).expect("a reading").is_none());
    // The kept epoch is the best one.
    let kept = gru.kept_epoch().expect("an epoch");
    assert!(gru.history().iter().all(|epoch| epoch.held_out >= kept.held_out));
}

#[test]
fn what_cannot_be_fitted_is_refused_in_words() {
    let x = Series::new("", simulate_ar(&[0.5], 0.0, 1.0, 60, (9, 2)));
    let of = |spec: NeuralSpec, x: &Series| spec.fit(std::slice::from_ref(x)).expect_err("a refusal").to_string();
    let gru = || small(Architecture::Gru);
    let cases = [
        (of(NeuralSpec { hidden: 0, ..gru() }, &x), "a hidden width of 0"),
        (of(NeuralSpec { context: Some(80), ..gru() }, &x), "too few"),
        (of(gru(), &Series::new("", vec![3.0; 60])), "constant"),
        (of(NeuralSpec { head: HeadChoice::NegativeBinomial, ..gru() }, &x), "no counts"),
        (of(NeuralSpec { link: Some(Link::Log), ..gru() }, &x), "logarithm"),
        (
            of(
                NeuralSpec {
                    hidden: 6,
                    architecture: Architecture::Transformer { heads: 4, is_rotary: true, window: None },
                    ..gru()
                },
                &x,
            ),
            "heads",
        ),
        (of(NeuralSpec { training: Training { dropout: 1.0, ..Training::default() }, ..gru() }, &x), "dropout"),
        (of(gru(), &Series::new("", Vec::new())), "too few"),
        (of(gru(), &Series::new("", x.values().iter().map(|x| x * 1e200).collect())), "too large to be squared"),
        (of(NeuralSpec { training: Training { learning_rate: 1e30, ..Training::default() }, ..gru() }, &x), "finite"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error}: {expected} is not named");
    }
}

/// A panel of two shops of one weekly pattern, whose days begin apart, one of them short.
fn shops() -> [Series; 2] {
    let pattern = [0.0, 3.0, -2.0, 5.0, 1.0, -4.0, 2.0];
    let mut rng = LaneRng::new(12, 0);
    // 1 January 2024 was a Monday; the second shop opened on a Thursday, 38 weeks later.
    [("2024-01-01", 0, 300), ("2024-09-26", 269, 30)].map(|(start, day, days)| {
        let values = (0..days).map(|t| 50.0 + 4.0 * pattern[(day + t) % 7] + rng.normal()).collect();
        let frequency = foretoken::data::frequency::Frequency::parse("1d").expect("a day");
        let timeline = foretoken::data::timeline::Timeline::starting_at(start, frequency, days).expect("times");
        Series::new(start, values).with_timeline(timeline)
    })
}

/// Series that begin on different days share the phases of the week, and short ones are forecast as well.
#[test]
fn the_network_of_a_panel_knows_the_calendar_of_each_series_and_reads_short_ones() {
    let [long, short] = shops();
    let training = Training { epochs: 20, ..Training::default() };
    let spec = NeuralSpec { periods: Some(vec![7]), training, link: Some(Link::Identity), ..small(Architecture::Mlp) };
    let fitted = spec.fit(&[long.clone(), short.clone()]).expect("a fit");
    let own = fitted.model.of_series(long.timeline(), &short);
    assert!(own.is_shared_with(&fitted.model) && own != fitted.model);
    // The same days, counted from the one and from the other first day.
    let (past, future) = short.values().split_at(22);
    let rows = |model: &dyn Autoregressive, start: i64| {
        let (context, target) = (Batch::single(past, start), Batch::single(future, start + 22));
        model.conditionals(&context, &target, &Covariates::none()).expect("rows")
    };
    assert_eq!(rows(&own, 0), rows(&fitted.model, 269));
    assert!(rows(&own, 0) != rows(&fitted.model, 0), "phases play no part");
    // Eight values before it are enough for a row, though a row looks back on more.
    assert!(own.least() < 13, "{}", own.least());
    let error = |row: usize| rows(&own, 0).row(row).mean() - future[row];
    let rms = ((0..8).map(|row| error(row).powi(2)).sum::<f64>() / 8.0).sqrt();
    assert!(rms < 6.0, "an error of {rms} where the pattern has a spread of 12");
}

/// Of many series in a file the network stands in it once.
#[test]
fn the_network_of_a_panel_is_stored_once_and_comes_back_for_every_series() {
    let series = shops();
    let spec = NeuralSpec { training: Training { epochs: 1, ..Training::default() }, ..small(Architecture::Gru) };
    let fitted = spec.fit(&series).expect("a fit");
    let stored = |series: &Series| {
        let model = fitted.model.of_series(shops()[0].timeline(), series);
        StoredSeries::new(StoredModel::Neural(Box::new(model)), fitted.summary.clone(), None, series)
    };
    let columns = Columns { id: Some("shop".to_owned()), ..Columns::default() };
    let alone = ModelFile { columns: columns.clone(), series: series[..1].iter().map(stored).collect() };
    let both = ModelFile { columns, series: series.iter().map(stored).collect() };
    let [alone, bytes] = [alone, both.clone()].map(|file| file.to_bytes().expect("bytes"));
    assert!(bytes.len() < alone.len() + 2048, "{} bytes, and {} of one alone", bytes.len(), alone.len());
    let back = ModelFile::parse(&bytes).expect("a file");
    assert_eq!(back.to_text(), both.to_text());
    let [first, second] = [0, 1].map(|number| match &back.series[number].model {
        StoredModel::Neural(model) => model.clone(),
        other => panic!("{other:?}"),
    });
    assert!(second.is_shared_with(&first));
}

/// As one network, so several: every tensor once, under the number of its member.
#[test]
fn an_ensemble_comes_back_from_a_file_and_members_that_do_not_fit_are_refused() {
    let series = shops();
    let training = Training { epochs: 1, ..Training::default() };
    let spec = NeuralSpec { training, ..small(Architecture::Gru) };
    let fitted = EnsembleSpec { spec, members: 3 }.fit(&series).expect("a fit");
    let stored = |series: &Series| {
        let model = fitted.model.of_series(shops()[0].timeline(), series);
        StoredSeries::new(StoredModel::of_networks(model), fitted.summary.clone(), None, series)
    };
    let columns = Columns { id: Some("shop".to_owned()), ..Columns::default() };
    let file = ModelFile { columns, series: series.iter().map(stored).collect() };
    let bytes = file.to_bytes().expect("bytes");
    let back = ModelFile::parse(&bytes).expect("a file");
    assert_eq!(back.to_text(), file.to_text());
    let [own, other] = [&back, &file].map(|file| file.series.iter().map(|series| &series.model).collect::<Vec<_>>());
    assert!(own == other);
    assert_eq!(back.to_bytes().expect("bytes"), bytes);
    let [first, second] = [0, 1].map(|number| back.series[number].model.networks());
    assert!(first.len() == 3 && first.iter().zip(second).all(|(a, b)| a.is_shared_with(b)));
    // A likelihood over the series, each on its own calendar.
    let expected: f64 =
        file.series.iter().zip(&series).map(|(stored, series)| log_likelihood(&stored.model, series)).sum();
    assert!((fitted.summary.log_likelihood - expected).abs() < 1e-8 * expected.abs(), "{expected}");
    // Members on different scales are none of one specification.
    let text = write_model(&StoredModel::of_networks(fitted.model));
    let scale = text.split("\"training\":").nth(1).and_then(|rest| rest.split(',').next()).expect("a scale");
    let other = text.replacen(&format!("\"training\":{scale}"), "\"training\":[1.5", 1);
    let refused = read_model::<StoredModel>(&other).expect_err("two scales").to_string();
    assert!(refused.contains("do not see the same"), "{refused}");
}

fn log_likelihood(model: &StoredModel, series: &Series) -> f64 {
    let target = Batch::single(series.values(), 0);
    let known = Covariates::of_series(series);
    foretoken::score::log_likelihood(model, &Batch::empty(&[0]), &target, &known).expect("a score").0
}

/// What was interrupted goes on where it stood, and nothing else passes for it.
#[test]
fn a_training_that_was_interrupted_gives_the_same_bits() {
    let x = Series::new("", simulate_ar(&[0.6], 4.0, 1.5, 300, (3, 1)));
    let train = std::slice::from_ref(&x);
    let training = Training { epochs: 5, patience: 2, ..Training::default() };
    let spec = NeuralSpec { training, ..small(Architecture::Conv) };
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut keep = |bytes: &[u8]| {
        kept.push(bytes.to_vec());
        Ok(())
    };
    let whole = spec.fit_run(train, Run { keep: Some(&mut keep), ..Run::default() }).expect("a fit");
    assert_eq!(kept.len(), whole.model.history().len());
    let without_time = |model: &foretoken::model::neural::Neural| -> Vec<f64> {
        model.history().iter().flat_map(|epoch| [epoch.loss, epoch.held_out, epoch.learning_rate]).collect()
    };
    for bytes in &kept {
        let resumed = spec.fit_run(train, Run { resume: Some(bytes), ..Run::default() }).expect("a fit");
        assert_eq!(resumed.model, whole.model);
        assert_eq!(without_time(&resumed.model), without_time(&whole.model));
    }
    let other = NeuralSpec { hidden: 8, ..spec.clone() };
    let refused = other.fit_run(train, Run { resume: Some(&kept[0]), ..Run::default() }).expect_err("another network");
    assert!(refused.to_string().contains("another training"), "{refused}");
    let mut damaged = kept[0].clone();
    *damaged.last_mut().expect("bytes") ^= 1;
    let refused = spec.fit_run(train, Run { resume: Some(&damaged), ..Run::default() }).expect_err("a damaged file");
    assert!(refused.to_string().contains("not those that were written"), "{refused}");
}

/// A warm start begins where the first training ended: one short epoch on more of the same keeps what was learned.
#[test]
fn a_warm_start_goes_on_from_what_was_learned() {
    let x = simulate_ar(&[0.9], 0.0, 1.0, 900, (5, 1));
    let [first, more] = [&x[..600], &x[..800]].map(|x| Series::new("", x.to_vec()));
    let model = small(Architecture::Gru).fit(&[first]).expect("a fit").model;
    let brief = Training { epochs: 1, learning_rate: 1e-4, ..Training::default() };
    let warm = model.train_further(&brief, std::slice::from_ref(&more), Run::default()).expect("a fit").model;
    let cold = NeuralSpec { training: brief.clone(), ..small(Architecture::Gru) };
    let cold = cold.fit(std::slice::from_ref(&more)).expect("a fit").model;
    let [before, after, anew] = [&model, &warm, &cold].map(|model| held_out(model, &x, 800));
    assert!(after > before - 0.05 && after > anew + 0.1, "{before} before, {after} after, {anew} from nothing");
    assert_ne!(warm, model);
    let counts = Series::new("", vec![-1.0; 100]);
    assert!(model.train_further(&brief, &[counts], Run::default()).is_err());
}

/// Two series of one dynamics around levels that nothing but their names tells apart.
#[test]
fn an_embedding_tells_series_apart_and_comes_back_from_a_file() {
    let mut rng = LaneRng::new(21, 0);
    let mut of = |id: &str, sign: f64| {
        // The sign of what follows a large value is the series' own.
        let mut x = vec![0.0_f64; 400];
        for t in 1..400 {
            x[t] = sign * 0.9 * x[t - 1] + rng.normal();
        }
        Series::new(id, x)
    };
    let train = [of("up", 1.0), of("down", -1.0)];
    let fit = |is_embedding| {
        let training = Training { epochs: 15, ..Training::default() };
        let spec = NeuralSpec { context: Some(2), is_embedding, training, ..small(Architecture::Mlp) };
        spec.fit(&train).expect("a fit")
    };
    let [without, with] = [fit(false), fit(true)];
    let per_value = |fitted: &foretoken::Fitted<foretoken::model::neural::Neural>| {
        fitted.summary.log_likelihood / fitted.summary.observations as f64
    };
    assert!(per_value(&with) > per_value(&without) + 0.02, "{} {}", per_value(&with), per_value(&without));
    let series: Vec<StoredSeries> = train
        .iter()
        .map(|series| {
            let model = with.model.of_series(train[0].timeline(), series);
            StoredSeries::new(StoredModel::Neural(Box::new(model)), with.summary.clone(), None, series)
        })
        .collect();
    assert_ne!(series[0].model, series[1].model);
    let file = ModelFile { columns: Columns { id: Some("id".to_owned()), ..Columns::default() }, series };
    let back = ModelFile::parse(&file.to_bytes().expect("bytes")).expect("a file");
    assert!(back.series.iter().zip(&file.series).all(|(a, b)| a.model == b.model));
    let twins = [train[0].clone(), train[0].clone()];
    let refused = NeuralSpec { is_embedding: true, ..small(Architecture::Mlp) }.fit(&twins).expect_err("twins");
    assert!(refused.to_string().contains("of one name"), "{refused}");
}
