//! What a model leaves unexplained of every value.

use crate::data::batch::{Batch, Covariates};
use crate::data::series::Series;
use crate::error::Result;
use crate::math::special::normal_quantile;
use crate::model::Autoregressive;
use crate::model::file::StoredModel;
use crate::predictive::{Distribution, Family};

/// Columns beside the values of a series; NaN where a row has no conditional that rests on known values.
#[derive(Debug)]
pub(super) struct Residuals {
    /// The conditional mean, in data units.
    pub(super) fitted: Vec<f64>,
    /// The value less its conditional mean.
    pub(super) residual: Vec<f64>,
    /// The normal quantile of the value's conditional probability: N(0, 1) noise where the model is right.
    pub(super) standardised: Vec<f64>,
}

impl Residuals {
    /// # Errors
    /// If the model cannot read the series.
    pub(super) fn of(model: &StoredModel, series: &Series) -> Result<Self> {
        let known = Covariates::of_series(&series.select_covariates(model.covariates())?);
        let rows = model.conditionals(&Batch::empty(&[0]), &Batch::single(series.values(), 0), &known)?;
        // A model without spread has no density, and yet says what comes next.
        let memory = model.memory().unwrap_or(usize::MAX);
        let is_exact = |row: usize| {
            row >= memory
                && rows.row(row).std_dev() == 0.0
                && series.values()[row - memory..row].iter().all(|x| !x.is_nan())
        };
        let says = |row: usize| rows.is_defined(row) || is_exact(row);
        let column = |of: &dyn Fn(&Distribution<'_>, f64) -> f64| {
            let value = |(row, x): (usize, &f64)| if says(row) { of(&rows.row(row), *x) } else { f64::NAN };
            series.values().iter().enumerate().map(value).collect()
        };
        Ok(Self {
            fitted: column(&|row, _| row.mean()),
            residual: column(&|row, x| x - row.mean()),
            standardised: column(&|row, x| if row.std_dev() > 0.0 { standardised(row, x) } else { f64::NAN }),
        })
    }
}

/// Of a Gaussian row without the detour over a probability, which would end at about 38.
fn standardised(row: &Distribution<'_>, x: f64) -> f64 {
    match (row.family(), row.parameters()) {
        (Family::Gaussian, &[mean, sd]) => (row.map().backward(x) - mean) / sd,
        _ => normal_quantile(row.cdf(x)),
    }
}
