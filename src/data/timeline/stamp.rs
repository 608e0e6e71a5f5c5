//! A timeline in texts, for files: its last time, its frequency, and how its times are written.

use jiff::civil::{DateTime, Time};

use super::{Grid, Timeline};
use crate::data::civil::{self, Nanos};
use crate::data::frequency::{Anchor, Base, Frequency};
use crate::data::spelling::{self, Spelling};
use crate::data::zone::Zone;
use crate::error::{Error, Result};

/// The moment whose text shows a spelling: no other order of day and month reads it, a month and an hour below ten show
/// their padding, and every fraction has digits.
const SAMPLE: &str = "2024-01-31T09:05:07.123456789";

/// A timeline in texts. Moments are ISO date-times: in UTC for durations of a series with a zone, civil otherwise;
/// integers are integers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The last moment; all of them where they are not equally spaced.
    pub(crate) moments: Vec<String>,
    /// The distance of the grid.
    pub(crate) frequency: String,
    /// The frequency that users are told, where there is one.
    pub(crate) shown: Option<String>,
    /// The day of the month, 31 for the last, of a grid of months.
    pub(crate) day: Option<u8>,
    /// 2024-01-31 09:05:07.123456789 in the spelling of the times; `None` for integers.
    pub(crate) spelling: Option<String>,
    /// The zone: a name, or an offset in seconds.
    pub(crate) zone: Option<String>,
}

impl Timeline {
    /// The timeline in texts.
    pub(crate) fn stamp(&self) -> Stamp {
        let positions = if self.is_regular() { self.len as i64 - 1..self.len as i64 } else { 0..self.len as i64 };
        let last = self.moment(positions.end - 1);
        let zone = match &self.zone {
            Zone::Civil => None,
            Zone::Fixed(offset) => Some(offset.to_string()),
            Zone::Named(zone) => Some(zone.iana_name().unwrap_or("UTC").to_owned()),
            // The last of changing offsets continues.
            Zone::Changing(_) => Some(self.civil(last).1.to_string()),
        };
        Stamp {
            moments: positions.map(|position| self.moment_text(position)).collect(),
            frequency: self.grid.frequency.to_string(),
            shown: self.frequency.map(|frequency| frequency.to_string()),
            day: self.grid.anchor.map(Anchor::day),
            spelling: self.is_calendar().then(|| {
                let sample = read_datetime(SAMPLE).unwrap_or(0);
                self.spelling.write(sample, self.zone.offset_of_civil(sample), &self.zone)
            }),
            zone,
        }
    }

    /// The timeline of so many times that a stamp describes.
    ///
    /// # Errors
    /// If it describes none.
    pub(crate) fn of_stamp(stamp: &Stamp, len: usize) -> Result<Self> {
        let frequency = Frequency::parse(&stamp.frequency)?;
        let shown = stamp.shown.as_deref().map(Frequency::parse).transpose()?;
        let spelling = stamp.spelling.as_deref().map_or(Ok(Spelling::Integer), spelling_of)?;
        let zone = stamp.zone.as_deref().map_or(Ok(Zone::Civil), zone_of)?;
        let is_integer = spelling == Spelling::Integer;
        if is_integer != (frequency.base() == Base::Step) {
            return Err(Error::data(format!("the frequency {frequency} does not fit the times")));
        }
        let read = |text: &String| if is_integer { spelling::read_integer(text) } else { read_datetime(text) };
        let moments: Option<Vec<Nanos>> = stamp.moments.iter().map(read).collect();
        let moments = moments.filter(|moments| moments.windows(2).all(|pair| pair[0] < pair[1]));
        let Some((moments, last)) = moments.and_then(|moments| Some((moments.clone(), *moments.last()?))) else {
            return Err(Error::data("the times do not read").expected("increasing times, like 2024-01-31T00:00:00"));
        };
        let anchor = match (frequency.base(), stamp.day) {
            (Base::Month, Some(day)) if (1..=31).contains(&day) => Some(Anchor::on(day, civil::time_of_day(last))),
            (Base::Month, _) => return Err(Error::data("months need a `day`").expected("a number from 1 to 31")),
            _ => None,
        };
        let mut grid = Grid { start: last, frequency, anchor };
        let moments = match moments.len() {
            1 => None,
            count if count == len => Some(moments),
            count => return Err(Error::data(format!("{count} times do not stand beside {len} values"))),
        };
        grid.start = moments.as_ref().map_or_else(|| grid.moment(1 - len as i64), |moments| moments[0]);
        Ok(Self { spelling, zone, grid, frequency: shown, moments, len })
    }

    fn moment_text(&self, position: i64) -> String {
        let moment = self.moment(position);
        if self.is_calendar() { civil::datetime(moment).to_string() } else { moment.to_string() }
    }

    /// The timeline with so many further times.
    pub(crate) fn continued(&self, count: usize) -> Self {
        let mut longer = self.clone();
        longer.len += count;
        if let Some(moments) = &mut longer.moments {
            moments.extend((self.len..self.len + count).map(|position| self.moment(position as i64)));
        }
        longer
    }

    /// The position at which a time of another timeline stands in this one; `None` where it is none of its times.
    pub(crate) fn position_of_time(&self, other: &Self, position: i64) -> Option<i64> {
        if self.is_calendar() != other.is_calendar() || self.counts_instants() != other.counts_instants() {
            return None;
        }
        let moment = other.moment(position);
        let Some((moments, last)) = self.moments.as_ref().and_then(|moments| Some((moments, *moments.last()?))) else {
            return self.grid.index(moment);
        };
        if moment <= last {
            return moments.binary_search(&moment).ok().map(|position| position as i64);
        }
        Grid { start: last, ..self.grid }.index(moment).map(|beyond| beyond + moments.len() as i64 - 1)
    }
}

fn read_datetime(text: &str) -> Option<Nanos> {
    let datetime: DateTime = text.parse().ok()?;
    Some(civil::midnight_of(datetime.date()) + datetime.time().duration_since(Time::midnight()).as_nanos())
}

fn spelling_of(text: &str) -> Result<Spelling> {
    if text == Spelling::COMPACT_MONTH.write(read_datetime(SAMPLE).unwrap_or(0), 0, &Zone::Civil) {
        return Ok(Spelling::COMPACT_MONTH);
    }
    let reading = spelling::orders_of(text).first().and_then(|&order| spelling::read(text, order));
    let spelled = reading.map(|reading| Spelling::Calendar(reading.spelling));
    spelled.ok_or_else(|| Error::data(format!("`{text}` is no spelling of times")).expected("31 January 2024 in it"))
}

fn zone_of(text: &str) -> Result<Zone> {
    /// No offset from UTC is longer.
    const DAY: i32 = 86_400;
    if let Ok(offset) = text.parse::<i32>() {
        return match offset {
            offset if offset.abs() < DAY => Ok(Zone::Fixed(offset)),
            _ => Err(Error::data(format!("{offset} seconds are no offset from UTC"))),
        };
    }
    let named = spelling::zone_of_name(text).map(Zone::Named);
    named.ok_or_else(|| Error::data(format!("there is no time zone `{text}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Restores the end of a timeline from its stamp and compares what it says.
    fn check(timeline: &Timeline) {
        let tail = timeline.slice(timeline.len() - 3..timeline.len());
        let restored = Timeline::of_stamp(&tail.stamp(), 3).unwrap_or_else(|error| panic!("{tail:?}\n{error}"));
        for position in 0..40 {
            assert_eq!(restored.label(position), tail.label(position), "{:?}", tail.stamp());
        }
        assert_eq!(restored.frequency(), tail.frequency());
        assert_eq!(restored.stamp(), tail.stamp());
        for position in 0..3 {
            assert_eq!(restored.position_of_time(timeline, position), Some(position - timeline.len() as i64 + 3));
        }
    }

    #[test]
    fn a_timeline_is_restored_from_its_stamp_in_every_spelling() {
        for (start, step) in [
            ("2023-01-31", "1mo"),
            ("2024-01-30", "1mo"),
            ("29.02.2024", "1y"),
            ("1/31/2024", "1d"),
            ("31/12/2023", "1d"),
            ("1949-Q3", "1q"),
            ("Nov 2024", "1mo"),
            ("2024 January", "1mo"),
            ("2024M01", "1mo"),
            ("2024-01-04", "B"),
            ("2024-01-04 8:00", "1h"),
            ("2024-01-31T00:00:00.250Z", "15m"),
            ("2024-03-30T22:00+01:00[Europe/Berlin]", "1h"),
            ("2024-03-29T12:00+01:00[Europe/Berlin]", "1d"),
            ("2024-01-31T10:00+05:30", "2h"),
            ("7", "3"),
        ] {
            let timeline = Timeline::starting_at(start, Frequency::parse(step).expect(step), 6).expect(start);
            check(&timeline);
        }
        check(&Timeline::of_labels(&["1998", "1999", "2000", "2001", "2002"], None).expect("years"));
        check(&Timeline::of_labels(&["20240101", "20240102", "20240103", "20240104"], None).expect("days"));
        check(&Timeline::of_labels(&["202311", "202312", "202401", "202402"], None).expect("months"));
    }

    #[test]
    fn times_that_were_left_out_stay_out() {
        let timeline = Timeline::starting_at("2024-01-01", Frequency::parse("1d").expect("days"), 9).expect("days");
        let tail = timeline.select(&[2, 3, 7]);
        let restored = Timeline::of_stamp(&tail.stamp(), 3).expect("a timeline");
        assert_eq!(
            (0..5).map(|i| restored.label(i)).collect::<Vec<_>>(),
            (0..5).map(|i| tail.label(i)).collect::<Vec<_>>()
        );
        assert_eq!([3, 7, 8].map(|i| restored.position_of_time(&timeline, i)), [Some(1), Some(2), Some(3)]);
        assert_eq!(restored.position_of_time(&timeline, 4), None);
        assert_eq!(restored.continued(2).last_label(), "2024-01-10");
    }

    #[test]
    fn what_describes_no_timeline_is_refused() {
        let good =
            Timeline::starting_at("2024-01-31", Frequency::parse("1mo").expect("months"), 5).expect("months").stamp();
        let text = |text: &str| Some(text.to_owned());
        for bad in [
            Stamp { moments: Vec::new(), ..good.clone() },
            Stamp { moments: vec!["2024-13-01".to_owned()], ..good.clone() },
            Stamp { frequency: "1x".to_owned(), ..good.clone() },
            Stamp { frequency: "1".to_owned(), ..good.clone() },
            Stamp { day: None, ..good.clone() },
            Stamp { day: Some(32), ..good.clone() },
            Stamp { spelling: text("some day"), ..good.clone() },
            Stamp { zone: text("Atlantis"), ..good.clone() },
            Stamp { zone: text("90000"), ..good.clone() },
        ] {
            assert!(Timeline::of_stamp(&bad, 2).is_err(), "{bad:?}");
        }
    }
}
