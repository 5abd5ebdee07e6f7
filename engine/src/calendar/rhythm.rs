//! The next minute of a local clock that fits a set of minutes, hours, days and months.
//!
//! A zone is a sequence of stretches of constant offset. Inside one, local time is plain
//! arithmetic; so what the clock skips in spring never matches, and what it shows twice in autumn
//! matches twice.

use ambient::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Each field is a set of small numbers, one bit each.
#[derive(Clone, Debug)]
pub(crate) struct Rhythm {
    pub(crate) minutes: u64,
    pub(crate) hours: u64,
    pub(crate) days: u64,
    pub(crate) months: u64,
    /// Sunday is 0.
    pub(crate) weekdays: u64,
    /// A day of the month or a weekday is enough, where otherwise both must fit.
    pub(crate) any_day: bool,
    pub(crate) zone: TimeZone,
}

/// How far to look for a date as rare as a 29th of February before saying that there is none.
const YEARS: i16 = 5;
const MINUTES_OF_DAY: u32 = 24 * 60;

impl Rhythm {
    pub(crate) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let (seconds, _) = after.split();
        let mut from = jiff::Timestamp::from_second(seconds.checked_add(1)?).ok()?;
        let last_year = self.zone.to_datetime(from).year().checked_add(YEARS)?;
        loop {
            let offset = self.zone.to_offset(from);
            let until = self.zone.following(from).next().map(|t| t.timestamp());
            let found = self
                .first_match(offset.to_datetime(from), last_year)
                .and_then(|local| offset.to_timestamp(local).ok());
            match (found, until) {
                (Some(at), Some(until)) if at < until => return Some(timestamp(at)),
                (Some(at), None) => return Some(timestamp(at)),
                (None, None) => return None,
                // Not before the clock changes: on with the new offset.
                (_, Some(until)) if self.zone.to_datetime(until).year() > last_year => return None,
                (_, Some(until)) => from = until,
            }
        }
    }

    /// At or after a local moment, as if the clock never changed.
    fn first_match(&self, from: DateTime, last_year: i16) -> Option<DateTime> {
        let (mut date, mut minute) = (from.date(), minute_of_day(from.time()));
        while date.year() <= last_year {
            if !has(self.months, date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if let Some(time) = self
                .fits_day(date)
                .then(|| self.time_from(minute))
                .flatten()
            {
                return Some(date.to_datetime(time));
            } else {
                date = date.tomorrow().ok()?;
            }
            minute = 0;
        }
        None
    }

    fn fits_day(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        match self.any_day {
            true => day || weekday,
            false => day && weekday,
        }
    }

    fn time_from(&self, minute: u32) -> Option<Time> {
        (minute..MINUTES_OF_DAY).find_map(|minute| {
            let (hour, minute) = (
                i8::try_from(minute / 60).ok()?,
                i8::try_from(minute % 60).ok()?,
            );
            let fits = has(self.hours, hour) && has(self.minutes, minute);
            fits.then(|| Time::new(hour, minute, 0, 0).ok())?
        })
    }
}

/// The minute that begins then or next.
fn minute_of_day(time: Time) -> u32 {
    let begun =
        u32::from(time.hour().unsigned_abs()) * 60 + u32::from(time.minute().unsigned_abs());
    begun + u32::from(time.second() > 0 || time.subsec_nanosecond() > 0)
}

fn has(set: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| set & (1 << value) != 0)
}

fn timestamp(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_microsecond())
}
