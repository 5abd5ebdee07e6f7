//! Every timeout and every retry of every activity, in one place.
//!
//! Money steps are detached from the workflow's cancellation: a request to cancel must not cut a
//! payment, or an undo, in half.

use std::time::Duration;

use domain::Tenant;
use domain::rail::RailId;
use temporalio_common::Priority;
use temporalio_workflow::{
    ActivityOptions, LocalActivityOptions, RetryPolicy, TimerOptions, WorkflowCancellationToken,
};

/// Longer than any outage. The SDK gives up on a local activity after 100 s unless it is told.
const AS_LONG_AS_IT_TAKES: Duration = Duration::from_secs(365 * 86_400);

/// Our own database: quick, idempotent, retried until it is there again.
pub(crate) fn books(summary: &str) -> LocalActivityOptions {
    within(Duration::from_secs(10), summary)
}

fn within(one_try: Duration, summary: &str) -> LocalActivityOptions {
    LocalActivityOptions::builder()
        .start_to_close_timeout(one_try)
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

/// A look at a batch accepts up to some hundred items: more than a moment's work for a database that
/// has others to serve.
pub(crate) fn round(summary: &str) -> LocalActivityOptions {
    within(Duration::from_secs(120), summary)
}

/// The task queue of what moves money on a rail. While the rail is paused nobody polls it, and what
/// waits there costs nothing; so nothing sent there may have a timeout that counts the waiting.
pub fn rail_queue(rail: RailId) -> String {
    format!("rail-{rail}")
}

/// The task queue of questions to a rail. They move nothing and end doubts, so a pause does not
/// hold them up.
pub fn questions_queue(rail: RailId) -> String {
    format!("rail-{rail}-questions")
}

/// Where a call to a rail goes, and in whose name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) tenant: Tenant,
    pub(crate) rail: RailId,
    /// The rail has queues of its own; a run from before they came stays on the workflows' queue.
    pub(crate) own_queues: bool,
}

impl Line {
    fn queue(self, of: fn(RailId) -> String) -> Option<String> {
        self.own_queues.then(|| of(self.rail))
    }

    /// Where the server serves partners in turn, it is told whose turn it would be. Nothing depends
    /// on it: the workers take turns themselves.
    fn turn(self) -> Option<Priority> {
        let partner = self.tenant.partner.to_string();
        self.own_queues
            .then(|| Priority::builder().fairness_key(partner).build())
    }
}

/// A bank that cannot be reached is tried so often without a word, for about ten minutes. After
/// that the workflow takes over, and the transfer is flagged for everyone to see. Tries are
/// counted, never time: the time in which a rail is paused is nobody's failure.
const UNTIL_IT_SHOWS: u32 = 27;

/// A step that may move money at a bank. Where the bank does not recognise our reference a step
/// that was sent is never sent again, so it has exactly one attempt.
pub(crate) fn bank_step(line: Line, summary: &str) -> ActivityOptions {
    let attempts = if line.rail.promises().deduplicates_for.is_some() {
        UNTIL_IT_SHOWS
    } else {
        1
    };
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(20))
        .maybe_task_queue(line.queue(rail_queue))
        .maybe_priority(line.turn())
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
/// Given up when a person tells what the bank does not.
pub(crate) fn inquiry(
    line: Line,
    summary: &str,
    until: WorkflowCancellationToken,
) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(20))
        .maybe_task_queue(line.queue(questions_queue))
        .maybe_priority(line.turn())
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(500))
                .maximum_interval(Duration::from_secs(60))
                .build(),
        )
        .cancellation_token(until)
        .summary(summary.to_owned())
        .build()
}

pub(crate) fn wait(
    duration: Duration,
    summary: &str,
    until: WorkflowCancellationToken,
) -> TimerOptions {
    TimerOptions::builder(duration)
        .cancellation_token(until)
        .summary(summary.to_owned())
        .build()
}
