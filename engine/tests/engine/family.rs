//! Workflows that have to do with each other, through the official SDK.

use std::path::Path;

use ambient::SystemClock;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_client::{UntypedWorkflow, WorkflowStartOptions};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ChildWorkflowOptions, WorkflowContext, WorkflowResult};

use crate::crash::{STORE, accepted_before_kills};
use crate::stage::{QUEUE, Stage, client, history, open, shape, until, work, work_on};
use crate::workflows::{Acts, Counter, Patient, Three};

fn named(id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(QUEUE, id).build()
}

fn child(id: &str) -> ChildWorkflowOptions {
    ChildWorkflowOptions::workflow_id(id.to_owned())
}

/// Has a child that counts, and tells it to; and one whose id is taken.
#[workflow]
#[derive(Default)]
pub(crate) struct Mother;

#[workflow_methods]
impl Mother {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, _: ()) -> WorkflowResult<String> {
        let first = ctx
            .start_child_workflow(Counter::run, 3, child("child"))
            .await?;
        first.signal(Counter::add, 1, Default::default()).await?;
        let again = ctx
            .start_child_workflow(Counter::run, 3, child("child"))
            .await;
        let taken = again.is_err();
        first.signal(Counter::add, 2, Default::default()).await?;
        let count = first.result().await?;
        Ok(format!("counted to {count}, taken: {taken}"))
    }
}

/// Signals one stranger, cancels another, and finds no third one.
#[workflow]
#[derive(Default)]
pub(crate) struct Stranger;

#[workflow_methods]
impl Stranger {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, _: ()) -> WorkflowResult<bool> {
        let counter = ctx.external_workflow("counter", None);
        counter.signal(Counter::add, 1, Default::default()).await?;
        let nobody = ctx.external_workflow("nobody", None);
        let lost = nobody.signal(Counter::add, 1, Default::default()).await;
        let patient = ctx.external_workflow("patient", None);
        patient.cancel(Some("enough".to_owned())).await?;
        Ok(lost.is_err())
    }
}

/// Has one child after the other do three steps.
#[workflow]
#[derive(Default)]
pub(crate) struct Line;

#[workflow_methods]
impl Line {
    #[run]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        name: String,
    ) -> WorkflowResult<String> {
        let mut last = String::new();
        for turn in 0..3 {
            let id = format!("{name}-{turn}");
            let started = ctx
                .start_child_workflow(Three::run, id.clone(), child(&id))
                .await?;
            last = started.result().await?;
        }
        Ok(last)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_talks_to_its_child_and_hears_its_result() {
    // Also with a worker that has to replay for every task.
    for cached in [1_000, 0] {
        let stage = Stage::new().await;
        let client = stage.client().await;
        let _worker = work_on(client.clone(), Acts::default(), cached);
        let handle = client
            .start_workflow(Mother::run, (), named("mother"))
            .await
            .unwrap();
        let result = handle.get_result(Default::default()).await.unwrap();
        assert_eq!(result, "counted to 3, taken: true");
        let shape = shape(&history(&stage.engine.door(), "mother").await);
        assert!(
            shape.contains("StartChildWorkflowExecutionFailed"),
            "{shape}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_signalled_and_cancelled() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let acts = Acts::default();
    let _worker = work(client.clone(), acts.clone());
    let counter = client.start_workflow(Counter::run, 1, named("counter"));
    let counter = counter.await.unwrap();
    let patient = client.start_workflow(Patient::run, (), named("patient"));
    let patient = patient.await.unwrap();
    until("the activity runs", || async {
        acts.said().contains(&"endless".to_owned())
    })
    .await;
    let stranger = client.start_workflow(Stranger::run, (), named("stranger"));
    let stranger = stranger.await.unwrap();
    assert!(stranger.get_result(Default::default()).await.unwrap());
    assert_eq!(counter.get_result(Default::default()).await.unwrap(), 1);
    assert_eq!(
        patient.get_result(Default::default()).await.unwrap(),
        "stopped"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_ends_with_its_terminated_parent() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let _worker = work(client.clone(), Acts::default());
    let mother = client.start_workflow(Mother::run, (), named("mother"));
    let mother = mother.await.unwrap();
    let door = stage.engine.door();
    until("the child has come", || async {
        let shape = shape(&history(&door, "mother").await);
        shape.contains("ChildWorkflowExecutionStarted")
    })
    .await;
    mother.terminate(Default::default()).await.unwrap();
    let child = client.get_workflow_handle::<UntypedWorkflow>("child");
    let ended = child.get_result(Default::default()).await;
    // It may have been done before.
    assert!(matches!(
        ended,
        Ok(_) | Err(WorkflowGetResultError::Terminated { .. })
    ));
}

/// Not a test of its own: starts parents one after the other, and says which were accepted.
#[test]
fn restless_parents() {
    let Some(path) = std::env::var_os(STORE) else {
        return;
    };
    let tokio = tokio::runtime::Runtime::new().unwrap();
    tokio.block_on(async {
        let engine = open(Path::new(&path), SystemClock::shared()).await;
        let client = client(&engine.door()).await;
        let _worker = work(client.clone(), Acts::default());
        for n in 0.. {
            let id = format!("{}-{n}", std::process::id());
            let started = client.start_workflow(Line::run, id.clone(), named(&id));
            started.await.unwrap();
            println!("ACCEPTED {id}");
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_parent_finishes_with_one_run_of_each_child_however_often_the_process_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.db");
    let accepted = accepted_before_kills("family::restless_parents", &path, [3, 11, 20]);
    let engine = open(&path, SystemClock::shared()).await;
    let client = client(&engine.door()).await;
    let _worker = work(client.clone(), Acts::default());
    for id in accepted {
        let handle = client.get_workflow_handle::<Line>(id.clone());
        let result = handle.get_result(Default::default()).await.unwrap();
        assert_eq!(result, format!("settle {id}-2 done"));
        let shape = shape(&history(&engine.door(), &id).await);
        let started = shape.matches("ChildWorkflowExecutionStarted").count();
        let ended = shape.matches("ChildWorkflowExecutionCompleted").count();
        assert_eq!((started, ended), (3, 3), "{shape}");
    }
}
