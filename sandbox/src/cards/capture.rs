//! Taking what was promised, or less of it; the rest is released.

use rusqlite::{Connection, params};

use super::book::Submission;
use super::intent::{self, PaymentStatus};
use super::said::Said;
use crate::{magic, outbox};

pub(super) fn capture(
    books: &Connection,
    it: &Submission,
    payment: &str,
) -> rusqlite::Result<Said> {
    let Some(found) = intent::find(books, payment)? else {
        return Ok(Said::missing());
    };
    if found.status != PaymentStatus::RequiresCapture {
        let code = "payment_intent_unexpected_state";
        return Ok(Said::refused(400, code, "there is nothing to capture"));
    }
    let amount = match it.form.get("amount_to_capture") {
        None => found.amount,
        Some(_) => match it.number("amount_to_capture") {
            Some(amount) if amount <= found.amount => amount,
            _ => {
                let code = "amount_too_large";
                return Ok(Said::refused(400, code, "more than was promised"));
            }
        },
    };
    books
        .prepare_cached(
            "UPDATE intents SET status = 'succeeded', captured = ?2,
                    dispute_at = CASE WHEN dispute_at IS NULL THEN NULL ELSE ?3 END
             WHERE id = ?1",
        )?
        .execute(params![
            payment,
            amount,
            it.now.after(magic::RETURNED_AFTER).as_micros()
        ])?;
    let Some(done) = intent::find(books, payment)? else {
        return Ok(Said::missing());
    };
    outbox::put_event(books, "payment_intent.succeeded", done.json(), it.now)?;
    Ok(Said::done(done.json()))
}
