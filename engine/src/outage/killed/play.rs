//! Clients and workers that play a scene, and note what they were told: before a kill, and again by
//! whoever comes after it, who asks only for what was not acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use temporalio_protos::temporal::api::command::v1::Command;
use temporalio_protos::temporal::api::workflowservice::v1::*;
use tokio::task::AbortHandle;
use tonic::{Code, Status};

use super::super::work::{NAMESPACE, call};
use super::flows::{decide, failure, number};
use super::notes::{Note, seen};
use super::scenes::{Ask, Scene, queue};
use crate::Door;
use crate::engine::Engine;
use crate::store::Head;

pub(super) type Say = Arc<dyn Fn(Note) + Send + Sync>;

/// Stops the workers when dropped.
struct Workers(Vec<AbortHandle>);

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &self.0 {
            worker.abort();
        }
    }
}

/// Plays the scene until all of its runs are over. Nothing is forgiven in the first play; in a
/// later one a request may have been carried out before.
pub(super) async fn play(
    engine: &Engine,
    scene: &Scene,
    acknowledged: &BTreeSet<usize>,
    again: bool,
    say: &Say,
) -> Result<(), String> {
    let door = engine.door();
    let deciding = tokio::spawn(decide_all(door.clone(), Arc::clone(say)));
    let acting = tokio::spawn(act_all(door.clone(), Arc::clone(say)));
    let _workers = Workers(vec![deciding.abort_handle(), acting.abort_handle()]);
    for (number, asked) in scene.asks.iter().enumerate() {
        if acknowledged.contains(&number) {
            continue;
        }
        match ask(engine, asked).await {
            Ok(()) => say(Note::Acknowledged(number)),
            Err(error) if again && is_done_already(&error) => {}
            Err(error) => return Err(format!("request {number}: {error}")),
        }
    }
    over(engine, scene.runs, true).await;
    Ok(())
}

fn is_done_already(error: &Status) -> bool {
    [Code::NotFound, Code::AlreadyExists].contains(&error.code())
}

async fn ask(engine: &Engine, asked: &Ask) -> Result<(), Status> {
    match asked {
        Ask::Call(rpc, proto) => ask_one(&engine.door(), rpc, proto).await,
        Ask::Together(asks) => {
            let all = asks.iter().map(async |asked| match asked {
                Ask::Call(rpc, proto) => ask_one(&engine.door(), rpc, proto).await,
                _ => Ok(()),
            });
            futures_util::future::try_join_all(all).await.map(drop)
        }
        Ask::Over(runs) => {
            over(engine, *runs, false).await;
            Ok(())
        }
    }
}

async fn ask_one(door: &Door, rpc: &str, proto: &Bytes) -> Result<(), Status> {
    let service = crate::door::WORKFLOW_SERVICE;
    loop {
        let asked = door.call(service, rpc, Default::default(), proto.clone());
        let reply = asked.await?;
        // An answer without an outcome is a long poll that was over too soon.
        let is_over = rpc != "UpdateWorkflowExecution"
            || UpdateWorkflowExecutionResponse::decode(reply.proto.as_slice())
                .is_ok_and(|answer| answer.outcome.is_some());
        if is_over {
            return Ok(());
        }
    }
}

/// Every run that the store knows.
pub(super) fn heads(engine: &Engine) -> Vec<Head> {
    let reader = &engine.host().reader;
    (1..).map_while(|row| reader.by_row(row).unwrap()).collect()
}

/// Looks until so many runs are over, and none is open if `all`.
async fn over(engine: &Engine, runs: usize, all: bool) {
    loop {
        let heads = heads(engine);
        let closed = heads.iter().filter(|head| head.closed_at.is_some()).count();
        if closed >= runs && (!all || closed == heads.len()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn decide_all(door: Door, say: Say) {
    loop {
        let request = PollWorkflowTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: queue(),
            ..PollWorkflowTaskQueueRequest::default()
        };
        let polled: Result<PollWorkflowTaskQueueResponse, _> =
            call(&door, "PollWorkflowTaskQueue", &request).await;
        let Ok(task) = polled else {
            tokio::task::yield_now().await;
            continue;
        };
        let (Some(history), Some(kind)) = (task.history, task.workflow_type) else {
            // An engine that closes answers at once, and for ever.
            tokio::task::yield_now().await;
            continue;
        };
        let run_id = task.workflow_execution.unwrap_or_default().run_id;
        say(seen(run_id, &history.events));
        let decision = decide(&kind.name, &history.events, &task.messages);
        let commands = decision.commands.into_iter().map(|attributes| Command {
            attributes: Some(attributes),
            ..Command::default()
        });
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token,
            commands: commands.collect(),
            messages: decision.messages,
            ..RespondWorkflowTaskCompletedRequest::default()
        };
        // A refusal is a task that was lost meanwhile; it comes again.
        let _lost: Result<RespondWorkflowTaskCompletedResponse, _> =
            call(&door, "RespondWorkflowTaskCompleted", &request).await;
    }
}

async fn act_all(door: Door, say: Say) {
    loop {
        let request = PollActivityTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: queue(),
            ..PollActivityTaskQueueRequest::default()
        };
        let polled: Result<PollActivityTaskQueueResponse, _> =
            call(&door, "PollActivityTaskQueue", &request).await;
        let Ok(task) = polled else {
            tokio::task::yield_now().await;
            continue;
        };
        if task.task_token.is_empty() {
            tokio::task::yield_now().await;
            continue;
        }
        say(Note::Ran {
            run_id: task.workflow_execution.clone().unwrap_or_default().run_id,
            attempt: task.attempt,
            bounded: task
                .retry_policy
                .as_ref()
                .is_some_and(|policy| policy.maximum_attempts > 0),
        });
        // A refusal is an attempt that is over by now.
        let _lost = act(&door, task).await;
    }
}

async fn act(door: &Door, task: PollActivityTaskQueueResponse) -> Result<(), Status> {
    let (token, beats) = (task.task_token, task.heartbeat_details);
    match (task.activity_id.as_str(), task.attempt) {
        ("silent", _) => Ok(()),
        ("fails", _) | ("fails first", 1) => fail(door, token).await,
        ("beats", 1) => {
            beat(door, &token, true).await?;
            fail(door, token).await
        }
        ("stops when asked", _) => {
            while !beat(door, &token, false).await? {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let request = RespondActivityTaskCanceledRequest {
                namespace: NAMESPACE.to_owned(),
                task_token: token,
                ..RespondActivityTaskCanceledRequest::default()
            };
            let _: RespondActivityTaskCanceledResponse =
                call(door, "RespondActivityTaskCanceled", &request).await?;
            Ok(())
        }
        _ => {
            let request = RespondActivityTaskCompletedRequest {
                namespace: NAMESPACE.to_owned(),
                task_token: token,
                // What an earlier attempt said of itself is in the history for good.
                result: beats,
                ..RespondActivityTaskCompletedRequest::default()
            };
            let _: RespondActivityTaskCompletedResponse =
                call(door, "RespondActivityTaskCompleted", &request).await?;
            Ok(())
        }
    }
}

async fn fail(door: &Door, task_token: Vec<u8>) -> Result<(), Status> {
    let request = RespondActivityTaskFailedRequest {
        namespace: NAMESPACE.to_owned(),
        task_token,
        failure: failure(),
        ..RespondActivityTaskFailedRequest::default()
    };
    let _: RespondActivityTaskFailedResponse =
        call(door, "RespondActivityTaskFailed", &request).await?;
    Ok(())
}

/// Whether it is asked to stop.
async fn beat(door: &Door, token: &[u8], with_details: bool) -> Result<bool, Status> {
    let request = RecordActivityTaskHeartbeatRequest {
        namespace: NAMESPACE.to_owned(),
        task_token: token.to_vec(),
        details: with_details.then(|| number(7)).flatten(),
        ..RecordActivityTaskHeartbeatRequest::default()
    };
    let told: RecordActivityTaskHeartbeatResponse =
        call(door, "RecordActivityTaskHeartbeat", &request).await?;
    Ok(told.cancel_requested)
}
