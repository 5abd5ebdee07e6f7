//! Calendars of text: `1-5`, `*/10`, `mon,wed`, field by field, into ranges.

use temporalio_protos::temporal::api::schedule::v1::{CalendarSpec, Range, StructuredCalendarSpec};

use super::{BadSpec, FIRST_YEAR, LAST_YEAR};

struct Field {
    name: &'static str,
    otherwise: &'static str,
    least: i64,
    most: i64,
    /// In the order of their numbers, the first being `least`; `shortest` letters are enough.
    words: &'static [&'static str],
    shortest: usize,
}

const fn field(name: &'static str, otherwise: &'static str, least: i64, most: i64) -> Field {
    Field {
        name,
        otherwise,
        least,
        most,
        words: &[],
        shortest: 0,
    }
}

const SECOND: Field = field("Second", "0", 0, 59);
const MINUTE: Field = field("Minute", "0", 0, 59);
const HOUR: Field = field("Hour", "0", 0, 23);
const DAY: Field = field("DayOfMonth", "*", 1, 31);
const YEAR: Field = field("Year", "*", FIRST_YEAR, LAST_YEAR);
const MONTH: Field = Field {
    words: &[
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ],
    shortest: 3,
    ..field("Month", "*", 1, 12)
};
/// Sunday is 0, and also 7.
const WEEKDAY: Field = Field {
    words: &[
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ],
    shortest: 2,
    ..field("DayOfWeek", "*", 0, 7)
};

pub(super) fn structured(calendar: &CalendarSpec) -> Result<StructuredCalendarSpec, BadSpec> {
    let mut complaints = Vec::new();
    let mut read = |text: &str, field: &Field| {
        ranges(text, field).unwrap_or_else(|BadSpec(complaint)| {
            complaints.push(complaint);
            Vec::new()
        })
    };
    // In this order are the complaints.
    let structured = StructuredCalendarSpec {
        second: read(&calendar.second, &SECOND),
        minute: read(&calendar.minute, &MINUTE),
        hour: read(&calendar.hour, &HOUR),
        day_of_week: read(&calendar.day_of_week, &WEEKDAY),
        day_of_month: read(&calendar.day_of_month, &DAY),
        month: read(&calendar.month, &MONTH),
        year: match calendar.year.trim() {
            // Every year is the empty list: that is what the format says.
            "" | "*" => Vec::new(),
            text => read(text, &YEAR),
        },
        comment: calendar.comment.clone(),
    };
    match complaints.is_empty() {
        true => Ok(structured),
        false => Err(BadSpec(complaints.join(", "))),
    }
}

fn ranges(text: &str, field: &Field) -> Result<Vec<Range>, BadSpec> {
    let text = match text.trim() {
        "" => field.otherwise,
        text => text,
    };
    let mut all = Vec::new();
    for part in text.split(',') {
        let (span, step) = step_of(part, field)?;
        let (start, mut end) = span_of(span, step.is_some(), field)?;
        let step = step.unwrap_or(1);
        if field.name == WEEKDAY.name && end == 7 {
            // Saturday is the last number; Sunday after it is a range of its own, where it is
            // not in the span already.
            let with_sunday = (7 - start) % step == 0 && (step > 1 || start > 1);
            if with_sunday {
                all.push(Range::default());
                if start == 7 {
                    continue;
                }
            }
            end = 6;
        }
        // What is usual is left out.
        let number = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
        all.push(Range {
            start: number(start),
            end: if start == end { 0 } else { number(end) },
            step: if step == 1 { 0 } else { number(step) },
        });
    }
    Ok(all)
}

fn step_of<'t>(part: &'t str, field: &Field) -> Result<(&'t str, Option<i64>), BadSpec> {
    let name = field.name;
    let Some((span, step)) = part.split_once('/') else {
        return Ok((part, None));
    };
    if step.contains('/') {
        return Err(BadSpec(format!("{name} has too many slashes")));
    }
    if step.is_empty() {
        return Err(BadSpec(format!("{name} missing step value")));
    }
    match step.parse::<i64>() {
        Ok(step) if step >= 1 => Ok((span, Some(step))),
        Ok(_) => Err(BadSpec(format!("{name} has invalid Step"))),
        Err(_) => Err(BadSpec(format!(
            "strconv.Atoi: parsing {step:?}: invalid syntax"
        ))),
    }
}

/// With a step, a single value goes on to the end.
fn span_of(span: &str, stepped: bool, field: &Field) -> Result<(i64, i64), BadSpec> {
    let Field {
        name, least, most, ..
    } = field;
    if span == "*" {
        return Ok((*least, *most));
    }
    let Some((from, to)) = span.split_once('-') else {
        let start = value(span, *least, field)
            .ok_or_else(|| BadSpec(format!("{name} is not in range [{least}-{most}]")))?;
        return Ok((start, if stepped { *most } else { start }));
    };
    if to.contains('-') {
        return Err(BadSpec(format!("{name} has too many dashes")));
    }
    let start = value(from, *least, field)
        .ok_or_else(|| BadSpec(format!("{name} Start is not in range [{least}-{most}]")))?;
    let end = value(to, start, field).ok_or_else(|| {
        BadSpec(format!(
            "{name} End is before Start or not in range [{least}-{most}]"
        ))
    })?;
    Ok((start, end))
}

fn value(text: &str, least: i64, field: &Field) -> Option<i64> {
    let lower = text.to_lowercase();
    let named = field
        .words
        .iter()
        .position(|word| lower.len() >= field.shortest && word.starts_with(&lower));
    let value = match named {
        Some(at) => i64::try_from(at).ok()? + field.least,
        None => text.parse().ok()?,
    };
    (least..=field.most).contains(&value).then_some(value)
}
