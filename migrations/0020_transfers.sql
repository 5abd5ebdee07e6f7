-- The record of a transfer: its row, what happened to it, its events, and what banks were asked.

-- The immutable half is the order; the rest is moved forward by a compare on version.
CREATE TABLE transfers (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    transfer_id ID NOT NULL,
    -- The order.
    amount INT64 NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    source_account ID NOT NULL,
    source_rail TEXT,
    destination_account ID NOT NULL,
    destination_rail TEXT,
    -- The person whose key seals the description.
    subject_id ID NOT NULL,
    sealed_description BYTES,
    client_reference TEXT,
    metadata TEXT NOT NULL,
    request_id ID NOT NULL,
    traceparent TEXT,
    created_at INT64 NOT NULL,
    -- Where it stands.
    start_pending INT64 NOT NULL CHECK (start_pending IN (0, 1)),
    status TEXT NOT NULL,
    decline TEXT,
    network_scheme TEXT,
    network_code TEXT,
    debited INT64 NOT NULL,
    held INT64 NOT NULL,
    credited INT64 NOT NULL,
    refunded INT64 NOT NULL,
    in_doubt_step TEXT,
    in_doubt_since INT64,
    operator_step TEXT,
    operator_since INT64,
    collect_reference TEXT,
    payout_reference TEXT,
    refund_reference TEXT,
    version INT64 NOT NULL,
    updated_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, transfer_id),
    -- Whatever was taken is with us, with the receiver or with the sender again.
    CHECK (debited = held + credited + refunded)
) STRICT;

CREATE INDEX transfers_newest ON transfers (partner_id, livemode, created_at, transfer_id);
CREATE INDEX transfers_by_status ON transfers (partner_id, livemode, status, created_at, transfer_id);
CREATE INDEX transfers_by_reference ON transfers (partner_id, livemode, client_reference, created_at, transfer_id);
-- Small at all times: the starter looks here every second, over all tenants.
CREATE INDEX transfers_to_start ON transfers (created_at) WHERE start_pending = 1;

-- Append only.
CREATE TABLE transfer_status_history (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    transfer_id ID NOT NULL,
    sequence INT64 NOT NULL,
    status TEXT NOT NULL,
    cause TEXT NOT NULL,
    actor TEXT NOT NULL,
    note TEXT,
    -- What was recorded, word for word: a repetition is recognised by it.
    happening TEXT,
    entry_id ID,
    at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, transfer_id, sequence),
    FOREIGN KEY (partner_id, livemode, transfer_id) REFERENCES transfers (partner_id, livemode, transfer_id)
) STRICT;

-- Keys never expire while the transfer exists: the row is idempotency for life.
CREATE TABLE idempotency_keys (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    operation TEXT NOT NULL,
    idempotency_key ID NOT NULL,
    transfer_id ID NOT NULL,
    -- The canonical command, sealed under the subject's key: another command is told by its field.
    subject_id ID NOT NULL,
    sealed_command BYTES NOT NULL,
    created_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, operation, idempotency_key)
) STRICT;

-- One row a transition. The position orders all of them; how it is given is told in the code.
CREATE TABLE outbox (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    transfer_id ID NOT NULL,
    sequence INT64 NOT NULL,
    event_id ID NOT NULL,
    position INT64 NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, transfer_id, sequence)
) STRICT;

CREATE INDEX outbox_by_position ON outbox (position);
CREATE INDEX outbox_of_tenant ON outbox (partner_id, livemode, position);

-- Written before an instruction leaves for a bank: what may have been sent is known for ever.
CREATE TABLE rail_attempts (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    transfer_id ID NOT NULL,
    step_key ID NOT NULL,
    attempt INT64 NOT NULL CHECK (attempt > 0),
    rail TEXT NOT NULL,
    state TEXT NOT NULL,
    bank_reference TEXT,
    decline TEXT,
    network_code TEXT,
    evidence TEXT,
    opened_at INT64 NOT NULL,
    closed_at INT64,
    PRIMARY KEY (partner_id, livemode, transfer_id, step_key, attempt),
    FOREIGN KEY (partner_id, livemode, transfer_id) REFERENCES transfers (partner_id, livemode, transfer_id)
) STRICT;
