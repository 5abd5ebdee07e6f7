//! What a workflow may expect of the engine under it.

use expect_test::expect;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_client::{WorkflowQueryOptions, WorkflowSignalOptions, WorkflowStartOptions};
use temporalio_common::protos::temporal::api::enums::v1::PendingActivityState;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    CountWorkflowExecutionsRequest, CountWorkflowExecutionsResponse, ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
};

use crate::stage::{QUEUE, Stage, call, describe, history, shape, until, work, work_on};
use crate::workflows::{
    Acts, Countdown, Counter, Fainting, Noted, Patient, Retried, Sleeper, Three,
};

fn named(id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(QUEUE, id).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_activities_run_in_order() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let acts = Acts::default();
    let _worker = work(client.clone(), acts.clone());
    let handle = client
        .start_workflow(Three::run, "t1".to_owned(), named("w"))
        .await
        .unwrap();
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "settle t1 done");
    assert_eq!(acts.said(), ["debit t1", "credit t1", "settle t1"]);
    expect![[r#"
        1 WorkflowExecutionStarted
        2 WorkflowTaskScheduled
        3 WorkflowTaskStarted
        4 WorkflowTaskCompleted
        5 ActivityTaskScheduled
        6 ActivityTaskStarted
        7 ActivityTaskCompleted
        8 WorkflowTaskScheduled
        9 WorkflowTaskStarted
        10 WorkflowTaskCompleted
        11 ActivityTaskScheduled
        12 ActivityTaskStarted
        13 ActivityTaskCompleted
        14 WorkflowTaskScheduled
        15 WorkflowTaskStarted
        16 WorkflowTaskCompleted
        17 ActivityTaskScheduled
        18 ActivityTaskStarted
        19 ActivityTaskCompleted
        20 WorkflowTaskScheduled
        21 WorkflowTaskStarted
        22 WorkflowTaskCompleted
        23 WorkflowExecutionCompleted
    "#]]
    .assert_eq(&shape(&history(&stage.engine.door(), "w").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_a_cache_replays_every_time() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let acts = Acts::default();
    let _worker = work_on(client.clone(), acts.clone(), 0);
    let handle = client
        .start_workflow(Three::run, "t1".to_owned(), named("w"))
        .await
        .unwrap();
    handle.get_result(Default::default()).await.unwrap();
    assert_eq!(acts.said().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_too_small_costs_replays_and_nothing_else() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let _worker = work_on(client.clone(), Acts::default(), 1);
    let mut handles = Vec::new();
    for n in 0..5 {
        let id = format!("w{n}");
        handles.push(
            client
                .start_workflow(Counter::run, 2, named(&id))
                .await
                .unwrap(),
        );
    }
    for _ in 0..2 {
        for handle in &handles {
            handle
                .signal(Counter::add, 1, WorkflowSignalOptions::default())
                .await
                .unwrap();
        }
    }
    for handle in handles {
        assert_eq!(handle.get_result(Default::default()).await.unwrap(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_until_it_works_or_the_attempts_are_used_up() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let acts = Acts::default();
    let _worker = work(client.clone(), acts.clone());
    let handle = client
        .start_workflow(Retried::run, 2, named("works"))
        .await
        .unwrap();
    assert_eq!(handle.get_result(Default::default()).await.unwrap(), 3);
    let handle = client
        .start_workflow(Retried::run, 9, named("fails"))
        .await
        .unwrap();
    let error = handle.get_result(Default::default()).await.unwrap_err();
    assert!(matches!(error, WorkflowGetResultError::Failed(_)));
    assert_eq!(acts.said().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_and_local_activities_survive_a_replay() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let acts = Acts::default();
    let _worker = work_on(client.clone(), acts.clone(), 0);
    let handle = client
        .start_workflow(Noted::run, false, named("w"))
        .await
        .unwrap();
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "local done, new way: true");
    assert_eq!(acts.said(), ["local"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_fire() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let _worker = work(client.clone(), Acts::default());
    let handle = client
        .start_workflow(Sleeper::run, 50, named("w"))
        .await
        .unwrap();
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "awake");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_arrive_and_queries_see_them_even_after_the_end() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let worker = work(client.clone(), Acts::default());
    let handle = client
        .start_workflow(Counter::run, 3, named("w"))
        .await
        .unwrap();
    let count = || handle.query(Counter::count, (), WorkflowQueryOptions::default());
    assert_eq!(count().await.unwrap(), 0);
    let add = |n| handle.signal(Counter::add, n, WorkflowSignalOptions::default());
    add(2).await.unwrap();
    assert_eq!(count().await.unwrap(), 2);
    add(1).await.unwrap();
    assert_eq!(handle.get_result(Default::default()).await.unwrap(), 3);
    assert_eq!(count().await.unwrap(), 3);
    worker.stop();
    // Another worker, which has never seen the run, answers from its history.
    let _worker = work(stage.client().await, Acts::default());
    assert_eq!(count().await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancellation_reaches_a_running_activity() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let acts = Acts::default();
    let _worker = work(client.clone(), acts.clone());
    let handle = client
        .start_workflow(Patient::run, (), named("w"))
        .await
        .unwrap();
    until("the activity runs", || async { !acts.said().is_empty() }).await;
    let door = stage.engine.door();
    let pending = describe(&door, "w").await.unwrap().pending_activities;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].state(), PendingActivityState::Started);
    assert_eq!(pending[0].attempt, 1);
    handle.cancel(Default::default()).await.unwrap();
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn termination_is_final() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let handle = client
        .start_workflow(Counter::run, 3, named("w"))
        .await
        .unwrap();
    handle.terminate(Default::default()).await.unwrap();
    let error = handle.get_result(Default::default()).await.unwrap_err();
    assert!(matches!(error, WorkflowGetResultError::Terminated { .. }));
    let signal = handle.signal(Counter::add, 1, WorkflowSignalOptions::default());
    assert!(signal.await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_activity_is_tried_again_with_its_last_heartbeat() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let acts = Acts::default();
    let _worker = work(client.clone(), acts.clone());
    let handle = client
        .start_workflow(Fainting::run, (), named("w"))
        .await
        .unwrap();
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "half way");
    assert_eq!(acts.said(), ["fainted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_continues_as_new_is_one_to_its_caller() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let _worker = work(client.clone(), Acts::default());
    let handle = client
        .start_workflow(Countdown::run, 3, named("w"))
        .await
        .unwrap();
    let result = handle.get_result(Default::default()).await.unwrap();
    assert_eq!(result, "lift-off");
    // The last run remembers the first.
    let started = history(&stage.engine.door(), "w").await.remove(0);
    assert!(format!("{started:?}").contains(handle.run_id().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_all_finish() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let acts = Acts::default();
    let _worker = work_on(client.clone(), acts.clone(), 50);
    let starts = (0..200).map(|n| {
        let client = client.clone();
        async move {
            let handle = client
                .start_workflow(Three::run, n.to_string(), named(&format!("w{n}")))
                .await
                .unwrap();
            handle.get_result(Default::default()).await.unwrap()
        }
    });
    let results = futures::future::join_all(starts).await;
    assert_eq!(results.len(), 200);
    assert_eq!(acts.said().len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_and_counted() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let _worker = work(client.clone(), Acts::default());
    for id in ["a", "b"] {
        let handle = client
            .start_workflow(Sleeper::run, 1, named(id))
            .await
            .unwrap();
        handle.get_result(Default::default()).await.unwrap();
    }
    client
        .start_workflow(Counter::run, 1, named("c"))
        .await
        .unwrap();
    let door = stage.engine.door();
    let list = |query: &str| {
        let request = ListWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            query: query.to_owned(),
            ..Default::default()
        };
        let door = door.clone();
        async move {
            let answer: ListWorkflowExecutionsResponse =
                call(&door, "ListWorkflowExecutions", &request)
                    .await
                    .unwrap();
            let ids = answer
                .executions
                .into_iter()
                .map(|run| run.execution.unwrap().workflow_id);
            ids.collect::<Vec<_>>()
        }
    };
    assert_eq!(list("").await, ["c", "b", "a"]);
    let noted = client
        .start_workflow(Noted::run, true, named("d"))
        .await
        .unwrap();
    noted.get_result(Default::default()).await.unwrap();
    assert_eq!(list("Customer = 'anna' AND Level > 41").await, ["d"]);
    assert_eq!(list("Customer = 'bob' OR Level IS NULL").await.len(), 3);
    assert_eq!(
        list("WorkflowType = 'Sleeper' AND ExecutionStatus = 'Completed'")
            .await
            .len(),
        2
    );
    let request = CountWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        query: "GROUP BY ExecutionStatus".to_owned(),
    };
    let counted: CountWorkflowExecutionsResponse = call(&door, "CountWorkflowExecutions", &request)
        .await
        .unwrap();
    assert_eq!((counted.count, counted.groups.len()), (4, 2));
}
