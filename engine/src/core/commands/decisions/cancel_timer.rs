//! Stops a timer. One that fired while the worker decided is taken back: the worker never saw it.

use temporalio_protos::temporal::api::command::v1::CancelTimerCommandAttributes;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, TimerCanceledEventAttributes, history_event::Attributes,
};

use super::{Bad, Decided, Outlook, bad, unfit};
use crate::core::{Run, Step};

pub(super) fn validate<'r>(
    outlook: &mut Outlook<'r>,
    a: &'r CancelTimerCommandAttributes,
) -> Result<(), Bad> {
    let id = a.timer_id.as_str();
    if id.is_empty() {
        return Err(bad(
            Cause::BadCancelTimerAttributes,
            "TimerId is not set on CancelTimerCommand.",
        ));
    }
    if outlook.new_timers.remove(id) {
        return Ok(());
    }
    let known = outlook.run.timers.contains_key(id) || fired_unseen(outlook.run, id).is_some();
    if !known || !outlook.ended_timers.insert(id) {
        return Err(bad(
            Cause::BadCancelTimerAttributes,
            unfit("add-timer-canceled-event", "TimerID", id),
        ));
    }
    Ok(())
}

pub(super) fn apply(step: &mut Step<'_>, decided: &Decided, a: CancelTimerCommandAttributes) {
    let running = step
        .run
        .timers
        .get(&a.timer_id)
        .map(|timer| timer.started_id);
    let started_event_id = running
        .or_else(|| fired_unseen(step.run, &a.timer_id))
        .unwrap_or(0);
    step.emit(TimerCanceledEventAttributes {
        timer_id: a.timer_id,
        started_event_id,
        workflow_task_completed_event_id: decided.task_completed_id,
        identity: decided.eager.identity.clone(),
    });
}

fn fired_unseen(run: &Run, timer_id: &str) -> Option<i64> {
    run.buffered
        .iter()
        .filter_map(fired)
        .find(|(id, _)| *id == timer_id)
        .map(|(_, started)| started)
}

fn fired(event: &HistoryEvent) -> Option<(&str, i64)> {
    match &event.attributes {
        Some(Attributes::TimerFiredEventAttributes(a)) => Some((&a.timer_id, a.started_event_id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn wins_against_a_firing_the_worker_has_not_seen() {
        check(
            "start; poll; complete timer=t@5; signal s; poll; wait 5; complete cancel_timer=t",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 TimerStarted t
                6 WorkflowExecutionSignaled s
                7 WorkflowTaskScheduled
                → offer workflow task
                8 WorkflowTaskStarted
                9 WorkflowTaskCompleted
                10 TimerCanceled t
            "#]],
        );
    }

    #[test]
    fn an_unknown_timer_fails_the_task() {
        check(
            "start; poll; complete cancel_timer=t",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed BadCancelTimerAttributes
                → offer workflow task
                rejected: BadCancelTimerAttributes: invalid history builder state for action: add-timer-canceled-event, TimerID: t
            "#]],
        );
    }
}
