-- The book grows: more purposes, holds, terms of an account, linked entries, a chain over entries,
-- and refusals that are remembered. The tables are built anew, because SQLite cannot alter a CHECK;
-- whoever writes meanwhile with an older program is copied before, or refused after.

-- only postgres:LOCK TABLE accounts, entries, postings IN ACCESS EXCLUSIVE MODE;

ALTER TABLE accounts RENAME TO accounts_0001;
ALTER TABLE entries RENAME TO entries_0001;
ALTER TABLE postings RENAME TO postings_0001;

-- Which purposes there are, and what an account of each begins with, is the chart's to say.
CREATE TABLE accounts (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    id ID NOT NULL,
    purpose TEXT NOT NULL,
    -- A user or a partner; nobody owns a house account.
    owner_id ID,
    -- 'internal' where no rail is meant: a NULL would make no two accounts the same.
    rail TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- '' unless the account is for one period, as a limit is.
    period TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('open', 'frozen', 'closed')),
    balance INT64 NOT NULL,
    -- The sum of its open holds.
    held INT64 NOT NULL DEFAULT 0 CHECK (held >= 0),
    -- How many postings the balance is the sum of.
    version INT64 NOT NULL CHECK (version >= 0),
    -- The least that must stay available, and the most that it may hold; NULL: no limit.
    floor INT64,
    ceiling INT64,
    opened_at INT64 NOT NULL,
    -- When its newest posting was posted.
    moved_at INT64 NOT NULL DEFAULT 0,
    PRIMARY KEY (partner_id, livemode, id),
    CHECK (floor IS NULL OR balance - held >= floor),
    CHECK (ceiling IS NULL OR balance <= ceiling)
) STRICT;

CREATE TABLE entries (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    id ID NOT NULL,
    -- The same key is the same entry, for ever.
    key ID NOT NULL,
    template TEXT NOT NULL,
    transfer_id ID,
    -- The entry that this one takes back, one that it belongs with, and the hold that it posts.
    corrects ID,
    linked_to ID,
    hold_id ID,
    posted_at INT64 NOT NULL,
    -- Its link in the chain. NULL only in entries older than the chain, until the next start.
    lane ID,
    position INT64,
    hash BYTES,
    PRIMARY KEY (partner_id, livemode, id)
) STRICT;

-- No foreign keys: on PostgreSQL each costs a lock and a look-up a row, and both rows are written
-- by the same code in the same commit. The oracle looks instead.
CREATE TABLE postings (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    account_id ID NOT NULL,
    -- The account's version and balance once this posting was in it.
    account_version INT64 NOT NULL,
    entry_id ID NOT NULL,
    leg INT64 NOT NULL,
    currency TEXT NOT NULL,
    amount INT64 NOT NULL CHECK (amount <> 0),
    balance_after INT64 NOT NULL,
    -- As its entry's: along the versions of an account it never runs back.
    posted_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, account_id, account_version)
) STRICT_BY_KEY;

INSERT INTO accounts (partner_id, livemode, id, purpose, owner_id, rail, currency, state, balance, version, floor, opened_at, moved_at)
SELECT a.partner_id, a.livemode, a.id, a.purpose, a.owner_id, a.rail, a.currency, a.state, a.balance, a.version,
       CASE WHEN a.purpose = 'nostro' THEN NULL ELSE 0 END, a.opened_at,
       COALESCE((SELECT MAX(e.posted_at) FROM postings_0001 p
                 JOIN entries_0001 e ON e.partner_id = p.partner_id AND e.livemode = p.livemode AND e.id = p.entry_id
                 WHERE p.partner_id = a.partner_id AND p.livemode = a.livemode AND p.account_id = a.id), 0)
FROM accounts_0001 a;

INSERT INTO entries (partner_id, livemode, id, key, template, transfer_id, posted_at)
SELECT partner_id, livemode, id, key, template, transfer_id, posted_at FROM entries_0001;

-- A clock that had stepped back between two entries is evened out, so that time never runs back.
INSERT INTO postings (partner_id, livemode, account_id, account_version, entry_id, leg, currency, amount, balance_after, posted_at)
SELECT p.partner_id, p.livemode, p.account_id, p.account_version, p.entry_id, p.leg, p.currency, p.amount, p.balance_after,
       MAX(e.posted_at) OVER (PARTITION BY p.partner_id, p.livemode, p.account_id ORDER BY p.account_version
                              ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
FROM postings_0001 p
JOIN entries_0001 e ON e.partner_id = p.partner_id AND e.livemode = p.livemode AND e.id = p.entry_id;

DROP TABLE postings_0001;
DROP TABLE entries_0001;
DROP TABLE accounts_0001;

CREATE UNIQUE INDEX accounts_of_the_house
    ON accounts (partner_id, livemode, purpose, rail, currency, period) WHERE owner_id IS NULL;
CREATE UNIQUE INDEX accounts_of_an_owner
    ON accounts (partner_id, livemode, owner_id, purpose, rail, currency, period) WHERE owner_id IS NOT NULL;

CREATE UNIQUE INDEX entries_by_key ON entries (partner_id, livemode, key);
CREATE INDEX entries_of_a_transfer
    ON entries (partner_id, livemode, transfer_id) WHERE transfer_id IS NOT NULL;
CREATE UNIQUE INDEX entries_corrected
    ON entries (partner_id, livemode, corrects) WHERE corrects IS NOT NULL;
CREATE INDEX entries_linked
    ON entries (partner_id, livemode, linked_to) WHERE linked_to IS NOT NULL;
CREATE UNIQUE INDEX entries_in_a_lane ON entries (lane, position) WHERE lane IS NOT NULL;
CREATE INDEX entries_without_a_lane ON entries (id) WHERE lane IS NULL;
CREATE UNIQUE INDEX postings_of_an_entry ON postings (partner_id, livemode, entry_id, leg);

-- Money that is promised and has not moved: it counts against what is available.
CREATE TABLE holds (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    id ID NOT NULL,
    -- One space with the keys of entries.
    key ID NOT NULL,
    account_id ID NOT NULL,
    currency TEXT NOT NULL,
    amount INT64 NOT NULL CHECK (amount > 0),
    -- What an entry took of it.
    posted INT64 NOT NULL DEFAULT 0 CHECK (posted >= 0 AND posted <= amount),
    state TEXT NOT NULL CHECK (state IN ('open', 'posted', 'voided', 'expired')),
    transfer_id ID,
    -- The entry that posted it.
    entry_id ID,
    opened_at INT64 NOT NULL,
    -- NULL: it stays until it is resolved.
    expires_at INT64,
    resolved_at INT64,
    PRIMARY KEY (partner_id, livemode, id),
    CHECK ((state = 'open') = (resolved_at IS NULL)),
    CHECK ((state = 'posted') = (entry_id IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX holds_by_key ON holds (partner_id, livemode, key);
CREATE INDEX holds_open ON holds (partner_id, livemode, account_id, id) WHERE state = 'open';
CREATE INDEX holds_to_expire ON holds (expires_at) WHERE state = 'open' AND expires_at IS NOT NULL;
CREATE INDEX holds_of_a_transfer
    ON holds (partner_id, livemode, transfer_id) WHERE transfer_id IS NOT NULL;

-- What was refused for good under a key: the same words for ever.
CREATE TABLE refusals (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    key ID NOT NULL,
    -- What was asked, field by field, and what was answered.
    content TEXT NOT NULL,
    refusal TEXT NOT NULL,
    refused_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, key)
) STRICT;

-- The end of each lane of the chain. A lane belongs to one writer, and runs through all tenants.
CREATE TABLE lanes (
    lane ID NOT NULL PRIMARY KEY,
    position INT64 NOT NULL,
    hash BYTES NOT NULL
) STRICT;

-- Every change of an account's state and terms, and why.
CREATE TABLE account_changes (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    account_id ID NOT NULL,
    -- Counted from 1.
    number INT64 NOT NULL,
    state TEXT NOT NULL,
    floor INT64,
    ceiling INT64,
    reason TEXT NOT NULL,
    changed_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, account_id, number)
) STRICT;
