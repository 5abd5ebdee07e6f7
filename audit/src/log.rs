//! One row of the log, and how it is added: linked to the one before it, in the same commit.

use ambient::Timestamp;
use db::{DbError, Row, Tx, Value, params};
use domain::Tenant;
use ledger::chain::{Hash, link_bytes};

use crate::canonical;

pub(crate) const MADE: &str = "made";
pub(crate) const DECIDED: &str = "decided";
pub(crate) const USED: &str = "used";

/// Ids as texts, as they are stored: a damaged one must change the hash, not stop who looks.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Given when it is added.
    pub(crate) position: i64,
    pub(crate) action: String,
    pub(crate) event: &'static str,
    pub(crate) transfer: String,
    pub(crate) kind: String,
    pub(crate) detail: String,
    pub(crate) needs_second: bool,
    pub(crate) actor: Option<String>,
    pub(crate) decision: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) evidence: Option<String>,
    pub(crate) used_by: Option<String>,
    /// Given when it is added.
    pub(crate) at: Timestamp,
}

pub(crate) const COLUMNS: &str = "position, action_id, event, transfer_id, kind, detail,
    needs_second, actor, decision, reason, evidence, used_by, at, hash";

pub(crate) fn scope(tenant: &Tenant) -> Vec<Value> {
    params![tenant.partner.to_string(), tenant.mode.is_live()]
}

/// The tenant's writers wait for one another at its head.
pub(crate) async fn append(tx: &mut Tx, tenant: &Tenant, mut line: Line) -> Result<(), DbError> {
    let mut params = scope(tenant);
    params.push(Hash::NONE.bytes().to_vec().into());
    let sql = "INSERT INTO audit_heads (partner_id, livemode, position, hash)
        VALUES ($1, $2, 0, $3)
        ON CONFLICT (partner_id, livemode) DO UPDATE SET position = audit_heads.position
        RETURNING position, hash";
    let head = tx.fetch_optional(sql, params).await?;
    let head = head.ok_or_else(|| DbError::column("position", "a head", "nothing"))?;
    line.position = head.int("position")? + 1;
    line.at = tx.now();
    let partner = tenant.partner.to_string();
    let bytes = canonical::bytes(&partner, tenant.mode.is_live(), &line);
    let hash = link_bytes(&hash_of(&head)?, &bytes).bytes().to_vec();
    let mut params = scope(tenant);
    params.extend(params![
        line.position,
        line.action,
        line.event,
        line.transfer,
        line.kind,
        line.detail,
        line.needs_second,
        line.actor,
        line.decision,
        line.reason,
        line.evidence,
        line.used_by,
        line.at,
        hash.clone(),
    ]);
    tx.execute(
        "INSERT INTO audit_log (partner_id, livemode, position, action_id, event, transfer_id,
             kind, detail, needs_second, actor, decision, reason, evidence, used_by, at, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        params,
    )
    .await?;
    let mut params = scope(tenant);
    params.extend(params![line.position, hash]);
    tx.execute(
        "UPDATE audit_heads SET position = $3, hash = $4
         WHERE partner_id = $1 AND livemode = $2",
        params,
    )
    .await?;
    Ok(())
}

pub(crate) fn hash_of(row: &Row) -> Result<Hash, DbError> {
    Hash::try_from(&row.bytes("hash")?[..])
        .map_err(|_| DbError::column("hash", "32 bytes", "another number of bytes"))
}

pub(crate) fn read(row: &Row) -> Result<Line, DbError> {
    let event = row.text("event")?;
    let event = [MADE, DECIDED, USED]
        .into_iter()
        .find(|known| *known == event)
        .ok_or_else(|| DbError::column("event", "an event", "another word"))?;
    Ok(Line {
        position: row.int("position")?,
        action: row.text("action_id")?,
        event,
        transfer: row.text("transfer_id")?,
        kind: row.text("kind")?,
        detail: row.text("detail")?,
        needs_second: row.bool("needs_second")?,
        actor: row.opt_text("actor")?,
        decision: row.opt_text("decision")?,
        reason: row.opt_text("reason")?,
        evidence: row.opt_text("evidence")?,
        used_by: row.opt_text("used_by")?,
        at: row.timestamp("at")?,
    })
}
