//! Accepting a schedule: its ends are found out now, so that a mistake is heard at once; each
//! occurrence finds them out again.

use db::{Tx, params};
use domain::{Cadence, Date, Mode, ScheduleId, Tenant, Timestamp};

use super::{MOST_OCCURRENCES, NewSchedule, Schedule, ScheduleState};
use crate::ends::complaint;
use crate::error::{AcceptError, FieldError, StoreError};
use crate::{EndpointRef, IdempotencyKey, Transfers, scope};

#[derive(Clone, Debug)]
pub struct AcceptedSchedule {
    pub schedule: Schedule,
    pub replayed: bool,
}

impl Transfers {
    /// Accepts a schedule, or finds the one that the same key made before.
    pub async fn accept_schedule(
        &self,
        tenant: &Tenant,
        key: &IdempotencyKey,
        new: NewSchedule,
    ) -> Result<AcceptedSchedule, AcceptError> {
        if let Some(first) = self.first_schedule(tenant, key, &new).await? {
            return Ok(first);
        }
        let wrong = new.complaints(tenant.mode, self.clock.now());
        if !wrong.is_empty() {
            return Err(AcceptError::Invalid(wrong));
        }
        self.would_accept(tenant, &new.order()).await?;
        let id = ScheduleId::from_bits(self.mint.next()?);
        let (owner, stored, row) = (*tenant, key.clone(), new.clone());
        let metadata = serde_json::to_string(&new.metadata).map_err(StoreError::from)?;
        let cadence = serde_json::to_string(&new.cadence).map_err(StoreError::from)?;
        let inserted = self.db.write(move |tx: &mut Tx| {
            let (metadata, cadence) = (metadata.clone(), cadence.clone());
            let (key, new) = (stored.clone(), row.clone());
            Box::pin(async move {
                let (starts_at, ends_at) = new.bounds(tx.now());
                let mut params = scope(&owner);
                params.extend(params![
                    id.to_string(),
                    key.as_str(),
                    new.money.minor(),
                    new.money.currency().code(),
                    new.source.kind(),
                    new.source.named(),
                    new.destination.kind(),
                    new.destination.named(),
                    new.client_reference.as_deref(),
                    metadata,
                    new.request_id.to_string(),
                    cadence,
                    starts_at,
                    ends_at,
                    new.most,
                    new.on_banking_days,
                    ScheduleState::Active.name(),
                    tx.now(),
                ]);
                Ok(tx.execute(INSERT, params).await? == 1)
            })
        });
        let inserted: Result<bool, db::WriteError<AcceptError>> = inserted.await;
        let fresh = inserted?;
        let found = self.first_schedule(tenant, key, &new).await?;
        let found = found.ok_or(AcceptError::Store(StoreError::Overloaded))?;
        Ok(AcceptedSchedule {
            replayed: !fresh,
            ..found
        })
    }

    async fn first_schedule(
        &self,
        tenant: &Tenant,
        key: &IdempotencyKey,
        new: &NewSchedule,
    ) -> Result<Option<AcceptedSchedule>, AcceptError> {
        let found = self.schedule_by_key(tenant, key.as_str()).await?;
        let Some(schedule) = found else {
            return Ok(None);
        };
        match new.difference(&schedule) {
            Some(pointer) => Err(AcceptError::KeyReused {
                pointer: pointer.to_owned(),
            }),
            None => Ok(Some(AcceptedSchedule {
                schedule,
                replayed: true,
            })),
        }
    }
}

impl NewSchedule {
    /// From its first instant to its last.
    fn bounds(&self, now: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let start = match (self.starts_on, self.cadence.is_for_trying_out()) {
            (None, true) => now,
            (day, _) => day.unwrap_or(Date::at(now)).start(),
        };
        let last = |day: Date| Timestamp::from_micros(day.plus(1).start().as_micros() - 1);
        (start, self.ends_on.map(last))
    }

    fn complaints(&self, mode: Mode, now: Timestamp) -> Vec<FieldError> {
        let mut wrong = self.order().complaints();
        let mut add = |pointer: &str, code, detail: &str| {
            wrong.push(complaint(pointer, code, detail));
        };
        if matches!(self.source, EndpointRef::Checkout(_)) {
            let detail = "asks a person each time, so it cannot be repeated";
            add("/source", "needs_a_person", detail);
        }
        let today = Date::at(now);
        let starts = self.starts_on.unwrap_or(today);
        if starts < today {
            add("/starts_on", "in_the_past", "is in the past");
        } else if starts.start() > now.after(domain::transfer::FURTHEST) {
            add(
                "/starts_on",
                "too_far_ahead",
                "is more than two years ahead",
            );
        }
        if self.ends_on.is_some_and(|end| end < starts) {
            add("/ends_on", "before_the_start", "is before the start");
        }
        if self
            .most
            .is_some_and(|most| !(1..=MOST_OCCURRENCES).contains(&most))
        {
            let detail = format!("must be 1 to {MOST_OCCURRENCES}");
            add("/occurrences", "out_of_range", &detail);
        }
        match self.cadence {
            Cadence::Month { day } if !(1..=domain::cadence::LAST_DAY).contains(&day) => {
                add("/cadence/day", "out_of_range", "must be 1 to 31");
            }
            Cadence::Seconds { .. } if mode.is_live() => {
                let detail = "is for trying out, where no money is real";
                add("/cadence/every", "sandbox_only", detail);
            }
            Cadence::Seconds { seconds }
                if !(1..=domain::cadence::MOST_SECONDS).contains(&seconds) =>
            {
                let detail = format!("must be 1 to {}", domain::cadence::MOST_SECONDS);
                add("/cadence/seconds", "out_of_range", &detail);
            }
            _ => {}
        }
        wrong
    }

    /// The pointer of the first field that is not the same.
    fn difference(&self, stored: &Schedule) -> Option<&'static str> {
        // What was left out then is not told apart from what followed from it.
        let (starts_at, ends_at) = self.bounds(stored.created_at);
        [
            ("/amount", self.money == stored.money),
            ("/source", self.source == stored.source),
            ("/destination", self.destination == stored.destination),
            (
                "/client_reference",
                self.client_reference == stored.client_reference,
            ),
            ("/metadata", self.metadata == stored.metadata),
            ("/cadence", self.cadence == stored.cadence),
            ("/starts_on", starts_at == stored.starts_at),
            ("/ends_on", ends_at == stored.ends_at),
            ("/occurrences", self.most == stored.most),
            (
                "/banking_days",
                self.on_banking_days == stored.on_banking_days,
            ),
        ]
        .into_iter()
        .find_map(|(pointer, same)| (!same).then_some(pointer))
    }
}

const INSERT: &str = "INSERT INTO schedules (partner_id, livemode, schedule_id, idempotency_key,
        amount, currency, source_kind, source_account, destination_kind, destination_account,
        client_reference, metadata, request_id, cadence, starts_at, ends_at, most, on_banking_days,
        state, active_since, occurrences, version, told, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $15, 0, 1, 0, $20, $20)
    ON CONFLICT (partner_id, livemode, idempotency_key) DO NOTHING";
