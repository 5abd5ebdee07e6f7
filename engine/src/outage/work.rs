//! Workers and clients by hand: many workflows at once, each with an activity that may run once.
//! Everything the engine acknowledges is noted on the disk's record as a promise.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::command::v1::{
    Command, CompleteWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
};
use temporalio_protos::temporal::api::common::v1::{
    ActivityType, Payload, Payloads, RetryPolicy, WorkflowExecution, WorkflowType,
};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::*;
use tonic::Status;

use super::disk::Disk;
use super::image::Chance;
use crate::Door;

/// What the engine said and must stand by.
#[derive(Clone, Debug)]
pub(super) enum Promise {
    Started {
        workflow_id: String,
        run_id: String,
    },
    Has {
        workflow_id: String,
        event: EventType,
    },
    /// A worker has the activity: nobody else may ever get it.
    Handed {
        workflow_id: String,
    },
}

pub(super) const NAMESPACE: &str = "default";
pub(super) const ACTIVITY_SECONDS: i64 = 60;

pub(super) async fn call<Q: Message, R: Message + Default>(
    door: &Door,
    rpc: &str,
    request: &Q,
) -> Result<R, Status> {
    let proto = Bytes::from(request.encode_to_vec());
    let service = crate::door::WORKFLOW_SERVICE;
    let reply = door.call(service, rpc, Default::default(), proto).await?;
    Ok(R::decode(reply.proto.as_slice()).unwrap())
}

/// Every workflow has a queue of its own, so that whoever polls knows what comes.
fn queue(workflow_id: &str) -> Option<TaskQueue> {
    Some(TaskQueue {
        name: workflow_id.to_owned(),
        ..TaskQueue::default()
    })
}

pub(super) fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        ..WorkflowExecution::default()
    })
}

pub(super) async fn start(door: &Door, workflow_id: &str, bytes: usize) -> Result<String, Status> {
    let request = StartWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType {
            name: "flow".to_owned(),
        }),
        task_queue: queue(workflow_id),
        input: Some(Payloads {
            payloads: vec![Payload {
                data: vec![b'x'; bytes],
                ..Payload::default()
            }],
        }),
        ..StartWorkflowExecutionRequest::default()
    };
    let started: StartWorkflowExecutionResponse =
        call(door, "StartWorkflowExecution", &request).await?;
    Ok(started.run_id)
}

pub(super) async fn signal(door: &Door, workflow_id: &str) -> Result<(), Status> {
    let request = SignalWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution(workflow_id),
        signal_name: "go".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    let _: SignalWorkflowExecutionResponse =
        call(door, "SignalWorkflowExecution", &request).await?;
    Ok(())
}

/// Takes the workflow task and answers it.
pub(super) async fn decide(
    door: &Door,
    workflow_id: &str,
    decision: impl Into<Attributes>,
) -> Result<(), Status> {
    let request = PollWorkflowTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: queue(workflow_id),
        ..PollWorkflowTaskQueueRequest::default()
    };
    let task: PollWorkflowTaskQueueResponse = call(door, "PollWorkflowTaskQueue", &request).await?;
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: task.task_token,
        commands: vec![Command {
            attributes: Some(decision.into()),
            ..Command::default()
        }],
        ..RespondWorkflowTaskCompletedRequest::default()
    };
    let _: RespondWorkflowTaskCompletedResponse =
        call(door, "RespondWorkflowTaskCompleted", &request).await?;
    Ok(())
}

pub(super) fn once() -> ScheduleActivityTaskCommandAttributes {
    ScheduleActivityTaskCommandAttributes {
        activity_id: "once".to_owned(),
        activity_type: Some(ActivityType {
            name: "charge".to_owned(),
        }),
        start_to_close_timeout: Some(prost_types::Duration {
            seconds: ACTIVITY_SECONDS,
            nanos: 0,
        }),
        retry_policy: Some(RetryPolicy {
            maximum_attempts: 1,
            ..RetryPolicy::default()
        }),
        ..ScheduleActivityTaskCommandAttributes::default()
    }
}

pub(super) fn end() -> CompleteWorkflowExecutionCommandAttributes {
    CompleteWorkflowExecutionCommandAttributes::default()
}

pub(super) async fn take_activity(door: &Door, workflow_id: &str) -> Result<Vec<u8>, Status> {
    let request = PollActivityTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: queue(workflow_id),
        ..PollActivityTaskQueueRequest::default()
    };
    let task: PollActivityTaskQueueResponse = call(door, "PollActivityTaskQueue", &request).await?;
    Ok(task.task_token)
}

pub(super) async fn finish_activity(door: &Door, task_token: Vec<u8>) -> Result<(), Status> {
    let request = RespondActivityTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token,
        ..RespondActivityTaskCompletedRequest::default()
    };
    let _: RespondActivityTaskCompletedResponse =
        call(door, "RespondActivityTaskCompleted", &request).await?;
    Ok(())
}

pub(super) async fn describe(
    door: &Door,
    workflow_id: &str,
) -> Result<DescribeWorkflowExecutionResponse, Status> {
    let request = DescribeWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        execution: execution(workflow_id),
    };
    call(door, "DescribeWorkflowExecution", &request).await
}

pub(super) async fn history(door: &Door, workflow_id: &str) -> Result<Vec<HistoryEvent>, Status> {
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: NAMESPACE.to_owned(),
        execution: execution(workflow_id),
        ..GetWorkflowExecutionHistoryRequest::default()
    };
    let page: GetWorkflowExecutionHistoryResponse =
        call(door, "GetWorkflowExecutionHistory", &request).await?;
    Ok(page.history.unwrap_or_default().events)
}

/// Runs so many workflows on so many lanes at once. Some are left alone in the middle. Answers
/// what ended a lane early.
pub(super) async fn play(
    door: &Door,
    disk: &Arc<Disk>,
    lanes: u64,
    each: u64,
    seed: u64,
) -> Result<(), Status> {
    let lanes = (0..lanes).map(|lane| {
        let (door, disk) = (door.clone(), Arc::clone(disk));
        tokio::spawn(async move {
            let mut chance = Chance::new(seed.wrapping_mul(1_000) + lane);
            for number in 0..each {
                let workflow_id = format!("w-{lane}-{number}");
                live(&door, &disk, &workflow_id, &mut chance).await?;
            }
            Ok::<(), Status>(())
        })
    });
    for lane in futures_util::future::join_all(lanes).await {
        lane.unwrap()?;
    }
    Ok(())
}

async fn live(
    door: &Door,
    disk: &Disk,
    workflow_id: &str,
    chance: &mut Chance,
) -> Result<(), Status> {
    let has = |event| {
        disk.promise(Promise::Has {
            workflow_id: workflow_id.to_owned(),
            event,
        });
    };
    let bytes = [10, 300, 5_000, 40_000][usize::try_from(chance.below(4)).unwrap_or(0)];
    let run_id = start(door, workflow_id, bytes).await?;
    disk.promise(Promise::Started {
        workflow_id: workflow_id.to_owned(),
        run_id,
    });
    signal(door, workflow_id).await?;
    has(EventType::WorkflowExecutionSignaled);
    let last_step = chance.below(5);
    if last_step == 0 {
        return Ok(());
    }
    decide(door, workflow_id, once()).await?;
    has(EventType::ActivityTaskScheduled);
    if last_step == 1 {
        return Ok(());
    }
    let token = take_activity(door, workflow_id).await?;
    disk.promise(Promise::Handed {
        workflow_id: workflow_id.to_owned(),
    });
    if last_step == 2 {
        return Ok(());
    }
    finish_activity(door, token).await?;
    has(EventType::ActivityTaskCompleted);
    decide(door, workflow_id, end()).await?;
    has(EventType::WorkflowExecutionCompleted);
    Ok(())
}
