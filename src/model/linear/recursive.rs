//! Recursive least squares on differenced series, and its continuation over new values.
//!
//! The rows of terms and lags run through [`Recursive`] in their order, pooled series one after the other. It begins with
//! least squares on the first 4 k + 8 rows of k columns (or as many more as it takes to tell them apart), so that with
//! forgetting 1 the result is least squares. With an intercept all columns are centred at their means over these rows: at
//! a level of 1e6 the recursion would otherwise lose twelve digits.

use nalgebra::DMatrix;

use super::ar::{Ar, ArParts, Innovations};
use super::design::{Design, for_each_row};
use super::spec::{Estimate, LinearSpec, is_constant};
use super::terms::Terms;
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::recursive::{Recursive, check_forgetting};

/// A recursion over the rows of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Recursion {
    /// Its state, of centred rows: the terms, and then the lags.
    pub state: Recursive,
    /// What is taken from every column and, last, from the response.
    pub centre: Vec<f64>,
    /// The lags, ascending.
    pub lags: Vec<usize>,
}

impl Recursion {
    fn update(&mut self, row: &[f64], y: f64, scratch: &mut Vec<f64>) {
        scratch.clear();
        scratch.extend(row.iter().zip(&self.centre).map(|(x, centre)| x - centre));
        self.state.update(scratch, y - self.centre[row.len()]);
    }

    /// The coefficients of the terms and of the lags, of rows that are not centred.
    fn coefficients(&self) -> Vec<f64> {
        let mut b = self.state.coefficients().to_vec();
        let moved: f64 = b.iter().zip(&self.centre).map(|(b, centre)| b * centre).sum();
        if let Some(intercept) = b.first_mut() {
            *intercept += self.centre[self.centre.len() - 1] - moved;
        }
        b
    }

    /// Their covariance.
    fn covariance(&self) -> Vec<Vec<f64>> {
        let centred = self.state.covariance();
        let width = centred.len();
        let c = DMatrix::from_fn(width, width, |i, j| centred[i][j]);
        let of_row = |i: usize, j: usize| f64::from(u8::from(i == j)) - if i == 0 { self.centre[j] } else { 0.0 };
        let t = DMatrix::from_fn(width, width, of_row);
        let c = &t * c * t.transpose();
        (0..width).map(|i| (0..width).map(|j| 0.5 * (c[(i, j)] + c[(j, i)])).collect()).collect()
    }

    fn innovations(&self) -> Innovations {
        Innovations::Gaussian { sd: self.state.residual_variance().sqrt() }
    }
}

/// The first rows, until they determine every coefficient.
struct Beginning<'a> {
    terms: &'a Terms,
    lags: &'a [usize],
    forgetting: f64,
    rows: Vec<f64>,
    y: Vec<f64>,
    /// How many rows are waited for.
    need: usize,
}

impl Beginning<'_> {
    fn take(&mut self, row: &[f64], y: f64) -> Result<Option<Recursion>> {
        self.rows.extend_from_slice(row);
        self.y.push(y);
        if self.y.len() < self.need {
            return Ok(None);
        }
        self.need *= 2;
        self.begin()
    }

    fn begin(&self) -> Result<Option<Recursion>> {
        let width = self.terms.width() + self.lags.len();
        let n = self.y.len() as f64;
        let mut centre = vec![0.0; width + 1];
        if self.terms.has_intercept() {
            let mean = |j: usize| self.rows.iter().skip(j).step_by(width).sum::<f64>() / n;
            (1..width).for_each(|j| centre[j] = mean(j));
            centre[width] = self.y.iter().sum::<f64>() / n;
        }
        let x = DMatrix::from_fn(self.y.len(), width, |row, j| self.rows[row * width + j] - centre[j]);
        let y: Vec<f64> = self.y.iter().map(|y| y - centre[width]).collect();
        let state = Recursive::of_rows(&x, &y, self.forgetting)?;
        Ok(state.map(|state| Recursion { state, centre, lags: self.lags.to_vec() }))
    }
}

impl LinearSpec {
    pub(super) fn recursive(&self, train: &[Series], lags: &[usize], forgetting: f64) -> Result<Estimate> {
        check_forgetting(forgetting)?;
        let width = self.terms.width() + lags.len();
        let Some(recursion) = self.recursion(train, lags, forgetting)? else {
            // Columns that nothing tells apart: a constant series, or an error that names one.
            if !is_constant(train) {
                Design::with_lags(self, train, lags).least_squares()?;
            }
            return self.constant(train, lags);
        };
        let unbiased_variance = recursion.state.unbiased_variance();
        if unbiased_variance.is_nan() {
            let rows = recursion.state.effective_rows();
            if rows > width as f64 {
                return Err(Error::numeric(
                    "the recursion has no finite state: terms and lags hardly differ at this level",
                )
                .expected("columns that the rows tell apart")
                .hint("use --trend c, which centres them, or --difference 1"));
            }
            return Err(Error::data(format!("the rows weigh as much as {rows:.1} equal ones"))
                .expected(format!("more than the {width} coefficients"))
                .hint("lower --order, or forget more slowly"));
        }
        let covariance = recursion.covariance();
        let with_error = |(j, b): (usize, &f64)| (*b, Some(covariance[j][j].sqrt()));
        let mut terms: Vec<_> = recursion.coefficients().iter().enumerate().map(with_error).collect();
        let phi = terms.split_off(self.terms.width());
        let innovations = (recursion.innovations(), unbiased_variance);
        Ok(Estimate {
            covariance: Some(covariance),
            recursion: Some(recursion),
            ..Estimate::given((terms, phi), lags, innovations)
        })
    }

    /// The recursion over all rows; `None` where they do not determine every coefficient.
    fn recursion(&self, train: &[Series], lags: &[usize], forgetting: f64) -> Result<Option<Recursion>> {
        let width = self.terms.width() + lags.len();
        let first = self.differences.order() as i64;
        let need = 4 * width + 8;
        let mut beginning = Beginning { terms: &self.terms, lags, forgetting, rows: Vec::new(), y: Vec::new(), need };
        let (mut running, mut failure, mut scratch) = (None, None, Vec::new());
        for series in train {
            for_each_row(&self.terms, (first, first), series, lags, 0, |_, row, y| match &mut running {
                Some(recursion) => Recursion::update(recursion, row, y, &mut scratch),
                None => match beginning.take(row, y) {
                    Ok(begun) => running = begun,
                    Err(error) => failure = Some(error),
                },
            });
        }
        match failure {
            Some(error) => Err(error),
            None if running.is_some() => Ok(running),
            None if beginning.y.len() <= width => {
                Err(Error::data(format!("only {} rows have all their lags", beginning.y.len()))
                    .expected(format!("more than the {width} coefficients"))
                    .hint("lower --order, or fill gaps with --missing interpolate"))
            }
            None => beginning.begin(),
        }
    }
}

impl Ar {
    /// The recursion behind the coefficients, of a model fitted by recursive least squares.
    #[must_use]
    pub fn recursion(&self) -> Option<&Recursion> {
        self.running.as_ref()
    }

    /// The model with a recursion to go on with.
    #[must_use]
    pub fn with_recursion(mut self, recursion: Option<Recursion>) -> Self {
        self.running = recursion;
        self
    }

    /// The model after more values: the same recursion goes on, so that it is the model of all values together.
    ///
    /// `series` holds the new values from position `known` on, behind at least as many of the old ones as the model looks
    /// back on ([`depth`](Self::depth)), with the model's covariates; its first value stands at the index `start`.
    ///
    /// # Errors
    /// If the model was not fitted by recursive least squares, old values or a covariate are missing, or a value is
    /// infinite.
    pub fn updated(&self, series: &Series, start: i64, known: usize) -> Result<Self> {
        let Some(mut recursion) = self.running.clone() else {
            return Err(Error::usage("only recursive least squares goes on without a new fit")
                .expected("a model with `Estimator::Recursive`"));
        };
        if known < self.depth() && start > 0 {
            return Err(Error::usage(format!("{known} old values stand before the new ones"))
                .expected(format!("the last {} that the model looks back on", self.depth())));
        }
        let series = series.select_covariates(&self.terms().covariates)?;
        if let Some(infinite) = series.values().iter().find(|x| x.is_infinite()) {
            return Err(Error::data(format!("the value {infinite} cannot be fitted")).expected("finite values"));
        }
        let order = self.differences.order();
        let first = order as i64;
        let (mut scratch, lags) = (Vec::new(), recursion.lags.clone());
        let differenced = self.differences.of_series(&series);
        for_each_row(
            self.terms(),
            (start + first, first),
            &differenced,
            &lags,
            known.saturating_sub(order),
            |_, row, y| {
                recursion.update(row, y, &mut scratch);
            },
        );
        let mut coefficients = recursion.coefficients();
        let at_lags = coefficients.split_off(self.terms().width());
        let mut phi = vec![0.0; self.order()];
        lags.iter().zip(at_lags).for_each(|(lag, coefficient)| phi[lag - 1] = coefficient);
        let parts = ArParts { phi, coefficients, innovations: recursion.innovations(), ..self.parts() };
        Ok(Self::from_parts(parts).with_recursion(Some(recursion)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::Estimator;
    use super::super::{Fourier, Order, Trend};
    use super::*;
    use crate::Fit;
    use crate::data::series::Covariate;
    use crate::math::random::LaneRng;
    use crate::model::transformed::Differences;

    /// A random walk at a high level with a price behind it and a missing value.
    fn walk(n: usize) -> Series {
        let mut rng = LaneRng::new(6, 0);
        let price: Vec<f64> = (0..n).map(|t| (0.7 * t as f64).sin() + rng.normal()).collect();
        let mut level = 1e6;
        let mut values: Vec<f64> = price
            .iter()
            .map(|price| {
                level += rng.normal();
                level + 2.0 * price
            })
            .collect();
        values[70] = f64::NAN;
        Series::new("", values).with_covariates(vec![Covariate { name: "price".to_owned(), values: price }])
    }

    fn part(series: &Series, from: usize, to: usize) -> Series {
        let cut = |covariate: &Covariate| Covariate {
            name: covariate.name.clone(),
            values: covariate.values[from..to].to_vec(),
        };
        let covariates = series.covariates().iter().map(cut).collect();
        Series::new("", series.values()[from..to].to_vec()).with_covariates(covariates)
    }

    fn spec(estimator: Estimator, differences: Differences) -> LinearSpec {
        let fourier = vec![Fourier { period: 6.0, harmonics: 1 }];
        let terms =
            Terms { trend: Trend::ConstantTrend, fourier, covariates: vec!["price".to_owned()], ..Terms::default() };
        LinearSpec { order: Order::Fixed(2), estimator, terms, differences, ..LinearSpec::default() }
    }

    #[test]
    fn forgetting_nothing_is_least_squares() {
        let train = [walk(300)];
        for differences in [Differences::none(), Differences::new(1, 0, 1)] {
            let ours = spec(Estimator::Recursive { forgetting: 1.0 }, differences.clone()).fit(&train).expect("a fit");
            let theirs = spec(Estimator::LeastSquares, differences).fit(&train).expect("a fit");
            let (ours, theirs) = (ours.summary, theirs.summary);
            for (a, b) in ours.parameters.iter().zip(&theirs.parameters) {
                assert!((a.value - b.value).abs() < 1e-8 * b.value.abs().max(1.0), "{a:?} {b:?}");
                let (a, b) = (a.standard_error.expect("an error"), b.standard_error.expect("an error"));
                assert!((a / b - 1.0).abs() < 1e-7, "{a} {b}");
            }
            assert!((ours.innovation_variance / theirs.innovation_variance - 1.0).abs() < 1e-8);
            assert!((ours.log_likelihood - theirs.log_likelihood).abs() < 1e-6);
        }
    }

    #[test]
    fn going_on_over_new_values_is_a_fit_of_all() {
        let all = walk(300);
        for differences in [Differences::none(), Differences::new(1, 1, 4)] {
            for forgetting in [1.0, 0.97] {
                let spec = spec(Estimator::Recursive { forgetting }, differences.clone());
                let whole = spec.fit(std::slice::from_ref(&all)).expect("a fit").model;
                let early = spec.fit(&[part(&all, 0, 200)]).expect("a fit").model;
                assert!(early.coefficients() != whole.coefficients());
                let start = 200 - early.depth();
                let late = early.updated(&part(&all, start, 300), start as i64, early.depth()).expect("an update");
                assert_eq!(late.recursion(), whole.recursion());
                assert_eq!(late.coefficients(), whole.coefficients());
                assert_eq!(late.term_coefficients(), whole.term_coefficients());
                assert_eq!(late.innovation_sd(), whole.innovation_sd());
                let twice = early.updated(&part(&all, 0, 250), 0, 200).expect("an update");
                assert_eq!(twice.updated(&all, 0, 250).expect("an update").recursion(), whole.recursion());
            }
        }
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        let x: Vec<f64> = (0..60).map(|t| f64::from(t * t % 17)).collect();
        let series = Series::new("", x.clone());
        let of = |estimator, order| LinearSpec { estimator, order: Order::Fixed(order), ..LinearSpec::default() };
        let recursive = |forgetting| Estimator::Recursive { forgetting };
        let message = |fit: Result<crate::Fitted<Ar>>| fit.expect_err("refused").to_string();
        let train = std::slice::from_ref(&series);
        assert!(message(of(recursive(1.5), 1).fit(train)).contains("above 0 and at most 1"));
        assert!(message(of(recursive(0.5), 4).fit(train)).contains("weigh as much as 3.0 equal ones"));
        let model = of(Estimator::LeastSquares, 1).fit(train).expect("a fit").model;
        assert!(model.updated(&series, 0, 60).is_err());
        let model = of(recursive(0.9), 1).fit(train).expect("a fit").model;
        let infinite = Series::new("", [&x[..], &[f64::INFINITY]].concat());
        assert!(model.updated(&infinite, 0, 60).is_err());
        assert!(model.updated(&series, 60, 0).expect_err("refused").to_string().contains("0 old values"));
        let constant = of(recursive(0.9), 2).fit(&[Series::new("", vec![3.0; 30])]).expect("a fit");
        assert_eq!((constant.model.coefficients(), constant.model.intercept()), (&[0.0; 2][..], 3.0));
    }
}
