//! From series to a model: least squares, the table of orders, and what is reported.

use std::f64::consts::TAU;

use nalgebra::DMatrix;

use super::align::{aligned, name};
use super::var::{Var, trend_row};
use crate::data::batch::Batch;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::multivariate::MultivariateRegression;
use crate::math::special::normal_cdf;
use crate::model::linear::{Criterion, Terms, Trend};
use crate::model::{Parameter, Summary};

/// What an equation may leave unexplained, relative to its residual beside those of the others, before it counts as
/// explained by them.
const INDEPENDENT: f64 = 1e-10;
/// Roundings of the largest value that a residual may carry.
const ROUNDINGS: f64 = 64.0;

/// The order of a vector autoregression, or how to select it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarOrder {
    /// The lags 1..=p.
    Fixed(usize),
    /// The order with the smallest criterion on a common sample.
    Auto {
        /// The largest order that is tried. By default floor(12 (n / 100)^(1/4)), as far as twice as many rows are left as
        /// an equation has coefficients.
        max: Option<usize>,
        /// What is minimised.
        criterion: Criterion,
    },
}

/// What to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarSpec {
    /// How many lags.
    pub order: VarOrder,
    /// The terms beside the lags.
    pub trend: Trend,
}

impl Default for VarSpec {
    fn default() -> Self {
        Self { order: VarOrder::Auto { max: None, criterion: Criterion::Aicc }, trend: Trend::Constant }
    }
}

/// One order on the common sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarOrderRow {
    /// The order p.
    pub order: usize,
    /// ln det of the covariance E'E / n.
    pub log_determinant: f64,
    /// The number of rows n.
    pub rows: usize,
    /// The number k of components.
    pub components: usize,
    /// The number q of coefficients of an equation.
    pub coefficients: usize,
}

impl VarOrderRow {
    /// The Gaussian log-likelihood -n / 2 (k ln 2 pi + ln det Sigma + k).
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        let k = self.components as f64;
        -0.5 * self.rows as f64 * (k * (TAU.ln() + 1.0) + self.log_determinant)
    }

    /// A criterion, -2 l + penalty, with the k q coefficients and the k (k + 1) / 2 entries of the covariance; for one
    /// component that of [`Summary::criterion`].
    #[must_use]
    pub fn criterion(&self, criterion: Criterion) -> f64 {
        let [n, k, q] = [self.rows, self.components, self.coefficients].map(|count| count as f64);
        let parameters = k * q + 0.5 * k * (k + 1.0);
        let penalty = match criterion {
            Criterion::Aicc if n - q - k > 1.0 => 2.0 * parameters * n / (n - q - k - 1.0),
            Criterion::Aicc => f64::INFINITY,
            other => other.penalty(n, parameters),
        };
        penalty - 2.0 * self.log_likelihood()
    }
}

/// A fitted vector autoregression and what its fit reports.
#[derive(Debug, Clone)]
pub struct FittedVar {
    /// The model.
    pub model: Var,
    /// The orders that were tried, on their common sample; empty where the order was fixed.
    pub orders: Vec<VarOrderRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
    row: VarOrderRow,
    coefficients: DMatrix<f64>,
    inverse: DMatrix<f64>,
}

impl VarSpec {
    /// Fits all equations to series on the same times; component i is series i.
    ///
    /// # Errors
    /// If the series differ in their times, there are too few rows at which all values are known, or a series or a lag is
    /// explained by others without error: the error names them.
    pub fn fit(&self, series: &[Series]) -> Result<FittedVar> {
        let data = Data { batch: aligned(series)?, names: names(series), trend: self.trend };
        let (order, orders) = match self.order {
            VarOrder::Fixed(order) => (order, Vec::new()),
            VarOrder::Auto { max, criterion } => {
                let orders = data.order_table(max.unwrap_or_else(|| data.default_max_order()))?;
                (best(&orders, criterion), orders)
            }
        };
        data.fit(order, orders)
    }
}

fn names(series: &[Series]) -> Vec<String> {
    series.iter().enumerate().map(|(number, series)| name(series, number)).collect()
}

/// The smallest criterion, the smaller order of equals. An order that explains a series without error ends the search.
fn best(orders: &[VarOrderRow], criterion: Criterion) -> usize {
    let exact = orders.iter().find(|row| row.log_determinant == f64::NEG_INFINITY);
    let smallest = || orders.iter().min_by(|a, b| a.criterion(criterion).total_cmp(&b.criterion(criterion)));
    exact.or_else(smallest).map_or(0, |row| row.order)
}

/// The series on their common times.
struct Data {
    batch: Batch,
    names: Vec<String>,
    trend: Trend,
}

impl Data {
    fn terms(&self) -> usize {
        Terms::of(self.trend).width()
    }

    /// The coefficients of an equation.
    fn width(&self, order: usize) -> usize {
        self.terms() + order * self.names.len()
    }

    /// The steps that are known with their lags.
    fn complete(&self, order: usize) -> Vec<usize> {
        let known = |step: usize| self.batch.row(step).iter().all(|x| !x.is_nan());
        let mut run = 0;
        let mut steps = Vec::new();
        for step in 0..self.batch.steps() {
            run = if known(step) { run + 1 } else { 0 };
            if run > order {
                steps.push(step);
            }
        }
        steps
    }

    fn default_max_order(&self) -> usize {
        let by_length = (12.0 * (self.batch.steps() as f64 / 100.0).powf(0.25)) as usize;
        let leaves_enough = |order: &usize| self.complete(*order).len() >= 2 * self.width(*order) + self.names.len();
        (0..=by_length).rev().find(leaves_enough).unwrap_or(0)
    }

    /// The factorised regression of an order.
    fn regression(&self, order: usize) -> Result<MultivariateRegression> {
        let steps = self.complete(order);
        let (width, k) = (self.width(order), self.names.len());
        if steps.len() < width + k {
            return Err(self.too_short(order, steps.len()));
        }
        let mut x = Vec::with_capacity(steps.len() * width);
        for &step in &steps {
            x.extend(trend_row(self.trend, step as i64));
            (1..=order).for_each(|lag| x.extend(self.batch.row(step - lag)));
        }
        let y = steps.iter().flat_map(|&step| self.batch.row(step).iter().copied());
        let x = DMatrix::from_row_slice(steps.len(), width, &x);
        let regression = MultivariateRegression::new(&x, &DMatrix::from_row_iterator(steps.len(), k, y))?;
        match regression.collinear().iter().find(|&&column| column >= self.terms()) {
            Some(&column) => Err(self.collinear(&x, column)),
            None => Ok(regression),
        }
    }

    fn too_short(&self, order: usize, rows: usize) -> Error {
        let (width, k) = (self.width(order), self.names.len());
        Error::data(format!(
            "a VAR({order}) of {k} series has {width} coefficients in each equation, and there {} at which all series \
             and their lags are known",
            if rows == 1 { "is 1 time".to_owned() } else { format!("are {rows} times") }
        ))
        .expected(format!("at least {}", width + k))
        .hint("choose a smaller --order, fewer series, or give more history")
    }

    fn collinear(&self, x: &DMatrix<f64>, column: usize) -> Error {
        let place = column - self.terms();
        let (lag, series) = (place / self.names.len() + 1, &self.names[place % self.names.len()]);
        let values = x.column(column);
        if values.iter().all(|value| *value == values[0]) {
            return Error::data(format!("`{series}` is constant ({})", values[0]))
                .expected("series that vary, beside an intercept")
                .hint("leave the series out");
        }
        Error::data(format!("lag {lag} of `{series}` is a linear combination of the other lags and terms"))
            .expected("series that say different things")
            .hint(format!("leave out `{series}`, or choose a smaller --order"))
    }

    /// All orders up to `max` on the rows of the largest.
    fn order_table(&self, max: usize) -> Result<Vec<VarOrderRow>> {
        let regression = self.regression(max)?;
        let rows = self.complete(max).len();
        Ok((0..=max).map(|order| self.order_row(&regression, order, rows)).collect())
    }

    fn order_row(&self, regression: &MultivariateRegression, order: usize, rows: usize) -> VarOrderRow {
        let coefficients = self.width(order);
        let root = regression.residual_root(coefficients);
        let k = self.names.len();
        let logs: f64 = root.diagonal().iter().map(|r| r.ln()).sum();
        let log_determinant = 2.0 * logs - k as f64 * (rows as f64).ln();
        VarOrderRow { order, log_determinant, rows, components: k, coefficients }
    }

    fn fit(self, order: usize, orders: Vec<VarOrderRow>) -> Result<FittedVar> {
        let regression = self.regression(order)?;
        let residuals = regression.residuals();
        let (rows, k) = residuals.shape();
        let root = self.root(&residuals)?;
        let coefficients = regression.coefficients();
        let transposed = coefficients.transpose();
        let lags = (0..order).map(|lag| transposed.columns(self.terms() + lag * k, k).into_owned()).collect();
        let deterministic = transposed.columns(0, self.terms()).into_owned();
        let logs: f64 = root.diagonal().iter().map(|l| l.ln()).sum();
        let row =
            VarOrderRow { order, log_determinant: 2.0 * logs, rows, components: k, coefficients: self.width(order) };
        let model = Var::with_root(self.names, self.trend, deterministic, lags, root);
        let mut warnings = warnings(&model, self.batch.steps() - order - rows);
        if orders.len() == 1 {
            warnings
                .push(format!("{rows} times are too few to try lags of {k} series: the forecast is the trend alone"));
        }
        Ok(FittedVar { model, orders, warnings, row, coefficients, inverse: regression.inverse() })
    }

    /// The Cholesky factor of E'E / n, from a factor of E itself, which keeps twice the digits and has a diagonal that is not
    /// negative.
    fn root(&self, residuals: &DMatrix<f64>) -> Result<DMatrix<f64>> {
        let rows = residuals.nrows() as f64;
        let root = residuals.clone().qr().unpack_r().transpose() / rows.sqrt();
        if !root.iter().all(|l| l.is_finite()) {
            return Err(Error::numeric("the covariance of the innovations leaves the range of numbers")
                .expected("values that can be squared")
                .hint("rescale the series"));
        }
        for j in 0..root.ncols() {
            let largest = self.batch.lane(j).filter(|x| !x.is_nan()).fold(0.0, |max: f64, x| max.max(x.abs()));
            let floor = (INDEPENDENT * root.row(j).norm()).max(ROUNDINGS * f64::EPSILON * largest);
            if root[(j, j)] <= floor {
                return Err(Error::data(format!("`{}` is explained without error by the other series", self.names[j]))
                    .expected("innovations of its own for every series")
                    .hint("leave the series out"));
            }
        }
        Ok(root)
    }
}

fn warnings(model: &Var, left_out: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    if left_out > 0 {
        warnings
            .push(format!("{left_out} times are left out of the fit: a value of theirs or of their lags is missing"));
    }
    match model.eigenvalues().first().map(|value| value.norm()) {
        Some(modulus) if modulus >= 1.0 => {
            warnings
                .push(format!("the VAR is not stable (largest root {modulus:.3}): forecasts run away from the mean"));
        }
        _ => {}
    }
    warnings
}

impl FittedVar {
    /// The number n of rows in the fit.
    #[must_use]
    pub fn observations(&self) -> usize {
        self.row.rows
    }

    /// The coefficients: a row per term and lag (lag 1 of every component, lag 2, ..), a column per equation.
    #[must_use]
    pub fn coefficients(&self) -> &DMatrix<f64> {
        &self.coefficients
    }

    /// The names of the rows of the coefficients: `intercept`, `trend`, then `L1.name`, .. as statsmodels spells them.
    #[must_use]
    pub fn coefficient_names(&self) -> Vec<String> {
        let terms = Terms::of(self.model.trend()).names().into_iter();
        let lag = |lag: usize| self.model.names().iter().map(move |name| format!("L{lag}.{name}"));
        terms.chain((1..=self.model.order()).flat_map(lag)).collect()
    }

    /// (Z'Z)^-1 of the design Z; times an innovation variance the covariance of an equation's coefficients.
    #[must_use]
    pub fn inverse(&self) -> &DMatrix<f64> {
        &self.inverse
    }

    /// The standard errors of the coefficients.
    #[must_use]
    pub fn standard_errors(&self) -> DMatrix<f64> {
        let variances = self.covariance_unbiased().diagonal();
        DMatrix::from_fn(self.coefficients.nrows(), self.coefficients.ncols(), |i, j| {
            (self.inverse[(i, i)] * variances[j]).sqrt()
        })
    }

    /// The two-sided p-values of the coefficients, from the normal distribution of estimate / standard error.
    #[must_use]
    pub fn p_values(&self) -> DMatrix<f64> {
        self.coefficients.zip_map(&self.standard_errors(), |b, error| 2.0 * normal_cdf(-(b / error).abs()))
    }

    /// The covariance of the innovations in the density, E'E / n.
    #[must_use]
    pub fn covariance(&self) -> DMatrix<f64> {
        self.model.covariance()
    }

    /// The same with n less the coefficients of an equation below the line.
    #[must_use]
    pub fn covariance_unbiased(&self) -> DMatrix<f64> {
        let n = self.row.rows as f64;
        self.covariance() * (n / (n - self.row.coefficients as f64))
    }

    /// The correlations of the innovations.
    #[must_use]
    pub fn correlation(&self) -> DMatrix<f64> {
        let covariance = self.covariance();
        let sd = covariance.diagonal().map(f64::sqrt);
        DMatrix::from_fn(sd.len(), sd.len(), |i, j| covariance[(i, j)] / (sd[i] * sd[j]))
    }

    /// The log-likelihood of all series together, given the first p rows.
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        self.row.log_likelihood()
    }

    /// A criterion of the fit.
    #[must_use]
    pub fn criterion(&self, criterion: Criterion) -> f64 {
        self.row.criterion(criterion)
    }

    /// `VAR(2) of 3 series by least squares`.
    #[must_use]
    pub fn description(&self) -> String {
        let terms = match self.model.trend() {
            Trend::None => " without intercept",
            Trend::Constant => "",
            Trend::ConstantTrend => " with trend",
        };
        format!("VAR({}) of {} series{terms} by least squares", self.model.order(), self.model.components())
    }

    /// The equation of a component as the report of a model of one series: its log-likelihood is that of this series given
    /// the past of all.
    ///
    /// # Panics
    /// If the component does not exist.
    #[must_use]
    pub fn summary(&self, component: usize) -> Summary {
        let errors = self.standard_errors();
        let parameters = self.coefficient_names().into_iter().enumerate().map(|(i, name)| Parameter {
            name,
            value: self.coefficients[(i, component)],
            standard_error: Some(errors[(i, component)]),
        });
        let variance = self.covariance()[(component, component)];
        Summary {
            name: "VAR".to_owned(),
            description: format!("{}, equation of `{}`", self.description(), self.model.names()[component]),
            parameters: parameters.collect(),
            innovation_variance: variance,
            innovation_variance_unbiased: self.covariance_unbiased()[(component, component)],
            log_likelihood: -0.5 * self.row.rows as f64 * ((TAU * variance).ln() + 1.0),
            observations: self.row.rows,
            warnings: self.warnings.clone(),
            ..Summary::default()
        }
    }
}
