//! The card's holder takes the money back, some time after it was captured.

use ambient::Timestamp;
use rusqlite::{Connection, params};
use serde_json::json;

use super::intent;
use crate::outbox;

/// Plans a chargeback for now; `false` when nothing was captured or it was charged back before.
pub(super) fn expect(books: &Connection, payment: &str, now: Timestamp) -> rusqlite::Result<bool> {
    let planned = books
        .prepare_cached(
            "UPDATE intents SET dispute_at = ?2
             WHERE id = ?1 AND status = 'succeeded' AND charged_back = 0",
        )?
        .execute(params![payment, now.as_micros()])?;
    Ok(planned == 1)
}

pub(super) fn happen(books: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let due: Vec<String> = books
        .prepare_cached(
            "UPDATE intents SET charged_back = 1
             WHERE charged_back = 0 AND dispute_at <= ?1 RETURNING id",
        )?
        .query_map([now.as_micros()], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in due {
        let Some(payment) = intent::find(books, &id)? else {
            continue;
        };
        let dispute = json!({
            "id": id.replacen("pi_", "dp_", 1),
            "object": "dispute",
            "amount": payment.captured - payment.refunded,
            "currency": payment.currency,
            "payment_intent": id,
            "reason": "fraudulent",
            "status": "needs_response",
        });
        outbox::put_event(books, "charge.dispute.created", dispute, now)?;
    }
    Ok(())
}
