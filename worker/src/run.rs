//! The worker: polls the engine, runs workflows and activities, stops when told.

use std::time::Duration;

use activities::{Bank, Books};
use temporal::{Client, TRANSFERS};
use temporalio_common::worker::WorkerDeploymentOptions;
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{Runtime, Worker as SdkWorker, WorkerOptions};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use workflows::Transfer;

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the worker cannot be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the worker stopped by itself; accepted transfers wait and lose nothing")]
    Stopped(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the worker's thread cannot be started")]
    Thread(#[from] std::io::Error),
}

/// How long an activity may take to finish after a stop was asked for. What does not finish is
/// run again elsewhere: every activity expects that.
const GRACE: Duration = Duration::from_secs(5);

/// Workflows kept in memory between their tasks; the others are replayed from their history.
const CACHED_WORKFLOWS: usize = 2_000;

#[derive(Debug)]
pub struct Worker;

impl Worker {
    /// Runs until `stop` is cancelled. Workflow code is not `Send`, so it has a thread of its own.
    pub async fn run(
        client: Client,
        books: Books,
        bank: Bank,
        stop: CancellationToken,
    ) -> Result<(), WorkerError> {
        let (ended, end) = tokio::sync::oneshot::channel();
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("workflows".into())
            .spawn(move || {
                let result = runtime.block_on(poll(client, books, bank, stop));
                // Nobody listens any more when the process is ending.
                drop(ended.send(result));
            })?;
        end.await
            .unwrap_or_else(|_| Err(WorkerError::Stopped("its thread panicked".into())))
    }
}

async fn poll(
    client: Client,
    books: Books,
    bank: Bank,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let options = RuntimeOptions::builder()
        .disable_environment_info(true)
        .build()
        .map_err(|error| WorkerError::Setup(error.into()))?;
    let runtime =
        Runtime::from_current_tokio(options).map_err(|error| WorkerError::Setup(error.into()))?;
    let options = WorkerOptions::new(TRANSFERS)
        .max_cached_workflows(CACHED_WORKFLOWS)
        .graceful_shutdown_period(GRACE)
        // Named, or the SDK reads and hashes the whole executable at every start.
        .deployment_options(WorkerDeploymentOptions::from_build_id(
            env!("CARGO_PKG_VERSION").to_owned(),
        ))
        .register_activities(books)
        .register_activities(bank)
        .register_workflow::<Transfer>()
        .map_err(|error| WorkerError::Setup(error.into()))?
        .build();
    let mut worker = SdkWorker::new(&runtime, client, options)
        .map_err(|error| WorkerError::Setup(error.into()))?;
    let shutdown = worker.shutdown_handle();
    let watch = tokio::spawn(async move {
        stop.cancelled().await;
        shutdown();
    });
    let ended = worker.run().await;
    watch.abort();
    ended.map_err(|error| WorkerError::Stopped(error.into()))
}
