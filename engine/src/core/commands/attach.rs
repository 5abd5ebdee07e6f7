//! A start that found the workflow running leaves its mark there: its request id, so that a
//! repetition is known, and its links.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::Link;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionOptionsUpdatedEventAttributes,
};

use crate::core::{Outcome, Refusal, Run, Step};

#[derive(Clone, Debug, Default)]
pub(crate) struct Attach {
    pub(crate) request_id: String,
    pub(crate) links: Vec<Link>,
}

pub(crate) fn apply(run: &mut Run, cmd: Attach, now: Timestamp) -> Result<Outcome, Refusal> {
    if !run.is_open() {
        return Err(Refusal::Closed);
    }
    let mut step = Step::new(run, now);
    let attributes = WorkflowExecutionOptionsUpdatedEventAttributes {
        attached_request_id: cmd.request_id,
        ..WorkflowExecutionOptionsUpdatedEventAttributes::default()
    };
    // Nothing for the workflow to decide: no task.
    step.incoming_event(HistoryEvent {
        attributes: Some(attributes.into()),
        links: cmd.links,
        worker_may_ignore: true,
        ..HistoryEvent::default()
    });
    Ok(step.finish())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn waits_for_the_running_task_and_makes_none() {
        check(
            "start; attach a; poll; attach b; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowExecutionOptionsUpdated a
                4 WorkflowTaskStarted
                5 WorkflowTaskCompleted
                6 WorkflowExecutionOptionsUpdated b
                7 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
