//! Actions put together from their rows.

use db::{DbError, Row, Tx, params};
use domain::{Action, ActionId, Tenant, TransferId};

use crate::Audit;
use crate::action::{Decided, Decision, StoredAction, Used};
use crate::error::StoreError;
use crate::log::{self, COLUMNS, Line};

/// The longest list: three rows an action.
const MOST_ROWS: i64 = 300;

impl Audit {
    /// None where there is no such action here.
    pub async fn find(
        &self,
        tenant: &Tenant,
        id: ActionId,
    ) -> Result<Option<StoredAction>, StoreError> {
        let mut params = log::scope(tenant);
        params.push(id.to_string().into());
        let rows = self.db.fetch_all(&by_id(), params).await?;
        one(tenant, &rows)
    }

    /// Newest first, the latest hundred of them.
    pub async fn of_transfer(
        &self,
        tenant: &Tenant,
        transfer: TransferId,
    ) -> Result<Vec<StoredAction>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_log WHERE partner_id = $1 AND livemode = $2
                 AND transfer_id = $3 ORDER BY position DESC LIMIT $4"
        );
        let mut params = log::scope(tenant);
        params.extend(params![transfer.to_string(), MOST_ROWS]);
        let rows = self.db.fetch_all(&sql, params).await?;
        let lines = rows.iter().map(log::read).collect::<Result<Vec<_>, _>>()?;
        let made = lines.iter().filter(|line| line.event == log::MADE);
        let whole = made.map(|made| {
            let same = lines.iter().filter(|line| line.action == made.action);
            put_together(tenant, &same.cloned().collect::<Vec<_>>())
        });
        whole.filter_map(Result::transpose).collect()
    }

    /// Whose an action is: for whoever knows its id alone, beside the database.
    ///
    /// The one query here without a tenant: an id names one action of one tenant.
    pub async fn tenant_of(&self, id: ActionId) -> Result<Option<Tenant>, StoreError> {
        let sql = "SELECT partner_id, livemode FROM audit_log WHERE action_id = $1 LIMIT 1";
        let row = self.db.fetch_optional(sql, params![id.to_string()]).await?;
        let read = row.map(|row| -> Result<_, DbError> {
            Ok(Tenant {
                partner: row.parse("partner_id")?,
                mode: domain::Mode::from_livemode(row.bool("livemode")?),
            })
        });
        Ok(read.transpose()?)
    }
}

fn by_id() -> String {
    format!(
        "SELECT {COLUMNS} FROM audit_log WHERE partner_id = $1 AND livemode = $2
             AND action_id = $3 ORDER BY position LIMIT 3"
    )
}

pub(crate) async fn in_tx(
    tx: &mut Tx,
    tenant: &Tenant,
    id: ActionId,
) -> Result<Option<StoredAction>, StoreError> {
    let mut params = log::scope(tenant);
    params.push(id.to_string().into());
    let rows = tx.fetch_all(&by_id(), params).await?;
    one(tenant, &rows)
}

fn one(tenant: &Tenant, rows: &[Row]) -> Result<Option<StoredAction>, StoreError> {
    let lines = rows.iter().map(log::read).collect::<Result<Vec<_>, _>>()?;
    put_together(tenant, &lines)
}

fn put_together(tenant: &Tenant, lines: &[Line]) -> Result<Option<StoredAction>, StoreError> {
    let event = |event| lines.iter().find(|line| line.event == event);
    let Some(made) = event(log::MADE) else {
        return Ok(None);
    };
    let action: Action = serde_json::from_str(&made.detail)?;
    let there = |field: &Option<String>, name| field.clone().ok_or_else(|| damaged(name));
    let decided = event(log::DECIDED).map(|line| -> Result<_, StoreError> {
        Ok(Decided {
            checker: actor(line)?,
            decision: match line.decision.as_deref() {
                Some("approved") => Decision::Approved,
                Some("denied") => Decision::Denied,
                _ => return Err(damaged("decision").into()),
            },
            reason: there(&line.reason, "reason")?,
            at: line.at,
        })
    });
    let used = event(log::USED).map(|line| -> Result<_, StoreError> {
        Ok(Used {
            by: there(&line.used_by, "used_by")?,
            at: line.at,
        })
    });
    Ok(Some(StoredAction {
        id: made.action.parse().map_err(|_| damaged("action_id"))?,
        tenant: *tenant,
        transfer: made.transfer.parse().map_err(|_| damaged("transfer_id"))?,
        action,
        needs_second: made.needs_second,
        maker: actor(made)?,
        reason: there(&made.reason, "reason")?,
        evidence: made.evidence.clone(),
        made_at: made.at,
        decided: decided.transpose()?,
        used: used.transpose()?,
    }))
}

fn actor(line: &Line) -> Result<domain::Actor, DbError> {
    let name = line.actor.as_deref().unwrap_or_default();
    name.parse().map_err(|_| damaged("actor"))
}

pub(crate) fn damaged(column: &str) -> DbError {
    DbError::column(column, "what an action has", "something else")
}
