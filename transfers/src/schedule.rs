//! Schedules: one order repeated by the calendar, each occurrence a transfer of its own.
//!
//! The workflow engine wakes us up; what an occurrence is, and whether it is still wanted, stands
//! here. An occurrence is taken in one commit before its transfer is accepted under a key that
//! follows from the schedule and the instant: exactly one each, however often we are woken.

mod accept;
mod change;
mod occur;
mod read;
mod tell;

use std::collections::BTreeMap;

use domain::{Cadence, Date, Money, RequestId, ScheduleId, Tenant, Timestamp, TransferId};
use serde::Serialize;

use crate::batch::{Refusal, states};
use crate::{EndpointRef, NewTransfer};

pub use accept::AcceptedSchedule;
pub use change::{ScheduleChange, ScheduleChanged};
pub use occur::Occurred;
pub use read::OccurrenceCursor;
pub use tell::ToTell;

/// The most occurrences that can be asked for; without a number a schedule goes on.
pub const MOST_OCCURRENCES: i64 = 10_000;

#[derive(Clone, Debug)]
pub struct NewSchedule {
    pub money: Money,
    pub source: EndpointRef,
    pub destination: EndpointRef,
    pub client_reference: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub cadence: Cadence,
    /// None: today.
    pub starts_on: Option<Date>,
    /// The last day on which an occurrence may fall.
    pub ends_on: Option<Date>,
    pub most: Option<i64>,
    /// An occurrence waits for the next banking day of its rails.
    pub on_banking_days: bool,
    pub request_id: RequestId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub tenant: Tenant,
    pub id: ScheduleId,
    pub money: Money,
    pub source: EndpointRef,
    pub destination: EndpointRef,
    pub client_reference: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub request_id: RequestId,
    pub cadence: Cadence,
    pub starts_at: Timestamp,
    pub ends_at: Option<Timestamp>,
    pub most: Option<i64>,
    pub on_banking_days: bool,
    pub state: ScheduleState,
    /// What fell before it is not made up for.
    pub active_since: Timestamp,
    /// How many there were.
    pub occurrences: i64,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub falls_at: Timestamp,
    pub state: OccurrenceState,
    pub refusal: Vec<Refusal>,
    pub transfer: Option<TransferId>,
    /// Where its transfer stands.
    pub status: Option<domain::transfer::Status>,
    pub taken_at: Timestamp,
}

states! {
    /// Where a schedule stands.
    ScheduleState:
    Active = "active",
    /// Nothing happens, and nothing is made up for later.
    Paused = "paused",
    /// Final.
    Canceled = "canceled",
    /// Its last occurrence has been. Final.
    Ended = "ended",
}

states! {
    /// Where an occurrence stands. What became of its money its transfer says.
    OccurrenceState:
    /// About to become a transfer.
    Taken = "taken",
    Accepted = "accepted",
    /// It could not be accepted as a transfer; the next one is tried again.
    Refused = "refused",
}

impl Schedule {
    /// The first occurrence behind an instant that will be one, if it stays active.
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let just_before = Timestamp::from_micros(self.active_since.as_micros().saturating_sub(1));
        let next = self.cadence.next_after(at.max(just_before));
        let more = self.most.is_none_or(|most| self.occurrences < most);
        let within = self.ends_at.is_none_or(|end| next <= end);
        (more && within).then_some(next)
    }

    /// Whether an occurrence of it falls at this instant.
    fn has_one(&self, at: Timestamp) -> bool {
        self.cadence.falls_at(at)
            && at >= self.active_since
            && self.ends_at.is_none_or(|end| at <= end)
            && self.most.is_none_or(|most| self.occurrences < most)
    }
}

impl NewSchedule {
    /// The order of an occurrence.
    fn order(&self) -> NewTransfer {
        NewTransfer {
            money: self.money,
            source: self.source,
            destination: self.destination,
            quote: None,
            execute_at: None,
            client_reference: self.client_reference.clone(),
            description: None,
            metadata: self.metadata.clone(),
            request_id: self.request_id,
            traceparent: None,
        }
    }
}
