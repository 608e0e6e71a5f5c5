//! From a file or bytes to a panel.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use polars::prelude::{Column, DataFrame, DataType, IntoColumn, NewChunkedArray, StringChunked};

use super::cells;
use super::csv::{self, KnownTypes, Layout};
use super::panel::{Content, Panel};
use super::roles::Roles;
use super::table::{self, Format, Lines, Table};
use super::time;
use crate::data::frequency::Frequency;
use crate::{Error, Result};

/// Separated text from this size on is first tried the fast way.
const LARGE: usize = 4 << 20;
/// How much of a large text decides what its columns are.
const HEAD: usize = 1 << 16;

/// What to do about missing values and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// Refuse them, saying where they are.
    #[default]
    Error,
    /// Leave the rows out and take the rest as consecutive.
    Drop,
    /// Draw straight lines between the neighbours.
    Interpolate,
    /// Keep them as NaN: the model decides.
    Keep,
}

/// How to read a table.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The column that names the series; by default `unique_id` where there is one.
    pub id: Option<String>,
    /// The column of times; by default `ds`, or the first column of dates.
    pub time: Option<String>,
    /// The column of values; by default `y`, or the only column of numbers left.
    pub value: Option<String>,
    /// The columns that models may use beside the values; by default all further columns of numbers.
    pub covariates: Vec<String>,
    /// The distance of the times; by default what they show.
    pub frequency: Option<Frequency>,
    /// What to do about missing values and times.
    pub missing: Missing,
    /// Whether to keep every column of the input beside the series.
    pub keep_rows: bool,
}

/// Reads a file; `-` is the standard input. The format is recognised by content: CSV, TSV or other separated text,
/// NDJSON, Parquet, each also packed with gzip or Zstandard.
///
/// # Errors
/// If the file cannot be read ([`ErrorKind::Io`](crate::ErrorKind::Io)), a named column does not exist
/// ([`ErrorKind::Usage`](crate::ErrorKind::Usage)), or the data cannot be used
/// ([`ErrorKind::Data`](crate::ErrorKind::Data)), with file, series and line.
pub fn read_path(path: &Path, options: &ReadOptions) -> Result<Panel> {
    let (bytes, name) = bytes_of(path)?;
    read_bytes(bytes, &name, options)
}

/// The bytes of a file or of the standard input, and how errors call it.
pub(super) fn bytes_of(path: &Path) -> Result<(Vec<u8>, String)> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| Error::io("the standard input could not be read").caused_by(error))?;
        return Ok((bytes, "standard input".to_owned()));
    }
    let name = path.display().to_string();
    if path.is_dir() {
        return Err(Error::io("is a directory").at(name).expected("a file").hint("name one file of it"));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(&error).at(name.clone()))?;
    Ok((bytes, name))
}

/// Reads the bytes of a file; errors call it by the name.
///
/// # Errors
/// As [`read_path`].
pub fn read_bytes(bytes: Vec<u8>, name: &str, options: &ReadOptions) -> Result<Panel> {
    panel_of(bytes, options, LARGE).map_err(|error| error.at(name))
}

/// Why a file cannot be read, and what to look at.
fn unreadable(error: &std::io::Error) -> Error {
    let (expected, hint) = match error.kind() {
        std::io::ErrorKind::NotFound => ("a file that exists", "check the path, and the folder that it counts from"),
        std::io::ErrorKind::PermissionDenied => ("a file that you may read", "change its permissions"),
        _ => ("a readable file", "check it with another program"),
    };
    Error::io(format!("cannot be read: {error}")).expected(expected).hint(hint)
}

pub(super) fn panel_of(bytes: Vec<u8>, options: &ReadOptions, large: usize) -> Result<Panel> {
    let bytes = table::decompressed(bytes)?;
    let format = Format::of(&bytes)?;
    if format == Format::Separated && bytes.len() >= large {
        let fast = read_large(&bytes, options);
        if let Some((table, roles)) = fast {
            drop(bytes);
            // Whatever does not fit is found and explained the careful way below; nothing is lost here.
            return content(table, roles, options)?.into_panel(options);
        }
    }
    let table = table::read(bytes, format)?;
    let roles = Roles::of(&table.frame, options)?;
    content(table, roles, options)?.into_panel(options)
}

/// The fast way for a large text whose first rows are plain: ISO dates (or no times at all), and numbers.
fn read_large(bytes: &[u8], options: &ReadOptions) -> Option<(Table, Roles)> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let end = head.iter().rposition(|&b| b == b'\n')?;
    let sample = table::read(head[..=end].to_vec(), Format::Separated).ok()?;
    let roles = Roles::of(&sample.frame, options).ok()?;
    let plain = roles.time.as_ref().is_none_or(|name| is_plain_date(&sample.frame, name));
    if !plain || !sample.notices.is_empty() || bytes.starts_with(b"\xef\xbb\xbf") {
        return None;
    }
    let layout = Layout::of(std::str::from_utf8(&head[..=end]).ok()?).ok()?;
    let needed = roles.id.iter().chain(&roles.time).chain([&roles.value]).chain(&roles.covariates);
    let wanted = (!options.keep_rows).then(|| needed.cloned().collect());
    let types = KnownTypes { time: roles.time.clone(), value: roles.value.clone(), wanted };
    csv::read_large(bytes, &layout, &types).map(|table| (table, roles))
}

fn is_plain_date(frame: &DataFrame, name: &str) -> bool {
    let times = frame.column(name).ok().and_then(|column| time::times(column).ok());
    times.is_some_and(|times| times.is_plain_date())
}

/// Gives the columns their meaning. In a panel, a cell that does not read fails its series, not the file.
fn content(table: Table, mut roles: Roles, options: &ReadOptions) -> Result<Content> {
    let Table { frame, lines, mut notices } = table;
    let column = |name: &str| frame.column(name).map_err(|_| Error::usage(format!("there is no column `{name}`")));
    let mut failed = match &roles.id {
        Some(name) => Failed::of_ids(column(name)?)?,
        None => Failed::default(),
    };
    let values = failed.read(column(&roles.value)?, &lines, |column| {
        cells::numbers(column).map_err(|(row, text)| (Some(row), cells::not_a_number(&text)))
    })?;
    let times = roles.time.as_ref().map(|name| {
        failed.read(column(name)?, &lines, |column| {
            time::times(column)
                .map_err(|unreadable| ((!unreadable.is_of_column).then_some(unreadable.row), unreadable.error))
        })
    });
    let times = times.transpose()?;
    let mut covariates = Vec::new();
    for name in std::mem::take(&mut roles.covariates) {
        match cells::numbers(column(&name)?) {
            Ok(values) => {
                if let Some(row) = values.iter().position(|x| x.is_infinite()).filter(|_| roles.are_named) {
                    return Err(infinite_covariate(&name, row, &lines));
                }
                covariates.push((name, values));
            }
            Err(text) if roles.are_named => return Err(no_covariate(&name, &text, &lines)),
            Err((row, text)) => {
                notices.push(format!("column `{name}` is ignored: `{text}` ({}) is no number", lines.place(row)));
            }
        }
    }
    notices.extend(roles.texts.iter().map(|name| format!("column `{name}` holds no numbers and is ignored")));
    notices.extend(times.iter().flat_map(|times| times.notices.clone()));
    let ids = roles.id.as_ref().map(|name| column(name)).transpose()?.cloned();
    let frame = options.keep_rows.then_some(frame);
    let failed = failed.errors;
    Ok(Content { roles, ids, times, values, covariates, lines, notices, frame, failed })
}

/// The error for a column that is named as a covariate and has a text in a row.
pub(super) fn no_covariate(name: &str, (row, text): &(usize, String), lines: &Lines) -> Error {
    Error::data(format!("the covariate `{name}` is not numeric: `{text}` is no number"))
        .at(lines.place(*row))
        .expected("a number in every row")
        .hint("leave it out of --covariates, or write it as numbers, such as 0 and 1")
}

pub(super) fn infinite_covariate(name: &str, row: usize, lines: &Lines) -> Error {
    Error::data(format!("the covariate `{name}` is infinite")).at(lines.place(row)).expected("finite numbers")
}

/// Series that have a cell which does not read, in the order found, with the first reason.
#[derive(Debug, Default)]
struct Failed {
    /// The ids as texts; none where the file holds one series.
    ids: Option<Column>,
    errors: Vec<(String, Error)>,
    /// The ids in `errors`.
    known: HashSet<String>,
}

impl Failed {
    /// More failures than this are one of the file.
    const MOST: usize = 200;

    fn of_ids(ids: &Column) -> Result<Self> {
        let ids = ids.cast(&DataType::String).map_err(|error| Error::data("ids cannot be read").caused_by(error))?;
        Ok(Self { ids: Some(ids), ..Self::default() })
    }

    /// Reads a column; where a row does not read, its series fails and its cells are replaced by one that does. The
    /// reader gives the row of its error, or none where it is one of the whole column.
    fn read<T>(
        &mut self,
        column: &Column,
        lines: &Lines,
        read: impl Fn(&Column) -> Result<T, (Option<usize>, Error)>,
    ) -> Result<T> {
        let located = |error: Error, row: usize| error.at(format!("column `{}`", column.name())).at(lines.place(row));
        loop {
            // No list of rows is made as long as every one of them reads.
            let rows = (!self.errors.is_empty()).then(|| self.rows());
            let kept = rows.as_deref().map_or_else(|| Ok(column.clone()), |rows| column.take_slice(rows));
            let kept = kept.map_err(unusable)?;
            let (row, error) = match read(&kept) {
                Ok(read) if self.errors.is_empty() => return Ok(read),
                Ok(_) => break,
                Err((row, error)) => (row, error),
            };
            let row = row.map(|row| rows.as_ref().map_or(row, |rows| rows[row] as usize));
            let ids = self.ids.as_ref().and_then(|ids| ids.str().ok());
            match row.and_then(|row| Some((row, ids?.get(row)?))).filter(|_| column.str().is_ok()) {
                Some((row, id)) if self.errors.len() < Self::MOST => {
                    let id = id.to_owned();
                    self.known.insert(id.clone());
                    self.errors.push((id, located(error, row)));
                }
                _ => return Err(located(error, row.unwrap_or(0))),
            }
            if self.rows().is_empty() {
                let (id, error) = self.errors.swap_remove(0);
                return Err(error.at(format!("series `{id}`")));
            }
        }
        read(&self.with_stand_ins(column)).map_err(|(row, error)| located(error, row.unwrap_or(0)))
    }

    /// The rows of the series that have not failed.
    fn rows(&self) -> Vec<u32> {
        let ids = self.ids.as_ref().and_then(|ids| ids.str().ok());
        let ids = ids.into_iter().flat_map(StringChunked::iter);
        (0..).zip(ids).filter(|(_, id)| !id.is_some_and(|id| self.has(id))).map(|(row, _)| row).collect()
    }

    fn has(&self, id: &str) -> bool {
        self.known.contains(id)
    }

    /// The column with a cell that reads in the place of those of failed series.
    fn with_stand_ins(&self, column: &Column) -> Column {
        let ids = self.ids.as_ref().and_then(|ids| ids.str().ok());
        let (Some(ids), Ok(texts)) = (ids, column.str()) else { return column.clone() };
        let has_failed = |id: Option<&str>| id.is_some_and(|id| self.has(id));
        let stand_in = ids.iter().zip(texts.iter()).find(|(id, _)| !has_failed(*id)).and_then(|row| row.1);
        let cells = ids.iter().zip(texts.iter()).map(|(id, text)| if has_failed(id) { stand_in } else { text });
        StringChunked::from_iter_options(column.name().clone(), cells).into_column()
    }
}

fn unusable(error: polars::prelude::PolarsError) -> Error {
    Error::data("the rows cannot be told apart").caused_by(error)
}
