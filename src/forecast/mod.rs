//! Forecasts are distributions: the marginal p(x_{t+h} | x_<=t) of every step ahead, exact or from sample paths.
//!
//! Where the joint of the next h values is Gaussian before the outer map, marginals come in closed form from the
//! moving-average weights of the innovations: Var = sum of psi_j^2, O(h) per series (Box, Jenkins, Reinsel and Ljung
//! 2015, section 5.1). Where it is a mixture of such paths, as that of an average of models, the marginals are mixtures
//! with the same weights. Everywhere else, and on request, they are those of sampled paths. Around Student's t innovations of
//! a linear model the mean and the standard deviation are exact all the same, by the same weights, and so is everything about
//! the first step ahead, which is the conditional itself; only the quantiles of later steps are those of paths.
//!
//! Values that are missing at the end of the context are forecast along, so that spreads count from the last known value. A
//! gap further back is integrated out exactly by Gaussian autoregressions and averages of them, whatever estimated them:
//! until as many known values have followed as the model looks back on, the spread is wider. Other models, and differences
//! that a [`Transform`](crate::model::transformed::Transform) takes, bridge it by conditional means (see
//! [`crate::model::Session::observe`]): there the spread is that of known lags, and too narrow.
//!
//! A marginal is not the joint: quantiles of a sum over the horizon (a year's total) need [`Forecast::paths`]. Parameter
//! uncertainty is not part of the intervals, as in R's `predict.Arima`, unless the model holds it
//! ([`with_parameter_uncertainty`](crate::model::linear::with_parameter_uncertainty)).

pub mod vector;

use crate::data::batch::{Batch, Covariates};
use crate::error::{Error, Result};
use crate::generate::gaussian::{have_one_link, mixed};
use crate::generate::{Decoding, Generation, Paths, generate};
use crate::model::{Autoregressive, GaussianPath, Moments};
use crate::predictive::{Family, Link, Predictive};

/// The most steps a forecast may have: far beyond any use, and short of exhausting memory.
pub const MAX_HORIZON: usize = 1_000_000;

/// How many paths stand for a distribution that has no closed form.
pub const DEFAULT_PATHS: usize = 1_000;

/// What to forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForecastOptions {
    /// How many steps ahead.
    pub horizon: usize,
    /// Sample this many paths instead of exact marginals.
    pub paths: Option<usize>,
    /// Marginals of paths whose values are chosen so, instead of the model's own. A deterministic decoding has one path
    /// and no spread.
    pub decoding: Option<Decoding>,
    /// Sample paths in mirrored pairs, whose errors cancel in means.
    pub antithetic: bool,
    /// The seed of sampling.
    pub seed: u64,
    /// The number of the series in its panel, so that series do not share their noise.
    pub stream: u32,
}

impl ForecastOptions {
    /// Exact where possible.
    #[must_use]
    pub fn new(horizon: usize) -> Self {
        Self { horizon, paths: None, decoding: None, antithetic: false, seed: 0, stream: 0 }
    }
}

/// The distribution of the next h values of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    marginals: Marginals,
}

#[derive(Debug, Clone, PartialEq)]
enum Marginals {
    Exact(Predictive),
    /// The paths, every step's values in ascending order, and what is known beside them.
    Sampled {
        paths: Paths,
        sorted: Vec<Vec<f64>>,
        exact: Option<Known>,
    },
}

/// What is known exactly of marginals whose quantiles are sampled.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    moments: KnownMoments,
    /// The first step, where the last value of the context is known.
    first: Option<Predictive>,
}

#[derive(Debug, Clone, PartialEq)]
enum KnownMoments {
    Finite(Vec<Moments>),
    /// There is no mean: tails of a power behind an exponential.
    Infinite,
}

/// Forecasts one series from its whole context. `known` starts at the first step of the context, and where there are
/// covariates it must reach over the horizon.
///
/// ```
/// use foretoken::forecast::{ForecastOptions, forecast};
/// use foretoken::model::naive::Naive;
/// use foretoken::{Batch, Covariates, Fit, Series};
///
/// let x = vec![5.0, 7.0, 6.0, 8.0, 7.0, 9.0];
/// let walk = Naive::RandomWalk { drift: false }.fit(&[Series::new("", x.clone())])?;
/// let ahead = forecast(&walk.model, &Batch::single(&x, 0), &Covariates::none(), ForecastOptions::new(4))?;
/// let (lo, hi) = ahead.interval(3, 0.95);
/// let sigma = walk.summary.innovation_variance.sqrt();
/// assert!((hi - lo - 2.0 * 1.959963984540054 * 2.0 * sigma).abs() < 1e-12); // four steps: twice the spread
/// # Ok::<(), foretoken::Error>(())
/// ```
///
/// # Errors
/// If the horizon is 0 or above [`MAX_HORIZON`], covariates are not known over it, the model cannot read the context, or a forecast is not finite.
///
/// # Panics
/// If the context has more than one lane.
pub fn forecast(
    model: &dyn Autoregressive,
    context: &Batch,
    known: &Covariates,
    options: ForecastOptions,
) -> Result<Forecast> {
    assert_eq!(context.lanes(), 1, "one forecast is of one series");
    check_horizon(options.horizon)?;
    known.check_reach(context.steps() + options.horizon)?;
    let mut exact = None;
    if options.paths.is_none() && options.decoding.is_none() {
        // Values that are missing at the end are forecast as well, so that the spread counts from the last known one.
        let unknown = context.unknown_end();
        let read = context.before(context.steps() - unknown);
        let mut session = model.begin(&read, known)?;
        let ahead = known.after(read.steps());
        let joint = session.gaussian_paths(&ahead, unknown + options.horizon);
        if let Some(paths) = joint.as_ref().and_then(|lanes| lanes.first()).filter(|paths| have_one_link(paths)) {
            return Forecast::exact(paths, unknown);
        }
        let moments = match session.moments(&ahead, unknown + options.horizon) {
            Some(mut lanes) => Some(KnownMoments::Finite(lanes.swap_remove(0).split_off(unknown))),
            None if has_power_tails(&model.family()) && model.link() != Link::Identity => Some(KnownMoments::Infinite),
            None => None,
        };
        exact = moments.map(|moments| {
            let mut row = Predictive::new(model.family(), 1);
            session.conditional(ahead.row(0), &mut row);
            Known { moments, first: (unknown == 0).then_some(row) }
        });
    }
    let paths = options.paths.unwrap_or(DEFAULT_PATHS);
    if paths == 0 {
        return Err(no_paths());
    }
    let sample = Generation::sample(options.horizon, paths, options.seed);
    let what = Generation {
        decoding: options.decoding.unwrap_or(sample.decoding),
        antithetic: options.antithetic,
        stream: options.stream,
        ..sample
    };
    Forecast::sampled(generate(model, context, known, &what)?).with(exact)
}

/// Whether nothing has a mean behind an exponential.
fn has_power_tails(family: &Family) -> bool {
    matches!(family, Family::StudentT | Family::StudentTMixture { .. })
}

fn no_paths() -> Error {
    Error::usage("no forecast can be drawn from 0 sample paths").expected("--paths 1 or more")
}

fn check_horizon(horizon: usize) -> Result<()> {
    if (1..=MAX_HORIZON).contains(&horizon) {
        return Ok(());
    }
    Err(Error::usage(format!("a horizon of {horizon} steps cannot be forecast"))
        .expected(format!("--horizon between 1 and {MAX_HORIZON}")))
}

/// The marginals of one component of a joint after its first `skip` steps.
fn marginals_of(path: &GaussianPath, skip: usize) -> Predictive {
    let mut marginals = Predictive::new(Family::Gaussian, path.mean.len() - skip);
    let steps = path.mean.iter().zip(path.factor.variances()).zip(&path.maps).skip(skip);
    for (step, ((mean, variance), map)) in steps.enumerate() {
        marginals.set(step, &[*mean, variance.sqrt()], true);
        marginals.set_map(step, *map);
    }
    marginals
}

impl Forecast {
    /// The marginals of a joint after its first `skip` steps.
    fn exact(paths: &[GaussianPath], skip: usize) -> Result<Self> {
        let components: Vec<Predictive> = paths.iter().map(|path| marginals_of(path, skip)).collect();
        for step in 0..components[0].rows() {
            let is_finite = |rows: &Predictive| {
                let row = rows.row(step);
                row.mean().is_finite() && row.parameters().iter().all(|parameter| parameter.is_finite())
            };
            if !components.iter().all(is_finite) {
                return Err(not_finite(step));
            }
        }
        let weights: Vec<f64> = paths.iter().map(|path| path.weight).collect();
        Ok(Self { marginals: Marginals::Exact(mixed(&weights, components)) })
    }

    fn sampled(paths: Paths) -> Self {
        let sorted = (0..paths.horizon())
            .map(|step| {
                let mut values = paths.step(step).to_vec();
                values.sort_unstable_by(f64::total_cmp);
                values
            })
            .collect();
        Self { marginals: Marginals::Sampled { paths, sorted, exact: None } }
    }

    /// Sampled, with what is known beside the paths.
    fn with(mut self, known: Option<Known>) -> Result<Self> {
        if let Some(KnownMoments::Finite(steps)) = known.as_ref().map(|known| &known.moments) {
            let is_finite = |moments: &Moments| moments.mean.is_finite() && !moments.variance.is_nan();
            if let Some(step) = steps.iter().position(|moments| !is_finite(moments)) {
                return Err(not_finite(step));
            }
        }
        if let Marginals::Sampled { exact, .. } = &mut self.marginals {
            *exact = known;
        }
        Ok(self)
    }

    /// The number of steps.
    #[must_use]
    pub fn horizon(&self) -> usize {
        match &self.marginals {
            Marginals::Exact(rows) => rows.rows(),
            Marginals::Sampled { paths, .. } => paths.horizon(),
        }
    }

    /// The mean of a step (0 is the first step ahead); the median where the mean is infinite.
    #[must_use]
    pub fn mean(&self, step: usize) -> f64 {
        match &self.marginals {
            Marginals::Exact(rows) => rows.row(step).mean(),
            Marginals::Sampled { exact: Some(known), .. } => match &known.moments {
                KnownMoments::Finite(steps) => steps[step].mean,
                KnownMoments::Infinite => self.median(step),
            },
            Marginals::Sampled { paths, .. } => paths.step(step).iter().sum::<f64>() / paths.lanes() as f64,
        }
    }

    /// The standard deviation of a step; infinite where there is none.
    #[must_use]
    pub fn std_dev(&self, step: usize) -> f64 {
        match &self.marginals {
            Marginals::Exact(rows) => rows.row(step).std_dev(),
            Marginals::Sampled { exact: Some(known), .. } => match &known.moments {
                KnownMoments::Finite(steps) => steps[step].variance.sqrt(),
                KnownMoments::Infinite => f64::INFINITY,
            },
            Marginals::Sampled { paths, .. } => {
                let mean = self.mean(step);
                let squares: f64 = paths.step(step).iter().map(|x| (x - mean).powi(2)).sum();
                (squares / paths.lanes() as f64).sqrt()
            }
        }
    }

    /// The quantile of a step at a quantile level in (0, 1). Of sampled paths: linear interpolation between order
    /// statistics (Hyndman and Fan 1996, type 7, the default of R and NumPy).
    #[must_use]
    pub fn quantile(&self, step: usize, level: f64) -> f64 {
        match &self.marginals {
            Marginals::Exact(rows) => rows.row(step).quantile(level),
            Marginals::Sampled { exact: Some(Known { first: Some(first), .. }), .. } if step == 0 => {
                first.row(0).quantile(level)
            }
            Marginals::Sampled { sorted, .. } => interpolated_quantile(&sorted[step], level),
        }
    }

    /// The median of a step.
    #[must_use]
    pub fn median(&self, step: usize) -> f64 {
        self.quantile(step, 0.5)
    }

    /// The central interval of a step that covers a share `level` of the mass: quantiles, never mean plus or minus.
    #[must_use]
    pub fn interval(&self, step: usize, level: f64) -> (f64, f64) {
        let tail = 0.5 * (1.0 - level);
        (self.quantile(step, tail), self.quantile(step, 1.0 - tail))
    }

    /// The sampled paths, where there are any.
    #[must_use]
    pub fn paths(&self) -> Option<&Paths> {
        match &self.marginals {
            Marginals::Exact(_) => None,
            Marginals::Sampled { paths, .. } => Some(paths),
        }
    }
}

/// The quantile of sorted values, linear between order statistics.
pub(crate) fn interpolated_quantile(sorted: &[f64], level: f64) -> f64 {
    let position = level.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

fn not_finite(step: usize) -> Error {
    Error::numeric(format!("the forecast leaves the range of numbers at step {}", step + 1))
        .expected("a model that does not explode")
        .hint(
            "use a shorter --horizon, --transform none, another --seed or --head of a network, or for ar \
               --estimator yule-walker, which is always stationary",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::linear::{Ar, ArParts, Innovations};
    use crate::model::transformed::{Differences, Seasonal, Transform, Transformed};

    /// Student's t innovations: the closed form of the mean and the spread, and the conditional at the first step.
    #[test]
    fn a_linear_model_around_student_t_has_exact_means_and_spreads() {
        let (scale, dof) = (2.0, 5.0);
        let innovations = Innovations::StudentT { scale, dof };
        let model = Ar::from_parts(ArParts { innovations, ..Ar::new(1.0, 0.0, vec![0.6, 0.2], 1.0, 5.0).parts() });
        let x = [4.0, 7.0, 5.0];
        let ahead = |x: &[f64], options| {
            forecast(&model, &Batch::single(x, 0), &Covariates::none(), options).expect("a forecast")
        };
        let own = ahead(&x, ForecastOptions::new(2));
        let first = 1.0 + 0.6 * 5.0 + 0.2 * 7.0;
        let second = 1.0 + 0.6 * first + 0.2 * 5.0;
        let variance = scale * scale * dof / (dof - 2.0);
        let is = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        is(own.mean(0), first);
        is(own.mean(1), second);
        is(own.std_dev(0), variance.sqrt());
        is(own.std_dev(1), (variance * 1.36).sqrt());
        let (lo, hi) = own.interval(0, 0.8);
        let half = scale * crate::math::special::student_t_quantile(0.9, dof);
        is(lo, first - half);
        is(hi, first + half);
        // A value that is missing at the end is forecast along.
        let later = ahead(&[4.0, 7.0, 5.0, f64::NAN], ForecastOptions::new(1));
        is(later.mean(0), second);
        is(later.std_dev(0), own.std_dev(1));
        // Behind an exponential there is no mean, and the median of the first step is that of its conditional.
        let transform = Transform::new(Seasonal::None, Link::Log, Differences::none()).expect("a transform");
        let log = Transformed::from_parts(model.clone(), transform, Vec::new());
        let own =
            forecast(&log, &Batch::single(&x, 0), &Covariates::none(), ForecastOptions::new(2)).expect("a forecast");
        let first: f64 = 1.0 + 0.6 * x[2].ln() + 0.2 * x[1].ln();
        is(own.mean(0), first.exp());
        assert!(own.mean(1) == own.median(1) && own.std_dev(0).is_infinite());
        // On request everything is that of paths.
        let sampled = ahead(&x, ForecastOptions { paths: Some(50), ..ForecastOptions::new(2) });
        assert!((sampled.mean(0) - first).abs() > 1e-6);
    }
}
