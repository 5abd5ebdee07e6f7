//! Moments between two moments: what is known but not yet on disk, queues that outlived their
//! worker, input at the edge of sense.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use engine::Door;
use futures_util::FutureExt;
use temporalio_client::tonic::{Code, Status};
use temporalio_common::protos::temporal::api::enums::v1::{QueryResultType, TaskQueueKind};
use temporalio_common::protos::temporal::api::query::v1::{WorkflowQuery, WorkflowQueryResult};
use temporalio_common::protos::temporal::api::taskqueue::v1::{
    StickyExecutionAttributes, TaskQueue,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

use crate::raw::{NAMESPACE, complete, finish, poll, start, started};
use crate::stage::{Stage, call, code, describe, execution, history, until};

/// Another program holds the database for itself: nothing reaches the disk until it lets go.
pub(crate) fn hold_the_disk(stage: &Stage) -> rusqlite::Connection {
    let intruder = rusqlite::Connection::open(stage.path()).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    intruder
}

pub(crate) fn is_waiting<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    future.now_or_never().is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_waits_for_what_it_is_based_on() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    assert_eq!(code(describe(&door, "w").await), Code::NotFound);
    let intruder = hold_the_disk(&stage);
    let request = start("w");
    let mut first = Box::pin(started(&door, &request));
    assert!(is_waiting(&mut first));
    // Were it refused now, a crash could leave neither: the other one, nor this.
    let mut second = Box::pin(started(&door, &request));
    assert!(is_waiting(&mut second));
    let terminate = TerminateWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: execution("w"),
        ..Default::default()
    };
    let end = async || -> Result<TerminateWorkflowExecutionResponse, Status> {
        call(&door, "TerminateWorkflowExecution", &terminate).await
    };
    let mut ended = Box::pin(end());
    assert!(is_waiting(&mut ended));
    let mut ended_again = Box::pin(end());
    assert!(is_waiting(&mut ended_again));
    intruder.execute_batch("ROLLBACK").unwrap();
    first.await.unwrap();
    assert_eq!(code(second.await), Code::AlreadyExists);
    ended.await.unwrap();
    assert_eq!(code(ended_again.await), Code::NotFound);
}

async fn ask(door: &Door, workflow_id: &str) -> Result<QueryWorkflowResponse, Status> {
    let request = QueryWorkflowRequest {
        namespace: NAMESPACE.to_owned(),
        execution: execution(workflow_id),
        query: Some(WorkflowQuery {
            query_type: "state".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    call(door, "QueryWorkflow", &request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_answered_when_what_it_saw_is_on_disk() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start("w")).await.unwrap();
    let mut query = Box::pin(ask(&door, "w"));
    assert!(is_waiting(&mut query));
    let task = poll(&door).await;
    let id = task.queries.keys().next().unwrap().clone();
    let answer = WorkflowQueryResult {
        result_type: QueryResultType::Answered as i32,
        ..Default::default()
    };
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: task.task_token,
        query_results: [(id, answer)].into(),
        ..Default::default()
    };
    let intruder = hold_the_disk(&stage);
    let mut completing = Box::pin(call::<_, RespondWorkflowTaskCompletedResponse>(
        &door,
        "RespondWorkflowTaskCompleted",
        &request,
    ));
    assert!(is_waiting(&mut completing));
    assert!(is_waiting(&mut query));
    intruder.execute_batch("ROLLBACK").unwrap();
    completing.await.unwrap();
    query.await.unwrap();
}

#[tokio::test]
async fn queries_nobody_waits_for_any_more_make_room() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start("w")).await.unwrap();
    for _ in 0..300 {
        let mut given_up = Box::pin(ask(&door, "w"));
        assert!(is_waiting(&mut given_up));
    }
}

fn sticky(name: &str) -> Option<TaskQueue> {
    Some(TaskQueue {
        name: name.to_owned(),
        kind: TaskQueueKind::Sticky as i32,
        normal_name: "raw".to_owned(),
    })
}

async fn poll_sticky(door: &Door, name: &str) -> PollWorkflowTaskQueueResponse {
    let request = PollWorkflowTaskQueueRequest {
        namespace: NAMESPACE.to_owned(),
        task_queue: sticky(name),
        ..Default::default()
    };
    call(door, "PollWorkflowTaskQueue", &request).await.unwrap()
}

/// Completes a task, sticks to a queue and asks for another task at once.
async fn go_on(door: &Door, task_token: Vec<u8>, name: &str) {
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token,
        sticky_attributes: Some(StickyExecutionAttributes {
            worker_task_queue: sticky(name),
            schedule_to_start_timeout: Some(Duration::from_secs(5).try_into().unwrap()),
        }),
        force_create_new_workflow_task: true,
        ..Default::default()
    };
    let _: RespondWorkflowTaskCompletedResponse =
        call(door, "RespondWorkflowTaskCompleted", &request)
            .await
            .unwrap();
}

#[tokio::test]
async fn a_worker_the_run_no_longer_sticks_to_gets_the_whole_history() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let stage = Stage::on(Arc::new(clock.clone())).await;
    let door = stage.engine.door();
    let mut listening = Box::pin(poll_sticky(&door, "one"));
    assert!(is_waiting(&mut listening));
    started(&door, &start("w")).await.unwrap();
    let task = poll(&door).await;
    go_on(&door, task.task_token, "one").await;
    let cached = listening.await;
    assert!(cached.history.unwrap().events[0].event_id > 1);
    // The next task waits for the first worker until its patience ends, and goes to the second.
    go_on(&door, cached.task_token, "one").await;
    clock.advance(Duration::from_secs(5));
    let task = poll(&door).await;
    assert_eq!(task.history.unwrap().events[0].event_id, 1);
    go_on(&door, task.task_token, "two").await;
    // What the first worker finds in its old queue now, it has seen only half of.
    let late = poll_sticky(&door, "one").await;
    assert_eq!(late.history.unwrap().events[0].event_id, 1);
}

#[tokio::test]
async fn a_record_missing_at_the_end_is_noticed() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start("open")).await.unwrap();
    let task = poll(&door).await;
    complete(&door, task.task_token, crate::raw::schedule())
        .await
        .unwrap();
    started(&door, &start("closed")).await.unwrap();
    let task = poll(&door).await;
    complete(&door, task.task_token, finish()).await.unwrap();
    let path = stage.path();
    let Stage { dir, engine } = stage;
    engine.close().await;
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("DELETE FROM records WHERE number = 1", [])
        .unwrap();
    drop(db);
    let engine = crate::stage::open(&path, ambient::SystemClock::shared()).await;
    let door = engine.door();
    assert_eq!(code(describe(&door, "open").await), Code::DataLoss);
    assert_eq!(code(describe(&door, "closed").await), Code::DataLoss);
    drop(dir);
}

#[tokio::test]
async fn a_listing_is_answered_or_refused_whatever_is_asked() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    started(&door, &start("w")).await.unwrap();
    let list = async |query: String| -> Result<ListWorkflowExecutionsResponse, Status> {
        let request = ListWorkflowExecutionsRequest {
            namespace: NAMESPACE.to_owned(),
            query,
            ..Default::default()
        };
        call(&door, "ListWorkflowExecutions", &request).await
    };
    let many = vec!["'w'"; 3_000].join(",");
    let found = list(format!("WorkflowId IN ({many})")).await.unwrap();
    assert_eq!(found.executions.len(), 1);
    let words = [
        "WorkflowId",
        "`a\\b`",
        "`a]b[`",
        "`$`",
        "``",
        "x.y",
        "=",
        "!=",
        "<",
        "IN",
        "NOT",
        "(",
        ")",
        ",",
        "'w'",
        "'*[?'",
        "\"q\"",
        "1",
        "-",
        "1e999",
        "9999999999999999999",
        "true",
        "IS",
        "NULL",
        "AND",
        "OR",
        "BETWEEN",
        "STARTS_WITH",
        "StartTime",
        "ExecutionStatus",
        "'Running'",
        "'2026-01-01T00:00:00Z'",
        "GROUP",
        "BY",
        "'\0'",
        "`\0`",
    ];
    let mut seed = 7_u64;
    for _ in 0..4_000 {
        let mut query = String::new();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        for n in 0..3 + seed % 6 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(n + 1);
            let at = usize::try_from(seed >> 33).unwrap() % words.len();
            query.push_str(words[at]);
            query.push(' ');
        }
        if let Err(status) = list(query.clone()).await {
            assert_eq!(status.code(), Code::InvalidArgument, "{query}: {status}");
        }
    }
    for name in ["`a\\b`", "`a]b[`", "`$`", "``", "`\0`", "`a\nb`"] {
        for rest in [
            "= 1",
            "IS NULL",
            "STARTS_WITH 'a'",
            "STARTS_WITH 5",
            "> 1e999",
        ] {
            let query = format!("{name} {rest}");
            if let Err(status) = list(query.clone()).await {
                assert_eq!(status.code(), Code::InvalidArgument, "{query}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn timeouts_are_cut_to_what_makes_sense_and_negative_ones_refused() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    let long = Some(Duration::from_secs(100_000).try_into().unwrap());
    let request = StartWorkflowExecutionRequest {
        workflow_task_timeout: long,
        ..start("long")
    };
    started(&door, &request).await.unwrap();
    let config = describe(&door, "long").await.unwrap().execution_config;
    let task_timeout = config.unwrap().default_workflow_task_timeout.unwrap();
    assert_eq!(task_timeout.seconds, 120);
    let negative = long.map(|wait: prost_types::Duration| prost_types::Duration {
        seconds: -wait.seconds,
        ..wait
    });
    for request in [
        StartWorkflowExecutionRequest {
            workflow_task_timeout: negative,
            ..start("n")
        },
        StartWorkflowExecutionRequest {
            workflow_run_timeout: negative,
            ..start("n")
        },
        StartWorkflowExecutionRequest {
            workflow_execution_timeout: negative,
            ..start("n")
        },
        StartWorkflowExecutionRequest {
            workflow_start_delay: negative,
            ..start("n")
        },
    ] {
        assert_eq!(code(started(&door, &request).await), Code::InvalidArgument);
    }
    // As far in the future as can be said: accepted, and the clockwork goes on.
    let forever = Some(prost_types::Duration {
        seconds: i64::MAX,
        nanos: i32::MAX,
    });
    let request = StartWorkflowExecutionRequest {
        workflow_run_timeout: forever,
        workflow_execution_timeout: forever,
        workflow_start_delay: forever,
        ..start("forever")
    };
    started(&door, &request).await.unwrap();
    until("the run is there", || async {
        history(&door, "forever").await.len() == 1
    })
    .await;
}
