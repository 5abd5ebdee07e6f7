//! Id reuse (closed runs), id conflict (running ones), and requests that are repeated.

use engine::Door;
use temporalio_client::tonic::{Code, Status};
use temporalio_common::protos::temporal::api::common::v1::WorkflowType;
use temporalio_common::protos::temporal::api::enums::v1::{
    WorkflowIdConflictPolicy as Conflict, WorkflowIdReusePolicy as Reuse,
};
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    SignalWithStartWorkflowExecutionRequest, SignalWithStartWorkflowExecutionResponse,
    SignalWorkflowExecutionRequest, SignalWorkflowExecutionResponse, StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse, TerminateWorkflowExecutionRequest,
    TerminateWorkflowExecutionResponse,
};

use crate::stage::{Stage, call, code, execution, history, shape};

fn start(reuse: Reuse, conflict: Conflict, request_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "w".to_owned(),
        workflow_type: Some(WorkflowType {
            name: "flow".to_owned(),
        }),
        task_queue: Some(TaskQueue {
            name: "nobody".to_owned(),
            ..Default::default()
        }),
        request_id: request_id.to_owned(),
        workflow_id_reuse_policy: reuse as i32,
        workflow_id_conflict_policy: conflict as i32,
        ..Default::default()
    }
}

async fn started(
    door: &Door,
    request: &StartWorkflowExecutionRequest,
) -> Result<StartWorkflowExecutionResponse, Status> {
    call(door, "StartWorkflowExecution", request).await
}

async fn terminate(door: &Door) {
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("w"),
        ..Default::default()
    };
    let _: TerminateWorkflowExecutionResponse = call(door, "TerminateWorkflowExecution", &request)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_running_workflow_is_refused_used_or_replaced() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let any = Reuse::AllowDuplicate;
    let first = started(&door, &start(any, Conflict::Fail, "r1"))
        .await
        .unwrap();
    assert!(first.started);

    let refused = started(&door, &start(any, Conflict::Fail, "r2"))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(!refused.details().is_empty());

    let repeated = started(&door, &start(any, Conflict::Fail, "r1"))
        .await
        .unwrap();
    assert_eq!(repeated.run_id, first.run_id);
    assert!(repeated.started);

    let used = started(&door, &start(any, Conflict::UseExisting, "r3"))
        .await
        .unwrap();
    assert_eq!(
        (used.run_id.as_str(), used.started),
        (first.run_id.as_str(), false)
    );

    let replaced = started(&door, &start(any, Conflict::TerminateExisting, "r4"))
        .await
        .unwrap();
    assert_ne!(replaced.run_id, first.run_id);
    let clash = start(Reuse::RejectDuplicate, Conflict::TerminateExisting, "r5");
    assert_eq!(code(started(&door, &clash).await), Code::InvalidArgument);
}

#[tokio::test]
async fn a_closed_workflow_is_repeated_only_where_allowed_even_after_a_restart() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start(Reuse::AllowDuplicate, Conflict::Fail, "r1"))
        .await
        .unwrap();
    terminate(&door).await;
    let stage = stage.restarted().await;
    let door = stage.engine.door();
    let reject = start(Reuse::RejectDuplicate, Conflict::Fail, "r2");
    assert_eq!(code(started(&door, &reject).await), Code::AlreadyExists);
    // It did not finish well, so it may be tried again.
    let failed_only = start(Reuse::AllowDuplicateFailedOnly, Conflict::Fail, "r3");
    assert!(started(&door, &failed_only).await.unwrap().started);
}

#[tokio::test]
async fn a_repeated_signal_counts_once_also_after_a_restart() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start(Reuse::AllowDuplicate, Conflict::Fail, "r1"))
        .await
        .unwrap();
    let signal = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("w"),
        signal_name: "go".to_owned(),
        request_id: "s1".to_owned(),
        ..Default::default()
    };
    let send = |door: Door| {
        let signal = signal.clone();
        async move {
            let _: SignalWorkflowExecutionResponse =
                call(&door, "SignalWorkflowExecution", &signal)
                    .await
                    .unwrap();
        }
    };
    send(door.clone()).await;
    send(door.clone()).await;
    let stage = stage.restarted().await;
    send(stage.engine.door()).await;
    let events = history(&stage.engine.door(), "w").await;
    assert_eq!(shape(&events).matches("Signaled").count(), 1);
}

#[tokio::test]
async fn signal_with_start_starts_once_and_signals_every_time() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let mut runs = Vec::new();
    for request_id in ["a", "b"] {
        let of = start(Reuse::AllowDuplicate, Conflict::Unspecified, request_id);
        let request = SignalWithStartWorkflowExecutionRequest {
            namespace: of.namespace,
            workflow_id: of.workflow_id,
            workflow_type: of.workflow_type,
            task_queue: of.task_queue,
            request_id: of.request_id,
            signal_name: "go".to_owned(),
            ..Default::default()
        };
        let answer: SignalWithStartWorkflowExecutionResponse =
            call(&door, "SignalWithStartWorkflowExecution", &request)
                .await
                .unwrap();
        runs.push((answer.run_id, answer.started));
    }
    assert_eq!(runs[0].0, runs[1].0);
    assert_eq!((runs[0].1, runs[1].1), (true, false));
    let shape = shape(&history(&door, "w").await);
    assert_eq!(
        shape,
        "1 WorkflowExecutionStarted\n2 WorkflowExecutionSignaled\n3 WorkflowTaskScheduled\n4 WorkflowExecutionSignaled\n"
    );
}
