//! Every timeout and every retry of every activity, in one place.
//!
//! Money steps are detached from the workflow's cancellation: a request to cancel must not cut a
//! payment, or an undo, in half.

use std::time::Duration;

use domain::rail::RailId;
use temporalio_workflow::{
    ActivityCloseTimeouts, ActivityOptions, LocalActivityOptions, RetryPolicy, TimerOptions,
    WorkflowCancellationToken,
};

/// Longer than any outage. The SDK gives up on a local activity after 100 s unless it is told.
const AS_LONG_AS_IT_TAKES: Duration = Duration::from_secs(365 * 86_400);

/// Our own database: quick, idempotent, retried until it is there again.
pub(crate) fn books(summary: &str) -> LocalActivityOptions {
    LocalActivityOptions::builder()
        .start_to_close_timeout(Duration::from_secs(10))
        .schedule_to_close_timeout(AS_LONG_AS_IT_TAKES)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(50))
                .maximum_interval(Duration::from_secs(30))
                .build(),
        )
        // Beyond this a durable timer waits instead of a held workflow task.
        .timer_backoff_threshold(Duration::from_secs(5))
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build()
}

/// A bank that cannot be reached is tried for so long without a word. After that the workflow takes
/// over, and the transfer is flagged for everyone to see.
const UNTIL_IT_SHOWS: Duration = Duration::from_secs(10 * 60);

/// A step that may move money at a bank. Where the bank does not recognise our reference a step
/// that was sent is never sent again, so it has exactly one attempt.
pub(crate) fn bank_step(rail: RailId, summary: &str) -> ActivityOptions {
    let attempts = if rail.promises().deduplicates_for.is_some() {
        0
    } else {
        1
    };
    let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
        start_to_close: Duration::from_secs(20),
        schedule_to_close: UNTIL_IT_SHOWS,
    };
    ActivityOptions::with_close_timeouts(timeouts)
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(200))
                .maximum_interval(Duration::from_secs(30))
                .maximum_attempts(attempts)
                .build(),
        )
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build()
}

/// An inquiry changes nothing at the bank, so it is asked until the bank answers.
pub(crate) fn inquiry(summary: &str) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(20))
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(500))
                .maximum_interval(Duration::from_secs(60))
                .build(),
        )
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build()
}

pub(crate) fn wait(duration: Duration, summary: &str) -> TimerOptions {
    TimerOptions::builder(duration)
        .cancellation_token(WorkflowCancellationToken::new())
        .summary(summary.to_owned())
        .build()
}
