//! Starts a durable timer.

use temporalio_protos::temporal::api::command::v1::StartTimerCommandAttributes;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::TimerStartedEventAttributes;
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;

use super::{Bad, Decided, Outlook, bad, too_long, unfit};
use crate::core::Step;
use crate::core::time::{or_zero, positive};
use crate::limits;

pub(super) fn validate<'r>(
    outlook: &mut Outlook<'r>,
    a: &'r StartTimerCommandAttributes,
) -> Result<(), Bad> {
    if a.timer_id.is_empty() {
        return Err(bad(
            Cause::BadStartTimerAttributes,
            "TimerId is not set on StartTimerCommand.",
        ));
    }
    if a.timer_id.len() > limits::ID_BYTES {
        return Err(bad(
            Cause::BadStartTimerAttributes,
            too_long("TimerId on StartTimerCommand", "TimerId", &a.timer_id),
        ));
    }
    let id = a.timer_id.as_str();
    let running = outlook.run.timers.contains_key(id) && !outlook.ended_timers.contains(id);
    if running || !outlook.new_timers.insert(id) {
        return Err(bad(
            Cause::StartTimerDuplicateId,
            unfit("add-timer-started-event", "TimerID", id),
        ));
    }
    if outlook.run.timers.len() + outlook.new_timers.len() > limits::PENDING_TIMERS {
        return Err(bad(
            Cause::BadStartTimerAttributes,
            format!(
                "the number of pending timers has reached the per-workflow limit of {}",
                limits::PENDING_TIMERS
            ),
        ));
    }
    Ok(())
}

pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &Decided,
    a: StartTimerCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let event = TimerStartedEventAttributes {
        timer_id: a.timer_id,
        start_to_fire_timeout: or_zero(positive(a.start_to_fire_timeout.as_ref())),
        workflow_task_completed_event_id: decided.task_completed_id,
    };
    step.emit_with(event, metadata);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn survives_a_restart_and_fires_thirty_days_later() {
        check(
            "start; poll; complete timer=t@2592000; restart; wait 2592000",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 TimerStarted t
                6 TimerFired t
                7 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
