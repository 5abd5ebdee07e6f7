//! What an engine knows of a transfer's run: whether it is there at all, and how it ended.

use std::time::Duration;

use domain::TransferId;
use temporalio_client::errors::WorkflowInteractionError;
use temporalio_client::{Client, WorkflowDescribeOptions, WorkflowExecutionStatus};
use workflows::Transfer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Running,
    /// Set back to an earlier moment by somebody; it goes on from there.
    Reset,
    /// The word for how it ended.
    Closed(&'static str),
    /// The engine does not know it: deleted, or the engine's store was lost.
    Gone,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the workflow engine did not say what became of the run")]
    NoAnswer(#[source] Box<WorkflowInteractionError>),
    #[error("the workflow engine did not answer in time")]
    TimedOut,
}

/// Clones share the connection.
#[derive(Clone)]
pub struct Runs {
    client: Client,
}

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runs").finish_non_exhaustive()
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

impl Runs {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    pub async fn state(&self, transfer: TransferId) -> Result<RunState, RunError> {
        let run = self
            .client
            .get_workflow_handle::<Transfer>(workflows::workflow_id(transfer));
        let asked = run.describe(WorkflowDescribeOptions::default());
        let described = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(described)) => described,
            Ok(Err(WorkflowInteractionError::NotFound(_))) => return Ok(RunState::Gone),
            Ok(Err(error)) => return Err(RunError::NoAnswer(Box::new(error))),
            Err(_) => return Err(RunError::TimedOut),
        };
        let info = described.raw().workflow_execution_info.as_ref();
        let first = info.map(|info| info.first_run_id.as_str());
        let reset = first.is_some_and(|first| !first.is_empty() && first != described.run_id());
        Ok(match described.status() {
            WorkflowExecutionStatus::Running if reset => RunState::Reset,
            WorkflowExecutionStatus::Running => RunState::Running,
            WorkflowExecutionStatus::Completed => RunState::Closed("completed"),
            WorkflowExecutionStatus::Failed => RunState::Closed("failed"),
            WorkflowExecutionStatus::Canceled => RunState::Closed("canceled"),
            WorkflowExecutionStatus::Terminated => RunState::Closed("terminated"),
            WorkflowExecutionStatus::TimedOut => RunState::Closed("timed out"),
            _ => RunState::Closed("ended"),
        })
    }
}
