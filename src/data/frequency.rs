//! How far apart the times of a series stand, and which seasons a calendar suggests for that distance.
//!
//! Distances are of five kinds that do not convert into each other: plain integer steps, fixed durations (hours and
//! below), civil days, working days, and calendar months. Quarters and years are months, weeks are days.

use std::fmt;

use super::civil::{self, DAY, Nanos, SECOND};
use crate::{Error, Result};

/// A unit of time to count in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// An integer without calendar.
    Step,
    /// A billionth of a second.
    Nanosecond,
    /// A millionth of a second.
    Microsecond,
    /// A thousandth of a second.
    Millisecond,
    /// A second.
    Second,
    /// Sixty seconds.
    Minute,
    /// Sixty minutes.
    Hour,
    /// A civil day: the same time of day on the next date, 23 to 25 hours where clocks change.
    Day,
    /// A civil day from Monday to Friday.
    BusinessDay,
    /// Seven civil days.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months.
    Quarter,
    /// Twelve calendar months.
    Year,
}

/// What a unit counts in: units of one base convert into each other exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Base {
    Step,
    Nanosecond,
    Day,
    BusinessDay,
    Month,
}

/// Every unit: how many of which base it is, its polars spelling, and its name. Larger ones later.
const UNITS: [(Unit, i64, Base, &str, &str); 13] = [
    (Unit::Step, 1, Base::Step, "", "step"),
    (Unit::Nanosecond, 1, Base::Nanosecond, "ns", "nanosecond"),
    (Unit::Microsecond, 1_000, Base::Nanosecond, "us", "microsecond"),
    (Unit::Millisecond, 1_000_000, Base::Nanosecond, "ms", "millisecond"),
    (Unit::Second, SECOND as i64, Base::Nanosecond, "s", "second"),
    (Unit::Minute, 60 * SECOND as i64, Base::Nanosecond, "m", "minute"),
    (Unit::Hour, 3_600 * SECOND as i64, Base::Nanosecond, "h", "hour"),
    (Unit::Day, 1, Base::Day, "d", "day"),
    (Unit::BusinessDay, 1, Base::BusinessDay, "b", "business day"),
    (Unit::Week, 7, Base::Day, "w", "week"),
    (Unit::Month, 1, Base::Month, "mo", "month"),
    (Unit::Quarter, 3, Base::Month, "q", "quarter"),
    (Unit::Year, 12, Base::Month, "y", "year"),
];

/// The distance between neighbouring times: a count of a unit.
///
/// Equal distances are equal whatever their spelling, and [`Display`](fmt::Display) is the polars spelling in the
/// largest unit that divides the distance.
///
/// ```
/// use foretoken::data::frequency::Frequency;
///
/// assert_eq!(Frequency::parse("QS-OCT")?, Frequency::parse("3mo")?);
/// assert_eq!(Frequency::parse("60min")?.to_string(), "1h");
/// assert_eq!(Frequency::parse("15m")?.describe(), "every 15 minutes");
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frequency {
    count: i64,
    base: Base,
}

impl Frequency {
    /// Neighbouring integers.
    pub(crate) const STEP: Self = Self { count: 1, base: Base::Step };
    /// Calendar years.
    pub(crate) const YEARLY: Self = Self { count: 12, base: Base::Month };

    /// Integers so far apart; less than one counts as one.
    pub(crate) fn steps(count: i64) -> Self {
        Self { count: count.max(1), base: Base::Step }
    }

    /// One of a unit.
    pub(crate) fn one(unit: Unit) -> Self {
        let row = UNITS.iter().find(|row| row.0 == unit).unwrap_or(&UNITS[0]);
        Self { count: row.1, base: row.2 }
    }

    /// `count` of a unit.
    ///
    /// # Errors
    /// If the count is below one or too large.
    pub fn new(count: i64, unit: Unit) -> Result<Self> {
        let one = Self::one(unit);
        match count.checked_mul(one.count) {
            Some(count) if count > 0 => Ok(Self { count, ..one }),
            _ => {
                let unit = format!("{unit:?}s").to_lowercase();
                Err(Error::usage(format!("a frequency cannot be {count} {unit}"))
                    .expected("a count from 1 on that a calendar can hold"))
            }
        }
    }

    /// Reads the spellings of polars (`1d`, `15m`, `1mo`, `1q`, `1i`), of pandas (`D`, `15min`, `MS`, `QS-OCT`,
    /// `YE`, `B`), plain words (`monthly`) and integers (`1`).
    ///
    /// Where in a month, quarter or week the times lie is read from the data, so `MS` and `ME` are both monthly.
    ///
    /// # Errors
    /// If the text is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, name) = text.split_at(digits);
        let unit = unit_of(name).ok_or_else(|| unknown_frequency(text))?;
        let count = if count.is_empty() { Ok(1) } else { count.parse() };
        let count = count.map_err(|_| unknown_frequency(text))?;
        if digits == 0 && name.is_empty() {
            return Err(unknown_frequency(text));
        }
        Self::new(count, unit)
    }

    /// The frequency of sorted, distinct times in civil nanoseconds since 1970. For times with a zone, `instants`
    /// are the same times in UTC. `None` for fewer than two times.
    ///
    /// Calendar months are recognised by equal days of the month (month ends count as equal), days by equal times of
    /// day; what is neither has a fixed duration. The count is the most common difference, the smallest among equals,
    /// so that gaps do not matter. O(n log n).
    #[must_use]
    pub(crate) fn infer(civil: &[Nanos], instants: Option<&[Nanos]>) -> Option<Self> {
        let smallest = civil.windows(2).map(|pair| pair[1] - pair[0]).min()?;
        // The commonest case, without a division per row: one distance of less than a month.
        if instants.is_none() && smallest < 28 * DAY && differences(civil).all(|d| d == smallest) {
            return Self::of_nanos(smallest);
        }
        if smallest >= 28 * DAY
            && let Some(anchor) = Anchor::of(civil)
        {
            let months: Vec<Nanos> = civil.iter().map(|&t| anchor.month(t).into()).collect();
            return Self::of_base(most_common_difference(&months)?, Base::Month);
        }
        if civil.iter().all(|&t| civil::time_of_day(t) == civil::time_of_day(civil[0])) {
            if are_business_days(civil) {
                return Some(Self { count: 1, base: Base::BusinessDay });
            }
            return Self::of_base(most_common_difference(civil)? / DAY, Base::Day);
        }
        Self::of_base(most_common_difference(instants.unwrap_or(civil))?, Base::Nanosecond)
    }

    /// The step of sorted, distinct integers: the most common difference. `None` for fewer than two.
    #[must_use]
    pub(crate) fn infer_step(times: &[Nanos]) -> Option<Self> {
        Self::of_base(most_common_difference(times)?, Base::Step)
    }

    /// A duration as days where it is whole days.
    fn of_nanos(duration: Nanos) -> Option<Self> {
        if duration % DAY == 0 {
            Self::of_base(duration / DAY, Base::Day)
        } else {
            Self::of_base(duration, Base::Nanosecond)
        }
    }

    fn of_base(count: Nanos, base: Base) -> Option<Self> {
        i64::try_from(count).ok().filter(|count| *count > 0).map(|count| Self { count, base })
    }

    /// What the distance is counted in.
    pub(crate) fn base(self) -> Base {
        self.base
    }

    /// The distance in its base.
    pub(crate) fn base_count(self) -> i64 {
        self.count
    }

    /// Whether the calendar has cycles that could be seasons at this distance at all: not for integers and years.
    pub(crate) fn has_cycles(self) -> bool {
        self.base != Base::Step && !(self.base == Base::Month && self.count >= 12)
    }

    /// The count in [`unit`](Self::unit)s.
    #[must_use]
    pub fn count(self) -> i64 {
        self.count / self.largest_unit().1
    }

    /// The largest unit that divides the distance.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.largest_unit().0
    }

    fn largest_unit(self) -> (Unit, i64, Base, &'static str, &'static str) {
        let divides = |row: &&(Unit, i64, Base, _, _)| row.2 == self.base && self.count % row.1 == 0;
        let mut fitting = UNITS.iter().rev().filter(divides);
        // Half a year is six months rather than two quarters: nobody says the latter.
        let spoken = fitting.find(|row| row.0 != Unit::Quarter || self.count == 3);
        *spoken.unwrap_or(&UNITS[0])
    }

    /// The distance in words: "monthly", "every 15 minutes".
    #[must_use]
    pub fn describe(self) -> String {
        let (count, (unit, .., name)) = (self.count(), self.largest_unit());
        match (count, unit) {
            (1, Unit::Hour | Unit::Week | Unit::Month | Unit::Quarter | Unit::Year) => format!("{name}ly"),
            (1, Unit::Day) => "daily".to_owned(),
            (1, _) => format!("every {name}"),
            _ => format!("every {count} {name}s"),
        }
    }
}

/// The polars spelling: `1mo`, `15m`; an integer step is the plain number.
impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count(), self.largest_unit().3)
    }
}

impl std::str::FromStr for Frequency {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// The unit that a name stands for. Case matters: `m` is a minute, `M` a month, `ms` a millisecond, `MS` the first
/// of a month. An anchor such as the `-OCT` of `QS-OCT` says where in the unit, which the data say as well.
fn unit_of(name: &str) -> Option<Unit> {
    let plain = name.split_once('-').map_or(name, |(unit, anchor)| if is_anchor(anchor) { unit } else { name });
    Some(match plain {
        "" | "i" => Unit::Step,
        "ns" | "N" => Unit::Nanosecond,
        "us" | "U" => Unit::Microsecond,
        "ms" | "L" => Unit::Millisecond,
        "s" | "S" => Unit::Second,
        "m" | "T" | "min" => Unit::Minute,
        "h" | "H" | "hourly" => Unit::Hour,
        "d" | "D" | "daily" => Unit::Day,
        "b" | "B" => Unit::BusinessDay,
        "w" | "W" | "weekly" => Unit::Week,
        "mo" | "M" | "MS" | "ME" | "monthly" => Unit::Month,
        "q" | "Q" | "QS" | "QE" | "quarterly" => Unit::Quarter,
        "y" | "Y" | "YS" | "YE" | "A" | "AS" | "yearly" | "annual" => Unit::Year,
        _ => return None,
    })
}

/// Whether the text names a weekday or a month, as pandas anchors do.
fn is_anchor(text: &str) -> bool {
    const ANCHORS: &str = "MON TUE WED THU FRI SAT SUN JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC";
    ANCHORS.split(' ').any(|anchor| anchor == text)
}

fn unknown_frequency(text: &str) -> Error {
    Error::usage(format!("`{text}` is no frequency"))
        .expected("for example 1d, 15m, 1h, 1w, 1mo, 1q, 1y, or an integer step")
        .hint("the pandas spellings D, 15min, h, W, MS, QS, YS and B are read as well")
}

/// The day of the month and the time of day that all times of a monthly grid share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Anchor {
    day: i8,
    time: Nanos,
}

impl Anchor {
    /// What the times share: the last day of the month, or one day that short months clamp. `None` where they do not.
    pub(crate) fn of(civil: &[Nanos]) -> Option<Self> {
        let time = civil::time_of_day(*civil.first()?);
        let at_month_end = civil.iter().all(|&t| civil::is_month_end(t));
        let latest = civil.iter().map(|&t| civil::month_and_day(t).1).max()?;
        let anchor = Self { day: if at_month_end { 31 } else { latest }, time };
        civil.iter().all(|&t| anchor.at(anchor.month(t)) == t).then_some(anchor)
    }

    /// A day of every month, 31 for the last, at a time of day.
    pub(crate) fn on(day: u8, time: Nanos) -> Self {
        Self { day: day.min(31) as i8, time }
    }

    /// The day of the month, 31 for the last.
    pub(crate) fn day(self) -> u8 {
        self.day.unsigned_abs()
    }

    /// The month of a moment.
    pub(crate) fn month(self, moment: Nanos) -> i64 {
        civil::month_and_day(moment).0
    }

    /// The moment in a month.
    pub(crate) fn at(self, month: i64) -> Nanos {
        civil::day_of_month(month, self.day) + self.time
    }
}

fn differences(times: &[Nanos]) -> impl Iterator<Item = Nanos> + '_ {
    times.windows(2).map(|pair| pair[1] - pair[0])
}

/// The most common difference of neighbours, the smallest among equally common ones.
fn most_common_difference(times: &[Nanos]) -> Option<Nanos> {
    let mut sorted: Vec<Nanos> = differences(times).collect();
    sorted.sort_unstable();
    let mut best: Option<(usize, Nanos)> = None;
    for run in sorted.chunk_by(|a, b| a == b) {
        if best.is_none_or(|(count, _)| run.len() > count) {
            best = Some((run.len(), run[0]));
        }
    }
    best.map(|(_, difference)| difference)
}

/// Whether the times are working days: none on a weekend, mostly neighbours, over more than one weekend.
fn are_business_days(civil: &[Nanos]) -> bool {
    let weekends = differences(civil).filter(|&d| d == 3 * DAY).count();
    let neighbours = differences(civil).filter(|&d| d == DAY).count();
    let steps = civil.len() - 1;
    weekends >= 2 && 2 * (neighbours + weekends) > steps && civil.iter().all(|&t| civil::is_business_day(t))
}

/// The season lengths that the calendar suggests for a distance, shortest first: 12 for monthly values, 24 and 168
/// for hourly ones. Empty where the calendar has none: yearly values, integer steps.
///
/// ```
/// use foretoken::data::frequency::{Frequency, calendar_periods};
///
/// assert_eq!(calendar_periods(Frequency::parse("1h")?), [24, 168]);
/// # Ok::<(), foretoken::Error>(())
/// ```
#[must_use]
pub fn calendar_periods(frequency: Frequency) -> Vec<usize> {
    const MINUTE: i64 = 60 * SECOND as i64;
    const HOUR: i64 = 60 * MINUTE;
    /// Below an hour, shorter cycles than this are left out (four quarters of an hour), and longer ones than
    /// `LONGEST` have too few repetitions in any data at hand.
    const SHORTEST: i64 = 12;
    const LONGEST: i64 = 3_600;
    let count = frequency.count;
    let cycles: &[i64] = match frequency.base {
        Base::Step => &[],
        Base::Nanosecond => &[MINUTE, HOUR, 24 * HOUR, 168 * HOUR],
        Base::Day if count % 7 == 0 => &[364],
        Base::Day => &[7],
        Base::BusinessDay => &[5],
        Base::Month => &[12],
    };
    let shortest = if frequency.base == Base::Nanosecond && count < HOUR { SHORTEST } else { 2 };
    let whole = cycles.iter().filter(|cycle| *cycle % count == 0).map(|cycle| cycle / count);
    whole.filter(|period| (shortest..=LONGEST).contains(period)).map(|period| period as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Frequency {
        Frequency::parse(text).expect(text)
    }

    fn dates(dates: &[(i64, i64, i64)]) -> Vec<Nanos> {
        dates.iter().map(|&(y, m, d)| civil::midnight(y, m, d).expect("a date")).collect()
    }

    fn inferred(days: &[(i64, i64, i64)]) -> String {
        Frequency::infer(&dates(days), None).expect("two times").to_string()
    }

    #[test]
    fn spellings_of_polars_and_pandas_agree() {
        for (pandas, polars) in [
            ("D", "1d"),
            ("15min", "15m"),
            ("MS", "1mo"),
            ("ME", "1mo"),
            ("M", "1mo"),
            ("QS-OCT", "1q"),
            ("QE", "3mo"),
            ("YS", "12mo"),
            ("A", "1y"),
            ("A-DEC", "1y"),
            ("H", "1h"),
            ("60T", "1h"),
            ("W-SUN", "7d"),
            ("S", "1s"),
            ("ms", "1000us"),
            ("3", "3i"),
            ("monthly", "mo"),
        ] {
            assert_eq!(parse(pandas), parse(polars), "{pandas} and {polars}");
        }
    }

    #[test]
    fn display_is_the_largest_unit_and_reads_back() {
        for text in ["1d", "15m", "1h", "1w", "1mo", "1q", "1y", "6mo", "90s", "500ms", "1", "7", "1b"] {
            assert_eq!(parse(text).to_string(), text);
        }
        assert_eq!(parse("24mo").to_string(), "2y");
        assert_eq!((parse("14d").count(), parse("14d").unit()), (2, Unit::Week));
    }

    #[test]
    fn words_are_plain() {
        let words: Vec<String> = ["1mo", "15m", "1d", "1", "5", "B", "1h"].map(|f| parse(f).describe()).into();
        let expected =
            ["monthly", "every 15 minutes", "daily", "every step", "every 5 steps", "every business day", "hourly"];
        assert_eq!(words, expected);
    }

    #[test]
    fn what_is_no_frequency_is_refused_with_examples() {
        for text in ["", " ", "0d", "-1", "fortnight", "1.5h", "M-ABC", "99999999999999999999d", "9223372036854775807y"]
        {
            let error = Frequency::parse(text).expect_err(text).to_string();
            assert!(error.contains("expected"), "{error}");
        }
    }

    #[test]
    fn months_are_seen_through_their_lengths() {
        assert_eq!(inferred(&[(2024, 1, 31), (2024, 2, 29), (2024, 3, 31), (2024, 4, 30)]), "1mo");
        assert_eq!(inferred(&[(2023, 1, 30), (2023, 2, 28), (2023, 3, 30)]), "1mo");
        assert_eq!(inferred(&[(2024, 1, 1), (2024, 2, 1), (2024, 5, 1), (2024, 6, 1)]), "1mo");
        assert_eq!(inferred(&[(2023, 3, 31), (2023, 6, 30), (2023, 9, 30)]), "1q");
        assert_eq!(inferred(&[(1948, 1, 1), (1949, 1, 1), (1950, 1, 1)]), "1y");
        assert_eq!(inferred(&[(2024, 2, 29), (2028, 2, 29)]), "4y");
        assert_eq!(inferred(&[(2024, 1, 1), (2024, 1, 29), (2024, 2, 26)]), "4w");
    }

    #[test]
    fn days_weeks_and_gaps() {
        assert_eq!(inferred(&[(2024, 1, 1), (2024, 1, 2), (2024, 1, 3)]), "1d");
        assert_eq!(inferred(&[(2024, 1, 1), (2024, 1, 2), (2024, 1, 3), (2024, 1, 30)]), "1d");
        assert_eq!(inferred(&[(2024, 1, 7), (2024, 1, 14), (2024, 1, 21)]), "1w");
        assert_eq!(Frequency::infer(&dates(&[(2024, 1, 1)]), None), None);
    }

    #[test]
    fn working_days_are_seen_after_two_weekends() {
        let days: Vec<Nanos> = (0..15).map(|i| civil::business_day(i + 14_000)).collect();
        assert_eq!(Frequency::infer(&days, None), Some(parse("B")));
        let daily: Vec<Nanos> = (0..15).map(|i| i * DAY).collect();
        assert_eq!(Frequency::infer(&daily, None), Some(parse("D")));
    }

    #[test]
    fn local_midnights_are_daily_where_clocks_change() {
        let civil = dates(&[(2024, 3, 30), (2024, 3, 31), (2024, 4, 1), (2024, 4, 2)]);
        let hour = 3_600 * SECOND;
        let instants = [civil[0] - hour, civil[1] - hour, civil[2] - 2 * hour, civil[3] - 2 * hour];
        assert_eq!(Frequency::infer(&civil, Some(&instants)), Some(parse("D")));
    }

    #[test]
    fn hours_are_fixed_in_utc_where_clocks_change() {
        let hour = 3_600 * SECOND;
        let instants: Vec<Nanos> = (0..6).map(|i| i * hour).collect();
        let civil: Vec<Nanos> = instants.iter().map(|&t| if t < 2 * hour { t + hour } else { t + 2 * hour }).collect();
        assert_eq!(Frequency::infer(&civil, Some(&instants)), Some(parse("1h")));
    }

    #[test]
    fn integers_have_the_commonest_step() {
        assert_eq!(Frequency::infer_step(&[1, 3, 5, 9, 11]), Some(parse("2")));
        assert_eq!(Frequency::infer_step(&[1, 2, 4]), Some(parse("1")));
    }

    #[test]
    fn calendars_suggest_their_seasons() {
        let periods = |text: &str| calendar_periods(parse(text));
        assert_eq!(periods("1mo"), [12]);
        assert_eq!(periods("1q"), [4]);
        assert_eq!(periods("1w"), [52]);
        assert_eq!(periods("1d"), [7]);
        assert_eq!(periods("B"), [5]);
        assert_eq!(periods("6h"), [4, 28]);
        assert_eq!(periods("15m"), [96, 672]);
        assert_eq!(periods("1m"), [60, 1440]);
        assert_eq!(periods("1s"), [60, 3600]);
        for none in ["1y", "1", "7", "5mo", "1ns"] {
            assert!(periods(none).is_empty(), "{none}");
        }
    }
}
