//! Asks for an activity. Gaps in timeouts and retry policy are filled here, once, and written
//! into the event.

use std::time::Duration;

use temporalio_protos::temporal::api::command::v1::ScheduleActivityTaskCommandAttributes;
use temporalio_protos::temporal::api::enums::v1::{
    TaskQueueKind, WorkflowTaskFailedCause as Cause,
};
use temporalio_protos::temporal::api::history::v1::ActivityTaskScheduledEventAttributes;
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;

use super::{Bad, Decided, Outlook, bad, oversized, too_large, unfit};
use crate::core::commands::start_activity;
use crate::core::priority;
use crate::core::retry;
use crate::core::time::{is_negative, or_zero, positive};
use crate::core::{Action, Step};
use crate::limits;

pub(super) fn validate<'r>(
    outlook: &mut Outlook<'r>,
    a: &'r ScheduleActivityTaskCommandAttributes,
) -> Result<(), Bad> {
    let kind = a.activity_type.as_ref().map_or("", |t| t.name.as_str());
    let plainly = |why: String| Err(bad(Cause::BadScheduleActivityAttributes, why));
    let wrong = |why: &str| {
        plainly(format!(
            "{why} ActivityId={} ActivityType={kind}",
            a.activity_id
        ))
    };
    if a.activity_id.is_empty() {
        return plainly(format!(
            "ActivityId is not set on ScheduleActivityTaskCommand. ActivityType={kind}"
        ));
    }
    if kind.is_empty() {
        return plainly(format!(
            "ActivityType is not set on ScheduleActivityTaskCommand. ActivityID={}",
            a.activity_id
        ));
    }
    if let Some(why) = a.retry_policy.as_ref().and_then(retry::complaint) {
        return wrong(&format!(
            "invalid ActivityRetryPolicy on SechduleActivityTaskCommand: {why}."
        ));
    }
    for (what, id) in [
        ("ActivityId", a.activity_id.as_str()),
        ("ActivityType", kind),
    ] {
        if id.len() > limits::ID_BYTES {
            return plainly(format!(
                "{what} on ScheduleActivityTaskCommand exceeds length limit. ActivityId={} \
                 ActivityType={kind} Length={} Limit={}",
                a.activity_id,
                id.len(),
                limits::ID_BYTES
            ));
        }
    }
    for (what, wait) in [
        ("ScheduleToClose", &a.schedule_to_close_timeout),
        ("ScheduleToStart", &a.schedule_to_start_timeout),
        ("StartToClose", &a.start_to_close_timeout),
        ("Heartbeat", &a.heartbeat_timeout),
    ] {
        if wait.as_ref().is_some_and(is_negative) {
            return wrong(&format!(
                "Invalid {what}Timeout for ScheduleActivityTaskCommand: negative duration."
            ));
        }
    }
    if positive(a.schedule_to_close_timeout.as_ref()).is_none()
        && positive(a.start_to_close_timeout.as_ref()).is_none()
    {
        return wrong(
            "A valid StartToClose or ScheduleToCloseTimeout is not set on \
             ScheduleActivityTaskCommand.",
        );
    }
    if let Some(why) = a.priority.as_ref().and_then(priority::complaint) {
        return Err(bad(Cause::BadScheduleActivityAttributes, why));
    }
    if too_large(a.input.as_ref()) {
        return Err(oversized(
            Cause::BadScheduleActivityAttributes,
            "ScheduleActivityTaskCommandAttributes.Input exceeds size limit.",
        ));
    }
    let taken = outlook.run.activity_by_id(&a.activity_id).is_some()
        || !outlook.new_activities.insert(&a.activity_id);
    if taken {
        return Err(bad(
            Cause::ScheduleActivityDuplicateId,
            unfit(
                "add-activitytask-scheduled-event",
                "ActivityID",
                &a.activity_id,
            ),
        ));
    }
    if outlook.run.activities.len() + outlook.new_activities.len() > limits::PENDING_ACTIVITIES {
        return Err(bad(
            Cause::PendingActivitiesLimitExceeded,
            format!(
                "the number of pending activities has reached the per-workflow limit of {}",
                limits::PENDING_ACTIVITIES
            ),
        ));
    }
    Ok(())
}

pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &mut Decided,
    a: ScheduleActivityTaskCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let eager = a.request_eager_execution;
    let event = scheduled_event(step, decided, a);
    let scheduled_id = step.emit_with(event, metadata);
    if eager && decided.eager_activities.len() < limits::EAGER_ACTIVITIES {
        start_activity::begin(step, scheduled_id, decided.eager.clone());
        decided.eager_activities.push(scheduled_id);
    } else {
        step.act(Action::OfferActivity {
            scheduled_id,
            attempt: 1,
        });
    }
}

#[allow(deprecated)] // Passed on as given: it is the worker's own word to itself.
fn scheduled_event(
    step: &Step<'_>,
    decided: &Decided,
    a: ScheduleActivityTaskCommandAttributes,
) -> ActivityTaskScheduledEventAttributes {
    let queue = a.task_queue.map(|q| q.name).filter(|name| !name.is_empty());
    let timeouts = fill(
        Timeouts {
            schedule_to_close: positive(a.schedule_to_close_timeout.as_ref()),
            schedule_to_start: positive(a.schedule_to_start_timeout.as_ref()),
            start_to_close: positive(a.start_to_close_timeout.as_ref()),
            heartbeat: positive(a.heartbeat_timeout.as_ref()),
        },
        step.run.timeouts.run,
    );
    ActivityTaskScheduledEventAttributes {
        activity_id: a.activity_id,
        activity_type: a.activity_type,
        task_queue: Some(TaskQueue {
            name: queue.unwrap_or_else(|| step.run.task_queue.clone()),
            kind: TaskQueueKind::Normal as i32,
            normal_name: String::new(),
        }),
        header: a.header,
        input: a.input,
        schedule_to_close_timeout: or_zero(timeouts.schedule_to_close),
        schedule_to_start_timeout: or_zero(timeouts.schedule_to_start),
        start_to_close_timeout: or_zero(timeouts.start_to_close),
        heartbeat_timeout: or_zero(timeouts.heartbeat),
        workflow_task_completed_event_id: decided.task_completed_id,
        retry_policy: Some(retry::with_defaults(a.retry_policy)),
        use_workflow_build_id: a.use_workflow_build_id,
        priority: a.priority,
    }
}

struct Timeouts {
    schedule_to_close: Option<Duration>,
    schedule_to_start: Option<Duration>,
    start_to_close: Option<Duration>,
    heartbeat: Option<Duration>,
}

/// Nothing outlasts what contains it: a start the schedule, an attempt the whole, all the run.
fn fill(given: Timeouts, run: Option<Duration>) -> Timeouts {
    let within = |wait: Option<Duration>, bound: Option<Duration>| match (wait, bound) {
        (Some(wait), Some(bound)) => Some(wait.min(bound)),
        (wait, bound) => wait.or(bound),
    };
    let whole = within(given.schedule_to_close, run);
    let start_to_close = within(given.start_to_close, whole);
    Timeouts {
        schedule_to_close: whole,
        schedule_to_start: within(given.schedule_to_start, whole),
        start_to_close,
        heartbeat: given
            .heartbeat
            .map(|beat| start_to_close.map_or(beat, |attempt| beat.min(attempt))),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn an_id_in_use_fails_the_task() {
        check(
            "start; poll; complete activity=a activity=a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed ScheduleActivityDuplicateId
                → offer workflow task
                rejected: ScheduleActivityDuplicateId: invalid history builder state for action: add-activitytask-scheduled-event, ActivityID: a
            "#]],
        );
    }

    #[test]
    fn an_eager_activity_is_started_for_the_worker_that_asked() {
        check(
            "start; poll; complete activity=a eager; complete_activity a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                6 ActivityTaskStarted of 5 attempt 1
                7 ActivityTaskCompleted of 5 started 6
                8 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
