//! How times are written: reading one text, recognising the spelling of a column, writing times the same way.
//!
//! | spelling | example |
//! |---|---|
//! | ISO date, also with `/` or `.` | `2024-01-31` |
//! | day first with `.`, day or month first with `/` or `-` | `31.01.2024`, `01/31/2024` |
//! | eight digits, six for months | `20240131`, `202401` |
//! | month | `2024-01`, `01/2024`, `2024M01`, `Jan 2024`, `2024 January` |
//! | quarter | `1949-Q1`, `1949Q1`, `Q1 1949` |
//! | date with a time of day, `T` or blank between | `2024-01-31T10:00`, `31.01.2024 10:00:00.250` |
//! | the same with a zone | `...Z`, `...+02:00`, `...+02:00[Europe/Berlin]` (RFC 9557) |
//! | integer | `1949` |
//!
//! Reading is one pass over the bytes of a text, without allocation.

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::civil::{self, DAY, Nanos};
use super::frequency::{Frequency, Unit};
use super::zone::Zone;

/// The three-letter prefix is what is read; the whole name is read and written where the input has it.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The spelling of all times of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Integers, without calendar or as years.
    Integer,
    /// Anything with a calendar.
    Calendar(Calendar),
}

/// The spelling of a calendar time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calendar {
    date: DateOrder,
    /// Whether numbers below ten have a leading zero.
    padded: bool,
    long_month: bool,
    clock: Option<Clock>,
    zone: ZoneSpelling,
}

/// The parts of a date, their order and what separates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateOrder {
    YearMonthDay(u8),
    DayMonthYear(u8),
    MonthDayYear(u8),
    Compact,
    CompactMonth,
    YearMonth(u8),
    MonthYear(u8),
    NameYear(u8),
    YearName(u8),
    YearQuarter(Option<u8>),
    QuarterYear(u8),
}

/// Every order that a text may be in, the commonest first.
const ORDERS: [DateOrder; 22] = [
    DateOrder::YearMonthDay(b'-'),
    DateOrder::YearMonthDay(b'/'),
    DateOrder::YearMonthDay(b'.'),
    DateOrder::DayMonthYear(b'.'),
    DateOrder::MonthDayYear(b'/'),
    DateOrder::DayMonthYear(b'/'),
    DateOrder::MonthDayYear(b'-'),
    DateOrder::DayMonthYear(b'-'),
    DateOrder::Compact,
    DateOrder::YearMonth(b'-'),
    DateOrder::YearMonth(b'/'),
    DateOrder::YearMonth(b'M'),
    DateOrder::MonthYear(b'/'),
    DateOrder::NameYear(b' '),
    DateOrder::NameYear(b'-'),
    DateOrder::YearName(b' '),
    DateOrder::YearName(b'-'),
    DateOrder::YearQuarter(Some(b'-')),
    DateOrder::YearQuarter(None),
    DateOrder::YearQuarter(Some(b' ')),
    DateOrder::QuarterYear(b' '),
    DateOrder::QuarterYear(b'-'),
];

/// A time of day: what separates it from the date, and how fine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock {
    separator: u8,
    padded: bool,
    seconds: bool,
    fraction: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ZoneSpelling {
    None,
    Zulu,
    Offset { colon: bool },
    Named { offset: bool },
}

/// One text, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading<'a> {
    pub(crate) civil: Nanos,
    pub(crate) offset: Option<i32>,
    pub(crate) zone_name: Option<&'a str>,
    pub(crate) spelling: Calendar,
}

/// The orders in which a text reads as a date, more than one for `01/02/2024`.
pub(crate) fn orders_of(text: &str) -> Vec<DateOrder> {
    ORDERS.into_iter().filter(|&order| read(text, order).is_some()).collect()
}

/// Reads a text as an integer: a sign and digits, nothing else.
pub(crate) fn read_integer(text: &str) -> Option<Nanos> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse::<i64>().ok().map(Nanos::from) } else { None }
}

/// The date that the eight digits of an integer name, of a year that data can be from.
pub(crate) fn compact_date(integer: Nanos) -> Option<Nanos> {
    let integer = i64::try_from(integer).ok().filter(|integer| (15_000_000..22_010_000).contains(integer))?;
    civil::midnight(integer / 10_000, integer / 100 % 100, integer % 100)
}

/// The first of the month that the six digits of an integer name, of a year that data can be from.
pub(crate) fn compact_month(integer: Nanos) -> Option<Nanos> {
    let integer = i64::try_from(integer).ok().filter(|integer| (150_000..220_100).contains(integer))?;
    civil::midnight(integer / 100, integer % 100, 1)
}

/// Reads a bare year as its last moment.
pub(crate) fn read_year(text: &str) -> Option<Nanos> {
    let year = read_integer(text).filter(|_| text.len() == 4)?;
    civil::midnight(i64::try_from(year).ok()? + 1, 1, 1).map(|end| end - 1)
}

/// Reads a text whose date is in the given order; `None` where it is not, or no such date exists.
pub(crate) fn read(text: &str, order: DateOrder) -> Option<Reading<'_>> {
    let mut rest = Scanner { text, at: 0, padded: true, long_month: false };
    let mut civil = rest.date(order)?;
    let (mut clock, mut zone, mut offset, mut zone_name) = (None, ZoneSpelling::None, None, None);
    if order.has_day() && !rest.is_done() {
        let (read, time) = rest.clock()?;
        clock = Some(read);
        civil += time;
        (zone, offset) = rest.offset()?;
        if rest.byte(b'[').is_some() {
            zone_name = Some(rest.zone_name()?);
            zone = ZoneSpelling::Named { offset: offset.is_some() };
        }
    }
    let spelling = Calendar { date: order, padded: rest.padded, long_month: rest.long_month, clock, zone };
    rest.is_done().then_some(Reading { civil, offset, zone_name, spelling })
}

/// A reader of bytes from left to right; every method is `None` where the text is something else.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    padded: bool,
    long_month: bool,
}

impl<'a> Scanner<'a> {
    fn is_done(&self) -> bool {
        self.at == self.text.len()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn byte(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    /// As many digits as there are, at most `most`.
    fn digits(&mut self, most: usize) -> Option<(i64, usize)> {
        let bytes = &self.text.as_bytes()[self.at..];
        let count = bytes.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        let value = bytes[..count].iter().fold(0, |value, b| value * 10 + i64::from(b - b'0'));
        self.at += count;
        (count > 0).then_some((value, count))
    }

    /// Exactly so many digits.
    fn number(&mut self, count: usize) -> Option<i64> {
        self.digits(count).filter(|(_, found)| *found == count).map(|(value, _)| value)
    }

    /// One or two digits; remembers when a leading zero is left out.
    fn short_number(&mut self) -> Option<i64> {
        let (value, count) = self.digits(2)?;
        self.padded &= count == 2;
        Some(value)
    }

    fn date(&mut self, order: DateOrder) -> Option<Nanos> {
        let (year, month, day) = match order {
            DateOrder::YearMonthDay(separator) => {
                let (year, ()) = (self.number(4)?, self.byte(separator)?);
                let (month, ()) = (self.short_number()?, self.byte(separator)?);
                (year, month, self.short_number()?)
            }
            DateOrder::DayMonthYear(separator) => {
                let (day, ()) = (self.short_number()?, self.byte(separator)?);
                let (month, ()) = (self.short_number()?, self.byte(separator)?);
                (self.number(4)?, month, day)
            }
            DateOrder::MonthDayYear(separator) => {
                let (month, ()) = (self.short_number()?, self.byte(separator)?);
                let (day, ()) = (self.short_number()?, self.byte(separator)?);
                (self.number(4)?, month, day)
            }
            DateOrder::Compact => (self.number(4)?, self.number(2)?, self.number(2)?),
            _ => {
                let (year, month) = self.month(order)?;
                (year, month, 1)
            }
        };
        civil::midnight(year, month, day)
    }

    /// A month or the first month of a quarter, as (year, month).
    fn month(&mut self, order: DateOrder) -> Option<(i64, i64)> {
        match order {
            DateOrder::YearMonth(separator) => {
                let (year, ()) = (self.number(4)?, self.byte(separator)?);
                Some((year, self.short_number()?))
            }
            DateOrder::MonthYear(separator) => {
                let (month, ()) = (self.short_number()?, self.byte(separator)?);
                Some((self.number(4)?, month))
            }
            DateOrder::NameYear(separator) => {
                let (month, ()) = (self.month_name()?, self.byte(separator)?);
                Some((self.number(4)?, month))
            }
            DateOrder::YearName(separator) => {
                let (year, ()) = (self.number(4)?, self.byte(separator)?);
                Some((year, self.month_name()?))
            }
            DateOrder::YearQuarter(separator) => {
                let year = self.number(4)?;
                separator.map_or(Some(()), |separator| self.byte(separator))?;
                Some((year, self.quarter()?))
            }
            DateOrder::QuarterYear(separator) => {
                let (month, ()) = (self.quarter()?, self.byte(separator)?);
                Some((self.number(4)?, month))
            }
            _ => None,
        }
    }

    /// `Q1` to `Q4`, as the quarter's first month.
    fn quarter(&mut self) -> Option<i64> {
        self.byte(b'Q')?;
        self.number(1).filter(|quarter| (1..=4).contains(quarter)).map(|quarter| 3 * quarter - 2)
    }

    fn month_name(&mut self) -> Option<i64> {
        let rest = self.text.get(self.at..)?;
        let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let name = &rest[..length];
        let same = |month: &&str| month.eq_ignore_ascii_case(name) || month[..3].eq_ignore_ascii_case(name);
        let month = MONTHS.iter().position(same)?;
        self.long_month |= length > 3;
        self.at += length;
        Some(month as i64 + 1)
    }

    /// `T10:00`, ` 10:00:00.250`: the spelling, and the time since midnight.
    fn clock(&mut self) -> Option<(Clock, Nanos)> {
        let separator = self.peek().filter(|b| b"Tt ".contains(b))?;
        self.at += 1;
        let ((hour, digits), ()) = (self.digits(2)?, self.byte(b':')?);
        let minute = self.number(2)?;
        let mut clock = Clock { separator, padded: digits == 2, seconds: false, fraction: 0 };
        let (mut second, mut nanosecond) = (0, 0);
        if self.byte(b':').is_some() {
            clock.seconds = true;
            second = self.number(2)?;
            if self.byte(b'.').is_some() {
                let (value, count) = self.digits(9)?;
                clock.fraction = count;
                nanosecond = value * 10_i64.pow(9 - count as u32);
            }
        }
        let time = Time::new(hour as i8, minute as i8, second as i8, nanosecond as i32).ok()?;
        Some((clock, time.duration_since(Time::midnight()).as_nanos()))
    }

    /// `Z`, `+02:00`, `+0200`, `+02` or nothing.
    fn offset(&mut self) -> Option<(ZoneSpelling, Option<i32>)> {
        let sign = match self.peek() {
            Some(b'Z' | b'z') => {
                self.at += 1;
                return Some((ZoneSpelling::Zulu, Some(0)));
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Some((ZoneSpelling::None, None)),
        };
        self.at += 1;
        let hours = self.number(2)?;
        let colon = self.byte(b':').is_some();
        let minutes = if colon || self.peek().is_some_and(|b| b.is_ascii_digit()) { self.number(2)? } else { 0 };
        let seconds = sign * (hours * 3_600 + minutes * 60) as i32;
        (hours < 24 && minutes < 60).then_some((ZoneSpelling::Offset { colon }, Some(seconds)))
    }

    /// The name up to the closing bracket.
    fn zone_name(&mut self) -> Option<&'a str> {
        let (name, _) = self.text.get(self.at..)?.split_once(']')?;
        self.at += name.len() + 1;
        Some(name)
    }
}

impl DateOrder {
    fn has_day(self) -> bool {
        use DateOrder::{Compact, DayMonthYear, MonthDayYear, YearMonthDay};
        matches!(self, YearMonthDay(_) | DayMonthYear(_) | MonthDayYear(_) | Compact)
    }

    fn is_quarter(self) -> bool {
        matches!(self, Self::YearQuarter(_) | Self::QuarterYear(_))
    }

    /// How the order is said: "day/month/year".
    pub(crate) fn describe(self) -> String {
        match self {
            Self::DayMonthYear(separator) => ["day", "month", "year"].join(&char::from(separator).to_string()),
            Self::MonthDayYear(separator) => ["month", "day", "year"].join(&char::from(separator).to_string()),
            Self::YearMonthDay(separator) => ["year", "month", "day"].join(&char::from(separator).to_string()),
            other => format!("{other:?}"),
        }
    }
}

impl Spelling {
    /// Eight digits.
    pub(crate) const COMPACT: Self = Self::Calendar(Calendar {
        date: DateOrder::Compact,
        padded: true,
        long_month: false,
        clock: None,
        zone: ZoneSpelling::None,
    });

    /// Six digits.
    pub(crate) const COMPACT_MONTH: Self = Self::Calendar(Calendar {
        date: DateOrder::CompactMonth,
        padded: true,
        long_month: false,
        clock: None,
        zone: ZoneSpelling::None,
    });

    /// ISO dates, or ISO times with so many digits after the second where a clock is needed: the spelling of times
    /// that come as numbers.
    #[cfg(feature = "frame")]
    pub(crate) fn iso(fraction: Option<usize>, zone: &Zone) -> Self {
        let zone = match zone {
            Zone::Civil => ZoneSpelling::None,
            Zone::Fixed(0) => ZoneSpelling::Zulu,
            Zone::Fixed(_) | Zone::Changing(_) => ZoneSpelling::Offset { colon: true },
            Zone::Named(_) => ZoneSpelling::Named { offset: true },
        };
        let clock = fraction.map(|fraction| Clock { separator: b'T', padded: true, seconds: true, fraction });
        let date = DateOrder::YearMonthDay(b'-');
        Self::Calendar(Calendar { date, padded: true, long_month: false, clock, zone })
    }

    /// The distance that one time alone suggests.
    pub(crate) fn implied_frequency(self) -> Frequency {
        let Self::Calendar(calendar) = self else { return Frequency::STEP };
        let unit = match calendar.date {
            date if date.is_quarter() => Unit::Quarter,
            date if !date.has_day() => Unit::Month,
            _ => Unit::Day,
        };
        Frequency::one(unit)
    }

    /// Writes a civil time (or an integer) at an offset from UTC.
    pub(crate) fn write(self, moment: Nanos, offset: i32, zone: &Zone) -> String {
        match self {
            Self::Integer => moment.to_string(),
            Self::Calendar(calendar) => calendar.write(moment, offset, zone),
        }
    }
}

impl Calendar {
    pub(crate) fn order(&self) -> DateOrder {
        self.date
    }

    /// Widens the spelling so that it can write what the other one writes.
    pub(crate) fn widen(&mut self, other: &Self) {
        self.padded &= other.padded;
        self.long_month |= other.long_month;
        self.clock = match (self.clock, other.clock) {
            (Some(a), Some(b)) => {
                let (padded, seconds) = (a.padded && b.padded, a.seconds || b.seconds);
                Some(Clock { separator: a.separator, padded, seconds, fraction: a.fraction.max(b.fraction) })
            }
            (a, b) => a.or(b),
        };
        if self.zone == ZoneSpelling::Zulu {
            self.zone = other.zone;
        }
    }

    /// The end of what the text names, exclusive: the next day for a date, the next month for a month.
    pub(crate) fn end_of(&self, civil: Nanos) -> Nanos {
        let (month, _) = civil::month_and_day(civil);
        match self.date {
            _ if self.clock.is_some() => civil + 1,
            date if date.has_day() => civil + DAY,
            date => civil::day_of_month(month + if date.is_quarter() { 3 } else { 1 }, 1),
        }
    }

    fn write(&self, civil: Nanos, offset: i32, zone: &Zone) -> String {
        let mut text = self.write_date(civil);
        if let Some(clock) = &self.clock {
            text.push_str(&clock.write(civil));
            text.push_str(&self.zone.write(offset, zone));
        }
        text
    }

    fn write_date(&self, civil: Nanos) -> String {
        let date = civil::datetime(civil).date();
        let year = format!("{:04}", date.year());
        let two = |number: i8| if self.padded { format!("{number:02}") } else { number.to_string() };
        let (month, day) = (two(date.month()), two(date.day()));
        let quarter = format!("Q{}", (date.month() + 2) / 3);
        let name = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
        let name = if self.long_month { name } else { &name[..3] };
        let join = |parts: &[&str], separator: u8| parts.join(&char::from(separator).to_string());
        match self.date {
            DateOrder::YearMonthDay(separator) => join(&[&year, &month, &day], separator),
            DateOrder::DayMonthYear(separator) => join(&[&day, &month, &year], separator),
            DateOrder::MonthDayYear(separator) => join(&[&month, &day, &year], separator),
            DateOrder::Compact => year + &month + &day,
            DateOrder::CompactMonth => year + &month,
            DateOrder::YearMonth(separator) => join(&[&year, &month], separator),
            DateOrder::MonthYear(separator) => join(&[&month, &year], separator),
            DateOrder::NameYear(separator) => join(&[name, &year], separator),
            DateOrder::YearName(separator) => join(&[&year, name], separator),
            DateOrder::YearQuarter(Some(separator)) => join(&[&year, &quarter], separator),
            DateOrder::YearQuarter(None) => year + &quarter,
            DateOrder::QuarterYear(separator) => join(&[&quarter, &year], separator),
        }
    }
}

impl Clock {
    fn write(&self, civil: Nanos) -> String {
        let time = civil::datetime(civil).time();
        let separator = char::from(self.separator);
        let hour = if self.padded { format!("{:02}", time.hour()) } else { time.hour().to_string() };
        let mut text = format!("{separator}{hour}:{:02}", time.minute());
        if self.seconds || time.second() != 0 || time.subsec_nanosecond() != 0 {
            text.push_str(&format!(":{:02}", time.second()));
        }
        // A forecast may need more digits than any input row had.
        let nanoseconds = format!("{:09}", time.subsec_nanosecond());
        let digits = self.fraction.max(nanoseconds.trim_end_matches('0').len());
        if digits > 0 {
            text.push_str(&format!(".{}", &nanoseconds[..digits]));
        }
        text
    }
}

impl ZoneSpelling {
    fn write(self, offset: i32, zone: &Zone) -> String {
        let numeric = |colon: &str| {
            let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
            format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
        };
        match self {
            Self::None => String::new(),
            Self::Zulu => "Z".to_owned(),
            Self::Offset { colon } => numeric(if colon { ":" } else { "" }),
            Self::Named { offset } => {
                let number = if offset { numeric(":") } else { String::new() };
                format!("{number}[{}]", zone_name(zone))
            }
        }
    }
}

fn zone_name(zone: &Zone) -> &str {
    match zone {
        Zone::Named(zone) => zone.iana_name().unwrap_or("UTC"),
        _ => "UTC",
    }
}

/// The zone of a name, of the system's or the bundled database.
pub(crate) fn zone_of_name(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        let reading = read(text, *orders_of(text).first().expect(text)).expect(text);
        let named = reading.zone_name.and_then(zone_of_name).map(Zone::Named);
        let zone = named.unwrap_or(Zone::Fixed(reading.offset.unwrap_or(0)));
        let offset = if reading.zone_name.is_some() { zone.offset_of_civil(reading.civil) } else { zone.offset(0) };
        Spelling::Calendar(reading.spelling).write(reading.civil, offset, &zone)
    }

    #[test]
    fn every_spelling_is_written_as_it_was_read() {
        for text in [
            "2024-01-31",
            "2024/01/31",
            "2024.01.31",
            "31.01.2024",
            "31/01/2024",
            "01/31/2024",
            "1/31/2024",
            "31-01-2024",
            "20240131",
            "2024-01",
            "Jan 2024",
            "Jan-2024",
            "2024 January",
            "1949-Q1",
            "1949Q4",
            "1949 Q1",
            "Q3 1949",
            "2024-01-31T10:00",
            "2024-01-31 10:00:05",
            "2024-01-31T10:00:00.250",
            "2024-01-31T10:00Z",
            "2024-01-31T10:00:00+02:00",
            "2024-01-31 10:00:00-0330",
            "2024-07-31T10:00+02:00[Europe/Berlin]",
            "2024-07-31T10:00[Europe/Berlin]",
            "31.01.2024 9:05",
        ] {
            assert_eq!(rewritten(text), text);
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "x",
            "2023-02-29",
            "2024-13-01",
            "24-01-31",
            "2024-01-31T",
            "2024-01-31T25:00",
            "2024-01-31T10:0",
            "2024-01-31x",
            "1949Q5",
            "Foo 2024",
            "1.5",
            "2024-01-31T10:00+25:00",
            "2024-01-31T10:00[",
            "20240231",
            "é",
            "Jan é024",
            "2024-01-31T10:00Zé",
        ] {
            assert!(orders_of(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn slashes_have_two_readings_where_both_are_dates() {
        let slash = [DateOrder::MonthDayYear(b'/'), DateOrder::DayMonthYear(b'/')];
        assert_eq!(orders_of("01/02/2024"), slash);
        assert_eq!(orders_of("13/02/2024"), slash[1..]);
        assert_eq!(slash[0].describe(), "month/day/year");
    }

    #[test]
    fn integers_are_digits_with_a_sign() {
        assert_eq!(read_integer("-12"), Some(-12));
        for text in ["", "-", "1.0", "1e3", " 1", "99999999999999999999"] {
            assert_eq!(read_integer(text), None, "{text}");
        }
    }

    #[test]
    fn a_coarse_time_ends_with_what_it_names() {
        let end = |text: &str| {
            let reading = read(text, orders_of(text)[0]).expect(text);
            reading.spelling.end_of(reading.civil)
        };
        assert_eq!(end("2024-02"), civil::midnight(2024, 3, 1).expect("a date"));
        assert_eq!(end("2024-Q4"), civil::midnight(2025, 1, 1).expect("a date"));
        assert_eq!(end("2024-02-29"), civil::midnight(2024, 3, 1).expect("a date"));
        assert_eq!(end("1970-01-01T00:00"), 1);
    }
}
