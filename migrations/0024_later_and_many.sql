-- Transfers at a later date, by schedule, and in batches.

-- NULL: at once.
ALTER TABLE transfers ADD COLUMN execute_at INT64;

-- A transfer that is repeated by the calendar. No text of a person's: nothing here is sealed.
CREATE TABLE schedules (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    schedule_id ID NOT NULL,
    idempotency_key ID NOT NULL,
    -- The order of each occurrence.
    amount INT64 NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    source_account ID NOT NULL,
    destination_kind TEXT NOT NULL,
    destination_account ID NOT NULL,
    client_reference TEXT,
    metadata TEXT NOT NULL,
    request_id ID NOT NULL,
    -- When.
    cadence TEXT NOT NULL,
    starts_at INT64 NOT NULL,
    -- The last instant at which an occurrence may fall; NULL: for ever.
    ends_at INT64,
    most INT64 CHECK (most > 0),
    on_banking_days INT64 NOT NULL CHECK (on_banking_days IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'canceled', 'ended')),
    -- What fell before it is not made up for: the start, or the last time it was resumed.
    active_since INT64 NOT NULL,
    occurrences INT64 NOT NULL,
    -- The workflow engine has been told what stood here at this version.
    version INT64 NOT NULL,
    told INT64 NOT NULL,
    created_at INT64 NOT NULL,
    updated_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, schedule_id)
) STRICT;

CREATE UNIQUE INDEX schedules_by_key ON schedules (partner_id, livemode, idempotency_key);
-- Whoever tells the engine looks at these two, over all tenants.
CREATE INDEX schedules_to_tell ON schedules (schedule_id) WHERE told < version;
CREATE INDEX schedules_active ON schedules (schedule_id) WHERE state = 'active';

-- One row an occurrence, taken before its transfer is accepted: exactly one each.
CREATE TABLE schedule_occurrences (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    schedule_id ID NOT NULL,
    falls_at INT64 NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('taken', 'accepted', 'refused')),
    -- Why, as JSON.
    refusal TEXT,
    transfer_id ID,
    taken_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, schedule_id, falls_at)
) STRICT;

CREATE TABLE batches (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    batch_id ID NOT NULL,
    idempotency_key ID NOT NULL,
    source_kind TEXT NOT NULL,
    source_account ID NOT NULL,
    currency TEXT NOT NULL,
    items INT64 NOT NULL CHECK (items > 0),
    total INT64 NOT NULL CHECK (total > 0),
    client_reference TEXT,
    request_id ID NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'canceling', 'completed', 'canceled')),
    created_at INT64 NOT NULL,
    updated_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, batch_id)
) STRICT;

CREATE UNIQUE INDEX batches_by_key ON batches (partner_id, livemode, idempotency_key);
-- Whoever starts their workflows looks here, over all tenants.
CREATE INDEX batches_open ON batches (batch_id) WHERE state IN ('running', 'canceling');

CREATE TABLE batch_items (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    batch_id ID NOT NULL,
    -- As the client ordered them, from 0.
    item INT64 NOT NULL CHECK (item >= 0),
    amount INT64 NOT NULL CHECK (amount > 0),
    destination_kind TEXT NOT NULL,
    destination_account ID NOT NULL,
    client_reference TEXT,
    metadata TEXT NOT NULL,
    -- Taken before its transfer is accepted, so that what is canceled surely never was; done when
    -- its transfer is final.
    state TEXT NOT NULL
        CHECK (state IN ('waiting', 'taken', 'under_way', 'done', 'refused', 'canceled')),
    refusal TEXT,
    transfer_id ID,
    PRIMARY KEY (partner_id, livemode, batch_id, item)
) STRICT;

CREATE INDEX batch_items_by_state ON batch_items (partner_id, livemode, batch_id, state, item);
