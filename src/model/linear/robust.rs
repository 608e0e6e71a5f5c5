//! Student's t innovations by maximum likelihood.

use super::spec::{Estimate, LinearSpec};
use crate::data::series::Series;
use crate::error::{Error, Result};

impl LinearSpec {
    pub(super) fn robust(&self, train: &[Series], lags: &[usize]) -> Result<Estimate> {
        let _ = (train, lags);
        Err(Error::usage("robust is not there yet"))
    }
}
