//! The zone that the clock of a series stands in: how civil times and instants map to each other.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::civil::{self, Nanos, SECOND};

/// A zone as the input shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Zone {
    /// No zone: civil times are all there is.
    Civil,
    /// One offset from UTC, in seconds.
    Fixed(i32),
    /// A zone of the IANA database with all its rules.
    Named(TimeZone),
    /// Offsets that change between two values while no zone is named: each holds from its instant on. The rule behind
    /// them is unknown, so the last one continues.
    Changing(Arc<[(Nanos, i32)]>),
}

impl Zone {
    /// The zone that offsets of sorted instants show.
    pub(crate) fn of_offsets(instants: &[Nanos], offsets: &[i32]) -> Self {
        let mut changes: Vec<(Nanos, i32)> = Vec::new();
        for (&instant, &offset) in instants.iter().zip(offsets) {
            if changes.last().is_none_or(|last| last.1 != offset) {
                changes.push((instant, offset));
            }
        }
        match changes.as_slice() {
            [] => Self::Civil,
            [(_, only)] => Self::Fixed(*only),
            _ => Self::Changing(changes.into()),
        }
    }

    /// The offset from UTC at an instant, in seconds.
    pub(crate) fn offset(&self, instant: Nanos) -> i32 {
        match self {
            Self::Civil => 0,
            Self::Fixed(offset) => *offset,
            Self::Named(zone) => zone.to_offset(timestamp(instant)).seconds(),
            Self::Changing(changes) => offset_of_last(changes, |(from, _)| from <= instant),
        }
    }

    /// The civil time at an instant.
    pub(crate) fn to_civil(&self, instant: Nanos) -> Nanos {
        instant + Nanos::from(self.offset(instant)) * SECOND
    }

    /// The instant of a civil time: the earlier of the two where clocks go back; where they go forward, the civil time
    /// that is as much later as the clocks skip.
    pub(crate) fn to_instant(&self, civil: Nanos) -> Nanos {
        let at = |offset: i32| civil - Nanos::from(offset) * SECOND;
        match self {
            Self::Named(zone) => {
                let instant = zone.to_ambiguous_timestamp(civil::datetime(civil)).compatible();
                instant.map_or(civil, Timestamp::as_nanosecond)
            }
            Self::Changing(changes) => {
                at(offset_of_last(changes, |(from, offset)| from + Nanos::from(offset) * SECOND <= civil))
            }
            Self::Civil | Self::Fixed(_) => at(self.offset(civil)),
        }
    }

    /// The offset from UTC of a civil time, in seconds.
    pub(crate) fn offset_of_civil(&self, civil: Nanos) -> i32 {
        self.offset(self.to_instant(civil))
    }
}

fn offset_of_last(changes: &[(Nanos, i32)], holds: impl Fn((Nanos, i32)) -> bool) -> i32 {
    let after = changes.partition_point(|&change| holds(change));
    changes[after.saturating_sub(1)].1
}

/// An instant as jiff's timestamp, at the calendar's end where it lies beyond.
fn timestamp(instant: Nanos) -> Timestamp {
    let end = if instant < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_nanosecond(instant).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Nanos = 3_600 * SECOND;

    #[test]
    fn named_zones_know_their_rules() {
        let berlin = Zone::Named(TimeZone::get("Europe/Berlin").expect("a bundled zone"));
        let winter = civil::midnight(2024, 1, 1).expect("a date");
        let summer = civil::midnight(2024, 7, 1).expect("a date");
        assert_eq!(berlin.to_instant(winter), winter - HOUR);
        assert_eq!(berlin.to_instant(summer), summer - 2 * HOUR);
        assert_eq!(berlin.to_civil(summer - 2 * HOUR), summer);
    }

    #[test]
    fn changing_offsets_hold_until_the_next_and_the_last_one_for_ever() {
        let zone = Zone::of_offsets(&[0, HOUR, 2 * HOUR], &[3_600, 3_600, 7_200]);
        assert_eq!(zone.to_civil(-HOUR), 0);
        assert_eq!(zone.to_civil(HOUR), 2 * HOUR);
        assert_eq!(zone.to_civil(2 * HOUR), 4 * HOUR);
        assert_eq!(zone.to_instant(1_000 * HOUR), 998 * HOUR);
        assert_eq!(Zone::of_offsets(&[0, HOUR], &[0, 0]), Zone::Fixed(0));
    }
}
