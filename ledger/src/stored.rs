//! How the book's words and amounts lie in columns, in one place for every query.

use db::{DbError, Row};
use domain::{Currency, Mode, Money, Tenant};

/// The columns of an account, in the order in which nobody needs to know them.
pub(crate) const ACCOUNT: &str =
    "id, purpose, owner_id, rail, currency, state, balance, version, opened_at";

pub(crate) fn money(row: &Row, column: &str) -> Result<Money, DbError> {
    let currency: Currency = row.parse("currency")?;
    Money::from_minor(row.int(column)?, currency)
        .map_err(|_| DbError::column(column, "an amount in range", "a larger one"))
}

/// For queries that look at every tenant.
pub(crate) fn tenant(row: &Row) -> Result<Tenant, DbError> {
    Ok(Tenant {
        partner: row.parse("partner_id")?,
        mode: Mode::from_livemode(row.bool("livemode")?),
    })
}
