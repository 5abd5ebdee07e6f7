//! A payment by card: promised, captured in part or whole, refunded, or none of it.

use ambient::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Declined.
    RequiresPaymentMethod,
    /// Taken in, not decided yet.
    Processing,
    /// Promised.
    RequiresCapture,
    Succeeded,
    Canceled,
}

/// What stands in the network's books about one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub status: PaymentStatus,
    pub captured: i64,
    pub refunded: i64,
    pub charged_back: bool,
    /// `metadata[remit_key]`, or empty.
    pub client_key: String,
    pub(super) card: String,
    pub(super) code: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) metadata: String,
    pub(super) created_at: Timestamp,
    pub(super) hidden_until: Option<Timestamp>,
}

impl PaymentStatus {
    const ALL: [Self; 5] = [
        Self::RequiresPaymentMethod,
        Self::Processing,
        Self::RequiresCapture,
        Self::Succeeded,
        Self::Canceled,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

impl Payment {
    pub(super) fn json(&self) -> Value {
        let held = match self.status {
            PaymentStatus::RequiresCapture => self.amount,
            _ => 0,
        };
        let error = self.code.as_ref().map(|_| self.error());
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": held,
            "amount_received": self.captured,
            "capture_method": "manual",
            "created": self.created_at.split().0,
            "currency": self.currency,
            "last_payment_error": error,
            "latest_charge": {
                "id": self.id.replacen("pi_", "ch_", 1),
                "object": "charge",
                "amount": self.amount,
                "amount_captured": self.captured,
                "amount_refunded": self.refunded,
                "disputed": self.charged_back,
            },
            "livemode": false,
            "metadata": serde_json::from_str::<Value>(&self.metadata).unwrap_or_default(),
            "payment_method": self.card,
            "status": self.status.name(),
        })
    }

    /// Why it was declined.
    pub(super) fn error(&self) -> Value {
        json!({
            "type": "card_error",
            "code": self.code,
            "decline_code": self.reason,
            "message": "the card was declined",
        })
    }
}

const SELECT: &str = "SELECT id, amount, currency, status, captured, refunded, charged_back,
    client_key, card, code, reason, metadata, created_at, hidden_until FROM intents ";

pub(super) fn find(books: &Connection, id: &str) -> rusqlite::Result<Option<Payment>> {
    one(books, "WHERE id = ?1", id)
}

/// The payment that was made last before this one.
pub(super) fn before(books: &Connection, id: &str) -> rusqlite::Result<Option<Payment>> {
    one(books, "WHERE id <> ?1 ORDER BY seq DESC LIMIT 1", id)
}

fn one(books: &Connection, rest: &str, id: &str) -> rusqlite::Result<Option<Payment>> {
    books
        .prepare_cached(&format!("{SELECT}{rest}"))?
        .query_row([id], read)
        .optional()
}

pub(super) fn all(books: &Connection) -> rusqlite::Result<Vec<Payment>> {
    books
        .prepare_cached(&format!("{SELECT}ORDER BY seq"))?
        .query_map([], read)?
        .collect()
}

/// Newest first, at most so many.
pub(super) fn of_client_key(
    books: &Connection,
    key: &str,
    limit: i64,
) -> rusqlite::Result<Vec<Payment>> {
    books
        .prepare_cached(&format!(
            "{SELECT}WHERE client_key = ?1 ORDER BY seq DESC LIMIT ?2"
        ))?
        .query_map((key, limit), read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Payment> {
    let status: String = row.get(3)?;
    let known = PaymentStatus::ALL
        .into_iter()
        .find(|known| known.name() == status);
    Ok(Payment {
        id: row.get(0)?,
        amount: row.get(1)?,
        currency: row.get(2)?,
        status: known.ok_or(rusqlite::Error::InvalidColumnType(3, status, Type::Text))?,
        captured: row.get(4)?,
        refunded: row.get(5)?,
        charged_back: row.get(6)?,
        client_key: row.get(7)?,
        card: row.get(8)?,
        code: row.get(9)?,
        reason: row.get(10)?,
        metadata: row.get(11)?,
        created_at: Timestamp::from_micros(row.get(12)?),
        hidden_until: row.get::<_, Option<i64>>(13)?.map(Timestamp::from_micros),
    })
}
