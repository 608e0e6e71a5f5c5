//! Values that a scenario fixes at some steps ahead: a table of ids, times and values.
//!
//! Its columns have the names of the first table's. Every row with a value must stand on a step ahead of a series: one that
//! does not is an error with its line, since a scenario that is read in part is another one. Rows without a value fix
//! nothing. Where the first table has no times, a column `t` counts the rows on, as results do; without it the rows of a series
//! are its next steps, and there are no columns but ids and values.

use std::collections::HashSet;
use std::path::Path;

use super::future::{column, labels, texts};
use super::panel::Panel;
use super::read::bytes_of;
use super::table::{self, Format, Lines, Table};
use super::{cells, roles};
use crate::data::series::Series;
use crate::{Error, Result};

/// What results call the numbers of rows without times.
const NUMBERS: &str = "t";

impl Panel {
    /// Reads the values that a file fixes, in any format of [`read_path`](super::read_path): of every series (step, value),
    /// where step 0 is the first ahead.
    ///
    /// # Errors
    /// If the file cannot be read or lacks a column, or a row with a value does not stand on one of the `horizon` steps ahead
    /// of a series, each on its own.
    pub fn read_fixed(&self, path: &Path, horizon: usize) -> Result<Vec<Vec<(usize, f64)>>> {
        let (bytes, name) = bytes_of(path)?;
        self.fixed_by(bytes, horizon).map_err(|error| error.at(name))
    }

    pub(super) fn fixed_by(&self, bytes: Vec<u8>, horizon: usize) -> Result<Vec<Vec<(usize, f64)>>> {
        let bytes = table::decompressed(bytes)?;
        let format = Format::of(&bytes)?;
        let table = table::read(bytes, format)?;
        let fixed = Fixed::of(&table, self, horizon)?;
        let mut all = vec![Vec::new(); self.series.len()];
        let mut rows = vec![0; self.series.len()];
        let mut seen = HashSet::new();
        for row in 0..fixed.values.len() {
            let Some(series) = fixed.series_of(row, self)? else { continue };
            let number = rows[series];
            rows[series] += 1;
            if fixed.values[row].is_nan() {
                continue;
            }
            let place = |error: Error| error.at(fixed.lines.place(row));
            let step = fixed.step_of(row, &self.series[series], number).map_err(place)?;
            if !seen.insert((series, step)) {
                let time = self.series[series].timeline().label((self.series[series].len() + step) as i64);
                return Err(place(
                    Error::data(format!("the time {time} stands in two rows of a series")).expected("one row per time"),
                ));
            }
            all[series].push((step, fixed.values[row]));
        }
        Ok(all)
    }
}

/// The rows of a scenario.
struct Fixed<'a> {
    lines: &'a Lines,
    /// The texts of the times.
    times: Option<Vec<String>>,
    ids: Option<Vec<Option<String>>>,
    values: Vec<f64>,
    horizon: usize,
}

impl<'a> Fixed<'a> {
    fn of(table: &'a Table, panel: &Panel, horizon: usize) -> Result<Self> {
        let Table { frame, lines, .. } = table;
        let name = &panel.value_column;
        let values = cells::numbers(column(frame, name)?)
            .map_err(|(row, text)| cells::not_a_number(&text).at(format!("{}, column `{name}`", lines.place(row))))?;
        if let Some(row) = values.iter().position(|x| x.is_infinite()) {
            return Err(Error::data("the value is infinite").at(lines.place(row)).expected("finite numbers"));
        }
        let has = |name: &str| frame.get_column_names().iter().any(|column| column.as_str() == name);
        let numbers = (panel.time_column.is_none() && name != NUMBERS && has(NUMBERS)).then_some(NUMBERS);
        let time = panel.time_column.as_deref().or(numbers);
        let times = time.map(|name| labels(column(frame, name)?, lines)).transpose()?;
        let ids = panel.id_column.as_ref().map(|name| texts(column(frame, name)?)).transpose()?;
        let roles = [Some(name.as_str()), time, panel.id_column.as_deref()];
        let stranger = |column: &&str| {
            !roles.contains(&Some(*column))
                && (panel.time_column.is_none() || *column == roles::USUAL_ID && panel.id_column.is_none())
        };
        if let Some(column) = frame.get_column_names().iter().map(|column| column.as_str()).find(|one| stranger(one)) {
            let known: Vec<String> = roles.iter().flatten().map(|name| format!("`{name}`")).collect();
            let error = Error::data(format!("the table has a column `{column}`, and the series have none"));
            return Err(if panel.time_column.is_none() {
                error.expected(format!("no column but {}: the series have no times", known.join(" and "))).hint(
                    format!("leave it out: rows are the next steps in turn, or those that a column `{NUMBERS}` counts"),
                )
            } else {
                error.expected("rows of the only series").hint("leave the column out, or name it with --id")
            });
        }
        Ok(Self { lines, times, ids, values, horizon })
    }

    /// Which series a row is of; nothing of one that could not be read.
    fn series_of(&self, row: usize, panel: &Panel) -> Result<Option<usize>> {
        let Some(ids) = &self.ids else { return Ok(Some(0)) };
        let id = ids[row].as_deref().unwrap_or_default();
        if let Some(found) = panel.series.iter().position(|series| series.id() == id) {
            return Ok(Some(found));
        }
        if self.values[row].is_nan() || panel.failures.iter().any(|(failed, _)| failed == id) {
            return Ok(None);
        }
        let few = panel.series.iter().take(5).map(|series| format!("`{}`", series.id())).collect::<Vec<_>>().join(", ");
        let more = if panel.series.len() > 5 { ", .." } else { "" };
        Err(Error::data(format!("there is no series `{id}`"))
            .at(self.lines.place(row))
            .expected(format!("one of {few}{more}")))
    }

    /// The step ahead on which a row stands, `number` rows of its series being before it.
    fn step_of(&self, row: usize, series: &Series, number: usize) -> Result<usize> {
        let label = |step: usize| series.timeline().label((series.len() + step) as i64);
        let ahead = || format!("one of the {} steps from {} to {}", self.horizon, label(0), label(self.horizon - 1));
        let step = match &self.times {
            None => number as i64,
            Some(times) => match series.timeline().exact_position_of(&times[row])? {
                Some(position) => position - series.len() as i64,
                None => {
                    return Err(Error::data(format!("{} is no time of the series", times[row].trim()))
                        .expected(format!("{}, such as {}", ahead(), label(1.min(self.horizon - 1)))));
                }
            },
        };
        match usize::try_from(step) {
            Ok(step) if step < self.horizon => Ok(step),
            Ok(step) => {
                let time = self.times.as_ref().map_or_else(|| label(step), |times| times[row].trim().to_owned());
                Err(Error::usage(format!("the value fixed at {time} lies beyond the horizon"))
                    .expected(ahead())
                    .hint("give a longer --horizon"))
            }
            Err(_) => {
                let time = self.times.as_ref().map_or_else(String::new, |times| times[row].trim().to_owned());
                Err(Error::data(format!("{time} is not ahead of the series")).expected(ahead()))
            }
        }
    }
}
