//! The fixed values of a scenario file.

use std::path::Path;

use super::input::Loaded;
use crate::data::frame::Panel;
use crate::data::series::{Covariate, Series};
use crate::error::{Error, Result};
use crate::generate::Fixes;

/// The fixed values of every series over the steps ahead, from a table with the columns of ids, times and values of the
/// input. Without times its rows are the steps in turn; rows without a value fix nothing.
///
/// # Errors
/// If the table cannot be read, or fixes nothing.
pub(super) fn read(loaded: &Loaded, path: &Path, horizon: usize) -> Result<Vec<Fixes>> {
    let Panel { id_column, time_column, value_column, series, .. } = &loaded.panel;
    // The values as a covariate with a known future: what a table of the future is read for.
    let with_own = |series: &Series| {
        let own = Covariate { name: value_column.clone(), values: series.values().to_vec() };
        series.clone().with_covariates(vec![own])
    };
    let mut panel = Panel {
        series: series.iter().map(with_own).collect(),
        id_column: id_column.clone(),
        time_column: time_column.clone(),
        value_column: value_column.clone(),
        covariate_columns: vec![value_column.clone()],
        unused_columns: Vec::new(),
        notices: Vec::new(),
        failures: Vec::new(),
        rows: None,
    };
    panel.read_future(path)?;
    let fixes: Vec<Fixes> = panel.series.iter().map(|series| fixes_of(series, horizon)).collect::<Result<_>>()?;
    if fixes.iter().all(Fixes::is_empty) {
        return Err(Error::data("no row fixes a value")
            .at(path.display().to_string())
            .expected(format!("times among the {horizon} steps ahead, with values of `{value_column}`"))
            .hint("give rows at the times to generate, or a longer --horizon"));
    }
    Ok(fixes)
}

fn fixes_of(series: &Series, horizon: usize) -> Result<Fixes> {
    let ahead = series.covariates()[0].values[series.len()..].iter().copied().enumerate();
    let fixed: Vec<(usize, f64)> = ahead.filter(|(_, x)| !x.is_nan()).collect();
    if let Some((step, _)) = fixed.iter().find(|(step, _)| *step >= horizon) {
        let time = series.timeline().label((series.len() + step) as i64);
        return Err(Error::usage(format!("the value fixed at {time} lies beyond the horizon"))
            .expected(format!("times among the {horizon} steps ahead"))
            .hint("give a longer --horizon"));
    }
    Fixes::new(&fixed)
}
