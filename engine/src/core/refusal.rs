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
    /// No activity of that id is pending.
    #[error(
        "cannot find pending activity with ActivityID {0}, check workflow execution history for more details"
    )]
    UnknownActivity(String),
    /// Another run than the one that was meant has the workflow id.
    #[error("workflow execution not found")]
    AnotherChain,
    /// Only the run's parent may ask this of it.
    #[error("workflow parent does not match")]
    NotTheParent,
    /// Nothing to start: another poller was faster, or the run moved on.
    #[error("task is not waiting to be started")]
    NotWaiting,
    /// More than the run may hold; the door says how much.
    #[error("{0}")]
    Limit(&'static str),
    /// The run is there, but not in the chain of runs that the caller means.
    #[error("workflow execution not found")]
    NotFound,
    /// The workflow task keeps failing: nothing can be decided now.
    #[error("{0}")]
    NotReady(&'static str),
    /// The workflow tried to end itself and is about to try again.
    #[error("workflow operation can not be applied because workflow is closing")]
    Closing,
    /// As much of it as may be is under way; later there will be room.
    #[error("{0}")]
    Busy(String),
    /// There will never be room for it in this run.
    #[error("{0}")]
    Precondition(String),
    /// The request itself cannot be right.
    #[error("{0}")]
    Invalid(String),
}
