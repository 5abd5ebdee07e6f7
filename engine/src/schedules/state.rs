//! What is durable of a schedule. Tags are for ever.

use std::time::Duration;

use ambient::Timestamp;
use prost::Message;
use serde_json::{Map, Value};
use temporalio_protos::temporal::api::common::v1::{Memo, Payloads, SearchAttributes};
use temporalio_protos::temporal::api::enums::v1::ScheduleOverlapPolicy as Overlap;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::schedule::v1::{
    BackfillRequest, Schedule, ScheduleAction, ScheduleInfo, SchedulePolicies, ScheduleSpec,
    ScheduleState, schedule_action::Action,
};
use temporalio_protos::temporal::api::workflow::v1::NewWorkflowExecutionInfo;

use crate::core::time::{duration, from_proto, positive, to_proto};
use crate::limits;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct State {
    #[prost(string, tag = "1")]
    pub(crate) namespace: String,
    #[prost(string, tag = "2")]
    pub(crate) namespace_uuid: String,
    #[prost(string, tag = "3")]
    pub(crate) schedule_id: String,
    /// Tells it from others that had the same id before or after.
    #[prost(string, tag = "4")]
    pub(crate) run_id: String,
    /// The request that created it.
    #[prost(string, tag = "5")]
    pub(crate) created_by: String,
    #[prost(message, required, tag = "6")]
    pub(crate) spec: ScheduleSpec,
    #[prost(message, required, tag = "7")]
    pub(crate) action: ScheduleAction,
    #[prost(message, required, tag = "8")]
    pub(crate) policies: SchedulePolicies,
    #[prost(message, required, tag = "9")]
    pub(crate) condition: ScheduleState,
    #[prost(message, required, tag = "10")]
    pub(crate) info: ScheduleInfo,
    #[prost(int64, tag = "11")]
    pub(crate) conflict_token: i64,
    /// Everything the spec meant up to here was considered.
    #[prost(int64, tag = "12")]
    pub(crate) considered_until: i64,
    #[prost(message, repeated, tag = "13")]
    pub(crate) buffer: Vec<Start>,
    /// What is to be started now. Durable before it happens, so that a crash in between starts it
    /// once: its request id stays.
    #[prost(message, repeated, tag = "14")]
    pub(crate) starting: Vec<Starting>,
    #[prost(message, repeated, tag = "15")]
    pub(crate) backfills: Vec<BackfillRequest>,
    #[prost(message, optional, tag = "16")]
    pub(crate) last_result: Option<Payloads>,
    #[prost(message, optional, boxed, tag = "17")]
    pub(crate) last_failure: Option<Box<Failure>>,
    #[prost(message, optional, tag = "18")]
    pub(crate) memo: Option<Memo>,
    #[prost(message, optional, tag = "19")]
    pub(crate) search_attributes: Option<SearchAttributes>,
    /// Requests that were accepted, the latest last.
    #[prost(string, repeated, tag = "20")]
    pub(crate) seen: Vec<String>,
    /// Of starts ever taken from the buffer.
    #[prost(int64, tag = "21")]
    pub(crate) starts: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Start {
    #[prost(int64, tag = "1")]
    pub(crate) nominal: i64,
    #[prost(int64, tag = "2")]
    pub(crate) actual: i64,
    /// Unspecified is the schedule's own, as it is when the start is looked at.
    #[prost(enumeration = "Overlap", tag = "3")]
    pub(crate) overlap: i32,
    /// Asked for by somebody: neither pause nor limits hold it back.
    #[prost(bool, tag = "4")]
    pub(crate) manual: bool,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Starting {
    #[prost(message, required, tag = "1")]
    pub(crate) start: Start,
    #[prost(int64, tag = "2")]
    pub(crate) number: i64,
    /// Others must not overlap it: it is watched until its end.
    #[prost(bool, tag = "3")]
    pub(crate) tracked: bool,
    /// When to give up.
    #[prost(int64, tag = "4")]
    pub(crate) deadline: i64,
}

const FIRST_TOKEN: i64 = 1;
const DEFAULT_CATCHUP: Duration = Duration::from_secs(365 * 86_400);
const SHORTEST_CATCHUP: Duration = Duration::from_secs(10);

impl State {
    /// A schedule that was just created.
    pub(crate) fn born(schedule: Schedule, now: Timestamp) -> Self {
        let mut state = Self {
            conflict_token: FIRST_TOKEN,
            considered_until: now.as_micros(),
            ..Self::default()
        };
        state.info.create_time = Some(to_proto(now));
        state.define(schedule);
        state
    }

    /// Defaults are written out, so that they can be read.
    pub(crate) fn define(&mut self, schedule: Schedule) {
        self.spec = schedule.spec.unwrap_or_default();
        self.action = schedule.action.unwrap_or_default();
        self.policies = schedule.policies.unwrap_or_default();
        self.condition = schedule.state.unwrap_or_default();
        let overlap = self.overlap(Overlap::Unspecified);
        self.policies.set_overlap_policy(overlap);
        self.policies.catchup_window = Some(duration(self.catchup()));
    }

    pub(crate) fn schedule(&self) -> Schedule {
        Schedule {
            spec: Some(self.spec.clone()),
            action: Some(self.action.clone()),
            policies: Some(self.policies),
            state: Some(self.condition.clone()),
        }
    }

    pub(crate) fn workflow(&self) -> Option<&NewWorkflowExecutionInfo> {
        match &self.action.action {
            Some(Action::StartWorkflow(workflow)) => Some(workflow),
            None => None,
        }
    }

    /// What the jitter depends on besides the moment.
    pub(crate) fn seed(&self) -> String {
        format!("{}-{}", self.namespace_uuid, self.schedule_id)
    }

    pub(crate) fn identity(&self) -> String {
        format!("temporal-scheduler-{}-{}", self.namespace, self.schedule_id)
    }

    pub(crate) fn overlap(&self, of: Overlap) -> Overlap {
        match (of, self.policies.overlap_policy()) {
            (Overlap::Unspecified, Overlap::Unspecified) => Overlap::Skip,
            (Overlap::Unspecified, own) => own,
            (of, _) => of,
        }
    }

    pub(crate) fn catchup(&self) -> Duration {
        match self.policies.catchup_window.as_ref() {
            None => DEFAULT_CATCHUP,
            given => positive(given).unwrap_or_default().max(SHORTEST_CATCHUP),
        }
    }

    /// Whether the spec's own moments lead to anything now.
    pub(crate) fn may_act(&self) -> bool {
        !self.condition.paused
            && (!self.condition.limited_actions || self.condition.remaining_actions > 0)
    }

    pub(crate) fn updated_at(&self) -> Timestamp {
        from_proto(self.info.update_time.as_ref())
    }

    pub(crate) fn changed(&mut self) {
        self.conflict_token += 1;
    }

    /// Whether the request is new. It is not the next time.
    pub(crate) fn accepts(&mut self, request_id: &str) -> bool {
        if request_id.is_empty() {
            return true;
        }
        if self.seen.iter().any(|seen| seen == request_id) {
            return false;
        }
        self.seen.push(request_id.to_owned());
        let surplus = self.seen.len().saturating_sub(limits::SCHEDULE_REQUESTS);
        self.seen.drain(..surplus);
        true
    }

    /// It waits for runs, or is about to start some.
    pub(crate) fn is_busy(&self) -> bool {
        !self.starting.is_empty()
            || !self.info.running_workflows.is_empty()
            || !self.backfills.is_empty()
    }

    /// What it is searched by, as one JSON object.
    pub(crate) fn search_values(&self) -> String {
        let given = self.search_attributes.as_ref();
        let given = given.into_iter().flat_map(|all| &all.indexed_fields);
        let mut values: Map<String, Value> = given
            .filter_map(|(name, payload)| {
                let value = serde_json::from_slice(&payload.data).ok()?;
                Some((name.clone(), value))
            })
            .collect();
        values.insert(PAUSED.to_owned(), self.condition.paused.into());
        values.insert("ScheduleId".to_owned(), self.schedule_id.clone().into());
        Value::Object(values).to_string()
    }
}

pub(crate) const PAUSED: &str = "TemporalSchedulePaused";
