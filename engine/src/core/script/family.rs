//! The words of the test language for what runs have to do with each other.

use std::collections::BTreeSet;

use std::fmt::Write;

use temporalio_protos::temporal::api::command::v1::{
    RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes, StartChildWorkflowExecutionCommandAttributes,
};
use temporalio_protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::enums::v1::{
    CancelExternalWorkflowExecutionFailedCause as CancelFailed, ParentClosePolicy,
    SignalExternalWorkflowExecutionFailedCause as SignalFailed,
    StartChildWorkflowExecutionFailedCause as StartFailed,
};
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionCanceledEventAttributes,
    WorkflowExecutionCompletedEventAttributes, WorkflowExecutionFailedEventAttributes,
    WorkflowExecutionTerminatedEventAttributes, WorkflowExecutionTimedOutEventAttributes,
    history_event::Attributes,
};

use super::words::option;
use crate::core::Run;
use crate::core::commands::answer_errand::Answer;
use crate::core::commands::end_child::EndChild;
use crate::core::family::{Errand, Request, child_end};

pub(super) fn execution(workflow_id: &str) -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        run_id: String::new(),
    }
}

pub(super) fn start_child(name: &str) -> StartChildWorkflowExecutionCommandAttributes {
    let (id, policy) = name.split_once(':').unwrap_or((name, "unspecified"));
    let policy = format!("PARENT_CLOSE_POLICY_{}", policy.to_ascii_uppercase());
    StartChildWorkflowExecutionCommandAttributes {
        workflow_id: id.to_owned(),
        workflow_type: Some(WorkflowType {
            name: "flow".to_owned(),
        }),
        parent_close_policy: ParentClosePolicy::from_str_name(&policy).unwrap() as i32,
        ..Default::default()
    }
}

pub(super) fn signal_external(name: &str) -> SignalExternalWorkflowExecutionCommandAttributes {
    SignalExternalWorkflowExecutionCommandAttributes {
        execution: Some(execution(name)),
        signal_name: "hello".to_owned(),
        ..Default::default()
    }
}

pub(super) fn cancel_external(
    name: &str,
) -> RequestCancelExternalWorkflowExecutionCommandAttributes {
    RequestCancelExternalWorkflowExecutionCommandAttributes {
        workflow_id: name.to_owned(),
        ..Default::default()
    }
}

pub(super) fn answer(words: &[&str]) -> Answer {
    let id = words[1].parse().unwrap();
    match words[2] {
        "started" => Answer::ChildStarted(id, "child-run".to_owned()),
        "start_failed" => Answer::ChildNotStarted(id, StartFailed::WorkflowAlreadyExists),
        "signaled" => Answer::Signaled(id, Ok(())),
        "signal_failed" => {
            let cause = SignalFailed::ExternalWorkflowExecutionNotFound;
            Answer::Signaled(id, Err(cause))
        }
        "cancel_requested" => Answer::CancelRequested(id, Ok(())),
        "cancel_failed" => {
            let cause = CancelFailed::ExternalWorkflowExecutionNotFound;
            Answer::CancelRequested(id, Err(cause))
        }
        "parted" => Answer::Parted(id),
        "reported" => Answer::Reported,
        other => panic!("no such answer: {other}"),
    }
}

pub(super) fn end_child(run: &Run, words: &[&str]) -> EndChild {
    let initiated_id = words[1].parse().unwrap();
    let end: Attributes = match words[2] {
        "completed" => WorkflowExecutionCompletedEventAttributes::default().into(),
        "failed" => WorkflowExecutionFailedEventAttributes::default().into(),
        "canceled" => WorkflowExecutionCanceledEventAttributes::default().into(),
        "timed_out" => WorkflowExecutionTimedOutEventAttributes::default().into(),
        "terminated" => WorkflowExecutionTerminatedEventAttributes::default().into(),
        other => panic!("no such end: {other}"),
    };
    let child = run.family.children.get(&initiated_id);
    let run_id = option(words, "run").unwrap_or("child-run").to_owned();
    EndChild {
        initiated_id,
        execution: WorkflowExecution {
            workflow_id: child.map_or(String::new(), |child| child.workflow_id.clone()),
            run_id: run_id.clone(),
        },
        first_run_id: run_id,
        end: Box::new(HistoryEvent {
            attributes: Some(end),
            ..HistoryEvent::default()
        }),
    }
}

/// What the run has to do elsewhere next.
pub(super) fn errand(run: &Run, out: &mut String) {
    let what = match run.family.next_errand(&BTreeSet::new()) {
        None => "none".to_owned(),
        Some(Errand::Request(id, request)) => match request {
            Request::StartChild(a, _) => format!("{id} start {}", a.workflow_id),
            Request::Signal(a) => {
                format!("{id} signal {}", a.workflow_execution.unwrap().workflow_id)
            }
            Request::Cancel(a) => {
                format!("{id} cancel {}", a.workflow_execution.unwrap().workflow_id)
            }
        },
        Some(Errand::Report(parent, end)) => {
            let parent = parent.execution.workflow_id;
            format!("report {:?} to {parent}", end.event_type())
        }
        Some(Errand::Part(id, child)) => {
            format!("{id} part from {} {:?}", child.workflow_id, child.policy)
        }
    };
    writeln!(out, "errand: {what}").unwrap();
}

pub(super) fn describe(attributes: &Attributes) -> String {
    match attributes {
        Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(a) => {
            format!("{} {:?}", a.workflow_id, a.parent_close_policy())
        }
        Attributes::StartChildWorkflowExecutionFailedEventAttributes(a) => {
            format!("of {} {:?}", a.initiated_event_id, a.cause())
        }
        Attributes::ChildWorkflowExecutionStartedEventAttributes(a) => {
            let run = a.workflow_execution.as_ref().unwrap();
            format!("of {} {}", a.initiated_event_id, run.run_id)
        }
        Attributes::ExternalWorkflowExecutionSignaledEventAttributes(a) => {
            format!("of {}", a.initiated_event_id)
        }
        Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(a) => {
            format!("of {} {:?}", a.initiated_event_id, a.cause())
        }
        Attributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(a) => {
            format!("of {}", a.initiated_event_id)
        }
        Attributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(a) => {
            format!("of {} {:?}", a.initiated_event_id, a.cause())
        }
        other => child_end(other).map_or(String::new(), |(initiated, started)| {
            format!("of {initiated} started {started}")
        }),
    }
}
