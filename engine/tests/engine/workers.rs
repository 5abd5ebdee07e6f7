//! What workers and the tools that watch them rely on, by hand: leaving, being listed, sticking
//! to a run.

use std::time::Duration;

use engine::Door;
use futures_util::FutureExt;
use temporalio_client::tonic::{Code, Status};
use temporalio_common::protos::temporal::api::command::v1::{Command, command::Attributes};
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::deployment::v1::{
    WorkerDeploymentOptions, WorkerDeploymentVersion,
};
use temporalio_common::protos::temporal::api::enums::v1::{
    TaskQueueKind, VersioningBehavior, WorkerStatus, WorkerVersioningMode,
};
use temporalio_common::protos::temporal::api::history::v1::history_event;
use temporalio_common::protos::temporal::api::query::v1::WorkflowQuery;
use temporalio_common::protos::temporal::api::sdk::v1::{
    EventGroupMarker,
    event_group_marker::{Label, Variant},
};
use temporalio_common::protos::temporal::api::taskqueue::v1::{
    StickyExecutionAttributes, TaskQueue,
};
use temporalio_common::protos::temporal::api::worker::v1::WorkerHeartbeat;
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

use crate::raw::{NAMESPACE, complete, finish, poll, queue, schedule, start, started};
use crate::stage::{Stage, call, code, execution, history};

async fn poll_as(
    door: &Door,
    key: &str,
    task_queue: Option<TaskQueue>,
) -> PollWorkflowTaskQueueResponse {
    let request = PollWorkflowTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue,
        worker_instance_key: key.to_owned(),
        ..Default::default()
    };
    call(door, "PollWorkflowTaskQueue", &request).await.unwrap()
}

fn heartbeat(key: &str, status: WorkerStatus) -> WorkerHeartbeat {
    WorkerHeartbeat {
        worker_instance_key: key.to_owned(),
        task_queue: "raw".to_owned(),
        status: status as i32,
        ..Default::default()
    }
}

async fn shut_down(door: &Door, key: &str) {
    let request = ShutdownWorkerRequest {
        namespace: NAMESPACE.to_owned(),
        worker_instance_key: key.to_owned(),
        worker_heartbeat: Some(heartbeat(key, WorkerStatus::ShuttingDown)),
        ..Default::default()
    };
    let _: ShutdownWorkerResponse = call(door, "ShutdownWorker", &request).await.unwrap();
}

#[tokio::test]
async fn a_worker_that_leaves_takes_no_task_along() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let mut leaving = Box::pin(poll_as(&door, "leaves", queue()));
    let mut staying = Box::pin(poll_as(&door, "stays", queue()));
    assert!((&mut leaving).now_or_never().is_none());
    assert!((&mut staying).now_or_never().is_none());
    shut_down(&door, "leaves").await;
    // Of the two it came first, and would have had the task.
    started(&door, &start("w")).await.unwrap();
    assert!(leaving.await.task_token.is_empty());
    assert!(!staying.await.task_token.is_empty());
    // A poll that was on its way when its worker left.
    started(&door, &start("another")).await.unwrap();
    assert!(
        poll_as(&door, "leaves", queue())
            .await
            .task_token
            .is_empty()
    );
}

#[tokio::test]
async fn workers_are_found_by_what_they_said_last() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let request = RecordWorkerHeartbeatRequest {
        namespace: NAMESPACE.to_owned(),
        worker_heartbeat: ["a", "b", "c"]
            .map(|key| heartbeat(key, WorkerStatus::Running))
            .into(),
        ..Default::default()
    };
    let _: RecordWorkerHeartbeatResponse = call(&door, "RecordWorkerHeartbeat", &request)
        .await
        .unwrap();
    shut_down(&door, "b").await;
    let list = async |query: &str, page: Vec<u8>| -> Result<ListWorkersResponse, Status> {
        let request = ListWorkersRequest {
            namespace: NAMESPACE.to_owned(),
            page_size: 1,
            query: query.to_owned(),
            next_page_token: page,
            ..Default::default()
        };
        call(&door, "ListWorkers", &request).await
    };
    let first = list("Status = 'Running'", Vec::new()).await.unwrap();
    assert_eq!(first.workers[0].worker_instance_key, "a");
    let second = list("Status = 'Running'", first.next_page_token)
        .await
        .unwrap();
    assert_eq!(second.workers[0].worker_instance_key, "c");
    assert_eq!(
        code(list("Colour = 'red'", Vec::new()).await),
        Code::InvalidArgument
    );
    let describe = async |key: &str| -> Result<DescribeWorkerResponse, Status> {
        let request = DescribeWorkerRequest {
            namespace: NAMESPACE.to_owned(),
            worker_instance_key: key.to_owned(),
        };
        call(&door, "DescribeWorker", &request).await
    };
    let described = describe("b").await.unwrap().worker_info.unwrap();
    let expected = heartbeat("b", WorkerStatus::ShuttingDown);
    assert_eq!(described.worker_heartbeat, Some(expected));
    assert_eq!(code(describe("nobody").await), Code::NotFound);
}

fn sticky() -> Option<TaskQueue> {
    Some(TaskQueue {
        name: "sticky".to_owned(),
        kind: TaskQueueKind::Sticky as i32,
        normal_name: "raw".to_owned(),
    })
}

fn sticking(task_token: Vec<u8>) -> RespondWorkflowTaskCompletedRequest {
    RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token,
        sticky_attributes: Some(StickyExecutionAttributes {
            worker_task_queue: sticky(),
            schedule_to_start_timeout: Some(Duration::from_secs(5).try_into().unwrap()),
        }),
        ..Default::default()
    }
}

async fn answered(
    door: &Door,
    request: &RespondWorkflowTaskCompletedRequest,
) -> RespondWorkflowTaskCompletedResponse {
    call(door, "RespondWorkflowTaskCompleted", request)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_query_by_itself_starts_no_task() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let mut listening = Box::pin(poll_as(&door, "", sticky()));
    assert!((&mut listening).now_or_never().is_none());
    started(&door, &start("w")).await.unwrap();
    let task = poll(&door).await;
    answered(&door, &sticking(task.task_token)).await;
    let request = QueryWorkflowRequest {
        namespace: NAMESPACE.to_owned(),
        execution: execution("w"),
        query: Some(WorkflowQuery {
            query_type: "state".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let asking = call::<_, QueryWorkflowResponse>(&door, "QueryWorkflow", &request);
    let answering = async {
        let query = listening.await;
        // SDKs tell by the missing started event that there is nothing but the query to do.
        assert_eq!((query.started_event_id, query.attempt), (0, 1));
        assert_eq!(query.previous_started_event_id, 3);
        assert!(query.history.unwrap_or_default().events.is_empty());
        let request = RespondQueryTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: query.task_token,
            completed_type: 1,
            ..Default::default()
        };
        let _: RespondQueryTaskCompletedResponse =
            call(&door, "RespondQueryTaskCompleted", &request)
                .await
                .unwrap();
    };
    let (asked, ()) = tokio::join!(asking, answering);
    asked.unwrap();
}

#[tokio::test]
async fn a_run_can_be_freed_from_its_worker() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let mut listening = Box::pin(poll_as(&door, "", sticky()));
    assert!((&mut listening).now_or_never().is_none());
    let request = ResetStickyTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        execution: execution("w"),
    };
    let free = async || -> Result<ResetStickyTaskQueueResponse, Status> {
        call(&door, "ResetStickyTaskQueue", &request).await
    };
    assert_eq!(code(free().await), Code::NotFound);
    started(&door, &start("w")).await.unwrap();
    let task = poll(&door).await;
    answered(&door, &sticking(task.task_token)).await;
    free().await.unwrap();
    let signal = SignalWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution("w"),
        signal_name: "s".to_owned(),
        ..Default::default()
    };
    let _: SignalWorkflowExecutionResponse = call(&door, "SignalWorkflowExecution", &signal)
        .await
        .unwrap();
    let task = poll(&door).await;
    assert_eq!(task.history.unwrap().events[0].event_id, 1);
    complete(&door, task.task_token, finish()).await.unwrap();
    assert_eq!(code(free().await), Code::NotFound);
}

#[tokio::test]
async fn what_a_worker_says_of_its_build_and_groups_is_in_history() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start("w")).await.unwrap();
    let group = EventGroupMarker {
        variant: Some(Variant::Label(Label {
            id: "g".to_owned(),
            label: Some(Payload::default()),
        })),
    };
    let deployment = |mode| {
        Some(WorkerDeploymentOptions {
            deployment_name: "d".to_owned(),
            build_id: "b".to_owned(),
            worker_versioning_mode: mode as i32,
        })
    };
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: poll(&door).await.task_token,
        commands: vec![Command {
            event_group_markers: vec![group.clone()],
            attributes: Some(Attributes::from(schedule())),
            ..Default::default()
        }],
        deployment_options: deployment(WorkerVersioningMode::Versioned),
        versioning_behavior: VersioningBehavior::Pinned as i32,
        force_create_new_workflow_task: true,
        ..Default::default()
    };
    answered(&door, &request).await;
    let request = RespondWorkflowTaskCompletedRequest {
        task_token: poll(&door).await.task_token,
        commands: Vec::new(),
        deployment_options: deployment(WorkerVersioningMode::Unversioned),
        ..request
    };
    let refused: Result<RespondWorkflowTaskCompletedResponse, Status> =
        call(&door, "RespondWorkflowTaskCompleted", &request).await;
    assert_eq!(code(refused), Code::InvalidArgument);
    let request = RespondWorkflowTaskCompletedRequest {
        versioning_behavior: VersioningBehavior::Unspecified as i32,
        ..request
    };
    answered(&door, &request).await;
    let events = history(&door, "w").await;
    assert_eq!(events[4].event_group_markers, [group]);
    assert!(events[3].event_group_markers.is_empty());
    assert!(events[5].event_group_markers.is_empty());
    let said: Vec<_> = events
        .into_iter()
        .filter_map(|event| match event.attributes {
            Some(history_event::Attributes::WorkflowTaskCompletedEventAttributes(a)) => Some((
                a.worker_deployment_name,
                a.deployment_version,
                a.versioning_behavior,
            )),
            _ => None,
        })
        .collect();
    let version = WorkerDeploymentVersion {
        deployment_name: "d".to_owned(),
        build_id: "b".to_owned(),
    };
    let pinned = VersioningBehavior::Pinned as i32;
    assert_eq!(
        said,
        [
            ("d".to_owned(), Some(version), pinned),
            ("d".to_owned(), None, 0),
        ]
    );
}
