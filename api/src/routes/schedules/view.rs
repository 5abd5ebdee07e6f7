//! What a client reads of a schedule and of its occurrences.

use std::collections::BTreeMap;

use domain::transfer::Status;
use domain::{Cadence, Date, Money, ScheduleId, Timestamp, TransferId};
use serde::Serialize;
use transfers::batch::Refusal;
use transfers::schedule::{Occurrence, OccurrenceState, Schedule, ScheduleState};

use crate::routes::transfers::parts::NamedEnd;

#[derive(Debug, Serialize)]
pub(super) struct ScheduleView {
    id: ScheduleId,
    object: &'static str,
    livemode: bool,
    state: ScheduleState,
    amount: Money,
    source: NamedEnd,
    destination: NamedEnd,
    cadence: Cadence,
    starts_on: Date,
    ends_on: Option<Date>,
    /// How many there will be at most.
    occurrences: Option<i64>,
    /// How many there were.
    occurred: i64,
    banking_days: &'static str,
    /// Where it is active and not over.
    next_occurrence: Option<String>,
    client_reference: Option<String>,
    metadata: BTreeMap<String, String>,
    created_at: String,
    updated_at: String,
    url: String,
}

#[derive(Debug, Serialize)]
pub(super) struct OccurrenceView {
    object: &'static str,
    falls_at: String,
    state: OccurrenceState,
    transfer: Option<TransferId>,
    transfer_status: Option<Status>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Refusal>,
}

impl ScheduleView {
    pub(super) fn of(schedule: Schedule, now: Timestamp) -> Self {
        let next = schedule
            .next_after(now)
            .filter(|_| schedule.state == ScheduleState::Active);
        Self {
            id: schedule.id,
            object: "schedule",
            livemode: schedule.tenant.mode.is_live(),
            state: schedule.state,
            amount: schedule.money,
            source: schedule.source.into(),
            destination: schedule.destination.into(),
            cadence: schedule.cadence,
            starts_on: Date::at(schedule.starts_at),
            ends_on: schedule.ends_at.map(Date::at),
            occurrences: schedule.most,
            occurred: schedule.occurrences,
            banking_days: match schedule.on_banking_days {
                true => "next",
                false => "ignore",
            },
            next_occurrence: next.map(|at| at.to_string()),
            client_reference: schedule.client_reference,
            metadata: schedule.metadata,
            created_at: schedule.created_at.to_string(),
            updated_at: schedule.updated_at.to_string(),
            url: url(schedule.id),
        }
    }

    /// As it was accepted, whatever happened since: a repetition has the same bytes.
    pub(super) fn accepted(schedule: Schedule) -> Self {
        let created = schedule.created_at;
        let first = Schedule {
            state: ScheduleState::Active,
            active_since: schedule.starts_at,
            occurrences: 0,
            updated_at: created,
            ..schedule
        };
        Self::of(first, created)
    }
}

impl From<Occurrence> for OccurrenceView {
    fn from(occurrence: Occurrence) -> Self {
        Self {
            object: "occurrence",
            falls_at: occurrence.falls_at.to_string(),
            state: occurrence.state,
            transfer: occurrence.transfer,
            transfer_status: occurrence.status,
            errors: occurrence.refusal,
        }
    }
}

pub(super) fn url(id: ScheduleId) -> String {
    format!("/v1/schedules/{id}")
}
