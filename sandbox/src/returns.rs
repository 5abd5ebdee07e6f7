//! Money that comes back: days after a movement was executed, the other bank returns it.

use ambient::Timestamp;
use rusqlite::{Connection, params};

use crate::account;
use crate::movement::{self, Kind, Movement, State};
use crate::{submit, webhook};

/// Plans the return of an executed movement; a movement comes back at most once.
pub(crate) fn expect(
    books: &Connection,
    reference: &str,
    code: &str,
    due: Timestamp,
) -> rusqlite::Result<bool> {
    let Some(movement) = movement::find(books, reference)?.filter(|m| m.state == State::Executed)
    else {
        return Ok(false);
    };
    let planned = books
        .prepare_cached(
            "INSERT INTO returns (reference, code, bank_reference, due_at)
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            reference,
            code,
            movement.bank_reference.replacen("bk", "rt", 1),
            due.as_micros(),
        ])?;
    Ok(planned == 1)
}

/// Books what has come due.
pub(crate) fn happen(books: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let due: Vec<String> = books
        .prepare_cached(
            "SELECT reference FROM returns WHERE position IS NULL AND due_at <= ?1 ORDER BY due_at",
        )?
        .query_map([now.as_micros()], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for reference in due {
        let Some(movement) = movement::find(books, &reference)? else {
            continue;
        };
        let back = match movement.kind {
            Kind::Debit => Kind::Payout,
            Kind::Payout => Kind::Debit,
        };
        account::shift(
            books,
            back,
            &movement.account,
            movement.amount,
            &movement.currency,
        )?;
        books
            .prepare_cached(
                "UPDATE returns SET position = ?2, returned_at = ?3 WHERE reference = ?1",
            )?
            .execute(params![
                reference,
                submit::next_position(books)?,
                now.as_micros(),
            ])?;
        webhook::returned(books, &returned(books, movement)?, now)?;
    }
    Ok(())
}

/// As the statement has it: under the return's own reference, with its reason.
fn returned(books: &Connection, movement: Movement) -> rusqlite::Result<Movement> {
    books
        .prepare_cached("SELECT code, bank_reference FROM returns WHERE reference = ?1")?
        .query_row([&movement.reference], |row| {
            Ok(Movement {
                state: State::Returned,
                code: row.get(0)?,
                bank_reference: row.get(1)?,
                ..movement.clone()
            })
        })
}
