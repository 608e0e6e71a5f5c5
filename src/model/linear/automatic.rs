//! AR with its preprocessing: which transform, seasonal treatment, differences, estimator and order a series gets.
//!
//! [`ArSpec`] leaves every choice open or fixes it; what is open is decided by the rule below, from the training values
//! alone. It fits a [`Transformed`] average of [`Ar`], so the result is one conditional distribution with its likelihood in
//! data units, whatever was chosen.
//!
//! The default rule, in order (n values, period m; measured in `docs/default-rule.md`):
//!
//! | choice | rule |
//! |---|---|
//! | transform | log for series with a period that are not long, when every value is positive and Guerrero's lambda is below 0.25; else none |
//! | season | divided by classical seasonal factors (subtracted, if not all positive) when the 90 % autocorrelation test fires, for m <= 24 or n >= 30 m; the lags may reach the rest |
//! | differences | one, unless the series is *long* (n >= 300 and n >= 20 m) or KPSS accepts level stationarity at 5 % on at least 60 values |
//! | estimator | least squares for long series; the exact likelihood for others of at most 1000 with values missing between known ones, where the rest leave out what touches a gap; else Burg with a period, Yule-Walker without: all three always stationary |
//! | order | AICc up to the limit of [`default_max_order`] |
//! | average | of differences: the model without drift and the one with, equally weighted; of levels: none |

use super::{
    Ar, BurgVariance, CovarianceKind, Estimator, LinearSpec, Order, OrderRow, Penalty, SeasonalLags, Terms, Trend,
};
use crate::data::period::interpolated;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::stationarity::{KPSS_5_PERCENT, classical_seasonal_factors, guerrero_lambda, is_seasonal, kpss_level};
use crate::model::combination::{Combination, Weights};
use crate::model::mixture::Mixture;
use crate::model::transformed::{Differences, Seasonal, Transform, Transformed};
use crate::model::{Fit, Fitted, too_short};
use crate::predictive::Link;

/// From this many values on, and this many periods, a series is long: its level is estimated well enough to return to.
const LONG: usize = 300;
const LONG_PERIODS: usize = 20;
/// Up to this many values the search for the exact likelihood takes no time that anyone notices, whatever the season.
const MOST_EXACT: usize = 1_000;
/// The longest season whose factors are estimated from few periods.
const SHORT_SEASON: usize = 24;

/// A choice that the caller makes or leaves to the default rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice<T> {
    /// Decided by the rule.
    #[default]
    Auto,
    /// Decided by the caller.
    Fixed(T),
}

impl<T> Choice<T> {
    fn or_else(self, rule: impl FnOnce() -> T) -> T {
        match self {
            Self::Auto => rule(),
            Self::Fixed(choice) => choice,
        }
    }
}

/// The link before differencing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LinkChoice {
    /// Values as they are.
    None,
    /// Logarithms.
    Log,
    /// Box and Cox's power with Guerrero's lambda in [0, 1].
    BoxCox,
}

/// What is done about a season.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeasonalChoice {
    /// Nothing: the lags may reach it.
    None,
    /// Classical factors, divided out (subtracted where values are not all positive).
    Factors,
    /// Seasonal differences of this order.
    Difference(usize),
}

/// What is averaged, as a mixture of path distributions (see [`Combination`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Average {
    /// Nothing: one model.
    None,
    /// The model without intercept and the one with: of differences, "half" the drift.
    Drift,
    /// All orders up to the largest that would be tried.
    Orders,
}

/// What the rule decides for some series.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is done to the values first.
    pub transform: Transform,
    /// The autoregressions behind it, of which all but their order is decided.
    pub linear: Combination<LinearSpec>,
}

/// What to fit: an autoregression of order p on transformed values.
///
/// ```
/// use foretoken::model::linear::ArSpec;
/// use foretoken::{Fit, Series};
///
/// let x: Vec<f64> = (0..60).map(|t| 100.0 + 2.0 * f64::from(t) + [0.0, 9.0, -4.0, -5.0][t as usize % 4]).collect();
/// let fitted = ArSpec { period: 4, ..ArSpec::default() }.fit(&[Series::new("sales", x)])?;
/// assert_eq!(fitted.summary.name, "AR");
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ArSpec {
    /// The order, or how to select it; without a maximum, up to [`default_max_order`].
    pub order: Order,
    /// The estimator.
    pub estimator: Choice<Estimator>,
    /// The terms beside the lags, of the differenced values. Covariates are differenced with the values; the transform and
    /// the seasonal factors leave them as they are.
    pub terms: Terms,
    /// What is averaged.
    pub average: Choice<Average>,
    /// How it is weighted.
    pub weights: Weights,
    /// The link.
    pub transform: Choice<LinkChoice>,
    /// What is done about the season.
    pub seasonal: Choice<SeasonalChoice>,
    /// The number of first differences.
    pub difference: Choice<usize>,
    /// The period m in steps; 0 or 1 for none.
    pub period: usize,
    /// P and m of Phi(B^m): the lags are those of phi(B) Phi(B^m). Exact likelihood only.
    pub seasonal_lags: Option<SeasonalLags>,
    /// A penalty on least squares coefficients.
    pub penalty: Option<Penalty>,
    /// How standard errors of least squares are estimated.
    pub covariance: CovarianceKind,
}

impl Default for ArSpec {
    fn default() -> Self {
        Self {
            order: Order::default(),
            estimator: Choice::Auto,
            terms: Terms::default(),
            average: Choice::Auto,
            weights: Weights::Equal,
            transform: Choice::Auto,
            seasonal: Choice::Auto,
            difference: Choice::Auto,
            period: 0,
            seasonal_lags: None,
            penalty: None,
            covariance: CovarianceKind::Classical,
        }
    }
}

impl Fit for ArSpec {
    type Model = Transformed<Mixture<Ar>>;

    fn fit(&self, train: &[Series]) -> Result<Fitted<Self::Model>> {
        let Plan { transform, linear } = self.plan(train)?;
        let train = &linear.members[0].with_covariates(train)?[..];
        let differences = &linear.members[0].differences;
        let prefix = describe(&transform, differences);
        let preprocessing = self.numbers_of(&transform, differences);
        let mut fitted = Transformed::fit(&linear, transform, train)?;
        fitted.summary.name = "AR".to_owned();
        // The transform comes before the fit, and before what the fit itself decides.
        fitted.summary.preprocessing.splice(0..0, preprocessing);
        if !prefix.is_empty() {
            fitted.summary.description = format!("{} on {prefix}", fitted.summary.description);
        }
        Ok(fitted)
    }
}

impl ArSpec {
    /// Everything that a transform consists of, for programs that want to do it again.
    fn numbers_of(&self, transform: &Transform, differences: &Differences) -> Vec<(String, Vec<f64>)> {
        let lambda = match transform.link() {
            Link::Identity => None,
            Link::Log => Some(("lambda", vec![0.0])),
            Link::BoxCox(lambda) => Some(("lambda", vec![lambda])),
        };
        let factors = match transform.seasonal() {
            Seasonal::None => None,
            Seasonal::Multiplicative(factors) => Some(("seasonal_factors", factors.clone())),
            Seasonal::Additive(terms) => Some(("seasonal_terms", terms.clone())),
        };
        let counts = [
            ("differences", vec![differences.regular() as f64]),
            ("seasonal_differences", vec![differences.seasonal() as f64]),
            ("period", vec![self.period.max(1) as f64]),
        ];
        lambda.into_iter().chain(factors).chain(counts).map(|(name, numbers)| (name.to_owned(), numbers)).collect()
    }

    /// What the rule decides for these series. Of several series the longest decides; seasonal factors are averaged over
    /// all of them.
    ///
    /// # Errors
    /// If there is no series, or a fixed choice does not apply to the data.
    pub fn plan(&self, train: &[Series]) -> Result<Plan> {
        let Some(longest) = train.iter().max_by_key(|series| series.len()) else {
            return Err(Error::usage("no series to fit"));
        };
        let x = interpolated(longest.values());
        let is_long = x.len() >= LONG && x.len() / LONG_PERIODS >= self.period.max(1);
        let link = self.link(&x, is_long);
        let seasonal = self.seasonal.or_else(|| {
            // Factors of a long season rest on few periods: they cost more than they give.
            let is_known = self.period <= SHORT_SEASON || x.len() / 30 >= self.period;
            if is_known && is_seasonal(&x, self.period) { SeasonalChoice::Factors } else { SeasonalChoice::None }
        });
        let (component, seasonal_differences) = match seasonal {
            SeasonalChoice::None => (Seasonal::None, 0),
            SeasonalChoice::Factors => (self.factors(train)?, 0),
            SeasonalChoice::Difference(_) if self.period < 2 => return Err(no_period()),
            SeasonalChoice::Difference(_) if self.period >= x.len() => {
                return Err(too_short("a model of seasonal differences", x.len(), self.period.saturating_add(1)));
            }
            SeasonalChoice::Difference(order) => (Seasonal::None, order),
        };
        let before_differences =
            Transform::new(component.clone(), link, Differences::new(0, seasonal_differences, self.period))?;
        let difference = match self.difference {
            Choice::Fixed(d) => d,
            Choice::Auto => {
                let stationary = is_long || looks_stationary(before_differences.forward(longest)?.values());
                usize::from(!stationary)
            }
        };
        let differences = Differences::new(difference, seasonal_differences, self.period);
        let left = x.len().saturating_sub(differences.order());
        let transform = Transform::new(component, link, Differences::none())?;
        let estimator =
            self.estimator.or_else(|| self.usual_estimator(is_long, x.len() <= MOST_EXACT && has_gaps(train)));
        let order = match &self.order {
            Order::Auto { max: None, criterion } => {
                Order::Auto { max: Some(default_max_order(left, self.period)), criterion: *criterion }
            }
            Order::Subset { max: None, criterion } => {
                Order::Subset { max: Some(default_max_order(left, self.period)), criterion: *criterion }
            }
            chosen => chosen.clone(),
        };
        let linear = LinearSpec {
            order,
            estimator,
            terms: self.terms.clone(),
            differences,
            seasonal: self.seasonal_lags,
            penalty: self.penalty,
            covariance: self.covariance,
        };
        Ok(Plan { transform, linear: Combination { members: self.members(linear), weights: self.weights } })
    }

    /// What is averaged where this would be the only model.
    fn members(&self, single: LinearSpec) -> Vec<LinearSpec> {
        // An average of Student's t has no joint distribution in closed form.
        let has_drift = single.differences.order() > 0
            && self.terms.trend == Trend::Constant
            && single.estimator != Estimator::Robust;
        match self.average.or_else(|| if has_drift { Average::Drift } else { Average::None }) {
            Average::None => vec![single],
            Average::Drift => {
                let with = |trend| LinearSpec { terms: Terms { trend, ..self.terms.clone() }, ..single.clone() };
                vec![with(Trend::None), with(Trend::Constant)]
            }
            Average::Orders => {
                let max = match &single.order {
                    Order::Auto { max, .. } => max.unwrap_or(0),
                    Order::Fixed(p) => *p,
                    Order::Lags(_) | Order::Subset { .. } => return vec![single],
                };
                (0..=max).map(|p| LinearSpec { order: Order::Fixed(p), ..single.clone() }).collect()
            }
        }
    }

    /// The criteria of every order that would be tried, on the transformed values and a common sample.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), or if the series are too short.
    pub fn order_table(&self, train: &[Series]) -> Result<Vec<OrderRow>> {
        let Plan { transform, linear } = self.plan(train)?;
        // Of a model without and one with drift the latter is looked at.
        let Some(linear) = linear.members.last() else { return Ok(Vec::new()) };
        let inner: Vec<Series> = train.iter().map(|series| transform.forward(series)).collect::<Result<_>>()?;
        let longest = inner.iter().map(Series::len).max().unwrap_or(0);
        let longest = longest.saturating_sub(linear.differences.order());
        let usual = default_max_order(longest, self.period);
        let max = match &linear.order {
            Order::Fixed(p) => usual.max(*p),
            Order::Lags(lags) => usual.max(lags.last().copied().unwrap_or(0)),
            Order::Auto { max, .. } | Order::Subset { max, .. } => max.unwrap_or(usual),
        };
        linear.order_table(&inner, max.min(longest.saturating_sub(1) / 2))
    }

    /// The estimator that the other options need, and otherwise the one that suits the length.
    fn usual_estimator(&self, is_long: bool, has_gaps: bool) -> Estimator {
        let is_sparse = matches!(self.order, Order::Lags(_) | Order::Subset { .. });
        let is_special = self.penalty.is_some() || self.covariance != CovarianceKind::Classical;
        match self.seasonal_lags {
            Some(_) => Estimator::Exact,
            None if is_long || is_special => Estimator::LeastSquares,
            None if has_gaps => Estimator::Exact,
            None if is_sparse => Estimator::LeastSquares,
            None if self.period < 2 => Estimator::YuleWalker { adjusted: false },
            None => Estimator::Burg { variance: BurgVariance::Levinson },
        }
    }

    fn link(&self, x: &[f64], is_long: bool) -> Link {
        let lambda = || guerrero_lambda(x, self.period);
        match self.transform {
            Choice::Fixed(LinkChoice::None) => Link::Identity,
            Choice::Fixed(LinkChoice::Log) => Link::Log,
            Choice::Fixed(LinkChoice::BoxCox) => match lambda() {
                near_zero if near_zero < 0.01 => Link::Log,
                lambda if lambda.is_nan() => Link::BoxCox(1.0),
                lambda => Link::BoxCox(lambda),
            },
            // Without a season a log with drift extrapolates exponentially.
            Choice::Auto if self.period > 1 && !is_long && lambda() < 0.25 => Link::Log,
            Choice::Auto => Link::Identity,
        }
    }

    /// The average of the series' own factors.
    fn factors(&self, train: &[Series]) -> Result<Seasonal> {
        if self.period < 2 {
            return Err(no_period());
        }
        let multiplicative = train.iter().flat_map(Series::values).all(|x| x.is_nan() || *x > 0.0);
        let own = |series: &Series| {
            let x = series.values();
            let mut factors = classical_seasonal_factors(&interpolated(x), self.period, multiplicative)?;
            // Interpolation begins at the first known value; factors count from the first position.
            let before = x.iter().take_while(|x| x.is_nan()).count();
            factors.rotate_right(before % self.period);
            Some(factors)
        };
        let all: Vec<Vec<f64>> = train.iter().filter_map(own).collect();
        if all.is_empty() {
            return Err(Error::data(format!("less than two periods of {} values", self.period))
                .expected("at least two full periods for seasonal factors")
                .hint("give a smaller --period, or --seasonal none"));
        }
        let mean = |phase: usize| all.iter().map(|factors| factors[phase]).sum::<f64>() / all.len() as f64;
        let factors = (0..self.period).map(mean).collect();
        Ok(if multiplicative { Seasonal::Multiplicative(factors) } else { Seasonal::Additive(factors) })
    }
}

fn no_period() -> Error {
    Error::usage("seasonal treatment of a series without a period").hint("give --period M with M >= 2")
}

/// The largest order that is tried: enough to reach 1.25 periods of a short season, at most a quarter of the values.
#[must_use]
pub fn default_max_order(n: usize, period: usize) -> usize {
    let by_length = (10.0 * (n.max(1) as f64).log10()) as usize;
    let by_period = if period > 1 { period + period.div_ceil(4) } else { 0 };
    by_length.max(by_period).min(n.saturating_sub(1) / 4)
}

/// Whether values are missing between known ones.
fn has_gaps(train: &[Series]) -> bool {
    let has_gap = |series: &Series| {
        let x = series.values();
        let known = |x: &f64| !x.is_nan();
        let inside = x.iter().position(known).zip(x.iter().rposition(known)).map(|(first, last)| &x[first..last]);
        inside.is_some_and(|inside| inside.iter().any(|x| x.is_nan()))
    };
    train.iter().any(has_gap)
}

/// Whether there is evidence enough for a constant level.
fn looks_stationary(x: &[f64]) -> bool {
    x.len() >= 60 && kpss_level(&interpolated(x)) < KPSS_5_PERCENT
}

/// What was done before the autoregression, in words; empty for nothing.
fn describe(transform: &Transform, differences: &Differences) -> String {
    let mut words = Vec::new();
    match transform.link() {
        Link::Identity => {}
        Link::Log => words.push("log".to_owned()),
        Link::BoxCox(lambda) => words.push(format!("Box-Cox({lambda:.2})")),
    }
    match transform.seasonal() {
        Seasonal::None => {}
        Seasonal::Multiplicative(factors) => words.push(format!("values over {} seasonal factors", factors.len())),
        Seasonal::Additive(factors) => words.push(format!("values less {} seasonal factors", factors.len())),
    }
    if differences.seasonal() > 0 {
        words.push(format!("seasonal differences ({})", differences.seasonal()));
    }
    match differences.regular() {
        0 => {}
        1 => words.push("first differences".to_owned()),
        d => words.push(format!("differences of order {d}")),
    }
    words.join(", ")
}
