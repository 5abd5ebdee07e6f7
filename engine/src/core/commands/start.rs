//! A new run: its first event, an optional first signal, and its first workflow task.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::Link;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionStartedEventAttributes,
};
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;

use super::signal::{self, Signal};
use crate::core::record::Fact;
use crate::core::{Outcome, Run, Step};

#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    pub(crate) request_id: String,
    pub(crate) attributes: WorkflowExecutionStartedEventAttributes,
    pub(crate) user_metadata: Option<UserMetadata>,
    pub(crate) links: Vec<Link>,
    pub(crate) signal: Option<Signal>,
}

pub(crate) fn apply(cmd: Start, now: Timestamp) -> (Run, Outcome) {
    let mut run = Run::unborn(cmd.workflow_id, cmd.run_id);
    let mut step = Step::new(&mut run, now);
    step.emit_event(HistoryEvent {
        attributes: Some(cmd.attributes.into()),
        user_metadata: cmd.user_metadata,
        links: cmd.links,
        ..HistoryEvent::default()
    });
    if !cmd.request_id.is_empty() {
        step.note(Fact::StartedBy(cmd.request_id));
    }
    if let Some(first) = cmd.signal {
        signal::add(&mut step, first);
    }
    step.ensure_task();
    let outcome = step.finish();
    (run, outcome)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn a_run_begins_with_a_workflow_task() {
        check(
            "start",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn a_delayed_run_hears_at_once_that_it_is_cancelled() {
        check(
            "start delay=60; cancel; wait 60",
            expect![[r#"
            1 WorkflowExecutionStarted
            2 WorkflowExecutionCancelRequested
            3 WorkflowTaskScheduled
            → offer workflow task
        "#]],
        );
    }

    #[test]
    fn a_signal_that_might_have_started_it_ends_the_delay() {
        check(
            "start delay=60; signal a hurries; wait 60",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowExecutionSignaled a
                3 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn a_delayed_run_waits_and_a_signal_does_not_wake_it() {
        check(
            "start delay=60; signal a; wait 60",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowExecutionSignaled a
                3 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
