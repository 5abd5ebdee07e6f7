//! The scenes: what clients ask for, one after the other. What the workflows do is in `flows`, by
//! the name of their type. Every request carries an id, so that it may be asked for again.

use bytes::Bytes;
use prost::Message;
use prost_types::Duration;
use temporalio_protos::temporal::api::common::v1::{RetryPolicy, WorkflowType};
use temporalio_protos::temporal::api::enums::v1::{
    UpdateWorkflowExecutionLifecycleStage as Stage, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
};
use temporalio_protos::temporal::api::schedule::v1::{
    IntervalSpec, Schedule, ScheduleAction, SchedulePatch, ScheduleSpec, ScheduleState,
    TriggerImmediatelyRequest, schedule_action::Action,
};
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::update::v1::{Input, Meta, Request, WaitPolicy};
use temporalio_protos::temporal::api::workflow::v1::NewWorkflowExecutionInfo;
use temporalio_protos::temporal::api::workflowservice::v1::execute_multi_operation_request::{
    Operation, operation,
};
use temporalio_protos::temporal::api::workflowservice::v1::*;

use super::super::work::{NAMESPACE, execution};

#[derive(Clone, Debug)]
pub(super) enum Ask {
    Call(&'static str, Bytes),
    /// All of them at the same time.
    Together(Vec<Ask>),
    /// Not asked: waits until so many runs are over.
    Over(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) asks: Vec<Ask>,
    /// How many runs there are in the end, all of them closed.
    pub(super) runs: usize,
    /// Its store is not there yet.
    pub(super) fresh: bool,
    /// Its activity's attempts are bounded: one that was given out when the process was killed, or
    /// was just about to be, is not made again but times out.
    pub(super) bounded: bool,
}

pub(super) const HOUR: Duration = Duration {
    seconds: 3_600,
    nanos: 0,
};

fn scene(name: &'static str, runs: usize, asks: impl Into<Vec<Ask>>) -> Scene {
    Scene {
        name,
        asks: asks.into(),
        runs,
        fresh: false,
        bounded: false,
    }
}

pub(super) fn all() -> Vec<Scene> {
    let schedule = |interval| create_schedule(interval);
    vec![
        Scene {
            fresh: true,
            ..scene("a store that is not there yet", 1, [start("end")])
        },
        scene("start", 1, [start("end"), start("end")]),
        scene("many at once", 6, [together()]),
        scene("start later", 1, [started_later()]),
        scene(
            "signals",
            1,
            [start("signals"), signal("signals", 1), signal("signals", 2)],
        ),
        scene(
            "signal with start",
            1,
            [signal_with_start(1), signal_with_start(2)],
        ),
        scene(
            "update",
            1,
            [start("updated"), update("u"), signal("updated", 1)],
        ),
        scene(
            "rejected update",
            1,
            [start("updated"), update("rejected"), signal("updated", 1)],
        ),
        scene(
            "update with start",
            1,
            [update_with_start(), signal("updated", 1)],
        ),
        scene("timer", 1, [start("timer")]),
        scene("marker and memo", 1, [start("notes")]),
        Scene {
            bounded: true,
            ..scene("activity that may run once", 1, [start("once")])
        },
        scene("activity that is retried", 1, [start("retried")]),
        Scene {
            bounded: true,
            ..scene("activity that fails thrice", 1, [start("exhausted")])
        },
        scene("activity that stays silent", 1, [start("silent")]),
        scene("activity that says how far it is", 1, [start("beats")]),
        scene(
            "activity that is cancelled",
            1,
            [start("stops its activity")],
        ),
        scene("child", 2, [start("parent")]),
        scene("child that ends with its parent", 2, [start("leaver")]),
        scene("child that is asked to stop", 2, [start("asks to stop")]),
        scene("external signal", 2, [start("told"), start("teller")]),
        scene("signal to nobody", 1, [start("to nobody")]),
        scene(
            "external cancel",
            2,
            [start("obedient"), start("calls off")],
        ),
        scene("continue as new", 3, [start("goes on")]),
        scene("cron", 2, [cron(), Ask::Over(1), terminate("by the clock")]),
        scene("retried workflow", 2, [retried_workflow()]),
        scene("run timeout", 1, [timed()]),
        scene("cancel", 1, [start("obedient"), cancel("obedient")]),
        scene("terminate", 1, [start("waits"), terminate("waits")]),
        scene(
            "triggered schedule",
            1,
            [schedule(None), trigger(), Ask::Over(1), delete_schedule()],
        ),
        scene("schedule by the clock", 2, [schedule(Some(HOUR))]),
    ]
}

fn call(rpc: &'static str, request: &impl Message) -> Ask {
    Ask::Call(rpc, request.encode_to_vec().into())
}

pub(super) fn queue() -> Option<TaskQueue> {
    Some(TaskQueue {
        name: "q".to_owned(),
        ..TaskQueue::default()
    })
}

pub(super) fn kind(name: &str) -> Option<WorkflowType> {
    Some(WorkflowType {
        name: name.to_owned(),
    })
}

fn request(kind_and_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_id: kind_and_id.to_owned(),
        workflow_type: kind(kind_and_id),
        task_queue: queue(),
        request_id: format!("start {kind_and_id}"),
        // Whoever asks again after the end is not given another one.
        workflow_id_reuse_policy: WorkflowIdReusePolicy::RejectDuplicate as i32,
        ..StartWorkflowExecutionRequest::default()
    }
}

fn start(kind: &str) -> Ask {
    call("StartWorkflowExecution", &request(kind))
}

fn together() -> Ask {
    let one = |n: usize| StartWorkflowExecutionRequest {
        workflow_id: format!("end {n}"),
        request_id: format!("start {n}"),
        ..request("end")
    };
    let asks = (0..6).map(|n| call("StartWorkflowExecution", &one(n)));
    Ask::Together(asks.collect())
}

fn started_later() -> Ask {
    let request = StartWorkflowExecutionRequest {
        workflow_start_delay: Some(HOUR),
        ..request("end")
    };
    call("StartWorkflowExecution", &request)
}

fn cron() -> Ask {
    let request = StartWorkflowExecutionRequest {
        cron_schedule: "*/5 * * * *".to_owned(),
        ..request("by the clock")
    };
    call("StartWorkflowExecution", &request)
}

fn retried_workflow() -> Ask {
    let request = StartWorkflowExecutionRequest {
        retry_policy: Some(RetryPolicy {
            maximum_attempts: 2,
            ..RetryPolicy::default()
        }),
        ..request("fails first")
    };
    call("StartWorkflowExecution", &request)
}

fn timed() -> Ask {
    let request = StartWorkflowExecutionRequest {
        workflow_run_timeout: Some(HOUR),
        ..request("waits")
    };
    call("StartWorkflowExecution", &request)
}

fn signal(workflow_id: &str, number: u32) -> Ask {
    let request = SignalWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution(workflow_id),
        signal_name: format!("signal {number}"),
        request_id: format!("signal {number}"),
        ..SignalWorkflowExecutionRequest::default()
    };
    call("SignalWorkflowExecution", &request)
}

fn signal_with_start(number: u32) -> Ask {
    let request = SignalWithStartWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_id: "signals".to_owned(),
        workflow_type: kind("signals"),
        task_queue: queue(),
        workflow_id_reuse_policy: WorkflowIdReusePolicy::RejectDuplicate as i32,
        signal_name: format!("signal {number}"),
        request_id: format!("signal {number}"),
        ..SignalWithStartWorkflowExecutionRequest::default()
    };
    call("SignalWithStartWorkflowExecution", &request)
}

fn change(id: &str) -> UpdateWorkflowExecutionRequest {
    UpdateWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution("updated"),
        wait_policy: Some(WaitPolicy {
            lifecycle_stage: Stage::Completed as i32,
        }),
        request: Some(Request {
            meta: Some(Meta {
                update_id: id.to_owned(),
                ..Meta::default()
            }),
            input: Some(Input {
                name: "change".to_owned(),
                ..Input::default()
            }),
            ..Request::default()
        }),
        ..UpdateWorkflowExecutionRequest::default()
    }
}

fn update(id: &str) -> Ask {
    call("UpdateWorkflowExecution", &change(id))
}

fn update_with_start() -> Ask {
    let start = StartWorkflowExecutionRequest {
        // The running one is taken, so that the same may be asked for again.
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting as i32,
        ..request("updated")
    };
    let part = |operation| Operation {
        operation: Some(operation),
    };
    let request = ExecuteMultiOperationRequest {
        namespace: NAMESPACE.to_owned(),
        operations: vec![
            part(operation::Operation::StartWorkflow(start)),
            part(operation::Operation::UpdateWorkflow(change("u"))),
        ],
        ..ExecuteMultiOperationRequest::default()
    };
    call("ExecuteMultiOperation", &request)
}

fn cancel(workflow_id: &str) -> Ask {
    let request = RequestCancelWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution(workflow_id),
        request_id: "cancel".to_owned(),
        ..RequestCancelWorkflowExecutionRequest::default()
    };
    call("RequestCancelWorkflowExecution", &request)
}

fn terminate(workflow_id: &str) -> Ask {
    let request = TerminateWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution(workflow_id),
        ..TerminateWorkflowExecutionRequest::default()
    };
    call("TerminateWorkflowExecution", &request)
}

/// Twice by the clock when there is an interval, else never by itself.
fn create_schedule(interval: Option<Duration>) -> Ask {
    let workflow = NewWorkflowExecutionInfo {
        workflow_id: "end".to_owned(),
        workflow_type: kind("end"),
        task_queue: queue(),
        ..NewWorkflowExecutionInfo::default()
    };
    let request = CreateScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "s".to_owned(),
        request_id: "create".to_owned(),
        schedule: Some(Schedule {
            spec: Some(ScheduleSpec {
                interval: interval
                    .map(|interval| IntervalSpec {
                        interval: Some(interval),
                        phase: None,
                    })
                    .into_iter()
                    .collect(),
                ..ScheduleSpec::default()
            }),
            action: Some(ScheduleAction {
                action: Some(Action::StartWorkflow(workflow)),
            }),
            // Paused: what has nothing to do any more is forgotten after a week of the engine's.
            state: Some(match interval {
                None => ScheduleState {
                    paused: true,
                    ..ScheduleState::default()
                },
                Some(_) => ScheduleState {
                    limited_actions: true,
                    remaining_actions: 2,
                    ..ScheduleState::default()
                },
            }),
            ..Schedule::default()
        }),
        ..CreateScheduleRequest::default()
    };
    call("CreateSchedule", &request)
}

fn trigger() -> Ask {
    let request = PatchScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "s".to_owned(),
        request_id: "trigger".to_owned(),
        patch: Some(SchedulePatch {
            trigger_immediately: Some(TriggerImmediatelyRequest::default()),
            ..SchedulePatch::default()
        }),
        ..PatchScheduleRequest::default()
    };
    call("PatchSchedule", &request)
}

fn delete_schedule() -> Ask {
    let request = DeleteScheduleRequest {
        namespace: NAMESPACE.to_owned(),
        schedule_id: "s".to_owned(),
        ..DeleteScheduleRequest::default()
    };
    call("DeleteSchedule", &request)
}
