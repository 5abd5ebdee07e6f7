//! A promise of money on a card: `POST /v1/payment_intents` with `capture_method=manual`.

use ambient::Timestamp;
use rusqlite::{Connection, params};

use super::book::Submission;
use super::card::{self, Outcome};
use super::intent::{self, Payment, PaymentStatus};
use super::said::Said;
use crate::misbehaviour::Misbehaviour;
use crate::{magic, outbox};

/// The largest amount that the network takes.
const LARGEST: i64 = 99_999_999;

pub(super) fn authorise(
    books: &Connection,
    it: &Submission,
    fault: Option<Misbehaviour>,
) -> rusqlite::Result<Said> {
    let word = |name: &str| it.form.get(name).map(String::as_str);
    let Some(amount) = it.number("amount") else {
        return Ok(malformed("parameter_invalid_integer", "amount"));
    };
    if amount > LARGEST {
        return Ok(malformed("amount_too_large", "amount"));
    }
    let currency = word("currency").unwrap_or_default();
    if !magic::CURRENCIES
        .iter()
        .any(|code| code.eq_ignore_ascii_case(currency))
    {
        return Ok(malformed("invalid_currency", "currency"));
    }
    if word("capture_method") != Some("manual") || word("confirm") != Some("true") {
        return Ok(malformed(
            "not_built",
            "capture_method=manual, confirm=true",
        ));
    }
    let card = word("payment_method").unwrap_or_default();
    let Some(outcome) = card::outcome_of(card) else {
        return Ok(malformed("resource_missing", "payment_method"));
    };
    let (status, code, reason) = match (fault, outcome) {
        (Some(Misbehaviour::UnlistedRejection), _) => (
            PaymentStatus::RequiresPaymentMethod,
            Some(magic::UNLISTED_CODE),
            None,
        ),
        (Some(Misbehaviour::LateSuccess), _) => (PaymentStatus::Processing, None, None),
        (_, outcome) => decided(outcome),
    };
    let pending = status == PaymentStatus::Processing;
    let hidden = fault == Some(Misbehaviour::HiddenThenFound);
    let disputed = fault == Some(Misbehaviour::ReturnedLater) || outcome == Outcome::ChargedBack;
    let id = format!("pi_{:032x}", it.fresh);
    books
        .prepare_cached(
            "INSERT INTO intents (id, card, amount, currency, status, code, reason, client_key,
                                  metadata, created_at, decides_at, hidden_until, charged_back)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0)",
        )?
        .execute(params![
            id,
            card,
            amount,
            currency.to_ascii_lowercase(),
            status.name(),
            code,
            reason,
            it.client_key(),
            it.metadata(),
            it.now.as_micros(),
            pending.then(|| it.now.after(magic::LATE_AFTER).as_micros()),
            hidden.then(|| it.now.after(magic::HIDDEN_FOR).as_micros()),
        ])?;
    if disputed {
        // Counted from the capture on; until then it is only known that it will come.
        books.execute(
            "UPDATE intents SET dispute_at = ?2 WHERE id = ?1",
            params![id, i64::MAX],
        )?;
    }
    let Some(payment) = intent::find(books, &id)? else {
        return Ok(Said::missing());
    };
    tell(books, &payment, it.now)?;
    Ok(answer(&payment))
}

/// The answer to whoever authorises: a decline is an error that carries the payment.
fn answer(payment: &Payment) -> Said {
    if payment.status != PaymentStatus::RequiresPaymentMethod {
        return Said::done(payment.json());
    }
    let mut error = payment.error();
    error["payment_intent"] = payment.json();
    Said {
        status: 402,
        body: serde_json::json!({ "error": error }),
    }
}

fn decided(outcome: Outcome) -> (PaymentStatus, Option<&'static str>, Option<&'static str>) {
    match outcome {
        Outcome::Good | Outcome::ChargedBack => (PaymentStatus::RequiresCapture, None, None),
        Outcome::Declined(code, reason) => (
            PaymentStatus::RequiresPaymentMethod,
            Some(code),
            Some(reason),
        ),
    }
}

pub(super) fn decide_due(books: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let due: Vec<(String, String)> = books
        .prepare_cached(
            "SELECT id, card FROM intents
             WHERE status = 'processing' AND decides_at <= ?1 ORDER BY decides_at, seq",
        )?
        .query_map([now.as_micros()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, card) in due {
        let outcome = card::outcome_of(&card).unwrap_or(Outcome::Good);
        let (status, code, reason) = decided(outcome);
        books
            .prepare_cached("UPDATE intents SET status = ?2, code = ?3, reason = ?4 WHERE id = ?1")?
            .execute(params![id, status.name(), code, reason])?;
        if let Some(payment) = intent::find(books, &id)? {
            tell(books, &payment, now)?;
        }
    }
    Ok(())
}

fn tell(books: &Connection, payment: &Payment, now: Timestamp) -> rusqlite::Result<()> {
    let what = match payment.status {
        PaymentStatus::RequiresPaymentMethod => "payment_failed",
        PaymentStatus::Processing => "processing",
        _ => "amount_capturable_updated",
    };
    outbox::put_event(
        books,
        &format!("payment_intent.{what}"),
        payment.json(),
        now,
    )
}

fn malformed(code: &str, what: &str) -> Said {
    Said::refused(400, code, &format!("look at {what}; nothing was done"))
}
