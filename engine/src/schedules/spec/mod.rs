//! When a schedule acts: a spec in its canonical form, compiled, and the moments it means.
//!
//! Pure: asked for the next moment after a given one. Never here: what happens then.

mod calendar;
mod canonical;
mod cron;
mod days;
mod jitter;
mod ranges;
mod zone;

use std::time::Duration;

use ambient::Timestamp;
use temporalio_protos::temporal::api::schedule::v1::{IntervalSpec, ScheduleSpec};
use thiserror::Error;

pub(crate) use canonical::spelled_out;

use crate::core::time::{from_proto, positive};
use calendar::Calendar;
use zone::Zone;

#[derive(Clone, Debug)]
pub(crate) struct Spec {
    canonical: ScheduleSpec,
    zone: Zone,
    calendars: Vec<Calendar>,
    excludes: Vec<Calendar>,
}

#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct BadSpec(pub(crate) String);

/// A moment of a spec: where it lies, and where the jitter moved it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) nominal: Timestamp,
    pub(crate) actual: Timestamp,
}

const FIRST_YEAR: i64 = 2000;
const LAST_YEAR: i64 = 2100;
const HOUR: i64 = 3_600;
/// No zone's clock is moved further: from a day ahead of Greenwich to a day behind, and a day more.
const TURNED_BACK_HOURS: i64 = 72;
const SECOND: Duration = Duration::from_secs(1);
/// Excluded moments one after the other, beyond which a spec counts as over.
const EXCLUDED_IN_A_ROW: usize = 1_000_000;

impl Spec {
    pub(crate) fn compile(spec: &ScheduleSpec) -> Result<Self, BadSpec> {
        let canonical = canonical::of(spec)?;
        let zone = match canonical.timezone_data.is_empty() {
            true => Zone::named(&canonical.timezone_name)?,
            false => Zone::read(&canonical.timezone_name, &canonical.timezone_data)?,
        };
        let compiled = |calendars: &[_]| calendars.iter().map(Calendar::of).collect();
        Ok(Self {
            zone,
            calendars: compiled(&canonical.structured_calendar),
            excludes: compiled(&canonical.exclude_structured_calendar),
            canonical,
        })
    }

    pub(crate) fn into_canonical(self) -> ScheduleSpec {
        self.canonical
    }

    /// The first moment strictly after the given one. `seed` is what the jitter depends on
    /// besides the moment.
    pub(crate) fn next_after(&self, seed: &str, after: Timestamp) -> Option<Moment> {
        let opens = from_proto(self.canonical.start_time.as_ref()).before(SECOND);
        let mut after = unix(after.max(opens));
        for _ in 0..EXCLUDED_IN_A_ROW {
            let nominal = self.raw_next(after)?;
            if self.is_over(nominal) {
                return None;
            }
            match self.excluded_until(nominal) {
                None => return Some(self.moved(seed, nominal)),
                Some(last) => after = last,
            }
        }
        None
    }

    fn raw_next(&self, after: i64) -> Option<i64> {
        let calendars = self.calendars.iter();
        let calendars = calendars.filter_map(|calendar| self.later(calendar, after));
        let intervals = self.canonical.interval.iter();
        let intervals = intervals.filter_map(|interval| next_of(interval, after));
        calendars.chain(intervals).min()
    }

    /// Where a clock leaves out a day, or turns back as whoever made its zone up likes, a calendar
    /// may come to what has been. Time goes on: it is asked again from a little later.
    fn later(&self, calendar: &Calendar, after: i64) -> Option<i64> {
        let from = (0..TURNED_BACK_HOURS).map(|hours| after.saturating_add(hours * HOUR));
        let mut found = from.map_while(|from| calendar.next_after(&self.zone, from));
        found.find(|at| *at > after)
    }

    fn is_over(&self, nominal: i64) -> bool {
        let closes = self.canonical.end_time.as_ref();
        closes.is_some_and(|at| Timestamp::from_seconds(nominal) > from_proto(Some(at)))
            || days::civil(nominal.div_euclid(days::SECONDS)).0 > LAST_YEAR
    }

    /// The last second of a stretch from this moment on that is excluded whole.
    fn excluded_until(&self, nominal: i64) -> Option<i64> {
        let excluding = self.excludes.iter();
        excluding
            .filter_map(|calendar| calendar.matching_until(&self.zone, nominal))
            .max()
    }

    /// The jitter never reaches the next moment.
    fn moved(&self, seed: &str, nominal: i64) -> Moment {
        let most = positive(self.canonical.jitter.as_ref()).unwrap_or_default();
        let most = match self.raw_next(nominal) {
            Some(next) => most.min(Duration::from_secs(next.abs_diff(nominal))),
            None => most,
        };
        let at = Timestamp::from_seconds(nominal);
        Moment {
            nominal: at,
            actual: at.after(jitter::of(seed, nominal, most)),
        }
    }
}

fn next_of(interval: &IntervalSpec, after: i64) -> Option<i64> {
    let seconds = |wait: Option<&prost_types::Duration>| wait.map_or(0, |wait| wait.seconds);
    let every = seconds(interval.interval.as_ref()).max(1);
    let phase = seconds(interval.phase.as_ref()).max(0);
    // Counted from 1970, also before it: there the division rounds the other way.
    let begun = after.checked_sub(phase)? / every;
    begun.checked_add(1)?.checked_mul(every)?.checked_add(phase)
}

fn unix(at: Timestamp) -> i64 {
    at.split().0
}

#[cfg(test)]
mod made_up_zones;
#[cfg(test)]
mod tests;
