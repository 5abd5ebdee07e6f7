//! Updates as the official SDK asks for and answers them, and across restarts.

use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use engine::Door;
use expect_test::expect;
use temporalio_client::errors::WorkflowUpdateError;
use temporalio_client::{
    Client, WorkflowExecuteUpdateOptions, WorkflowSignalOptions, WorkflowStartOptions,
    WorkflowStartUpdateOptions,
};
use temporalio_common::protos::temporal::api::enums::v1::UpdateWorkflowExecutionLifecycleStage as Lifecycle;
use temporalio_common::protos::temporal::api::failure::v1::Failure;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    UpdateWorkflowExecutionRequest, UpdateWorkflowExecutionResponse,
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::edges::{hold_the_disk, is_waiting};
use crate::letters::{Say, answer, update};
use crate::raw;
use crate::stage::{QUEUE, Stage, call, history, shape, until, work, work_on};
use crate::workflows::Acts;

/// Keeps an amount that updates change, until it is told to stop.
#[workflow]
#[derive(Default)]
pub(crate) struct Till {
    amount: i64,
    released: bool,
    closed: bool,
}

#[workflow_methods]
impl Till {
    #[run]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, _: ()) -> WorkflowResult<i64> {
        ctx.wait_condition(|s| s.closed).await?;
        Ok(ctx.state(|s| s.amount))
    }

    #[update]
    pub(crate) fn put(&mut self, _ctx: &mut SyncWorkflowContext<Self>, amount: i64) -> i64 {
        self.amount += amount;
        self.amount
    }

    #[update_validator(put)]
    fn check(
        &self,
        _ctx: &WorkflowContextView,
        amount: &i64,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match amount {
            ..=0 => Err("nothing to put".into()),
            _ => Ok(()),
        }
    }

    /// Accepted at once, done when released.
    #[update]
    pub(crate) async fn put_later(ctx: &mut WorkflowContext<Self>, amount: i64) -> i64 {
        let _ = ctx.wait_condition(|s| s.released).await;
        ctx.state_mut(|s| s.amount += amount);
        ctx.state(|s| s.amount)
    }

    #[signal]
    pub(crate) fn release(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _: ()) {
        self.released = true;
    }

    #[signal]
    pub(crate) fn close(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _: ()) {
        self.closed = true;
    }
}

type Handle = temporalio_client::WorkflowHandle<Client, Till>;

async fn till(client: &Client) -> Handle {
    let options = WorkflowStartOptions::new(QUEUE, "till").build();
    let handle = client.start_workflow(Till::run, (), options).await.unwrap();
    client.get_workflow_handle(handle.info().workflow_id.clone())
}

async fn put(handle: &Handle, id: &str, amount: i64) -> Result<i64, WorkflowUpdateError> {
    let options = WorkflowExecuteUpdateOptions::builder()
        .update_id(id.to_owned())
        .build();
    handle.execute_update(Till::put, amount, options).await
}

async fn close(handle: &Handle) -> i64 {
    let told = WorkflowSignalOptions::default();
    handle.signal(Till::close, (), told).await.unwrap();
    handle.get_result(Default::default()).await.unwrap()
}

fn failure(error: WorkflowUpdateError) -> Failure {
    match error {
        WorkflowUpdateError::Failed(failure) => *failure,
        other => panic!("another error: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_answered_once_and_a_rejected_one_leaves_no_trace() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let _worker = work(client.clone(), Acts::default());
    let handle = till(&client).await;
    assert_eq!(put(&handle, "one", 5).await.unwrap(), 5);
    let before = history(&stage.engine.door(), "till").await;
    for _ in 0..3 {
        let refused = failure(put(&handle, "none", 0).await.unwrap_err());
        assert!(refused.message.contains("nothing to put"), "{refused:?}");
    }
    let after = history(&stage.engine.door(), "till").await;
    assert_eq!(shape(&before), shape(&after));
    assert_eq!(put(&handle, "two", 7).await.unwrap(), 12);
    // The same update, long after it was done.
    assert_eq!(put(&handle, "one", 5).await.unwrap(), 5);
    assert_eq!(close(&handle).await, 12);
    assert_eq!(put(&handle, "two", 7).await.unwrap(), 12);
    let late = put(&handle, "three", 1).await.unwrap_err();
    assert!(matches!(late, WorkflowUpdateError::NotFound(_)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_a_cache_decides_the_same() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let _worker = work_on(client.clone(), Acts::default(), 0);
    let handle = till(&client).await;
    assert_eq!(put(&handle, "one", 5).await.unwrap(), 5);
    failure(put(&handle, "none", 0).await.unwrap_err());
    assert_eq!(put(&handle, "two", 7).await.unwrap(), 12);
    assert_eq!(close(&handle).await, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_with_one_id_are_one_update() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let _worker = work(client.clone(), Acts::default());
    let handle = till(&client).await;
    let callers = (0..20).map(|_| put(&handle, "same", 3));
    for answer in futures::future::join_all(callers).await {
        assert_eq!(answer.unwrap(), 3);
    }
    assert_eq!(close(&handle).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_answered_after_a_restart() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let worker = work(client.clone(), Acts::default());
    let handle = till(&client).await;
    assert_eq!(put(&handle, "one", 5).await.unwrap(), 5);
    let accepted = |handle: Handle| async move {
        let options = WorkflowStartUpdateOptions::builder()
            .update_id("later".to_owned())
            .build();
        handle
            .start_update(Till::put_later, 2, options)
            .await
            .unwrap()
    };
    accepted(handle).await;
    worker.stop();
    let stage = stage.restarted().await;
    let client = stage.client().await;
    let handle: Handle = client.get_workflow_handle("till");
    // No worker is there, and none is needed to know what was done and what was accepted.
    assert_eq!(put(&handle, "one", 5).await.unwrap(), 5);
    let waiting = accepted(handle).await;
    let _worker = work(client.clone(), Acts::default());
    let handle: Handle = client.get_workflow_handle("till");
    let told = WorkflowSignalOptions::default();
    handle.signal(Till::release, (), told).await.unwrap();
    let later = waiting.get_result(Default::default()).await.unwrap();
    assert_eq!(later, 7);
    assert_eq!(close(&handle).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_outlives_its_run_fails_and_one_nobody_saw_comes_again() {
    let stage = Stage::new().await;
    let client = stage.client().await;
    let worker = work(client.clone(), Acts::default());
    let handle = till(&client).await;
    let options = WorkflowStartUpdateOptions::default();
    let waiting = handle
        .start_update(Till::put_later, 2, options)
        .await
        .unwrap();
    assert_eq!(close(&handle).await, 0);
    let failed = failure(waiting.get_result(Default::default()).await.unwrap_err());
    expect!["Workflow Update failed because the Workflow completed before the Update completed."]
        .assert_eq(&failed.message);
    worker.stop();

    // Nobody works, so the update is only admitted when the engine goes away.
    let handle = till(&client).await;
    let asking = {
        let handle = client.get_workflow_handle("till");
        tokio::spawn(async move { put(&handle, "one", 5).await })
    };
    let door = stage.engine.door();
    until("the update waits", || async {
        let pending = crate::stage::describe(&door, "till").await.unwrap();
        pending.pending_workflow_task.is_some()
    })
    .await;
    drop(handle);
    let stage = stage.restarted().await;
    asking.abort();
    let client = stage.client().await;
    let _worker = work(client.clone(), Acts::default());
    let handle: Handle = client.get_workflow_handle("till");
    assert_eq!(put(&handle, "one", 5).await.unwrap(), 5);
    assert_eq!(close(&handle).await, 5);
}

async fn asked(
    door: &Door,
    request: UpdateWorkflowExecutionRequest,
) -> UpdateWorkflowExecutionResponse {
    call(door, "UpdateWorkflowExecution", &request)
        .await
        .unwrap()
}

#[tokio::test]
async fn who_waits_hears_after_a_while_how_far_it_has_come() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let stage = Stage::on(Arc::new(clock.clone())).await;
    let door = stage.engine.door();
    raw::started(&door, &raw::start("w")).await.unwrap();
    let asking = {
        let door = door.clone();
        tokio::spawn(async move { asked(&door, update("w", "u", Lifecycle::Accepted)).await })
    };
    // The worker has the update, and says nothing.
    let task = loop {
        let task = raw::poll(&door).await;
        match task.messages.is_empty() {
            true => answer(&door, task, Say::No).await,
            false => break task,
        };
    };
    clock.advance(Duration::from_secs(9));
    let token = task.task_token.clone();
    clock.advance(Duration::from_secs(11));
    let told = asking.await.unwrap();
    assert_eq!((told.stage(), told.outcome), (Lifecycle::Admitted, None));
    // The task went to somebody else meanwhile, and with it the update.
    let task = raw::poll(&door).await;
    assert_ne!(task.task_token, token);
    answer(&door, task, Say::Accepted).await;
    let asking = {
        let door = door.clone();
        tokio::spawn(async move { asked(&door, update("w", "u", Lifecycle::Completed)).await })
    };
    until("somebody waits", || async {
        clock.advance(Duration::from_secs(20));
        asking.is_finished()
    })
    .await;
    let told = asking.await.unwrap();
    assert_eq!((told.stage(), told.outcome), (Lifecycle::Accepted, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_answered_when_its_outcome_is_on_disk() {
    let stage = Stage::new().await;
    let door = stage.engine.door();
    raw::started(&door, &raw::start("w")).await.unwrap();
    let mut asking = Box::pin(asked(&door, update("w", "u", Lifecycle::Completed)));
    assert!(is_waiting(&mut asking));
    let task = raw::poll(&door).await;
    let intruder = hold_the_disk(&stage);
    let mut completing = Box::pin(answer(&door, task, Say::Done));
    assert!(is_waiting(&mut completing));
    assert!(is_waiting(&mut asking));
    // Nor is anybody told who asks when it is done already.
    let mut again = Box::pin(asked(&door, update("w", "u", Lifecycle::Completed)));
    assert!(is_waiting(&mut again));
    intruder.execute_batch("ROLLBACK").unwrap();
    completing.await;
    assert_eq!(asking.await.stage(), Lifecycle::Completed);
    assert_eq!(again.await.stage(), Lifecycle::Completed);
}
