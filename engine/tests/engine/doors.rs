//! Both doors: the same worker over TCP, and what is refused at either.

use engine::ServeError;
use temporalio_client::WorkflowStartOptions;
use temporalio_client::tonic::Code;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    GetSystemInfoRequest, GetSystemInfoResponse, PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse, RespondActivityTaskCompletedRequest,
    RespondActivityTaskCompletedResponse, StartWorkflowExecutionResponse,
};
use tokio::net::TcpListener;

use crate::raw::{NAMESPACE, queue, start};
use crate::stage::{QUEUE, Stage, call, client_over_tcp, code, work};
use crate::wire::Wire;
use crate::workflows::{Acts, Three};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_worker_runs_over_tcp() {
    let stage = Stage::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let engine = stage.engine;
    let serving = async {
        engine
            .serve(listener, async {
                let _ = stopped.await;
            })
            .await
            .unwrap();
    };
    let working = async {
        let client = client_over_tcp(&address).await;
        let worker = work(client_over_tcp(&address).await, Acts::default());
        let options = WorkflowStartOptions::new(QUEUE, "w").build();
        let handle = client
            .start_workflow(Three::run, "t".to_owned(), options)
            .await
            .unwrap();
        let result = handle.get_result(Default::default()).await.unwrap();
        assert_eq!(result, "settle t done");
        tokio::task::spawn_blocking(|| worker.stop()).await.unwrap();
        drop(stop);
    };
    tokio::join!(serving, working);
}

#[tokio::test]
async fn a_poll_keeps_nobody_of_its_connection_waiting_and_given_up_takes_no_task() {
    let stage = Stage::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let wire = Wire::to(address, None).await;
    let poll = PollWorkflowTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: queue(),
        ..Default::default()
    };
    let asked = async || {
        let info = GetSystemInfoRequest::default();
        let info: GetSystemInfoResponse = wire.ask("GetSystemInfo", &info).await.unwrap();
        assert!(info.capabilities.is_some());
    };
    let telling = async {
        for _ in 0..3 {
            let waiting =
                wire.ask::<_, PollWorkflowTaskQueueResponse>("PollWorkflowTaskQueue", &poll);
            tokio::select! {
                biased;
                answer = waiting => panic!("there is nothing to do: {answer:?}"),
                () = asked() => {}
            }
        }
        // What a connection said before, that the polls are given up, is known now.
        asked().await;
        let started: StartWorkflowExecutionResponse = wire
            .ask("StartWorkflowExecution", &start("w"))
            .await
            .unwrap();
        let task: PollWorkflowTaskQueueResponse =
            wire.ask("PollWorkflowTaskQueue", &poll).await.unwrap();
        assert_eq!(task.workflow_execution.unwrap().run_id, started.run_id);
        assert_eq!(task.attempt, 1);
    };
    tokio::select! {
        served = stage.engine.serve(listener, std::future::pending()) => served.unwrap(),
        () = telling => {}
    }
}

#[tokio::test]
async fn beyond_loopback_nothing_is_served() {
    let stage = Stage::new().await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = stage.engine.serve(listener, std::future::pending()).await;
    assert!(matches!(refused, Err(ServeError::Unprotected { .. })));
}

#[tokio::test]
async fn what_is_not_built_says_so_by_name() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let answer: Result<GetSystemInfoResponse, _> =
        call(&door, "ComposeSymphony", &GetSystemInfoRequest::default()).await;
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("ComposeSymphony"));
    let info: GetSystemInfoResponse =
        call(&door, "GetSystemInfo", &GetSystemInfoRequest::default())
            .await
            .unwrap();
    assert!(!info.capabilities.unwrap().nexus);
}

#[tokio::test]
async fn a_forged_token_and_an_undecodable_request_are_refused() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let forged = RespondActivityTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: b"let me in, please, it is me".to_vec(),
        ..Default::default()
    };
    let answer: Result<RespondActivityTaskCompletedResponse, _> =
        call(&door, "RespondActivityTaskCompleted", &forged).await;
    assert_eq!(code(answer), Code::InvalidArgument);
    let service = "temporal.api.workflowservice.v1.WorkflowService";
    let garbage = door
        .call(
            service,
            "StartWorkflowExecution",
            Default::default(),
            vec![0xFF; 7].into(),
        )
        .await;
    assert_eq!(code(garbage), Code::InvalidArgument);
    let nowhere = PollWorkflowTaskQueueRequest {
        namespace: "elsewhere".to_owned(),
        ..Default::default()
    };
    let answer: Result<PollWorkflowTaskQueueResponse, _> =
        call(&door, "PollWorkflowTaskQueue", &nowhere).await;
    assert_eq!(code(answer), Code::NotFound);
}
