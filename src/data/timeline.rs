//! Where the values of a series stand in time.
//!
//! Times are a start and a [`Frequency`], so that a timeline costs the same for any length and continues into the
//! future; only after rows were dropped are they a list. Days, weeks and months advance by the calendar in local
//! civil time, hours and below by duration in UTC.

mod stamp;

use std::ops::Range;

pub(crate) use self::stamp::Stamp;
use super::civil::{self, DAY, Nanos, SECOND};
use super::column::TimeColumn;
use super::frequency::{Anchor, Base, Frequency};
use super::spelling::{self, Reading, Spelling};
use super::zone::Zone;
use crate::{Error, Result};

/// The times of a series.
///
/// ```
/// use foretoken::data::frequency::Frequency;
/// use foretoken::data::timeline::Timeline;
///
/// let months = Timeline::starting_at("2024-01-31", Frequency::parse("1mo")?, 2)?;
/// assert_eq!([months.label(0), months.label(1), months.label(2)], ["2024-01-31", "2024-02-29", "2024-03-31"]);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    spelling: Spelling,
    zone: Zone,
    grid: Grid,
    frequency: Option<Frequency>,
    /// The known times where they are not the grid's: rows were dropped.
    moments: Option<Vec<Nanos>>,
    len: usize,
}

/// Equally spaced moments: the one with index 0, and how to come to the others. Moments are UTC for durations of a
/// series with a zone, civil otherwise, and plain integers for integer times.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Grid {
    start: Nanos,
    frequency: Frequency,
    anchor: Option<Anchor>,
}

impl Grid {
    /// The grid through the first of the sorted moments.
    fn through(moments: &[Nanos], frequency: Frequency) -> Self {
        let monthly = frequency.base() == Base::Month;
        let anchor = if monthly { Anchor::of(moments).or_else(|| Anchor::of(&moments[..1])) } else { None };
        Self { start: moments[0], frequency, anchor }
    }

    fn moment(&self, index: i64) -> Nanos {
        let steps = index.saturating_mul(self.frequency.base_count());
        match (self.frequency.base(), self.anchor) {
            (Base::Day, _) => self.start + Nanos::from(steps) * DAY,
            (Base::BusinessDay, _) => {
                let day = civil::business_day_number(self.start).saturating_add(steps);
                civil::business_day(day) + civil::time_of_day(self.start)
            }
            (Base::Month, Some(anchor)) => anchor.at(anchor.month(self.start).saturating_add(steps)),
            _ => self.start + Nanos::from(steps),
        }
    }

    /// The last index whose moment is not after the given one.
    fn floor(&self, moment: Nanos) -> i64 {
        let count = self.frequency.base_count();
        let estimate = match (self.frequency.base(), self.anchor) {
            (Base::Day, _) => return clamp((moment - self.start).div_euclid(Nanos::from(count) * DAY)),
            (Base::BusinessDay, _) => {
                (civil::business_day_number(moment) - civil::business_day_number(self.start)).div_euclid(count)
            }
            (Base::Month, Some(anchor)) => (anchor.month(moment) - anchor.month(self.start)).div_euclid(count),
            _ => return clamp((moment - self.start).div_euclid(Nanos::from(count))),
        };
        // Within its working day or month the moment may lie before the grid's time.
        if self.moment(estimate) > moment { estimate - 1 } else { estimate }
    }

    /// Whether the moments are the grid's from its start on, without a gap: the usual case, found without a division.
    fn holds_all(&self, moments: &[Nanos]) -> bool {
        let step = self.moment(1) - self.start;
        let fixed = matches!(self.frequency.base(), Base::Day | Base::Nanosecond | Base::Step);
        fixed && moments.windows(2).all(|pair| pair[1] - pair[0] == step)
    }

    /// The index of a moment of the grid.
    fn index(&self, moment: Nanos) -> Option<i64> {
        Some(self.floor(moment)).filter(|&index| self.moment(index) == moment)
    }
}

fn clamp(index: Nanos) -> i64 {
    index.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// The sorted, distinct times of one series as the input has them, before they are placed on a grid.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    pub(crate) spelling: Spelling,
    pub(crate) zone: Zone,
    /// Civil times, or integers.
    pub(crate) civil: Vec<Nanos>,
    /// The same times in UTC where they have a zone.
    pub(crate) instants: Option<Vec<Nanos>>,
}

/// Times on a grid: the timeline up to the last of them, and the index of each.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) timeline: Timeline,
    pub(crate) positions: Vec<i64>,
}

/// Times that lie on no common grid.
#[derive(Debug)]
pub(crate) struct OffGrid {
    /// Which times are not on the grid.
    pub(crate) rows: Vec<usize>,
    pub(crate) frequency: Frequency,
    /// The times as they are, for who does without a grid.
    pub(crate) timeline: Timeline,
}

impl Times {
    /// The times 1, 2, ..., n of rows without any.
    #[cfg(feature = "frame")]
    pub(crate) fn numbered(len: usize) -> Self {
        let civil = (1..=len as Nanos).collect();
        Self { spelling: Spelling::Integer, zone: Zone::Civil, civil, instants: None }
    }

    /// Places the times on the grid of the given frequency, or of the one they show. There must be one at least.
    pub(crate) fn place(&self, given: Option<Frequency>) -> Result<Result<Placed, OffGrid>> {
        let frequency = self.grid_frequency(given)?;
        let moments = match &self.instants {
            Some(instants) if frequency.base() == Base::Nanosecond => instants,
            _ => &self.civil,
        };
        let grid = Grid::through(moments, frequency);
        let shown = Some(self.shown_frequency(given, frequency));
        let (spelling, zone) = (self.spelling, self.zone.clone());
        let mut timeline = Timeline { spelling, zone, grid, frequency: shown, moments: None, len: moments.len() };
        if grid.holds_all(moments) {
            return Ok(Ok(Placed { timeline, positions: (0..moments.len() as i64).collect() }));
        }
        let indices: Vec<Option<i64>> = moments.iter().map(|&moment| grid.index(moment)).collect();
        let rows: Vec<usize> = (0..indices.len()).filter(|&row| indices[row].is_none()).collect();
        if rows.is_empty() {
            let positions: Vec<i64> = indices.into_iter().flatten().collect();
            timeline.len = positions.last().map_or(0, |last| *last as usize + 1);
            return Ok(Ok(Placed { timeline, positions }));
        }
        timeline.frequency = None;
        timeline.moments = Some(moments.clone());
        Ok(Err(OffGrid { rows, frequency, timeline }))
    }

    /// The distance of the grid. A calendar's frequency for integers says what a step stands for, not how far apart
    /// they are.
    fn grid_frequency(&self, given: Option<Frequency>) -> Result<Frequency> {
        let integers = self.spelling == Spelling::Integer;
        match given {
            Some(given) if !integers && given.base() == Base::Step => {
                Err(Error::usage(format!("the frequency {given} is an integer step, but the times are dates"))
                    .hint("name a calendar frequency such as 1d or 1mo, or leave it out"))
            }
            Some(given) if !integers || given.base() == Base::Step => Ok(given),
            _ if integers => Ok(Frequency::infer_step(&self.civil).unwrap_or(Frequency::STEP)),
            _ => {
                let seen = Frequency::infer(&self.civil, self.instants.as_deref());
                Ok(seen.unwrap_or_else(|| self.spelling.implied_frequency()))
            }
        }
    }

    /// What one step stands for: the given frequency, years for integers that look like years.
    fn shown_frequency(&self, given: Option<Frequency>, grid: Frequency) -> Frequency {
        let year = |&time: &Nanos| (1500..=2200).contains(&time);
        let several = self.civil.len() > 1 && self.spelling == Spelling::Integer && grid == Frequency::STEP;
        given.unwrap_or(if several && self.civil.iter().all(year) { Frequency::YEARLY } else { grid })
    }
}

impl Timeline {
    /// The integer times `start, start + step, ...`; a step below one counts as one.
    #[must_use]
    pub fn integers(start: i64, step: i64, len: usize) -> Self {
        let frequency = Frequency::steps(step);
        let grid = Grid { start: start.into(), frequency, anchor: None };
        let spelling = Spelling::Integer;
        Self { spelling, zone: Zone::Civil, grid, frequency: Some(frequency), moments: None, len }
    }

    /// Times from `start` on, in the spelling of `start`: an integer or any calendar spelling.
    ///
    /// # Errors
    /// If the text is no time, can be read in two ways, or does not fit the frequency.
    pub fn starting_at(start: &str, frequency: Frequency, len: usize) -> Result<Self> {
        let times = TimeColumn::of_texts(&[start])?.all();
        let mut timeline = match times.place(Some(frequency))? {
            Ok(placed) => placed.timeline,
            Err(off_grid) => return Err(off_grid.error(&times)),
        };
        timeline.len = len;
        Ok(timeline)
    }

    /// The times that texts spell, at the given frequency or the one they show.
    ///
    /// # Errors
    /// If a text is no time, the times are not strictly increasing, or one is missing.
    pub fn of_labels(labels: &[&str], frequency: Option<Frequency>) -> Result<Self> {
        if labels.is_empty() {
            return Ok(Self::integers(1, 1, 0));
        }
        let times = TimeColumn::of_texts(labels)?.all();
        if let Some(row) = times.first_unsorted() {
            return Err(Error::data(format!("`{}` does not follow `{}`", labels[row], labels[row - 1]))
                .expected("strictly increasing times"));
        }
        let placed = times.place(frequency)?.map_err(|off_grid| off_grid.error(&times))?;
        match placed.positions.iter().zip(0..).find(|(position, row)| *position != row) {
            None => Ok(placed.timeline),
            Some((_, row)) => Err(Error::data(format!("the time {} is missing", placed.timeline.label(row)))),
        }
    }

    /// The number of known times.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no time at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How far apart neighbouring times are: what one step stands for. Years for integers that are years; `None`
    /// where the known times lie on no common grid.
    #[must_use]
    pub fn frequency(&self) -> Option<Frequency> {
        self.frequency
    }

    /// How far apart neighbouring times are, counted as they are spelled: of years that are integers the integer step.
    /// `None` where there is no common grid, or times of it were left out.
    #[cfg(any(test, feature = "frame"))]
    pub(crate) fn spelled_step(&self) -> Option<Frequency> {
        let shown = self.frequency.filter(|_| self.is_regular())?;
        Some(if self.is_calendar() { shown } else { self.grid.frequency })
    }

    /// Whether the times are dates or times of a calendar rather than integers.
    #[must_use]
    pub fn is_calendar(&self) -> bool {
        self.spelling != Spelling::Integer
    }

    /// Whether the known times follow each other without gaps.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        self.moments.is_none()
    }

    /// The time at a position, spelled as the input spells it. Positions may lie before the first or, for
    /// forecasts, after the last known time. Month ends stay month ends.
    #[must_use]
    pub fn label(&self, position: i64) -> String {
        let (civil, offset) = self.civil(self.moment(position));
        self.spelling.write(civil, offset, &self.zone)
    }

    /// Refuses steps after the last time that the calendar does not reach: it ends with the year 9999.
    ///
    /// # Errors
    /// If it ends before.
    pub fn check_ahead(&self, steps: usize) -> Result<()> {
        let end = (self.len + steps) as i64 - 1;
        if steps == 0 || self.moment(end) > self.moment(end - 1) && self.label(end) != self.label(end - 1) {
            return Ok(());
        }
        Err(Error::data(format!("the calendar ends {} steps or less after {}", steps, self.last_label()))
            .expected("times up to the year 9999")
            .hint("use a shorter --horizon, or mend the last time"))
    }

    /// The last known time. Empty where there is none.
    #[must_use]
    pub fn last_label(&self) -> String {
        if self.is_empty() { String::new() } else { self.label(self.len as i64 - 1) }
    }

    /// The time at a position as a number for an axis: civil seconds since 1970, or the integer itself.
    #[must_use]
    pub fn seconds(&self, position: i64) -> f64 {
        let moment = self.moment(position);
        if self.is_calendar() { self.civil(moment).0 as f64 / SECOND as f64 } else { moment as f64 }
    }

    /// The last known position whose time is not after the given one, which is spelled like the input or as an ISO
    /// date. A coarser text includes all that it names: `2024-01` the whole month, `2024-01-31` the whole day.
    ///
    /// # Errors
    /// If the text is no time, or lies before the first one.
    pub fn position_of(&self, text: &str) -> Result<i64> {
        let moment = if self.is_calendar() { self.end_of(text) } else { spelling::read_integer(text.trim()) };
        let moment = moment.ok_or_else(|| {
            let example = if self.is_empty() { "2024-01-31".to_owned() } else { self.label(0) };
            Error::usage(format!("`{text}` is no time of this series")).expected(format!("one like `{example}`"))
        })?;
        let position = match &self.moments {
            Some(moments) => moments.partition_point(|&known| known <= moment) as i64 - 1,
            None => self.grid.floor(moment),
        };
        if position < 0 || self.is_empty() {
            return Err(Error::usage(format!("`{text}` lies before the first time")).expected(format!(
                "a time from {} to {}",
                self.label(0),
                self.last_label()
            )));
        }
        Ok(position.min(self.len as i64 - 1))
    }

    /// The position of a time, which is spelled like the input or as an ISO date and may lie beyond the known times;
    /// `None` where it is on no position.
    ///
    /// # Errors
    /// If the text is no time.
    #[cfg(any(test, feature = "frame"))]
    pub(crate) fn exact_position_of(&self, text: &str) -> Result<Option<i64>> {
        let text = text.trim();
        let moment = if self.is_calendar() {
            self.reading(text).and_then(|reading| self.moment_of(&reading, reading.civil))
        } else {
            spelling::read_integer(text)
        };
        let moment = moment.ok_or_else(|| {
            let example = format!("one like `{}`", self.label(self.len as i64));
            Error::data(format!("`{text}` is no time of this series")).expected(example)
        })?;
        let Some((moments, &last)) = self.moments.as_ref().and_then(|moments| Some((moments, moments.last()?))) else {
            return Ok(self.grid.index(moment));
        };
        if moment <= last {
            return Ok(moments.binary_search(&moment).ok().map(|position| position as i64));
        }
        let beyond = Grid { start: last, ..self.grid }.index(moment);
        Ok(beyond.map(|steps| self.len as i64 - 1 + steps))
    }

    /// The timeline of a range of positions.
    ///
    /// # Panics
    /// If the range ends after the last known time.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(range.end <= self.len, "a slice must lie within the known times");
        let mut slice = self.clone();
        slice.len = range.len();
        match &self.moments {
            Some(moments) => slice.moments = Some(moments[range].to_vec()),
            None => slice.grid.start = self.grid.moment(range.start as i64),
        }
        slice
    }

    /// The timeline of some of the positions, in order: a list of times where they leave gaps.
    #[cfg(any(test, feature = "frame"))]
    #[must_use]
    pub(crate) fn select(&self, positions: &[i64]) -> Self {
        let mut selected = self.clone();
        selected.len = positions.len();
        let Some(&first) = positions.first() else { return selected };
        if positions.iter().zip(first..).all(|(position, expected)| *position == expected) && self.is_regular() {
            selected.grid.start = self.moment(first);
        } else {
            selected.moments = Some(positions.iter().map(|&position| self.moment(position)).collect());
        }
        selected
    }

    /// The moment at a position, of the list or of the grid, which continues beyond either end of the list.
    fn moment(&self, position: i64) -> Nanos {
        let Some((moments, (first, last))) = self.moments.as_ref().and_then(|m| Some((m, (m.first()?, m.last()?))))
        else {
            return self.grid.moment(position);
        };
        let beyond = position - (moments.len() as i64 - 1);
        match usize::try_from(position) {
            Ok(known) if known < moments.len() => moments[known],
            Ok(_) => Grid { start: *last, ..self.grid }.moment(beyond),
            Err(_) => Grid { start: *first, ..self.grid }.moment(position),
        }
    }

    /// Whether moments are instants in UTC rather than civil times.
    fn counts_instants(&self) -> bool {
        self.zone != Zone::Civil && self.grid.frequency.base() == Base::Nanosecond
    }

    /// The civil time of a moment and its offset from UTC.
    fn civil(&self, moment: Nanos) -> (Nanos, i32) {
        if self.counts_instants() {
            (self.zone.to_civil(moment), self.zone.offset(moment))
        } else if self.zone == Zone::Civil {
            (moment, 0)
        } else {
            // A civil time that clocks skip is written as the instant it means.
            let instant = self.zone.to_instant(moment);
            (self.zone.to_civil(instant), self.zone.offset(instant))
        }
    }

    /// The last moment that a text names; `None` where it is no time.
    fn end_of(&self, text: &str) -> Option<Nanos> {
        let text = text.trim();
        let Some(reading) = self.reading(text) else { return spelling::read_year(text) };
        self.moment_of(&reading, reading.spelling.end_of(reading.civil) - 1)
    }

    /// A text in the order of day and month of the known times, or as an ISO date.
    fn reading<'a>(&self, text: &'a str) -> Option<Reading<'a>> {
        let own = match self.spelling {
            Spelling::Calendar(calendar) => spelling::read(text, calendar.order()),
            Spelling::Integer => None,
        };
        own.or_else(|| spelling::orders_of(text).first().and_then(|&order| spelling::read(text, order)))
    }

    /// The moment of a civil time with the offset or the zone of a reading.
    fn moment_of(&self, reading: &Reading<'_>, civil: Nanos) -> Option<Nanos> {
        let instant = match (reading.offset, reading.zone_name) {
            (Some(offset), _) => Some(civil - Nanos::from(offset) * SECOND),
            (None, Some(name)) => Some(Zone::Named(spelling::zone_of_name(name)?).to_instant(civil)),
            (None, None) => None,
        };
        Some(match (instant, self.counts_instants()) {
            (Some(instant), true) => instant,
            (Some(instant), false) if self.zone != Zone::Civil => self.zone.to_civil(instant),
            (_, false) => civil,
            (None, true) => self.zone.to_instant(civil),
        })
    }
}

impl OffGrid {
    /// The error for times whose rows nobody can name by a line.
    fn error(&self, times: &Times) -> Error {
        let label = self.timeline.label(self.rows[0] as i64);
        let first = times.spelling.write(times.civil[0], 0, &times.zone);
        Error::data(format!("`{label}` is not a whole number of steps after `{first}`")).expected(format!(
            "times {} ({})",
            self.frequency.describe(),
            self.frequency
        ))
    }
}

impl Times {
    /// The first row that is not after the row before it.
    pub(crate) fn first_unsorted(&self) -> Option<usize> {
        let moments = self.instants.as_ref().unwrap_or(&self.civil);
        moments.windows(2).position(|pair| pair[0] >= pair[1]).map(|row| row + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequency(text: &str) -> Frequency {
        Frequency::parse(text).expect(text)
    }

    fn labels(timeline: &Timeline) -> Vec<String> {
        (0..timeline.len() as i64).map(|position| timeline.label(position)).collect()
    }

    fn starting(start: &str, step: &str) -> Timeline {
        Timeline::starting_at(start, frequency(step), 4).expect(start)
    }

    #[test]
    fn month_ends_stay_month_ends_and_days_are_clamped() {
        assert_eq!(labels(&starting("2023-01-31", "1mo")), ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30"]);
        assert_eq!(labels(&starting("2024-01-30", "1mo")), ["2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30"]);
        assert_eq!(labels(&starting("29.02.2024", "1y"))[1], "28.02.2025");
        assert_eq!(labels(&starting("1949-Q3", "1q")), ["1949-Q3", "1949-Q4", "1950-Q1", "1950-Q2"]);
        assert_eq!(labels(&starting("Nov 2024", "1mo")), ["Nov 2024", "Dec 2024", "Jan 2025", "Feb 2025"]);
    }

    #[test]
    fn working_days_and_weeks() {
        assert_eq!(labels(&starting("2024-01-04", "B")), ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]);
        assert_eq!(starting("2024-01-04", "1w").label(-1), "2023-12-28");
    }

    #[test]
    fn times_end_with_the_calendar() {
        let months = starting("9999-07", "1mo");
        assert_eq!(months.last_label(), "9999-10");
        assert!(months.check_ahead(2).is_ok());
        let error = months.check_ahead(3).expect_err("the year 10000").to_string();
        assert!(error.contains("after 9999-10"), "{error}");
        assert!(Timeline::integers(1, 1, 4).check_ahead(1_000_000).is_ok());
    }

    #[test]
    fn labels_are_read_with_their_frequency() {
        let months = Timeline::of_labels(&["31/10/2023", "30/11/2023", "31/12/2023"], None).expect("months");
        assert_eq!(months.frequency(), Some(frequency("1mo")));
        assert_eq!(months.label(4), "29/02/2024");
        let years = Timeline::of_labels(&["1871", "1872", "1873"], None).expect("years");
        assert_eq!(
            (years.frequency(), years.is_calendar(), years.label(3).as_str()),
            (Some(frequency("1y")), false, "1874")
        );
        assert_eq!((years.spelled_step(), months.spelled_step()), (Some(frequency("1")), Some(frequency("1mo"))));
        assert_eq!(years.select(&[0, 2]).spelled_step(), None);
        let steps = Timeline::of_labels(&["0", "5", "10"], None).expect("steps");
        assert_eq!((steps.frequency(), steps.seconds(3)), (Some(frequency("5")), 15.0));
    }

    #[test]
    fn broken_labels_say_where() {
        let error = |labels: &[&str]| Timeline::of_labels(labels, None).expect_err("broken").to_string();
        assert!(error(&["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"]).contains("2024-01-03 is missing"));
        assert!(error(&["2024-01-02", "2024-01-01"]).contains("does not follow"));
        assert!(error(&["2024-01-01", "2024-01-02", "soon"]).contains("`soon`"));
        assert!(error(&["01/02/2024", "02/03/2024"]).contains("month/day/year"));
        assert!(error(&["2024-01-01", "2024-01-01T10:00Z"]).contains("zone"));
    }

    #[test]
    fn days_keep_their_civil_time_and_hours_their_length_where_clocks_change() {
        let days = starting("2024-03-30T12:00+01:00[Europe/Berlin]", "1d");
        assert_eq!(days.label(1), "2024-03-31T12:00+02:00[Europe/Berlin]");
        let hours = starting("2024-03-31T01:00+01:00[Europe/Berlin]", "1h");
        assert_eq!(hours.label(1), "2024-03-31T03:00+02:00[Europe/Berlin]");
        let skipped = starting("2024-03-30T02:30+01:00[Europe/Berlin]", "1d");
        assert_eq!(skipped.label(1), "2024-03-31T03:30+02:00[Europe/Berlin]");
    }

    #[test]
    fn offsets_that_change_are_one_zone_and_the_last_continues() {
        let rows = ["2024-03-31T00:00+01:00", "2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00"];
        let hours = Timeline::of_labels(&rows, None).expect("hours");
        assert_eq!(labels(&hours), rows);
        assert_eq!((hours.frequency(), hours.label(3).as_str()), (Some(frequency("1h")), "2024-03-31T04:00+02:00"));
        let rows = ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"];
        let days = Timeline::of_labels(&rows, None).expect("days");
        assert_eq!((days.frequency(), labels(&days)), (Some(frequency("1d")), rows.map(String::from).to_vec()));
    }

    #[test]
    fn positions_are_found_by_their_time_or_a_coarser_one() {
        let days = Timeline::starting_at("2024-01-01", frequency("1d"), 60).expect("days");
        assert_eq!(days.position_of("2024-01-31").expect("a day"), 30);
        assert_eq!(days.position_of("2024-01").expect("a month"), 30);
        assert_eq!(days.position_of("2030-01-01").expect("later"), 59);
        assert!(days.position_of("2023-12-31").is_err());
        assert!(days.position_of("soon").expect_err("no time").to_string().contains("2024-01-01"));
        let months = Timeline::starting_at("2024-01-31", frequency("1mo"), 12).expect("months");
        assert_eq!(months.position_of("2024-03").expect("a month"), 2);
        assert_eq!(months.position_of("2024-03-30").expect("a day"), 1);
        assert_eq!(months.position_of("2024").expect("a year"), 11);
        let hours = Timeline::starting_at("2024-01-01T00:00+02:00", frequency("1h"), 60).expect("hours");
        assert_eq!(hours.position_of("2024-01-01").expect("a day"), 23);
        assert_eq!(hours.position_of("2024-01-01T00:30Z").expect("an instant"), 2);
        assert_eq!(Timeline::integers(10, 2, 5).position_of("15").expect("an integer"), 2);
    }

    #[test]
    fn exact_positions_may_lie_ahead() {
        let at = |timeline: &Timeline, text: &str| timeline.exact_position_of(text).expect(text);
        let months = Timeline::starting_at("2024-01-31", frequency("1mo"), 2).expect("months");
        assert_eq!([at(&months, "2024-02-29"), at(&months, "2024-04-30")], [Some(1), Some(3)]);
        assert_eq!([at(&months, "2024-04-15"), at(&months, "2023-12-31")], [None, Some(-1)]);
        assert!(months.exact_position_of("soon").expect_err("no time").to_string().contains("`2024-03-31`"));
        let european = Timeline::starting_at("05.03.2024", frequency("1d"), 2).expect("days");
        assert_eq!([at(&european, "07.03.2024"), at(&european, "2024-03-08")], [Some(2), Some(3)]);
        let hours = Timeline::starting_at("2024-03-31T01:00+01:00[Europe/Berlin]", frequency("1h"), 1).expect("hours");
        assert_eq!(at(&hours, "2024-03-31T03:00+02:00[Europe/Berlin]"), Some(1));
        let compact = Timeline::of_labels(&["20240130", "20240131"], None).expect("days");
        assert_eq!(at(&compact, "20240201"), Some(2));
        assert_eq!(at(&Timeline::integers(10, 5, 2), "30"), Some(4));
        let some = Timeline::starting_at("2024-01-01", frequency("1d"), 6).expect("days").select(&[0, 1, 4]);
        assert_eq!(
            [at(&some, "2024-01-05"), at(&some, "2024-01-04"), at(&some, "2024-01-07")],
            [Some(2), None, Some(4)]
        );
    }

    #[test]
    fn selected_times_are_a_list_that_goes_on() {
        let days = Timeline::starting_at("2024-01-01", frequency("1d"), 6).expect("days");
        let some = days.select(&[0, 1, 4]);
        assert!(!some.is_regular() && days.select(&[2, 3]).is_regular());
        assert_eq!(labels(&some), ["2024-01-01", "2024-01-02", "2024-01-05"]);
        assert_eq!((some.label(3), some.label(-1)), ("2024-01-06".to_owned(), "2023-12-31".to_owned()));
        assert_eq!(some.position_of("2024-01-04").expect("a day"), 1);
        assert_eq!(some.slice(1..3).label(1), "2024-01-05");
        assert_eq!(days.slice(2..4).last_label(), "2024-01-04");
    }

    #[test]
    fn seconds_are_civil() {
        let hours = Timeline::starting_at("1970-01-01T02:00+02:00", frequency("1h"), 2).expect("hours");
        assert_eq!((hours.seconds(0), hours.seconds(1)), (7_200.0, 10_800.0));
    }

    #[test]
    fn positions_beyond_any_calendar_do_not_panic() {
        for step in ["1ns", "1d", "B", "1mo", "1y"] {
            let timeline = starting("2024-01-31T00:00Z", step);
            for position in [i64::MIN, i64::MAX] {
                assert!(!timeline.label(position).is_empty());
            }
        }
        assert!(!Timeline::integers(i64::MAX, 1, 3).label(i64::MAX).is_empty());
    }
}
