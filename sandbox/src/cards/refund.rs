//! Giving back of what was captured: in parts, never more than all of it.

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::book::Submission;
use super::intent::{self, PaymentStatus};
use super::said::Said;
use crate::outbox;

/// What stands in the network's books about one refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: String,
    pub payment: String,
    pub amount: i64,
    /// `metadata[remit_key]`, or empty.
    pub client_key: String,
    metadata: String,
    currency: String,
}

impl Refund {
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "currency": self.currency,
            "metadata": serde_json::from_str::<Value>(&self.metadata).unwrap_or_default(),
            "payment_intent": self.payment,
            "status": "succeeded",
        })
    }
}

pub(super) fn refund(books: &Connection, it: &Submission) -> rusqlite::Result<Said> {
    let payment = it.form.get("payment_intent").cloned().unwrap_or_default();
    let Some(found) = intent::find(books, &payment)? else {
        return Ok(Said::missing());
    };
    let left = found.captured - found.refunded;
    let refused = match (found.status, it.number("amount")) {
        _ if found.charged_back => Some("charge_disputed"),
        (PaymentStatus::Succeeded, _) if left == 0 => Some("charge_already_refunded"),
        (PaymentStatus::Succeeded, Some(amount)) if amount > left => Some("amount_too_large"),
        (PaymentStatus::Succeeded, Some(_)) => None,
        (PaymentStatus::Succeeded, None) => Some("parameter_invalid_integer"),
        _ => Some("payment_intent_unexpected_state"),
    };
    if let Some(code) = refused {
        return Ok(Said::refused(400, code, "nothing was given back"));
    }
    let amount = it.number("amount").unwrap_or(left);
    let id = format!("re_{:032x}", it.fresh);
    books
        .prepare_cached(
            "INSERT INTO refunds (id, intent, amount, client_key, metadata, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            payment,
            amount,
            it.client_key(),
            it.metadata(),
            it.now.as_micros()
        ])?;
    books
        .prepare_cached("UPDATE intents SET refunded = refunded + ?2 WHERE id = ?1")?
        .execute(params![payment, amount])?;
    let done = of_payment(books, &payment)?
        .into_iter()
        .find(|r| r.id == id);
    let Some(done) = done else {
        return Ok(Said::missing());
    };
    outbox::put_event(books, "refund.created", done.json(), it.now)?;
    Ok(Said::done(done.json()))
}

/// The refunds of a payment, newest first.
pub(super) fn of_payment(books: &Connection, payment: &str) -> rusqlite::Result<Vec<Refund>> {
    books
        .prepare_cached(
            "SELECT r.id, r.intent, r.amount, r.client_key, r.metadata, i.currency
             FROM refunds r JOIN intents i ON i.id = r.intent
             WHERE r.intent = ?1 ORDER BY r.seq DESC",
        )?
        .query_map([payment], |row| {
            Ok(Refund {
                id: row.get(0)?,
                payment: row.get(1)?,
                amount: row.get(2)?,
                client_key: row.get(3)?,
                metadata: row.get(4)?,
                currency: row.get(5)?,
            })
        })?
        .collect()
}
