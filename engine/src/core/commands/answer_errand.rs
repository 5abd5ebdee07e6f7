//! What came of an errand, told to the run it was done for. The same answer a second time, or one
//! to a question that nobody asks any more, changes nothing.

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::{
    CancelExternalWorkflowExecutionFailedCause as CancelFailed,
    SignalExternalWorkflowExecutionFailedCause as SignalFailed,
    StartChildWorkflowExecutionFailedCause as StartFailed,
};
use temporalio_protos::temporal::api::history::v1::{
    ChildWorkflowExecutionStartedEventAttributes,
    ExternalWorkflowExecutionCancelRequestedEventAttributes,
    ExternalWorkflowExecutionSignaledEventAttributes,
    RequestCancelExternalWorkflowExecutionFailedEventAttributes,
    SignalExternalWorkflowExecutionFailedEventAttributes,
    StartChildWorkflowExecutionFailedEventAttributes, history_event::Attributes,
};

use crate::core::family::Request;
use crate::core::record::Fact;
use crate::core::{Outcome, Run, Step};

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// With the id of the child's first run.
    ChildStarted(i64, String),
    ChildNotStarted(i64, StartFailed),
    Signaled(i64, Result<(), SignalFailed>),
    CancelRequested(i64, Result<(), CancelFailed>),
    Parted(i64),
    Reported,
}

/// `target` is the name of the namespace the errand went to.
pub(crate) fn apply(run: &mut Run, answer: Answer, target: &str, now: Timestamp) -> Outcome {
    let mut step = Step::new(run, now);
    match answer {
        Answer::Parted(initiated_id) => step.note(Fact::Parted(initiated_id)),
        Answer::Reported => step.note(Fact::Reported(true)),
        _ if !step.run.is_open() => {}
        answer => {
            if let Some(event) = event(step.run, answer, target) {
                step.incoming(event);
                step.ensure_task();
            }
        }
    }
    step.finish()
}

/// Records that a child was started, where that is not known yet.
pub(crate) fn child_started(step: &mut Step<'_>, initiated_id: i64, run_id: String) {
    let answer = Answer::ChildStarted(initiated_id, run_id);
    if let Some(event) = event(step.run, answer, "") {
        step.incoming(event);
    }
}

#[allow(deprecated)] // Passed on as given: it is the worker's own word to itself.
fn event(run: &Run, answer: Answer, target: &str) -> Option<Attributes> {
    let family = &run.family;
    let namespace = target.to_owned();
    Some(match answer {
        Answer::ChildStarted(initiated_event_id, run_id) => {
            let Request::StartChild(a, _) = family.request(initiated_event_id)? else {
                return None;
            };
            ChildWorkflowExecutionStartedEventAttributes {
                namespace: a.namespace.clone(),
                namespace_id: a.namespace_id.clone(),
                initiated_event_id,
                workflow_execution: Some(WorkflowExecution {
                    workflow_id: a.workflow_id.clone(),
                    run_id,
                }),
                workflow_type: a.workflow_type.clone(),
                header: a.header.clone(),
            }
            .into()
        }
        Answer::ChildNotStarted(initiated_event_id, cause) => {
            let Request::StartChild(a, _) = family.request(initiated_event_id)? else {
                return None;
            };
            StartChildWorkflowExecutionFailedEventAttributes {
                namespace: a.namespace.clone(),
                namespace_id: a.namespace_id.clone(),
                workflow_id: a.workflow_id.clone(),
                workflow_type: a.workflow_type.clone(),
                cause: cause as i32,
                control: a.control.clone(),
                initiated_event_id,
                workflow_task_completed_event_id: 0,
            }
            .into()
        }
        Answer::Signaled(initiated_event_id, came_of_it) => {
            let Request::Signal(a) = family.request(initiated_event_id)? else {
                return None;
            };
            let (namespace_id, control) = (a.namespace_id.clone(), a.control.clone());
            let workflow_execution = a.workflow_execution.clone();
            match came_of_it {
                Ok(()) => ExternalWorkflowExecutionSignaledEventAttributes {
                    initiated_event_id,
                    namespace,
                    namespace_id,
                    workflow_execution,
                    control,
                }
                .into(),
                Err(cause) => SignalExternalWorkflowExecutionFailedEventAttributes {
                    cause: cause as i32,
                    workflow_task_completed_event_id: 0,
                    namespace,
                    namespace_id,
                    workflow_execution,
                    initiated_event_id,
                    control,
                }
                .into(),
            }
        }
        Answer::CancelRequested(initiated_event_id, came_of_it) => {
            let Request::Cancel(a) = family.request(initiated_event_id)? else {
                return None;
            };
            let namespace_id = a.namespace_id.clone();
            let workflow_execution = a.workflow_execution.clone();
            match came_of_it {
                Ok(()) => ExternalWorkflowExecutionCancelRequestedEventAttributes {
                    initiated_event_id,
                    namespace,
                    namespace_id,
                    workflow_execution,
                }
                .into(),
                Err(cause) => RequestCancelExternalWorkflowExecutionFailedEventAttributes {
                    cause: cause as i32,
                    workflow_task_completed_event_id: 0,
                    namespace,
                    namespace_id,
                    workflow_execution,
                    initiated_event_id,
                    control: String::new(),
                }
                .into(),
            }
        }
        Answer::Parted(_) | Answer::Reported => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn an_answer_that_comes_while_a_task_runs_waits_for_it() {
        check(
            "start; poll; complete child=a; signal s; poll; answer 5 started; end_child 5 completed; \
             errand; complete; restart",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 StartChildWorkflowExecutionInitiated a Terminate
                6 WorkflowExecutionSignaled s
                7 WorkflowTaskScheduled
                → offer workflow task
                errand: none
                8 WorkflowTaskStarted
                9 WorkflowTaskCompleted
                10 ChildWorkflowExecutionStarted of 5 child-run
                11 ChildWorkflowExecutionCompleted of 5 started 10
                12 WorkflowTaskScheduled
                → offer workflow task
                → offer workflow task
            "#]],
        );
    }

    #[test]
    fn a_closed_parent_parts_from_each_child_as_it_was_told() {
        check(
            "start; poll; complete child=a child=b:abandon child=c:request_cancel; \
             answer 5 started; answer 6 started; answer 7 started; terminate; errand; restart; \
             answer 5 parted; errand; answer 7 parted; errand; restart",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 StartChildWorkflowExecutionInitiated a Terminate
                6 StartChildWorkflowExecutionInitiated b Abandon
                7 StartChildWorkflowExecutionInitiated c RequestCancel
                8 ChildWorkflowExecutionStarted of 5 child-run
                9 WorkflowTaskScheduled
                → offer workflow task
                10 ChildWorkflowExecutionStarted of 6 child-run
                11 ChildWorkflowExecutionStarted of 7 child-run
                12 WorkflowExecutionTerminated
                errand: 5 part from a Terminate
                errand: 7 part from c RequestCancel
                errand: none
            "#]],
        );
    }

    #[test]
    fn a_child_that_may_be_started_is_parted_from_too() {
        check(
            "start; poll; complete child=a; terminate; errand; answer 5 started; errand",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 StartChildWorkflowExecutionInitiated a Terminate
                6 WorkflowExecutionTerminated
                errand: 5 part from a Terminate
                errand: 5 part from a Terminate
            "#]],
        );
    }

    #[test]
    fn a_child_reports_its_end_but_not_that_it_goes_on() {
        check(
            "start parent=p; errand; poll; complete again; errand; next; wait 1; poll; complete finish; \
             errand; restart; errand; answer 0 reported; errand",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                errand: none
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionContinuedAsNew next
                → continues as next
                errand: none
                1 WorkflowExecutionStarted after r by Workflow attempt 1 in 1
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionCompleted
                errand: report WorkflowExecutionCompleted to p
                errand: report WorkflowExecutionCompleted to p
                errand: none
            "#]],
        );
    }
}
