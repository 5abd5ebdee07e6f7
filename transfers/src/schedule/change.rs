//! Pausing, resuming and canceling a schedule: the row decides at once, the engine is told after it.

use db::{Tx, params};
use domain::{ScheduleId, Tenant};

use super::read::{SCHEDULE, keyed, schedule};
use super::{Schedule, ScheduleState};
use crate::Transfers;
use crate::error::StoreError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleChange {
    Pause,
    /// What fell into the pause is not made up for.
    Resume,
    Cancel,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleChanged {
    /// Also where it stood so before.
    Done(Box<Schedule>),
    /// It is over. Nothing was written.
    TooLate(ScheduleState),
}

impl Transfers {
    /// Transfers of occurrences that have been are not touched by it. None where there is no such
    /// schedule here.
    pub async fn change_schedule(
        &self,
        tenant: &Tenant,
        id: ScheduleId,
        change: ScheduleChange,
    ) -> Result<Option<ScheduleChanged>, StoreError> {
        let tenant = *tenant;
        let changed = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let Some(mut found) = lock(tx, &tenant, id).await? else {
                    return Ok(None);
                };
                let to = match change {
                    ScheduleChange::Pause => ScheduleState::Paused,
                    ScheduleChange::Resume => ScheduleState::Active,
                    ScheduleChange::Cancel => ScheduleState::Canceled,
                };
                if found.state == to {
                    return Ok(Some(ScheduleChanged::Done(Box::new(found))));
                }
                if matches!(found.state, ScheduleState::Canceled | ScheduleState::Ended) {
                    return Ok(Some(ScheduleChanged::TooLate(found.state)));
                }
                found.state = to;
                if to == ScheduleState::Active {
                    found.active_since = tx.now().max(found.starts_at);
                }
                store(tx, &mut found).await?;
                Ok(Some(ScheduleChanged::Done(Box::new(found))))
            })
        });
        let changed: Result<_, db::WriteError<StoreError>> = changed.await;
        Ok(changed?)
    }
}

/// Keeps everybody else from changing it, or taking occurrences of it, until the transaction ends.
pub(super) async fn lock(
    tx: &mut Tx,
    tenant: &Tenant,
    id: ScheduleId,
) -> Result<Option<Schedule>, StoreError> {
    let sql = format!(
        "SELECT {SCHEDULE} FROM schedules
         WHERE partner_id = $1 AND livemode = $2 AND schedule_id = $3{}",
        tx.dialect().for_update()
    );
    let row = tx.fetch_optional(&sql, keyed(tenant, id)).await?;
    row.as_ref().map(schedule).transpose()
}

/// As its next version, of which the engine has to be told.
pub(super) async fn store(tx: &mut Tx, found: &mut Schedule) -> Result<(), StoreError> {
    found.version += 1;
    found.updated_at = tx.now();
    let mut params = keyed(&found.tenant, found.id);
    params.extend(params![
        found.state.name(),
        found.active_since,
        found.version,
        found.updated_at
    ]);
    tx.execute(
        "UPDATE schedules SET state = $4, active_since = $5, version = $6, updated_at = $7
         WHERE partner_id = $1 AND livemode = $2 AND schedule_id = $3",
        params,
    )
    .await?;
    Ok(())
}
