//! A pending activity: what was asked for, which attempt it is at, and when its timeouts strike.

use std::time::Duration;

use ambient::Timestamp;
use temporalio_protos::temporal::api::common::v1::{Payloads, WorkerVersionStamp};
use temporalio_protos::temporal::api::enums::v1::TimeoutType;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::ActivityTaskScheduledEventAttributes;

use super::time::positive;

#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub(crate) scheduled_id: i64,
    pub(crate) spec: ActivityTaskScheduledEventAttributes,
    pub(crate) scheduled_at: Timestamp,
    pub(crate) attempt: u32,
    /// When the current attempt became available, or will after its back-off.
    pub(crate) available_at: Timestamp,
    pub(crate) state: AttemptState,
    pub(crate) last_beat: Option<Timestamp>,
    pub(crate) beat_details: Option<Payloads>,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) last_identity: String,
    pub(crate) last_finished_at: Option<Timestamp>,
    pub(crate) cancel_requested_id: Option<i64>,
}

#[derive(Clone, Debug)]
pub(crate) enum AttemptState {
    /// Between two attempts.
    BackingOff,
    /// In its task queue.
    Offered,
    Started(StartedActivity),
}

#[derive(Clone, Debug)]
pub(crate) struct StartedActivity {
    pub(crate) at: Timestamp,
    pub(crate) identity: String,
    pub(crate) request_id: String,
    /// The boot of the engine that handed it out: a token of another boot is stale.
    pub(crate) epoch: u64,
    pub(crate) worker_version: Option<WorkerVersionStamp>,
}

/// What a worker must present to answer an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ActivityFence {
    pub(crate) scheduled_id: i64,
    pub(crate) attempt: u32,
    pub(crate) epoch: u64,
}

impl Activity {
    pub(crate) fn new(
        scheduled_id: i64,
        spec: ActivityTaskScheduledEventAttributes,
        at: Timestamp,
    ) -> Self {
        Self {
            scheduled_id,
            spec,
            scheduled_at: at,
            attempt: 1,
            available_at: at,
            state: AttemptState::Offered,
            last_beat: None,
            beat_details: None,
            last_failure: None,
            last_identity: String::new(),
            last_finished_at: None,
            cancel_requested_id: None,
        }
    }

    pub(crate) fn started(&self) -> Option<&StartedActivity> {
        match &self.state {
            AttemptState::Started(started) => Some(started),
            AttemptState::BackingOff | AttemptState::Offered => None,
        }
    }

    pub(crate) fn queue(&self) -> &str {
        self.spec
            .task_queue
            .as_ref()
            .map_or("", |q| q.name.as_str())
    }

    /// A bound on attempts is a promise about side effects, so a start counts against it before
    /// the worker sees the task: a crash must not grant an extra attempt.
    pub(crate) fn start_must_be_durable(&self) -> bool {
        self.spec
            .retry_policy
            .as_ref()
            .is_some_and(|policy| policy.maximum_attempts > 0)
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        Some(self.scheduled_at.after(self.schedule_to_close()?))
    }

    fn schedule_to_close(&self) -> Option<Duration> {
        positive(self.spec.schedule_to_close_timeout.as_ref())
    }

    /// The timeout that strikes first in the present state, or the end of the back-off.
    pub(crate) fn next_alarm(&self) -> Option<(Timestamp, Alarm)> {
        let mut first = self
            .expires_at()
            .map(|at| (at, Alarm::Timeout(TimeoutType::ScheduleToClose)));
        // Of two that strike together the narrower one counts, and a heartbeat last.
        let mut consider = |at: Option<Timestamp>, alarm: Alarm| {
            let is_beat = matches!(alarm, Alarm::Timeout(TimeoutType::Heartbeat));
            if let Some(at) = at
                && first
                    .as_ref()
                    .is_none_or(|(earliest, _)| at < *earliest || (at == *earliest && !is_beat))
            {
                first = Some((at, alarm));
            }
        };
        match &self.state {
            AttemptState::BackingOff => consider(Some(self.available_at), Alarm::BackoffOver),
            AttemptState::Offered => consider(
                positive(self.spec.schedule_to_start_timeout.as_ref())
                    .map(|wait| self.available_at.after(wait)),
                Alarm::Timeout(TimeoutType::ScheduleToStart),
            ),
            AttemptState::Started(started) => {
                consider(
                    positive(self.spec.start_to_close_timeout.as_ref())
                        .map(|wait| started.at.after(wait)),
                    Alarm::Timeout(TimeoutType::StartToClose),
                );
                let beat = self.last_beat.map_or(started.at, |b| b.max(started.at));
                consider(
                    positive(self.spec.heartbeat_timeout.as_ref()).map(|wait| beat.after(wait)),
                    Alarm::Timeout(TimeoutType::Heartbeat),
                );
            }
        }
        first
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    BackoffOver,
    Timeout(TimeoutType),
}
