//! The tables of the network's file, version by version. A version that was used is never changed.

use crate::books::Plan;
use crate::outbox;

pub(super) const CARDS: Plan = Plan {
    versions: &[BOOKS, outbox::SCHEMA, CHECKOUTS],
    seed: |_| Ok(()),
};

const BOOKS: &str = "
    CREATE TABLE intents (
        seq          INTEGER PRIMARY KEY,
        id           TEXT    NOT NULL UNIQUE,
        card         TEXT    NOT NULL,
        amount       INTEGER NOT NULL CHECK (amount > 0),
        currency     TEXT    NOT NULL,
        status       TEXT    NOT NULL,
        captured     INTEGER NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
        refunded     INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND captured),
        charged_back INTEGER NOT NULL DEFAULT 0,
        code         TEXT,
        reason       TEXT,
        -- The client's own word for it, and what else it wanted kept.
        client_key   TEXT    NOT NULL,
        metadata     TEXT    NOT NULL,
        created_at   INTEGER NOT NULL,
        decides_at   INTEGER,
        hidden_until INTEGER,
        dispute_at   INTEGER
    ) STRICT;
    CREATE INDEX intents_client_key ON intents (client_key);
    CREATE INDEX intents_pending ON intents (decides_at) WHERE status = 'processing';
    CREATE INDEX intents_dispute ON intents (dispute_at) WHERE charged_back = 0;
    CREATE TABLE refunds (
        seq        INTEGER PRIMARY KEY,
        id         TEXT    NOT NULL UNIQUE,
        intent     TEXT    NOT NULL REFERENCES intents (id),
        amount     INTEGER NOT NULL CHECK (amount > 0),
        client_key TEXT    NOT NULL,
        metadata   TEXT    NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX refunds_intent ON refunds (intent, seq);
    -- The first answer under each idempotency key, and how often the key was seen.
    CREATE TABLE answers (
        key         TEXT    PRIMARY KEY,
        fingerprint TEXT    NOT NULL,
        status      INTEGER NOT NULL,
        body        TEXT    NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE attempts (
        key  TEXT    PRIMARY KEY,
        seen INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

const CHECKOUTS: &str = "
    -- Pages on which payers pay. What was paid there is a payment like any other.
    CREATE TABLE checkouts (
        seq        INTEGER PRIMARY KEY,
        id         TEXT    NOT NULL UNIQUE,
        amount     INTEGER NOT NULL CHECK (amount > 0),
        currency   TEXT    NOT NULL,
        metadata   TEXT    NOT NULL,
        client_key TEXT    NOT NULL,
        back       TEXT    NOT NULL,
        link       TEXT    NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        abandoned  INTEGER NOT NULL DEFAULT 0,
        payment    TEXT REFERENCES intents (id)
    ) STRICT;
";
