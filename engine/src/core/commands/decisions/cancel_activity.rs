//! Asks an activity to stop. One that no worker has is cancelled on the spot; a running one hears
//! of it in the answer to its next heartbeat.

use temporalio_protos::temporal::api::command::v1::RequestCancelActivityTaskCommandAttributes;
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::{
    ActivityTaskCancelRequestedEventAttributes, ActivityTaskCanceledEventAttributes, HistoryEvent,
    history_event::Attributes,
};

use super::{Bad, Decided, Outlook, bad, unfit};
use crate::core::Step;

pub(super) fn validate(
    outlook: &mut Outlook<'_>,
    a: &RequestCancelActivityTaskCommandAttributes,
) -> Result<(), Bad> {
    let id = a.scheduled_event_id;
    let wrong = |why: String| Err(bad(Cause::BadRequestCancelActivityAttributes, why));
    if id <= 0 {
        return wrong(
            "ScheduledEventId is not set on RequestCancelActivityTaskCommand.".to_owned(),
        );
    }
    let known = match outlook.run.activities.get(&id) {
        Some(activity) => activity.cancel_requested_id.is_none(),
        // It may have finished while the worker decided, or be scheduled by the same decision.
        None => {
            outlook.run.buffered.iter().any(|event| finishes(event, id))
                || (id >= outlook.run.next_event_id && !outlook.new_activities.is_empty())
        }
    };
    if !known || !outlook.cancelled_activities.insert(id) {
        return wrong(unfit(
            "add-activitytask-cancel-requested-event",
            "ScheduledEventID",
            id,
        ));
    }
    Ok(())
}

fn never_started() -> Payloads {
    let said = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: br#""ACTIVITY_ID_NOT_STARTED""#.to_vec(),
        ..Payload::default()
    };
    Payloads {
        payloads: vec![said],
    }
}

fn finishes(event: &HistoryEvent, scheduled_id: i64) -> bool {
    let of = match &event.attributes {
        Some(Attributes::ActivityTaskCompletedEventAttributes(a)) => a.scheduled_event_id,
        Some(Attributes::ActivityTaskFailedEventAttributes(a)) => a.scheduled_event_id,
        Some(Attributes::ActivityTaskTimedOutEventAttributes(a)) => a.scheduled_event_id,
        Some(Attributes::ActivityTaskCanceledEventAttributes(a)) => a.scheduled_event_id,
        _ => return false,
    };
    of == scheduled_id
}

pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &mut Decided,
    a: RequestCancelActivityTaskCommandAttributes,
) {
    let scheduled_event_id = a.scheduled_event_id;
    let asked = step.emit(ActivityTaskCancelRequestedEventAttributes {
        scheduled_event_id,
        workflow_task_completed_event_id: decided.task_completed_id,
    });
    let idle = step
        .run
        .activities
        .get(&scheduled_event_id)
        .is_some_and(|activity| activity.started().is_none());
    if idle {
        step.emit(ActivityTaskCanceledEventAttributes {
            details: Some(never_started()),
            latest_cancel_requested_event_id: asked,
            scheduled_event_id,
            identity: decided.eager.identity.clone(),
            ..ActivityTaskCanceledEventAttributes::default()
        });
        decided.needs_task = true;
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn an_activity_nobody_took_is_cancelled_at_once() {
        check(
            "start; poll; complete activity=a; signal s; poll; complete cancel_activity=a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                6 WorkflowExecutionSignaled s
                7 WorkflowTaskScheduled
                → offer workflow task
                8 WorkflowTaskStarted
                9 WorkflowTaskCompleted
                10 ActivityTaskCancelRequested 5
                11 ActivityTaskCanceled of 5 started 0
                12 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn a_running_activity_hears_of_it_and_may_end_cancelled() {
        check(
            "start; poll; complete activity=a; start_activity a; signal s; poll; \
             complete cancel_activity=a; beat a; cancel_activity a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 ActivityTaskScheduled a
                → offer activity 5 attempt 1
                6 WorkflowExecutionSignaled s
                7 WorkflowTaskScheduled
                → offer workflow task
                8 WorkflowTaskStarted
                9 WorkflowTaskCompleted
                10 ActivityTaskCancelRequested 5
                heartbeat: cancel requested
                11 ActivityTaskStarted of 5 attempt 1
                12 ActivityTaskCanceled of 5 started 11
                13 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
