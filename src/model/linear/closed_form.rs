//! From differenced series to coefficients in closed form: Yule-Walker and conditional least squares.
//!
//! Several series are pooled: their lagged products (or rows) add up, each from its own index 0, and give one set of
//! coefficients. A missing value takes the products or rows that contain it with it.

use nalgebra::DMatrix;

use super::ar::{Form, Innovations, Start};
use super::design::Design;
use super::order::OrderRow;
use super::spec::{Estimate, Estimated, LinearSpec, is_constant, values};
use super::subset::rows_of;
use super::terms::Trend;
use crate::data::series::Series;
use crate::data::windows::{Stretch, stretches};
use crate::error::{Error, Result};
use crate::math::autocovariance::{Divisor, LaggedProducts, mean};
use crate::math::least_squares::{Deterministic, LagRegression, Segment, Solution};
use crate::math::toeplitz::{Levinson, inverse};
use crate::model::too_short;

/// The rows of least squares: times count from 1 at the first value of each series.
fn segments(train: &[Series], lags: usize) -> Vec<Segment<'_>> {
    values(train)
        .flat_map(|x| stretches(x, lags))
        .map(|Stretch { values, start }| Segment { x: values, time: start as f64 + 1.0 })
        .collect()
}

impl LinearSpec {
    /// The trend as columns of the lag regression.
    fn deterministic(&self) -> Deterministic {
        match self.terms.trend {
            Trend::None => Deterministic::None,
            Trend::Constant => Deterministic::Constant,
            Trend::ConstantTrend => Deterministic::ConstantTrend,
        }
    }

    /// Whether the terms are a line that the lag regression holds itself.
    pub(super) fn is_plain(&self) -> bool {
        self.terms.is_line() && self.terms.covariates.is_empty()
    }

    /// What moment estimators work on: the deviations from the terms, with the terms' least squares coefficients. An
    /// intercept alone is not taken out but left to the products as their level.
    pub(super) fn deviations(&self, train: &[Series]) -> Result<Deviations> {
        if self.is_plain() && self.terms.trend != Trend::ConstantTrend {
            let level = if self.terms.has_intercept() { mean(values(train)) } else { 0.0 };
            let coefficients = if self.terms.has_intercept() { vec![(level, None)] } else { Vec::new() };
            return Ok(Deviations { coefficients, level, values: None });
        }
        let rows = Design::new(self, train, 0);
        let fit = rows.least_squares()?;
        let coefficients = fit.coefficients.iter().map(|&b| (b, None)).collect();
        Ok(Deviations { coefficients, level: 0.0, values: Some(rows.deviations(&fit.coefficients, train)) })
    }

    pub(super) fn yule_walker_orders(&self, train: &[Series], max: usize, adjusted: bool) -> Result<Vec<OrderRow>> {
        let deviations = self.deviations(train)?;
        let (products, solved) = levinson(&deviations, train, max, adjusted);
        let row = |order: usize| OrderRow {
            order,
            innovation_variance: solved.variance(order),
            rows: products.known(),
            parameters: (order + self.terms.width() + 1) as f64,
        };
        Ok((0..=solved.max_order()).map(row).collect())
    }

    pub(super) fn yule_walker(&self, train: &[Series], order: usize, adjusted: bool) -> Result<Estimate> {
        let deviations = self.deviations(train)?;
        let (products, solved) = levinson(&deviations, train, order, adjusted);
        let n = products.known();
        if solved.max_order() < order {
            if solved.variance(0) > 0.0 {
                return Err(Error::numeric(format!("Yule-Walker has no solution of order {order}"))
                    .expected(format!("an order of at most {}: the autocovariances are those of an exactly predictable series beyond it", solved.max_order()))
                    .hint("lower --order or use --estimator least-squares"));
            }
            return self.constant(train, &(1..=order).collect::<Vec<_>>());
        }
        self.of_moments(deviations, solved.coefficients(order), solved.variance(order), (&solved, n))
    }

    /// Coefficients and variance with asymptotic errors: the covariance of phi is sigma^2 inverse(Gamma) / n, Gamma the
    /// autocovariances that were solved (Brockwell and Davis 1991, theorem 8.1.1); without errors where they end before
    /// the order.
    ///
    /// # Errors
    /// If no more values are known than there are coefficients.
    pub(super) fn of_moments(
        &self,
        deviations: Deviations,
        phi: Vec<f64>,
        variance: f64,
        (solved, n): (&Levinson, f64),
    ) -> Result<Estimate> {
        let width = phi.len() + self.terms.width();
        let degrees = n - width as f64;
        if degrees <= 0.0 {
            return Err(too_short(&format!("{width} coefficients"), n as usize, width + 1));
        }
        let unbiased_variance = variance * n / degrees;
        if solved.max_order() < phi.len() {
            let phi = phi.into_iter().map(|phi| (phi, None)).collect();
            return Ok(self.of_deviations(deviations, phi, variance, unbiased_variance, None));
        }
        let scale = unbiased_variance / n;
        let inverse = inverse(solved, phi.len());
        let phi = phi.into_iter().enumerate().map(|(i, phi)| (phi, Some((inverse[i][i] * scale).sqrt()))).collect();
        let covariance = self.moment_covariance(deviations.level, &inverse, scale);
        let intercept_error = match &covariance {
            Some(covariance) if self.terms.has_intercept() => Some(covariance[0][0].sqrt()),
            _ => None,
        };
        let estimate = self.of_deviations(deviations, phi, variance, unbiased_variance, intercept_error);
        Ok(Estimate { covariance, ..estimate })
    }

    /// The covariance of (c, phi) or phi alone from inverse(Gamma); `None` with other terms, whose errors are not known.
    ///
    /// c = level (1 - sum phi): the variance of the level is sigma^2 / (n (1 - sum phi)^2) for long series, phi is
    /// independent of it, and so var c = (1 + level^2 1' inverse(Gamma) 1) sigma^2 / n, cov (c, phi) = -level
    /// inverse(Gamma) 1 sigma^2 / n.
    fn moment_covariance(&self, level: f64, inverse: &[Vec<f64>], scale: f64) -> Option<Vec<Vec<f64>>> {
        if !self.is_plain() || self.terms.trend == Trend::ConstantTrend {
            return None;
        }
        let scaled = |row: &Vec<f64>| row.iter().map(|x| x * scale).collect::<Vec<f64>>();
        let phi: Vec<Vec<f64>> = inverse.iter().map(scaled).collect();
        if !self.terms.has_intercept() {
            return Some(phi);
        }
        let with_level: Vec<f64> = phi.iter().map(|row| -level * row.iter().sum::<f64>()).collect();
        let intercept = scale - level * with_level.iter().sum::<f64>();
        let first = std::iter::once(intercept).chain(with_level.iter().copied()).collect();
        let others = with_level.iter().zip(phi).map(|(level, row)| std::iter::once(*level).chain(row).collect());
        Some(std::iter::once(first).chain(others).collect())
    }

    /// An estimate of the deviations from the terms. A line is multiplied out into the equation, whose intercept people
    /// compare with that of least squares; other terms stay the mean.
    fn of_deviations(
        &self,
        deviations: Deviations,
        phi: Vec<Estimated>,
        variance: f64,
        unbiased_variance: f64,
        intercept_error: Option<f64>,
    ) -> Estimate {
        let mut terms = deviations.coefficients;
        let mut form = Form::Mean;
        if self.is_plain() {
            form = Form::Equation;
            let sum: f64 = phi.iter().map(|phi| phi.0).sum();
            let moment: f64 = (1..).zip(&phi).map(|(i, phi)| f64::from(i) * phi.0).sum();
            let slope = terms.get(1).map_or(0.0, |slope| slope.0);
            if let Some(intercept) = terms.first_mut() {
                *intercept = (intercept.0 * (1.0 - sum) + slope * moment, intercept_error);
            }
            if let Some(slope) = terms.get_mut(1) {
                slope.0 *= 1.0 - sum;
            }
        }
        let innovations = Innovations::Gaussian { sd: variance.sqrt() };
        Estimate {
            terms,
            form,
            lags: (1..=phi.len()).collect(),
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

    /// No variation to explain: every coefficient is zero.
    pub(super) fn constant(&self, train: &[Series], lags: &[usize]) -> Result<Estimate> {
        let phi = vec![(0.0, None); lags.len()];
        let estimate = self.of_deviations(self.deviations(train)?, phi, 0.0, 0.0, None);
        Ok(Estimate { lags: lags.to_vec(), ..estimate })
    }

    /// The largest number of lags, up to a maximum, with more rows than coefficients in spite of gaps.
    pub(super) fn affordable_lags(&self, train: &[Series], max: usize) -> usize {
        let mut lags = max;
        while lags > 0 && complete_rows(train, lags) <= self.terms.width() + lags + 1 {
            lags /= 2;
        }
        lags
    }

    /// The factor of lags and response that the line of the terms leaves.
    pub(super) fn lag_factor(&self, train: &[Series], lags: usize) -> DMatrix<f64> {
        LagRegression::new(segments(train, lags), self.deterministic(), lags).lag_factor()
    }

    pub(super) fn least_squares_orders(&self, train: &[Series], max: usize) -> Result<Vec<OrderRow>> {
        let width = self.terms.width();
        let lags = self.affordable_lags(train, max);
        let rows = complete_rows(train, lags) as f64;
        let squares = if self.is_plain() {
            let regression = LagRegression::new(segments(train, lags), self.deterministic(), lags);
            (0..=regression.rank_order()).map(|order| regression.rss(order)).collect()
        } else {
            Design::new(self, train, lags).nested_rss()?
        };
        let row = |(order, rss): (usize, f64)| OrderRow {
            order,
            innovation_variance: rss / rows,
            rows,
            parameters: (order + width + 1) as f64,
        };
        Ok(squares.into_iter().enumerate().map(row).collect())
    }

    pub(super) fn least_squares(&self, train: &[Series], order: usize) -> Result<Estimate> {
        let lags: Vec<usize> = (1..=order).collect();
        if !self.is_plain() {
            return self.subset_least_squares(train, &lags);
        }
        self.check_rows(train, &lags)?;
        let regression = LagRegression::new(segments(train, order), self.deterministic(), order);
        if regression.rank_order() < order {
            if is_constant(train) {
                return self.constant(train, &lags);
            }
            return Err(dependent_lags(order, regression.rank_order()));
        }
        let Solution { coefficients, inverse_diagonal, rss } = regression.solve(order);
        let n = regression.rows() as f64;
        let with_errors = coefficients.iter().zip(inverse_diagonal).map(|(b, d)| (*b, Some((d * rss / n).sqrt())));
        let mut terms: Vec<Estimated> = with_errors.collect();
        let phi = terms.split_off(self.terms.width());
        Ok(Estimate {
            terms,
            form: Form::Equation,
            lags,
            phi,
            seasonal_phi: Vec::new(),
            innovations: Innovations::Gaussian { sd: (rss / n).sqrt() },
            unbiased_variance: rss / (n - coefficients.len() as f64),
            start: Start::Given,
            covariance: Some(rows_of(&(regression.inverse(order) * (rss / n)))),
            converged: true,
            warnings: Vec::new(),
            recursion: None,
        })
    }
}

/// The error for more lags than say something new.
fn dependent_lags(order: usize, rank: usize) -> Error {
    if rank == 0 {
        return Error::numeric("the lags say nothing that the terms beside them do not say")
            .expected("lags that vary beyond them")
            .hint("choose --order 0, or another --trend");
    }
    Error::numeric(format!("the lags of order {order} are linearly dependent"))
        .expected(format!("an order of at most {rank}"))
        .hint("lower --order or leave it to --order auto")
}

/// What is left of the training values without their terms.
pub(super) struct Deviations {
    coefficients: Vec<Estimated>,
    /// What is still to be subtracted.
    pub(super) level: f64,
    /// The deviations of every series; the series themselves where nothing else is subtracted.
    pub(super) values: Option<Vec<Vec<f64>>>,
}

/// The number of rows that have all lags.
pub(super) fn complete_rows(train: &[Series], lags: usize) -> usize {
    values(train).flat_map(|x| stretches(x, lags)).map(|stretch| stretch.values.len() - lags).sum()
}

/// The lagged products about the level and the recursion on them. Where missing values leave autocovariances that no
/// stationary process has, those with missing values set to the mean are used.
pub(super) fn levinson(
    deviations: &Deviations,
    train: &[Series],
    max: usize,
    adjusted: bool,
) -> (LaggedProducts, Levinson) {
    let divisor = if adjusted { Divisor::Adjusted } else { Divisor::Biased };
    let products = match &deviations.values {
        Some(values) => LaggedProducts::of(values.iter().map(Vec::as_slice), deviations.level, max),
        None => LaggedProducts::of(values(train), deviations.level, max),
    };
    let mut solved = Levinson::solve(&products.autocovariances(divisor));
    if solved.max_order() < max && values(train).flatten().any(|x| x.is_nan()) {
        solved = Levinson::solve(&products.positive_definite_autocovariances());
    }
    (products, solved)
}
