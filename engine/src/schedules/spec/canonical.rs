//! The canonical form of a spec: cron lines and calendars of text become structured calendars and
//! intervals, and everything is checked.

use temporalio_protos::temporal::api::schedule::v1::{
    IntervalSpec, Range, ScheduleSpec, StructuredCalendarSpec,
};

use super::{BadSpec, FIRST_YEAR, LAST_YEAR, cron, ranges};
use crate::limits;

const COMMENT_BYTES: usize = 200;

#[allow(deprecated)] // Excluded calendars of text are still accepted.
pub(super) fn of(given: &ScheduleSpec) -> Result<ScheduleSpec, BadSpec> {
    let specs = given.structured_calendar.len()
        + given.calendar.len()
        + given.cron_string.len()
        + given.interval.len()
        + given.exclude_structured_calendar.len()
        + given.exclude_calendar.len();
    if specs > limits::SCHEDULE_SPECS {
        let most = limits::SCHEDULE_SPECS;
        return Err(BadSpec(format!(
            "{specs} calendars and intervals, {most} are accepted"
        )));
    }
    let mut spec = given.clone();
    for calendar in std::mem::take(&mut spec.calendar) {
        spec.structured_calendar
            .push(ranges::structured(&calendar)?);
    }
    for calendar in std::mem::take(&mut spec.exclude_calendar) {
        let structured = ranges::structured(&calendar)?;
        spec.exclude_structured_calendar.push(structured);
    }
    take_cron_lines(&mut spec)?;
    for calendar in &spec.structured_calendar {
        check_calendar(calendar)?;
    }
    // The reference takes these as they are; ranges that reach nowhere exclude nothing.
    for interval in &spec.interval {
        check_interval(interval)?;
    }
    Ok(spec)
}

fn take_cron_lines(spec: &mut ScheduleSpec) -> Result<(), BadSpec> {
    let mut zone: Option<String> = None;
    for line in std::mem::take(&mut spec.cron_string) {
        let line = cron::parse(&line)?;
        if zone.as_ref().is_some_and(|zone| *zone != line.zone) {
            return Err(conflicting_zones());
        }
        zone = Some(line.zone);
        match line.when {
            cron::When::Calendar(calendar) => spec.structured_calendar.push(*calendar),
            cron::When::Interval(interval) => spec.interval.push(interval),
        }
    }
    if let Some(zone) = zone.filter(|zone| !zone.is_empty()) {
        let another = !spec.timezone_name.is_empty() && spec.timezone_name != zone;
        if another || !spec.timezone_data.is_empty() {
            return Err(conflicting_zones());
        }
        spec.timezone_name = zone;
    }
    Ok(())
}

fn conflicting_zones() -> BadSpec {
    BadSpec("conflicting timezone names".to_owned())
}

fn check_calendar(calendar: &StructuredCalendarSpec) -> Result<(), BadSpec> {
    let mut complaints = Vec::new();
    let years = [FIRST_YEAR, LAST_YEAR];
    let [first, last] = years.map(|year| i32::try_from(year).unwrap_or(0));
    for (ranges, field, least, most) in [
        (&calendar.second, "Second", 0, 59),
        (&calendar.minute, "Minute", 0, 59),
        (&calendar.hour, "Hour", 0, 23),
        (&calendar.day_of_month, "DayOfMonth", 1, 31),
        (&calendar.month, "Month", 1, 12),
        (&calendar.year, "Year", first, last),
        (&calendar.day_of_week, "DayOfWeek", 0, 6),
    ] {
        for range in ranges {
            check_range(range, field, least, most, &mut complaints);
        }
    }
    if calendar.comment.len() > COMMENT_BYTES {
        complaints.push("comment is too long".to_owned());
    }
    match complaints.is_empty() {
        true => Ok(()),
        false => Err(BadSpec(format!(
            "invalid calendar spec: {}",
            complaints.join(", ")
        ))),
    }
}

fn check_range(range: &Range, field: &str, least: i32, most: i32, complaints: &mut Vec<String>) {
    if !(least..=most).contains(&range.start) {
        complaints.push(format!("{field} Start is not in range [{least}-{most}]"));
    }
    if range.end != 0 && (range.end < range.start || range.end > most) {
        complaints.push(format!(
            "{field} End is before Start or not in range [{least}-{most}]"
        ));
    }
    if range.step < 0 {
        complaints.push(format!("{field} has invalid Step"));
    }
}

fn check_interval(interval: &IntervalSpec) -> Result<(), BadSpec> {
    let nanos = |wait: Option<&prost_types::Duration>| {
        wait.map_or(0, |wait| {
            i128::from(wait.seconds) * 1_000_000_000 + i128::from(wait.nanos)
        })
    };
    let (every, phase) = (
        nanos(interval.interval.as_ref()),
        nanos(interval.phase.as_ref()),
    );
    let complaint = if every < 1_000_000_000 {
        "interval is too small"
    } else if phase < 0 {
        "phase is negative"
    } else if phase >= every {
        "phase cannot be greater than Interval"
    } else {
        return Ok(());
    };
    Err(BadSpec(complaint.to_owned()))
}

/// For whoever reads it: ranges with their ends and steps, which are left out where they are
/// the usual ones.
pub(crate) fn spelled_out(spec: &mut ScheduleSpec) {
    let calendars = spec.structured_calendar.iter_mut();
    for calendar in calendars.chain(&mut spec.exclude_structured_calendar) {
        for ranges in [
            &mut calendar.second,
            &mut calendar.minute,
            &mut calendar.hour,
            &mut calendar.day_of_month,
            &mut calendar.month,
            &mut calendar.year,
            &mut calendar.day_of_week,
        ] {
            for range in ranges {
                range.end = range.end.max(range.start);
                if range.step == 0 {
                    range.step = 1;
                }
            }
        }
    }
}
