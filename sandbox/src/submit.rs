//! An order meets the books: counted, recognised or booked, and its money moved, in one
//! transaction.

use ambient::Timestamp;
use rusqlite::{Connection, params};

use crate::account::{self, Standing};
use crate::delivery::{self, Delivery};
use crate::magic;
use crate::misbehaviour::Misbehaviour;
use crate::movement::{self, Kind, Movement, State};
use crate::order::Order;
use crate::{returns, webhook};

#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) kind: Kind,
    pub(crate) order: Order,
    /// What the operator of the sandbox asked for; stronger than what the amount asks for.
    pub(crate) fault: Option<Misbehaviour>,
    pub(crate) webhook_fault: Option<Misbehaviour>,
    pub(crate) bank_reference: String,
    pub(crate) now: Timestamp,
}

pub(crate) fn submit(books: &Connection, it: &Submission) -> rusqlite::Result<Delivery> {
    decide_due(books, it.now)?;
    let attempt = count_attempt(books, &it.order.reference)?;
    let fault = it
        .fault
        .or_else(|| magic::of_amount(it.order.amount, attempt));
    let known = movement::find(books, &it.order.reference)?;
    if known
        .as_ref()
        .is_some_and(|known| !known.is_of(it.kind, &it.order))
    {
        return Ok(Delivery::ReferenceReused);
    }
    let booked = match known {
        Some(known) => Some(known),
        None if fault.is_none_or(Misbehaviour::books) => {
            book(books, it, fault)?;
            let booked = movement::find(books, &it.order.reference)?;
            if let Some(booked) = &booked {
                let fault = it.webhook_fault.or(fault);
                webhook::announce(books, booked, fault, it.now)?;
            }
            booked
        }
        None => None,
    };
    let earlier = movement::before(books, &it.order.reference)?;
    Ok(delivery::of(fault, booked, earlier))
}

/// Decides what was accepted earlier and has come due.
pub(crate) fn decide_due(books: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    for Movement {
        reference,
        kind,
        account,
        amount,
        currency,
        ..
    } in movement::due(books, now)?
    {
        let order = Order {
            reference,
            account,
            amount,
            currency,
        };
        let code = execute(books, kind, &order)?;
        books
            .prepare_cached(
                "UPDATE movements SET state = ?2, code = ?3, decided_at = ?4, position = ?5
                 WHERE reference = ?1",
            )?
            .execute(params![
                order.reference,
                state_of(code).name(),
                code,
                now.as_micros(),
                next_position(books)?,
            ])?;
        webhook::decided(books, &order.reference, now)?;
    }
    returns::happen(books, now)
}

/// Takes back what was not decided yet; `None` when there is nothing (visible) to take back.
pub(crate) fn cancel(
    books: &Connection,
    reference: &str,
    fault: Option<Misbehaviour>,
    now: Timestamp,
) -> rusqlite::Result<Delivery> {
    decide_due(books, now)?;
    let known = movement::find(books, reference)?
        .filter(|movement| movement.hidden_until.is_none_or(|until| until <= now));
    let canceled = |movement: &Movement| movement.code.as_deref() == Some(magic::CANCELED_CODE);
    match known {
        Some(movement) if movement.state != State::Pending && !canceled(&movement) => {
            return Ok(Delivery::TooLate);
        }
        Some(movement)
            if movement.state == State::Pending && fault.is_none_or(Misbehaviour::books) =>
        {
            books
                .prepare_cached(
                    "UPDATE movements SET state = 'rejected', code = ?2, decided_at = ?3,
                            position = ?4 WHERE reference = ?1",
                )?
                .execute(params![
                    reference,
                    magic::CANCELED_CODE,
                    now.as_micros(),
                    next_position(books)?,
                ])?;
            webhook::decided(books, reference, now)?;
        }
        _ => {}
    }
    let earlier = movement::before(books, reference)?;
    Ok(delivery::of(
        fault,
        movement::find(books, reference)?,
        earlier,
    ))
}

fn count_attempt(books: &Connection, reference: &str) -> rusqlite::Result<i64> {
    books
        .prepare_cached(
            "INSERT INTO attempts (reference, seen) VALUES (?1, 1)
             ON CONFLICT (reference) DO UPDATE SET seen = seen + 1 RETURNING seen",
        )?
        .query_row([reference], |row| row.get(0))
}

fn book(books: &Connection, it: &Submission, fault: Option<Misbehaviour>) -> rusqlite::Result<()> {
    let (state, code) = match fault {
        Some(Misbehaviour::LateSuccess) => (State::Pending, None),
        Some(Misbehaviour::UnlistedRejection) => (State::Rejected, Some(magic::UNLISTED_CODE)),
        _ => {
            let code = execute(books, it.kind, &it.order)?;
            (state_of(code), code)
        }
    };
    let pending = state == State::Pending;
    let position = if pending {
        None
    } else {
        Some(next_position(books)?)
    };
    let hidden = fault == Some(Misbehaviour::HiddenThenFound);
    books
        .prepare_cached(
            "INSERT INTO movements
                 (reference, kind, account, amount, currency, state, code, bank_reference,
                  position, received_at, decided_at, decides_at, hidden_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            it.order.reference,
            it.kind.name(),
            it.order.account,
            it.order.amount,
            it.order.currency,
            state.name(),
            code,
            it.bank_reference,
            position,
            it.now.as_micros(),
            (!pending).then_some(it.now.as_micros()),
            pending.then(|| it.now.after(magic::LATE_AFTER).as_micros()),
            hidden.then(|| it.now.after(magic::HIDDEN_FOR).as_micros()),
        ])?;
    if fault == Some(Misbehaviour::ReturnedLater) && state == State::Executed {
        let due = it.now.after(magic::RETURNED_AFTER);
        returns::expect(books, &it.order.reference, magic::RETURN_CODE, due)?;
    }
    Ok(())
}

/// Moves the money, or says with which code it does not.
fn execute(
    books: &Connection,
    kind: Kind,
    order: &Order,
) -> rusqlite::Result<Option<&'static str>> {
    if !magic::CURRENCIES.contains(&order.currency.as_str()) {
        return Ok(Some("AM03"));
    }
    let Some(account) = account::find_or_open(books, &order.account, &order.currency)? else {
        return Ok(Some("AC01"));
    };
    if let Some(code) = magic::refusal_of(&order.account) {
        return Ok(Some(code));
    }
    let refused = match account.standing {
        Standing::Closed => Some("AC04"),
        Standing::Frozen => Some("AC06"),
        _ if account.currency != order.currency => Some("AM03"),
        _ if order.amount > magic::LARGEST_MOVEMENT => Some("AM02"),
        Standing::Empty if kind == Kind::Debit => Some("AM04"),
        Standing::Open if kind == Kind::Debit && account.balance < order.amount => Some("AM04"),
        Standing::Open | Standing::Empty => None,
    };
    if refused.is_none() {
        account::shift(books, kind, &order.account, order.amount, &order.currency)?;
    }
    Ok(refused)
}

fn state_of(code: Option<&str>) -> State {
    match code {
        Some(_) => State::Rejected,
        None => State::Executed,
    }
}

pub(crate) fn next_position(books: &Connection) -> rusqlite::Result<i64> {
    books
        .prepare_cached(
            "SELECT MAX((SELECT COALESCE(MAX(position), 0) FROM movements),
                        (SELECT COALESCE(MAX(position), 0) FROM returns)) + 1",
        )?
        .query_row([], |row| row.get(0))
}
