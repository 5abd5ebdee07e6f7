-- The book: accounts with their stored balance, entries, and the postings that make them up.
-- Amounts are minor units, credit positive. Only the ledger writes here.

CREATE TABLE accounts (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    id ID NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('wallet', 'pool', 'suspense', 'nostro')),
    -- The user of a wallet; nobody owns a house account.
    owner_id ID CHECK ((owner_id IS NOT NULL) = (purpose = 'wallet')),
    -- 'internal' where no rail is meant: a NULL would make no two accounts the same.
    rail TEXT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'frozen', 'closed')),
    balance INT64 NOT NULL,
    -- How many postings the balance is the sum of.
    version INT64 NOT NULL CHECK (version >= 0),
    opened_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, id),
    -- Only the outside world may owe us: see the chart of accounts.
    CHECK (purpose = 'nostro' OR balance >= 0)
) STRICT;

CREATE UNIQUE INDEX accounts_of_the_house
    ON accounts (partner_id, livemode, purpose, rail, currency) WHERE purpose <> 'wallet';

CREATE UNIQUE INDEX accounts_of_an_owner
    ON accounts (partner_id, livemode, owner_id, currency) WHERE purpose = 'wallet';

CREATE TABLE entries (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    id ID NOT NULL,
    -- The same key is the same entry, for ever.
    key ID NOT NULL,
    template TEXT NOT NULL,
    transfer_id ID,
    posted_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, id),
    UNIQUE (partner_id, livemode, key)
) STRICT;

CREATE INDEX entries_of_a_transfer
    ON entries (partner_id, livemode, transfer_id) WHERE transfer_id IS NOT NULL;

CREATE TABLE postings (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    entry_id ID NOT NULL,
    leg INT64 NOT NULL,
    account_id ID NOT NULL,
    currency TEXT NOT NULL,
    amount INT64 NOT NULL CHECK (amount <> 0),
    -- The account's version and balance once this posting was in it.
    account_version INT64 NOT NULL,
    balance_after INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, entry_id, leg),
    UNIQUE (partner_id, livemode, account_id, account_version),
    FOREIGN KEY (partner_id, livemode, entry_id) REFERENCES entries (partner_id, livemode, id),
    FOREIGN KEY (partner_id, livemode, account_id) REFERENCES accounts (partner_id, livemode, id)
) STRICT;
