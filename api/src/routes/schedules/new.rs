//! The body of `POST /v1/schedules`: its form.

use std::str::FromStr;

use domain::{Cadence, Date, RequestId, Weekday};
use transfers::schedule::NewSchedule;

use crate::fields::{Faults, Field, Fields};
use crate::json::{Node, child};
use crate::problem::Problem;
use crate::routes::transfers::parts::{endpoint, metadata, text};

pub(super) fn read(document: &Node, request_id: RequestId) -> Result<NewSchedule, Problem> {
    let mut faults = Faults::default();
    let read = read_into(document, request_id, &mut faults);
    faults.judge(read)
}

fn read_into(document: &Node, request_id: RequestId, faults: &mut Faults) -> Option<NewSchedule> {
    let root = Field {
        node: document,
        pointer: "",
    };
    let known = [
        "amount",
        "source",
        "destination",
        "cadence",
        "starts_on",
        "ends_on",
        "occurrences",
        "banking_days",
        "client_reference",
        "metadata",
    ];
    let fields = Fields::of(root, &known, faults)?;
    let money = fields.required("amount", faults, |field, faults| field.money(faults));
    let source = fields.required("source", faults, endpoint);
    let destination = fields.required("destination", faults, endpoint);
    let cadence = fields.required("cadence", faults, cadence);
    let starts_on = fields.optional("starts_on", faults, date);
    let ends_on = fields.optional("ends_on", faults, date);
    let most = fields.optional("occurrences", faults, |field, faults| field.integer(faults));
    let banking_days = fields.optional("banking_days", faults, banking_days);
    let client_reference = fields.optional("client_reference", faults, text);
    let metadata = fields.optional("metadata", faults, metadata);
    Some(NewSchedule {
        money: money?,
        source: source?,
        destination: destination?,
        client_reference,
        metadata: metadata.unwrap_or_default(),
        cadence: cadence?,
        starts_on,
        ends_on,
        most,
        on_banking_days: banking_days.unwrap_or(true),
        request_id,
    })
}

/// `next` (the default): wait for the next banking day; `ignore`: any day will do.
fn banking_days(field: Field<'_>, faults: &mut Faults) -> Option<bool> {
    match field.text(faults)? {
        "next" => Some(true),
        "ignore" => Some(false),
        _ => {
            faults.value(field.pointer, "unknown_rule", "Known here: next, ignore.");
            None
        }
    }
}

/// `{"every": "month", "day": 31}`, `{"every": "week", "day": "friday"}`, `{"every": "day"}`, and in
/// the sandbox `{"every": "seconds", "seconds": 5}`.
fn cadence(field: Field<'_>, faults: &mut Faults) -> Option<Cadence> {
    // Which members there may be depends on the kind: looked at first, complained of below.
    let mut unsaid = Faults::default();
    let every = Fields::of(field, &["every", "day", "seconds"], &mut unsaid)
        .and_then(|members| members.required("every", &mut unsaid, text));
    let members: &[&str] = match every.as_deref() {
        Some("day") => &["every"],
        Some("seconds") => &["every", "seconds"],
        _ => &["every", "day"],
    };
    let fields = Fields::of(field, members, faults)?;
    let every = fields.required("every", faults, text)?;
    match every.as_str() {
        "day" => Some(Cadence::Day),
        "week" => {
            let day = fields.required("day", faults, |field, faults| {
                parsed::<Weekday>(field, faults, "unknown_day")
            });
            Some(Cadence::Week { day: day? })
        }
        "month" => {
            let day = fields.required("day", faults, |field, faults| field.integer(faults))?;
            // What no month has is refused with the other values.
            let day = u8::try_from(day).unwrap_or(0);
            Some(Cadence::Month { day })
        }
        "seconds" => {
            let read = |field: Field<'_>, faults: &mut Faults| field.integer(faults);
            let seconds = fields.required("seconds", faults, read)?;
            let seconds = u32::try_from(seconds).unwrap_or(0);
            Some(Cadence::Seconds { seconds })
        }
        _ => {
            let pointer = child(field.pointer, "every");
            let detail = "Known here: day, week, month, and seconds in the sandbox.";
            faults.value(&pointer, "unknown_cadence", detail);
            None
        }
    }
}

fn date(field: Field<'_>, faults: &mut Faults) -> Option<Date> {
    parsed(field, faults, "invalid_date")
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(
    field: Field<'_>,
    faults: &mut Faults,
    code: &'static str,
) -> Option<T> {
    let read = field.text(faults)?.parse();
    read.inspect_err(|error| faults.value(field.pointer, code, format!("This is {error}.")))
        .ok()
}
