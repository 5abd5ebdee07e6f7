//! The one place that decides whether an activity is tried again.
//!
//! An error returned from here ends this attempt only, unless it says otherwise. Nothing that may
//! have moved money is an error: that is an answer (`Unknown`), and the workflow finds out.

use std::time::Duration;

use temporalio_common::error::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;

/// Our own side could not do it right now: the database is away, the queue is full.
pub(crate) fn try_again(error: impl std::error::Error + Send + Sync + 'static) -> ActivityError {
    ApplicationFailure::new(error).into()
}

/// The bank asked for patience, or was not reached: surely nothing was executed.
pub(crate) fn try_again_after(
    error: impl std::error::Error + Send + Sync + 'static,
    wait: Option<Duration>,
) -> ActivityError {
    ApplicationFailure::builder(Box::new(error))
        .maybe_next_retry_delay(wait)
        .build()
        .into()
}

/// The request contradicts what is stored: no repetition makes it true.
pub(crate) fn contradiction(
    error: impl std::error::Error + Send + Sync + 'static,
) -> ActivityError {
    ApplicationFailure::non_retryable(error).into()
}
