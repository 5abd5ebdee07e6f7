//! A message for the workflow.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::{Header, Link, Payloads, WorkflowExecution};
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionSignaledEventAttributes,
};

use crate::core::record::Fact;
use crate::core::{Outcome, Refusal, Run, Step};
use crate::limits;

#[derive(Clone, Debug, Default)]
pub(crate) struct Signal {
    pub(crate) name: String,
    pub(crate) input: Option<Payloads>,
    pub(crate) identity: String,
    pub(crate) header: Option<Header>,
    pub(crate) request_id: String,
    pub(crate) links: Vec<Link>,
    /// Ends the run's start delay, which a signal else leaves as it is.
    pub(crate) hurries: bool,
}

/// The run that sends, where a run does.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) execution: WorkflowExecution,
    /// Only its own child is meant.
    pub(crate) child_only: bool,
}

pub(crate) fn apply(run: &mut Run, cmd: Signal, now: Timestamp) -> Result<Outcome, Refusal> {
    send(run, cmd, None, now)
}

/// As [`apply`], from another run.
pub(crate) fn send(
    run: &mut Run,
    cmd: Signal,
    sender: Option<Sender>,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let mut step = Step::new(run, now);
    if step.run.seen_requests.contains(&cmd.request_id) {
        return Ok(step.finish());
    }
    if !step.run.is_open() {
        return Err(Refusal::Closed);
    }
    if step.run.is_closing() {
        return Err(Refusal::Closing);
    }
    if step.run.signals >= limits::SIGNALS {
        return Err(Refusal::Limit(
            "exceeded workflow execution limit for signal events",
        ));
    }
    if let Some(sender) = &sender {
        sender.check(step.run)?;
    }
    let hurries = cmd.hurries;
    append(&mut step, cmd, sender);
    match hurries {
        true => step.begin_now(),
        false => step.ensure_task(),
    }
    Ok(step.finish())
}

impl Sender {
    pub(super) fn check(&self, run: &Run) -> Result<(), Refusal> {
        if self.child_only && !run.family.is_child_of(&self.execution) {
            return Err(Refusal::NotTheParent);
        }
        Ok(())
    }
}

pub(crate) fn add(step: &mut Step<'_>, cmd: Signal) {
    append(step, cmd, None);
}

fn append(step: &mut Step<'_>, cmd: Signal, sender: Option<Sender>) {
    if !cmd.request_id.is_empty() {
        step.note(Fact::Seen(cmd.request_id));
    }
    let attributes = WorkflowExecutionSignaledEventAttributes {
        signal_name: cmd.name,
        input: cmd.input,
        identity: cmd.identity,
        header: cmd.header,
        external_workflow_execution: sender.map(|sender| sender.execution),
        ..WorkflowExecutionSignaledEventAttributes::default()
    };
    step.incoming_event(HistoryEvent {
        attributes: Some(attributes.into()),
        links: cmd.links,
        ..HistoryEvent::default()
    });
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn waits_while_a_workflow_task_runs_and_comes_after_it() {
        check(
            "start; poll; signal a; signal b; complete",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionSignaled a
                6 WorkflowExecutionSignaled b
                7 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn the_same_request_signals_once() {
        check(
            "start; signal a request=r1; signal a request=r1; signal a request=r2",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowExecutionSignaled a
                4 WorkflowExecutionSignaled a
            "#]],
        );
    }

    #[test]
    fn a_closed_run_takes_no_signal() {
        check(
            "start; terminate; signal a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowExecutionTerminated
                refused: workflow execution already completed
            "#]],
        );
    }
}
