//! A cron line: five fields, or a word such as `@daily` or `@every 90m`; a `CRON_TZ=` before it
//! names the zone whose clock counts.

use std::time::Duration;

use ambient::Timestamp;
use jiff::tz::TimeZone;
use thiserror::Error;

use super::{Rhythm, wait};

#[derive(Clone, Debug)]
pub(crate) enum Cron {
    Every(Duration),
    Rhythm(Box<Rhythm>),
}

#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct BadCron(String);

/// The smallest step of time there is.
const INSTANT: Duration = Duration::from_micros(1);
const SECOND: Duration = Duration::from_secs(1);

impl Cron {
    /// The first moment of the sequence that begins after `last`, at or after `now`.
    pub(crate) fn first_from(&self, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(wait) => {
                let first = self.next_after(last)?;
                let behind = now.since(first).as_nanos();
                let turns = behind.div_ceil(wait.as_nanos().max(1));
                Some(first.after(wait.saturating_mul(u32::try_from(turns).ok()?)))
            }
            Self::Rhythm(_) => self.next_after(last.max(now.before(INSTANT))),
        }
    }

    /// The first moment strictly after the given one; none where no date fits for years.
    pub(crate) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(wait) => {
                let (seconds, _) = after.split();
                Some(Timestamp::from_seconds(seconds).after(*wait))
            }
            Self::Rhythm(rhythm) => rhythm.next_after(after),
        }
    }
}

pub(crate) fn parse(line: &str) -> Result<Cron, BadCron> {
    let (zone, line) = zone(line)?;
    if line.is_empty() {
        return Err(bad("empty schedule"));
    }
    match line.strip_prefix('@') {
        Some(word) => of_word(word, zone),
        None => of_fields(line, zone),
    }
}

fn bad(why: impl Into<String>) -> BadCron {
    BadCron(why.into())
}

fn zone(line: &str) -> Result<(TimeZone, &str), BadCron> {
    let Some(named) = line
        .strip_prefix("CRON_TZ=")
        .or_else(|| line.strip_prefix("TZ="))
    else {
        return Ok((TimeZone::UTC, line));
    };
    let (name, rest) = named
        .split_once(' ')
        .ok_or_else(|| bad("nothing follows the time zone"))?;
    let zone = match name {
        "" => TimeZone::UTC,
        name => TimeZone::get(name).map_err(|_| bad(format!("unknown time zone {name}")))?,
    };
    Ok((zone, rest.trim()))
}

fn of_word(word: &str, zone: TimeZone) -> Result<Cron, BadCron> {
    let line = match word {
        "yearly" | "annually" => "0 0 1 1 *",
        "monthly" => "0 0 1 * *",
        "weekly" => "0 0 * * 0",
        "daily" | "midnight" => "0 0 * * *",
        "hourly" => "0 * * * *",
        other => {
            let text = other
                .strip_prefix("every ")
                .ok_or_else(|| bad(format!("unknown word @{other}")))?;
            let wait = wait::parse(text).ok_or_else(|| bad(format!("{text} is not a wait")))?;
            // Whole seconds, and at least one.
            return Ok(Cron::Every(Duration::from_secs(wait.as_secs()).max(SECOND)));
        }
    };
    of_fields(line, zone)
}

fn of_fields(line: &str, zone: TimeZone) -> Result<Cron, BadCron> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [minutes, hours, days, months, weekdays] = fields[..] else {
        let found = fields.len();
        return Err(bad(format!("expected 5 fields, found {found}: {line}")));
    };
    let (minutes, hours) = (set(minutes, &MINUTE)?, set(hours, &HOUR)?);
    let (days, months) = (set(days, &DAY)?, set(months, &MONTH)?);
    let weekdays = set(weekdays, &WEEKDAY)?;
    Ok(Cron::Rhythm(Box::new(Rhythm {
        minutes: minutes.bits,
        hours: hours.bits,
        days: days.bits,
        months: months.bits,
        weekdays: weekdays.bits,
        // "The 1st and every Monday", where both are named; else the one that is.
        any_day: !days.open && !weekdays.open,
        zone,
    })))
}

struct Bounds {
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const fn bounds(first: u32, last: u32, names: &'static [&'static str]) -> Bounds {
    Bounds { first, last, names }
}

const MINUTE: Bounds = bounds(0, 59, &[]);
const HOUR: Bounds = bounds(0, 23, &[]);
const DAY: Bounds = bounds(1, 31, &[]);
const MONTH: Bounds = bounds(
    1,
    12,
    &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
);
const WEEKDAY: Bounds = bounds(0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]);

#[derive(Default)]
struct Set {
    bits: u64,
    /// Says nothing: `*` without a step.
    open: bool,
}

fn set(field: &str, bounds: &Bounds) -> Result<Set, BadCron> {
    let mut whole = Set::default();
    for part in field.split(',').filter(|part| !part.is_empty()) {
        let part = range(part, bounds)?;
        whole.bits |= part.bits;
        whole.open |= part.open;
    }
    Ok(whole)
}

/// `*`, `n`, `n-m`, each with an optional `/step`; `n/step` runs to the end.
fn range(text: &str, bounds: &Bounds) -> Result<Set, BadCron> {
    let (span, step) = match text.split_once('/') {
        Some((span, step)) => (span, Some(number(step, &[], bounds)?)),
        None => (text, None),
    };
    let star = |text: &str| matches!(text, "*" | "?");
    let value = |text: &str| number(text, bounds.names, bounds);
    let (first, last) = match span.split_once('-') {
        Some((first, _)) if star(first) => (bounds.first, bounds.last),
        Some((first, last)) => (value(first)?, value(last)?),
        None if star(span) => (bounds.first, bounds.last),
        None if step.is_some() => (value(span)?, bounds.last),
        None => (value(span)?, value(span)?),
    };
    let open = span.starts_with(['*', '?']) && step.is_none_or(|step| step == 1);
    let step = step.unwrap_or(1);
    if first < bounds.first || last > bounds.last || first > last || step == 0 {
        return Err(bad(format!("{text} is out of range")));
    }
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    let bits = (first..=last)
        .step_by(step)
        .fold(0, |bits, n| bits | (1 << n));
    Ok(Set { bits, open })
}

fn number(text: &str, names: &[&str], bounds: &Bounds) -> Result<u32, BadCron> {
    let named = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text));
    match named.and_then(|at| u32::try_from(at).ok()) {
        Some(at) => Ok(bounds.first + at),
        None => text
            .parse()
            .map_err(|_| bad(format!("{text} is not a number"))),
    }
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
