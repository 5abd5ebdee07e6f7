//! The tables of the bank's file, version by version. A version that was used is never changed.

use crate::account;
use crate::books::Plan;
use crate::outbox;

pub(crate) const BANK: Plan = Plan {
    versions: &[BOOKS, RETURNS, outbox::SCHEMA],
    seed: account::seed,
};

const BOOKS: &str = "
    CREATE TABLE accounts (
        number   TEXT    PRIMARY KEY,
        holder   TEXT    NOT NULL,
        currency TEXT    NOT NULL,
        opening  INTEGER NOT NULL,
        balance  INTEGER NOT NULL,
        standing TEXT    NOT NULL CHECK (standing IN ('open', 'closed', 'frozen', 'empty'))
    ) STRICT;
    CREATE TABLE movements (
        id             INTEGER PRIMARY KEY,
        reference      TEXT    NOT NULL UNIQUE,
        kind           TEXT    NOT NULL CHECK (kind IN ('debit', 'payout')),
        account        TEXT    NOT NULL,
        amount         INTEGER NOT NULL CHECK (amount > 0),
        currency       TEXT    NOT NULL,
        state          TEXT    NOT NULL CHECK (state IN ('executed', 'rejected', 'pending')),
        code           TEXT,
        bank_reference TEXT    NOT NULL UNIQUE,
        -- The place in the statement, given when the movement is decided.
        position       INTEGER UNIQUE,
        received_at    INTEGER NOT NULL,
        decided_at     INTEGER,
        decides_at     INTEGER,
        hidden_until   INTEGER,
        CHECK ((state = 'pending') = (position IS NULL)),
        CHECK ((state = 'rejected') = (code IS NOT NULL))
    ) STRICT;
    CREATE INDEX movements_pending ON movements (decides_at) WHERE state = 'pending';
    -- Every attempt is counted, also those that never reached the books.
    CREATE TABLE attempts (
        reference TEXT    PRIMARY KEY,
        seen      INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

const RETURNS: &str = "
    -- An executed movement that comes back: a line of its own in the statement.
    CREATE TABLE returns (
        reference      TEXT    PRIMARY KEY REFERENCES movements (reference),
        code           TEXT    NOT NULL,
        bank_reference TEXT    NOT NULL UNIQUE,
        due_at         INTEGER NOT NULL,
        position       INTEGER UNIQUE,
        returned_at    INTEGER
    ) STRICT;
    CREATE INDEX returns_due ON returns (due_at) WHERE position IS NULL;
";
