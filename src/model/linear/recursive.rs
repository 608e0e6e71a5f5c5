//! Recursive least squares on differenced series.

use super::spec::{Estimate, LinearSpec};
use crate::data::series::Series;
use crate::error::{Error, Result};

impl LinearSpec {
    pub(super) fn recursive(&self, train: &[Series], lags: &[usize], forgetting: f64) -> Result<Estimate> {
        let _ = (train, lags, forgetting);
        Err(Error::usage("recursive is not there yet"))
    }
}
