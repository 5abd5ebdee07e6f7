//! A poller takes the workflow task. Volatile: if the engine dies, the task is handed out again.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::WorkerVersionStamp;
use temporalio_protos::temporal::api::enums::v1::{EventType, SuggestContinueAsNewReason};
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowTaskStartedEventAttributes,
};
use temporalio_protos::temporal::api::protocol::v1::Message;

use crate::core::task::{StartedTask, TaskFence};
use crate::core::time::to_proto;
use crate::core::{Refusal, Run};
use crate::limits;

#[derive(Debug)]
pub(crate) struct StartTask {
    pub(crate) identity: String,
    pub(crate) request_id: String,
    pub(crate) worker_version: Option<WorkerVersionStamp>,
    /// The worker has the run cached: what follows goes to it, too.
    pub(crate) keeps_sticky: bool,
    /// The worker holds what the task before brought it, and only wants what is new.
    pub(crate) heartbeat: bool,
}

#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) fence: TaskFence,
    pub(crate) scheduled_at: Timestamp,
    /// Events after the stored history that exist only in this answer so far.
    pub(crate) suffix: Vec<HistoryEvent>,
    /// Updates to decide on.
    pub(crate) messages: Vec<Message>,
}

#[allow(deprecated)] // The stamp is how today's workers name their build.
pub(crate) fn apply(run: &mut Run, cmd: StartTask, now: Timestamp) -> Result<Handed, Refusal> {
    let (next, bytes) = (run.next_event_id, run.history_bytes);
    let reasons = reasons_to_continue_as_new(run);
    let Some(task) = run.task.as_mut().filter(|task| task.started.is_none()) else {
        return Err(Refusal::NotWaiting);
    };
    if task.scheduled_id.is_none() && task.base != next {
        // Something new came since the failure: a fresh chance, and events of its own.
        task.attempt = 1;
    }
    let task = task.clone();
    if !cmd.keeps_sticky {
        run.forget_sticky();
    }
    let mut suffix = Vec::with_capacity(2);
    let scheduled_id = task.scheduled_id.unwrap_or_else(|| {
        suffix.push(run.late_scheduled(&task));
        next
    });
    let started_id = next + i64::try_from(suffix.len()).unwrap_or(0);
    let mut started = event(started_id, EventType::WorkflowTaskStarted, now);
    started.attributes = Some(
        WorkflowTaskStartedEventAttributes {
            scheduled_event_id: scheduled_id,
            identity: cmd.identity,
            request_id: cmd.request_id,
            suggest_continue_as_new: !reasons.is_empty(),
            suggest_continue_as_new_reasons: reasons,
            worker_version: cmd.worker_version,
            history_size_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            ..WorkflowTaskStartedEventAttributes::default()
        }
        .into(),
    );
    suffix.push(started);
    let attempt = task.attempt;
    let deadline = now.after(run.task_timeout(attempt));
    if let Some(task) = run.task.as_mut() {
        task.sticky_until = None;
        task.started = Some(StartedTask {
            at: now,
            deadline,
            scheduled_id,
            started_id,
            suffix: suffix.clone(),
        });
    }
    Ok(Handed {
        fence: TaskFence {
            scheduled_id,
            started_id,
            attempt,
            started_at: now,
        },
        scheduled_at: task.scheduled_at,
        suffix,
        messages: run.send_updates(started_id, !cmd.heartbeat),
    })
}

fn event(id: i64, kind: EventType, at: Timestamp) -> HistoryEvent {
    HistoryEvent {
        event_id: id,
        task_id: id,
        event_time: Some(to_proto(at)),
        event_type: kind as i32,
        ..HistoryEvent::default()
    }
}

fn reasons_to_continue_as_new(run: &Run) -> Vec<i32> {
    let mut reasons = Vec::new();
    if run.history_bytes >= limits::SUGGEST_CONTINUE_BYTES {
        reasons.push(SuggestContinueAsNewReason::HistorySizeTooLarge as i32);
    }
    if run.history_length() >= limits::SUGGEST_CONTINUE_EVENTS {
        reasons.push(SuggestContinueAsNewReason::TooManyHistoryEvents as i32);
    }
    if run.updates.total() >= limits::SUGGEST_CONTINUE_UPDATES {
        reasons.push(SuggestContinueAsNewReason::TooManyUpdates as i32);
    }
    reasons
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn only_one_poller_gets_the_task() {
        check(
            "start; poll; poll",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                refused: task is not waiting to be started
            "#]],
        );
    }

    #[test]
    fn a_signal_between_two_failing_attempts_makes_a_normal_first_attempt() {
        check(
            "start; poll; fail; poll; fail; signal a; poll; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed WorkflowWorkerUnhandledFailure
                → offer workflow task
                → offer workflow task
                5 WorkflowExecutionSignaled a
                6 WorkflowTaskScheduled
                7 WorkflowTaskStarted
                8 WorkflowTaskCompleted
            "#]],
        );
    }
}
