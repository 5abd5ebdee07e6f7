//! The state of one workflow run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ambient::Timestamp;
use prost::Message;
use temporalio_protos::temporal::api::common::v1::{Link, Payload, Priority};
use temporalio_protos::temporal::api::enums::v1::{TaskQueueKind, WorkflowExecutionStatus};
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent, WorkflowExecutionStartedEventAttributes,
};
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;

use super::activity::Activity;
use super::bounds::Held;
use super::family::Family;
use super::record::Record;
use super::task::{DEFAULT_TIMEOUT, Sticky, WorkflowTask};
use super::updates::Updates;
use super::{fold, task};

#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    pub(crate) first_run_id: String,
    pub(crate) original_run_id: String,
    pub(crate) workflow_type: String,
    pub(crate) task_queue: String,
    pub(crate) priority: Option<Priority>,
    pub(crate) timeouts: Timeouts,
    pub(crate) status: WorkflowExecutionStatus,
    /// Counts the runs that retry the first one.
    pub(crate) attempt: u32,
    /// How it was started, kept where another run of the same kind may follow: with a retry
    /// policy or a cron schedule.
    pub(crate) birth: Option<Box<WorkflowExecutionStartedEventAttributes>>,
    pub(crate) links: Vec<Link>,
    pub(crate) started_at: Timestamp,
    /// When its first workflow task was due: after its start delay.
    pub(crate) execution_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    /// The first workflow task is held back until then.
    pub(crate) delayed_until: Option<Timestamp>,
    pub(crate) execution_expires_at: Option<Timestamp>,
    /// The earlier of the run's and the execution's end.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) user_metadata: Option<UserMetadata>,
    pub(crate) memo: BTreeMap<String, Payload>,
    pub(crate) search_attributes: BTreeMap<String, Payload>,
    /// How often either was changed: what was encoded of them before is stale.
    pub(crate) upserts: u64,

    pub(crate) next_event_id: i64,
    pub(crate) history_bytes: u64,
    /// The started event of the last completed workflow task: what its worker has seen.
    pub(crate) last_started_id: i64,
    pub(crate) completed_a_task: bool,
    pub(crate) task: Option<WorkflowTask>,
    pub(crate) sticky: Option<Sticky>,
    pub(crate) activities: BTreeMap<i64, Activity>,
    pub(crate) timers: BTreeMap<String, Timer>,
    /// Events that arrived while the workflow task was running, without ids.
    pub(crate) buffered: Vec<HistoryEvent>,
    pub(crate) cancel_requested: bool,
    pub(crate) started_by: String,
    pub(crate) seen_requests: BTreeSet<String>,
    /// Requests to start that found the run there already, and the events that say so.
    pub(crate) attached: BTreeMap<String, i64>,
    pub(crate) signals: u64,
    pub(crate) updates: Updates,
    /// The last workflow task wanted to end the run and lost against news. Volatile.
    pub(crate) close_attempted: bool,
    pub(crate) family: Family,
    pub(super) held: Held,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) execution: Option<Duration>,
    pub(crate) run: Option<Duration>,
    pub(crate) task: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timer {
    pub(crate) started_id: i64,
    pub(crate) fires_at: Timestamp,
}

impl Run {
    /// A run before its first event. Only folding a started event makes it a real one.
    pub(crate) fn unborn(workflow_id: String, run_id: String) -> Self {
        Self {
            workflow_id,
            first_run_id: run_id.clone(),
            original_run_id: run_id.clone(),
            run_id,
            workflow_type: String::new(),
            task_queue: String::new(),
            priority: None,
            timeouts: Timeouts {
                execution: None,
                run: None,
                task: DEFAULT_TIMEOUT,
            },
            status: WorkflowExecutionStatus::Running,
            attempt: 1,
            birth: None,
            links: Vec::new(),
            started_at: Timestamp::from_micros(0),
            execution_at: Timestamp::from_micros(0),
            closed_at: None,
            delayed_until: None,
            execution_expires_at: None,
            expires_at: None,
            user_metadata: None,
            memo: BTreeMap::new(),
            search_attributes: BTreeMap::new(),
            upserts: 0,
            next_event_id: 1,
            history_bytes: 0,
            last_started_id: 0,
            completed_a_task: false,
            task: None,
            sticky: None,
            activities: BTreeMap::new(),
            timers: BTreeMap::new(),
            buffered: Vec::new(),
            cancel_requested: false,
            started_by: String::new(),
            seen_requests: BTreeSet::new(),
            attached: BTreeMap::new(),
            signals: 0,
            updates: Updates::default(),
            close_attempted: false,
            family: Family::default(),
            held: Held::default(),
        }
    }

    /// Applies a stored record: events first, then notes, as they were made.
    pub(crate) fn replay(&mut self, record: &Record) -> Result<(), prost::DecodeError> {
        for event in record.decode_events()? {
            fold::event(self, &event);
        }
        for note in &record.notes {
            fold::note(self, note, Timestamp::from_micros(record.at));
        }
        self.count(record);
        Ok(())
    }

    /// Of a record that is part of the run by now.
    pub(super) fn count(&mut self, record: &Record) {
        self.history_bytes += record.events.len() as u64;
        let notes: usize = record.notes.iter().map(Message::encoded_len).sum();
        self.held.write(record.events.len() + notes);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.status == WorkflowExecutionStatus::Running
    }

    pub(crate) fn task_is_started(&self) -> bool {
        self.task
            .as_ref()
            .is_some_and(|task| task.started.is_some())
    }

    /// The worker that is at it will most likely end the run: more news would only hold it up.
    pub(crate) fn is_closing(&self) -> bool {
        self.close_attempted && self.task_is_started()
    }

    pub(crate) fn has_speculative_task(&self) -> bool {
        self.task.as_ref().is_some_and(|task| task.speculative)
    }

    /// Where the next workflow task goes.
    pub(crate) fn current_queue(&self) -> TaskQueue {
        match &self.sticky {
            Some(sticky) => TaskQueue {
                name: sticky.queue.clone(),
                kind: TaskQueueKind::Sticky as i32,
                normal_name: self.task_queue.clone(),
            },
            None => TaskQueue {
                name: self.task_queue.clone(),
                kind: TaskQueueKind::Normal as i32,
                normal_name: String::new(),
            },
        }
    }

    pub(crate) fn history_length(&self) -> i64 {
        self.next_event_id - 1
    }

    pub(crate) fn activity_by_id(&self, activity_id: &str) -> Option<&Activity> {
        self.activities
            .values()
            .find(|activity| activity.spec.activity_id == activity_id)
    }

    /// When something is due without anybody asking. The shell ticks the run then.
    pub(crate) fn next_wake(&self) -> Option<Timestamp> {
        if !self.is_open() {
            return None;
        }
        let task = self.task.as_ref().and_then(task_alarm);
        let activities = self
            .activities
            .values()
            .filter_map(|activity| activity.next_alarm().map(|(at, _)| at))
            .min();
        let timers = self.timers.values().map(|timer| timer.fires_at).min();
        [
            task,
            activities,
            timers,
            self.delayed_until,
            self.expires_at,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(crate) fn forget_sticky(&mut self) {
        self.sticky = None;
    }

    pub(crate) fn task_timeout(&self, attempt: u32) -> Duration {
        task::start_to_close(self.timeouts.task, attempt)
    }
}

fn task_alarm(task: &WorkflowTask) -> Option<Timestamp> {
    match &task.started {
        Some(started) => Some(started.deadline),
        None => task.sticky_until,
    }
}
