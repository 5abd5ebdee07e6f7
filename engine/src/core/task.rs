//! The workflow task of a run: waiting for a worker, or running on one.

use std::time::Duration;

use ambient::Timestamp;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

/// Used when a start names none. It must appear in the scheduled event: the SDK rejects a
/// history without it.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a speculative task waits in a normal queue before it becomes a task like any other.
pub(crate) const SPECULATION: Duration = Duration::from_secs(5);

/// A worker that died is noticed no later than this, whatever a start asks for.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a worker may take for one task of a run with this timeout of its own.
pub(crate) fn timeout(asked: Option<Duration>, run: Option<Duration>) -> Duration {
    let longest = run.unwrap_or(LONGEST_TIMEOUT).min(LONGEST_TIMEOUT);
    asked.unwrap_or(DEFAULT_TIMEOUT).min(longest)
}

/// A run's own timeout, which the whole execution's bounds or stands in for.
pub(crate) fn within(run: Option<Duration>, execution: Option<Duration>) -> Option<Duration> {
    match (run, execution) {
        (Some(run), Some(execution)) => Some(run.min(execution)),
        (run, execution) => run.or(execution),
    }
}

#[derive(Clone, Debug)]
pub(crate) struct WorkflowTask {
    /// The event in history, or `None` for a transient task: from the second failure in a row
    /// on, attempts leave no events, and scheduled and started exist only in the poll response.
    pub(crate) scheduled_id: Option<i64>,
    pub(crate) attempt: u32,
    pub(crate) scheduled_at: Timestamp,
    /// `next_event_id` when a transient task was made. Events that came since turn it into a
    /// normal first attempt.
    pub(crate) base: i64,
    /// The task waits in a sticky queue, but not longer than this.
    pub(crate) sticky_until: Option<Timestamp>,
    pub(crate) started: Option<StartedTask>,
    /// When the first of a row of heartbeats was due: a worker may not go on so for ever.
    pub(crate) beating_since: Timestamp,
    /// Made for updates alone, without an event. Volatile, until an event or a decision makes it a
    /// task like any other.
    pub(crate) speculative: bool,
}

/// Volatile: a crash forgets it, and the task is handed out again.
#[derive(Clone, Debug)]
pub(crate) struct StartedTask {
    pub(crate) at: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) scheduled_id: i64,
    pub(crate) started_id: i64,
    /// Scheduled (when transient) and started: in the poll response now, in history only when
    /// the task is answered.
    pub(crate) suffix: Vec<HistoryEvent>,
}

#[derive(Clone, Debug)]
pub(crate) struct Sticky {
    pub(crate) queue: String,
    pub(crate) schedule_to_start: Duration,
}

/// What a worker must present to answer a workflow task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskFence {
    pub(crate) scheduled_id: i64,
    pub(crate) started_id: i64,
    pub(crate) attempt: u32,
    /// Ids and attempt of a discarded task are given again to the next one.
    pub(crate) started_at: Timestamp,
}

/// From the fourth attempt on the timeout grows. A worker reports only its first failure and
/// lets later attempts run into the timeout, so this is the back-off of a failing workflow task.
pub(crate) fn start_to_close(base: Duration, attempt: u32) -> Duration {
    const PATIENT_ATTEMPTS: u32 = 3;
    const FIRST_EXTRA: Duration = Duration::from_secs(5);
    const LONGEST_EXTRA: Duration = Duration::from_secs(300);
    let Some(beyond) = attempt.checked_sub(PATIENT_ATTEMPTS + 1).map(|n| n.min(16)) else {
        return base;
    };
    base + FIRST_EXTRA.saturating_mul(1 << beyond).min(LONGEST_EXTRA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_grows_from_the_fourth_attempt_and_is_capped() {
        let seconds: Vec<u64> = [1, 3, 4, 5, 6, 40]
            .map(|attempt| start_to_close(DEFAULT_TIMEOUT, attempt).as_secs())
            .into();
        assert_eq!(seconds, [10, 10, 15, 20, 30, 310]);
    }
}
