//! The protocol by hand: what a worker of any language would see.

use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use engine::Door;
use temporalio_client::tonic::{Code, Status};
use temporalio_common::protos::temporal::api::command::v1::{
    Command, CompleteWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
    command::Attributes,
};
use temporalio_common::protos::temporal::api::common::v1::{
    ActivityType, Payload, Payloads, WorkflowType,
};
use temporalio_common::protos::temporal::api::enums::v1::{EventType, WorkflowExecutionStatus};
use temporalio_common::protos::temporal::api::failure::v1::{
    ApplicationFailureInfo, Failure, failure::FailureInfo,
};
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

use crate::stage::{Stage, call, code, describe, execution, until};

pub(crate) const NAMESPACE: &str = "default";

pub(crate) fn queue() -> Option<TaskQueue> {
    Some(TaskQueue {
        name: "raw".to_owned(),
        ..Default::default()
    })
}

pub(crate) fn start(workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType {
            name: "flow".to_owned(),
        }),
        task_queue: queue(),
        ..Default::default()
    }
}

pub(crate) async fn started(
    door: &Door,
    request: &StartWorkflowExecutionRequest,
) -> Result<StartWorkflowExecutionResponse, Status> {
    call(door, "StartWorkflowExecution", request).await
}

pub(crate) async fn poll(door: &Door) -> PollWorkflowTaskQueueResponse {
    let request = PollWorkflowTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    call(door, "PollWorkflowTaskQueue", &request).await.unwrap()
}

pub(crate) async fn poll_activity(door: &Door) -> PollActivityTaskQueueResponse {
    let request = PollActivityTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    call(door, "PollActivityTaskQueue", &request).await.unwrap()
}

pub(crate) async fn complete(
    door: &Door,
    task_token: Vec<u8>,
    decision: impl Into<Attributes>,
) -> Result<RespondWorkflowTaskCompletedResponse, Status> {
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token,
        commands: vec![Command {
            attributes: Some(decision.into()),
            ..Default::default()
        }],
        ..Default::default()
    };
    call(door, "RespondWorkflowTaskCompleted", &request).await
}

pub(crate) fn finish() -> CompleteWorkflowExecutionCommandAttributes {
    CompleteWorkflowExecutionCommandAttributes::default()
}

pub(crate) fn schedule() -> ScheduleActivityTaskCommandAttributes {
    ScheduleActivityTaskCommandAttributes {
        activity_id: "a".to_owned(),
        activity_type: Some(ActivityType {
            name: "act".to_owned(),
        }),
        start_to_close_timeout: Some(Duration::from_secs(60).try_into().unwrap()),
        ..Default::default()
    }
}

#[tokio::test]
async fn an_eager_start_brings_the_first_task_with_it() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let request = StartWorkflowExecutionRequest {
        request_eager_execution: true,
        ..start("w")
    };
    let task = started(&door, &request)
        .await
        .unwrap()
        .eager_workflow_task
        .unwrap();
    let history = task.history.unwrap().events;
    assert_eq!(history.len(), 3);
    assert_eq!(history[2].event_type(), EventType::WorkflowTaskStarted);
    complete(&door, task.task_token, finish()).await.unwrap();
    let info = describe(&door, "w")
        .await
        .unwrap()
        .workflow_execution_info
        .unwrap();
    assert_eq!(info.status(), WorkflowExecutionStatus::Completed);
}

#[tokio::test]
async fn a_task_of_an_earlier_boot_is_not_found_and_comes_again() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start("w")).await.unwrap();
    let before = poll(&door).await;
    let stage = stage.restarted().await;
    let door = stage.engine.door();
    let again = poll(&door).await;
    assert_eq!(again.started_event_id, before.started_event_id);
    let stale = complete(&door, before.task_token, finish()).await;
    assert_eq!(code(stale), Code::NotFound);
    complete(&door, again.task_token, finish()).await.unwrap();
}

#[tokio::test]
async fn a_poll_is_answered_with_nothing_when_the_engine_closes() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let polling = tokio::spawn(async move { poll(&door).await });
    tokio::task::yield_now().await;
    stage.engine.close().await;
    assert!(polling.await.unwrap().task_token.is_empty());
}

#[tokio::test]
async fn a_failed_attempt_is_described_with_its_failure_and_the_next_try() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let stage = Stage::on(Arc::new(clock.clone())).await;
    let door = stage.engine.door();
    started(&door, &start("w")).await.unwrap();
    let task = poll(&door).await;
    complete(&door, task.task_token, schedule()).await.unwrap();
    let activity = poll_activity(&door).await;
    let failed = RespondActivityTaskFailedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: activity.task_token.clone(),
        failure: Some(Failure {
            message: "no funds yet".to_owned(),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(
                ApplicationFailureInfo::default(),
            )),
            ..Default::default()
        }),
        ..Default::default()
    };
    let _: RespondActivityTaskFailedResponse = call(&door, "RespondActivityTaskFailed", &failed)
        .await
        .unwrap();

    let pending = describe(&door, "w")
        .await
        .unwrap()
        .pending_activities
        .remove(0);
    assert_eq!(pending.attempt, 2);
    assert_eq!(pending.last_failure.unwrap().message, "no funds yet");
    assert_eq!(pending.current_retry_interval.unwrap().seconds, 1);
    assert_eq!(
        pending.next_attempt_schedule_time.unwrap().seconds,
        1_800_000_001
    );
    // The attempt is over: its token answers nothing any more.
    let late: Result<RespondActivityTaskFailedResponse, _> =
        call(&door, "RespondActivityTaskFailed", &failed).await;
    assert_eq!(code(late), Code::NotFound);

    clock.advance(Duration::from_secs(1));
    assert_eq!(poll_activity(&door).await.attempt, 2);
}

#[tokio::test]
async fn history_comes_in_pages_and_news_when_it_comes() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start("w")).await.unwrap();
    let mut request = GetWorkflowExecutionHistoryRequest {
        namespace: NAMESPACE.to_owned(),
        execution: execution("w"),
        maximum_page_size: 1,
        wait_new_event: true,
        ..Default::default()
    };
    let mut seen = Vec::new();
    for _ in 0..2 {
        let page: GetWorkflowExecutionHistoryResponse =
            call(&door, "GetWorkflowExecutionHistory", &request)
                .await
                .unwrap();
        seen.extend(page.history.unwrap().events);
        request.next_page_token = page.next_page_token;
    }
    let waiting = {
        let (door, request) = (door.clone(), request.clone());
        tokio::spawn(async move {
            let page: GetWorkflowExecutionHistoryResponse =
                call(&door, "GetWorkflowExecutionHistory", &request)
                    .await
                    .unwrap();
            page.history.unwrap().events
        })
    };
    tokio::task::yield_now().await;
    let signal = SignalWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution("w"),
        signal_name: "news".to_owned(),
        ..Default::default()
    };
    let _: SignalWorkflowExecutionResponse = call(&door, "SignalWorkflowExecution", &signal)
        .await
        .unwrap();
    seen.extend(waiting.await.unwrap());
    let ids: Vec<i64> = seen.iter().map(|event| event.event_id).collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[tokio::test]
async fn what_is_too_large_is_refused_whole() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let request = StartWorkflowExecutionRequest {
        input: Some(Payloads {
            payloads: vec![Payload {
                data: vec![0; 3 * 1024 * 1024],
                ..Default::default()
            }],
        }),
        ..start("w")
    };
    assert_eq!(code(started(&door, &request).await), Code::InvalidArgument);
    let long = start(&"x".repeat(1_001));
    assert_eq!(code(started(&door, &long).await), Code::InvalidArgument);
    assert_eq!(code(describe(&door, "w").await), Code::NotFound);
}

#[tokio::test]
async fn a_worker_that_stays_silent_loses_its_task_to_the_next() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let stage = Stage::on(Arc::new(clock.clone())).await;
    let door = stage.engine.door();
    started(&door, &start("w")).await.unwrap();
    let first = poll(&door).await;
    clock.advance(Duration::from_secs(10));
    until("the task is taken back", || async {
        let answer = describe(&door, "w").await.unwrap();
        answer.pending_workflow_task.unwrap().attempt == 2
    })
    .await;
    let second = poll(&door).await;
    assert_eq!(second.attempt, 2);
    let late = complete(&door, first.task_token, finish()).await;
    assert_eq!(code(late), Code::NotFound);
    complete(&door, second.task_token, finish()).await.unwrap();
}
