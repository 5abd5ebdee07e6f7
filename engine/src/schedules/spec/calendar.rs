//! One structured calendar: sets of seconds, minutes, hours, days, months and years that a local
//! clock must show.
//!
//! An hour that the clock skips never matches; one that it shows twice matches twice. That is the
//! reference's reading, also in its details: see [`Calendar::next_after`].

use temporalio_protos::temporal::api::schedule::v1::{Range, StructuredCalendarSpec};

use super::zone::{Local, Zone};
use super::{FIRST_YEAR, LAST_YEAR, days};

#[derive(Clone, Debug)]
pub(super) struct Calendar {
    second: u128,
    minute: u128,
    hour: u128,
    day: u128,
    month: u128,
    weekday: u128,
    /// From the first year on; `None` is every year.
    year: Option<u128>,
}

const HOUR: i64 = 3_600;
/// The protocol's first second, in the year 1.
const EARLIEST: i64 = -62_135_596_800;

impl Calendar {
    pub(super) fn of(spec: &StructuredCalendarSpec) -> Self {
        let year = (!spec.year.is_empty()).then(|| set(&spec.year, FIRST_YEAR));
        Self {
            second: set(&spec.second, 0),
            minute: set(&spec.minute, 0),
            hour: set(&spec.hour, 0),
            day: set(&spec.day_of_month, 0),
            month: set(&spec.month, 0),
            weekday: set(&spec.day_of_week, 0),
            year,
        }
    }

    fn matches(&self, at: &Local) -> bool {
        self.has_year(at.year)
            && has(self.month, at.month)
            && has(self.day, at.day)
            && has(self.weekday, at.weekday)
            && has(self.hour, at.hour)
            && has(self.minute, at.minute)
            && has(self.second, at.second)
    }

    /// If it matches now: the last second of a stretch from now on in which it surely matches.
    pub(super) fn matching_until(&self, zone: &Zone, unix: i64) -> Option<i64> {
        const ALL_OF_SIXTY: u128 = (1 << 60) - 1;
        let at = zone.local(unix);
        if !self.matches(&at) {
            return None;
        }
        if self.second != ALL_OF_SIXTY {
            return Some(unix);
        }
        if self.minute != ALL_OF_SIXTY {
            return Some(unix + 59 - at.second);
        }
        Some(unix + HOUR - 1 - at.minute * 60 - at.second)
    }

    /// The first match after this moment, by whole seconds. Walks what the clock shows, field by
    /// field from the year down, and asks the zone only when all of it fits.
    pub(super) fn next_after(&self, zone: &Zone, unix: i64) -> Option<i64> {
        // What no clock shows is not looked for, nor in years that the protocol cannot say.
        if self.is_empty() {
            return None;
        }
        let unix = unix.max(EARLIEST);
        let now = zone.local(unix);
        let hour_before = zone.local(unix.saturating_sub(HOUR)).hour;
        let mut hands = Hands {
            year: now.year,
            month: now.month,
            day: now.day,
            hour: now.hour,
            minute: now.minute,
            second: now.second + 1,
            // The clock shows this hour for the second time.
            repeated: hour_before == now.hour,
        };
        loop {
            hands.carry(zone);
            if hands.year > LAST_YEAR {
                return None;
            }
            if !self.has_year(hands.year) {
                hands.skip_year();
            } else if !has(self.month, hands.month) {
                hands.skip_month();
            } else if !has(self.day, hands.day) || !has(self.weekday, hands.weekday(zone)) {
                hands.skip_day();
            } else if !has(self.hour, hands.hour) {
                hands.skip_hour();
            } else if !has(self.minute, hands.minute) {
                (hands.minute, hands.second) = (hands.minute + 1, 0);
            } else if !has(self.second, hands.second) {
                hands.second += 1;
            } else {
                let found = hands.unix(zone);
                if zone.local(found).hour == hands.hour {
                    return Some(found + if hands.repeated { HOUR } else { 0 });
                }
                // The clock never shows this hour on this day. The mark of repetition stays.
                let repeated = hands.repeated;
                hands.skip_hour();
                hands.repeated = repeated;
            }
        }
    }

    fn is_empty(&self) -> bool {
        let year = self.year.unwrap_or(1);
        let sets = [self.second, self.minute, self.hour, self.weekday, year];
        let mut months = (1..=12).filter(|month| has(self.month, *month));
        sets.contains(&0) || !months.any(|month| self.has_day_of(month))
    }

    fn has_day_of(&self, month: i64) -> bool {
        const LEAP_YEAR: i64 = 2000;
        (1..=days::in_month(LEAP_YEAR, month)).any(|day| has(self.day, day))
    }

    fn has_year(&self, year: i64) -> bool {
        self.year
            .is_none_or(|years| year >= FIRST_YEAR && has(years, year - FIRST_YEAR))
    }
}

/// What the clock is to show; fields may have run over until they are carried.
struct Hands {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    repeated: bool,
}

impl Hands {
    fn carry(&mut self, zone: &Zone) {
        if self.second >= 60 {
            (self.minute, self.second) = (self.minute + 1, 0);
        }
        if self.minute >= 60 {
            self.minute = 0;
            let begun = self.unix(zone);
            self.hour += 1;
            // Two hours until the clock shows the next one: it shows this one again first.
            let shown_again = !self.repeated && self.unix(zone) - begun > HOUR;
            self.hour -= i64::from(shown_again);
            self.repeated = shown_again;
        }
        if self.hour >= 24 {
            (self.day, self.hour) = (self.day + 1, 0);
        }
        if self.day > days::in_month(self.year, self.month) {
            (self.month, self.day) = (self.month + 1, 1);
        }
        if self.month > 12 {
            (self.year, self.month) = (self.year + 1, 1);
        }
    }

    fn skip_year(&mut self) {
        (self.year, self.month) = (self.year + 1, 0);
        self.skip_month();
    }

    fn skip_month(&mut self) {
        (self.month, self.day) = (self.month + 1, 0);
        self.skip_day();
    }

    fn skip_day(&mut self) {
        (self.day, self.hour) = (self.day + 1, -1);
        self.skip_hour();
    }

    fn skip_hour(&mut self) {
        (self.hour, self.minute, self.second) = (self.hour + 1, 0, 0);
        self.repeated = false;
    }

    /// Of the moment, which is another day than the date says where midnight is skipped.
    fn weekday(&self, zone: &Zone) -> i64 {
        zone.local(self.unix(zone)).weekday
    }

    fn unix(&self, zone: &Zone) -> i64 {
        zone.unix([
            self.year,
            self.month,
            self.day,
            self.hour,
            self.minute,
            self.second,
        ])
    }
}

fn set(ranges: &[Range], first: i64) -> u128 {
    let mut bits = 0;
    for range in ranges {
        let (start, end) = (i64::from(range.start), i64::from(range.end));
        let step = i64::from(range.step).max(1);
        // Ranges of excluded calendars may be absurd: what lies before the first is not walked.
        let before = (first - start).max(0);
        let from = start + (before + step - 1) / step * step;
        let end = end.max(start).min(first + 127);
        for value in (from..=end).step_by(usize::try_from(step).unwrap_or(1)) {
            if let Ok(bit @ 0..128) = u32::try_from(value - first) {
                bits |= 1 << bit;
            }
        }
    }
    bits
}

fn has(set: u128, value: i64) -> bool {
    u32::try_from(value).is_ok_and(|value| value < 128 && set & (1 << value) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_however_absurd_are_the_few_numbers_in_them_that_count() {
        let range = |start, end, step| Range { start, end, step };
        for (of, first, numbers) in [
            (range(3, 9, 3), 0, &[3, 6, 9][..]),
            (range(3, 0, 0), 0, &[3]),
            (range(-5, 9, 7), 0, &[2, 9]),
            (range(2001, 2005, 2), 2000, &[1, 3, 5]),
            (range(i32::MIN, 2, 1 << 30), 0, &[0]),
            (range(120, i32::MAX, 5), 0, &[120, 125]),
            (range(i32::MAX, i32::MIN, i32::MIN), 0, &[]),
        ] {
            let expected = numbers.iter().fold(0, |bits, n| bits | (1_u128 << n));
            assert_eq!(set(&[of], first), expected, "{of:?}");
        }
        // Walked number by number, these would keep the engine busy for days.
        let widest = vec![range(i32::MIN, i32::MAX, 0); 10_000];
        assert_eq!(set(&widest, FIRST_YEAR), u128::MAX);
    }
}
