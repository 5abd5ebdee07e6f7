//! All workers of a process: one for the workflows with our own books, and for each rail one for
//! what moves money on it and one for questions to it. They poll until they are told to stop.

use activities::{Audit, Bank, Books, Inbox, Plans};
use futures::future::{FutureExt, LocalBoxFuture, join_all};
use temporal::{Client, TRANSFERS};
use temporalio_sdk::Runtime;
use temporalio_sdk::runtime::RuntimeOptions;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use workflows::{Batch, Linked, Occurrence, Transfer};

use crate::{rail, sdk};

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the worker cannot be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the worker stopped by itself; accepted transfers wait and lose nothing")]
    Stopped(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the worker's thread cannot be started")]
    Thread(#[from] std::io::Error),
}

/// Workflows kept in memory between their tasks; the others are replayed from their history.
const CACHED_WORKFLOWS: usize = 2_000;

/// What the workers carry out.
#[derive(Debug)]
pub struct Activities {
    pub books: Books,
    pub bank: Bank,
    pub audit: Audit,
    pub inbox: Inbox,
    pub plans: Plans,
}

#[derive(Debug)]
pub struct Worker;

impl Worker {
    /// Runs until `stop` is cancelled. Workflow code is not `Send`, so it has a thread of its own.
    pub async fn run(
        client: Client,
        activities: Activities,
        stop: CancellationToken,
    ) -> Result<(), WorkerError> {
        let (ended, end) = tokio::sync::oneshot::channel();
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("workflows".into())
            .spawn(move || {
                let result = runtime.block_on(all(client, activities, stop));
                // Nobody listens any more when the process is ending.
                drop(ended.send(result));
            })?;
        end.await
            .unwrap_or_else(|_| Err(WorkerError::Stopped("its thread panicked".into())))
    }
}

/// All live, or all end.
async fn all(
    client: Client,
    activities: Activities,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let bank = activities.bank.clone();
    let options = RuntimeOptions::builder()
        .disable_environment_info(true)
        .build()
        .map_err(|error| WorkerError::Setup(error.into()))?;
    let runtime =
        Runtime::from_current_tokio(options).map_err(|error| WorkerError::Setup(error.into()))?;
    let (runtime, shared) = (&runtime, || (client.clone(), bank.clone(), stop.clone()));
    let mut workers: Vec<LocalBoxFuture<'_, Result<(), WorkerError>>> = Vec::new();
    for rail in bank.rails() {
        let (client, bank, stop) = shared();
        workers.push(rail::payments(runtime, client, bank, rail, stop).boxed_local());
        let (client, bank, stop) = shared();
        workers.push(rail::questions(runtime, client, bank, rail, stop).boxed_local());
    }
    let (client, _, ours) = shared();
    workers.push(workflows(runtime, client, activities, ours).boxed_local());
    let until_told = workers.into_iter().map(|worker| async {
        let ended = worker.await;
        stop.cancel();
        ended
    });
    join_all(until_told).await.into_iter().collect()
}

/// Calls to banks are registered here too: those of runs from before rails had queues of their own.
async fn workflows(
    runtime: &Runtime,
    client: Client,
    activities: Activities,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let mut options = sdk::options(TRANSFERS);
    options.max_cached_workflows = CACHED_WORKFLOWS;
    options.register_activities(activities.books);
    options.register_activities(activities.bank);
    options.register_activities(activities.audit);
    options.register_activities(activities.inbox);
    options.register_activities(activities.plans);
    let registered = options.register_workflow::<Transfer>();
    let registered = registered.and_then(|it| it.register_workflow::<Linked>());
    let registered = registered.and_then(|it| it.register_workflow::<Occurrence>());
    let registered = registered.and_then(|it| it.register_workflow::<Batch>());
    registered.map_err(|error| WorkerError::Setup(error.into()))?;
    sdk::run(runtime, client, options, stop).await
}
