//! A column of times: one spelling for all rows, recognised by what reads every row.

use jiff::tz::TimeZone;

use super::civil::{self, DAY, Nanos, SECOND};
use super::spelling::{self, Calendar, DateOrder, Spelling};
use super::timeline::Times;
use super::zone::Zone;
use crate::{Error, Result};

/// Offsets of one zone differ by at most this many seconds: daylight saving.
const LARGEST_CLOCK_CHANGE: i32 = 3_600;

/// The times of all rows of a table.
#[derive(Debug)]
pub(crate) struct TimeColumn {
    spelling: Spelling,
    civil: Civil,
    /// Seconds from UTC, one per row, where the times have a zone; else empty.
    offsets: Vec<i32>,
    named: Option<TimeZone>,
    /// What the user should know about how the column was read.
    pub(crate) notices: Vec<String>,
}

/// Civil times, or integers, of all rows.
#[derive(Debug)]
enum Civil {
    /// Days since 1970, at a quarter of the memory: dates of large files.
    Days(Vec<i32>),
    Nanos(Vec<Nanos>),
}

impl Civil {
    fn len(&self) -> usize {
        match self {
            Self::Days(days) => days.len(),
            Self::Nanos(nanos) => nanos.len(),
        }
    }

    fn get(&self, row: usize) -> Nanos {
        match self {
            Self::Days(days) => Nanos::from(days[row]) * DAY,
            Self::Nanos(nanos) => nanos[row],
        }
    }
}

/// Why a column is none of times, and the row that shows it.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) row: usize,
    pub(crate) error: Error,
    /// Whether no single row is to blame.
    pub(crate) is_of_column: bool,
}

impl Unreadable {
    pub(crate) fn new(row: usize, error: Error) -> Self {
        Self { row, error, is_of_column: false }
    }
}

impl TimeColumn {
    /// Reads texts; every row must have one. O(n), twice where two orders of day and month are possible.
    pub(crate) fn read<'a>(count: usize, text: &dyn Fn(usize) -> Option<&'a str>) -> Result<Self, Unreadable> {
        let text = |row| text(row).map(str::trim).filter(|text| !text.is_empty());
        if let Some(row) = (0..count).find(|&row| text(row).is_none()) {
            return Err(Unreadable::new(
                row,
                Error::data("the time is missing")
                    .expected("a time in every row")
                    .hint("fill it in, or leave the row out"),
            ));
        }
        let text = |row| text(row).unwrap_or_default();
        let integers: Option<Vec<Nanos>> = (0..count).map(|row| spelling::read_integer(text(row))).collect();
        integers.map_or_else(|| Self::read_calendar(count, &text), |integers| Ok(Self::of_integers(integers)))
    }

    /// Reads texts for which no line numbers are known.
    pub(crate) fn of_texts(texts: &[&str]) -> Result<Self> {
        Self::read(texts.len(), &|row| Some(texts[row])).map_err(|unreadable| unreadable.error)
    }

    /// Integers: dates where all have the eight digits of one, months where all have the six of one (and more than one
    /// year is named, so that they do not just count up), else without calendar.
    pub(crate) fn of_integers(integers: Vec<Nanos>) -> Self {
        let read = |one: fn(Nanos) -> Option<Nanos>| integers.iter().map(|&integer| one(integer)).collect();
        let (dates, months): (Option<Vec<Nanos>>, Option<Vec<Nanos>>) =
            (read(spelling::compact_date), read(spelling::compact_month));
        let several_years = integers.iter().any(|integer| integer / 100 != integers[0] / 100);
        match (dates, months) {
            (Some(dates), _) if !dates.is_empty() => Self::zoneless(Spelling::COMPACT, Civil::Nanos(dates)),
            (_, Some(months)) if several_years => Self::zoneless(Spelling::COMPACT_MONTH, Civil::Nanos(months)),
            _ => Self::zoneless(Spelling::Integer, Civil::Nanos(integers)),
        }
    }

    /// Dates that came as days since 1970.
    #[cfg(feature = "frame")]
    pub(crate) fn of_days(days: Vec<i32>) -> Self {
        Self::zoneless(Spelling::iso(None, &Zone::Civil), Civil::Days(days))
    }

    fn zoneless(spelling: Spelling, civil: Civil) -> Self {
        Self { spelling, civil, offsets: Vec::new(), named: None, notices: Vec::new() }
    }

    /// Instants in a zone, or civil times where there is none, that came as numbers. They are spelled as ISO dates
    /// where no time of day is needed.
    #[cfg(feature = "frame")]
    pub(crate) fn of_moments(moments: Vec<Nanos>, named: Option<TimeZone>) -> Self {
        let zone = named.clone().map_or(Zone::Civil, Zone::Named);
        let civil: Vec<Nanos> = moments.iter().map(|&moment| zone.to_civil(moment)).collect();
        let offsets =
            if named.is_some() { moments.iter().map(|&moment| zone.offset(moment)).collect() } else { vec![] };
        let dates = named.is_none() && civil.iter().all(|&time| civil::time_of_day(time) == 0);
        let spelling = Spelling::iso((!dates).then(|| digits_after_second(&civil)), &zone);
        Self { spelling, civil: Civil::Nanos(civil), offsets, named, notices: Vec::new() }
    }

    fn read_calendar<'a>(count: usize, text: &dyn Fn(usize) -> &'a str) -> Result<Self, Unreadable> {
        let orders = if count == 0 { vec![] } else { spelling::orders_of(text(0)) };
        if orders.is_empty() {
            let error = Error::data(format!("`{}` is no time", if count == 0 { "" } else { text(0) }));
            return Err(Unreadable::new(0, error.expected(EXAMPLES).hint(CORRECT)));
        }
        let readings: Vec<Result<Self, Unreadable>> =
            orders.iter().map(|&order| Self::read_in_order(count, text, order)).collect();
        let (mut read, unreadable): (Vec<_>, Vec<_>) = readings.into_iter().partition(Result::is_ok);
        match (read.len(), read.pop()) {
            (1, Some(only)) => only,
            (0, _) | (_, None) => Err(latest(unreadable, text)),
            (_, Some(last)) => decide(read.into_iter().flatten().chain(last).collect(), text(0)),
        }
    }

    fn read_in_order<'a>(count: usize, text: &dyn Fn(usize) -> &'a str, order: DateOrder) -> Result<Self, Unreadable> {
        let mut civil = Vec::with_capacity(count);
        let mut zones = Zones::default();
        let mut calendar: Option<Calendar> = None;
        for row in 0..count {
            let Some(reading) = spelling::read(text(row), order) else {
                let error = Error::data(format!("`{}` is no time", text(row)));
                return Err(Unreadable::new(row, error.expected(format!("one like `{}`", text(0))).hint(CORRECT)));
            };
            match &mut calendar {
                Some(calendar) => calendar.widen(&reading.spelling),
                None => calendar = Some(reading.spelling),
            }
            zones.add(&reading).map_err(|error| Unreadable::new(row, error))?;
            civil.push(reading.civil);
        }
        let spelling = calendar.map_or(Spelling::Integer, Spelling::Calendar);
        let civil = Civil::Nanos(civil);
        Ok(Self { spelling, civil, offsets: zones.offsets, named: zones.named, notices: Vec::new() })
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.civil.len()
    }

    /// Whether the times are dates rather than integers.
    pub(crate) fn is_calendar(&self) -> bool {
        self.spelling != Spelling::Integer
    }

    /// Whether all are ISO dates without a time of day.
    #[cfg(feature = "frame")]
    pub(crate) fn is_plain_date(&self) -> bool {
        self.spelling == Spelling::iso(None, &Zone::Civil)
    }

    /// Whether all times are integers that can be years.
    pub(crate) fn are_years(&self) -> bool {
        !self.is_calendar() && (0..self.len()).all(|row| (1500..=2200).contains(&self.civil.get(row)))
    }

    /// The moment to sort a row by: its instant, or its civil time where there is no zone.
    pub(crate) fn moment(&self, row: usize) -> Nanos {
        let offset = self.offsets.get(row).copied().unwrap_or(0);
        self.civil.get(row) - Nanos::from(offset) * SECOND
    }

    /// The time of a row as the input spells it.
    pub(crate) fn label(&self, row: usize) -> String {
        let offset = self.offsets.get(row).copied().unwrap_or(0);
        self.spelling.write(self.civil.get(row), offset, &self.named.clone().map_or(Zone::Fixed(offset), Zone::Named))
    }

    /// The times of some rows, which are sorted by [`moment`](Self::moment).
    pub(crate) fn select(&self, rows: &[u32]) -> Times {
        let civil: Vec<Nanos> = rows.iter().map(|&row| self.civil.get(row as usize)).collect();
        if self.offsets.is_empty() {
            return Times { spelling: self.spelling, zone: Zone::Civil, civil, instants: None };
        }
        let offsets: Vec<i32> = rows.iter().map(|&row| self.offsets[row as usize]).collect();
        let instants: Vec<Nanos> = rows.iter().map(|&row| self.moment(row as usize)).collect();
        let zone = self.named.clone().map_or_else(|| Zone::of_offsets(&instants, &offsets), Zone::Named);
        Times { spelling: self.spelling, zone, civil, instants: Some(instants) }
    }

    /// The times of all rows.
    pub(crate) fn all(&self) -> Times {
        self.select(&(0..self.len() as u32).collect::<Vec<u32>>())
    }

    /// Whether the distinct times lie on one grid, without a gap in most places.
    fn is_regular(&self) -> bool {
        let mut rows: Vec<u32> = (0..self.len() as u32).collect();
        rows.sort_by_key(|&row| self.moment(row as usize));
        rows.dedup_by_key(|row| self.moment(*row as usize));
        let placed = self.select(&rows).place(None);
        matches!(placed, Ok(Ok(placed)) if placed.timeline.len() == rows.len() && rows.len() > 2)
    }
}

const CORRECT: &str = "correct it, or name the column of times with --time";
const EXAMPLES: &str = "an integer, a date such as 2024-01-31, 2024-01 or 1949-Q1, or a time such as 2024-01-31T10:00Z";

/// How many digits after the second the times need.
#[cfg(feature = "frame")]
fn digits_after_second(times: &[Nanos]) -> usize {
    let fits = |digits: &usize| times.iter().all(|time| time % 10_i128.pow(9 - *digits as u32) == 0);
    [0, 3, 6].into_iter().find(fits).unwrap_or(9)
}

/// Among failures in several orders, the one that came furthest.
fn latest<'a>(failures: Vec<Result<TimeColumn, Unreadable>>, text: &dyn Fn(usize) -> &'a str) -> Unreadable {
    let furthest = failures.into_iter().filter_map(Result::err).max_by_key(|failure| failure.row);
    furthest.unwrap_or_else(|| {
        Unreadable::new(0, Error::data(format!("`{}` is no time", text(0))).expected(EXAMPLES).hint(CORRECT))
    })
}

/// Chooses between the orders that read every row: the one that gives regular times, where there is just one.
fn decide(mut columns: Vec<TimeColumn>, example: &str) -> Result<TimeColumn, Unreadable> {
    let regular: Vec<usize> = (0..columns.len()).filter(|&i| columns[i].is_regular()).collect();
    let said: Vec<String> = columns.iter().map(TimeColumn::order).collect();
    if let [only] = regular[..] {
        let mut column = columns.swap_remove(only);
        column.notices.push(format!("dates such as {example} are read as {}: only so they are regular", said[only]));
        return Ok(column);
    }
    let error = Error::data(format!("`{example}` can be read as {}", said.join(" or as ")))
        .expected("dates with only one reading")
        .hint("write them as year-month-day, for example 2024-01-31");
    Err(Unreadable { is_of_column: true, ..Unreadable::new(0, error) })
}

impl TimeColumn {
    fn order(&self) -> String {
        match self.spelling {
            Spelling::Calendar(calendar) => calendar.order().describe(),
            Spelling::Integer => "an integer".to_owned(),
        }
    }
}

/// The zones of the rows so far: none, one name, or offsets that daylight saving can explain.
#[derive(Debug, Default)]
struct Zones {
    rows: usize,
    offsets: Vec<i32>,
    name: Option<String>,
    named: Option<TimeZone>,
    range: Option<(i32, i32)>,
}

impl Zones {
    fn add(&mut self, reading: &spelling::Reading<'_>) -> Result<()> {
        let zoned = reading.offset.is_some() || reading.zone_name.is_some();
        if self.rows > 0 && (zoned == self.offsets.is_empty() || reading.zone_name != self.name.as_deref()) {
            return Err(mixed());
        }
        self.rows += 1;
        if !zoned {
            return Ok(());
        }
        if let (Some(name), None) = (reading.zone_name, &self.named) {
            let unknown = || Error::data(format!("`{name}` is no zone")).expected("a name such as Europe/Berlin");
            self.named = Some(spelling::zone_of_name(name).ok_or_else(unknown)?);
            self.name = Some(name.to_owned());
        }
        let rule = || self.named.clone().map_or(0, |zone| Zone::Named(zone).offset_of_civil(reading.civil));
        let offset = reading.offset.unwrap_or_else(rule);
        self.offsets.push(offset);
        let (low, high) = self.range.map_or((offset, offset), |(low, high)| (low.min(offset), high.max(offset)));
        self.range = Some((low, high));
        if self.named.is_none() && high - low > LARGEST_CLOCK_CHANGE { Err(mixed()) } else { Ok(()) }
    }
}

fn mixed() -> Error {
    Error::data("mixed zones")
        .expected("times that all have the same zone, or none at all")
        .hint("write all times in UTC, for example 2024-01-31T10:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(texts: &[&str]) -> TimeColumn {
        TimeColumn::of_texts(texts).expect("times")
    }

    fn error(texts: &[&str]) -> String {
        TimeColumn::of_texts(texts).expect_err("no times").to_string()
    }

    #[test]
    fn evidence_in_any_row_decides_the_order() {
        assert_eq!(column(&["01/02/2024", "13/02/2024"]).civil.get(0), civil::midnight(2024, 2, 1).expect("a date"));
        assert_eq!(column(&["01/02/2024", "02/13/2024"]).civil.get(0), civil::midnight(2024, 1, 2).expect("a date"));
    }

    #[test]
    fn regularity_decides_where_both_orders_read_all_rows() {
        let texts = ["10/01/2023", "11/01/2023", "12/01/2023", "01/01/2024"];
        let months = column(&texts);
        assert_eq!(months.civil.get(0), civil::midnight(2023, 10, 1).expect("a date"));
        assert!(months.notices[0].contains("month/day/year"));
        let ambiguous = error(&["01/01/2024", "02/01/2024", "03/01/2024"]);
        assert!(ambiguous.contains("month/day/year") && ambiguous.contains("day/month/year"), "{ambiguous}");
    }

    #[test]
    fn eight_digits_are_dates_only_where_all_are() {
        assert!(column(&["20240131", "20240229"]).is_calendar());
        assert!(!column(&["20240131", "20240232"]).is_calendar());
        assert!(column(&["1871", "1872"]).are_years());
    }

    #[test]
    fn mixed_zones_are_refused() {
        for texts in [
            ["2024-01-01T00:00Z", "2024-01-01T01:00"],
            ["2024-01-01T00:00", "2024-01-01T01:00Z"],
            ["2024-01-01T00:00+00:00", "2024-01-01T01:00+05:00"],
            ["2024-01-01T00:00[Europe/Berlin]", "2024-01-01T01:00[Asia/Tokyo]"],
        ] {
            assert!(error(&texts).contains("mixed zones"), "{texts:?}");
        }
        assert!(error(&["2024-01-01T00:00[Mars/Olympus]"]).contains("Mars/Olympus"));
    }

    #[test]
    fn the_row_that_is_no_time_is_named() {
        let texts = ["01/02/2024", "02/03/2024", "33/03/2024"];
        let unreadable = TimeColumn::read(3, &|row| Some(texts[row])).expect_err("no date");
        assert_eq!(unreadable.row, 2);
        let missing = TimeColumn::read(2, &|row| ["1", ""].get(row).copied()).expect_err("missing");
        assert_eq!(missing.row, 1);
        assert!(error(&["tomorrow"]).contains("2024-01-31"));
    }

    #[test]
    #[cfg(feature = "frame")]
    fn moments_are_spelled_as_coarsely_as_they_allow() {
        assert_eq!(TimeColumn::of_moments(vec![0, DAY], None).label(1), "1970-01-02");
        assert_eq!(TimeColumn::of_moments(vec![0, 3_600 * SECOND], None).label(1), "1970-01-01T01:00:00");
        assert_eq!(TimeColumn::of_moments(vec![0, 250_000_000], None).label(0), "1970-01-01T00:00:00.000");
        let berlin = spelling::zone_of_name("Europe/Berlin");
        assert_eq!(TimeColumn::of_moments(vec![0], berlin).label(0), "1970-01-01T01:00:00+01:00[Europe/Berlin]");
    }
}
