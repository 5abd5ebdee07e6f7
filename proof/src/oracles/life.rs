//! O4 and O8: where transfers stand, how they came there, and what the world was told of it.

use anyhow::Result;
use domain::transfer::Status;

use super::{Evidence, Oracle, Seen, none};

pub(super) async fn check(evidence: &Evidence<'_>, seen: &mut Seen) -> Result<()> {
    let db = evidence.db;
    let sql = "SELECT status, COUNT(*) AS many FROM transfers GROUP BY status";
    for row in db.fetch_all(sql, none()).await? {
        seen.by_status.insert(row.text("status")?, row.int("many")?);
    }
    seen.none(
        db,
        Oracle::O4,
        "is neither final nor visibly waiting",
        "SELECT transfer_id || ' (' || status || ')' AS subject FROM transfers
         WHERE status NOT IN ('completed', 'refunded', 'failed', 'canceled',
                              'scheduled', 'requires_action', 'in_review')
           AND in_doubt_step IS NULL AND operator_step IS NULL",
    )
    .await?;
    seen.none(
        db,
        Oracle::O4,
        "is final and still flagged",
        "SELECT transfer_id AS subject FROM transfers
         WHERE status IN ('completed', 'refunded', 'failed', 'canceled')
           AND (in_doubt_step IS NOT NULL OR operator_step IS NOT NULL)",
    )
    .await?;
    seen.none(
        db,
        Oracle::O4,
        "its row and the end of its history differ",
        "SELECT t.transfer_id AS subject FROM transfers t
         LEFT JOIN transfer_status_history h ON h.partner_id = t.partner_id
           AND h.livemode = t.livemode AND h.transfer_id = t.transfer_id AND h.sequence = t.version
         WHERE h.status IS NULL OR h.status <> t.status",
    )
    .await?;
    steps(evidence, seen).await?;
    for (table, oracle) in [
        ("transfer_status_history", Oracle::O4),
        ("outbox", Oracle::O8),
    ] {
        let sql = format!(
            "SELECT t.transfer_id AS subject FROM transfers t
             LEFT JOIN {table} o ON o.partner_id = t.partner_id AND o.livemode = t.livemode
               AND o.transfer_id = t.transfer_id
             GROUP BY t.transfer_id, t.version
             HAVING COUNT(o.sequence) <> t.version OR MIN(o.sequence) <> 1
               OR MAX(o.sequence) <> t.version"
        );
        let says = format!("the rows of {table} are not 1 to its version without a gap");
        seen.none(db, oracle, &says, &sql).await?;
    }
    seen.none(
        db,
        Oracle::O8,
        "a later event stands before an earlier one",
        "SELECT transfer_id AS subject FROM (
           SELECT transfer_id, position, LAG(position) OVER (
             PARTITION BY partner_id, livemode, transfer_id ORDER BY sequence) AS before
           FROM outbox) AS ordered WHERE position <= before",
    )
    .await?;
    seen.none(
        db,
        Oracle::O8,
        "an event tells another status than the history has",
        "SELECT o.transfer_id AS subject FROM outbox o
         JOIN transfer_status_history h ON h.partner_id = o.partner_id AND h.livemode = o.livemode
           AND h.transfer_id = o.transfer_id AND h.sequence = o.sequence
         WHERE o.data NOT LIKE '%\"status\":\"' || h.status || '\"%'",
    )
    .await
}

/// Every change of status is one of the table, so a final one never changed.
async fn steps(evidence: &Evidence<'_>, seen: &mut Seen) -> Result<()> {
    let sql = "SELECT before, status, MIN(transfer_id) AS first, COUNT(*) AS many FROM (
           SELECT transfer_id, status, LAG(status) OVER (
             PARTITION BY partner_id, livemode, transfer_id ORDER BY sequence) AS before
           FROM transfer_status_history) AS steps
         WHERE before IS NULL OR before <> status GROUP BY before, status";
    for row in evidence.db.fetch_all(sql, none()).await? {
        let (before, status) = (row.opt_text("before")?, row.text("status")?);
        let allowed = match (&before, status.parse::<Status>()) {
            (None, Ok(status)) => status == Status::Created,
            (Some(before), Ok(status)) => before
                .parse::<Status>()
                .is_ok_and(|before| before.may_become(status)),
            (_, Err(_)) => false,
        };
        if !allowed {
            let (first, many) = (row.text("first")?, row.int("many")?);
            let before = before.unwrap_or_else(|| "nothing".to_owned());
            let says = format!("went from {before} to {status}, as {many} did");
            seen.say(Oracle::O4, first, says);
        }
    }
    Ok(())
}
