//! A checkout: a page of the network's own on which a payer pays, or does not.

use ambient::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::book::Submission;
use super::card::{self, Outcome};
use super::intent;
use super::said::Said;
use crate::{magic, outbox};

pub(super) const AMOUNT: &str = "line_items[0][price_data][unit_amount]";
const CURRENCY: &str = "line_items[0][price_data][currency]";

/// What stands in the network's books about one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkout {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    /// `metadata[remit_key]`, or empty.
    pub(super) client_key: String,
    /// The payment that was made there.
    pub(super) payment: Option<String>,
    pub(super) back: String,
    metadata: String,
    link: String,
    expires_at: Timestamp,
    abandoned: bool,
}

/// What a payer may do on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// With the card of this number.
    Pay {
        card: String,
    },
    Leave,
    /// The sandbox's own button: as if the time had passed.
    LetExpire,
}

/// What the payer sees then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Paid,
    /// It was paid before; nothing was taken twice.
    PaidAlready,
    /// The page stays open: another card may do.
    Declined(&'static str),
    Closed,
}

impl Checkout {
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.payment.is_none() && now < self.expires_at
    }

    pub(super) fn json(&self, now: Timestamp) -> Value {
        let (status, paid) = match &self.payment {
            Some(_) => ("complete", "paid"),
            None if self.is_open(now) => ("open", "unpaid"),
            None => ("expired", "unpaid"),
        };
        json!({
            "id": self.id,
            "object": "checkout.session",
            "abandoned": self.abandoned,
            "amount_total": self.amount,
            "currency": self.currency,
            "expires_at": self.expires_at.split().0,
            "livemode": false,
            "metadata": serde_json::from_str::<Value>(&self.metadata).unwrap_or_default(),
            "mode": "payment",
            "payment_intent": self.payment,
            "payment_status": paid,
            "status": status,
            "url": self.is_open(now).then_some(&self.link),
        })
    }
}

pub(super) fn open(books: &Connection, it: &Submission, below: &str) -> rusqlite::Result<Said> {
    let word = |name: &str| it.form.get(name).map_or("", String::as_str);
    let Some(amount) = it.number(AMOUNT) else {
        return Ok(malformed("parameter_invalid_integer", AMOUNT));
    };
    let currency = word(CURRENCY);
    let known = |code: &&str| code.eq_ignore_ascii_case(currency);
    if !magic::CURRENCIES.iter().any(known) {
        return Ok(malformed("invalid_currency", CURRENCY));
    }
    let until = it.number("expires_at").map(Timestamp::from_seconds);
    let Some(until) = until.filter(|until| *until > it.now) else {
        return Ok(malformed("parameter_invalid_integer", "expires_at"));
    };
    if word("mode") != "payment" || word("success_url").is_empty() {
        return Ok(malformed("parameter_missing", "mode=payment, success_url"));
    }
    let id = format!("cs_{:032x}", it.fresh);
    books
        .prepare_cached(
            "INSERT INTO checkouts (id, amount, currency, metadata, client_key, back, link,
                                    created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id,
            amount,
            currency.to_ascii_lowercase(),
            it.metadata(),
            it.client_key(),
            word("success_url"),
            format!("{below}{id}"),
            it.now.as_micros(),
            until.as_micros(),
        ])?;
    Ok(match find(books, &id)? {
        Some(opened) => Said::done(opened.json(it.now)),
        None => Said::missing(),
    })
}

pub(super) fn close(books: &Connection, page: &str, now: Timestamp) -> rusqlite::Result<Said> {
    let Some(found) = find(books, page)? else {
        return Ok(Said::missing());
    };
    if !found.is_open(now) {
        let why = "only an open page can be closed";
        return Ok(Said::refused(400, "resource_not_open", why));
    }
    end(books, page, now, false)?;
    Ok(match find(books, page)? {
        Some(closed) => Said::done(closed.json(now)),
        None => Said::missing(),
    })
}

fn end(books: &Connection, page: &str, now: Timestamp, abandoned: bool) -> rusqlite::Result<()> {
    books
        .prepare_cached("UPDATE checkouts SET expires_at = ?2, abandoned = ?3 WHERE id = ?1")?
        .execute(params![page, now.as_micros(), abandoned])?;
    if let Some(ended) = find(books, page)? {
        outbox::put_event(books, "checkout.session.expired", ended.json(now), now)?;
    }
    Ok(())
}

/// What a payer does. A page takes one payment, however often somebody presses.
pub(super) fn act(
    books: &Connection,
    page: &str,
    deed: &Deed,
    fresh: u128,
    now: Timestamp,
) -> rusqlite::Result<Option<Done>> {
    let Some(found) = find(books, page)? else {
        return Ok(None);
    };
    if found.payment.is_some() {
        return Ok(Some(Done::PaidAlready));
    }
    if !found.is_open(now) {
        return Ok(Some(Done::Closed));
    }
    Ok(Some(match deed {
        Deed::Pay { card } => pay(books, &found, card, fresh, now)?,
        Deed::Leave | Deed::LetExpire => {
            end(books, page, now, *deed == Deed::Leave)?;
            Done::Closed
        }
    }))
}

fn pay(
    books: &Connection,
    page: &Checkout,
    number: &str,
    fresh: u128,
    now: Timestamp,
) -> rusqlite::Result<Done> {
    let Some(token) = card::token_of(number) else {
        return Ok(Done::Declined("incorrect_number"));
    };
    let disputed = match card::outcome_of(token) {
        Some(Outcome::Declined(_, reason)) => return Ok(Done::Declined(reason)),
        Some(Outcome::ChargedBack) => Some(now.after(magic::RETURNED_AFTER).as_micros()),
        Some(Outcome::Good) | None => None,
    };
    let payment = format!("pi_{fresh:032x}");
    books
        .prepare_cached(
            "INSERT INTO intents (id, card, amount, currency, status, captured, client_key,
                                  metadata, created_at, dispute_at)
             VALUES (?1, ?2, ?3, ?4, 'succeeded', ?3, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            payment,
            token,
            page.amount,
            page.currency,
            page.client_key,
            page.metadata,
            now.as_micros(),
            disputed,
        ])?;
    books
        .prepare_cached("UPDATE checkouts SET payment = ?2 WHERE id = ?1")?
        .execute(params![page.id, payment])?;
    if let Some(made) = intent::find(books, &payment)? {
        outbox::put_event(books, "payment_intent.succeeded", made.json(), now)?;
    }
    if let Some(paid) = find(books, &page.id)? {
        outbox::put_event(books, "checkout.session.completed", paid.json(now), now)?;
    }
    Ok(Done::Paid)
}

const SELECT: &str = "SELECT id, amount, currency, client_key, payment, back, metadata, link,
    expires_at, abandoned FROM checkouts ";

pub(super) fn find(books: &Connection, id: &str) -> rusqlite::Result<Option<Checkout>> {
    books
        .prepare_cached(&format!("{SELECT}WHERE id = ?1"))?
        .query_row([id], read)
        .optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Checkout> {
    Ok(Checkout {
        id: row.get(0)?,
        amount: row.get(1)?,
        currency: row.get(2)?,
        client_key: row.get(3)?,
        payment: row.get(4)?,
        back: row.get(5)?,
        metadata: row.get(6)?,
        link: row.get(7)?,
        expires_at: Timestamp::from_micros(row.get(8)?),
        abandoned: row.get(9)?,
    })
}

fn malformed(code: &str, what: &str) -> Said {
    Said::refused(400, code, &format!("look at {what}; nothing was done"))
}
