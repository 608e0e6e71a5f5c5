//! Burg's estimator on differenced series: [`math::burg`](crate::math::burg) on the deviations from the terms.
//!
//! Pooled series, and what missing values leave of one, are stretches whose sums add up. Standard errors are those of
//! Yule-Walker, which has the same asymptotic distribution, from the sample autocovariances (R's `asy.var.coef`).

use super::closed_form::{Deviations, levinson};
use super::order::OrderRow;
use super::spec::{BurgVariance, Estimate, LinearSpec, values};
use crate::data::series::Series;
use crate::data::windows::stretches;
use crate::error::{Error, Result};
use crate::math::burg::Burg;

impl LinearSpec {
    pub(super) fn burg_orders(&self, train: &[Series], max: usize, variance: BurgVariance) -> Result<Vec<OrderRow>> {
        let deviations = self.deviations(train)?;
        let burg = fit(&deviations, train, max);
        let rows = known(train) as f64;
        let row = |order: usize| OrderRow {
            order,
            innovation_variance: variance.of(&burg, order),
            rows,
            parameters: (order + self.terms.width() + 1) as f64,
        };
        Ok((0..=burg.max_order()).map(row).collect())
    }

    pub(super) fn burg(&self, train: &[Series], order: usize, variance: BurgVariance) -> Result<Estimate> {
        let deviations = self.deviations(train)?;
        let burg = fit(&deviations, train, order);
        if burg.max_order() < order {
            return Err(Error::data(format!("no run of known values is longer than {}", burg.max_order()))
                .expected(format!("{} values in a row for order {order}", order + 1))
                .hint("lower --order, or fill gaps with --missing interpolate"));
        }
        if burg.variance(0) <= 0.0 {
            return self.constant(train, &(1..=order).collect::<Vec<_>>());
        }
        let (products, solved) = levinson(&deviations, train, order, false);
        let (phi, variance) = (burg.coefficients(order), variance.of(&burg, order));
        self.of_moments(deviations, phi, variance, (&solved, products.known()))
    }
}

impl BurgVariance {
    /// The variance of an order by this rule.
    fn of(self, burg: &Burg, order: usize) -> f64 {
        match self {
            Self::Levinson => burg.variance(order),
            Self::Errors => burg.mean_of_errors(order),
        }
    }
}

fn fit(deviations: &Deviations, train: &[Series], max: usize) -> Burg {
    match &deviations.values {
        Some(left) => Burg::fit(&known_runs(left.iter().map(Vec::as_slice)), deviations.level, max),
        None => Burg::fit(&known_runs(values(train)), deviations.level, max),
    }
}

/// The longest runs of known values.
fn known_runs<'a>(series: impl Iterator<Item = &'a [f64]>) -> Vec<&'a [f64]> {
    series.flat_map(|x| stretches(x, 0)).map(|stretch| stretch.values).collect()
}

/// The number of known values.
fn known(train: &[Series]) -> usize {
    values(train).flatten().filter(|x| !x.is_nan()).count()
}
