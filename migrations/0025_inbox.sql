-- What banks say by themselves: notices that they send, and lines of their statements. Stored before
-- anybody acts on it, and never changed in what it says.

-- No tenant until it is known which step it is about: a bank names our reference, not a partner.
CREATE TABLE rail_messages (
    message_id ID NOT NULL PRIMARY KEY,
    rail ID NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('notice', 'statement')),
    -- The bank's own id of a notice; of a line, its place on the statement.
    bank_id ID NOT NULL,
    -- Of all that it says: the same id with other words is another message.
    digest ID NOT NULL,
    received_at INT64 NOT NULL,
    -- About which step of which transfer, once that is known.
    partner_id ID,
    livemode INT64 CHECK (livemode IN (0, 1)),
    transfer_id ID,
    step_key ID,
    -- What it says. NULL: nothing of the kind.
    outcome TEXT CHECK (outcome IN ('open', 'executed', 'rejected', 'returned')),
    way TEXT,
    amount INT64,
    currency TEXT,
    bank_reference ID,
    decline TEXT,
    code TEXT,
    -- Its own words, which may hold names: kept as long as somebody may have to read them.
    sealed_words BYTES,
    -- What became of it.
    state TEXT NOT NULL
        CHECK (state IN ('waiting', 'used', 'known', 'quarantined', 'unmatched', 'unclaimed', 'claimed')),
    reason TEXT,
    told_at INT64,
    settled_at INT64,
    CHECK ((partner_id IS NULL) = (livemode IS NULL) AND (partner_id IS NULL) = (transfer_id IS NULL))
) STRICT;

CREATE UNIQUE INDEX rail_messages_once ON rail_messages (rail, origin, bank_id, digest);
CREATE INDEX rail_messages_by_state ON rail_messages (state, message_id);
-- Small at all times: whoever tells the transfers' runs looks here every second.
CREATE INDEX rail_messages_to_tell ON rail_messages (message_id)
    WHERE state IN ('waiting', 'quarantined') AND settled_at IS NULL;
CREATE INDEX rail_messages_of_step ON rail_messages (step_key, message_id) WHERE step_key IS NOT NULL;

-- How far each rail's statement was read: the lines and the place behind them commit together.
CREATE TABLE rail_statements (
    rail ID NOT NULL PRIMARY KEY,
    place TEXT NOT NULL,
    read_at INT64 NOT NULL
) STRICT;

-- What is being found out about a step in doubt: what was seen, how often the bank was asked, and
-- when it is asked next.
CREATE TABLE transfer_doubts (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    transfer_id ID NOT NULL,
    step TEXT NOT NULL,
    questions INT64 NOT NULL,
    next_check_at INT64,
    -- A short list in JSON, the newest last.
    evidence TEXT NOT NULL,
    PRIMARY KEY (partner_id, livemode, transfer_id),
    FOREIGN KEY (partner_id, livemode, transfer_id) REFERENCES transfers (partner_id, livemode, transfer_id)
) STRICT;

-- A message names a step; whose step it is says the attempt that was made of it.
CREATE INDEX rail_attempts_by_step ON rail_attempts (step_key);
