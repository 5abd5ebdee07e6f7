//! What the bank tells by itself about a movement: received, decided, returned.

use ambient::Timestamp;
use rusqlite::Connection;
use serde_json::json;

use crate::misbehaviour::Misbehaviour;
use crate::movement::{self, Movement, State};
use crate::{magic, outbox};

/// About a movement that was just booked: that it was received and, when so, decided.
pub(crate) fn announce(
    books: &Connection,
    movement: &Movement,
    fault: Option<Misbehaviour>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let copies = match fault {
        Some(Misbehaviour::WebhookLost) => 0,
        Some(Misbehaviour::WebhookTwice) => 2,
        _ => 1,
    };
    let first = match fault {
        Some(Misbehaviour::WebhookWrongOrder) => now.after(magic::WEBHOOK_LATE_BY),
        _ => now,
    };
    let mut told = movement.clone();
    if fault == Some(Misbehaviour::WebhookOtherAmount) {
        told.amount += 1;
    }
    for _ in 0..copies {
        tell(books, "received", &told, first)?;
        if movement.state != State::Pending {
            tell(books, "decided", &told, now)?;
        }
    }
    Ok(())
}

pub(crate) fn decided(books: &Connection, reference: &str, now: Timestamp) -> rusqlite::Result<()> {
    match movement::find(books, reference)? {
        Some(movement) => tell(books, "decided", &movement, now),
        None => Ok(()),
    }
}

pub(crate) fn returned(
    books: &Connection,
    movement: &Movement,
    now: Timestamp,
) -> rusqlite::Result<()> {
    tell(books, "returned", movement, now)
}

fn tell(
    books: &Connection,
    what: &str,
    movement: &Movement,
    due: Timestamp,
) -> rusqlite::Result<()> {
    let id = format!("ev_{}_{what}", movement.bank_reference);
    let body = json!({
        "id": id,
        "type": format!("movement.{what}"),
        "reference": movement.reference,
        "kind": movement.kind,
        "amount": movement.amount,
        "currency": movement.currency,
        "state": movement.state,
        "code": movement.code,
        "bank_reference": movement.bank_reference,
    });
    outbox::put(books, &id, &body.to_string(), due)
}
