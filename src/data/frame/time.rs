//! A polars column as a column of times.

use polars::prelude::{Column, DataType, TimeUnit};

use super::cells;
use crate::Error;
use crate::data::civil::Nanos;
use crate::data::column::{TimeColumn, Unreadable};
use crate::data::spelling;

/// Reads every row of a column as a time.
pub(super) fn times(column: &Column) -> Result<TimeColumn, Unreadable> {
    let column = column.rechunk();
    if let Some(texts) = cells::texts(&column) {
        return TimeColumn::read(texts.len(), &|row| texts.get(row));
    }
    let missing =
        Error::data("the time is missing").expected("a time in every row").hint("fill it in, or leave the row out");
    if column.null_count() > 0 {
        let row = column.is_null().iter().position(|null| null == Some(true)).unwrap_or(0);
        return Err(Unreadable::new(row, missing));
    }
    match column.dtype() {
        DataType::Date => Ok(TimeColumn::of_days(days(&column))),
        DataType::Datetime(unit, zone) => {
            let zone = zone.as_ref().map(|zone| zone.to_string());
            let named = match &zone {
                Some(name) => Some(spelling::zone_of_name(name).ok_or_else(|| {
                    Unreadable::new(0, Error::data(format!("`{name}` is no zone")).expected("a name such as UTC"))
                })?),
                None => None,
            };
            let size = match unit {
                TimeUnit::Nanoseconds => 1,
                TimeUnit::Microseconds => 1_000,
                TimeUnit::Milliseconds => 1_000_000,
            };
            let moments = integers(&column).into_iter().map(|moment| moment * size).collect();
            Ok(TimeColumn::of_moments(moments, named))
        }
        dtype if dtype.is_integer() => Ok(TimeColumn::of_integers(integers(&column))),
        dtype => Err(Unreadable::new(0, Error::data(format!("a column of {dtype} holds no times")))),
    }
}

/// Whether the first time of a column reads as a time of a calendar, or all its integers as years.
pub(super) fn looks_like_dates(column: &Column) -> bool {
    if let Some(texts) = cells::texts(column) {
        let first = texts.iter().flatten().find(|text| !text.trim().is_empty()).unwrap_or_default().trim();
        return !spelling::orders_of(first).is_empty() || looks_like_years_or_months(column);
    }
    matches!(column.dtype(), DataType::Date | DataType::Datetime(..)) || looks_like_years_or_months(column)
}

/// Whether all rows are integers that count up or could be years.
pub(super) fn looks_like_integers(column: &Column) -> bool {
    let integers = cells::texts(column).is_some() || column.dtype().is_integer();
    integers && times(column).is_ok_and(|times| !times.is_calendar())
}

fn looks_like_years_or_months(column: &Column) -> bool {
    let integers = cells::texts(column).is_some() || column.dtype().is_integer();
    integers && times(column).is_ok_and(|times| times.are_years() || times.is_calendar())
}

/// The physical integers of a column without nulls.
fn integers(column: &Column) -> Vec<Nanos> {
    let physical = column.to_physical_repr().cast(&DataType::Int64);
    let values = physical.as_ref().ok().and_then(|column| column.i64().ok());
    values.map(|values| values.iter().flatten().map(Nanos::from).collect()).unwrap_or_default()
}

/// Days since 1970 of a column of dates without nulls.
fn days(column: &Column) -> Vec<i32> {
    let physical = column.to_physical_repr();
    physical.i32().map(|days| days.iter().flatten().collect()).unwrap_or_default()
}
