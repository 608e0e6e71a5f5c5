//! Burg's estimator on differenced series.

use super::order::OrderRow;
use super::spec::{BurgVariance, Estimate, LinearSpec};
use crate::data::series::Series;
use crate::error::{Error, Result};

impl LinearSpec {
    pub(super) fn burg_orders(&self, train: &[Series], max: usize, variance: BurgVariance) -> Result<Vec<OrderRow>> {
        let _ = (train, max, variance);
        Err(Error::usage("burg is not there yet"))
    }

    pub(super) fn burg(&self, train: &[Series], order: usize, variance: BurgVariance) -> Result<Estimate> {
        let _ = (train, order, variance);
        Err(Error::usage("burg is not there yet"))
    }
}
