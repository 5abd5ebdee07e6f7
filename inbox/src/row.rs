//! Between a row of `rail_messages` and a [`Message`].

use std::str::FromStr;

use db::{DbError, Row};
use domain::rail::{Rejection, Word, WordOutcome};
use domain::{Currency, Mode, Money, Tenant};

use crate::Message;

pub(crate) const COLUMNS: &str = "message_id, rail, origin, bank_id, received_at, partner_id,
    livemode, step_key, outcome, way, amount, currency, bank_reference, decline, code, state,
    reason, told_at";

pub(crate) fn read(row: &Row) -> Result<Message, DbError> {
    Ok(Message {
        id: row.parse("message_id")?,
        rail: row.parse("rail")?,
        origin: row.parse("origin")?,
        bank_id: row.text("bank_id")?,
        received_at: row.timestamp("received_at")?,
        key: optional(row, "step_key")?,
        tenant: tenant(row)?,
        word: word(row)?,
        state: row.parse("state")?,
        reason: row.opt_text("reason")?,
        told_at: row.opt_timestamp("told_at")?,
    })
}

fn tenant(row: &Row) -> Result<Option<Tenant>, DbError> {
    let Some(partner) = optional(row, "partner_id")? else {
        return Ok(None);
    };
    let mode = Mode::from_livemode(row.bool("livemode")?);
    Ok(Some(Tenant { partner, mode }))
}

fn word(row: &Row) -> Result<Option<Word>, DbError> {
    let code = row.opt_text("code")?;
    let outcome = match row.opt_text("outcome")?.as_deref() {
        None => return Ok(None),
        Some("open") => WordOutcome::Open,
        Some("executed") => WordOutcome::Executed,
        Some("rejected") => WordOutcome::Rejected(Rejection {
            decline: row.parse("decline")?,
            network_code: code.unwrap_or_default(),
        }),
        Some("returned") => WordOutcome::Returned { code },
        Some(_) => return Err(DbError::column("outcome", "an outcome", "another word")),
    };
    Ok(Some(Word {
        outcome,
        way: optional(row, "way")?,
        money: money(row)?,
        bank_reference: row.opt_text("bank_reference")?,
    }))
}

fn money(row: &Row) -> Result<Option<Money>, DbError> {
    let Some(minor) = row.opt_int("amount")? else {
        return Ok(None);
    };
    let currency: Currency = row.parse("currency")?;
    let money = Money::from_minor(minor, currency);
    let money = money.map_err(|_| DbError::column("amount", "an amount", "something else"))?;
    Ok(Some(money))
}

/// NULL is none; anything else must be readable.
fn optional<T: FromStr>(row: &Row, column: &str) -> Result<Option<T>, DbError> {
    match row.opt_text(column)? {
        Some(_) => row.parse(column).map(Some),
        None => Ok(None),
    }
}
