//! The fixed values of a scenario file.

use std::path::Path;

use super::input::Loaded;
use crate::error::{Error, Result};
use crate::generate::Fixes;

/// The fixed values of every series over the steps ahead, from a table with the columns of ids, times and values of the
/// input. Without times its rows are the steps in turn; rows without a value fix nothing.
///
/// # Errors
/// If the table cannot be read, a row stands on no step ahead of a series, or none fixes a value.
pub(super) fn read(loaded: &Loaded, path: &Path, horizon: usize) -> Result<Vec<Fixes>> {
    let fixed = loaded.panel.read_fixed(path, horizon)?;
    if fixed.iter().all(Vec::is_empty) {
        return Err(Error::data("no row fixes a value")
            .at(path.display().to_string())
            .expected(format!("rows with values of `{}`", loaded.panel.value_column)));
    }
    fixed.iter().map(|fixed| Fixes::new(fixed)).collect()
}
