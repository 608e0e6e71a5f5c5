//! What an autoregression may consist of, and its fit: [`LinearSpec`].

use std::borrow::Cow;

use super::ar::{Ar, ArParts, Form, Innovations, Start};
use super::order::{Order, OrderRow, select};
use super::recursive::Recursion;
use super::terms::Terms;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::autocovariance::mean;
use crate::model::transformed::Differences;
use crate::model::{Fit, Fitted, Parameter, Summary, check_size, too_short, training_likelihood};

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
    /// Burg's recursion: each reflection minimises the forward and backward errors of its order. O(n p), always
    /// stationary.
    Burg {
        /// Which innovation variance stands in the density.
        variance: BurgVariance,
    },
    /// The exact Gaussian likelihood of all known values, gaps integrated out.
    Exact,
    /// Student's t innovations by maximum likelihood, given the first p values.
    Robust,
    /// Recursive least squares: the coefficients after the last row, with older rows forgotten geometrically.
    Recursive {
        /// The weight of a row relative to that of the next, in (0, 1].
        forgetting: f64,
    },
}

/// The two innovation variances that go with Burg's coefficients: R's `ar.burg(var.method = 1)` and `2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BurgVariance {
    /// Levinson's recursion from the variance of the values: v_k = v_{k-1} (1 - r_k^2).
    #[default]
    Levinson,
    /// The mean of the squared forward and backward errors of the last order.
    Errors,
}

impl Estimator {
    /// What it is called in a description.
    fn describe(self) -> &'static str {
        match self {
            Self::YuleWalker { adjusted: false } => "Yule-Walker",
            Self::YuleWalker { adjusted: true } => "Yule-Walker (adjusted)",
            Self::LeastSquares => "least squares",
            Self::Burg { .. } => "Burg",
            Self::Exact => "exact maximum likelihood",
            Self::Robust => "robust maximum likelihood",
            Self::Recursive { .. } => "recursive least squares",
        }
    }
}

/// How the covariance of least squares coefficients is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CovarianceKind {
    /// sigma^2 (X'X)^-1: errors of one variance.
    #[default]
    Classical,
    /// Heteroskedasticity-robust (White 1980), HC1.
    Heteroskedastic,
    /// Heteroskedasticity- and autocorrelation-consistent (Newey and West 1987) with this many lags; by length where it
    /// is not given.
    Autocorrelated {
        /// The lags of the Bartlett kernel.
        lags: Option<usize>,
    },
}

/// A penalty on the least squares coefficients of lags and covariates, with s_j the standard deviation of column j. Terms
/// of time alone go free: intercept, trend, dummies and waves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Penalty {
    /// Minimises RSS + lambda sum (s_j b_j)^2, as `MASS::lm.ridge`, and scikit-learn's `Ridge` behind a
    /// `StandardScaler`.
    Ridge {
        /// lambda; chosen on rolling origins where it is not given.
        strength: Option<f64>,
    },
    /// Minimises RSS / (2 n s_y^2) + lambda (l1 sum |s_j b_j / s_y| + (1 - l1) / 2 sum (s_j b_j / s_y)^2) over n rows with a
    /// response of deviation s_y: LASSO for l1 = 1. The convention of scikit-learn's `ElasticNet` for a standardised
    /// response: lambda has no units, and LASSO drops everything from 1 on.
    #[cfg(feature = "linfa")]
    ElasticNet {
        /// lambda; chosen on rolling origins where it is not given.
        strength: Option<f64>,
        /// The share of the absolute values.
        l1_ratio: f64,
    },
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
    /// P and m of Phi(B^m): the lags are those of phi(B) Phi(B^m). Exact likelihood only.
    pub seasonal: Option<SeasonalLags>,
    /// A penalty on least squares coefficients.
    pub penalty: Option<Penalty>,
    /// How standard errors of least squares are estimated.
    pub covariance: CovarianceKind,
}

/// The seasonal factor Phi(B^m) = 1 - Phi_1 B^m - .. - Phi_P B^{Pm} of a multiplicative autoregression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeasonalLags {
    /// P.
    pub order: usize,
    /// m.
    pub period: usize,
}

impl Default for LinearSpec {
    fn default() -> Self {
        Self {
            order: Order::default(),
            estimator: Estimator::LeastSquares,
            terms: Terms::default(),
            differences: Differences::none(),
            seasonal: None,
            penalty: None,
            covariance: CovarianceKind::Classical,
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
    /// The lags of `phi`, ascending.
    pub(super) lags: Vec<usize>,
    /// phi at its lags.
    pub(super) phi: Vec<Estimated>,
    /// Phi_1..Phi_P.
    pub(super) seasonal_phi: Vec<Estimated>,
    pub(super) innovations: Innovations,
    pub(super) unbiased_variance: f64,
    pub(super) start: Start,
    /// The covariance of (terms, phi, Phi), where it is estimated.
    pub(super) covariance: Option<Vec<Vec<f64>>>,
    pub(super) converged: bool,
    pub(super) warnings: Vec<String>,
    /// What goes on over new values.
    pub(super) recursion: Option<Recursion>,
}

impl Estimate {
    /// What conditional estimation finds: terms beside the lags, the first values given, no covariance yet.
    pub(super) fn given(
        (terms, phi): (Vec<Estimated>, Vec<Estimated>),
        lags: &[usize],
        (innovations, unbiased_variance): (Innovations, f64),
    ) -> Self {
        Self {
            terms,
            form: Form::Equation,
            lags: lags.to_vec(),
            phi,
            seasonal_phi: Vec::new(),
            innovations,
            unbiased_variance,
            start: Start::Given,
            covariance: None,
            converged: true,
            warnings: Vec::new(),
            recursion: None,
        }
    }

    /// phi(B) Phi(B^m) multiplied out: the coefficients of lags 1, 2, ..
    fn expanded(&self, seasonal: Option<SeasonalLags>) -> Vec<f64> {
        let values = |estimated: &[Estimated]| estimated.iter().map(|phi| phi.0).collect::<Vec<_>>();
        multiplied_out(&self.lags, &values(&self.phi), seasonal, &values(&self.seasonal_phi))
    }
}

/// phi(B) Phi(B^m) multiplied out: the coefficients of lags 1, 2, .. of phi at its lags and Phi_1..Phi_P.
pub(super) fn multiplied_out(
    lags: &[usize],
    at_lags: &[f64],
    seasonal: Option<SeasonalLags>,
    seasonal_phi: &[f64],
) -> Vec<f64> {
    let mut phi = vec![0.0; lags.last().copied().unwrap_or(0)];
    lags.iter().zip(at_lags).for_each(|(lag, at_lag)| phi[lag - 1] = *at_lag);
    let Some(SeasonalLags { order, period }) = seasonal else { return phi };
    let mut product = phi.clone();
    product.resize(phi.len() + order * period, 0.0);
    for (number, seasonal) in (1..).zip(seasonal_phi) {
        product[number * period - 1] += seasonal;
        (0..phi.len()).for_each(|i| product[number * period + i] -= seasonal * phi[i]);
    }
    product
}

impl Fit for LinearSpec {
    type Model = Ar;

    fn fit(&self, train: &[Series]) -> Result<Fitted<Ar>> {
        self.terms.check()?;
        check_size(train)?;
        let train = &self.with_covariates(train)?[..];
        let differenced = self.differenced(train)?;
        self.check(train, &differenced)?;
        let (lags, warnings) = self.choose_lags(train, &differenced)?;
        let spec = &*self.with_chosen_penalty(&differenced, &lags.list())?;
        let mut estimate = spec.estimate(train, &differenced, lags)?;
        // An innovation of rounding size is none: the series is predictable to the last digit.
        let known = differenced.iter().flat_map(Series::values).filter(|x| !x.is_nan());
        let scale = known.fold(0.0_f64, |a, x| a.max(x.abs()));
        if estimate.innovations.scale() <= 1e-12 * scale {
            estimate.innovations = Innovations::Gaussian { sd: 0.0 };
        }
        let model = Ar::from_parts(ArParts {
            phi: estimate.expanded(self.seasonal),
            differences: self.differences.clone(),
            terms: self.terms.clone(),
            coefficients: estimate.terms.iter().map(|b| b.0).collect(),
            form: estimate.form,
            innovations: estimate.innovations,
            start: estimate.start,
            origin: self.origin(train),
        })
        .with_recursion(estimate.recursion.take());
        let summary = spec.summary(&model, &estimate, train, warnings)?;
        Ok(Fitted { model, summary })
    }
}

/// The values of every series.
pub(super) fn values(train: &[Series]) -> impl Iterator<Item = &[f64]> + Clone {
    train.iter().map(Series::values)
}

/// Whether there are known values and all are the same.
pub(super) fn is_constant(train: &[Series]) -> bool {
    let mut known = values(train).flatten().filter(|x| !x.is_nan());
    let first = known.next();
    first.is_some() && known.all(|x| Some(x) == first)
}

impl LinearSpec {
    /// The criteria of every order up to a maximum on a common sample, for tables.
    ///
    /// # Errors
    /// If the series are too short for one lag.
    pub fn order_table(&self, train: &[Series], max: usize) -> Result<Vec<OrderRow>> {
        let train = self.with_covariates(train)?;
        let differenced = self.differenced(&train)?;
        self.check(&train, &differenced)?;
        self.orders(&train, &differenced, max)
    }

    /// The criteria of all orders from one pass. Those of iterative estimators are chosen by the closed form that is
    /// nearest: Burg's for the exact likelihood, least squares' for the others. Where missing values leave Burg no runs
    /// for the largest order, the exact likelihood of every order is maximised instead.
    fn orders(&self, train: &[Series], differenced: &[Series], max: usize) -> Result<Vec<OrderRow>> {
        match self.estimator {
            Estimator::YuleWalker { adjusted } => self.yule_walker_orders(differenced, max, adjusted),
            Estimator::Burg { variance } => self.burg_orders(differenced, max, variance),
            Estimator::Exact => {
                let nearest = self.burg_orders(differenced, max, BurgVariance::Levinson)?;
                if nearest.len() > max { Ok(nearest) } else { self.exact_orders(train, differenced, max) }
            }
            Estimator::LeastSquares | Estimator::Robust | Estimator::Recursive { .. } => {
                self.least_squares_orders(differenced, max)
            }
        }
    }

    /// The estimate with chosen lags; `train` has the series before their differences.
    fn estimate(&self, train: &[Series], differenced: &[Series], lags: ChosenLags) -> Result<Estimate> {
        let all = match &lags {
            ChosenLags::All(order) => Some(*order),
            ChosenLags::Some(_) => None,
        };
        if let Some(penalty) = self.penalty {
            return self.penalised(differenced, &lags.list(), penalty);
        }
        match (self.estimator, all) {
            (Estimator::Exact, _) => self.exact(train, differenced, &lags.list()),
            (Estimator::Robust, _) => self.robust(train, differenced, &lags.list()),
            (Estimator::Recursive { forgetting }, _) => self.recursive(differenced, &lags.list(), forgetting),
            (Estimator::YuleWalker { adjusted }, Some(order)) => self.yule_walker(differenced, order, adjusted),
            (Estimator::Burg { variance }, Some(order)) => self.burg(differenced, order, variance),
            (Estimator::LeastSquares, Some(order)) if self.covariance == CovarianceKind::Classical => {
                self.least_squares(differenced, order)
            }
            (Estimator::LeastSquares, _) => self.subset_least_squares(differenced, &lags.list()),
            (Estimator::YuleWalker { .. } | Estimator::Burg { .. }, None) => {
                Err(Error::usage(format!("{} has no estimate of single lags", self.estimator.describe()))
                    .expected("all lags up to an order")
                    .hint("use --estimator least-squares or exact, or --order P"))
            }
        }
    }

    /// The series with the covariates of the model and no others.
    pub(super) fn with_covariates<'a>(&self, train: &'a [Series]) -> Result<Cow<'a, [Series]>> {
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
            Ok(self.differences.of_series(series))
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

    fn check(&self, train: &[Series], differenced: &[Series]) -> Result<()> {
        self.check_options()?;
        let longest = differenced.iter().map(Series::len).max().unwrap_or(0);
        let count = |x: &[f64]| x.iter().filter(|x| !x.is_nan()).count();
        let known: usize = match self.estimator {
            // A value counts although the ones that its difference needs are missing.
            Estimator::Exact => values(train).map(|x| count(x).saturating_sub(self.differences.order())).sum(),
            _ => values(differenced).map(count).sum(),
        };
        if let Some(infinite) = values(differenced).flatten().find(|x| x.is_infinite()) {
            return Err(Error::data(format!("the value {infinite} cannot be fitted")).expected("finite values"));
        }
        let need = self.terms.width() + 2;
        if known < need {
            // In values of the series, which is what the user has.
            let given: usize = values(train).map(count).sum();
            return Err(too_short("an autoregression", given, given + need - known));
        }
        self.check_covariates(differenced)?;
        let (largest, what) = match &self.order {
            Order::Fixed(p) => (*p, "order"),
            Order::Lags(lags) => (check_lags(lags)?, "lag"),
            Order::Auto { .. } | Order::Subset { .. } => return Ok(()),
        };
        let limit = longest.saturating_sub(1) / 2;
        if largest <= limit {
            return Ok(());
        }
        let article = if what == "order" { "an" } else { "a" };
        Err(Error::usage(format!("{what} {largest} is too large for {longest} values"))
            .expected(format!("{article} {what} of at most {limit}"))
            .hint("lower --order, or leave it to --order auto"))
    }

    /// Whether the options go together, whatever the data.
    fn check_options(&self) -> Result<()> {
        let only = |what: &str, estimator: &str| {
            Err(Error::usage(format!("{what} with {}", self.estimator.describe()))
                .expected(format!("no other estimator than {estimator}"))
                .hint(format!("use --estimator {estimator}, or leave it out")))
        };
        if self.seasonal.is_some() && self.estimator != Estimator::Exact {
            return only("a seasonal factor of lags", "exact");
        }
        let is_classical = self.covariance == CovarianceKind::Classical;
        if self.estimator != Estimator::LeastSquares {
            if self.penalty.is_some() {
                return only("a penalty", "least-squares");
            }
            if !is_classical {
                return only("robust standard errors", "least-squares");
            }
        }
        match self.penalty {
            Some(_) if !is_classical => Err(Error::usage("robust standard errors of penalised coefficients")
                .expected("a penalty or standard errors: shrunken coefficients are biased, and have none")),
            Some(penalty) => penalty.check(),
            None => Ok(()),
        }
    }

    /// Refuses a covariate without variation, which no estimator can tell from the intercept.
    fn check_covariates(&self, differenced: &[Series]) -> Result<()> {
        for (number, name) in self.terms.covariates.iter().enumerate() {
            let of = |series: &Series| series.covariates()[number].values.clone();
            let mut all = differenced.iter().flat_map(of);
            let Some(first) = all.next() else { continue };
            if (first != 0.0 && !self.terms.has_intercept()) || all.any(|x| x != first) {
                continue;
            }
            let where_ = if self.differences.order() > 0 { "its differences are" } else { "it is" };
            return Err(Error::data(format!("the covariate `{name}` says nothing: {where_} always {first}"))
                .expected("values that vary over the rows to fit to")
                .hint("leave it out of the covariates"));
        }
        Ok(())
    }

    /// The lags, and what there is to say about them.
    fn choose_lags(&self, train: &[Series], differenced: &[Series]) -> Result<(ChosenLags, Vec<String>)> {
        let (max, criterion) = match &self.order {
            Order::Fixed(p) => return Ok((ChosenLags::All(*p), Vec::new())),
            Order::Lags(lags) => return Ok((ChosenLags::Some(lags.clone()), Vec::new())),
            Order::Auto { max, criterion } | Order::Subset { max, criterion } => (*max, *criterion),
        };
        let longest = differenced.iter().map(Series::len).max().unwrap_or(0);
        let limit = longest.saturating_sub(1) / 2;
        let wanted = max.unwrap_or_else(|| super::default_max_order(longest, 0));
        let mut warnings = Vec::new();
        if wanted > limit {
            warnings.push(format!("orders up to {limit} were tried, not {wanted}: half of {longest} values"));
        }
        let max = wanted.min(limit);
        if let Order::Subset { .. } = self.order {
            let (lags, about_search) = self.best_subset(differenced, max, criterion)?;
            warnings.extend(about_search);
            return Ok((ChosenLags::Some(lags), warnings));
        }
        let table = self.orders(train, differenced, max)?;
        // Of a series without gaps the table ends early where nothing is left to explain.
        let has_gaps = values(differenced).flatten().any(|x| x.is_nan());
        let reached = table.last().map_or(0, |row| row.order);
        if has_gaps && reached < max {
            warnings.push(format!("missing values leave orders up to {reached} to choose from, not {max}"));
        }
        Ok((ChosenLags::All(select(&table, criterion)), warnings))
    }

    fn summary(&self, model: &Ar, estimate: &Estimate, train: &[Series], mut warnings: Vec<String>) -> Result<Summary> {
        let parameter =
            |(name, &(value, standard_error)): (String, &Estimated)| Parameter { name, value, standard_error };
        let mut names = self.terms.names();
        if estimate.form == Form::Mean && self.terms.has_intercept() {
            let is_drift = self.differences.order() > 0;
            (if is_drift { "drift" } else { "mean" }).clone_into(&mut names[0]);
        }
        names.extend(estimate.lags.iter().map(|lag| format!("phi_{lag}")));
        names.extend((1..=estimate.seasonal_phi.len()).map(|number| format!("seasonal_phi_{number}")));
        let estimated = estimate.terms.iter().chain(&estimate.phi).chain(&estimate.seasonal_phi);
        let parameters = names.into_iter().zip(estimated).map(parameter).collect();
        warnings.extend(estimate.warnings.iter().cloned());
        let is_exact = model.innovation_sd() == 0.0;
        if is_exact {
            let what = if is_constant(train) { "no variation" } else { "the past determines every value" };
            warnings.push(format!("{what}: the forecast has no spread"));
        }
        let (log_likelihood, observations) = training_likelihood(model, train)?;
        Ok(Summary {
            name: "AR".to_owned(),
            description: self.describe(&estimate.lags),
            preprocessing: self.penalty.and_then(Penalty::report).into_iter().collect(),
            parameters,
            innovation_parameters: model.innovations().parameters(),
            innovation_variance: model.innovations().variance(),
            innovation_variance_unbiased: if is_exact { 0.0 } else { estimate.unbiased_variance },
            log_likelihood: if is_exact { f64::NAN } else { log_likelihood },
            observations,
            covariance: estimate.covariance.clone(),
            converged: estimate.converged,
            warnings,
        })
    }

    /// One line on what was fitted: lags, terms, estimator.
    fn describe(&self, lags: &[usize]) -> String {
        let trend = match self.terms.trend {
            super::Trend::None => " without intercept",
            super::Trend::Constant => "",
            super::Trend::ConstantTrend => " with trend",
        };
        let is_full = lags.iter().copied().eq(1..=lags.len());
        let order = if is_full { lags.len().to_string() } else { list(lags) };
        let seasonal =
            self.seasonal.map_or(String::new(), |SeasonalLags { order, period }| format!("({order})_{period}"));
        let estimator = self.penalty.map_or(self.estimator.describe(), Penalty::describe);
        format!("AR({order}){seasonal}{trend} by {estimator}")
    }
}

/// The lags of a fit.
#[derive(Debug, Clone)]
enum ChosenLags {
    /// 1..=p.
    All(usize),
    /// Some.
    Some(Vec<usize>),
}

impl ChosenLags {
    fn list(&self) -> Vec<usize> {
        match self {
            Self::All(order) => (1..=*order).collect(),
            Self::Some(lags) => lags.clone(),
        }
    }
}

/// The largest lag.
///
/// # Errors
/// If they are not ascending from 1.
fn check_lags(lags: &[usize]) -> Result<usize> {
    let wrong = |what: String| Err(Error::usage(what).expected("ascending lags from 1, such as 1,2,12"));
    if lags.contains(&0) {
        return wrong("a lag of 0: a value cannot explain itself".to_owned());
    }
    match lags.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) if pair[0] == pair[1] => wrong(format!("lag {} is given twice", pair[0])),
        Some(pair) => wrong(format!("lag {} stands before lag {}", pair[0], pair[1])),
        None => Ok(lags.last().copied().unwrap_or(0)),
    }
}

/// `{1, 12, 13}`.
fn list(lags: &[usize]) -> String {
    format!("{{{}}}", lags.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}
