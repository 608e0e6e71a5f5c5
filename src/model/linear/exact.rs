//! The exact Gaussian likelihood: from series to [`ExactProblem`] and back.
//!
//! ```text
//! x_t = X_t' b + u_t,   phi(B) Phi(B^m) delta(B) u_t = e_t,   delta(B) X_t = r_t
//! ```
//!
//! r_t are the [`Terms`](super::Terms) of the differenced values, so that their columns beside x are summed up: an
//! intercept becomes t with d = 1, and t / m with D = 1 a staircase. What the columns are before the first difference does
//! not matter, since the starting values are diffuse. Covariates stand beside x as they are.
//!
//! sigma^2 is the maximum likelihood estimate S / N, N the number of values that have a density; the unbiased one is S /
//! (N - k) for k coefficients. Errors are those of the observed information. Matches R's `arima(method = "ML")` with
//! `xreg`; with d = 1 R has no drift unless t is given as `xreg`.
//!
//! Cost: a few Newton steps of what [`math::exact`](crate::math::exact) says, and O(n k) to build the columns.

use super::ar::{Form, Innovations, Start};
use super::design::Design;
use super::order::OrderRow;
use super::spec::{BurgVariance, Estimate, Estimated, LinearSpec, is_constant};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::autocovariance::mean;
use crate::math::exact::{ExactFit, ExactProblem, Lags, Observed, Structure, root_modulus};
use crate::math::kalman::Process;

/// A root is near the unit circle when its distance is less than this share of a series: within the spread that the
/// estimate of a unit root has.
const NEAR_UNIT_ROOT: f64 = 2.0;
/// Orders that are tried by their own likelihood, where missing values leave no cheaper way.
const MOST_ORDERS: usize = 30;
/// Without a term for a level, a root this close to one stands for it.
const NO_LEVEL: f64 = 1e-10;
/// No root below this is near, however short the series.
const NEAR: f64 = 0.9;

impl LinearSpec {
    /// `train` has the series before their differences.
    pub(super) fn exact(&self, train: &[Series], differenced: &[Series], lags: &[usize]) -> Result<Estimate> {
        self.check_reach(differenced, lags)?;
        if self.terms.has_intercept() && is_constant(differenced) {
            return Ok(self.level(differenced, lags));
        }
        let columns: Vec<Vec<Vec<f64>>> = train.iter().map(|series| self.columns(series)).collect();
        let fit = self.problem(train, &columns, lags).maximise().or_else(|error| {
            // Collinear terms have names there.
            Design::new(self, differenced, 0).least_squares().and(Err(error))
        })?;
        self.estimate_of(fit, train.iter().map(Series::len).max().unwrap_or(0))
    }

    /// The criteria of the orders up to a maximum (at most [`MOST_ORDERS`]), each by its own maximum: one fit an order.
    /// The variance of a row is the one with which -2 ln L of independent values is that of the fit, so that the criteria
    /// are those of the likelihood. An order without a maximum inside the stationary region is left out.
    pub(super) fn exact_orders(&self, train: &[Series], differenced: &[Series], max: usize) -> Result<Vec<OrderRow>> {
        let columns: Vec<Vec<Vec<f64>>> = train.iter().map(|series| self.columns(series)).collect();
        let row = |order: usize| {
            let lags: Vec<usize> = (1..=order).collect();
            let fit = self.problem(train, &columns, &lags).maximise().ok().filter(|fit| fit.converged)?;
            let rows = fit.observations as f64;
            let innovation_variance = (-2.0 * fit.log_likelihood / rows - 1.0).exp() / std::f64::consts::TAU;
            let seasonal = self.seasonal.map_or(0, |seasonal| seasonal.order);
            let parameters = (order + seasonal + self.terms.width() + 1) as f64;
            Some(OrderRow { order, innovation_variance, rows, parameters })
        };
        let table: Vec<OrderRow> = (0..=max.min(MOST_ORDERS)).filter_map(row).collect();
        // Without any maximum the closed form says what is wrong, or that nothing varies.
        if table.is_empty() { self.burg_orders(differenced, max, BurgVariance::Levinson) } else { Ok(table) }
    }

    fn problem<'a>(&self, train: &'a [Series], columns: &'a [Vec<Vec<f64>>], lags: &[usize]) -> ExactProblem<'a> {
        let observed = |(series, columns): (&'a Series, &'a Vec<Vec<f64>>)| Observed {
            y: series.values(),
            columns: columns.iter().map(Vec::as_slice).collect(),
        };
        let series = train.iter().zip(columns).map(observed).collect();
        ExactProblem { series, structure: self.structure(lags) }
    }

    /// # Errors
    /// If fewer than half of the values of the longest series have a lag: its coefficient would be anything.
    fn check_reach(&self, differenced: &[Series], lags: &[usize]) -> Result<()> {
        let longest = differenced.iter().map(Series::len).max().unwrap_or(0);
        let season = self.seasonal.map_or(0, |seasonal| seasonal.order * seasonal.period);
        match lags.last().copied().unwrap_or(0).max(season) {
            reach if 2 * reach > longest => {
                Err(Error::usage(format!("the lag {reach} is too large for {longest} values"))
                    .expected(format!("lags of at most {}", longest / 2))
                    .hint("leave it out, or give more history"))
            }
            _ => Ok(()),
        }
    }

    fn structure(&self, lags: &[usize]) -> Structure {
        let is_full = lags.iter().copied().eq(1..=lags.len());
        let seasonal = self.seasonal.map_or((0, self.differences.period()), |lags| (lags.order, lags.period));
        Structure {
            lags: if is_full { Lags::Order(lags.len()) } else { Lags::Set(lags.to_vec()) },
            seasonal_order: seasonal.0,
            period: seasonal.1,
            differences: self.differences.regular(),
            seasonal_differences: self.differences.seasonal(),
        }
    }

    /// The terms as regressors of the values themselves: X with delta(B) X = r.
    fn columns(&self, series: &Series) -> Vec<Vec<f64>> {
        let (order, deterministic) = (self.differences.order(), self.terms.deterministic());
        let mut columns = vec![vec![0.0; series.len()]; deterministic];
        let mut row = Vec::new();
        for t in order..series.len() {
            row.clear();
            self.terms.push_row(t as i64, order as i64, &mut row);
            for (column, &r) in columns.iter_mut().zip(&row) {
                let before = self.differences.lags().iter().map(|&(lag, weight)| weight as f64 * column[t - lag]);
                column[t] = r + before.sum::<f64>();
            }
        }
        columns.extend(series.covariates().iter().map(|covariate| covariate.values[..series.len()].to_vec()));
        columns
    }

    fn estimate_of(&self, fit: ExactFit, longest: usize) -> Result<Estimate> {
        // A maximum at the edge is a point on the way there, and its curvature says nothing.
        let covariance = if fit.converged { fit.covariance.map(|all| terms_first(&all, fit.beta.len())) } else { None };
        let error = |i: usize| covariance.as_ref().map(|all| all[i][i].sqrt());
        let (n, k) = (fit.observations as f64, fit.beta.len() + fit.phi.len() + fit.seasonal_phi.len());
        let mut estimated: Vec<Estimated> = [&fit.beta[..], &fit.phi, &fit.seasonal_phi]
            .concat()
            .into_iter()
            .enumerate()
            .map(|(i, value)| (value, error(i)))
            .collect();
        let seasonal_phi = estimated.split_off(fit.beta.len() + fit.phi.len());
        let phi = estimated.split_off(fit.beta.len());
        Ok(Estimate {
            terms: estimated,
            form: Form::Mean,
            lags: fit.lags,
            phi,
            seasonal_phi,
            innovations: Innovations::Gaussian { sd: fit.sigma2.sqrt() },
            unbiased_variance: fit.sigma2 * n / (n - k as f64),
            start: Start::Stationary,
            covariance,
            recursion: None,
            converged: fit.converged,
            warnings: warnings(&fit.expanded, fit.converged, longest, self.has_level())?,
        })
    }

    /// Whether a level of the values is explained without a root near one.
    fn has_level(&self) -> bool {
        self.terms.has_intercept() || self.terms.dummies > 0 || self.differences.order() > 0
    }

    /// No variation to explain: every coefficient but the level is zero.
    pub(super) fn level(&self, differenced: &[Series], lags: &[usize]) -> Estimate {
        let mut terms = vec![(0.0, None); self.terms.width()];
        terms[0].0 = mean(super::spec::values(differenced));
        Estimate {
            terms,
            form: Form::Mean,
            lags: lags.to_vec(),
            phi: vec![(0.0, None); lags.len()],
            seasonal_phi: vec![(0.0, None); self.seasonal.map_or(0, |seasonal| seasonal.order)],
            innovations: Innovations::Gaussian { sd: 0.0 },
            unbiased_variance: 0.0,
            start: Start::Stationary,
            covariance: None,
            recursion: None,
            converged: true,
            warnings: Vec::new(),
        }
    }
}

/// From (phi, Phi, beta) to (beta, phi, Phi).
fn terms_first(covariance: &[Vec<f64>], terms: usize) -> Vec<Vec<f64>> {
    let turn = |row: &Vec<f64>| {
        let mut row = row.clone();
        row.rotate_right(terms);
        row
    };
    let mut rows: Vec<Vec<f64>> = covariance.iter().map(turn).collect();
    rows.rotate_right(terms);
    rows
}

fn warnings(expanded: &[f64], converged: bool, longest: usize, has_level: bool) -> Result<Vec<String>> {
    // A filter of the model needs its start.
    Process::new(expanded, &[])
        .map_err(|error| error.hint("take differences with --difference, or choose a smaller order"))?;
    let mut warnings = Vec::new();
    let modulus = root_modulus(expanded);
    if !converged && !has_level && 1.0 - modulus < NO_LEVEL {
        warnings.push(format!(
            "the likelihood has no maximum that numbers can hold (largest inverse root {modulus}): the values lie too far \
             from zero for their spread; the coefficients are the best found, without standard errors; give the values a \
             level with --trend c, or take differences"
        ));
    } else if !converged {
        warnings.push(format!(
            "the likelihood has no maximum inside the stationary region (largest inverse root {modulus:.6}): the \
             coefficients are the best found, without standard errors"
        ));
    } else if modulus > NEAR && (1.0 - modulus) * (longest as f64) < NEAR_UNIT_ROOT {
        warnings.push(format!(
            "near unit root: the largest inverse root has modulus {modulus:.4}, which {longest} values cannot tell from 1; \
             consider differences"
        ));
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};

    use super::*;
    use crate::data::series::Covariate;
    use crate::math::exact::autocovariances;
    use crate::math::random::LaneRng;
    use crate::model::linear::{Criterion, Estimator, Fourier, Order, SeasonalLags, Terms, Trend};
    use crate::model::transformed::Differences;
    use crate::model::{Fit, Fitted};

    /// A wandering, seasonal series with a covariate that matters.
    fn series(n: usize, lane: u64) -> Series {
        let mut rng = LaneRng::new(21, lane);
        let mut x: Vec<f64> = vec![0.0; 2];
        let price: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        for _ in 0..n {
            let t = x.len();
            x.push(1.2 * x[t - 1] - 0.4 * x[t - 2] + rng.normal());
        }
        let value = |t: usize| 50.0 + 0.3 * t as f64 + 2.0 * f64::from(t % 4 == 1) + 0.7 * price[t] + x[t + 2];
        let covariate = Covariate { name: "price".to_owned(), values: price.clone() };
        Series::new(format!("s{lane}"), (0..n).map(value).collect()).with_covariates(vec![covariate])
    }

    fn spec(order: Order, terms: Terms, differences: Differences) -> LinearSpec {
        LinearSpec { order, terms, differences, estimator: Estimator::Exact, ..LinearSpec::default() }
    }

    fn terms(trend: Trend, dummies: usize, waves: usize, price: bool) -> Terms {
        let fourier = if waves > 0 { vec![Fourier { period: 7.5, harmonics: waves }] } else { Vec::new() };
        Terms { trend, dummies, fourier, covariates: if price { vec!["price".to_owned()] } else { Vec::new() } }
    }

    /// The log density of differences without gaps: z ~ N(R b, sigma^2 Gamma), by dense matrices.
    fn dense(fitted: &Fitted<crate::model::linear::Ar>, spec: &LinearSpec, train: &[Series], beta: &[f64]) -> f64 {
        let of = |series: &Series| {
            let design = Design::new(spec, &[spec_differences(spec, series)], 0);
            let z = DVector::from_column_slice(&design.y) - &design.x * DVector::from_column_slice(beta);
            let n = z.len();
            let phi = fitted.model.coefficients();
            let mut c = autocovariances(phi).expect("stationary");
            for k in c.len()..n {
                c.push((1..).zip(phi).map(|(i, phi)| phi * c[k - i]).sum());
            }
            let variance = fitted.summary.innovation_variance;
            let factor = DMatrix::from_fn(n, n, |i, j| variance * c[i.abs_diff(j)]).cholesky().expect("positive");
            let square = z.dot(&factor.solve(&z));
            -0.5 * (n as f64 * std::f64::consts::TAU.ln() + factor.ln_determinant() + square)
        };
        train.iter().map(of).sum()
    }

    fn spec_differences(spec: &LinearSpec, series: &Series) -> Series {
        let covariates = series.covariates().iter().filter(|c| spec.terms.covariates.contains(&c.name));
        let difference = |covariate: &Covariate| Covariate {
            name: covariate.name.clone(),
            values: spec.differences.apply(&covariate.values),
        };
        let covariates = covariates.map(difference).collect();
        Series::new(series.id(), spec.differences.apply(series.values())).with_covariates(covariates)
    }

    #[test]
    fn terms_are_those_of_the_differences_and_maximise_their_density() {
        let train = [series(60, 0), series(41, 1)];
        let seasonal = Some(SeasonalLags { order: 1, period: 4 });
        let two = || Order::Fixed(2);
        let constant = Trend::Constant;
        let specs = [
            spec(two(), terms(constant, 0, 0, false), Differences::none()),
            spec(two(), terms(Trend::ConstantTrend, 4, 2, true), Differences::none()),
            spec(two(), terms(Trend::ConstantTrend, 0, 0, true), Differences::new(1, 0, 1)),
            spec(two(), terms(constant, 4, 2, true), Differences::new(1, 0, 1)),
            spec(two(), terms(Trend::None, 0, 1, true), Differences::new(2, 0, 1)),
            LinearSpec { seasonal, ..spec(Order::Fixed(1), terms(constant, 0, 1, true), Differences::new(0, 1, 4)) },
            LinearSpec { seasonal, ..spec(two(), terms(constant, 0, 0, true), Differences::new(1, 1, 4)) },
            spec(Order::Lags(vec![1, 4]), terms(constant, 0, 0, false), Differences::new(1, 0, 1)),
            spec(Order::Fixed(0), terms(constant, 4, 0, false), Differences::new(1, 0, 1)),
        ];
        for spec in specs {
            let fitted = spec.fit(&train).expect("a fit");
            assert!(fitted.summary.converged, "{spec:?}");
            let beta = fitted.model.term_coefficients();
            let peak = dense(&fitted, &spec, &train, beta);
            assert!((peak - fitted.summary.log_likelihood).abs() < 1e-8, "{spec:?}: {peak} {:?}", fitted.summary);
            for (j, parameter) in fitted.summary.parameters[..beta.len()].iter().enumerate() {
                let step = 1e-3 * parameter.standard_error.expect("an error");
                let mut nudged = beta.to_vec();
                let mut at = |by: f64| {
                    nudged[j] = beta[j] + by;
                    dense(&fitted, &spec, &train, &nudged)
                };
                let (above, below) = (at(step), at(-step));
                // The slope in standard errors, and the curvature that belongs to an error with all else fixed.
                assert!((above - below).abs() / 2e-3 < 1e-4, "{spec:?}: {}", parameter.name);
                assert!(above < peak && below < peak, "{spec:?}: {}", parameter.name);
            }
        }
    }

    /// Every third value of an AR(2) is missing: no run of known values is longer than two.
    #[test]
    fn orders_behind_many_gaps_are_chosen_by_their_likelihood() {
        let mut values = series(240, 3).values().to_vec();
        values.iter_mut().skip(2).step_by(3).for_each(|x| *x = f64::NAN);
        let train = [Series::new("", values)];
        let auto = Order::Auto { max: Some(6), criterion: Criterion::Bic };
        let fitted =
            spec(auto, terms(Trend::ConstantTrend, 0, 0, false), Differences::none()).fit(&train).expect("a fit");
        let criterion = |order: usize| {
            let spec = spec(Order::Fixed(order), terms(Trend::ConstantTrend, 0, 0, false), Differences::none());
            spec.fit(&train).expect("a fit").summary.criterion(Criterion::Bic)
        };
        let best = (0..=6).min_by(|&a, &b| criterion(a).total_cmp(&criterion(b))).expect("an order");
        assert_eq!(fitted.model.order(), best);
        assert!(best >= 2 && fitted.summary.warnings.is_empty(), "{best}: {:?}", fitted.summary.warnings);
    }
}
