//! The end of a run by force: its worker is not asked.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::{Link, Payloads};
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionTerminatedEventAttributes,
};

use crate::core::{Outcome, Refusal, Run, Step};

#[derive(Clone, Debug, Default)]
pub(crate) struct Terminate {
    pub(crate) reason: String,
    pub(crate) details: Option<Payloads>,
    pub(crate) identity: String,
    pub(crate) links: Vec<Link>,
}

pub(crate) fn apply(run: &mut Run, cmd: Terminate, now: Timestamp) -> Result<Outcome, Refusal> {
    if !run.is_open() {
        return Err(Refusal::Closed);
    }
    let mut step = Step::new(run, now);
    add(&mut step, cmd);
    Ok(step.finish())
}

pub(crate) fn add(step: &mut Step<'_>, cmd: Terminate) {
    interrupt(step);
    let attributes = WorkflowExecutionTerminatedEventAttributes {
        reason: cmd.reason,
        details: cmd.details,
        identity: cmd.identity,
    };
    step.emit_event(HistoryEvent {
        attributes: Some(attributes.into()),
        links: cmd.links,
        ..HistoryEvent::default()
    });
}

/// Ends a running workflow task before the run is closed over its head. What was accepted
/// meanwhile still gets its place in history.
pub(crate) fn interrupt(step: &mut Step<'_>) {
    if step.run.has_speculative_task() && !step.run.task_is_started() {
        step.discard_task();
    }
    if step.run.task_is_started() {
        step.fail_task(
            WorkflowTaskFailedCause::ForceCloseCommand,
            None,
            "history-service".to_owned(),
        );
    }
    step.flush_buffered();
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn a_running_task_is_failed_first_and_accepted_signals_are_kept() {
        check(
            "start; poll; signal a; terminate; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed ForceCloseCommand
                5 WorkflowExecutionSignaled a
                6 WorkflowExecutionTerminated
                refused: Workflow task not found.
            "#]],
        );
    }
}
