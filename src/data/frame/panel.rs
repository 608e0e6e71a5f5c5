//! From columns to series: grouping by id, order in time, gaps and missing values.

use std::collections::HashMap;
use std::ops::Range;

use polars::prelude::{Column, DataFrame, DataType};
use rayon::prelude::*;

use super::cells;
use super::read::{Missing, ReadOptions};
use super::roles::Roles;
use super::table::Lines;
use crate::data::column::TimeColumn;
use crate::data::series::{Covariate, Series};
use crate::data::timeline::{OffGrid, Placed, Timeline, Times};
use crate::data::zone::Zone;
use crate::{Error, Result};

/// How many places an error names.
const PLACES: usize = 3;
/// Gaps are filled as long as they leave at least one row per so many times; beyond, a time is surely mistyped.
const SPARSEST: i64 = 1_000;
/// How many steps of a known future are read at most.
pub(super) const MOST_AHEAD: usize = 1_000_000;

/// What a table gives: its series, in the order in which they first appear.
#[derive(Debug)]
pub struct Panel {
    /// The series that can be used.
    pub series: Vec<Series>,
    /// The column that names the series.
    pub id_column: Option<String>,
    /// The column of times.
    pub time_column: Option<String>,
    /// The column of values.
    pub value_column: String,
    /// The columns of the covariates.
    pub covariate_columns: Vec<String>,
    /// Further columns of numbers that are not among the covariates asked for.
    pub unused_columns: Vec<String>,
    /// What the user should know about how the table was read.
    pub notices: Vec<String>,
    /// The series that cannot be used, and why.
    pub failures: Vec<(String, Error)>,
    /// The rows of the input, where they were asked for.
    pub rows: Option<InputRows>,
}

/// The input's own rows, and which of them each value comes from.
#[derive(Debug)]
pub struct InputRows {
    /// Every column of the input in its order.
    pub frame: DataFrame,
    /// For each series and position the row of the frame; `u32::MAX` for a position that stands in a gap.
    pub row_of: Vec<Vec<u32>>,
}

impl InputRows {
    /// The columns with numbers as numbers, for formats that have types. [`frame`](Self::frame) has the texts of a CSV as
    /// they are spelled.
    #[must_use]
    pub fn typed(&self) -> DataFrame {
        let columns = self.frame.columns().iter().map(cells::typed).collect();
        DataFrame::new(self.frame.height(), columns).unwrap_or_else(|_| self.frame.clone())
    }
}

/// The columns of a table with their meaning.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) roles: Roles,
    pub(super) ids: Option<Column>,
    pub(super) times: Option<TimeColumn>,
    /// NaN where missing.
    pub(super) values: Vec<f64>,
    pub(super) covariates: Vec<(String, Vec<f64>)>,
    pub(super) lines: Lines,
    pub(super) notices: Vec<String>,
    pub(super) frame: Option<DataFrame>,
    /// Series with a cell that does not read, and why.
    pub(super) failed: Vec<(String, Error)>,
}

/// The rows of one series, as runs.
#[derive(Debug)]
struct Group {
    id: String,
    runs: Vec<Range<u32>>,
}

/// A series, the rows of its values, and what was done to it.
#[derive(Debug)]
struct Built {
    series: Series,
    rows: Vec<u32>,
    remarks: Remarks,
}

/// What was done to series, to tell the user.
#[derive(Debug, Default)]
struct Remarks {
    sorted: usize,
    changing_offsets: usize,
    /// What was missing, one text per series, by what was done about it.
    dropped: Vec<String>,
    interpolated: Vec<String>,
    kept: Vec<String>,
    trimmed: usize,
    known_future: usize,
}

/// The rows of a series on its timeline.
#[derive(Debug)]
struct Standing {
    timeline: Timeline,
    /// Strictly increasing, one per row.
    positions: Vec<i64>,
    rows: Vec<u32>,
    /// How many of the rows come before the known future.
    present: usize,
}

impl Content {
    /// Builds all series, in parallel.
    ///
    /// # Errors
    /// If no series can be used: the first one's reason.
    pub(super) fn into_panel(mut self, options: &ReadOptions) -> Result<Panel> {
        let groups = self.groups()?;
        let mut failed: HashMap<String, Error> = std::mem::take(&mut self.failed).into_iter().collect();
        let build = |group: &Group| (!failed.contains_key(&group.id)).then(|| self.build(group, options));
        let built: Vec<Option<Result<Built>>> = groups.par_iter().map(build).collect();
        let (mut series, mut row_of, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        let mut remarks = Remarks::default();
        for (group, built) in groups.into_iter().zip(built) {
            let unread = || {
                Err(failed
                    .remove(&group.id)
                    .map_or_else(|| Error::data("does not read"), |error| error.at(format!("series `{}`", group.id))))
            };
            match built.unwrap_or_else(unread) {
                Ok(built) => {
                    series.push(built.series);
                    row_of.push(built.rows);
                    remarks.add(built.remarks.of(&self.roles.id, &group.id));
                }
                Err(error) => failures.push((group.id, error)),
            }
        }
        if series.is_empty() {
            let first = failures.into_iter().next().map(|(_, error)| error);
            return Err(first.unwrap_or_else(|| Error::data("there is no row of data")));
        }
        let mut notices = self.notices;
        notices.extend(remarks.notices());
        Ok(Panel {
            series,
            id_column: self.roles.id,
            time_column: self.roles.time,
            value_column: self.roles.value,
            covariate_columns: self.covariates.into_iter().map(|(name, _)| name).collect(),
            unused_columns: self.roles.unused,
            notices,
            failures,
            rows: self.frame.map(|frame| InputRows { frame, row_of }),
        })
    }

    /// The rows of each series. Only the first row of a run of equal ids is looked up.
    fn groups(&self) -> Result<Vec<Group>> {
        let height = self.values.len();
        if height >= u32::MAX as usize {
            return Err(Error::data(format!("{height} rows are too many")).expected("fewer than 4 billion rows"));
        }
        let Some(ids) = &self.ids else {
            return Ok(vec![Group { id: String::new(), runs: std::iter::once(0..height as u32).collect() }]);
        };
        let ids = ids.cast(&DataType::String).map_err(|error| Error::data("ids cannot be read").caused_by(error))?;
        let ids = ids.str().map_err(|error| Error::data("ids cannot be read").caused_by(error))?;
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut previous: Option<(&str, usize)> = None;
        for (row, id) in (0..).zip(ids.iter()) {
            let Some(id) = id else {
                return Err(Error::data("the id is missing")
                    .at(self.lines.place(row as usize))
                    .expected("an id in every row")
                    .hint("fill it in, or name another column with --id"));
            };
            if let Some((same, group)) = previous
                && same == id
            {
                extend(&mut groups[group].runs, row);
                continue;
            }
            let group = *known.entry(id).or_insert_with(|| {
                groups.push(Group { id: id.to_owned(), runs: Vec::new() });
                groups.len() - 1
            });
            groups[group].runs.push(row..row + 1);
            previous = Some((id, group));
        }
        Ok(groups)
    }

    fn build(&self, group: &Group, options: &ReadOptions) -> Result<Built> {
        let built = self.build_unnamed(group, options);
        if self.ids.is_some() { built.map_err(|error| error.at(format!("series `{}`", group.id))) } else { built }
    }

    fn build_unnamed(&self, group: &Group, options: &ReadOptions) -> Result<Built> {
        let rows: Vec<u32> = group.runs.iter().cloned().flatten().collect();
        self.check_values(&rows)?;
        let mut remarks = Remarks::default();
        let standing = match &self.times {
            Some(times) => self.stand(times, rows, options, &mut remarks)?,
            None => Standing {
                timeline: Times::numbered(rows.len())
                    .place(options.frequency)?
                    .map_or_else(|off_grid| off_grid.timeline, |placed| placed.timeline),
                positions: (0..rows.len() as i64).collect(),
                present: self.present(&rows),
                rows,
            },
        };
        remarks.known_future = standing.rows.len() - standing.present;
        let (positions, rows) = self.resolve(&standing, options.missing, &mut remarks)?;
        Ok(self.series(group, &standing, positions, rows, options, remarks))
    }

    /// Refuses infinite values, and series without any value.
    fn check_values(&self, rows: &[u32]) -> Result<()> {
        if let Some(&row) = rows.iter().find(|&&row| self.values[row as usize].is_infinite()) {
            return Err(Error::data("the value is infinite")
                .at(self.place(row))
                .expected("finite numbers")
                .hint("correct the value, or leave it empty and choose --missing"));
        }
        if rows.iter().all(|&row| self.values[row as usize].is_nan()) {
            return Err(Error::data("all values are missing")
                .expected("at least one number")
                .hint("name the column of values with --value, or leave the series out"));
        }
        Ok(())
    }

    fn place(&self, row: u32) -> String {
        self.lines.place(row as usize)
    }

    /// How many rows come before those that hold covariates but no value any more: their known future. Of covariates that
    /// were asked for, one in one of these rows is enough: what the others lack can then be named.
    fn present(&self, rows: &[u32]) -> usize {
        let known = |row: u32| self.covariates.iter().filter(|(_, values)| !values[row as usize].is_nan()).count();
        let has_value = |row: &u32| !self.values[*row as usize].is_nan();
        if self.covariates.is_empty() {
            return rows.len();
        }
        if !self.roles.are_named {
            let is_future = |row: &&u32| !has_value(row) && known(**row) == self.covariates.len();
            return rows.len() - rows.iter().rev().take_while(is_future).count();
        }
        let end = rows.iter().rposition(has_value).map_or(rows.len(), |last| last + 1);
        if rows[end..].iter().any(|&row| known(row) > 0) { end } else { rows.len() }
    }

    /// The row of every position after the last that is kept; `u32::MAX` where there is none.
    fn rows_ahead(standing: &Standing, kept: &[i64]) -> Vec<u32> {
        let end = kept.last().map_or(0, |last| last + 1);
        let mut ahead = Vec::new();
        for (position, &row) in standing.positions.iter().zip(&standing.rows) {
            if let Ok(step) = usize::try_from(position - end)
                && step < MOST_AHEAD
            {
                ahead.resize(ahead.len().max(step + 1), u32::MAX);
                ahead[step] = row;
            }
        }
        ahead
    }

    /// Brings the rows into the order of time and onto a grid.
    fn stand(
        &self,
        times: &TimeColumn,
        mut rows: Vec<u32>,
        options: &ReadOptions,
        remarks: &mut Remarks,
    ) -> Result<Standing> {
        let moment = |row: &u32| times.moment(*row as usize);
        if !rows.is_sorted_by_key(moment) {
            rows.sort_by_key(moment);
            remarks.sorted = 1;
        }
        self.check_duplicates(times, &rows)?;
        let own = times.select(&rows);
        remarks.changing_offsets = usize::from(matches!(own.zone, Zone::Changing(_)));
        let present = self.present(&rows);
        match own.place(options.frequency)? {
            Ok(Placed { timeline, positions }) => Ok(Standing { timeline, positions, rows, present }),
            Err(OffGrid { timeline, .. }) if options.missing == Missing::Drop => {
                Ok(Standing { timeline, positions: (0..rows.len() as i64).collect(), rows, present })
            }
            Err(off_grid) => Err(self.irregular(times, &rows, &off_grid)),
        }
    }

    fn check_duplicates(&self, times: &TimeColumn, rows: &[u32]) -> Result<()> {
        let moment = |row: u32| times.moment(row as usize);
        let repeated: Vec<&[u32]> = rows.windows(2).filter(|pair| moment(pair[0]) == moment(pair[1])).collect();
        if repeated.is_empty() {
            return Ok(());
        }
        let places = repeated.iter().map(|pair| {
            format!("{} ({} and {})", times.label(pair[0] as usize), self.place(pair[0]), self.place(pair[1]))
        });
        let what = format!("{}: {}", counted(repeated.len(), "duplicate time"), first_places(places));
        let hint = match (&self.ids, &self.roles.texts[..]) {
            (None, [column, ..]) => format!("if the column `{column}` names the series, add --id {column}"),
            _ => "remove or average the repeated rows".to_owned(),
        };
        Err(Error::data(what).expected("one row per time").hint(hint))
    }

    fn irregular(&self, times: &TimeColumn, rows: &[u32], off_grid: &OffGrid) -> Error {
        let off = off_grid.rows.iter().map(|&i| rows[i]);
        let places = off.map(|row| format!("{} ({})", times.label(row as usize), self.place(row)));
        let what =
            format!("{} not on the grid of the others: {}", is_or_are(off_grid.rows.len()), first_places(places));
        let frequency = off_grid.frequency;
        Error::data(what)
            .expected(format!("times {} ({frequency}) from {}", frequency.describe(), times.label(rows[0] as usize)))
            .hint("name the right frequency with --freq, or take the rows as consecutive with --missing drop")
    }

    /// Decides which positions stay, and the row of each; `u32::MAX` where a gap is filled.
    fn resolve(&self, standing: &Standing, missing: Missing, remarks: &mut Remarks) -> Result<(Vec<i64>, Vec<u32>)> {
        let rows = &standing.rows[..standing.present];
        let positions = &standing.positions[..standing.present];
        let is_missing = |row: u32| self.values[row as usize].is_nan();
        let without_value = rows.iter().filter(|&&row| is_missing(row)).count();
        let last = positions.last().copied().unwrap_or(-1);
        let gaps = (last + 1) as u64 - rows.len() as u64;
        if gaps == 0 && without_value == 0 {
            return Ok((positions.to_vec(), rows.to_vec()));
        }
        match missing {
            Missing::Error => Err(self.incomplete(standing, without_value, gaps)),
            Missing::Drop => {
                remarks.dropped.push(self.say_missing(standing, without_value, gaps));
                let known = positions.iter().zip(rows).filter(|(_, row)| !is_missing(**row));
                Ok(known.map(|(position, row)| (*position, *row)).unzip())
            }
            Missing::Interpolate | Missing::Keep => {
                check_density(standing, gaps)?;
                let mut all = vec![u32::MAX; (last + 1) as usize];
                for (&position, &row) in positions.iter().zip(rows) {
                    all[position as usize] = row;
                }
                let range = if missing == Missing::Keep { 0..all.len() } else { self.known_range(&all) };
                remarks.trimmed = all.len() - range.len();
                let said = self.say_missing(standing, without_value, gaps);
                (if missing == Missing::Keep { &mut remarks.kept } else { &mut remarks.interpolated }).push(said);
                Ok(((range.start as i64..range.end as i64).collect(), all[range].to_vec()))
            }
        }
    }

    /// The positions from the first to the last value: what lies outside has no neighbour to interpolate from.
    fn known_range(&self, rows: &[u32]) -> Range<usize> {
        let is_known = |row: &u32| *row != u32::MAX && !self.values[*row as usize].is_nan();
        let first = rows.iter().position(is_known).unwrap_or(0);
        first..rows.iter().rposition(is_known).map_or(first, |last| last + 1)
    }

    /// The error for values or times that are missing.
    fn incomplete(&self, standing: &Standing, without_value: usize, gaps: u64) -> Error {
        let frequency = standing.timeline.frequency().filter(|_| self.times.is_some() && gaps > 0);
        let every = frequency.map_or(String::new(), |f| format!(" ({})", f.describe()));
        Error::data(self.say_missing(standing, without_value, gaps))
            .expected(format!("a value at every time{every}"))
            .hint("choose --missing drop, --missing interpolate or --missing keep")
    }

    /// How many values and times are missing, and where the first ones are.
    fn say_missing(&self, standing: &Standing, without_value: usize, gaps: u64) -> String {
        let rows = &standing.rows[..standing.present];
        let mut said = Vec::new();
        if without_value > 0 {
            let missing = rows.iter().filter(|&&row| self.values[row as usize].is_nan());
            let time = |row: u32| self.times.as_ref().map_or(String::new(), |times| times.label(row as usize) + " in ");
            let places = first_places(missing.map(|&row| time(row) + &self.place(row)));
            said.push(format!("{} ({places})", counted(without_value, "missing value")));
        }
        if gaps > 0 {
            let place = |(position, row): (i64, u32)| {
                format!("{} after {}", standing.timeline.label(position), self.place(row))
            };
            let places = first_places(gaps_of(standing).map(place));
            said.push(format!("{} ({places})", counted(gaps as usize, "missing time")));
        }
        said.join(" and ")
    }

    fn series(
        &self,
        group: &Group,
        standing: &Standing,
        positions: Vec<i64>,
        rows: Vec<u32>,
        options: &ReadOptions,
        remarks: Remarks,
    ) -> Built {
        let interpolate = options.missing == Missing::Interpolate;
        let mut values = taken(&self.values, &rows);
        if interpolate {
            fill_between(&mut values);
        }
        let ahead = Self::rows_ahead(standing, &positions);
        let covariate = |(name, column): &(String, Vec<f64>)| {
            let mut values = taken(column, &rows);
            values.extend(taken(column, &ahead));
            if interpolate {
                fill_between(&mut values);
            }
            Covariate { name: name.clone(), values }
        };
        let covariates = self.covariates.iter().map(covariate).collect();
        let timeline = standing.timeline.select(&positions);
        let series = Series::new(group.id.clone(), values).with_timeline(timeline).with_covariates(covariates);
        Built { series, rows: if options.keep_rows { rows } else { Vec::new() }, remarks }
    }
}

/// Lengthens the last run by the row, or begins another.
fn extend(runs: &mut Vec<Range<u32>>, row: u32) {
    match runs.last_mut() {
        Some(run) if run.end == row => run.end += 1,
        _ => runs.push(row..row + 1),
    }
}

/// The values of rows; NaN where there is none.
fn taken(column: &[f64], rows: &[u32]) -> Vec<f64> {
    rows.iter().map(|&row| column.get(row as usize).copied().unwrap_or(f64::NAN)).collect()
}

/// Replaces what is missing between two numbers by the straight line through them.
fn fill_between(values: &mut [f64]) {
    let mut last: Option<usize> = None;
    for i in 0..values.len() {
        if values[i].is_nan() {
            continue;
        }
        if let Some(from) = last {
            let (start, rise) = (values[from], (values[i] - values[from]) / (i - from) as f64);
            for (steps, value) in (1..).zip(&mut values[from + 1..i]) {
                *value = start + rise * f64::from(steps);
            }
        }
        last = Some(i);
    }
}

/// Refuses gaps that no memory could hold.
fn check_density(standing: &Standing, gaps: u64) -> Result<()> {
    let rows = standing.present as i64;
    let last = standing.positions[standing.present - 1];
    if last < SPARSEST.saturating_mul(rows) {
        return Ok(());
    }
    let label = |position| standing.timeline.label(position);
    let jump = standing.positions.windows(2).max_by_key(|pair| pair[1] - pair[0]).unwrap_or(&[0, 0]);
    Err(Error::data(format!("{gaps} times are missing, most of them from {} to {}", label(jump[0]), label(jump[1])))
        .expected(format!("at least one row in {SPARSEST} times"))
        .hint("correct the times, name another --freq, or choose --missing drop"))
}

/// The positions without row, in order, each with the row before it.
fn gaps_of(standing: &Standing) -> impl Iterator<Item = (i64, u32)> + '_ {
    let positions = &standing.positions[..standing.present];
    positions
        .windows(2)
        .zip(&standing.rows)
        .flat_map(|(pair, &row)| (pair[0] + 1..pair[1]).map(move |position| (position, row)))
}

/// The first places of many, separated by commas.
fn first_places(places: impl Iterator<Item = String>) -> String {
    let mut first: Vec<String> = places.take(PLACES + 1).collect();
    if first.len() > PLACES {
        first[PLACES] = "...".to_owned();
    }
    first.join(", ")
}

fn counted(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

fn is_or_are(times: usize) -> String {
    format!("{} {}", counted(times, "time"), if times == 1 { "is" } else { "are" })
}

impl Remarks {
    /// The remarks with the name of their series before what is missing, where there are several.
    fn of(mut self, id_column: &Option<String>, id: &str) -> Self {
        if id_column.is_some() {
            for said in [&mut self.dropped, &mut self.interpolated, &mut self.kept].into_iter().flatten() {
                *said = format!("series `{id}`: {said}");
            }
        }
        self
    }

    fn add(&mut self, other: Self) {
        self.sorted += other.sorted;
        self.changing_offsets += other.changing_offsets;
        self.dropped.extend(other.dropped);
        self.interpolated.extend(other.interpolated);
        self.kept.extend(other.kept);
        self.trimmed += other.trimmed;
        self.known_future += other.known_future;
    }

    fn notices(self) -> Vec<String> {
        let said = |count: usize, text: &str| (count > 0).then(|| text.replace('#', &count.to_string()));
        let all = [
            said(self.sorted, "rows were not in the order of time and are sorted (# series)"),
            said(
                self.changing_offsets,
                "offsets from UTC change and no zone is named: later times keep the last offset (# series)",
            ),
            said(self.trimmed, "# missing values before the first or after the last known one were left out"),
            said(self.known_future, "# rows without value continue the further columns into the future"),
        ];
        let missing = [
            (self.dropped, "left out, the rest counts as consecutive"),
            (self.interpolated, "interpolated"),
            (self.kept, "kept as unknown"),
        ];
        let missing = missing.into_iter().flat_map(|(said, done)| first_series(&said, done));
        missing.chain(all.into_iter().flatten()).collect()
    }
}

/// A notice for each of the first series, and how many more there are.
fn first_series(said: &[String], done: &str) -> Vec<String> {
    let mut notices: Vec<String> = said.iter().take(PLACES).map(|what| format!("{what}: {done}")).collect();
    if said.len() > PLACES {
        notices.push(format!("and missing values or times in {} more series: {done}", said.len() - PLACES));
    }
    notices
}
