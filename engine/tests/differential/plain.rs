//! What no two plays of a scenario share, and what stands in a recording instead. This list is the
//! whole of what a comparison does not see.

use crate::value::Value;

/// Left out: the clock's, the store's and the cluster's own business; advice on the number of polls,
/// which depends on the moment; and what belongs to reset and to worker versions, which this engine
/// does not have yet.
const LEFT_OUT: &[&str] = &[
    "BuildIds",
    "auto_reset_points",
    "event_time",
    "history_size_bytes",
    "poller_scaling_decision",
    "prev_auto_reset_points",
    "state_transition_count",
    "task_id",
];

/// Opaque to every caller: only that there is one is seen.
const OPAQUE: &[&str] = &["next_page_token", "query_id", "task_token"];

/// Times that a scenario's own durations put far ahead; any other is `<time>` when it is near the
/// time of the play, and stands as it is otherwise.
const TIMES: &[&str] = &[
    "execution_expiration_time",
    "expiration_time",
    "workflow_execution_expiration_time",
];
const NEAR_SECONDS: i64 = 86_400;

/// Maps whose keys are opaque.
const OPAQUE_KEYS: &[&str] = &["queries", "query_results"];

/// Durations that depend on when something happened.
const MEASURED: &[&str] = &["execution_duration"];

/// Measured as well, unless it is a whole number of seconds: that was asked for.
const MEASURED_OR_ASKED: &[&str] = &["first_workflow_task_backoff"];

/// What the protocol has since this version of the reference, and ours answers: RPC and field.
const NEWER: &[(&str, &str)] = &[
    ("SignalWithStartWorkflowExecution", "first_execution_run_id"),
    ("StartWorkflowExecution", "first_execution_run_id"),
];

/// Runs are numbered as they appear, so that it is seen which is which.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    pub(crate) namespace: String,
    pub(crate) now: i64,
    /// Workflow id (where it is known) and run id.
    pub(crate) runs: Vec<(Option<String>, String)>,
}

impl Plain {
    /// An answer of an RPC about a workflow.
    pub(crate) fn answer(&mut self, rpc: &str, mut answer: Value, of: Option<&str>) -> Value {
        for (_, field) in NEWER.iter().filter(|(newer, _)| *newer == rpc) {
            answer.take(field);
        }
        self.plain(answer, of)
    }

    pub(crate) fn plain(&mut self, value: Value, workflow_id: Option<&str>) -> Value {
        self.note(&value, workflow_id);
        self.field("", value)
    }

    /// Finds the runs that are named in an answer about a workflow.
    fn note(&mut self, value: &Value, workflow_id: Option<&str>) {
        match value {
            Value::Record(fields) => {
                let own = value.get("workflow_id").and_then(Value::as_text);
                for (name, field) in fields {
                    match field {
                        Value::Text(id) if is_run(name, id) => {
                            let of = if name == "run_id" { own } else { None };
                            self.run(id, of.or(workflow_id));
                        }
                        _ => self.note(field, own.or(workflow_id)),
                    }
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.note(item, workflow_id)),
            _ => {}
        }
    }

    fn run(&mut self, id: &str, workflow_id: Option<&str>) {
        match self.runs.iter_mut().find(|(_, run)| run == id) {
            Some((of, _)) if of.is_none() => *of = workflow_id.map(str::to_owned),
            Some(_) => {}
            None => {
                let of = workflow_id.map(str::to_owned);
                self.runs.push((of, id.to_owned()));
            }
        }
    }

    fn field(&self, field: &str, value: Value) -> Value {
        match value {
            Value::Text(text) if OPAQUE.contains(&field) && !text.is_empty() => {
                Value::text("<opaque>")
            }
            Value::Text(_) if MEASURED.contains(&field) => Value::text("<duration>"),
            Value::Text(text) if MEASURED_OR_ASKED.contains(&field) && text.ends_with("ms") => {
                Value::text("<duration>")
            }
            Value::Text(text) => Value::Text(self.text(&text)),
            Value::Time { seconds, .. }
                if TIMES.contains(&field) || (seconds - self.now).abs() < NEAR_SECONDS =>
            {
                Value::text("<time>")
            }
            Value::Time { seconds, nanos } => Value::Text(text_of_time(seconds, nanos)),
            Value::List(items) => Value::List(
                items
                    .into_iter()
                    .map(|item| self.field(field, item))
                    .collect(),
            ),
            Value::Record(fields) => Value::Record(
                fields
                    .into_iter()
                    .filter(|(name, value)| {
                        !LEFT_OUT.contains(&name.as_str()) && !is_no_time(value)
                    })
                    .map(|(name, value)| {
                        let value = self.field(&name, value);
                        match OPAQUE_KEYS.contains(&field) {
                            true => ("<opaque>".to_owned(), value),
                            false => (self.text(&name), value),
                        }
                    })
                    // What held nothing but a left-out field was empty before it was set.
                    .filter(|(name, value)| {
                        name != "indexed_fields" || *value != Value::Record(Vec::new())
                    })
                    .collect(),
            ),
            other => other,
        }
    }

    /// The text with runs as their numbers, other random ids as such, and no more than can be read.
    pub(crate) fn text(&self, text: &str) -> String {
        let text = text.replace(&self.namespace, "<namespace>");
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(at) = uuid_in(rest) {
            out.push_str(&rest[..at]);
            let id = &rest[at..at + UUID];
            match self.runs.iter().position(|(_, run)| run == id) {
                Some(number) => out.push_str(&format!("run{}", number + 1)),
                None => out.push_str("<uuid>"),
            }
            rest = &rest[at + UUID..];
        }
        out.push_str(rest);
        if out.len() > 500 {
            return format!("<{} bytes>", out.len());
        }
        out
    }
}

/// The reference's language has a zero time where others have none.
fn is_no_time(value: &Value) -> bool {
    matches!(value, Value::Time { seconds, .. } if *seconds == -62_135_596_800)
}

fn is_run(name: &str, id: &str) -> bool {
    name.ends_with("run_id") && id.len() == UUID && uuid_in(id) == Some(0)
}

const UUID: usize = 36;

fn uuid_in(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes.windows(UUID).position(|window| {
        window.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

/// `2030-01-31T10:00:00Z`.
fn text_of_time(seconds: i64, nanos: i32) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let date = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match nanos {
        0 => format!("{date}Z"),
        _ => format!("{date}.{nanos:09}Z"),
    }
}

/// Seconds since 1970 of `2030-01-31T10:00:00Z`.
pub(crate) fn time_of(text: &str) -> Option<i64> {
    let number = |at: std::ops::Range<usize>| text.get(at)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let days = (-200_000..200_000).find(|days| date_of(*days) == (year, month, day))?;
    let clock = number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?;
    Some(days * 86_400 + clock)
}

/// The civil date of a day since 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
