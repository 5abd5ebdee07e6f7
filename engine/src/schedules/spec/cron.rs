//! The cron lines of schedules: five to seven fields (with years, with seconds and years), a word
//! such as `@daily` or `@every 90m/10m`, a `CRON_TZ=` before and a `# comment` behind.
//!
//! Not the cron lines of workflows: those know neither years nor comments, and read "day of month
//! and day of week" as either of them, where schedules mean both.

use std::time::Duration;

use temporalio_protos::temporal::api::schedule::v1::{
    CalendarSpec, IntervalSpec, StructuredCalendarSpec,
};

use super::{BadSpec, ranges};
use crate::calendar::wait;
use crate::core::time::duration;

#[derive(Debug)]
pub(super) struct Line {
    pub(super) when: When,
    /// Empty when the line names none.
    pub(super) zone: String,
}

#[derive(Debug)]
pub(super) enum When {
    Calendar(Box<StructuredCalendarSpec>),
    Interval(IntervalSpec),
}

pub(super) fn parse(line: &str) -> Result<Line, BadSpec> {
    let (zone, rest) = zone_of(line.trim())?;
    let (fields, comment) = rest.split_once('#').unwrap_or((rest, ""));
    let fields = fields.trim();
    if fields.starts_with("@every") {
        return Ok(Line {
            when: When::Interval(every(fields)?),
            // A rhythm from 1970 on needs no zone.
            zone: String::new(),
        });
    }
    let calendar = calendar(spelled(fields), comment.trim())?;
    let when = When::Calendar(Box::new(ranges::structured(&calendar)?));
    Ok(Line { when, zone })
}

fn zone_of(line: &str) -> Result<(String, &str), BadSpec> {
    let Some(named) = line
        .strip_prefix("TZ=")
        .or_else(|| line.strip_prefix("CRON_TZ="))
    else {
        return Ok((String::new(), line));
    };
    let (zone, rest) = named
        .split_once(' ')
        .ok_or_else(|| bad("CronString has time zone but missing fields"))?;
    Ok((zone.to_owned(), rest))
}

fn bad(why: &str) -> BadSpec {
    BadSpec(why.to_owned())
}

fn spelled(word: &str) -> &str {
    match word {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        fields => fields,
    }
}

fn calendar(fields: &str, comment: &str) -> Result<CalendarSpec, BadSpec> {
    const MOST: usize = 7;
    let fields: Vec<&str> = fields.split_whitespace().take(MOST + 1).collect();
    let (second, rest, year) = match fields[..] {
        [_, _, _, _, _] => ("", &fields[..], ""),
        [_, _, _, _, _, year] => ("", &fields[..5], year),
        [second, _, _, _, _, _, year] => (second, &fields[1..6], year),
        _ => return Err(bad("CronString does not have 5-7 fields")),
    };
    let field = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
    Ok(CalendarSpec {
        second: second.to_owned(),
        minute: field(0),
        hour: field(1),
        day_of_month: field(2),
        month: field(3),
        day_of_week: field(4),
        year: year.to_owned(),
        comment: comment.to_owned(),
    })
}

/// `@every 14h/3h`: three hours after each multiple of fourteen.
fn every(text: &str) -> Result<IntervalSpec, BadSpec> {
    let (_, waits) = text
        .split_once(' ')
        .ok_or_else(|| bad("CronString does not have interval after @every"))?;
    let (interval, phase) = waits.split_once('/').unwrap_or((waits, ""));
    let phase = match phase {
        "" => None,
        phase => Some(wait_of(phase)?),
    };
    Ok(IntervalSpec {
        interval: Some(wait_of(interval)?),
        phase,
    })
}

/// Also days, of twenty-four hours: `1d12h`.
fn wait_of(text: &str) -> Result<prost_types::Duration, BadSpec> {
    let unreadable = || BadSpec(format!("time: invalid duration {text:?}"));
    let (negative, plain) = match text.strip_prefix('-') {
        Some(plain) => (true, plain),
        None => (false, text),
    };
    let (days, rest) = match plain.split_once('d') {
        Some((days, rest)) => (of_days(days).ok_or_else(unreadable)?, rest),
        None => (Duration::ZERO, plain),
    };
    let rest = match rest {
        "" if !plain.is_empty() => Duration::ZERO,
        rest => wait::parse(rest).ok_or_else(unreadable)?,
    };
    let whole = duration(days.checked_add(rest).ok_or_else(unreadable)?);
    Ok(match negative {
        true => prost_types::Duration {
            seconds: -whole.seconds,
            nanos: -whole.nanos,
        },
        false => whole,
    })
}

/// As many hours, twenty-four times.
fn of_days(number: &str) -> Option<Duration> {
    wait::parse(&format!("{number}h"))?.checked_mul(24)
}
