//! Forecasts are distributions: the marginal p(x_{t+h} | x_<=t) of every step ahead, exact or from sample paths.
//!
//! Where the joint of the next h values is Gaussian before the outer map, marginals come in closed form from the
//! moving-average weights of the innovations: Var = sum of psi_j^2, O(h) per series (Box, Jenkins, Reinsel and Ljung
//! 2015, section 5.1). Where it is a mixture of such paths, as that of an average of models, the marginals are mixtures
//! with the same weights. Everywhere else, and on request, they are those of sampled paths.
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
use crate::model::{Autoregressive, GaussianPath};
use crate::predictive::{Family, Predictive};

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
    /// The paths, and every step's values in ascending order.
    Sampled {
        paths: Paths,
        sorted: Vec<Vec<f64>>,
    },
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
    if options.paths.is_none() && options.decoding.is_none() {
        // Values that are missing at the end are forecast as well, so that the spread counts from the last known one.
        let unknown = context.unknown_end();
        let read = context.before(context.steps() - unknown);
        let session = model.begin(&read, known)?;
        let joint = session.gaussian_paths(&known.after(read.steps()), unknown + options.horizon);
        if let Some(paths) = joint.as_ref().and_then(|lanes| lanes.first()).filter(|paths| have_one_link(paths)) {
            return Forecast::exact(paths, unknown);
        }
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
    Ok(Forecast::sampled(generate(model, context, known, &what)?))
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
        Self { marginals: Marginals::Sampled { paths, sorted } }
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
            Marginals::Sampled { paths, .. } => paths.step(step).iter().sum::<f64>() / paths.lanes() as f64,
        }
    }

    /// The standard deviation of a step.
    #[must_use]
    pub fn std_dev(&self, step: usize) -> f64 {
        match &self.marginals {
            Marginals::Exact(rows) => rows.row(step).std_dev(),
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

fn interpolated_quantile(sorted: &[f64], level: f64) -> f64 {
    let position = level.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

fn not_finite(step: usize) -> Error {
    Error::numeric(format!("the forecast leaves the range of numbers at step {}", step + 1))
        .expected("a model that does not explode")
        .hint("use a shorter --horizon, --transform none, or --estimator yule-walker, which is always stationary")
}
