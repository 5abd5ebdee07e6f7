//! Asks an activity to stop. One that no worker has is cancelled on the spot; a running one hears
//! of it in the answer to its next heartbeat.

use temporalio_protos::temporal::api::command::v1::RequestCancelActivityTaskCommandAttributes;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::{
    ActivityTaskCancelRequestedEventAttributes, ActivityTaskCanceledEventAttributes,
};

use super::{Bad, Decided, Outlook, bad};
use crate::core::Step;

pub(super) fn validate(
    outlook: &Outlook<'_>,
    a: &RequestCancelActivityTaskCommandAttributes,
) -> Result<(), Bad> {
    // An id from the past is fine: the activity may have finished while the worker decided.
    if a.scheduled_event_id <= 0 || a.scheduled_event_id > outlook.run.next_event_id + 1_000_000 {
        return Err(bad(
            Cause::BadRequestCancelActivityAttributes,
            "ScheduledEventId is not set on RequestCancelActivityTaskCommand.",
        ));
    }
    Ok(())
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
            latest_cancel_requested_event_id: asked,
            scheduled_event_id,
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
