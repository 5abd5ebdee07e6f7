//! How the book's words and amounts lie in columns, in one place for every query.

use db::{DbError, Row};
use domain::{Currency, Mode, Money, Tenant};

use crate::{AccountRef, Hold};

/// The columns of an account, in the order in which nobody needs to know them.
pub(crate) const ACCOUNT: &str = "id, purpose, owner_id, rail, currency, period, state, balance, held, \
    version, floor, ceiling, opened_at, moved_at";

pub(crate) const HOLD: &str = "id, key, account_id, currency, amount, posted, state, transfer_id, \
    entry_id, opened_at, expires_at, resolved_at";

pub(crate) fn hold(row: &Row) -> Result<Hold, DbError> {
    Ok(Hold {
        id: row.parse("id")?,
        key: row.text("key")?,
        account: row.parse("account_id")?,
        money: money(row, "amount")?,
        posted: money(row, "posted")?,
        state: row.parse("state")?,
        transfer: opt_id(row, "transfer_id")?,
        entry: opt_id(row, "entry_id")?,
        opened_at: row.timestamp("opened_at")?,
        expires_at: row.opt_timestamp("expires_at")?,
        resolved_at: row.opt_timestamp("resolved_at")?,
    })
}

pub(crate) fn opt_id<T: std::str::FromStr>(row: &Row, column: &str) -> Result<Option<T>, DbError> {
    Ok(match row.str(column)? {
        Some(_) => Some(row.parse(column)?),
        None => None,
    })
}

/// How an entry names the account of a row that has its `account_id`, `purpose` and `rail`.
pub(crate) fn named(row: &Row) -> Result<AccountRef, DbError> {
    AccountRef::stored(
        row.parse("purpose")?,
        row.parse("rail")?,
        row.parse("account_id")?,
    )
    .ok_or_else(|| DbError::column("rail", "the place of this purpose", "another"))
}

pub(crate) fn money(row: &Row, column: &str) -> Result<Money, DbError> {
    let currency: Currency = row.parse("currency")?;
    Money::from_minor(row.int(column)?, currency)
        .map_err(|_| DbError::column(column, "an amount in range", "a larger one"))
}

pub(crate) fn opt_money(row: &Row, column: &str) -> Result<Option<Money>, DbError> {
    Ok(match row.opt_int(column)? {
        Some(_) => Some(money(row, column)?),
        None => None,
    })
}

/// For queries that look at every tenant.
pub(crate) fn tenant(row: &Row) -> Result<Tenant, DbError> {
    Ok(Tenant {
        partner: row.parse("partner_id")?,
        mode: Mode::from_livemode(row.bool("livemode")?),
    })
}

/// An id that may be missing.
pub(crate) fn maybe<T: std::str::FromStr>(row: &Row, column: &str) -> Result<Option<T>, DbError> {
    match row.str(column)? {
        None => Ok(None),
        Some(_) => row.parse(column).map(Some),
    }
}
