//! What an autoregression may consist of, and its fit: [`LinearSpec`].

use std::borrow::Cow;

use super::ar::{Ar, ArParts, Form, Innovations, Start};
use super::order::{Order, OrderRow, select};
use super::terms::Terms;
use crate::data::series::{Covariate, Series};
use crate::error::{Error, Result};
use crate::math::autocovariance::mean;
use crate::model::transformed::Differences;
use crate::model::{Fit, Fitted, Parameter, Summary, too_short, training_likelihood};

/// How coefficients are estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimator {
    /// The Yule-Walker equations on sample autocovariances, by the Levinson-Durbin recursion: O(n p + p^2), and with
    /// the biased divisor always stationary.
    YuleWalker {
        /// Divide by n - k instead of n.
        adjusted: bool,
    },
    /// Least squares given the first p values of each series: the maximum of the conditional likelihood.
    /// O(n p + p^3).
    LeastSquares,
}

impl Estimator {
    /// What it is called in a description.
    fn describe(self) -> &'static str {
        match self {
            Self::YuleWalker { adjusted: false } => "Yule-Walker",
            Self::YuleWalker { adjusted: true } => "Yule-Walker (adjusted)",
            Self::LeastSquares => "least squares",
        }
    }
}

/// An autoregression of differences, with terms beside the lags: what [`ArSpec`](super::ArSpec) puts behind its transform.
///
/// ```
/// use foretoken::model::linear::{Estimator, LinearSpec, Order};
/// use foretoken::{Fit, Series};
///
/// // x_t = 1 + x_{t-1} / 2, exactly.
/// let x = vec![6.0, 4.0, 3.0, 2.5, 2.25, 2.125];
/// let spec = LinearSpec { order: Order::Fixed(1), estimator: Estimator::LeastSquares, ..LinearSpec::default() };
/// let ar = spec.fit(&[Series::new("", x)])?.model;
/// assert!((ar.coefficients()[0] - 0.5).abs() < 1e-12 && (ar.intercept() - 1.0).abs() < 1e-12);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinearSpec {
    /// The lags.
    pub order: Order,
    /// The estimator.
    pub estimator: Estimator,
    /// The terms beside the lags, of the differenced values.
    pub terms: Terms,
    /// The differences that are taken first, of values and covariates alike.
    pub differences: Differences,
}

impl Default for LinearSpec {
    fn default() -> Self {
        Self {
            order: Order::default(),
            estimator: Estimator::LeastSquares,
            terms: Terms::default(),
            differences: Differences::none(),
        }
    }
}

/// An estimate with its standard error, where there is one.
pub(super) type Estimated = (f64, Option<f64>);

/// What an estimator finds.
#[derive(Debug, Clone)]
pub(super) struct Estimate {
    /// b, in the order of the terms' names.
    pub(super) terms: Vec<Estimated>,
    pub(super) form: Form,
    /// phi_1..phi_p.
    pub(super) phi: Vec<Estimated>,
    pub(super) innovations: Innovations,
    pub(super) unbiased_variance: f64,
    pub(super) start: Start,
}

impl Fit for LinearSpec {
    type Model = Ar;

    fn fit(&self, train: &[Series]) -> Result<Fitted<Ar>> {
        self.terms.check()?;
        let train = &self.with_covariates(train)?[..];
        let differenced = self.differenced(train)?;
        self.check(&differenced)?;
        let (order, warnings) = self.choose_order(&differenced)?;
        let mut estimate = match self.estimator {
            Estimator::YuleWalker { adjusted } => self.yule_walker(&differenced, order, adjusted)?,
            Estimator::LeastSquares => self.least_squares(&differenced, order)?,
        };
        // An innovation of rounding size is none: the series is predictable to the last digit.
        let known = differenced.iter().flat_map(Series::values).filter(|x| !x.is_nan());
        let scale = known.fold(0.0_f64, |a, x| a.max(x.abs()));
        if estimate.innovations.scale() <= 1e-12 * scale {
            estimate.innovations = Innovations::Gaussian { sd: 0.0 };
        }
        let model = Ar::from_parts(ArParts {
            phi: estimate.phi.iter().map(|phi| phi.0).collect(),
            differences: self.differences.clone(),
            terms: self.terms.clone(),
            coefficients: estimate.terms.iter().map(|b| b.0).collect(),
            form: estimate.form,
            innovations: estimate.innovations,
            start: estimate.start,
            origin: self.origin(train),
        });
        let summary = self.summary(&model, &estimate, train, warnings)?;
        Ok(Fitted { model, summary })
    }
}

/// The values of every series.
pub(super) fn values(train: &[Series]) -> impl Iterator<Item = &[f64]> + Clone {
    train.iter().map(Series::values)
}

/// Whether all known values are the same.
pub(super) fn is_constant(train: &[Series]) -> bool {
    let mut known = values(train).flatten().filter(|x| !x.is_nan());
    let first = known.next();
    known.all(|x| Some(x) == first)
}

impl LinearSpec {
    /// The criteria of every order up to a maximum on a common sample, for tables.
    ///
    /// # Errors
    /// If the series are too short for one lag.
    pub fn order_table(&self, train: &[Series], max: usize) -> Result<Vec<OrderRow>> {
        let differenced = self.differenced(&self.with_covariates(train)?)?;
        self.check(&differenced)?;
        self.orders(&differenced, max)
    }

    fn orders(&self, differenced: &[Series], max: usize) -> Result<Vec<OrderRow>> {
        match self.estimator {
            Estimator::YuleWalker { adjusted } => self.yule_walker_orders(differenced, max, adjusted),
            Estimator::LeastSquares => self.least_squares_orders(differenced, max),
        }
    }

    /// The series with the covariates of the model and no others.
    fn with_covariates<'a>(&self, train: &'a [Series]) -> Result<Cow<'a, [Series]>> {
        let names = &self.terms.covariates;
        let is_own = |series: &Series| series.covariates().iter().map(|covariate| &covariate.name).eq(names);
        if names.is_empty() && train.iter().all(is_own) {
            return Ok(Cow::Borrowed(train));
        }
        train.iter().map(|series| series.select_covariates(names)).collect::<Result<Vec<_>>>().map(Cow::Owned)
    }

    /// The series that the lags are of: differenced values, with the covariates of the model differenced alike.
    fn differenced(&self, train: &[Series]) -> Result<Vec<Series>> {
        let order = self.differences.order();
        let of = |series: &Series| {
            if series.len() <= order && order > 0 {
                return Err(too_short("a model of differences", series.len(), order + 1));
            }
            let difference = |covariate: &Covariate| Covariate {
                name: covariate.name.clone(),
                values: self.differences.apply(&covariate.values[..series.len()]),
            };
            let covariates = series.covariates().iter().map(difference).collect();
            Ok(Series::new(series.id(), self.differences.apply(series.values())).with_covariates(covariates))
        };
        train.iter().map(of).collect()
    }

    /// The first values, which stand in for those before them: as many as the differences look back on, or their mean.
    fn origin(&self, train: &[Series]) -> Vec<f64> {
        let order = self.differences.order();
        if order == 0 {
            return vec![mean(values(train))];
        }
        let x = train.first().map_or(&[][..], Series::values);
        let known_from = |t: usize| x[t..].iter().copied().find(|x| !x.is_nan()).unwrap_or(0.0);
        (0..order).map(known_from).collect()
    }

    fn check(&self, differenced: &[Series]) -> Result<()> {
        let longest = differenced.iter().map(Series::len).max().unwrap_or(0);
        let known = values(differenced).flatten().filter(|x| !x.is_nan()).count();
        if let Some(infinite) = values(differenced).flatten().find(|x| x.is_infinite()) {
            return Err(Error::data(format!("the value {infinite} cannot be fitted")).expected("finite values"));
        }
        let need = self.terms.width() + 2;
        if known < need {
            return Err(too_short("an autoregression", known, need));
        }
        if let Order::Fixed(p) = self.order
            && 2 * p >= longest
        {
            return Err(Error::usage(format!("order {p} is too large for {longest} values"))
                .expected(format!("an order of at most {}", longest.saturating_sub(1) / 2))
                .hint("lower --order, or leave it to --order auto"));
        }
        Ok(())
    }

    /// The order, and what there is to say about it.
    fn choose_order(&self, differenced: &[Series]) -> Result<(usize, Vec<String>)> {
        let (max, criterion) = match self.order {
            Order::Fixed(p) => return Ok((p, Vec::new())),
            Order::Auto { max, criterion } => (max, criterion),
        };
        let longest = differenced.iter().map(Series::len).max().unwrap_or(0);
        let limit = longest.saturating_sub(1) / 2;
        let wanted = max.unwrap_or_else(|| super::default_max_order(longest, 0));
        let mut warnings = Vec::new();
        if wanted > limit {
            warnings.push(format!("orders up to {limit} were tried, not {wanted}: half of {longest} values"));
        }
        let table = self.orders(differenced, wanted.min(limit))?;
        Ok((select(&table, criterion), warnings))
    }

    fn summary(&self, model: &Ar, estimate: &Estimate, train: &[Series], mut warnings: Vec<String>) -> Result<Summary> {
        let parameter =
            |(name, &(value, standard_error)): (String, &Estimated)| Parameter { name, value, standard_error };
        let mut names = self.terms.names();
        if estimate.form == Form::Mean && self.terms.has_intercept() {
            "mean".clone_into(&mut names[0]);
        }
        let lags = (1..=estimate.phi.len()).map(|lag| format!("phi_{lag}"));
        let parameters = names.into_iter().zip(&estimate.terms).chain(lags.zip(&estimate.phi)).map(parameter).collect();
        let is_exact = model.innovation_sd() == 0.0;
        if is_exact {
            let what = if is_constant(train) { "no variation" } else { "the past determines every value" };
            warnings.push(format!("{what}: the forecast has no spread"));
        }
        let (log_likelihood, observations) = training_likelihood(model, train)?;
        Ok(Summary {
            name: "AR".to_owned(),
            description: self.describe(estimate.phi.len()),
            preprocessing: Vec::new(),
            parameters,
            innovation_variance: model.innovations().variance(),
            innovation_variance_unbiased: if is_exact { 0.0 } else { estimate.unbiased_variance },
            log_likelihood: if is_exact { f64::NAN } else { log_likelihood },
            observations,
            warnings,
        })
    }

    /// One line on what was fitted: order, terms, estimator.
    fn describe(&self, order: usize) -> String {
        let trend = match self.terms.trend {
            super::Trend::None => " without intercept",
            super::Trend::Constant => "",
            super::Trend::ConstantTrend => " with trend",
        };
        format!("AR({order}){trend} by {}", self.estimator.describe())
    }
}
