-- What people decided about transfers: rows that are only ever added, each linked to the one before
-- it by a hash. An action is up to three of them: made, decided by a second person, used.

CREATE TABLE audit_log (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    -- Counted in its tenant, from 1.
    position INT64 NOT NULL CHECK (position > 0),
    action_id ID NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('made', 'decided', 'used')),
    transfer_id ID NOT NULL,
    kind TEXT NOT NULL,
    -- The action as typed JSON.
    detail TEXT NOT NULL,
    -- Whether a second person has to agree.
    needs_second INT64 NOT NULL CHECK (needs_second IN (0, 1)),
    -- Who made it or decided it; nobody uses it but the transfer's workflow.
    actor TEXT,
    -- Only where it was decided.
    decision TEXT CHECK (decision IN ('approved', 'denied')),
    reason TEXT,
    evidence TEXT,
    -- What it was used by.
    used_by ID,
    at INT64 NOT NULL,
    hash BYTES NOT NULL,
    PRIMARY KEY (partner_id, livemode, position),
    CHECK ((event = 'used') = (used_by IS NOT NULL)),
    CHECK ((event = 'decided') = (decision IS NOT NULL)),
    CHECK (event = 'used' OR (actor IS NOT NULL AND reason IS NOT NULL))
) STRICT;

-- Made once, decided once, used once.
CREATE UNIQUE INDEX audit_of_an_action ON audit_log (partner_id, livemode, action_id, event);
CREATE INDEX audit_of_a_transfer ON audit_log (partner_id, livemode, transfer_id, position);

-- The end of each tenant's chain; also what its writers wait for one another at.
CREATE TABLE audit_heads (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    position INT64 NOT NULL,
    hash BYTES NOT NULL,
    PRIMARY KEY (partner_id, livemode)
) STRICT;

ALTER TABLE transfers ADD COLUMN on_hold_step TEXT;
ALTER TABLE transfers ADD COLUMN on_hold_since INT64;
-- Why a person is needed, and what that person can do.
ALTER TABLE transfers ADD COLUMN operator_note TEXT;

-- The action by which a person ended a doubt about this attempt.
ALTER TABLE rail_attempts ADD COLUMN settled_by ID;

-- Whoever looks after runs that were ended from outside looks here, over all tenants.
CREATE INDEX transfers_under_way ON transfers (transfer_id)
    WHERE status NOT IN ('completed', 'refunded', 'failed', 'canceled');
