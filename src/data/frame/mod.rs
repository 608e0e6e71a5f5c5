//! Tables in files: reading series from CSV, TSV, NDJSON and Parquet, writing tables of results.
//!
//! Reading goes from bytes to a table of raw columns (`csv`, `table`), decides which column is what
//! (`roles`), and builds one series per id (`panel`), whose covariates may go on in a second table (`future`) and whose next values a third may fix (`fixed`). Whatever is wrong with the data is an error that names the file,
//! the series and the line, and says what to do.

mod cells;
mod csv;
mod fixed;
mod future;
mod panel;
mod read;
mod roles;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod write;

pub use panel::{InputRows, Panel};
pub use read::{Missing, ReadOptions, read_bytes, read_path};
pub use write::{Destination, TableFormat, write_table, write_whole};
