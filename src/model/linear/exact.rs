//! The exact likelihood: from series to [`ExactProblem`](crate::math::exact::ExactProblem) and back.

use super::spec::{Estimate, LinearSpec};
use crate::data::series::Series;
use crate::error::{Error, Result};

impl LinearSpec {
    /// `train` has the series before their differences.
    pub(super) fn exact(&self, train: &[Series], lags: &[usize]) -> Result<Estimate> {
        let _ = (train, lags);
        Err(Error::usage("exact is not there yet"))
    }
}
