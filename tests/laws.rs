//! The laws that every model keeps: each test is one law, looped over one zoo of all models.
//!
//! A model is p(x_t | x_<t) and nothing else, so whatever is computed from it must agree: reading at once and step by
//! step, alone and beside others, in closed form and by sampling, the fit's own likelihood and the score. A new model
//! joins by one line in [`zoo`].

mod common;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use common::{moments, simulate_ar};
use foretoken::data::series::Covariate;
use foretoken::data::windows::{Stretch, stretches};
use foretoken::forecast::{ForecastOptions, forecast};
use foretoken::generate::{Decoding, Generation, generate};
use foretoken::math::random::LaneRng;
use foretoken::math::special::normal_quantile;
use foretoken::model::combination::{Combination, Weights};
use foretoken::model::file::{Stored, read_model, write_model};
use foretoken::model::linear::{
    Ar, ArParts, ArSpec, BurgVariance, Choice, CovarianceKind, Criterion, Estimator, Fourier, Innovations, LinearSpec,
    LinkChoice, Order, Penalty, SeasonalChoice, SeasonalLags, Terms, Trend,
};
use foretoken::model::naive::Naive;
use foretoken::model::neural::{Architecture, EnsembleSpec, HeadChoice, NeuralSpec, Training};
use foretoken::model::token::QuantisedSpec;
use foretoken::model::token::markov::{MarkovOrder, MarkovSpec};
use foretoken::model::token::quantiser::{QuantiserKind, QuantiserSpec};
use foretoken::model::transformed::{Differences, Seasonal, Transform, Transformed};
use foretoken::model::{GaussianPath, PathFactor, Summary, step_through};
use foretoken::predictive::{Distribution, Family, Link};
use foretoken::{Autoregressive, Batch, Covariates, Fit, Fitted, Predictive, Rows, Series, Session, score};
use nalgebra::DMatrix;

// ---------------------------------------------------------------------------------------------------- the zoo

/// One fitted model.
struct Specimen {
    name: String,
    model: Box<dyn Autoregressive>,
    summary: Summary,
    train: Vec<Series>,
    units: Units,
    refit: Refit,
    /// The model after a way through a file, where it can be stored.
    restored: Option<Box<dyn Autoregressive>>,
}

type Refit = Box<dyn Fn(&[Series]) -> (Box<dyn Autoregressive>, Summary) + Send + Sync>;

/// Which changes of units a fit follows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Units {
    /// x -> a x + b, a > 0.
    Affine,
    /// x -> a x, a > 0.
    Scale,
    /// None: its own constants are in data units.
    Fixed,
}

static ZOO: LazyLock<Vec<Specimen>> = LazyLock::new(|| {
    let panels = [("one series", vec![training(0, 120)]), ("a panel", gapped_panel())];
    panels.into_iter().flat_map(|(label, train)| zoo(label, &train)).collect()
});

/// Checks every model of the zoo and names all that fail.
fn law(mut check: impl FnMut(&Specimen)) {
    let mut broken = Vec::new();
    for specimen in ZOO.iter() {
        if catch_unwind(AssertUnwindSafe(|| check(specimen))).is_err() {
            broken.push(specimen.name.as_str());
        }
    }
    assert!(broken.is_empty(), "broken by {} models:\n{}", broken.len(), broken.join("\n"));
}

/// Positive values with a season of four steps and a slight trend.
fn training(lane: u64, n: usize) -> Series {
    const SEASON: [f64; 4] = [0.1, -0.2, 0.3, -0.2];
    let noise = simulate_ar(&[0.6], 0.0, 0.1, n, (11, lane));
    let value = |(t, e): (usize, f64)| (3.0 + 0.002 * t as f64 + SEASON[t % 4] + e).exp();
    Series::new(format!("series {lane}"), noise.into_iter().enumerate().map(value).collect())
}

fn with_gaps(series: &Series, missing: &[usize]) -> Series {
    let hide = |(t, &x): (usize, &f64)| if missing.contains(&t) { f64::NAN } else { x };
    Series::new(series.id(), series.values().iter().enumerate().map(hide).collect())
}

/// Two series, the first with its first value and a few others missing.
fn gapped_panel() -> Vec<Series> {
    vec![with_gaps(&training(1, 110), &[0, 40, 41, 77]), with_gaps(&training(2, 70), &[30])]
}

fn zoo(label: &str, train: &[Series]) -> Vec<Specimen> {
    let mut all = naive_models();
    all.extend(linear_models());
    all.extend(least_squares_models());
    all.extend(driven_models());
    all.extend(likelihood_models().into_iter().map(|(units, spec)| of_spec(units, spec)));
    all.extend(transformed_models());
    all.extend(automatic_models());
    all.extend(averages());
    all.extend(token_models());
    all.extend(networks());
    #[cfg(feature = "linfa")]
    {
        all.extend(regressions());
        all.extend(codebooks());
    }
    all.into_iter()
        .map(|(name, units, refit, restore)| {
            let (model, summary) = refit(train);
            let (name, restored) = (format!("{name} on {label}"), restore.map(|restore| restore(train)));
            Specimen { name, model, summary, train: train.to_vec(), units, refit, restored }
        })
        .collect()
}

type Restore = Box<dyn Fn(&[Series]) -> Box<dyn Autoregressive>>;
type Entry = (String, Units, Refit, Option<Restore>);

/// An entry of the zoo from its fit.
fn entry<M, F>(name: impl Into<String>, units: Units, fit: F) -> Entry
where
    M: Stored + PartialEq + 'static,
    F: Fn(&[Series]) -> foretoken::Result<Fitted<M>> + Send + Sync + 'static,
{
    let fit = Arc::new(fit);
    let restore = {
        let fit = Arc::clone(&fit);
        move |train: &[Series]| {
            let model = fit(train).expect("a fit").model;
            let restored: M = read_model(&write_model(&model)).expect("a stored model");
            assert_eq!(restored, model, "a file changes nothing");
            Box::new(restored) as Box<dyn Autoregressive>
        }
    };
    let (name, units, refit, _) = unstored(name, units, move |train| fit(train));
    (name, units, refit, Some(Box::new(restore)))
}

/// An entry of a model that no file holds.
fn unstored<M, F>(name: impl Into<String>, units: Units, fit: F) -> Entry
where
    M: Autoregressive + 'static,
    F: Fn(&[Series]) -> foretoken::Result<Fitted<M>> + Send + Sync + 'static,
{
    let refit = move |train: &[Series]| {
        let Fitted { model, summary } = fit(train).expect("a fit");
        (Box::new(model) as Box<dyn Autoregressive>, summary)
    };
    (name.into(), units, Box::new(refit), None)
}

fn of_spec<S: Fit + Debug + Send + Sync + 'static>(units: Units, spec: S) -> Entry
where
    S::Model: Stored + PartialEq + 'static,
{
    entry(format!("{spec:?}"), units, move |train| spec.fit(train))
}

fn naive_models() -> Vec<Entry> {
    let specs = [
        Naive::Mean,
        Naive::RandomWalk { drift: false },
        Naive::RandomWalk { drift: true },
        Naive::Seasonal { period: 4 },
        Naive::Seasonal { period: 1 },
    ];
    specs.into_iter().map(|spec| of_spec(Units::Affine, spec)).collect()
}

const YULE_WALKER: Estimator = Estimator::YuleWalker { adjusted: false };
const BURG: [Estimator; 2] =
    [Estimator::Burg { variance: BurgVariance::Levinson }, Estimator::Burg { variance: BurgVariance::Errors }];

fn linear(order: usize, estimator: Estimator, trend: Trend) -> LinearSpec {
    LinearSpec { order: Order::Fixed(order), estimator, terms: Terms::of(trend), ..LinearSpec::default() }
}

fn linear_models() -> Vec<Entry> {
    let mut all = Vec::new();
    for trend in [Trend::None, Trend::Constant, Trend::ConstantTrend] {
        let units = if trend == Trend::None { Units::Scale } else { Units::Affine };
        let fixed = [(YULE_WALKER, 3), (Estimator::LeastSquares, 3), (Estimator::LeastSquares, 0), (BURG[1], 3)];
        for (estimator, order) in fixed {
            all.push(of_spec(units, linear(order, estimator, trend)));
        }
    }
    all.push(of_spec(Units::Affine, linear(2, BURG[0], Trend::Constant)));
    for (forgetting, trend) in [(1.0, Trend::ConstantTrend), (0.98, Trend::Constant)] {
        all.push(of_spec(Units::Affine, linear(2, Estimator::Recursive { forgetting }, trend)));
    }
    all
}

/// Least squares beyond an intercept, a trend and all lags.
fn least_squares_models() -> Vec<Entry> {
    let on = |lags: &[usize], terms: Terms| LinearSpec {
        order: Order::Lags(lags.to_vec()),
        terms,
        ..linear(0, Estimator::LeastSquares, Trend::Constant)
    };
    let dummies = |trend: Trend| Terms { dummies: 4, ..Terms::of(trend) };
    let waves = |period: f64, harmonics: usize| Terms {
        fourier: vec![Fourier { period, harmonics }],
        ..Terms::of(Trend::Constant)
    };
    let ridge = |strength: Option<f64>| Some(Penalty::Ridge { strength });
    #[cfg_attr(not(feature = "linfa"), allow(unused_mut, reason = "elastic nets join with linfa"))]
    let mut all = vec![
        on(&[1, 4], Terms::default()),
        on(&[2], Terms::of(Trend::ConstantTrend)),
        on(&[1], dummies(Trend::Constant)),
        on(&[1, 2, 5], dummies(Trend::None)),
        on(&[1], waves(4.0, 2)),
        on(&[1, 2], waves(5.35, 2)),
        LinearSpec { order: Order::Subset { max: Some(6), criterion: Criterion::Bic }, ..on(&[], Terms::default()) },
        LinearSpec { differences: Differences::new(1, 0, 1), ..on(&[1, 3], dummies(Trend::Constant)) },
        LinearSpec { penalty: ridge(Some(5.0)), ..on(&[1, 2, 3, 4], dummies(Trend::Constant)) },
        LinearSpec { penalty: ridge(None), ..on(&[1, 4], Terms::of(Trend::ConstantTrend)) },
        LinearSpec { covariance: CovarianceKind::Heteroskedastic, ..on(&[1, 2], Terms::default()) },
        LinearSpec { covariance: CovarianceKind::Autocorrelated { lags: None }, ..on(&[1, 2], Terms::default()) },
    ];
    #[cfg(feature = "linfa")]
    for l1_ratio in [1.0, 0.5] {
        let penalty = Some(Penalty::ElasticNet { strength: None, l1_ratio });
        all.push(LinearSpec { penalty, ..on(&[1, 2, 3, 4], Terms::default()) });
    }
    all.into_iter().map(|spec| of_spec(Units::Affine, spec)).collect()
}

/// Models with covariates, which follow a schedule: so they are models of the time alone, and keep every law as such.
fn driven_models() -> Vec<Entry> {
    let spec = |differences: Differences| LinearSpec {
        terms: Terms { covariates: vec!["load".to_owned(), "price".to_owned()], ..Terms::of(Trend::Constant) },
        differences,
        ..linear(2, Estimator::LeastSquares, Trend::Constant)
    };
    let specs = [spec(Differences::none()), spec(Differences::new(1, 0, 1))];
    specs
        .into_iter()
        .map(|spec| {
            unstored(format!("on a schedule: {spec:?}"), Units::Affine, move |train| fit_on_schedule(&spec, train))
        })
        .collect()
}

fn fit_on_schedule(spec: &LinearSpec, train: &[Series]) -> foretoken::Result<Fitted<OnSchedule>> {
    let scheduled = |series: &Series| {
        let column = |column: usize| (0..series.len()).map(|t| schedule(t as i64)[column]).collect();
        let covariate = |(i, name): (usize, &String)| Covariate { name: name.clone(), values: column(i) };
        let covariates = spec.terms.covariates.iter().enumerate().map(covariate).collect();
        series.clone().with_covariates(covariates)
    };
    let Fitted { model, summary } = spec.fit(&train.iter().map(scheduled).collect::<Vec<_>>())?;
    Ok(Fitted { model: OnSchedule(model), summary })
}

/// The covariates at an index.
fn schedule(index: i64) -> [f64; 2] {
    [(7 * index).rem_euclid(11) as f64 / 11.0, (0.9 * index as f64).sin() + 0.01 * index as f64]
}

/// A model that is handed the covariates of the schedule, whatever else is known.
#[derive(Debug)]
struct OnSchedule(Ar);

/// The covariates of consecutive steps of lanes whose first step has these indices.
fn scheduled(first: &[i64], steps: usize) -> Covariates {
    let row = |step: usize| first.iter().flat_map(move |first| schedule(first + step as i64));
    if steps == 0 { Covariates::none() } else { Covariates::new(2, first.len(), (0..steps).flat_map(row).collect()) }
}

/// The covariates from the first step of a batch, padding included, to some steps beyond it.
fn scheduled_around(batch: &Batch, beyond: usize) -> Covariates {
    let first: Vec<i64> = batch.ends().iter().map(|end| end - batch.steps() as i64).collect();
    // One more: a batch without steps has the covariates of the next.
    scheduled(&first, batch.steps() + beyond + 1)
}

impl Autoregressive for OnSchedule {
    fn family(&self) -> Family {
        self.0.family()
    }

    fn memory(&self) -> Option<usize> {
        self.0.memory()
    }

    fn begin<'m>(&'m self, context: &Batch, _: &Covariates) -> foretoken::Result<Box<dyn Session<'m> + 'm>> {
        let inner = self.0.begin(context, &scheduled_around(context, 0))?;
        Ok(Box::new(SessionOnSchedule { inner, next: context.ends() }))
    }

    fn conditionals(&self, context: &Batch, target: &Batch, _: &Covariates) -> foretoken::Result<Predictive> {
        self.0.conditionals(context, target, &scheduled_around(context, target.steps()))
    }
}

struct SessionOnSchedule<'m> {
    inner: Box<dyn Session<'m> + 'm>,
    /// The index of the next step of every lane.
    next: Vec<i64>,
}

impl<'m> Session<'m> for SessionOnSchedule<'m> {
    fn lanes(&self) -> usize {
        self.next.len()
    }

    fn conditional(&mut self, _: Rows<'_>, out: &mut Predictive) {
        self.inner.conditional(scheduled(&self.next, 1).row(0), out);
    }

    fn observe(&mut self, x: &[f64]) {
        self.inner.observe(x);
        self.next.iter_mut().for_each(|next| *next += 1);
    }

    fn end_context(&mut self) {
        self.inner.end_context();
    }

    fn set_undefined(&mut self, lane: usize) {
        self.inner.set_undefined(lane);
    }

    fn fork(&self, parents: &[usize]) -> Box<dyn Session<'m> + 'm> {
        let next = parents.iter().map(|&lane| self.next[lane]).collect();
        Box::new(SessionOnSchedule { inner: self.inner.fork(parents), next })
    }

    fn gaussian_paths(&self, _: &Covariates, horizon: usize) -> Option<Vec<Vec<GaussianPath>>> {
        self.inner.gaussian_paths(&scheduled(&self.next, horizon), horizon)
    }
}

/// Exact and robust maximum likelihood.
fn likelihood_models() -> Vec<(Units, LinearSpec)> {
    let exact = |order, trend| linear(order, Estimator::Exact, trend);
    let seasonal = Some(SeasonalLags { order: 1, period: 4 });
    let of_lags = |estimator| LinearSpec { order: Order::Lags(vec![1, 4]), ..linear(0, estimator, Trend::Constant) };
    let robust = |trend| linear(2, Estimator::Robust, trend);
    vec![
        (Units::Affine, exact(2, Trend::Constant)),
        (Units::Affine, exact(3, Trend::ConstantTrend)),
        (Units::Scale, exact(1, Trend::None)),
        (Units::Affine, exact(0, Trend::Constant)),
        (Units::Affine, LinearSpec { differences: Differences::new(1, 0, 1), ..exact(2, Trend::Constant) }),
        (Units::Affine, LinearSpec { differences: Differences::new(0, 1, 4), seasonal, ..exact(1, Trend::None) }),
        (Units::Affine, LinearSpec { seasonal, ..exact(1, Trend::Constant) }),
        (Units::Affine, of_lags(Estimator::Exact)),
        (Units::Affine, robust(Trend::Constant)),
        (Units::Scale, robust(Trend::None)),
        (Units::Affine, LinearSpec { differences: Differences::new(1, 0, 1), ..robust(Trend::ConstantTrend) }),
        (Units::Affine, of_lags(Estimator::Robust)),
    ]
}

fn transformed_models() -> Vec<Entry> {
    let ratios = || Seasonal::Multiplicative(vec![1.1, 0.8, 1.3, 0.8]);
    let offsets = || Seasonal::Additive(vec![2.0, -4.0, 6.0, -4.0]);
    let transforms = [
        (Units::Scale, Seasonal::None, Link::Log, Differences::none()),
        (Units::Scale, Seasonal::None, Link::BoxCox(0.5), Differences::none()),
        (Units::Scale, Seasonal::None, Link::BoxCox(-0.3), Differences::none()),
        (Units::Affine, Seasonal::None, Link::Identity, Differences::new(2, 0, 1)),
        (Units::Affine, Seasonal::None, Link::Identity, Differences::new(1, 1, 4)),
        (Units::Scale, ratios(), Link::Identity, Differences::none()),
        (Units::Scale, ratios(), Link::Log, Differences::new(1, 0, 1)),
        (Units::Fixed, offsets(), Link::Identity, Differences::new(1, 0, 1)),
    ];
    let mut all: Vec<Entry> = transforms
        .into_iter()
        .map(|(units, seasonal, link, differences)| {
            let transform = Transform::new(seasonal, link, differences).expect("a transform");
            let spec = linear(2, YULE_WALKER, Trend::Constant);
            let name = format!("{spec:?} behind {transform:?}");
            entry(name, units, move |train| Transformed::fit(&spec, transform.clone(), train))
        })
        .collect();
    let walk = Transform::new(Seasonal::None, Link::Log, Differences::new(1, 0, 1)).expect("a transform");
    all.push(entry("geometric random walk", Units::Scale, move |train| {
        Transformed::fit(&Naive::Mean, walk.clone(), train)
    }));
    all.push(nested(Seasonal::Additive(vec![0.1, -0.2, 0.3, -0.2])));
    all.push(nested(ratios()));
    all
}

/// A transform around a transform: logs and differences around seasonal factors.
fn nested(seasonal: Seasonal) -> Entry {
    let name = format!("log differences around {seasonal:?}");
    let (outer, inner) = (
        Transform::new(Seasonal::None, Link::Log, Differences::new(1, 0, 1)).expect("a transform"),
        Transform::new(seasonal, Link::Identity, Differences::new(0, 1, 2)).expect("a transform"),
    );
    entry(name, Units::Scale, move |train| Transformed::fit(&Behind(inner.clone()), outer.clone(), train))
}

/// An autoregression of order 1 behind a transform, as a specification.
struct Behind(Transform);

impl Fit for Behind {
    type Model = Transformed<Ar>;

    fn fit(&self, train: &[Series]) -> foretoken::Result<Fitted<Self::Model>> {
        Transformed::fit(&linear(1, Estimator::LeastSquares, Trend::Constant), self.0.clone(), train)
    }
}

fn automatic_models() -> Vec<Entry> {
    let fixed = |transform, seasonal, difference| ArSpec {
        order: Order::Fixed(2),
        estimator: Choice::Fixed(Estimator::LeastSquares),
        transform: Choice::Fixed(transform),
        seasonal: Choice::Fixed(seasonal),
        difference: Choice::Fixed(difference),
        period: 4,
        ..ArSpec::default()
    };
    vec![
        of_spec(Units::Scale, ArSpec { period: 4, ..ArSpec::default() }),
        of_spec(Units::Scale, fixed(LinkChoice::None, SeasonalChoice::Factors, 1)),
        of_spec(Units::Scale, fixed(LinkChoice::Log, SeasonalChoice::Factors, 0)),
        of_spec(Units::Scale, fixed(LinkChoice::Log, SeasonalChoice::Difference(1), 1)),
        of_spec(Units::Affine, fixed(LinkChoice::None, SeasonalChoice::None, 0)),
    ]
}

/// With and without intercept, of different orders.
fn half_drift() -> Combination<LinearSpec> {
    let members = vec![linear(2, YULE_WALKER, Trend::None), linear(1, YULE_WALKER, Trend::Constant)];
    Combination { members, weights: Weights::Equal }
}

fn averages() -> Vec<Entry> {
    let mut all = vec![of_spec(Units::Scale, half_drift())];
    let ratios = Seasonal::Multiplicative(vec![1.1, 0.8, 1.3, 0.8]);
    for (units, seasonal, link, differences) in [
        (Units::Affine, Seasonal::None, Link::Identity, Differences::new(1, 0, 1)),
        (Units::Scale, ratios.clone(), Link::Log, Differences::new(1, 0, 1)),
        (Units::Scale, Seasonal::None, Link::BoxCox(0.5), Differences::new(1, 0, 1)),
    ] {
        let transform = Transform::new(seasonal, link, differences).expect("a transform");
        let name = format!("{:?} behind {transform:?}", half_drift());
        all.push(entry(name, units, move |train| Transformed::fit(&half_drift(), transform.clone(), train)));
    }
    // Members that disagree widely, and an average of averages.
    let naive = vec![Naive::Mean, Naive::RandomWalk { drift: false }, Naive::Seasonal { period: 4 }];
    let naive = Combination { members: naive, weights: Weights::Criterion(Criterion::Aic) };
    all.push(of_spec(Units::Affine, naive.clone()));
    all.push(of_spec(Units::Affine, Combination { members: vec![naive; 2], weights: Weights::Equal }));
    // Heavy tails.
    let robust = |order, trend| linear(order, Estimator::Robust, trend);
    let members = vec![robust(2, Trend::None), robust(1, Trend::Constant)];
    all.push(of_spec(Units::Scale, Combination { members, weights: Weights::Equal }));
    // Members behind maps of their own.
    for (link, factors) in [(Link::Identity, Seasonal::None), (Link::Log, ratios.clone()), (Link::BoxCox(0.4), ratios)]
    {
        let units = if factors == Seasonal::None { Units::Affine } else { Units::Scale };
        let of = |seasonal: &Seasonal, d| Transform::new(seasonal.clone(), link, Differences::new(d, 0, 1));
        let transforms = [of(&factors, 1), of(&Seasonal::None, 0), of(&Seasonal::None, 1)];
        let members = transforms.into_iter().map(|transform| Behind(transform.expect("a transform"))).collect();
        let spec = Combination { members, weights: Weights::Equal };
        all.push(entry(format!("levels and differences behind {link:?}"), units, move |train| spec.fit(train)));
    }
    all
}

/// Markov chains over tokens.
fn token_models() -> Vec<Entry> {
    let spec = |kind, bins, order| QuantisedSpec {
        quantiser: QuantiserSpec { kind, bins },
        markov: MarkovSpec { order, symbols: None },
    };
    let specs = [
        spec(QuantiserKind::Uniform, Some(12), MarkovOrder::Fixed(2)),
        spec(QuantiserKind::Quantile, Some(9), MarkovOrder::Fixed(1)),
        spec(QuantiserKind::MuLaw { mu: 20.0 }, Some(11), MarkovOrder::Fixed(0)),
        spec(QuantiserKind::KMeans, Some(10), MarkovOrder::Fixed(3)),
        spec(QuantiserKind::Quantile, None, MarkovOrder::Auto { max: 2 }),
    ];
    let mut all: Vec<Entry> = specs.into_iter().map(|spec| of_spec(Units::Affine, spec)).collect();
    for spec in [specs[1], specs[3]] {
        let walk = Transform::new(Seasonal::None, Link::Identity, Differences::new(1, 0, 1)).expect("a transform");
        let name = format!("{spec:?} of differences");
        all.push(entry(name, Units::Affine, move |train| Transformed::fit(&spec, walk.clone(), train)));
    }
    all
}

/// Tiny networks: every body, every head, in double precision.
fn networks() -> Vec<Entry> {
    let training = Training { epochs: 1, batch: 4, ..Training::default() };
    let of = |architecture, head, link| NeuralSpec {
        hidden: 4,
        layers: 2,
        context: Some(5),
        periods: Some(vec![4]),
        head,
        link: Some(link),
        is_double: true,
        training: training.clone(),
        ..NeuralSpec::new(architecture)
    };
    let transformer = |is_rotary, window| Architecture::Transformer { heads: 2, is_rotary, window };
    let tokens = QuantiserSpec { kind: QuantiserKind::Quantile, bins: Some(7) };
    let (plain, log) = (Link::Identity, Link::Log);
    let mut specs = vec![
        of(Architecture::Mlp, HeadChoice::ConstantGaussian, plain),
        of(Architecture::Gru, HeadChoice::Gaussian, plain),
        of(Architecture::Lstm, HeadChoice::StudentT, log),
        of(Architecture::Conv, HeadChoice::Mixture { components: 2 }, plain),
        of(transformer(true, None), HeadChoice::StudentT, plain),
        of(transformer(false, Some(3)), HeadChoice::Gaussian, log),
        of(Architecture::Gru, HeadChoice::Tokens(tokens), plain),
    ];
    specs.push(NeuralSpec { is_scaled: false, ..of(Architecture::Mlp, HeadChoice::StudentT, log) });
    // What is left of all bodies with all heads; counts are not among these data, see `tests/networks.rs`.
    let mixture = HeadChoice::Mixture { components: 2 };
    for body in [Architecture::Mlp, Architecture::Gru, Architecture::Lstm, Architecture::Conv, transformer(true, None)]
    {
        for head in [HeadChoice::Gaussian, HeadChoice::StudentT, mixture, HeadChoice::Tokens(tokens)] {
            if !specs.iter().any(|spec: &NeuralSpec| spec.architecture == body && spec.head == head) {
                specs.push(of(body, head, plain));
            }
        }
    }
    let units = |spec: &NeuralSpec| {
        let is_token = matches!(spec.head, HeadChoice::Tokens(_));
        if spec.link == Some(Link::Log) || is_token { Units::Scale } else { Units::Affine }
    };
    let ensemble = |spec: &NeuralSpec| of_spec(units(spec), EnsembleSpec { spec: spec.clone(), members: 2 });
    let ensembles: Vec<Entry> = [2, 3, 6].map(|at: usize| ensemble(&specs[at])).into();
    specs.iter().map(|spec| of_spec(units(spec), spec.clone())).chain(ensembles).collect()
}

#[cfg(feature = "linfa")]
fn regressions() -> Vec<Entry> {
    use foretoken::model::regression::{Noise, Regression};
    use linfa_linear::LinearRegression;
    let spec = |noise| Regression::new("OLS", LinearRegression::new(), 4, noise);
    let (gaussian, student, behind) = (spec(Noise::Gaussian), spec(Noise::StudentT), spec(Noise::Gaussian));
    let walk = Transform::new(Seasonal::None, Link::Log, Differences::new(1, 0, 1)).expect("a transform");
    vec![
        unstored("linear regression with Gaussian noise", Units::Affine, move |train| gaussian.fit(train)),
        unstored("linear regression with Student-t noise", Units::Affine, move |train| student.fit(train)),
        unstored("linear regression on log differences", Units::Scale, move |train| {
            Transformed::fit(&behind, walk.clone(), train)
        }),
    ]
}

/// Codes of patches.
#[cfg(feature = "linfa")]
fn codebooks() -> Vec<Entry> {
    use foretoken::model::token::codebook::CodebookSpec;
    let spec = |patch, codes, order| CodebookSpec {
        patch: Some(patch),
        codes: Some(codes),
        order: MarkovOrder::Fixed(order),
        ..CodebookSpec::default()
    };
    let specs = [spec(3, 4, 1), spec(2, 3, 2), spec(1, 3, 1), spec(4, 2, 0)];
    let mut all: Vec<Entry> = specs.into_iter().map(|spec| of_spec(Units::Affine, spec)).collect();
    let walk = Transform::new(Seasonal::None, Link::Identity, Differences::new(1, 0, 1)).expect("a transform");
    let name = format!("{:?} of differences", specs[0]);
    all.push(entry(name, Units::Affine, move |train| Transformed::fit(&specs[0], walk.clone(), train)));
    all
}

// ------------------------------------------------------------------------------------- lanes and comparisons

/// One lane of data: the index of its first value, and its values.
#[derive(Clone)]
struct Lane {
    start: i64,
    values: Vec<f64>,
}

impl Lane {
    /// The lane with NaN at some positions.
    fn missing(&self, at: &[usize]) -> Self {
        let mut gapped = self.clone();
        at.iter().for_each(|&t| gapped.values[t] = f64::NAN);
        gapped
    }

    /// The last values of the lane.
    fn last(&self, count: usize) -> Self {
        let skip = self.values.len() - count;
        Self { start: self.start + skip as i64, values: self.values[skip..].to_vec() }
    }
}

/// Lanes of unequal length and start that no model was trained on.
fn lanes() -> Vec<Lane> {
    [(60, 0), (37, 5), (30, 11), (33, -2)]
        .iter()
        .zip(20..)
        .map(|(&(n, start), lane)| Lane { start, values: training(lane, n).values().to_vec() })
        .collect()
}

fn gapped_lanes() -> Vec<Lane> {
    let missing: [&[usize]; 4] = [&[12, 28, 29, 45], &[0, 20], &[], &[17]];
    lanes().iter().zip(missing).map(|(lane, at)| lane.missing(at)).collect()
}

fn batch(lanes: &[Lane]) -> Batch {
    let values: Vec<&[f64]> = lanes.iter().map(|lane| lane.values.as_slice()).collect();
    Batch::lanes_of(&values, &lanes.iter().map(|lane| lane.start).collect::<Vec<_>>())
}

/// All but the last `steps` values of every lane, and these.
fn split(lanes: &[Lane], steps: usize) -> (Batch, Batch) {
    let head = |lane: &Lane| Lane { start: lane.start, values: lane.values[..lane.values.len() - steps].to_vec() };
    let contexts: Vec<Lane> = lanes.iter().map(head).collect();
    let targets: Vec<Lane> = lanes.iter().map(|lane| lane.last(steps)).collect();
    (batch(&contexts), batch(&targets))
}

/// p(x_t | x_<t) of the last `steps` values of every lane.
fn conditionals(model: &dyn Autoregressive, lanes: &[Lane], steps: usize) -> Predictive {
    let (context, target) = split(lanes, steps);
    model.conditionals(&context, &target, &Covariates::none()).expect("conditionals")
}

/// p(x_t | x_<t) of every value of one lane.
fn all_conditionals(model: &dyn Autoregressive, lane: &Lane) -> Predictive {
    conditionals(model, std::slice::from_ref(lane), lane.values.len())
}

fn begin<'m>(model: &'m dyn Autoregressive, lanes: &[Lane]) -> Box<dyn Session<'m> + 'm> {
    model.begin(&batch(lanes), &Covariates::none()).expect("a session")
}

/// The next conditional of every lane of a session.
fn next(model: &dyn Autoregressive, session: &mut dyn Session<'_>) -> Predictive {
    let mut rows = Predictive::new(model.family(), session.lanes());
    session.conditional(Covariates::none().row(0), &mut rows);
    rows
}

fn is_close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}

/// Where the variable of a row lies, and how far it spreads.
fn location_and_scale(row: &Distribution<'_>) -> (f64, f64) {
    let parameters = row.parameters();
    match row.family() {
        Family::Mixture { .. } | Family::StudentTMixture { .. } => {}
        Family::Binned(_) => return (row.map().backward(row.median()), row.std_dev() / row.map().factor),
        _ => return (parameters[0], parameters[1]),
    }
    let width = component_width(row.family());
    let mean: f64 = parameters.chunks(width).map(|of| of[0] * of[1]).sum();
    let square: f64 = parameters.chunks(width).map(|of| of[0] * (of[2].powi(2) + (of[1] - mean).powi(2))).sum();
    (mean, square.sqrt())
}

fn is_mixture(model: &dyn Autoregressive) -> bool {
    matches!(model.family(), Family::Mixture { .. } | Family::StudentTMixture { .. })
}

/// How many parameters a component has, its weight included.
fn component_width(family: &Family) -> usize {
    if matches!(family, Family::StudentTMixture { .. }) { 4 } else { 3 }
}

/// Whether it is an average of models of tokens, whose weights its masses do not show.
fn has_hidden_weights(Specimen { model, summary, .. }: &Specimen) -> bool {
    model.family().has_tokens() && summary.preprocessing.iter().any(|(name, _)| name == "weights")
}

/// Whether values are tokens on a scale that a context sets once: so the past before the memory is not without effect.
fn is_of_tokens(model: &dyn Autoregressive) -> bool {
    model.memory().is_none()
}

/// On how many past steps a row depends, once the scale is set.
fn depth(model: &dyn Autoregressive) -> usize {
    model.forgets_after().expect("every model of the zoo forgets")
}

/// The rows without the weights of mixtures. These depend on all that was observed since a session began, as a mixture
/// is one of paths; what is weighted keeps every law.
fn without_weights(rows: &Predictive) -> Predictive {
    if !matches!(rows.family(), Family::Mixture { .. } | Family::StudentTMixture { .. }) {
        return rows.clone();
    }
    let mut bare = rows.clone();
    for row in 0..rows.rows() {
        let of = rows.row(row);
        let mut parameters: Vec<f64> = of.parameters().to_vec();
        parameters.iter_mut().step_by(component_width(rows.family())).for_each(|weight| *weight = 1.0);
        bare.set(row, &parameters, rows.is_defined(row));
        bare.set_map(row, of.map());
    }
    bare
}

/// Parameters and map of a row as numbers.
fn numbers(row: &Distribution<'_>) -> Vec<f64> {
    let map = row.map();
    [row.parameters(), &[map.shift, map.factor, map.scale]].concat()
}

/// What differs between two rows, if anything.
fn difference((a, i): (&Predictive, usize), (b, j): (&Predictive, usize), tolerance: f64) -> Option<String> {
    let (x, y) = (a.row(i), b.row(j));
    let same = a.is_defined(i) == b.is_defined(j)
        && x.map().link == y.map().link
        && numbers(&x).iter().zip(&numbers(&y)).all(|(x, y)| is_close(*x, *y, tolerance));
    (!same).then(|| {
        let show = |p: &Predictive, row| format!("{:?} (defined: {})", numbers(&p.row(row)), p.is_defined(row));
        format!("{} against {}", show(a, i), show(b, j))
    })
}

/// Whether a row rests on known values and on stand-ins for missing ones, on nothing before the first value.
fn has_started(model: &dyn Autoregressive, lane: &Lane, t: usize) -> bool {
    let first = lane.values.iter().position(|x| !x.is_nan()).expect("a known value");
    t >= first + depth(model)
}

/// Fails unless two rows are the same to rounding.
fn assert_same(what: &str, a: (&Predictive, usize), b: (&Predictive, usize)) {
    if let Some(difference) = difference(a, b, 1e-10) {
        panic!("{what}: {difference}");
    }
}

fn assert_all_same(what: &str, a: &Predictive, b: &Predictive) {
    assert_eq!(a.rows(), b.rows(), "{what}");
    (0..a.rows()).for_each(|row| assert_same(&format!("{what}, row {row}"), (a, row), (b, row)));
}

// ------------------------------------------------------------------------------------------ reading the past

#[test]
fn all_conditionals_at_once_are_those_of_stepping() {
    law(|Specimen { name, model, .. }| {
        let (clean, gapped) = (lanes(), gapped_lanes());
        for lanes in [&clean[..1], &gapped[..1], &clean, &gapped] {
            let shortest = lanes.iter().map(|lane| lane.values.len()).min().expect("a lane");
            for context in [0, 1, 2, 3, 12] {
                let (context, target) = split(lanes, shortest - context);
                let none = Covariates::none();
                let at_once = model.conditionals(&context, &target, &none).expect("conditionals");
                let stepped = step_through(&**model, &context, &target, &none).expect("conditionals");
                assert_all_same(name, &at_once, &stepped);
            }
        }
    });
}

#[test]
fn reading_a_context_is_observing_it() {
    law(|Specimen { name, model, .. }| {
        for lane in lanes().iter().chain(&gapped_lanes()) {
            // A context sets the scale of tokens: what was observed has to be made one, see below.
            if is_of_tokens(&**model) {
                continue;
            }
            let whole = without_weights(&all_conditionals(&**model, lane));
            for context in (0..lane.values.len()).filter(|&t| has_started(&**model, lane, t)) {
                let steps = lane.values.len() - context;
                let rest = without_weights(&conditionals(&**model, std::slice::from_ref(lane), steps));
                for step in 0..steps {
                    assert_eq!(
                        rest.is_defined(step),
                        whole.is_defined(context + step),
                        "{name} after {context} values"
                    );
                    // A mixture behind differences lets its mean stand in for a missing value, weights and all.
                    if rest.is_defined(step) || !is_mixture(&**model) {
                        assert_same(&format!("{name} after {context} values"), (&rest, step), (&whole, context + step));
                    }
                }
            }
        }
    });
}

#[test]
fn what_was_observed_can_be_made_a_context() {
    law(|specimen @ Specimen { name, model, .. }| {
        for lane in lanes().iter().chain(&gapped_lanes()) {
            // What stands in for a missing difference counts for the scale of tokens, and depends on the one before.
            let has_stand_ins = given(specimen) > 0 && lane.values.iter().any(|x| x.is_nan());
            if is_of_tokens(&**model) && has_stand_ins {
                continue;
            }
            let (start, steps) = (Lane { start: lane.start, values: lane.values[..9].to_vec() }, lane.values.len() - 9);
            let mut observed = begin(&**model, &[start]);
            for x in &lane.values[9..] {
                let _ = next(&**model, &mut *observed);
                observed.observe(&[*x]);
            }
            observed.end_context();
            let read = next(&**model, &mut *begin(&**model, std::slice::from_ref(lane)));
            assert_same(&format!("{name} after {steps} steps"), (&next(&**model, &mut *observed), 0), (&read, 0));
        }
    });
}

#[test]
fn a_model_from_a_file_is_the_model() {
    law(|Specimen { name, model, restored, .. }| {
        // Adapters of other crates' regressors are the only models that no file holds.
        let Some(restored) = restored else { return };
        assert_eq!(
            (restored.family(), restored.link(), restored.memory()),
            (model.family(), model.link(), model.memory())
        );
        for lane in lanes().iter().chain(&gapped_lanes()) {
            let (saved, own) = (all_conditionals(&**restored, lane), all_conditionals(&**model, lane));
            assert!(format!("{saved:?}") == format!("{own:?}"), "{name}");
        }
    });
}

#[test]
fn every_row_is_behind_the_link_of_its_model() {
    law(|Specimen { name, model, .. }| {
        let rows = conditionals(&**model, &gapped_lanes(), 25);
        assert!((0..rows.rows()).all(|row| rows.row(row).map().link == model.link()), "{name}");
    });
}

#[test]
fn a_value_changes_nothing_at_or_before_its_time_and_nothing_beyond_the_memory() {
    law(|specimen @ Specimen { name, model, .. }| {
        let memory = depth(&**model);
        let lane = &lanes()[0];
        let before = all_conditionals(&**model, lane);
        for t in [0, 1, 7, 30] {
            let mut changed = lane.clone();
            changed.values[t] *= 1.5;
            let after = all_conditionals(&**model, &changed);
            let differs = |row: usize| difference((&before, row), (&after, row), 0.0).is_some();
            assert!(!(0..=t).any(differs), "{name}: a value changes the past");
            let (before, after) = (without_weights(&before), without_weights(&after));
            let differs = |row: usize| difference((&before, row), (&after, row), 0.0).is_some();
            // Rounding may linger where the past is differenced away.
            let lingers = |row: usize| difference((&before, row), (&after, row), 1e-12).is_some();
            let may_linger = has_hidden_weights(specimen);
            assert!(may_linger || !(t + memory + 1..60).any(lingers), "{name}: the memory is longer than {memory}");
            // Another token may be as unheard of in its place.
            let is_seen = memory == 0 || is_of_tokens(&**model) || differs(t + memory);
            assert!(is_seen, "{name}: the memory is shorter than {memory}");
        }
    });
}

#[test]
fn two_pasts_that_agree_over_the_memory_have_the_same_future() {
    law(|Specimen { name, model, .. }| {
        let Some(memory) = model.memory() else { return };
        for lane in lanes() {
            let what = format!("{name} from {}", lane.start);
            let whole = next(&**model, &mut *begin(&**model, std::slice::from_ref(&lane)));
            let last = next(&**model, &mut *begin(&**model, &[lane.last(memory)]));
            assert!(whole.is_defined(0), "{what}");
            assert_same(&what, (&last, 0), (&whole, 0));
        }
    });
}

// ---------------------------------------------------------------------------------------------- many lanes

#[test]
fn a_lane_alone_is_that_lane_in_a_batch() {
    law(|Specimen { name, model, .. }| {
        for (lanes, has_gaps) in [(lanes(), false), (gapped_lanes(), true)] {
            for steps in [20, 30] {
                let together = conditionals(&**model, &lanes, steps);
                for (i, lane) in lanes.iter().enumerate() {
                    let alone = conditionals(&**model, std::slice::from_ref(lane), steps);
                    for t in 0..steps {
                        let (what, row) = (format!("{name}, lane {i}, step {t}"), t * lanes.len() + i);
                        if !has_gaps || has_started(&**model, lane, lane.values.len() - steps + t) {
                            assert_same(&what, (&alone, t), (&together, row));
                        }
                        assert_eq!(alone.is_defined(t), together.is_defined(row), "{what}");
                    }
                }
            }
        }
    });
}

#[test]
fn permuting_lanes_permutes_what_is_said_of_them() {
    const ORDER: [usize; 4] = [2, 0, 3, 1];
    law(|Specimen { name, model, .. }| {
        for lanes in [lanes(), gapped_lanes()] {
            let permuted: Vec<Lane> = ORDER.iter().map(|&lane| lanes[lane].clone()).collect();
            let (a, b) = (conditionals(&**model, &lanes, 25), conditionals(&**model, &permuted, 25));
            for t in 0..25 {
                for (i, &lane) in ORDER.iter().enumerate() {
                    assert_same(name, (&b, t * 4 + i), (&a, t * 4 + lane));
                }
            }
            let joint = |lanes| begin(&**model, lanes).gaussian_paths(&Covariates::none(), 6);
            let (Some(a), Some(b)) = (joint(&lanes), joint(&permuted)) else { continue };
            assert!(ORDER.iter().zip(&b).all(|(&lane, paths)| *paths == a[lane]), "{name}");
        }
    });
}

#[test]
fn a_fork_continues_its_parents() {
    const PARENTS: [usize; 6] = [3, 0, 0, 2, 1, 0];
    law(|Specimen { name, model, .. }| {
        for lanes in [lanes(), gapped_lanes()] {
            let mut parent = begin(&**model, &lanes);
            // A ring that has turned, and a missing value in one lane.
            let first: Vec<f64> = vec![21.0, 19.0, f64::NAN, 24.0];
            let _ = next(&**model, &mut *parent);
            parent.observe(&first);
            let mut child = parent.fork(&PARENTS);
            let before = next(&**model, &mut *parent);
            let started = next(&**model, &mut *child);
            for (i, &lane) in PARENTS.iter().enumerate() {
                assert_same(&format!("{name}, child {i}"), (&started, i), (&before, lane));
            }
            // Every child goes its own way, and so does a child of the children.
            let mut grandchild = child.fork(&[5, 1]);
            let values: Vec<Vec<f64>> =
                (0..7).map(|t| (0..6).map(|i| f64::from(15 + (7 * t + 5 * i) % 11)).collect()).collect();
            for row in &values {
                child.observe(row);
                let _ = next(&**model, &mut *child);
                grandchild.observe(&[row[0], row[3]]);
                let _ = next(&**model, &mut *grandchild);
            }
            let (ended, grown) = (next(&**model, &mut *child), next(&**model, &mut *grandchild));
            let continued = |parent: usize, column: usize| {
                let mut alone = begin(&**model, std::slice::from_ref(&lanes[parent]));
                for x in std::iter::once(first[parent]).chain(values.iter().map(|row| row[column])) {
                    let _ = next(&**model, &mut *alone);
                    alone.observe(&[x]);
                }
                next(&**model, &mut *alone)
            };
            for (i, &lane) in PARENTS.iter().enumerate() {
                assert_same(&format!("{name}, child {i} grown"), (&ended, i), (&continued(lane, i), 0));
            }
            assert_same(&format!("{name}, first grandchild"), (&grown, 0), (&continued(0, 0), 0));
            assert_same(&format!("{name}, second grandchild"), (&grown, 1), (&continued(0, 3), 0));
            assert_all_same(&format!("{name}, parent"), &next(&**model, &mut *parent), &before);
        }
    });
}

#[test]
fn a_fork_knows_what_stands_in_for_a_missing_value() {
    law(|Specimen { name, model, .. }| {
        let mut parent = begin(&**model, &lanes());
        let _ = next(&**model, &mut *parent);
        let mut child = parent.fork(&[2, 1, 0, 3]);
        let missing = [f64::NAN, 20.0, f64::NAN, f64::NAN];
        child.observe(&missing);
        parent.observe(&[missing[2], missing[1], missing[0], missing[3]]);
        let (a, b) = (next(&**model, &mut *child), next(&**model, &mut *parent));
        for (i, lane) in [2, 1, 0, 3].into_iter().enumerate() {
            assert_same(name, (&a, i), (&b, lane));
        }
    });
}

// ---------------------------------------------------------------------------------------------- missing values

#[test]
fn what_depends_on_a_missing_value_is_undefined_or_without_it_until_it_is_forgotten() {
    law(|specimen @ Specimen { name, model, .. }| {
        let memory = depth(&**model);
        let lane = &lanes()[0];
        let with_weights = all_conditionals(&**model, lane);
        // The weights of a mixture are right without the value: it is integrated out of them.
        let whole = without_weights(&with_weights);
        for t in [0, 3, 17, 31] {
            let gapped = all_conditionals(&**model, &lane.missing(&[t]));
            let past_changed = (0..=t).any(|row| difference((&gapped, row), (&with_weights, row), 0.0).is_some());
            assert!(!past_changed, "{name}, value {t} missing: the past changed");
            let gapped = without_weights(&gapped);
            let mut changed = lane.clone();
            changed.values[t] *= 1.3;
            let changed = without_weights(&all_conditionals(&**model, &changed));
            for row in t + 1..60 {
                let what = format!("{name}, value {t} missing, row {row}");
                if difference((&changed, row), (&whole, row), 1e-12).is_some() {
                    let is_same = difference((&gapped, row), (&whole, row), 1e-12).is_none();
                    // Before the first value a chain knows nothing; of a pair of tokens that it never saw neither.
                    let has_no_past = is_of_tokens(&**model) && t == 0;
                    let rests_on_it = gapped.is_defined(row) && is_same && !has_no_past;
                    assert!(!rests_on_it, "{what}: depends on the missing value");
                } else if row > t + memory && !has_hidden_weights(specimen) {
                    assert_same(&what, (&gapped, row), (&whole, row));
                }
            }
        }
    });
}

/// How many values a model takes as given at its start: all that it looks back on, or, where it knows how its process
/// starts, as Markov chains do, those alone that its differences take away.
fn given(specimen: &Specimen) -> usize {
    if is_of_tokens(&*specimen.model) {
        let find = |key: &str| specimen.summary.preprocessing.iter().find(|(name, _)| name == key).map(|of| of.1[0]);
        // A network has to have read its context.
        if let Some(context) = find("context") {
            return context as usize;
        }
        // Where no patches are, every value is one.
        let patch = find("patch").unwrap_or(1.0) as usize;
        return depth(&*specimen.model) + 1 - patch * (find("order").expect("an order") as usize + 1);
    }
    if !specimen.summary.description.contains("exact") {
        return specimen.model.memory().expect("a finite memory");
    }
    let known: usize = specimen.train.iter().map(|s| s.values().iter().filter(|x| !x.is_nan()).count()).sum();
    (known - specimen.summary.observations) / specimen.train.len()
}

#[test]
fn rows_are_undefined_exactly_before_the_memory_is_full() {
    law(|specimen| {
        let given = given(specimen);
        for lane in lanes() {
            let rows = all_conditionals(&*specimen.model, &lane);
            for t in 0..rows.rows() {
                assert_eq!(rows.is_defined(t), t >= given, "{}, row {t}", specimen.name);
            }
        }
    });
}

#[test]
fn an_undefined_row_still_holds_a_usable_distribution() {
    law(|Specimen { name, model, .. }| {
        for lane in [&lanes()[0], &gapped_lanes()[0], &gapped_lanes()[1], &gapped_lanes()[3]] {
            let rows = all_conditionals(&**model, lane);
            for t in 0..rows.rows() {
                let row = rows.row(t);
                let usable = row.mean().is_finite() && row.std_dev() > 0.0 && row.median().is_finite();
                assert!(usable, "{name}, row {t}: {row:?}");
            }
        }
    });
}

#[test]
fn a_missing_value_is_replaced_by_the_middle_of_its_conditional_or_integrated_out() {
    law(|Specimen { name, model, .. }| {
        // In a mixture every member has a stand-in of its own, so that no single value does what a missing one does; a Markov
        // chain starts anew.
        for lane in lanes().into_iter().filter(|_| !is_mixture(&**model) && !is_of_tokens(&**model)) {
            let mut unknown = begin(&**model, std::slice::from_ref(&lane));
            let mut filled = unknown.fork(&[0]);
            if is_defined_after_a_gap(&**model, &lane) {
                check_integration(name, &mut *unknown);
                continue;
            }
            for (step, x) in [f64::NAN, f64::NAN, 21.0, f64::NAN, 18.0, 22.0, 23.0].into_iter().enumerate() {
                let middle = next(&**model, &mut *unknown).row(0).median();
                let _ = next(&**model, &mut *filled);
                unknown.observe(&[x]);
                filled.observe(&[if x.is_nan() { middle } else { x }]);
                let (a, b) = (next(&**model, &mut *unknown), next(&**model, &mut *filled));
                for (a, b) in numbers(&a.row(0)).iter().zip(numbers(&b.row(0))) {
                    assert!(is_close(*a, b, 1e-9), "{name}, step {step}: {a} against {b}");
                }
            }
        }
    });
}

/// Whether the values after a missing one have a density although they depend on it.
fn is_defined_after_a_gap(model: &dyn Autoregressive, lane: &Lane) -> bool {
    let mut session = begin(model, std::slice::from_ref(lane));
    let _ = next(model, &mut *session);
    session.observe(&[f64::NAN]);
    let memory = model.memory().expect("a finite memory");
    let mut is_defined = |_| {
        let is_defined = next(model, &mut *session).is_defined(0);
        session.observe(&[20.0]);
        is_defined
    };
    memory > 0 && (0..memory).all(&mut is_defined)
}

/// Fails unless every conditional after missing values is that of the joint of the next values.
fn check_integration<'m>(name: &str, session: &mut (dyn Session<'m> + 'm)) {
    const VALUES: [f64; 9] = [f64::NAN, f64::NAN, 21.0, f64::NAN, 18.0, 22.0, 23.0, f64::NAN, 20.0];
    let joint = session.gaussian_paths(&Covariates::none(), VALUES.len()).expect("a Gaussian joint");
    let [path] = &joint[0][..] else { panic!("{name}: one component") };
    let mut known: Vec<usize> = Vec::new();
    for (step, x) in VALUES.into_iter().enumerate() {
        let mut out = Predictive::new(Family::Gaussian, 1);
        session.conditional(Rows::none(), &mut out);
        let z = |t: usize| path.maps[t].backward(VALUES[t]);
        let k = known.len();
        let covariance_of = |a: usize, b: usize| covariance(path, a.max(b), a.min(b));
        let inner = DMatrix::from_fn(k, k, |i, j| covariance_of(known[i], known[j]));
        let cross = DMatrix::from_fn(1, k, |_, j| covariance_of(step, known[j]));
        let innovations = DMatrix::from_fn(k, 1, |i, _| z(known[i]) - path.mean[known[i]]);
        let weights = &cross * inner.try_inverse().expect("a covariance");
        let mean = path.mean[step] + (&weights * innovations).sum();
        let variance = covariance_of(step, step) - (&weights * cross.transpose()).sum();
        for q in [0.1, 0.5, 0.9] {
            let expected = path.maps[step].forward(mean + variance.sqrt() * normal_quantile(q));
            let (own, what) = (out.row(0).quantile(q), format!("{name}, step {step}, quantile {q}"));
            assert!(is_close(own, expected, 1e-6), "{what}: {own}, not {expected}");
        }
        session.observe(&[x]);
        if !x.is_nan() {
            known.push(step);
        }
    }
}

// ------------------------------------------------------------------------------------------------- densities

/// Rows of a lane at some defined steps.
fn defined_rows(specimen: &Specimen) -> (Predictive, Vec<usize>) {
    let rows = all_conditionals(&*specimen.model, &lanes()[0]);
    let defined: Vec<usize> = (0..rows.rows()).filter(|&row| rows.is_defined(row)).step_by(9).collect();
    assert!(defined.len() > 3, "{}", specimen.name);
    (rows, defined)
}

/// Values from deep in the lower to deep in the upper tail, dense in the middle.
fn nodes(row: &Distribution<'_>) -> Vec<f64> {
    const HALF: i32 = 4000;
    let (location, scale) = location_and_scale(row);
    let node = |i: i32| row.map().forward(location + scale * (9.0 * f64::from(i) / f64::from(HALF)).sinh());
    let mut nodes: Vec<f64> = (-HALF..=HALF).map(node).filter(|y| y.is_finite()).collect();
    if let Family::Binned(bins) = row.family() {
        // On either side of every jump.
        let edges = bins.edges().iter().map(|edge| row.map().forward(*edge));
        nodes.extend(edges.flat_map(|edge| [edge.next_down().next_down(), edge.next_up().next_up()]));
        // Next to zero, numbers are too small to be divided.
        nodes.extend(bins.floor().map(|floor| row.map().forward(floor)).into_iter().flat_map(|y| [y - 1e-9, y]));
        nodes.sort_unstable_by(f64::total_cmp);
    }
    nodes.dedup();
    nodes
}

#[test]
fn a_density_integrates_to_its_distribution_function() {
    law(|specimen| {
        let (rows, defined) = defined_rows(specimen);
        for at in defined {
            let row = rows.row(at);
            let nodes = nodes(&row);
            let mut below = 0.0;
            for (i, pair) in nodes.windows(2).enumerate() {
                let density = |y: f64| row.log_prob(y).exp();
                below += 0.5 * (pair[1] - pair[0]) * (density(pair[0]) + density(pair[1]));
                if i % 101 == 0 || i + 2 == nodes.len() {
                    let cdf = row.cdf(pair[1]);
                    assert!((below - cdf).abs() < 1e-4, "{}: {below} below {}, not {cdf}", specimen.name, pair[1]);
                }
            }
            assert!((below - 1.0).abs() < 1e-4, "{}: the mass is {below}", specimen.name);
        }
    });
}

#[test]
fn quantiles_invert_the_distribution_function() {
    const LEVELS: [f64; 9] = [1e-6, 0.001, 0.025, 0.2, 0.5, 0.8, 0.975, 0.999, 1.0 - 1e-6];
    law(|specimen| {
        let (rows, defined) = defined_rows(specimen);
        for at in defined {
            let row = rows.row(at);
            for q in LEVELS {
                let x = row.quantile(q);
                assert!((row.cdf(x) - q).abs() < 1e-10, "{}: cdf(quantile({q}))", specimen.name);
                assert!(is_close(row.quantile(row.cdf(x)), x, 1e-7), "{}: quantile(cdf({x}))", specimen.name);
            }
            assert!(LEVELS.windows(2).all(|q| row.quantile(q[0]) < row.quantile(q[1])), "{}", specimen.name);
        }
    });
}

#[test]
fn mean_and_spread_are_those_of_the_density() {
    law(|specimen| {
        let (rows, defined) = defined_rows(specimen);
        for at in defined {
            let row = rows.row(at);
            // Midpoints of equal shares of the mass; their mean misses only what lies in the outermost shares.
            let shares = 20_000;
            let draws: Vec<f64> = (0..shares).map(|i| row.quantile((f64::from(i) + 0.5) / f64::from(shares))).collect();
            let (mean, variance) = moments(&draws);
            let sd = row.std_dev();
            if sd.is_infinite() {
                continue;
            }
            assert!((mean - row.mean()).abs() < 2e-3 * sd, "{}: {mean}, not {}", specimen.name, row.mean());
            // Far in the tails of the others lies a share of the variance.
            if !matches!(row.family(), Family::StudentT | Family::StudentTMixture { .. } | Family::Binned(_)) {
                assert!((variance.sqrt() / sd - 1.0).abs() < 5e-3, "{}: {variance}", specimen.name);
            }
        }
    });
}

// ---------------------------------------------------------------------------------------------------- scores

fn score_of(model: &dyn Autoregressive, series: &[Series]) -> (f64, usize) {
    let each = series.iter().map(|series| {
        let target = Batch::single(series.values(), 0);
        score::log_likelihood(model, &Batch::empty(&[0]), &target, &Covariates::none()).expect("a score")
    });
    each.fold((0.0, 0), |(sum, rows), (log, more)| (sum + log, rows + more))
}

#[test]
fn the_reported_likelihood_is_the_score_of_the_training_rows() {
    law(|Specimen { name, model, summary, train, .. }| {
        let (log_likelihood, rows) = score_of(&**model, train);
        assert_eq!(rows, summary.observations, "{name}");
        assert!(rows > 100, "{name}: {rows}");
        let reported = summary.log_likelihood;
        assert!(is_close(log_likelihood, reported, 1e-9), "{name}: {log_likelihood} scored, {reported} reported");
    });
}

#[test]
fn scores_are_in_the_units_of_the_data() {
    law(|Specimen { name, units, train, model, refit, .. }| {
        let changes: &[(f64, f64)] = match units {
            Units::Affine => &[(2.5, 0.0), (1.0, 40.0), (0.3, 7.0)],
            Units::Scale => &[(2.5, 0.0), (0.3, 0.0)],
            Units::Fixed => &[],
        };
        let lane = &lanes()[0];
        let score = |model: &dyn Autoregressive, lane: &Lane| {
            let target = Batch::single(&lane.values, lane.start);
            score::log_probs(model, &Batch::empty(&[lane.start]), &target, &Covariates::none()).expect("scores")
        };
        let before = score(&**model, lane);
        for &(a, b) in changes {
            let change = |x: &[f64]| x.iter().map(|x| a * x + b).collect::<Vec<f64>>();
            let changed: Vec<Series> = train.iter().map(|s| Series::new(s.id(), change(s.values()))).collect();
            let after = score(&*refit(&changed).0, &Lane { start: lane.start, values: change(&lane.values) });
            for (t, (before, after)) in before.iter().zip(&after).enumerate() {
                let expected = before - a.ln();
                assert!(is_close(*after, expected, 1e-6), "{name}, {a} x + {b}, row {t}: {after}, not {expected}");
            }
        }
    });
}

/// The conditional log-likelihood of a training series under other parameters.
fn conditional_likelihood(series: &Series, intercept: f64, slope: f64, phi: Vec<f64>, sd: f64) -> f64 {
    score_of_complete_rows(&Ar::new(intercept, slope, phi, sd, 0.0), series)
}

/// The score of the rows whose lags are all known: each stretch without a gap on its own.
fn score_of_complete_rows(model: &Ar, series: &Series) -> f64 {
    stretches(series.values(), model.order())
        .map(|Stretch { values, start }| {
            let target = Batch::single(values, start as i64);
            let empty = Batch::empty(&[start as i64]);
            score::log_likelihood(model, &empty, &target, &Covariates::none()).expect("a score").0
        })
        .sum()
}

#[test]
fn least_squares_is_the_peak_of_the_conditional_likelihood() {
    for series in [training(0, 120), with_gaps(&training(1, 110), &[0, 40, 41, 77])] {
        for trend in [Trend::None, Trend::Constant, Trend::ConstantTrend] {
            for order in [0, 1, 3] {
                let train = std::slice::from_ref(&series);
                let Fitted { model, .. } = linear(order, Estimator::LeastSquares, trend).fit(train).expect("a fit");
                let at = |parameter: usize, by: f64| {
                    let nudge = |i: usize, value: f64| if i == parameter { value + by } else { value };
                    let phi = (4..).zip(model.coefficients()).map(|(i, phi)| nudge(i, *phi)).collect();
                    let (intercept, slope) = (nudge(0, model.intercept()), nudge(1, model.slope()));
                    conditional_likelihood(&series, intercept, slope, phi, nudge(2, model.innovation_sd()))
                };
                let peak = at(usize::MAX, 0.0);
                let free = match trend {
                    Trend::None => vec![2],
                    Trend::Constant => vec![0, 2],
                    Trend::ConstantTrend => vec![0, 1, 2],
                };
                for parameter in free.into_iter().chain(4..4 + order) {
                    for by in [1e-4, -1e-4, 1e-2, -1e-2] {
                        let (nudged, what) = (at(parameter, by), format!("{trend:?} {order}, {parameter} by {by}"));
                        assert!(nudged < peak, "{what}: {nudged} above {peak}");
                    }
                }
                for estimator in [YULE_WALKER, BURG[0], BURG[1], Estimator::Recursive { forgetting: 0.98 }] {
                    let other = linear(order, estimator, trend).fit(train).expect("a fit").model;
                    let below = score_of_complete_rows(&other, &series);
                    assert!(below <= peak + 1e-9, "{trend:?} {order}: {estimator:?} {below} above {peak}");
                }
            }
        }
    }
}

/// The model of a spec with one of its parameters moved: those of the summary, then the scale and the degrees of freedom.
fn moved(spec: &LinearSpec, fitted: &Fitted<Ar>, parameter: usize, by: f64) -> Ar {
    let mut at: Vec<f64> = fitted.summary.parameters.iter().map(|parameter| parameter.value).collect();
    let mut innovations = fitted.model.innovations();
    match (&mut innovations, parameter.checked_sub(at.len())) {
        (_, None) => at[parameter] += by,
        (Innovations::Gaussian { sd: scale } | Innovations::StudentT { scale, .. }, Some(0)) => *scale += by,
        (Innovations::StudentT { dof, .. }, _) => *dof += by,
        (Innovations::Gaussian { .. }, _) => {}
    }
    let (coefficients, lags) = at.split_at(spec.terms.width());
    let (phi, seasonal) = lags.split_at(lags.len() - spec.seasonal.map_or(0, |seasonal| seasonal.order));
    let positions = match &spec.order {
        Order::Lags(lags) => lags.clone(),
        _ => (1..=phi.len()).collect(),
    };
    let period = spec.seasonal.map_or(0, |seasonal| seasonal.period);
    let mut product = vec![0.0; positions.last().copied().unwrap_or(0) + period];
    for (lag, phi) in positions.iter().zip(phi) {
        product[lag - 1] += phi;
        seasonal.iter().for_each(|factor| product[lag + period - 1] -= phi * factor);
    }
    seasonal.iter().for_each(|factor| product[period - 1] += factor);
    Ar::from_parts(ArParts {
        phi: product,
        differences: spec.differences.clone(),
        terms: spec.terms.clone(),
        coefficients: coefficients.to_vec(),
        form: fitted.model.form(),
        innovations,
        start: fitted.model.start(),
        origin: vec![0.0],
    })
}

#[test]
fn no_small_change_of_a_parameter_raises_a_maximised_likelihood() {
    for train in [vec![training(0, 120)], gapped_panel()] {
        for (_, spec) in likelihood_models() {
            let fitted = spec.fit(&train).expect("a fit");
            assert!(fitted.summary.converged, "{spec:?}");
            let score = |model: &Ar| score_of(model, &train).0;
            let peak = score(&fitted.model);
            let count = fitted.summary.parameters.len();
            let error = |i: usize| match fitted.model.innovations() {
                _ if i < count => fitted.summary.parameters[i].standard_error.expect("an error"),
                Innovations::StudentT { dof, .. } if i > count => 0.1 * dof,
                innovations => 0.1 * innovations.variance().sqrt(),
            };
            // Degrees of freedom at their bound may not grow.
            let is_bound = |i: usize, by: f64| match fitted.model.innovations() {
                Innovations::StudentT { dof, .. } => i == count + 1 && (dof == 200.0 && by > 0.0),
                Innovations::Gaussian { .. } => i == count + 1,
            };
            for i in 0..count + 2 {
                for by in [1e-3, -1e-3, 0.1, -0.1].into_iter().filter(|&by| !is_bound(i, by)) {
                    let nudged = score(&moved(&spec, &fitted, i, by * error(i)));
                    assert!(nudged < peak, "{spec:?}, parameter {i} by {by}: {nudged} above {peak}");
                }
            }
        }
    }
}

// ------------------------------------------------------------------------------------- the joint and sampling

/// The factor L of a joint covariance L L' at (row, column).
fn factor_at(factor: &PathFactor, j: usize, i: usize) -> f64 {
    match factor {
        PathFactor::Toeplitz(psi) => psi[j - i],
        PathFactor::Lower(rows) => rows[j * (j + 1) / 2 + i],
    }
}

fn covariance(path: &GaussianPath, j: usize, k: usize) -> f64 {
    (0..=j.min(k)).map(|i| factor_at(&path.factor, j, i) * factor_at(&path.factor, k, i)).sum()
}

#[test]
fn the_gaussian_joint_is_that_of_sampled_paths() {
    const HORIZON: usize = 9;
    const PATHS: usize = 3000;
    let mut checked = 0;
    law(|Specimen { name, model, .. }| {
        let (whole, gapped) = (lanes().remove(0), gapped_lanes().remove(1));
        for context in [whole, gapped, Lane { start: 2, values: Vec::new() }] {
            // Where nothing is defined there is nothing to weigh a mixture's members by: every step draws one anew.
            if is_mixture(&**model) && context.values.is_empty() {
                continue;
            }
            let contexts = std::slice::from_ref(&context);
            let Some(joint) = begin(&**model, contexts).gaussian_paths(&Covariates::none(), HORIZON) else { continue };
            let total: f64 = joint[0].iter().map(|path| path.weight).sum();
            assert!((total - 1.0).abs() < 1e-12, "{name}: weights sum to {total}");
            assert!(joint[0].iter().all(|path| (path.mean.len(), path.maps.len()) == (HORIZON, HORIZON)), "{name}");
            let what = Generation::sample(HORIZON, PATHS, 4);
            let drawn = generate(&**model, &batch(contexts), &Covariates::none(), &what).expect("paths");
            check_joint(&format!("{name} from {} values", context.values.len()), &joint[0], &|step| {
                drawn.step(step).to_vec()
            });
            checked += 1;
        }
    });
    assert!(checked > 100, "only {checked} joints were compared");
}

#[test]
fn paths_after_an_unknown_end_are_the_later_steps_of_paths_from_the_last_known_value() {
    const HORIZON: usize = 5;
    law(|Specimen { name, model, .. }| {
        for (context, unknown) in [(&lanes()[0], 3), (&gapped_lanes()[1], 1)] {
            let mut ends_unknown = Lane { start: context.start, values: context.values.clone() };
            ends_unknown.values.extend(vec![f64::NAN; unknown]);
            let draw = |lane: &Lane, horizon: usize| {
                let what = Generation::sample(horizon, 7, 11);
                generate(&**model, &batch(std::slice::from_ref(lane)), &Covariates::none(), &what).expect("paths")
            };
            let (after, through) = (draw(&ends_unknown, HORIZON), draw(context, HORIZON + unknown));
            for step in 0..HORIZON {
                assert_eq!(after.step(step), through.step(step + unknown), "{name}, step {step}");
            }
        }
    });
}

/// The path on which every innovation of a component is zero, but for one of a standard deviation at step `shock`, in
/// data units.
fn steered_path(
    model: &dyn Autoregressive,
    context: &Lane,
    horizon: usize,
    (component, shock): (usize, Option<usize>),
) -> Vec<f64> {
    let mut session = begin(model, std::slice::from_ref(context));
    let steer = |step: usize| {
        let rows = next(model, &mut *session);
        let (row, innovation) = (rows.row(0), f64::from(u8::from(shock == Some(step))));
        let parameters = row.parameters();
        let [mean, sd] = if is_mixture(model) {
            [1, 2].map(|i| parameters[3 * component + i])
        } else {
            [parameters[0], parameters[1]]
        };
        let y = row.map().forward(mean + innovation * sd);
        session.observe(&[y]);
        y
    };
    (0..horizon).map(steer).collect()
}

#[test]
fn the_gaussian_joint_is_the_response_to_each_innovation() {
    const HORIZON: usize = 9;
    law(|Specimen { name, model, .. }| {
        for context in [&lanes()[0], &lanes()[3], &gapped_lanes()[1]] {
            let joint = begin(&**model, std::slice::from_ref(context)).gaussian_paths(&Covariates::none(), HORIZON);
            for (component, path) in joint.iter().flat_map(|lanes| lanes[0].iter().enumerate()) {
                for shock in [None, Some(0), Some(1), Some(5)] {
                    let steered = steered_path(&**model, context, HORIZON, (component, shock));
                    for (j, y) in steered.into_iter().enumerate() {
                        let effect = shock.filter(|&i| i <= j).map_or(0.0, |i| factor_at(&path.factor, j, i));
                        let (z, expected) = (path.maps[j].backward(y), path.mean[j] + effect);
                        let what = format!("{name}, component {component}, step {j}, {shock:?}");
                        assert!(is_close(z, expected, 1e-8), "{what}: {z}, not {expected}");
                    }
                }
            }
        }
    });
}

#[test]
fn the_joint_begins_with_the_next_conditional() {
    law(|Specimen { name, model, .. }| {
        let mut session = begin(&**model, &lanes());
        for x in [20.0, 22.5, 18.0] {
            let rows = next(&**model, &mut *session);
            let joint = session.gaussian_paths(&Covariates::none(), 2).unwrap_or_default();
            for (lane, paths) in joint.iter().enumerate() {
                let (row, y) = (rows.row(lane), 21.0 + lane as f64);
                let density = |path: &GaussianPath| {
                    let mut first = Predictive::new(Family::Gaussian, 1);
                    first.set(0, &[path.mean[0], path.factor.variances()[0].sqrt()], true);
                    first.set_map(0, path.maps[0]);
                    path.weight * first.row(0).log_prob(y).exp()
                };
                let (own, expected) = (row.log_prob(y).exp(), paths.iter().map(density).sum::<f64>());
                assert!((own / expected - 1.0).abs() < 1e-9, "{name}, lane {lane}: {own}, not {expected}");
            }
            session.observe(&[x, x + 1.0, x - 2.0, x + 3.0]);
        }
    });
}

/// Mean and covariance of a joint in link units, whatever the maps of its components.
struct Moments {
    mean: Vec<f64>,
    covariance: Vec<Vec<f64>>,
}

impl Moments {
    fn of(joint: &[GaussianPath]) -> Self {
        let steps = joint[0].mean.len();
        let units = |path: &GaussianPath, j: usize| path.maps[j].in_link_units();
        let mean_of = |path: &GaussianPath, j: usize| units(path, j).0 + units(path, j).1 * path.mean[j];
        let sum = |of: &dyn Fn(&GaussianPath) -> f64| joint.iter().map(|path| path.weight * of(path)).sum::<f64>();
        let mean: Vec<f64> = (0..steps).map(|j| sum(&|path| mean_of(path, j))).collect();
        let entry = |j: usize, k: usize| {
            sum(&|path| {
                let between = (mean_of(path, j) - mean[j]) * (mean_of(path, k) - mean[k]);
                between + units(path, j).1 * units(path, k).1 * covariance(path, j, k)
            })
        };
        let covariance = (0..steps).map(|j| (0..steps).map(|k| entry(j, k)).collect()).collect();
        Self { covariance, mean }
    }
}

/// Five standard errors for each of the moments of one joint.
fn check_joint(what: &str, joint: &[GaussianPath], drawn: &dyn Fn(usize) -> Vec<f64>) {
    let Moments { mean, covariance: expected } = Moments::of(joint);
    let link = joint[0].maps[0].link;
    let errors: Vec<Vec<f64>> =
        (0..mean.len()).map(|j| drawn(j).iter().map(|y| link.apply(*y) - mean[j]).collect()).collect();
    let n = errors[0].len() as f64;
    for path in joint {
        for (j, variance) in path.factor.variances().into_iter().enumerate() {
            assert!((covariance(path, j, j) - variance).abs() < 1e-9 * variance, "{what}, step {j}");
        }
    }
    for j in 0..errors.len() {
        let mean = moments(&errors[j]).0;
        assert!(mean.abs() < 5.0 * (expected[j][j] / n).sqrt(), "{what}, step {j}: the mean is off by {mean}");
        for k in 0..=j {
            let products: Vec<f64> = errors[j].iter().zip(&errors[k]).map(|(a, b)| a * b).collect();
            let (sampled, spread) = moments(&products);
            let (expected, bound) = (expected[j][k], 5.0 * (spread / n).sqrt());
            assert!((sampled - expected).abs() < bound, "{what}, steps {j} and {k}: {sampled}, not {expected}");
        }
    }
}

#[test]
fn exact_marginals_are_those_of_sampled_paths() {
    const PATHS: usize = 4000;
    let mut exact = 0;
    law(|Specimen { name, model, .. }| {
        for context in [&lanes()[0], &gapped_lanes()[1]] {
            let (context, none) = (batch(std::slice::from_ref(context)), Covariates::none());
            let ahead = forecast(&**model, &context, &none, ForecastOptions::new(6)).expect("a forecast");
            let drawn = generate(&**model, &context, &none, &Generation::sample(6, PATHS, 8)).expect("paths");
            exact += usize::from(ahead.paths().is_none());
            for step in 0..6 {
                for q in [0.02, 0.3, 0.5, 0.9, 0.99] {
                    let edge = ahead.quantile(step, q);
                    let below = drawn.step(step).iter().filter(|y| **y <= edge).count() as f64 / PATHS as f64;
                    // Five standard errors, of two samples where the forecast is sampled as well.
                    let bound = 5.0 * (q * (1.0 - q) * (1.0 / PATHS as f64 + 1.0 / 1000.0)).sqrt();
                    assert!((below - q).abs() < bound, "{name}, step {step}: {below} lie below quantile {q}");
                }
                // The tails of tokens have no fourth moment, so that a sample says nothing of the variance.
                if !is_of_tokens(&**model) {
                    check_moments(
                        &format!("{name}, step {step}"),
                        (ahead.mean(step), ahead.std_dev(step)),
                        &drawn,
                        step,
                    );
                }
            }
        }
    });
    assert!(exact > 100, "only {exact} forecasts were exact");
}

/// Mean and standard deviation in data units against those of paths. Sample moments of heavy tails say nothing.
fn check_moments(what: &str, (mean, sd): (f64, f64), drawn: &foretoken::generate::Paths, step: usize) {
    let y = drawn.step(step);
    let (n, (sampled, variance)) = (y.len() as f64, moments(y));
    let fourth = y.iter().map(|y| (y - sampled).powi(4)).sum::<f64>() / n;
    if sd >= mean || fourth > 20.0 * variance * variance {
        return;
    }
    let bound = 5.0 * (variance / n).sqrt();
    assert!((sampled - mean).abs() < bound, "{what}: mean {sampled}, not {mean}");
    let bound = 6.0 * ((fourth - variance * variance) / n).sqrt();
    assert!((variance - sd * sd).abs() < bound, "{what}: variance {variance}, not {}", sd * sd);
}

#[test]
fn a_path_depends_on_its_seed_and_number_alone() {
    let horizon = 5;
    law(|Specimen { name, model, .. }| {
        let lanes = lanes();
        let draw = |lanes: &[Lane], paths: usize, stream: u32| {
            let what = Generation { stream, ..Generation::sample(horizon, paths, 9) };
            generate(&**model, &batch(lanes), &Covariates::none(), &what).expect("paths")
        };
        let many = draw(&lanes, 6, 3);
        for (i, lane) in lanes.iter().enumerate() {
            for paths in [1, 4] {
                let alone = draw(std::slice::from_ref(lane), paths, 3 + i as u32);
                for path in 0..paths {
                    let (a, b): (Vec<f64>, Vec<f64>) = (alone.path(path).collect(), many.path(i * 6 + path).collect());
                    assert_eq!(a, b, "{name}, lane {i}, path {path} of {paths}");
                }
            }
        }
        // Equal pasts, unequal noise.
        let twins = draw(&[lanes[0].clone(), lanes[0].clone()], 2, 0);
        let starts: Vec<f64> = (0..4).map(|path| twins.path(path).next().expect("a value")).collect();
        let distinct = (0..4).all(|i| (0..i).all(|j| starts[i] != starts[j]));
        assert!(distinct, "{name}: paths share their noise: {starts:?}");
    });
}

#[test]
fn the_log_density_of_a_path_is_its_score() {
    law(|Specimen { name, model, .. }| {
        let (context, none) = (batch(&lanes()), Covariates::none());
        for decoding in [
            Decoding::Sample { temperature: 1.0 },
            Decoding::Nucleus { mass: 0.9, temperature: 1.1 },
            Decoding::Greedy,
            Decoding::Beam { width: 2 },
        ] {
            let what = Generation { decoding, ..Generation::sample(6, 1, 2) };
            let paths = generate(&**model, &context, &none, &what).expect("paths");
            let drawn: Vec<Vec<f64>> = (0..4).map(|lane| paths.path(lane).collect()).collect();
            let slices: Vec<&[f64]> = drawn.iter().map(Vec::as_slice).collect();
            let target = Batch::lanes_of(&slices, &context.ends());
            let scores = score::log_probs(&**model, &context, &target, &none).expect("scores");
            for (lane, reported) in paths.log_prob().iter().enumerate() {
                let scored: f64 = scores.iter().skip(lane).step_by(4).sum();
                let what = format!("{name}, {decoding:?}, lane {lane}");
                assert!(is_close(scored, *reported, 1e-9), "{what}: {scored}, not {reported}");
            }
        }
    });
}

/// The largest distance of an empirical distribution function from the uniform one, times the root of n.
fn kolmogorov_smirnov(mut u: Vec<f64>) -> f64 {
    u.sort_unstable_by(f64::total_cmp);
    let n = u.len() as f64;
    let distance = |(i, u): (usize, &f64)| (u - i as f64 / n).max((i + 1) as f64 / n - u);
    n.sqrt() * u.iter().enumerate().map(distance).fold(0.0, f64::max)
}

#[test]
fn probability_integral_transforms_are_uniform_and_independent_when_the_model_is_true() {
    /// Exceeded with probability 1e-4 (Kolmogorov's distribution) and by nothing with these seeds.
    const BOUND: f64 = 2.23;
    const STEPS: usize = 20;
    law(|Specimen { name, model, .. }| {
        let (context, none) = (batch(&lanes()[..1]), Covariates::none());
        let paths = generate(&**model, &context, &none, &Generation::sample(STEPS, 100, 17)).expect("paths");
        let (mut u, mut products) = (Vec::new(), 0.0);
        for path in 0..paths.lanes() {
            let target = Batch::single(&paths.path(path).collect::<Vec<_>>(), context.end(0));
            let rows = model.conditionals(&context, &target, &none).expect("conditionals");
            let own: Vec<f64> = target.values().iter().enumerate().map(|(t, &x)| rows.row(t).cdf(x)).collect();
            products += own.windows(2).map(|pair| 12.0 * (pair[0] - 0.5) * (pair[1] - 0.5)).sum::<f64>();
            u.extend(own);
        }
        let distance = kolmogorov_smirnov(u.clone());
        assert!(distance < BOUND, "{name}: not uniform, {distance}");
        let pairs = (u.len() - u.len() / STEPS) as f64;
        assert!(products.abs() < 4.0 * pairs.sqrt(), "{name}: not independent, {}", products / pairs);
    });
}

#[test]
fn the_uniformity_check_sees_a_spread_that_is_too_wide() {
    let mut rng = LaneRng::new(3, 0);
    let u: Vec<f64> = (0..2000).map(|_| rng.uniform()).collect();
    assert!(kolmogorov_smirnov(u.clone()) < 1.7);
    assert!(kolmogorov_smirnov(u.iter().map(|u| 0.5 + 0.8 * (u - 0.5)).collect()) > 2.23);
}
