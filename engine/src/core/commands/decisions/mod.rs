//! What a worker's decision may contain: one kind of command a file.
//!
//! All commands of a task are validated before the first one is applied, so that a bad one fails
//! the task without a trace of the good ones. An unsupported command fails the task and says so.

mod cancel_activity;
mod cancel_external;
mod cancel_timer;
mod close;
mod continue_as_new;
mod mail;
mod marker;
mod message;
mod namespaces;
mod schedule_activity;
pub(crate) mod sequence;
mod signal_external;
mod start_child;
mod start_timer;
mod upsert;

use std::collections::BTreeSet;
use std::fmt;

use prost::Message;
use temporalio_protos::temporal::api::command::v1::{Command, command::Attributes};
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::enums::v1::{CommandType, WorkflowTaskFailedCause as Cause};

use super::start_activity::Starter;
use crate::core::family::Pending;
use crate::core::{NextRun, Run, Step};
use crate::limits;
pub(crate) use mail::Mail;
pub(crate) use namespaces::{Namespaces, Place};

/// Why a decision as a whole was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) cause: Cause,
    pub(crate) why: String,
    /// What was decided is too large to keep, and would be the next time: the run ends here.
    pub(crate) ends_run: bool,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause: String = self.cause.as_str_name().to_owned();
        let short = cause.trim_start_matches("WORKFLOW_TASK_FAILED_CAUSE_");
        for word in short.split('_') {
            let (first, rest) = word.split_at(1.min(word.len()));
            write!(f, "{first}{}", rest.to_ascii_lowercase())?;
        }
        if self.why.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.why)
    }
}

fn bad(cause: Cause, why: impl Into<String>) -> Bad {
    Bad {
        cause,
        why: why.into(),
        ends_run: false,
    }
}

fn oversized(cause: Cause, why: impl Into<String>) -> Bad {
    Bad {
        ends_run: true,
        ..bad(cause, why)
    }
}

/// What applying the commands of one task has come to so far.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) task_completed_id: i64,
    pub(crate) eager: Starter,
    pub(crate) eager_activities: Vec<i64>,
    /// Something happened by deciding it (an activity that never ran was cancelled): the workflow
    /// must hear of it.
    pub(crate) needs_task: bool,
    /// The run that follows, should there be one.
    pub(crate) next: NextRun,
    /// What the worker says about updates.
    pub(crate) mail: Mail,
    pub(crate) namespaces: Namespaces,
}

impl Decided {
    pub(crate) fn new(task_completed_id: i64, eager: Starter, next: NextRun) -> Self {
        Self {
            task_completed_id,
            eager,
            eager_activities: Vec::new(),
            needs_task: false,
            next,
            mail: Mail::default(),
            namespaces: Namespaces::default(),
        }
    }
}

/// The run as it would be after the commands looked at so far, as far as validation cares.
#[derive(Debug)]
struct Outlook<'r> {
    run: &'r Run,
    new_activities: BTreeSet<&'r str>,
    new_timers: BTreeSet<&'r str>,
    ended_timers: BTreeSet<&'r str>,
    cancelled_activities: BTreeSet<i64>,
    new_children: BTreeSet<&'r str>,
    started_children: usize,
    pending: Pending,
    closed: bool,
    mail: Mail,
    prospects: message::Prospects,
    upserts: upsert::Prospects<'r>,
}

pub(crate) fn validate(run: &Run, commands: &[Command], mail: &Mail) -> Result<(), Bad> {
    let mut outlook = Outlook {
        run,
        new_activities: BTreeSet::new(),
        new_timers: BTreeSet::new(),
        ended_timers: BTreeSet::new(),
        cancelled_activities: BTreeSet::new(),
        new_children: BTreeSet::new(),
        started_children: 0,
        pending: run.family.pending(),
        closed: false,
        mail: mail.clone(),
        prospects: message::Prospects::default(),
        upserts: upsert::Prospects::default(),
    };
    for command in commands {
        let Some(attributes) = &command.attributes else {
            return Err(without_attributes(command.command_type()));
        };
        look(&mut outlook, attributes, command)?;
    }
    for message in outlook.mail.rest() {
        message::validate(&mut outlook, &message)?;
    }
    Ok(())
}

fn look<'r>(
    outlook: &mut Outlook<'r>,
    attributes: &'r Attributes,
    command: &Command,
) -> Result<(), Bad> {
    match attributes {
        Attributes::ScheduleActivityTaskCommandAttributes(a) => {
            schedule_activity::validate(outlook, a)
        }
        Attributes::RequestCancelActivityTaskCommandAttributes(a) => {
            cancel_activity::validate(outlook, a)
        }
        Attributes::StartTimerCommandAttributes(a) => start_timer::validate(outlook, a),
        Attributes::StartChildWorkflowExecutionCommandAttributes(a) => {
            start_child::validate(outlook, a)
        }
        Attributes::SignalExternalWorkflowExecutionCommandAttributes(a) => {
            signal_external::validate(outlook, a)
        }
        Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a) => {
            cancel_external::validate(outlook, a)
        }
        Attributes::CancelTimerCommandAttributes(a) => cancel_timer::validate(outlook, a),
        Attributes::RecordMarkerCommandAttributes(a) => marker::validate(a),
        Attributes::ProtocolMessageCommandAttributes(a) => {
            message::validate_command(outlook, &a.message_id)
        }
        Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a) => {
            upsert::validate_search_attributes(outlook, a)
        }
        Attributes::ModifyWorkflowPropertiesCommandAttributes(a) => {
            upsert::validate_memo(outlook, a)
        }
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a) => {
            continue_as_new::validate(outlook, a)
        }
        Attributes::CompleteWorkflowExecutionCommandAttributes(_)
        | Attributes::FailWorkflowExecutionCommandAttributes(_)
        | Attributes::CancelWorkflowExecutionCommandAttributes(_) => {
            close::validate(outlook, attributes)
        }
        _ => {
            let kind = CommandType::try_from(command.command_type).unwrap_or_default();
            Err(bad(
                Cause::FeatureDisabled,
                format!("{} is not built yet in this engine", kind.as_str_name()),
            ))
        }
    }
}

/// Applies a validated command. Commands after the one that closed the run are dropped.
pub(crate) fn apply(step: &mut Step<'_>, decided: &mut Decided, command: Command) {
    if !step.run.is_open() {
        return;
    }
    let metadata = command.user_metadata;
    step.group_events(command.event_group_markers);
    match command.attributes {
        Some(Attributes::ScheduleActivityTaskCommandAttributes(a)) => {
            schedule_activity::apply(step, decided, a, metadata);
        }
        Some(Attributes::RequestCancelActivityTaskCommandAttributes(a)) => {
            cancel_activity::apply(step, decided, a);
        }
        Some(Attributes::StartTimerCommandAttributes(a)) => {
            start_timer::apply(step, decided, a, metadata);
        }
        Some(Attributes::CancelTimerCommandAttributes(a)) => cancel_timer::apply(step, decided, a),
        Some(Attributes::ProtocolMessageCommandAttributes(a)) => {
            mail::apply_command(step, &mut decided.mail, &a.message_id);
        }
        Some(Attributes::StartChildWorkflowExecutionCommandAttributes(a)) => {
            start_child::apply(step, decided, a, metadata);
        }
        Some(Attributes::SignalExternalWorkflowExecutionCommandAttributes(a)) => {
            signal_external::apply(step, decided, a, metadata);
        }
        Some(Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(a)) => {
            cancel_external::apply(step, decided, a, metadata);
        }
        Some(Attributes::RecordMarkerCommandAttributes(a)) => {
            marker::apply(step, decided, a, metadata);
        }
        Some(Attributes::UpsertWorkflowSearchAttributesCommandAttributes(a)) => {
            upsert::apply_search_attributes(step, decided, a);
        }
        Some(Attributes::ModifyWorkflowPropertiesCommandAttributes(a)) => {
            upsert::apply_memo(step, decided, a);
        }
        Some(Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(a)) => {
            continue_as_new::apply(step, decided, a, metadata);
        }
        Some(attributes) => close::apply(step, decided, attributes, metadata),
        None => {}
    }
    step.group_events(Vec::new());
}

/// What no command gave a place among the others.
pub(crate) fn apply_rest(step: &mut Step<'_>, decided: &mut Decided) {
    for message in decided.mail.rest() {
        mail::apply(step, message);
    }
}

/// A command that says what it is and nothing more.
fn without_attributes(kind: CommandType) -> Bad {
    let (cause, attributes, command) = match kind {
        CommandType::ScheduleActivityTask => (
            Cause::BadScheduleActivityAttributes,
            "ScheduleActivityTaskCommandAttributes",
            "ScheduleActivityTaskCommand",
        ),
        CommandType::StartTimer => (
            Cause::BadStartTimerAttributes,
            "StartTimerCommandAttributes",
            "StartTimerCommand",
        ),
        CommandType::CancelTimer => (
            Cause::BadCancelTimerAttributes,
            "CancelTimerCommandAttributes",
            "CancelTimerCommand",
        ),
        CommandType::RequestCancelActivityTask => (
            Cause::BadRequestCancelActivityAttributes,
            "RequestCancelActivityTaskCommandAttributes",
            "RequestCancelActivityTaskCommand",
        ),
        CommandType::RecordMarker => (
            Cause::BadRecordMarkerAttributes,
            "RecordMarkerCommandAttributes",
            "RecordMarkerCommand",
        ),
        CommandType::CompleteWorkflowExecution => (
            Cause::BadCompleteWorkflowExecutionAttributes,
            "CompleteWorkflowExecutionCommandAttributes",
            "CompleteWorkflowExecutionCommand",
        ),
        CommandType::FailWorkflowExecution => (
            Cause::BadFailWorkflowExecutionAttributes,
            "FailWorkflowExecutionCommandAttributes",
            "FailWorkflowExecutionCommand",
        ),
        CommandType::CancelWorkflowExecution => (
            Cause::BadCancelWorkflowExecutionAttributes,
            "CancelWorkflowExecutionCommandAttributes",
            "CancelWorkflowExecutionCommand",
        ),
        CommandType::StartChildWorkflowExecution => (
            Cause::BadStartChildExecutionAttributes,
            "StartChildWorkflowExecutionCommandAttributes",
            "StartChildWorkflowExecutionCommand",
        ),
        CommandType::SignalExternalWorkflowExecution => (
            Cause::BadSignalWorkflowExecutionAttributes,
            "SignalExternalWorkflowExecutionCommandAttributes",
            "SignalExternalWorkflowExecutionCommand",
        ),
        CommandType::RequestCancelExternalWorkflowExecution => (
            Cause::BadRequestCancelExternalWorkflowExecutionAttributes,
            "RequestCancelExternalWorkflowExecutionCommandAttributes",
            "RequestCancelExternalWorkflowExecutionCommand",
        ),
        _ => return bad(Cause::UnhandledCommand, "command without attributes"),
    };
    bad(cause, format!("{attributes} is not set on {command}."))
}

/// A command that does not fit what the run knows, in the reference's words.
fn unfit(action: &str, what: &str, id: impl fmt::Display) -> String {
    format!("invalid history builder state for action: {action}, {what}: {id}")
}

fn too_long(what: &str, name: &str, id: &str) -> String {
    format!(
        "{what} exceeds length limit. {name}={id} Length={} Limit={}",
        id.len(),
        limits::ID_BYTES
    )
}

/// As workers and clients write run ids.
fn is_uuid(text: &str) -> bool {
    let digits: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = digits.iter().map(|part| part.len()).collect();
    let hex = digits
        .iter()
        .all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex && lengths == [8, 4, 4, 4, 12]
}

fn too_large(payloads: Option<&Payloads>) -> bool {
    payloads.is_some_and(|payloads| payloads.encoded_len() > limits::BLOB_BYTES)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn an_unsupported_command_fails_the_task_and_says_so() {
        check(
            "start; poll; complete timer=t@5 nexus",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed FeatureDisabled
                → offer workflow task
                rejected: FeatureDisabled: COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION is not built yet in this engine
            "#]],
        );
    }
}
