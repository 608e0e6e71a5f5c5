//! What follows from estimates and their errors: z statistics, p-values, intervals; and standardised residuals.

use super::{Autoregressive, Parameter};
use crate::data::batch::{Batch, Covariates};
use crate::data::series::Series;
use crate::error::Result;
use crate::math::special::{normal_cdf, normal_quantile};
use crate::predictive::{Distribution, Family};

/// Tests and intervals by the normal distribution, as statsmodels' `AutoReg` and R's `arima` have them.
impl Parameter {
    /// The estimate over its standard error, where there is one.
    #[must_use]
    pub fn z(&self) -> Option<f64> {
        self.standard_error.map(|error| self.value / error).filter(|z| z.is_finite())
    }

    /// P(|Z| > |z|): small where the parameter is not zero.
    #[must_use]
    pub fn p_value(&self) -> Option<f64> {
        self.z().map(|z| 2.0 * normal_cdf(-z.abs()))
    }

    /// The central interval of this coverage, a fraction.
    #[must_use]
    pub fn interval(&self, level: f64) -> Option<(f64, f64)> {
        let half = normal_quantile(0.5 + 0.5 * level) * self.standard_error.filter(|error| error.is_finite())?;
        Some((self.value - half, self.value + half))
    }
}

/// The normal quantile of every value's conditional probability: independent N(0, 1) where the model is right. NaN where
/// a value is missing or its conditional is undefined. The series must have the covariates of the model.
///
/// # Errors
/// As [`Autoregressive::begin`].
pub fn standardised_residuals(model: &dyn Autoregressive, series: &Series) -> Result<Vec<f64>> {
    let target = Batch::single(series.values(), 0);
    let rows = model.conditionals(&Batch::empty(&[0]), &target, &Covariates::of_series(series))?;
    let residual = |(row, x): (usize, &f64)| {
        if rows.is_defined(row) && !x.is_nan() { standardised(&rows.row(row), *x) } else { f64::NAN }
    };
    Ok(series.values().iter().enumerate().map(residual).collect())
}

/// Of a Gaussian row without the detour over a probability, which would end at about 38.
fn standardised(row: &Distribution<'_>, x: f64) -> f64 {
    match (row.family(), row.parameters()) {
        (Family::Gaussian, &[mean, sd]) => (row.map().backward(x) - mean) / sd,
        _ => normal_quantile(row.cdf(x)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_two_errors_from_zero_is_significant_at_five_percent() {
        let parameter = |value, standard_error| Parameter { name: "phi_1".to_owned(), value, standard_error };
        let two = parameter(-0.4, Some(0.2));
        assert_eq!(two.z(), Some(-2.0));
        assert!((two.p_value().expect("a p-value") - 0.045_500_263_896_358_4).abs() < 1e-14);
        let (lo, hi) = two.interval(0.95).expect("an interval");
        assert!((lo + 0.4 + 0.391_992_796_908_010_8).abs() < 1e-12 && (lo + hi + 0.8).abs() < 1e-12);
        assert_eq!(parameter(1.0, None).interval(0.95), None);
        assert_eq!(parameter(0.0, Some(0.0)).p_value(), None);
    }
}
