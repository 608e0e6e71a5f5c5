//! From series to coefficients: Yule-Walker and conditional least squares.
//!
//! Several series are pooled: their lagged products (or rows) add up, each from its own index 0, and give one set of
//! coefficients. A missing value takes the products or rows that contain it with it.

use super::ar::Ar;
use super::order::{Order, OrderRow, select};
use crate::data::series::Series;
use crate::data::windows::{Stretch, stretches};
use crate::error::{Error, Result};
use crate::math::autocovariance::{Divisor, LaggedProducts, mean};
use crate::math::least_squares::{Deterministic, LagRegression, Segment, Solution};
use crate::math::toeplitz::{Levinson, inverse_diagonal, inverse_sum};
use crate::model::{Fit, Fitted, Parameter, Summary, too_short};

/// How coefficients are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The deterministic terms beside the lags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// None: the mean is zero.
    None,
    /// An intercept.
    Constant,
    /// An intercept and a linear trend in t = 1, 2, ..
    ConstantTrend,
}

/// An autoregression without preprocessing: what [`ArSpec`](super::ArSpec) puts behind its transform.
///
/// ```
/// use foretoken::model::linear::{Estimator, LinearSpec, Order, Trend};
/// use foretoken::{Fit, Series};
///
/// // x_t = 1 + x_{t-1} / 2, exactly.
/// let x = vec![6.0, 4.0, 3.0, 2.5, 2.25, 2.125];
/// let spec = LinearSpec { order: Order::Fixed(1), estimator: Estimator::LeastSquares, trend: Trend::Constant };
/// let ar = spec.fit(&[Series::new("", x)])?.model;
/// assert!((ar.coefficients()[0] - 0.5).abs() < 1e-12 && (ar.intercept() - 1.0).abs() < 1e-12);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearSpec {
    /// The order p.
    pub order: Order,
    /// The estimator.
    pub estimator: Estimator,
    /// The deterministic terms.
    pub trend: Trend,
}

/// Coefficients with their standard errors (where there are any) and variances.
struct Estimate {
    /// c, b of the time, then phi.
    intercept: (f64, Option<f64>),
    slope: (f64, Option<f64>),
    coefficients: Vec<(f64, Option<f64>)>,
    variance: f64,
    unbiased_variance: f64,
}

impl Fit for LinearSpec {
    type Model = Ar;

    fn fit(&self, train: &[Series]) -> Result<Fitted<Ar>> {
        self.check(train)?;
        let (order, warnings) = self.choose_order(train)?;
        let estimate = match self.estimator {
            Estimator::YuleWalker { adjusted } => self.yule_walker(train, order, adjusted)?,
            Estimator::LeastSquares => self.least_squares(train, order)?,
        };
        let level = mean(values(train));
        let phi = estimate.coefficients.iter().map(|phi| phi.0).collect();
        // An innovation of rounding size is none: the series is predictable to the last digit.
        let scale = train.iter().flat_map(Series::values).filter(|x| !x.is_nan()).fold(0.0_f64, |a, x| a.max(x.abs()));
        let is_exact = estimate.variance.sqrt() <= 1e-12 * scale;
        let sd = if is_exact { 0.0 } else { estimate.variance.sqrt() };
        let model = Ar::new(estimate.intercept.0, estimate.slope.0, phi, sd, level);
        let summary = self.summary(&model, estimate, train, warnings);
        Ok(Fitted { model, summary })
    }
}

/// The rows of least squares: times count from 1 at the first value of each series.
fn segments(train: &[Series], lags: usize) -> Vec<Segment<'_>> {
    values(train)
        .flat_map(|x| stretches(x, lags))
        .map(|Stretch { values, start }| Segment { x: values, time: start as f64 + 1.0 })
        .collect()
}

fn values(train: &[Series]) -> impl Iterator<Item = &[f64]> + Clone {
    train.iter().map(Series::values)
}

impl LinearSpec {
    /// The criteria of every order up to a maximum on a common sample, for tables.
    ///
    /// # Errors
    /// If the series are too short for one lag.
    pub fn order_table(&self, train: &[Series], max: usize) -> Result<Vec<OrderRow>> {
        self.check(train)?;
        Ok(match self.estimator {
            Estimator::YuleWalker { adjusted } => self.yule_walker_orders(train, max, adjusted),
            Estimator::LeastSquares => self.least_squares_orders(train, max),
        })
    }

    fn check(&self, train: &[Series]) -> Result<()> {
        let longest = train.iter().map(Series::len).max().unwrap_or(0);
        let known = values(train).flatten().filter(|x| !x.is_nan()).count();
        if let Some(infinite) = values(train).flatten().find(|x| x.is_infinite()) {
            return Err(Error::data(format!("the value {infinite} cannot be fitted")).expected("finite values"));
        }
        let need = self.deterministic().width() + 2;
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

    fn deterministic(&self) -> Deterministic {
        match self.trend {
            Trend::None => Deterministic::None,
            Trend::Constant => Deterministic::Constant,
            Trend::ConstantTrend => Deterministic::ConstantTrend,
        }
    }

    /// The order, and what there is to say about it.
    fn choose_order(&self, train: &[Series]) -> Result<(usize, Vec<String>)> {
        let (max, criterion) = match self.order {
            Order::Fixed(p) => return Ok((p, Vec::new())),
            Order::Auto { max, criterion } => (max, criterion),
        };
        let longest = train.iter().map(Series::len).max().unwrap_or(0);
        let limit = longest.saturating_sub(1) / 2;
        let wanted = max.unwrap_or_else(|| super::default_max_order(longest, 0));
        let mut warnings = Vec::new();
        if wanted > limit {
            warnings.push(format!("orders up to {limit} were tried, not {wanted}: half of {longest} values"));
        }
        let table = self.order_table(train, wanted.min(limit))?;
        Ok((select(&table, criterion), warnings))
    }

    fn yule_walker_orders(&self, train: &[Series], max: usize, adjusted: bool) -> Vec<OrderRow> {
        let (products, solved) = self.levinson(train, max, adjusted);
        let row = |order: usize| OrderRow {
            order,
            innovation_variance: solved.variance(order),
            rows: products.known(),
            parameters: (order + self.deterministic().width() + 1) as f64,
        };
        (0..=solved.max_order()).map(row).collect()
    }

    /// The lagged products about the mean (or the trend) and the recursion on them. Where missing values leave
    /// autocovariances that no stationary process has, those with missing values set to the mean are used.
    fn levinson(&self, train: &[Series], max: usize, adjusted: bool) -> (LaggedProducts, Levinson) {
        let divisor = if adjusted { Divisor::Adjusted } else { Divisor::Biased };
        let line = self.line(train);
        let products = match line {
            (level, 0.0) => LaggedProducts::of(values(train), level, max),
            (level, slope) => {
                let detrended: Vec<Vec<f64>> = values(train).map(|x| less_line(x, level, slope)).collect();
                LaggedProducts::of(detrended.iter().map(Vec::as_slice), 0.0, max)
            }
        };
        let mut solved = Levinson::solve(&products.autocovariances(divisor));
        if solved.max_order() < max && values(train).flatten().any(|x| x.is_nan()) {
            solved = Levinson::solve(&products.positive_definite_autocovariances());
        }
        (products, solved)
    }

    /// Level and slope in t = 1, 2, .. that are taken out before the autocovariances.
    fn line(&self, train: &[Series]) -> (f64, f64) {
        match self.trend {
            Trend::None => (0.0, 0.0),
            Trend::Constant => (mean(values(train)), 0.0),
            Trend::ConstantTrend => {
                let fit = LagRegression::new(segments(train, 0), Deterministic::ConstantTrend, 0).solve(0);
                (fit.coefficients[0], fit.coefficients[1])
            }
        }
    }

    fn yule_walker(&self, train: &[Series], order: usize, adjusted: bool) -> Result<Estimate> {
        let (products, solved) = self.levinson(train, order, adjusted);
        let n = products.known();
        if solved.max_order() < order {
            if solved.variance(0) > 0.0 {
                return Err(Error::numeric(format!("Yule-Walker has no solution of order {order}"))
                    .expected(format!("an order of at most {}: the autocovariances are those of an exactly predictable series beyond it", solved.max_order()))
                    .hint("lower --order or use --estimator least-squares"));
            }
            return self.constant(train, order);
        }
        let variance = solved.variance(order);
        let phi = solved.coefficients(order);
        let unbiased_variance = variance * n / (n - (order + self.deterministic().width()) as f64);
        let errors = inverse_diagonal(&solved, order);
        let coefficients =
            phi.iter().zip(errors).map(|(phi, d)| (*phi, Some((d * unbiased_variance / n).sqrt()))).collect();
        // x_t - line(t) is the autoregression: multiply out.
        let (level, slope) = self.line(train);
        let sum: f64 = phi.iter().sum();
        let moment: f64 = phi.iter().zip(1..).map(|(phi, i)| phi * f64::from(i)).sum();
        let intercept = level * (1.0 - sum) + slope * moment;
        // c = level (1 - sum phi): the variance of the level is sigma^2 / (n (1 - sum phi)^2) for long series, that of
        // sum phi is 1' inverse(Gamma) 1 sigma^2 / n, and the two are independent.
        let intercept_error = (self.trend == Trend::Constant)
            .then(|| ((1.0 + level * level * inverse_sum(&solved, order)) * unbiased_variance / n).sqrt());
        Ok(Estimate {
            intercept: (intercept, intercept_error),
            slope: (slope * (1.0 - sum), None),
            coefficients,
            variance,
            unbiased_variance,
        })
    }

    /// No variation to explain: every coefficient is zero.
    fn constant(&self, train: &[Series], order: usize) -> Result<Estimate> {
        let (level, slope) = self.line(train);
        let coefficients = vec![(0.0, None); order];
        Ok(Estimate {
            intercept: (level, None),
            slope: (slope, None),
            coefficients,
            variance: 0.0,
            unbiased_variance: 0.0,
        })
    }

    fn least_squares_orders(&self, train: &[Series], max: usize) -> Vec<OrderRow> {
        let width = self.deterministic().width();
        // Rows must outnumber the coefficients of the largest order, in spite of gaps.
        let mut lags = max;
        let mut regression = LagRegression::new(segments(train, lags), self.deterministic(), lags);
        while lags > 0 && regression.rows() <= width + lags + 1 {
            lags /= 2;
            regression = LagRegression::new(segments(train, lags), self.deterministic(), lags);
        }
        let rows = regression.rows() as f64;
        let row = |order: usize| OrderRow {
            order,
            innovation_variance: regression.rss(order) / rows,
            rows,
            parameters: (order + width + 1) as f64,
        };
        (0..=regression.rank_order()).map(row).collect()
    }

    fn least_squares(&self, train: &[Series], order: usize) -> Result<Estimate> {
        let width = self.deterministic().width();
        let regression = LagRegression::new(segments(train, order), self.deterministic(), order);
        if regression.rows() <= width + order {
            let rows = regression.rows();
            return Err(Error::data(format!("only {rows} rows have all {order} lags"))
                .expected(format!("more than the {} coefficients", width + order))
                .hint("lower --order, or fill gaps with --missing interpolate"));
        }
        if regression.rank_order() < order {
            if is_constant(train) {
                return self.constant(train, order);
            }
            return Err(Error::numeric(format!("the lags of order {order} are linearly dependent"))
                .expected(format!("an order of at most {}", regression.rank_order()))
                .hint("lower --order or leave it to --order auto"));
        }
        let n = regression.rows() as f64;
        let Solution { coefficients, inverse_diagonal, rss } = regression.solve(order);
        let unbiased_variance = rss / (n - (width + order) as f64);
        let with_errors: Vec<(f64, Option<f64>)> =
            coefficients.iter().zip(inverse_diagonal).map(|(b, d)| (*b, Some((d * rss / n).sqrt()))).collect();
        let deterministic = |i: usize| if i < width { with_errors[i] } else { (0.0, None) };
        Ok(Estimate {
            intercept: deterministic(0),
            slope: deterministic(1),
            coefficients: with_errors[width..].to_vec(),
            variance: rss / n,
            unbiased_variance,
        })
    }

    fn summary(&self, model: &Ar, estimate: Estimate, train: &[Series], mut warnings: Vec<String>) -> Summary {
        let parameter =
            |name: String, (value, standard_error): (f64, Option<f64>)| Parameter { name, value, standard_error };
        let mut parameters = Vec::new();
        if self.trend != Trend::None {
            parameters.push(parameter("intercept".to_owned(), estimate.intercept));
        }
        if self.trend == Trend::ConstantTrend {
            parameters.push(parameter("trend".to_owned(), estimate.slope));
        }
        let order = estimate.coefficients.len();
        parameters.extend((1..).zip(estimate.coefficients).map(|(i, phi)| parameter(format!("phi_{i}"), phi)));
        let (squares, observations) = model.sum_of_squares(values(train));
        let variance = model.innovation_sd().powi(2);
        let is_exact = variance == 0.0;
        if is_exact {
            let what = if is_constant(train) { "no variation" } else { "the past determines every value" };
            warnings.push(format!("{what}: the forecast has no spread"));
        }
        let n = observations as f64;
        let fit = n * (std::f64::consts::TAU * variance).ln() + squares / variance;
        let how = match self.estimator {
            Estimator::YuleWalker { adjusted: false } => "Yule-Walker",
            Estimator::YuleWalker { adjusted: true } => "Yule-Walker (adjusted)",
            Estimator::LeastSquares => "least squares",
        };
        let with = match self.trend {
            Trend::None => " without intercept",
            Trend::Constant => "",
            Trend::ConstantTrend => " with trend",
        };
        Summary {
            name: "AR".to_owned(),
            description: format!("AR({order}){with} by {how}"),
            preprocessing: Vec::new(),
            parameters,
            innovation_variance: variance,
            innovation_variance_unbiased: if is_exact { 0.0 } else { estimate.unbiased_variance },
            log_likelihood: if is_exact { f64::NAN } else { -0.5 * fit },
            observations: if is_exact { 0 } else { observations },
            warnings,
        }
    }
}

fn is_constant(train: &[Series]) -> bool {
    let mut known = values(train).flatten().filter(|x| !x.is_nan());
    let first = known.next();
    known.all(|x| Some(x) == first)
}

fn less_line(x: &[f64], level: f64, slope: f64) -> Vec<f64> {
    (1..).zip(x).map(|(t, x): (i64, &f64)| x - level - slope * t as f64).collect()
}
