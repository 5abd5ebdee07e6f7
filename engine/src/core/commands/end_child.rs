//! A child has come to its end: its parent learns how.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::history::v1::{
    ChildWorkflowExecutionCanceledEventAttributes, ChildWorkflowExecutionCompletedEventAttributes,
    ChildWorkflowExecutionFailedEventAttributes, ChildWorkflowExecutionTerminatedEventAttributes,
    ChildWorkflowExecutionTimedOutEventAttributes, HistoryEvent, history_event::Attributes,
};

use super::answer_errand;
use crate::core::family::Child;
use crate::core::{Outcome, Run, Step};

#[derive(Clone, Debug)]
pub(crate) struct EndChild {
    pub(crate) initiated_id: i64,
    /// The run that ended.
    pub(crate) execution: WorkflowExecution,
    /// The first of its chain, which the parent knows it by.
    pub(crate) first_run_id: String,
    pub(crate) end: Box<HistoryEvent>,
}

/// A child the parent does not have, or no longer, changes nothing.
pub(crate) fn apply(run: &mut Run, cmd: EndChild, now: Timestamp) -> Outcome {
    let mut step = Step::new(run, now);
    if step.run.is_open() {
        add(&mut step, cmd);
    }
    step.finish()
}

fn add(step: &mut Step<'_>, cmd: EndChild) {
    let Some(child) = step.run.family.children.get(&cmd.initiated_id) else {
        return;
    };
    let same_run = child.run_id.is_empty() || child.run_id == cmd.first_run_id;
    if child.workflow_id != cmd.execution.workflow_id || !same_run {
        return;
    }
    if child.run_id.is_empty() {
        // It was faster than the word of its start.
        answer_errand::child_started(step, cmd.initiated_id, cmd.first_run_id);
    }
    let Some(child) = step.run.family.children.get(&cmd.initiated_id) else {
        return;
    };
    let event = child_event(child, cmd.initiated_id, cmd.execution, *cmd.end);
    if let Some(event) = event {
        step.incoming(event);
        step.ensure_task();
    }
}

fn child_event(
    child: &Child,
    initiated_event_id: i64,
    execution: WorkflowExecution,
    end: HistoryEvent,
) -> Option<Attributes> {
    let started_event_id = child.started_id;
    let (namespace, namespace_id) = (child.namespace.clone(), child.namespace_id.clone());
    let workflow_type = child.workflow_type.clone();
    let workflow_execution = Some(execution);
    Some(match end.attributes? {
        Attributes::WorkflowExecutionCompletedEventAttributes(a) => {
            ChildWorkflowExecutionCompletedEventAttributes {
                result: a.result,
                namespace,
                namespace_id,
                workflow_execution,
                workflow_type,
                initiated_event_id,
                started_event_id,
            }
            .into()
        }
        Attributes::WorkflowExecutionFailedEventAttributes(a) => {
            ChildWorkflowExecutionFailedEventAttributes {
                failure: a.failure,
                namespace,
                namespace_id,
                workflow_execution,
                workflow_type,
                initiated_event_id,
                started_event_id,
                retry_state: a.retry_state,
            }
            .into()
        }
        Attributes::WorkflowExecutionCanceledEventAttributes(a) => {
            ChildWorkflowExecutionCanceledEventAttributes {
                details: a.details,
                namespace,
                namespace_id,
                workflow_execution,
                workflow_type,
                initiated_event_id,
                started_event_id,
            }
            .into()
        }
        Attributes::WorkflowExecutionTimedOutEventAttributes(a) => {
            ChildWorkflowExecutionTimedOutEventAttributes {
                namespace,
                namespace_id,
                workflow_execution,
                workflow_type,
                initiated_event_id,
                started_event_id,
                retry_state: a.retry_state,
            }
            .into()
        }
        Attributes::WorkflowExecutionTerminatedEventAttributes(_) => {
            ChildWorkflowExecutionTerminatedEventAttributes {
                namespace,
                namespace_id,
                workflow_execution,
                workflow_type,
                initiated_event_id,
                started_event_id,
            }
            .into()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn every_end_of_a_child_has_its_event() {
        check(
            "start; poll; complete child=a child=b child=c child=d child=e; \
             answer 5 started; answer 6 started; answer 7 started; answer 8 started; \
             answer 9 started; end_child 5 completed; end_child 6 failed; end_child 7 canceled; \
             end_child 8 timed_out; end_child 9 terminated",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 StartChildWorkflowExecutionInitiated a Terminate
                6 StartChildWorkflowExecutionInitiated b Terminate
                7 StartChildWorkflowExecutionInitiated c Terminate
                8 StartChildWorkflowExecutionInitiated d Terminate
                9 StartChildWorkflowExecutionInitiated e Terminate
                10 ChildWorkflowExecutionStarted of 5 child-run
                11 WorkflowTaskScheduled
                → offer workflow task
                12 ChildWorkflowExecutionStarted of 6 child-run
                13 ChildWorkflowExecutionStarted of 7 child-run
                14 ChildWorkflowExecutionStarted of 8 child-run
                15 ChildWorkflowExecutionStarted of 9 child-run
                16 ChildWorkflowExecutionCompleted of 5 started 10
                17 ChildWorkflowExecutionFailed of 6 started 12
                18 ChildWorkflowExecutionCanceled of 7 started 13
                19 ChildWorkflowExecutionTimedOut of 8 started 14
                20 ChildWorkflowExecutionTerminated of 9 started 15
            "#]],
        );
    }

    #[test]
    fn an_end_that_comes_before_the_word_of_the_start_brings_it() {
        check(
            "start; poll; complete child=a; end_child 5 completed; answer 5 started; errand; \
             end_child 5 completed",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 StartChildWorkflowExecutionInitiated a Terminate
                6 ChildWorkflowExecutionStarted of 5 child-run
                7 ChildWorkflowExecutionCompleted of 5 started 6
                8 WorkflowTaskScheduled
                → offer workflow task
                errand: none
            "#]],
        );
    }

    #[test]
    fn the_end_of_another_run_is_not_the_childs() {
        check(
            "start; poll; complete child=a; answer 5 started; end_child 5 completed run=other",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 StartChildWorkflowExecutionInitiated a Terminate
                6 ChildWorkflowExecutionStarted of 5 child-run
                7 WorkflowTaskScheduled
                → offer workflow task
            "#]],
        );
    }
}
