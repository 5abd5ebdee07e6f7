//! One worker of the SDK, from its first poll until it is told to stop.

use std::time::Duration;

use temporal::Client;
use temporalio_common::worker::WorkerDeploymentOptions;
use temporalio_sdk::{Runtime, Worker as SdkWorker, WorkerOptions};
use tokio_util::sync::CancellationToken;

use crate::WorkerError;

/// How long an activity may take to finish after a stop was asked for. What does not finish is
/// run again elsewhere: every activity expects that.
const GRACE: Duration = Duration::from_secs(5);

/// What every worker of ours has in common.
pub(crate) fn options(queue: impl Into<String>) -> WorkerOptions {
    WorkerOptions::new(queue)
        .graceful_shutdown_period(GRACE)
        // Named, or the SDK reads and hashes the whole executable at every start.
        .deployment_options(WorkerDeploymentOptions::from_build_id(
            env!("CARGO_PKG_VERSION").to_owned(),
        ))
        .build()
}

/// Polls until `stop`, then finishes what it has begun.
pub(crate) async fn run(
    runtime: &Runtime,
    client: Client,
    options: WorkerOptions,
    stop: CancellationToken,
) -> Result<(), WorkerError> {
    let mut worker = SdkWorker::new(runtime, client, options)
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
