//! Civil time as one number: nanoseconds since 1970-01-01T00:00 of a clock on the wall, whatever its zone.
//!
//! An `i128` spans every year of the calendar and is compared, sorted and subtracted in a few instructions; the
//! calendar itself (leap years, month lengths) is jiff's.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

/// Nanoseconds since 1970-01-01T00:00, of a civil clock or of UTC.
pub(crate) type Nanos = i128;

pub(crate) const SECOND: Nanos = 1_000_000_000;
pub(crate) const DAY: Nanos = 86_400 * SECOND;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Midnight of a date; `None` where there is no such date.
pub(crate) fn midnight(year: i64, month: i64, day: i64) -> Option<Nanos> {
    let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    Some(midnight_of(date))
}

/// Midnight of a date.
pub(crate) fn midnight_of(date: Date) -> Nanos {
    Nanos::from(date.duration_since(EPOCH).as_secs()) * SECOND
}

/// The calendar's reading of a moment. Moments outside the years -9999 to 9999 stand at the calendar's end.
pub(crate) fn datetime(moment: Nanos) -> DateTime {
    let end = if moment < 0 { DateTime::MIN } else { DateTime::MAX };
    let since_epoch = SignedDuration::try_from_nanos_i128(moment);
    let shifted = since_epoch.and_then(|duration| EPOCH.at(0, 0, 0, 0).checked_add(duration).ok());
    shifted.unwrap_or(end)
}

/// The time of day.
pub(crate) fn time_of_day(moment: Nanos) -> Nanos {
    moment.rem_euclid(DAY)
}

/// Days since 1970-01-01.
pub(crate) fn day_number(moment: Nanos) -> i64 {
    moment.div_euclid(DAY) as i64
}

/// Months since January of year 0, and the day of the month.
pub(crate) fn month_and_day(moment: Nanos) -> (i64, i8) {
    let date = datetime(moment).date();
    (i64::from(date.year()) * 12 + i64::from(date.month()) - 1, date.day())
}

/// Midnight of a day of a month counted from January of year 0; a day that the month lacks is its last.
/// Months outside the calendar stand at its end.
pub(crate) fn day_of_month(month: i64, day: i8) -> Nanos {
    let year = i16::try_from(month.div_euclid(12));
    let first = year.ok().and_then(|year| Date::new(year, (month.rem_euclid(12) + 1) as i8, 1).ok());
    let first = first.unwrap_or(if month < 0 { Date::MIN } else { Date::MAX });
    let last = first.days_in_month();
    midnight_of(first) + Nanos::from(day.min(last) - first.day()) * DAY
}

/// Whether the moment lies on the last day of its month.
pub(crate) fn is_month_end(moment: Nanos) -> bool {
    let date = datetime(moment).date();
    date.day() == date.days_in_month()
}

/// Working days (Monday to Friday) since Monday 1970-01-05; a day of the weekend counts as the Friday before.
pub(crate) fn business_day_number(moment: Nanos) -> i64 {
    let since_monday = day_number(moment) - 4;
    since_monday.div_euclid(7) * 5 + since_monday.rem_euclid(7).min(4)
}

/// Whether the moment lies on a Monday to Friday.
pub(crate) fn is_business_day(moment: Nanos) -> bool {
    (day_number(moment) - 4).rem_euclid(7) < 5
}

/// Midnight of a working day counted from Monday 1970-01-05.
pub(crate) fn business_day(number: i64) -> Nanos {
    (4 + Nanos::from(number).div_euclid(5) * 7 + Nanos::from(number.rem_euclid(5))) * DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_numbers_are_inverse() {
        for (year, month, day) in [(1500, 2, 28), (1970, 1, 1), (2024, 2, 29), (2200, 12, 31)] {
            let moment = midnight(year, month, day).expect("a date");
            let date = datetime(moment).date();
            assert_eq!((i64::from(date.year()), i64::from(date.month()), i64::from(date.day())), (year, month, day));
            let back = datetime(moment + 5).duration_since(EPOCH.at(0, 0, 0, 0)).as_nanos();
            assert_eq!(back, moment + 5);
        }
        assert_eq!(midnight(2023, 2, 29), None);
        assert_eq!(midnight(1970, 1, 2), Some(DAY));
    }

    #[test]
    fn far_moments_stand_at_the_end_of_the_calendar() {
        assert_eq!(datetime(Nanos::MAX), DateTime::MAX);
        assert_eq!(datetime(Nanos::MIN), DateTime::MIN);
        assert_eq!(datetime(day_of_month(i64::MAX, 31)).date(), Date::MAX);
    }

    #[test]
    fn short_months_clamp_the_day() {
        assert_eq!(day_of_month(2023 * 12 + 1, 31), midnight(2023, 2, 28).expect("a date"));
        assert_eq!(month_and_day(midnight(2024, 3, 7).expect("a date")), (2024 * 12 + 2, 7));
    }

    #[test]
    fn business_days_skip_the_weekend() {
        let friday = midnight(2024, 1, 5).expect("a date");
        assert_eq!(business_day(business_day_number(friday) + 1), midnight(2024, 1, 8).expect("a date"));
        assert_eq!(business_day(business_day_number(friday + DAY)), friday);
        assert!(is_business_day(friday) && !is_business_day(friday + DAY));
    }
}
