//! Ticks on boundaries of the calendar.
//!
//! The label of a tick says what distinguishes it (`Mar`, `5 Mar`, `14:00`); what follows from the ones before it (the
//! year, the date) stands once on a second line, under the first tick that it holds for.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

use super::axis::{Extent, Steps, Tick, number_ticks};

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 1970-01-05 is the first Monday.
const FIRST_MONDAY: i64 = 4 * DAY;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// More ticks than any axis has room for.
const CROWD: f64 = 200.0;

/// A distance between ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// A decimal fraction of a second, 10 to the power of minus this.
    Fraction(usize),
    /// Seconds, counted from an offset to the epoch.
    Seconds(i64, i64),
    /// Months, counted from the year 0.
    Months(i64),
}

const STEPS: [Step; 38] = [
    Step::Fraction(3),
    Step::Fraction(2),
    Step::Fraction(1),
    Step::Seconds(1, 0),
    Step::Seconds(2, 0),
    Step::Seconds(5, 0),
    Step::Seconds(10, 0),
    Step::Seconds(15, 0),
    Step::Seconds(30, 0),
    Step::Seconds(MINUTE, 0),
    Step::Seconds(2 * MINUTE, 0),
    Step::Seconds(5 * MINUTE, 0),
    Step::Seconds(10 * MINUTE, 0),
    Step::Seconds(15 * MINUTE, 0),
    Step::Seconds(30 * MINUTE, 0),
    Step::Seconds(HOUR, 0),
    Step::Seconds(2 * HOUR, 0),
    Step::Seconds(3 * HOUR, 0),
    Step::Seconds(6 * HOUR, 0),
    Step::Seconds(12 * HOUR, 0),
    Step::Seconds(DAY, 0),
    Step::Seconds(2 * DAY, 0),
    Step::Seconds(7 * DAY, FIRST_MONDAY),
    Step::Seconds(14 * DAY, FIRST_MONDAY),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(2 * 12),
    Step::Months(5 * 12),
    Step::Months(10 * 12),
    Step::Months(20 * 12),
    Step::Months(50 * 12),
    Step::Months(100 * 12),
    Step::Months(200 * 12),
    Step::Months(500 * 12),
    Step::Months(1000 * 12),
];

/// The ticks of the finest step that `fits`; ticks on round numbers of seconds where the extent leaves the years -9999
/// to 9999 of the calendar.
pub(super) fn time_ticks(extent: Extent, fits: impl Fn(&[Tick]) -> bool) -> Vec<Tick> {
    let inside = civil(extent.lo).is_some() && civil(extent.hi).is_some();
    STEPS
        .iter()
        .filter(|step| inside && extent.span() / step.seconds() < CROWD)
        .map(|step| step.ticks(extent))
        .find(|ticks| !ticks.is_empty() && fits(ticks))
        .unwrap_or_else(|| number_ticks(extent, 4, Steps::Counting))
}

/// The civil time of a second since the epoch, rounded to milliseconds.
fn civil(seconds: f64) -> Option<DateTime> {
    let millis = (seconds * 1e3).round();
    // Conversion saturates, so that what is far out of range fails in the addition.
    EPOCH.checked_add(SignedDuration::from_millis(millis as i64)).ok()
}

impl Step {
    /// Its length, for months the mean one.
    fn seconds(self) -> f64 {
        match self {
            Self::Fraction(digits) => 10f64.powi(-(digits as i32)),
            Self::Seconds(seconds, _) => seconds as f64,
            Self::Months(months) => months as f64 * 30.44 * DAY as f64,
        }
    }

    fn ticks(self, extent: Extent) -> Vec<Tick> {
        let mut ticks: Vec<Tick> = Vec::new();
        let mut context = None;
        for (at, time) in self.times(extent) {
            let now = self.context(time);
            let below = if now == context { None } else { now.clone() };
            ticks.push(Tick { at, label: self.label(time), below });
            context = now;
        }
        ticks
    }

    /// The multiples of the step inside the extent.
    fn times(self, extent: Extent) -> Vec<(f64, DateTime)> {
        let multiples = |offset: f64, size: f64| {
            let (first, last) =
                (((extent.lo - offset) / size).ceil() as i64, ((extent.hi - offset) / size).floor() as i64);
            (first..=last)
                .map(move |count| offset + count as f64 * size)
                .filter_map(|at| Some((at, civil(at)?)))
                .collect()
        };
        match self {
            Self::Fraction(_) => multiples(0.0, self.seconds()),
            Self::Seconds(seconds, offset) => multiples(offset as f64, seconds as f64),
            Self::Months(months) => first_days(months, extent),
        }
    }

    fn label(self, time: DateTime) -> String {
        let month = MONTHS[usize::from(time.month().unsigned_abs()) - 1];
        match self {
            Self::Fraction(digits) => {
                let fraction = format!("{:03}", time.millisecond());
                format!("{:02}:{:02}:{:02}.{}", time.hour(), time.minute(), time.second(), &fraction[..digits])
            }
            Self::Seconds(step, _) if step < MINUTE => {
                format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
            }
            Self::Seconds(step, _) if step < DAY => format!("{:02}:{:02}", time.hour(), time.minute()),
            Self::Seconds(..) => format!("{} {month}", time.day()),
            Self::Months(step) if step % 12 == 0 => year(time),
            Self::Months(_) => month.to_owned(),
        }
    }

    /// What neighbouring ticks have in common.
    fn context(self, time: DateTime) -> Option<String> {
        let month = MONTHS[usize::from(time.month().unsigned_abs()) - 1];
        match self {
            Self::Months(step) if step % 12 == 0 => None,
            Self::Months(_) => Some(year(time)),
            Self::Seconds(step, _) if step >= DAY => Some(year(time)),
            Self::Seconds(..) | Self::Fraction(_) => Some(format!("{} {month} {}", time.day(), year(time))),
        }
    }
}

fn year(time: DateTime) -> String {
    time.year().to_string().replace('-', "−")
}

/// The first days of every `step`-th month inside the extent.
fn first_days(step: i64, extent: Extent) -> Vec<(f64, DateTime)> {
    let (Some(lo), Some(hi)) = (civil(extent.lo), civil(extent.hi)) else { return Vec::new() };
    let month = |time: DateTime| i64::from(time.year()) * 12 + i64::from(time.month()) - 1;
    let first = month(lo).div_euclid(step);
    (first..=month(hi).div_euclid(step))
        .filter_map(|count| {
            let (year, month) = ((count * step).div_euclid(12), (count * step).rem_euclid(12));
            let day = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()? + 1, 1)
                .ok()?
                .to_datetime(jiff::civil::Time::midnight());
            Some((day.duration_since(EPOCH).as_secs_f64(), day))
        })
        .filter(|(at, _)| (extent.lo..=extent.hi).contains(at))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> f64 {
        text.parse::<DateTime>().expect("a time").duration_since(EPOCH).as_secs_f64()
    }

    fn ticks(from: &str, to: &str, most: usize) -> Vec<String> {
        let extent = Extent { lo: seconds(from), hi: seconds(to) };
        let ticks = time_ticks(extent, |ticks| ticks.len() <= most);
        assert!(ticks.iter().all(|tick| (extent.lo..=extent.hi).contains(&tick.at)));
        ticks
            .into_iter()
            .map(|tick| [Some(tick.label), tick.below].into_iter().flatten().collect::<Vec<_>>().join("|"))
            .collect()
    }

    #[test]
    fn labels_follow_the_span() {
        assert_eq!(ticks("1949-01-01", "1960-12-01", 6), ["1950", "1952", "1954", "1956", "1958", "1960"]);
        assert_eq!(ticks("2023-11-15", "2024-04-02", 6), ["Dec|2023", "Jan|2024", "Feb", "Mar", "Apr"]);
        assert_eq!(ticks("2024-02-27T06:00", "2024-03-02T00:00", 5), ["28 Feb|2024", "29 Feb", "1 Mar", "2 Mar"]);
        assert_eq!(
            ticks("2024-03-05T21:30", "2024-03-06T01:30", 5),
            ["22:00|5 Mar 2024", "23:00", "00:00|6 Mar 2024", "01:00"]
        );
        assert_eq!(
            ticks("2024-03-05T14:00:01", "2024-03-05T14:00:03", 3),
            ["14:00:01|5 Mar 2024", "14:00:02", "14:00:03"]
        );
        assert_eq!(ticks("-000010-01-01", "0011-01-01", 5), ["−10", "−5", "0", "5", "10"]);
    }

    #[test]
    fn weeks_begin_on_monday() {
        let extent = Extent { lo: seconds("2024-03-01"), hi: seconds("2024-04-01") };
        for tick in time_ticks(extent, |ticks| ticks.len() < 8) {
            let day = civil(tick.at).expect("in range");
            assert_eq!(day.weekday(), jiff::civil::Weekday::Monday, "{day}");
        }
    }

    #[test]
    fn fractions_of_a_second() {
        let from = seconds("2024-03-05T14:00:00");
        let ticks = time_ticks(Extent { lo: from, hi: from + 0.35 }, |ticks| ticks.len() < 6);
        let labels: Vec<_> = ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["14:00:00.0", "14:00:00.1", "14:00:00.2", "14:00:00.3"]);
    }

    #[test]
    fn times_outside_the_calendar_are_numbers() {
        for (lo, hi) in [(0.0, 1e15), (-1e300, 1e300), (1e18, 2e18)] {
            let ticks = time_ticks(Extent { lo, hi }, |_| true);
            assert!(
                ticks.len() >= 2
                    && ticks
                        .iter()
                        .all(|tick| tick.label == "0" || tick.label.contains('×') || tick.label.ends_with('T')),
                "{ticks:?}"
            );
        }
    }
}
