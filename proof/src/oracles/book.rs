//! O1 and O6: the book's own oracle, asked once for both.

use anyhow::Result;
use ledger::check::{self, Rule};

use super::{Evidence, Oracle, Seen};

pub(super) async fn check(evidence: &Evidence<'_>, seen: &mut Seen) -> Result<()> {
    let report = check::books(evidence.db).await?;
    seen.entries = report.entries;
    seen.postings = report.postings;
    for fault in &report.faults {
        let oracle = match fault.rule {
            Rule::WithinTerms
            | Rule::FloorIsOfItsPurpose
            | Rule::HeldIsSumOfHolds
            | Rule::HoldBelongs
            | Rule::HoldResolvesOnce
            | Rule::HoldTakesWhatItPosted => Oracle::O6,
            _ => Oracle::O1,
        };
        let says = format!("not true that {}", fault.rule.says());
        seen.say(oracle, &fault.subject, says);
    }
    let db = evidence.db;
    seen.none(
        db,
        Oracle::O1,
        "it is final, and some of its money still lies in a pool or a suspense account",
        "SELECT t.transfer_id AS subject FROM transfers t
         JOIN entries e ON e.partner_id = t.partner_id AND e.livemode = t.livemode
           AND e.transfer_id = t.transfer_id
         JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode
           AND p.entry_id = e.id
         JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode
           AND a.id = p.account_id AND a.purpose IN ('pool', 'suspense')
         WHERE t.status IN ('completed', 'refunded', 'failed', 'canceled')
         GROUP BY t.transfer_id, p.account_id HAVING SUM(p.amount) <> 0",
    )
    .await?;
    seen.none(
        db,
        Oracle::O1,
        "its money facts are not those of its status",
        "SELECT transfer_id AS subject FROM transfers WHERE NOT CASE status
           WHEN 'completed' THEN debited > 0 AND held = 0 AND credited > 0 AND refunded = 0
           WHEN 'refunded' THEN debited > 0 AND held = 0 AND credited = 0 AND refunded > 0
           WHEN 'failed' THEN debited = 0
           WHEN 'canceled' THEN debited = 0
           WHEN 'created' THEN debited = 0
           WHEN 'collecting' THEN debited = 0
           ELSE debited > 0 AND held = debited END",
    )
    .await
}
