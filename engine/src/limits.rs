//! Every bound of the engine in one place. Past a bound the answer is a clear error, never a
//! half-done request. The protocol's own limits have the reference server's values.

use std::time::Duration;

pub(crate) const BLOB_BYTES: usize = 2 * 1024 * 1024;
/// What is kept of a failure larger than a blob.
pub(crate) const CUT_FAILURE_BYTES: usize = 512 * 1024;
/// What is kept of the failure of an attempt that another one follows.
pub(crate) const ATTEMPT_FAILURE_BYTES: usize = 4 * 1024;
pub(crate) const SEARCH_ATTRIBUTES: usize = 100;
pub(crate) const SEARCH_VALUE_BYTES: usize = 2 * 1024;
pub(crate) const SEARCH_ATTRIBUTES_BYTES: usize = 40 * 1024;
pub(crate) const MEMO_BYTES: usize = 2 * 1024 * 1024;
pub(crate) const ID_BYTES: usize = 1_000;
pub(crate) const LINKS: usize = 10;
pub(crate) const LINK_BYTES: usize = 4_000;
pub(crate) const HISTORY_EVENTS: i64 = 51_200;
pub(crate) const HISTORY_BYTES: u64 = 50 * 1024 * 1024;
/// The log says so from here on.
pub(crate) const WARN_BLOB_BYTES: usize = 512 * 1024;
pub(crate) const WARN_MEMO_BYTES: usize = 2 * 1024;
pub(crate) const WARN_HISTORY_EVENTS: i64 = 10_240;
pub(crate) const WARN_HISTORY_BYTES: u64 = 10 * 1024 * 1024;
/// What is kept of a run beside its history.
pub(crate) const STATE_BYTES: usize = 8 * 1024 * 1024;
/// Events that wait for the end of a workflow task.
pub(crate) const BUFFERED_EVENTS: usize = 100;
pub(crate) const BUFFERED_BYTES: usize = 2 * 1024 * 1024;
pub(crate) const SUGGEST_CONTINUE_EVENTS: i64 = 4_096;
pub(crate) const SUGGEST_CONTINUE_BYTES: u64 = 4 * 1024 * 1024;
pub(crate) const SIGNALS: u64 = 10_000;
pub(crate) const PENDING_ACTIVITIES: usize = 2_000;
/// Runs of one workflow follow each other no faster, whoever asks for the next one.
pub(crate) const SHORTEST_LIFE: Duration = Duration::from_secs(1);
pub(crate) const PENDING_CHILDREN: usize = 2_000;
/// To other workflows.
pub(crate) const PENDING_SIGNALS: usize = 2_000;
pub(crate) const PENDING_CANCELS: usize = 2_000;
pub(crate) const PENDING_TIMERS: usize = 20_000;
pub(crate) const UPDATES_IN_FLIGHT: usize = 10;
pub(crate) const UPDATES_IN_FLIGHT_BYTES: usize = 20 * 1024 * 1024;
pub(crate) const UPDATES: usize = 2_000;
/// From so many updates on a workflow is told to continue as new.
pub(crate) const SUGGEST_CONTINUE_UPDATES: usize = UPDATES / 10 * 9;
/// A speculative task that brought more events than this is kept: they would be sent in vain again
/// and again.
pub(crate) const DISCARDED_EVENTS: i64 = 10;
/// Activities handed back in one answer; the rest go through their queue.
pub(crate) const EAGER_ACTIVITIES: usize = 100;

/// A gRPC message, decompressed.
pub(crate) const MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Smaller answers go out as they are also to whoever takes gzip: setting up its tables costs more
/// than a few packets do.
pub(crate) const WORTH_COMPRESSING: usize = 64 * 1024;
/// Open connections of one TCP door: below what an operating system gives a process by default.
pub(crate) const CONNECTIONS: usize = 500;
/// Calls under way on one of them, polls that wait too. Its peer keeps back what is more.
pub(crate) const CALLS_OF_CONNECTION: u32 = 10_000;
pub(crate) const QUERY_TEXT_BYTES: usize = 16 * 1024;
pub(crate) const HISTORY_PAGE_EVENTS: i64 = 1_000;
pub(crate) const HISTORY_PAGE_BYTES: usize = 4 * 1024 * 1024;
pub(crate) const LIST_PAGE: usize = 1_000;
/// Queries that wait on one run.
pub(crate) const WAITING_QUERIES: usize = 100;
/// Fairness keys kept apart in one level of one task queue; more of them share a turn.
pub(crate) const FAIRNESS_KEYS: usize = 1_000;
/// Polls that wait on one task queue.
pub(crate) const WAITING_POLLS: usize = 10_000;
/// And on all task queues of one namespace, and of all.
pub(crate) const WAITING_POLLS_OF_NAMESPACE: usize = 20_000;
pub(crate) const WAITING_POLLS_IN_ALL: usize = 50_000;
/// Writes that wait for the disk. Past it, requests are told to come back.
pub(crate) const WAITING_WRITES: usize = 100_000;
pub(crate) const WAITING_WRITE_BYTES: usize = 128 * 1024 * 1024;
/// What the runs in memory may take together; idle ones beyond it are read back when something
/// happens to them.
pub(crate) const RUN_BYTES_IN_MEMORY: usize = 96 * 1024 * 1024;
pub(crate) const NAMESPACES: usize = 10_000;
/// Workers remembered, and what one may say about itself.
pub(crate) const WORKERS: usize = 10_000;
pub(crate) const WORKER_HEARTBEAT_BYTES: usize = 16 * 1024;
/// Schedules of one namespace.
pub(crate) const SCHEDULES: usize = 100_000;
/// Starts that wait in one schedule, and backfills.
pub(crate) const SCHEDULE_BUFFER: usize = 1_000;
/// Requests remembered by a schedule, so that a repetition changes nothing.
pub(crate) const SCHEDULE_REQUESTS: usize = 100;
pub(crate) const SCHEDULE_NOTES_BYTES: usize = 1_000;
pub(crate) const SCHEDULE_TIMES: usize = 1_000;
/// Calendars and intervals of one schedule, excluded ones too: all are asked for each moment.
pub(crate) const SCHEDULE_SPECS: usize = 1_000;

pub(crate) const POLL: Duration = Duration::from_secs(60);
pub(crate) const HISTORY_POLL: Duration = Duration::from_secs(20);
/// A worker that only asks for more time is taken for lost after this.
pub(crate) const HEARTBEATS: Duration = Duration::from_secs(30 * 60);
/// Who waits for an update hears no later how far it has come.
pub(crate) const UPDATE_POLL: Duration = Duration::from_secs(20);
/// A query nobody answers. Clients normally give up earlier.
pub(crate) const QUERY: Duration = Duration::from_secs(30);
/// A worker nobody has heard of for this long is forgotten.
pub(crate) const WORKER_MEMORY: Duration = Duration::from_secs(24 * 3_600);
/// A sticky queue nobody has polled for this long is taken for dead.
pub(crate) const STICKY_SILENCE: Duration = Duration::from_secs(10);
/// How long an accepted request waits for room on a full disk before its caller is told.
pub(crate) const FULL_DISK: Duration = Duration::from_secs(5);

/// What is said when a run may have no more of something.
pub(crate) fn reached(what: &str, pending: usize, limit: usize) -> String {
    format!("the number of {what}, {pending}, has reached the per-workflow limit of {limit}")
}
