//! Student's t innovations by maximum likelihood, given the first p values: [`math::student`](crate::math::student) on
//! the rows of terms and lags.
//!
//! Outlying innovations lose their weight, so that a few of them move neither coefficients nor scale; an outlying *value*
//! still stands among the lags of the p rows after it. Rows that contain a missing value drop out. The scale is at least
//! delta / sqrt(12), delta the smallest distance of two distinct training values: below, a density would claim to know
//! values better than they are written down.

use super::ar::{Form, Innovations, Start};
use super::design::Design;
use super::spec::{Estimate, Estimated, LinearSpec, is_constant, values};
use crate::data::series::Series;
use crate::error::{Error, Result};
use crate::math::student::{DOF, StudentFit, fit};

impl LinearSpec {
    /// `train` has the series before their differences.
    pub(super) fn robust(&self, train: &[Series], differenced: &[Series], lags: &[usize]) -> Result<Estimate> {
        if self.terms.has_intercept() && is_constant(differenced) {
            return Ok(Estimate { form: Form::Equation, start: Start::Given, ..self.level(differenced, lags) });
        }
        let design = Design::with_lags(self, differenced, lags);
        let (rows, needed) = (design.y.len(), design.x.ncols() + 3);
        if rows < needed {
            return Err(Error::data(format!("only {rows} rows have all lags"))
                .expected(format!("at least {needed}, for {} coefficients, scale and degrees of freedom", needed - 3))
                .hint("lower --order, or fill gaps with --missing interpolate"));
        }
        let start = design.least_squares()?;
        let size = design.y.iter().fold(0.0_f64, |a, y| a.max(y.abs()));
        if start.rss.sqrt() <= 1e-12 * size * (rows as f64).sqrt() {
            let fit = StudentFit {
                coefficients: start.coefficients,
                scale: 0.0,
                dof: DOF.1,
                log_likelihood: f64::NAN,
                covariance: None,
                converged: true,
                is_scale_bound: false,
            };
            return Ok(self.estimate_of_student(fit, lags, rows));
        }
        Ok(self.estimate_of_student(fit(&design.x, &start, smallest_gap(train) / 12.0_f64.sqrt())?, lags, rows))
    }

    fn estimate_of_student(&self, fit: StudentFit, lags: &[usize], rows: usize) -> Estimate {
        let innovations = Innovations::StudentT { scale: fit.scale, dof: fit.dof };
        let warnings = warnings(&fit);
        let covariance: Option<Vec<Vec<f64>>> =
            fit.covariance.map(|all| all.row_iter().map(|row| row.iter().copied().collect()).collect());
        let error = |i: usize| covariance.as_ref().map(|all| all[i][i].sqrt());
        let mut terms: Vec<Estimated> =
            fit.coefficients.iter().enumerate().map(|(i, &value)| (value, error(i))).collect();
        let phi = terms.split_off(self.terms.width());
        let n = rows as f64;
        let unbiased = innovations.variance() * n / (n - fit.coefficients.len() as f64);
        Estimate {
            covariance,
            converged: fit.converged,
            warnings,
            ..Estimate::given((terms, phi), lags, (innovations, unbiased))
        }
    }
}

fn warnings(fit: &StudentFit) -> Vec<String> {
    let mut warnings = Vec::new();
    if !fit.converged {
        warnings.push("the likelihood was still rising where the search ended".to_owned());
    }
    if fit.scale > 0.0 && fit.dof == DOF.1 {
        warnings
            .push(format!("degrees of freedom at their bound of {}: the innovations are as good as Gaussian", DOF.1));
    }
    if fit.dof == DOF.0 {
        warnings.push(format!("degrees of freedom at their bound of {}: the variance hardly exists", DOF.0));
    }
    if fit.is_scale_bound {
        warnings.push(format!(
            "the scale is at its bound {:.3e}, the smallest distance of two values / sqrt(12): too many innovations are equal",
            fit.scale
        ));
    }
    warnings
}

/// The smallest distance of two distinct training values.
pub(in crate::model) fn smallest_gap(train: &[Series]) -> f64 {
    let mut sorted: Vec<f64> = values(train).flatten().copied().filter(|x| !x.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.dedup();
    sorted.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min)
}
