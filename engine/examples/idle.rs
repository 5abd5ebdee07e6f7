//! What very many open workflows that do nothing cost: memory each, and the time to open a store
//! that is full of them. Every one waits for a timer that is a month away.
//!
//! `cargo run -p engine --example idle -- ./engine.db 100000` starts as many as are missing, then
//! closes and opens the store again. With `--release` for figures to compare.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ambient::SystemClock;
use bytes::Bytes;
use engine::{Config, Door, Engine};
use prost::Message;
use temporalio_protos::temporal::api::command::v1::{Command, StartTimerCommandAttributes};
use temporalio_protos::temporal::api::common::v1::WorkflowType;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::*;

/// Requests at the same time: one sync serves them all.
const LANES: u64 = 512;
const MONTH_SECONDS: i64 = 30 * 86_400;

type Failed = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "engine.db".to_owned());
    let wanted: u64 = arguments
        .next()
        .unwrap_or_default()
        .parse()
        .unwrap_or(10_000);

    let engine = open(Path::new(&path)).await?;
    let present = count(&engine.door()).await?;
    let before = resident_bytes()?;
    fill(&engine.door(), present, wanted).await?;
    let grown = resident_bytes()?.saturating_sub(before);
    let added = wanted.saturating_sub(present);
    println!("{added} workflows added, {grown} bytes more in memory");
    if let Some(each) = grown.checked_div(added) {
        println!("{each} bytes for each");
    }
    engine.close().await;

    let engine = open(Path::new(&path)).await?;
    println!("{} workflows are open", count(&engine.door()).await?);
    engine.close().await;
    Ok(())
}

async fn open(path: &Path) -> Result<Engine, Failed> {
    let (clock, before) = (SystemClock::shared(), resident_bytes()?);
    let begin = clock.now();
    let engine = Engine::open(Config::at(path)).await?;
    let took = clock.now().since(begin);
    let grown = resident_bytes()?.saturating_sub(before);
    println!("opened in {took:?}, {grown} bytes more in memory");
    Ok(engine)
}

async fn count(door: &Door) -> Result<u64, Failed> {
    let request = CountWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        ..Default::default()
    };
    let answer: CountWorkflowExecutionsResponse =
        call(door, "CountWorkflowExecutions", &request).await?;
    Ok(u64::try_from(answer.count)?)
}

async fn fill(door: &Door, from: u64, to: u64) -> Result<(), Failed> {
    let next = Arc::new(AtomicU64::new(from));
    let lanes = (0..LANES).map(|_| {
        let (door, next) = (door.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= to {
                    return Ok::<(), Failed>(());
                }
                begin(&door, number).await?;
            }
        })
    });
    for lane in futures_util::future::join_all(lanes).await {
        lane??;
    }
    Ok(())
}

/// Starts a workflow and lets it wait.
async fn begin(door: &Door, number: u64) -> Result<(), Failed> {
    let request = StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: format!("idle-{number}"),
        workflow_type: Some(WorkflowType {
            name: "idle".to_owned(),
        }),
        task_queue: Some(TaskQueue {
            name: "idle".to_owned(),
            ..Default::default()
        }),
        request_eager_execution: true,
        ..Default::default()
    };
    let started: StartWorkflowExecutionResponse =
        call(door, "StartWorkflowExecution", &request).await?;
    let task = started.eager_workflow_task.unwrap_or_default();
    let timer = StartTimerCommandAttributes {
        timer_id: "month".to_owned(),
        start_to_fire_timeout: Some(prost_types::Duration {
            seconds: MONTH_SECONDS,
            nanos: 0,
        }),
    };
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token,
        commands: vec![Command {
            attributes: Some(timer.into()),
            ..Default::default()
        }],
        ..Default::default()
    };
    let _: RespondWorkflowTaskCompletedResponse =
        call(door, "RespondWorkflowTaskCompleted", &request).await?;
    Ok(())
}

async fn call<Q: Message, R: Message + Default>(
    door: &Door,
    rpc: &str,
    request: &Q,
) -> Result<R, Failed> {
    let service = "temporal.api.workflowservice.v1.WorkflowService";
    let proto = Bytes::from(request.encode_to_vec());
    let reply = door.call(service, rpc, Default::default(), proto).await?;
    Ok(R::decode(reply.proto.as_slice())?)
}

/// What the kernel counts, from `/proc`.
fn resident_bytes() -> Result<u64, Failed> {
    const PAGE: u64 = 4_096;
    let counts = std::fs::read_to_string("/proc/self/statm")?;
    let resident = counts.split_whitespace().nth(1).unwrap_or_default();
    Ok(resident.parse::<u64>()? * PAGE)
}
