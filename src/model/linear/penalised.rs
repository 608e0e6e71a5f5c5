//! Ridge, LASSO and elastic net, with the penalty chosen on rolling origins.

use super::spec::{Estimate, LinearSpec, Penalty};
use crate::data::series::Series;
use crate::error::{Error, Result};

impl LinearSpec {
    pub(super) fn penalised(&self, train: &[Series], lags: &[usize], penalty: Penalty) -> Result<Estimate> {
        let _ = (train, lags, penalty);
        Err(Error::usage("penalties are not there yet"))
    }
}
