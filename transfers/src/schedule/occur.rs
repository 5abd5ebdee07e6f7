//! An occurrence: taken once, then made a transfer.

use db::{Tx, params};
use domain::transfer::{Order, When};
use domain::{Date, ScheduleId, Tenant, Timestamp};

use super::change::{lock, store};
use super::read::keyed;
use super::{NewSchedule, OccurrenceState, Schedule, ScheduleState};
use crate::accept::Operation;
use crate::batch::Outcome;
use crate::error::{AcceptError, StoreError};
use crate::{IdempotencyKey, Transfers};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occurred {
    /// It is this transfer, now or before.
    Accepted(Box<Order>),
    /// It could not be accepted; why stands with it.
    Refused,
    /// Nothing of this schedule falls there any more, or ever did.
    None,
    /// Its time has not come by our clock.
    NotYet,
}

enum Step {
    Over(Occurred),
    Accept(Box<Schedule>),
}

impl Transfers {
    /// Makes the occurrence that falls at an instant a transfer. Repeating it, at the same time or
    /// much later, makes no second one; being called for what is none makes nothing.
    pub async fn occur(
        &self,
        tenant: &Tenant,
        id: ScheduleId,
        falls_at: Timestamp,
    ) -> Result<Occurred, AcceptError> {
        let schedule = match self.take_occurrence(*tenant, id, falls_at).await? {
            Step::Over(occurred) => return Ok(occurred),
            Step::Accept(schedule) => schedule,
        };
        let key = IdempotencyKey::of_ours(format!("{id}:{falls_at}"));
        let mut new = schedule.ordered().order();
        // A day that was missed is made up for at once: its banking day may be past as well.
        if schedule.on_banking_days && !schedule.cadence.is_for_trying_out() {
            new.execute_at = Some(When::On(Date::at(falls_at)));
        }
        let accepted = self
            .accept_for(Operation::Occurrence, tenant, &key, new)
            .await;
        let Outcome { order, refusal } = Outcome::of(accepted)?;
        let state = match order {
            Some(_) => OccurrenceState::Accepted,
            None => OccurrenceState::Refused,
        };
        let mut params = keyed(tenant, id);
        params.extend(params![
            falls_at,
            state.name(),
            refusal,
            order.map(|order| order.transfer.to_string())
        ]);
        let noted = self
            .db
            .write(move |tx: &mut Tx| Box::pin(async move { Ok(tx.execute(NOTE, params).await?) }));
        let noted: Result<u64, db::WriteError<StoreError>> = noted.await;
        noted.map_err(StoreError::from)?;
        Ok(order.map_or(Occurred::Refused, |order| {
            Occurred::Accepted(Box::new(order))
        }))
    }

    async fn take_occurrence(
        &self,
        tenant: Tenant,
        id: ScheduleId,
        falls_at: Timestamp,
    ) -> Result<Step, AcceptError> {
        let now = self.clock.now();
        let taken = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let Some(mut found) = lock(tx, &tenant, id).await? else {
                    return Ok(Some(Step::Over(Occurred::None)));
                };
                let mut at = keyed(&tenant, id);
                at.push(falls_at.into());
                if let Some(row) = tx.fetch_optional(BEFORE, at.clone()).await? {
                    return Ok(match row.parse("state")? {
                        OccurrenceState::Taken => Some(Step::Accept(Box::new(found))),
                        OccurrenceState::Refused => Some(Step::Over(Occurred::Refused)),
                        OccurrenceState::Accepted => None,
                    });
                }
                if found.state != ScheduleState::Active || !found.has_one(falls_at) {
                    return Ok(Some(Step::Over(Occurred::None)));
                }
                if falls_at > now {
                    return Ok(Some(Step::Over(Occurred::NotYet)));
                }
                let earlier = take_earlier(tx, &mut found, falls_at).await?;
                let taken = match earlier {
                    Earlier::All(_) if found.has_one(falls_at) => {
                        take(tx, &mut found, falls_at).await?;
                        Step::Accept(Box::new(found.clone()))
                    }
                    Earlier::All(_) => Step::Over(Occurred::None),
                    Earlier::Some => Step::Over(Occurred::NotYet),
                };
                let last = match &earlier {
                    Earlier::All(last) => (*last).max(falls_at),
                    Earlier::Some => return Ok(Some(taken)),
                };
                if found.next_after(last).is_none() {
                    found.state = ScheduleState::Ended;
                    store(tx, &mut found).await?;
                }
                Ok(Some(taken))
            })
        });
        let taken: Result<_, db::WriteError<StoreError>> = taken.await;
        match taken.map_err(StoreError::from)? {
            Some(step) => Ok(step),
            None => {
                let order = self.order_of(&tenant, id, falls_at).await?;
                Ok(Step::Over(order.map_or(Occurred::None, |order| {
                    Occurred::Accepted(Box::new(order))
                })))
            }
        }
    }

    async fn order_of(
        &self,
        tenant: &Tenant,
        id: ScheduleId,
        falls_at: Timestamp,
    ) -> Result<Option<Order>, StoreError> {
        let mut params = keyed(tenant, id);
        params.push(falls_at.into());
        let Some(row) = self.db.fetch_optional(BEFORE, params).await? else {
            return Ok(None);
        };
        self.order(tenant, row.parse("transfer_id")?).await
    }
}

/// What fell before an occurrence and was not taken yet.
enum Earlier {
    /// All of it is taken, up to the last of all.
    All(Timestamp),
    /// There is more than is taken at once.
    Some,
}

/// Takes what fell before an instant: the engine wakes us for several at once in no order, and a later
/// one must not end the schedule, or use up its number, under an earlier one. Each is woken for by
/// itself; until then it stands as taken.
async fn take_earlier(
    tx: &mut Tx,
    schedule: &mut Schedule,
    falls_at: Timestamp,
) -> Result<Earlier, StoreError> {
    let row = tx
        .fetch_optional(LAST, keyed(&schedule.tenant, schedule.id))
        .await?;
    let last = row.map(|row| row.opt_timestamp("last")).transpose()?;
    let mut last = last.flatten().unwrap_or(Timestamp::from_micros(i64::MIN));
    for _ in 0..MOST_AT_ONCE {
        let due = schedule.next_after(last).filter(|due| *due < falls_at);
        let Some(due) = due else {
            return Ok(Earlier::All(last));
        };
        take(tx, schedule, due).await?;
        last = due;
    }
    Ok(Earlier::Some)
}

async fn take(tx: &mut Tx, schedule: &mut Schedule, falls_at: Timestamp) -> Result<(), StoreError> {
    let mut params = keyed(&schedule.tenant, schedule.id);
    params.extend(params![falls_at, tx.now()]);
    tx.execute(TAKE, params).await?;
    schedule.occurrences += 1;
    let mut params = keyed(&schedule.tenant, schedule.id);
    params.push(schedule.occurrences.into());
    tx.execute(COUNT, params).await?;
    Ok(())
}

impl Schedule {
    fn ordered(&self) -> NewSchedule {
        NewSchedule {
            money: self.money,
            source: self.source,
            destination: self.destination,
            client_reference: self.client_reference.clone(),
            metadata: self.metadata.clone(),
            cadence: self.cadence,
            starts_on: None,
            ends_on: None,
            most: self.most,
            on_banking_days: self.on_banking_days,
            request_id: self.request_id,
        }
    }
}

/// A transaction takes no more; the rest is taken by the next.
const MOST_AT_ONCE: u32 = 500;

const LAST: &str = "SELECT max(falls_at) AS last FROM schedule_occurrences
    WHERE partner_id = $1 AND livemode = $2 AND schedule_id = $3";

const BEFORE: &str = "SELECT state, transfer_id FROM schedule_occurrences
    WHERE partner_id = $1 AND livemode = $2 AND schedule_id = $3 AND falls_at = $4";

const TAKE: &str = "INSERT INTO schedule_occurrences (partner_id, livemode, schedule_id, falls_at,
        state, taken_at)
    VALUES ($1, $2, $3, $4, 'taken', $5)";

const COUNT: &str = "UPDATE schedules SET occurrences = $4
    WHERE partner_id = $1 AND livemode = $2 AND schedule_id = $3";

const NOTE: &str = "UPDATE schedule_occurrences SET state = $5, refusal = $6, transfer_id = $7
    WHERE partner_id = $1 AND livemode = $2 AND schedule_id = $3 AND falls_at = $4
        AND state = 'taken'";
