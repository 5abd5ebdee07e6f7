//! What the workflow engine has to be told of schedules, for whoever tells it. Of all tenants: one
//! engine serves them all.

use db::{Tx, params};
use domain::{ScheduleId, Timestamp};

use super::Schedule;
use super::read::{SCHEDULE, keyed, schedule};
use crate::error::StoreError;
use crate::{LONGEST_PAGE, Transfers};

/// A schedule, and from when on occurrences of it may have been missed.
#[derive(Clone, Debug)]
pub struct ToTell {
    pub schedule: Schedule,
    /// An occurrence that fell at or behind it, and not yet behind us, has not been.
    pub missed_from: Option<Timestamp>,
}

impl Transfers {
    /// Those that changed since the engine was told.
    pub async fn schedules_to_tell(&self, limit: u32) -> Result<Vec<ToTell>, StoreError> {
        let sql = format!(
            "SELECT {SCHEDULE} FROM schedules WHERE told < version ORDER BY schedule_id LIMIT $1"
        );
        self.to_tell(&sql, params![limit.min(LONGEST_PAGE)]).await
    }

    /// Those that should be known to the engine, in the order of their ids, behind the given one.
    pub async fn active_schedules(
        &self,
        behind: Option<ScheduleId>,
        limit: u32,
    ) -> Result<Vec<ToTell>, StoreError> {
        let sql = format!(
            "SELECT {SCHEDULE} FROM schedules WHERE state = 'active' AND schedule_id > $1
             ORDER BY schedule_id LIMIT $2"
        );
        let behind = behind.map_or(String::new(), |id| id.to_string());
        let params = params![behind, limit.min(LONGEST_PAGE)];
        self.to_tell(&sql, params).await
    }

    async fn to_tell(&self, sql: &str, params: Vec<db::Value>) -> Result<Vec<ToTell>, StoreError> {
        let rows = self.db.fetch_all(sql, params).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let schedule = schedule(row)?;
            let (last, unfinished) = self.seen_of(&schedule).await?;
            let seen = last.unwrap_or(Timestamp::from_micros(i64::MIN));
            let next = schedule.next_after(seen);
            let missed = next.filter(|next| *next <= self.clock.now());
            let missed_from = unfinished.or(missed);
            found.push(ToTell {
                schedule,
                missed_from,
            });
        }
        Ok(found)
    }

    /// The last occurrence, and the first that was taken and did not come to its end.
    async fn seen_of(
        &self,
        of: &Schedule,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError> {
        let sql = "SELECT max(falls_at) AS last,
                 min(CASE WHEN state = 'taken' THEN falls_at END) AS unfinished
             FROM schedule_occurrences
             WHERE partner_id = $1 AND livemode = $2 AND schedule_id = $3";
        let row = self
            .db
            .fetch_optional(sql, keyed(&of.tenant, of.id))
            .await?;
        let Some(row) = row else {
            return Ok((None, None));
        };
        Ok((row.opt_timestamp("last")?, row.opt_timestamp("unfinished")?))
    }

    /// The engine knows it as it stood at its version.
    pub async fn told(&self, schedule: &Schedule) -> Result<(), StoreError> {
        let mut params = keyed(&schedule.tenant, schedule.id);
        params.push(schedule.version.into());
        let told = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let sql = "UPDATE schedules SET told = $4
                     WHERE partner_id = $1 AND livemode = $2 AND schedule_id = $3 AND told < $4";
                Ok(tx.execute(sql, params).await?)
            })
        });
        let told: Result<u64, db::WriteError<StoreError>> = told.await;
        told?;
        Ok(())
    }
}
