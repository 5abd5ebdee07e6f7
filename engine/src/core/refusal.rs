//! Why a command was not accepted. A refused command changed nothing.

use thiserror::Error;

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The run is closed; nothing can be added to it.
    #[error("workflow execution already completed")]
    Closed,
    /// The token belongs to a task that was answered, timed out, or handed out before a restart.
    #[error("Workflow task not found.")]
    StaleWorkflowTask,
    #[error("invalid activityID or activity already timed out or invoking workflow is completed")]
    StaleActivity,
    /// Nothing to start: another poller was faster, or the run moved on.
    #[error("task is not waiting to be started")]
    NotWaiting,
    /// More than the run may hold; the door says how much.
    #[error("{0}")]
    Limit(&'static str),
    /// The request itself cannot be right.
    #[error("{0}")]
    Invalid(String),
}
