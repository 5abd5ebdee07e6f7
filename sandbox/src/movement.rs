//! A movement in the bank's books: what was ordered, and what became of it.

use ambient::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Serialize, Serializer};

use crate::order::Order;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// From the account into the client's settlement account.
    Debit,
    /// From the client's settlement account into the account.
    Payout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Executed,
    Rejected,
    /// Accepted, not decided yet. No money has moved.
    Pending,
    /// In a statement only: an executed movement came back.
    Returned,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Movement {
    pub reference: String,
    pub kind: Kind,
    pub account: String,
    /// Minor units of `currency`.
    pub amount: i64,
    pub currency: String,
    pub state: State,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub bank_reference: String,
    /// How often the client has sent this order.
    pub attempts: i64,
    /// Its place in the statement, once decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    #[serde(serialize_with = "as_text")]
    pub received_at: Timestamp,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_maybe_text"
    )]
    pub decided_at: Option<Timestamp>,
    /// Until then inquiries do not find it.
    #[serde(skip)]
    pub(crate) hidden_until: Option<Timestamp>,
}

impl Movement {
    pub(crate) fn is_of(&self, kind: Kind, order: &Order) -> bool {
        self.kind == kind
            && self.account == order.account
            && self.amount == order.amount
            && self.currency == order.currency
    }
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Payout => "payout",
        }
    }
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::Rejected => "rejected",
            Self::Pending => "pending",
            Self::Returned => "returned",
        }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT m.reference, kind, account, amount, currency, state, code, bank_reference,
                    seen, position, received_at, decided_at, hidden_until
             FROM movements m JOIN attempts a ON a.reference = m.reference ",
            $rest
        )
    };
}

pub(crate) fn find(books: &Connection, reference: &str) -> rusqlite::Result<Option<Movement>> {
    books
        .prepare_cached(select!("WHERE m.reference = ?1"))?
        .query_row([reference], read)
        .optional()
}

/// The movement that was received last before this one.
pub(crate) fn before(books: &Connection, reference: &str) -> rusqlite::Result<Option<Movement>> {
    books
        .prepare_cached(select!("WHERE m.reference <> ?1 ORDER BY id DESC LIMIT 1"))?
        .query_row([reference], read)
        .optional()
}

/// The decided movements and the returns after a position, in the order in which they happened.
pub(crate) fn statement(
    books: &Connection,
    after: i64,
    limit: i64,
) -> rusqlite::Result<Vec<Movement>> {
    books
        .prepare_cached(STATEMENT)?
        .query_map([after, limit], read)?
        .collect()
}

/// Every movement, in the order in which they were received.
pub(crate) fn all(books: &Connection) -> rusqlite::Result<Vec<Movement>> {
    books
        .prepare_cached(select!("ORDER BY id"))?
        .query_map([], read)?
        .collect()
}

/// What was accepted and has come due. Asked before every other work, so it must never read more
/// than the few rows that are pending.
pub(crate) fn due(books: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Movement>> {
    books
        .prepare_cached(DUE)?
        .query_map([now.as_micros()], read)?
        .collect()
}

const STATEMENT: &str =
    "SELECT m.reference, kind, account, amount, currency, state, code, bank_reference,
            seen, position, received_at, decided_at, hidden_until
     FROM movements m JOIN attempts a ON a.reference = m.reference WHERE position > ?1
     UNION ALL
     SELECT m.reference, kind, account, amount, currency, 'returned', r.code, r.bank_reference,
            seen, r.position, received_at, r.returned_at, NULL
     FROM returns r JOIN movements m ON m.reference = r.reference
          JOIN attempts a ON a.reference = m.reference WHERE r.position > ?1
     ORDER BY 10 LIMIT ?2";

const DUE: &str = select!("WHERE state = 'pending' AND decides_at <= ?1 ORDER BY decides_at, id");

fn read(row: &Row<'_>) -> rusqlite::Result<Movement> {
    let (kind, state): (String, String) = (row.get(1)?, row.get(5)?);
    let time = |column| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row
            .get::<_, Option<i64>>(column)?
            .map(Timestamp::from_micros))
    };
    Ok(Movement {
        reference: row.get(0)?,
        kind: named(&[Kind::Debit, Kind::Payout], Kind::name, &kind, 1)?,
        account: row.get(2)?,
        amount: row.get(3)?,
        currency: row.get(4)?,
        state: named(
            &[
                State::Executed,
                State::Rejected,
                State::Pending,
                State::Returned,
            ],
            State::name,
            &state,
            5,
        )?,
        code: row.get(6)?,
        bank_reference: row.get(7)?,
        attempts: row.get(8)?,
        position: row.get(9)?,
        received_at: Timestamp::from_micros(row.get(10)?),
        decided_at: time(11)?,
        hidden_until: time(12)?,
    })
}

fn named<T: Copy>(
    all: &[T],
    name: impl Fn(T) -> &'static str,
    word: &str,
    column: usize,
) -> rusqlite::Result<T> {
    all.iter()
        .copied()
        .find(|known| name(*known) == word)
        .ok_or_else(|| rusqlite::Error::InvalidColumnType(column, word.to_owned(), Type::Text))
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn as_maybe_text<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_for_what_is_due_reads_only_what_is_pending() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bank.db");
        drop(crate::books::Books::open(&path, &crate::schema::BANK).unwrap());
        let books = Connection::open(&path).unwrap();
        let plan: String = books
            .query_row(&format!("EXPLAIN QUERY PLAN {DUE}"), [0], |row| row.get(3))
            .unwrap();
        assert!(
            plan.contains("SEARCH m USING INDEX movements_pending"),
            "{plan}"
        );
    }
}
