//! The accounts: other people's, and one settlement account of our client per currency.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use crate::magic;
use crate::movement::Kind;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    pub number: String,
    pub holder: String,
    pub currency: String,
    /// What it had when it was opened, in minor units.
    pub opening: i64,
    pub balance: i64,
    #[serde(rename = "state")]
    pub(crate) standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    Open,
    Closed,
    Frozen,
    /// Takes money in, and never has any to give: a magic account stays magic.
    Empty,
}

impl Standing {
    const ALL: [Self; 4] = [Self::Open, Self::Closed, Self::Frozen, Self::Empty];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Frozen => "frozen",
            Self::Empty => "empty",
        }
    }
}

/// The number of our client's own account, from which payouts leave and to which debits come.
pub(crate) fn settlement(currency: &str) -> String {
    format!("REMIT-{currency}")
}

pub(crate) fn find(books: &Connection, number: &str) -> rusqlite::Result<Option<Account>> {
    books
        .prepare_cached(
            "SELECT number, holder, currency, opening, balance, standing
             FROM accounts WHERE number = ?1",
        )?
        .query_row([number], read)
        .optional()
}

/// Any number of the bank's own form is somebody's account; nobody else's is.
pub(crate) fn find_or_open(
    books: &Connection,
    number: &str,
    currency: &str,
) -> rusqlite::Result<Option<Account>> {
    if !magic::is_our_number(number) {
        return Ok(None);
    }
    open(books, number, "Sandbox Customer", currency, Standing::Open)?;
    find(books, number)
}

/// Moves money between the account and the settlement account. The settlement account may go
/// below zero: the sandbox gives its client credit.
pub(crate) fn shift(
    books: &Connection,
    kind: Kind,
    number: &str,
    amount: i64,
    currency: &str,
) -> rusqlite::Result<()> {
    let to_client = match kind {
        Kind::Debit => amount,
        Kind::Payout => -amount,
    };
    let mut add =
        books.prepare_cached("UPDATE accounts SET balance = balance + ?2 WHERE number = ?1")?;
    add.execute((number, -to_client))?;
    add.execute((settlement(currency), to_client))?;
    Ok(())
}

pub(crate) fn seed(books: &Connection) -> rusqlite::Result<()> {
    for currency in magic::CURRENCIES {
        let number = settlement(currency);
        open(books, &number, "Remit", currency, Standing::Open)?;
    }
    for (number, holder, standing) in magic::ACCOUNTS {
        open(books, number, holder, "EUR", standing)?;
    }
    Ok(())
}

fn open(
    books: &Connection,
    number: &str,
    holder: &str,
    currency: &str,
    standing: Standing,
) -> rusqlite::Result<()> {
    let balance = match standing {
        Standing::Empty => 0,
        _ => magic::OPENING_BALANCE,
    };
    books
        .prepare_cached(
            "INSERT INTO accounts (number, holder, currency, opening, balance, standing)
             VALUES (?1, ?2, ?3, ?4, ?4, ?5) ON CONFLICT DO NOTHING",
        )?
        .execute((number, holder, currency, balance, standing.name()))?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    let standing: String = row.get(5)?;
    Ok(Account {
        number: row.get(0)?,
        holder: row.get(1)?,
        currency: row.get(2)?,
        opening: row.get(3)?,
        balance: row.get(4)?,
        standing: Standing::ALL
            .into_iter()
            .find(|known| known.name() == standing)
            .ok_or(rusqlite::Error::InvalidQuery)?,
    })
}
