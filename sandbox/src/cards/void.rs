//! Releasing a promise: nothing is taken.

use rusqlite::Connection;

use super::book::Submission;
use super::intent::{self, PaymentStatus};
use super::said::Said;
use crate::outbox;

pub(super) fn void(books: &Connection, it: &Submission, payment: &str) -> rusqlite::Result<Said> {
    let Some(found) = intent::find(books, payment)? else {
        return Ok(Said::missing());
    };
    match found.status {
        PaymentStatus::RequiresCapture | PaymentStatus::Processing => {}
        _ => {
            let code = "payment_intent_unexpected_state";
            return Ok(Said::refused(400, code, "there is nothing to release"));
        }
    }
    books
        .prepare_cached("UPDATE intents SET status = 'canceled' WHERE id = ?1")?
        .execute([payment])?;
    let Some(done) = intent::find(books, payment)? else {
        return Ok(Said::missing());
    };
    outbox::put_event(books, "payment_intent.canceled", done.json(), it.now)?;
    Ok(Said::done(done.json()))
}
