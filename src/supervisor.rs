//! The tasks that make up a running program: all of them live, or all of them end.

use std::future::Future;

use domain::Code;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

pub(crate) struct Supervisor {
    stop: CancellationToken,
    tasks: JoinSet<Result<(), Failure>>,
}

impl Supervisor {
    pub(crate) fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Cancelled when the program is to end.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(crate) fn spawn(
        &mut self,
        task: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) {
        self.tasks.spawn(task);
    }

    /// Waits for a signal, or for a task that ended although nobody asked it to; then stops the
    /// others and waits for them.
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let mut first = tokio::select! {
            asked = asked_to_stop() => asked,
            ended = self.tasks.join_next() => ended.map_or(Ok(()), outcome),
        };
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            first = first.and(outcome(ended));
        }
        first
    }
}

fn outcome(ended: Result<Result<(), Failure>, JoinError>) -> Result<(), Failure> {
    ended.unwrap_or_else(|error| {
        Err(Failure::caused(
            Code::Internal,
            "a part of the program ended unexpectedly",
            &error,
        ))
    })
}

async fn asked_to_stop() -> Result<(), Failure> {
    let listen = |kind| {
        signal(kind)
            .map_err(|error| Failure::caused(Code::Internal, "cannot await signals", &error))
    };
    let (mut interrupt, mut terminate) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
    );
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
