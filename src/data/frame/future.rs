//! The known future of covariates: a second table of ids, times and covariates for the times after the last value.
//!
//! Its columns have the names of the first table's. Rows may stand in any order; those of other series, and of times up to
//! the last value or on no step of the series, are read and left. Without a column of times the rows of a series are its
//! next steps. What the first table says of its future already is kept where this one says nothing; where both say something,
//! they must agree.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use polars::prelude::{Column, DataFrame, DataType};

use super::panel::{MOST_AHEAD, Panel};
use super::read::{bytes_of, infinite_covariate, no_covariate};
use super::roles::no_column;
use super::table::{self, Format, Lines, Table};
use super::{cells, time};
use crate::data::series::Series;
use crate::{Error, Result};

impl Panel {
    /// Reads what is known of the covariates after the last values, in any format of [`read_path`](super::read_path).
    ///
    /// # Errors
    /// If the file cannot be read or lacks a column, a cell does not read, or a series has two rows of one time.
    pub fn read_future(&mut self, path: &Path) -> Result<()> {
        let (bytes, name) = bytes_of(path)?;
        self.add_future(bytes).map_err(|error| error.at(name))
    }

    pub(super) fn add_future(&mut self, bytes: Vec<u8>) -> Result<()> {
        let bytes = table::decompressed(bytes)?;
        let format = Format::of(&bytes)?;
        let table = table::read(bytes, format)?;
        let future = Future::of(&table, self)?;
        self.series.iter_mut().try_for_each(|series| future.add_to(series))
    }
}

/// The rows of a table of covariates.
struct Future<'a> {
    lines: &'a Lines,
    /// The texts of the times.
    times: Option<Vec<String>>,
    /// One column per covariate.
    columns: Vec<Vec<f64>>,
    /// The rows of each series.
    rows: HashMap<String, Vec<usize>>,
}

impl<'a> Future<'a> {
    fn of(table: &'a Table, panel: &Panel) -> Result<Self> {
        let Table { frame, lines, .. } = table;
        let numbers = |name: &String| {
            let values = cells::numbers(column(frame, name)?).map_err(|text| no_covariate(name, &text, lines))?;
            match values.iter().position(|x| x.is_infinite()) {
                Some(row) => Err(infinite_covariate(name, row, lines)),
                None => Ok(values),
            }
        };
        let columns = panel.covariate_columns.iter().map(numbers).collect::<Result<_>>()?;
        let times = panel.time_column.as_ref().map(|name| labels(column(frame, name)?, lines)).transpose()?;
        let mut rows: HashMap<String, Vec<usize>> = HashMap::new();
        match &panel.id_column {
            Some(name) => {
                let ids = texts(column(frame, name)?)?;
                for (row, id) in ids.into_iter().enumerate() {
                    rows.entry(id.unwrap_or_default()).or_default().push(row);
                }
            }
            None => drop(rows.insert(String::new(), (0..frame.height()).collect())),
        }
        Ok(Self { lines, times, columns, rows })
    }

    fn add_to(&self, series: &mut Series) -> Result<()> {
        let mut seen = HashSet::new();
        for (number, &row) in self.rows.get(series.id()).into_iter().flatten().enumerate() {
            let position = match &self.times {
                None => Some((series.len() + number) as i64),
                Some(times) => (series.timeline().exact_position_of(&times[row]))
                    .map_err(|error| error.at(self.lines.place(row)))?,
            };
            let Some(position) = position.and_then(|position| usize::try_from(position).ok()) else { continue };
            if position < series.len() || position - series.len() >= MOST_AHEAD {
                continue;
            }
            if !seen.insert(position) {
                let time = series.timeline().label(position as i64);
                return Err(Error::data(format!("the time {time} stands in two rows of a series"))
                    .at(self.lines.place(row))
                    .expected("one row per time"));
            }
            let values: Vec<f64> = self.columns.iter().map(|column| column[row]).collect();
            self.check_agrees(series, position, row, &values)?;
            series.set_covariates(position, &values);
        }
        Ok(())
    }

    /// Refuses another future than the first table's: neither is known to be the later plan.
    fn check_agrees(&self, series: &Series, position: usize, row: usize, values: &[f64]) -> Result<()> {
        for (covariate, x) in series.covariates().iter().zip(values) {
            match covariate.values.get(position) {
                Some(known) if !known.is_nan() && !x.is_nan() && known != x => {
                    let time = series.timeline().label(position as i64);
                    let what = format!("`{}` is {x} at {time}, but {known} in the rows without value", covariate.name);
                    return Err(Error::data(what)
                        .at(self.lines.place(row))
                        .expected("the same number in both tables")
                        .hint("leave the row out of one of them"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

pub(super) fn column<'a>(frame: &'a DataFrame, name: &str) -> Result<&'a Column> {
    frame.column(name).map_err(|_| no_column(frame, name))
}

pub(super) fn texts(column: &Column) -> Result<Vec<Option<String>>> {
    let unreadable = |error| Error::data(format!("column `{}` cannot be read", column.name())).caused_by(error);
    let cast = column.cast(&DataType::String).map_err(unreadable)?;
    Ok(cast.str().map_err(unreadable)?.iter().map(|text| text.map(str::to_owned)).collect())
}

/// The times as they are spelled; those of typed columns as ISO dates.
pub(super) fn labels(column: &Column, lines: &Lines) -> Result<Vec<String>> {
    let missing = |row| Error::data("the time is missing").at(lines.place(row)).expected("a time in every row");
    if cells::texts(column).is_some() {
        let texts = texts(column)?;
        return texts.into_iter().enumerate().map(|(row, text)| text.ok_or_else(|| missing(row))).collect();
    }
    let times = time::times(column).map_err(|unreadable| unreadable.error.at(lines.place(unreadable.row)))?;
    Ok((0..times.len()).map(|row| times.label(row)).collect())
}
