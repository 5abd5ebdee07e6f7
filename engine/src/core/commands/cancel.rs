//! A request that the workflow cancels itself. What it does about it is the workflow's decision.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::Link;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionCancelRequestedEventAttributes,
};

use super::signal::Sender;
use crate::core::record::Fact;
use crate::core::{Outcome, Refusal, Run, Step};

#[derive(Clone, Debug, Default)]
pub(crate) struct RequestCancel {
    pub(crate) reason: String,
    pub(crate) identity: String,
    pub(crate) request_id: String,
    pub(crate) links: Vec<Link>,
}

pub(crate) fn apply(run: &mut Run, cmd: RequestCancel, now: Timestamp) -> Result<Outcome, Refusal> {
    ask(run, cmd, None, now)
}

/// As [`apply`], asked by another run with the event of that id.
pub(crate) fn ask(
    run: &mut Run,
    cmd: RequestCancel,
    asker: Option<(Sender, i64)>,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let is_open = run.is_open();
    if let Some((sender, _)) = asker.as_ref().filter(|_| is_open) {
        sender.check(run)?;
    }
    let mut step = Step::new(run, now);
    // One request is enough: a second changes nothing, whoever sent it, and neither does one for
    // what is over.
    if !is_open || step.run.cancel_requested {
        return Ok(step.finish());
    }
    if !cmd.request_id.is_empty() {
        step.note(Fact::Seen(cmd.request_id));
    }
    let (external_workflow_execution, external_initiated_event_id) = match asker {
        Some((sender, initiated_id)) => (Some(sender.execution), initiated_id),
        None => (None, 0),
    };
    let attributes = WorkflowExecutionCancelRequestedEventAttributes {
        cause: cmd.reason,
        identity: cmd.identity,
        external_workflow_execution,
        external_initiated_event_id,
    };
    step.incoming_event(HistoryEvent {
        attributes: Some(attributes.into()),
        links: cmd.links,
        ..HistoryEvent::default()
    });
    // Also a run whose start is delayed hears of it at once.
    step.begin_now();
    Ok(step.finish())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn is_asked_once_even_while_a_workflow_task_runs() {
        check(
            "start; poll; cancel; cancel; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionCancelRequested
                6 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
