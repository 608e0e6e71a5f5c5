//! Least squares on some lags, and the choice of them.

use super::order::Criterion;
use super::spec::{Estimate, LinearSpec};
use crate::data::series::Series;
use crate::error::{Error, Result};

impl LinearSpec {
    pub(super) fn subset_least_squares(&self, train: &[Series], lags: &[usize]) -> Result<Estimate> {
        let _ = (train, lags);
        Err(Error::usage("subset is not there yet"))
    }

    pub(super) fn best_subset(&self, train: &[Series], max: usize, criterion: Criterion) -> Result<Vec<usize>> {
        let _ = (train, max, criterion);
        Err(Error::usage("subset is not there yet"))
    }
}
