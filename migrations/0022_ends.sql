-- More ends than wallets and bank accounts, what a transfer costs and at which quote it changes its
-- currency, what is looked at before it begins, and for what it waits.

CREATE TABLE cards (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    card_id ID NOT NULL,
    user_id ID NOT NULL,
    rail TEXT NOT NULL,
    -- The network's word for the card. There is no number here, and none was ever given to us.
    sealed_token BYTES NOT NULL,
    bin TEXT NOT NULL,
    last_four TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, card_id),
    FOREIGN KEY (partner_id, livemode, user_id) REFERENCES users (partner_id, livemode, user_id)
) STRICT;

CREATE INDEX cards_of_user ON cards (partner_id, livemode, user_id, card_id);

CREATE TABLE merchants (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    merchant_id ID NOT NULL,
    -- Who answers for it.
    user_id ID NOT NULL,
    sealed_name BYTES NOT NULL,
    -- Into which account of the ledger it is paid: 'wallet' or 'float', and its id.
    till TEXT NOT NULL,
    till_account ID NOT NULL,
    currency TEXT NOT NULL,
    -- What we keep of each payment: so many millionths of it, and so much beside.
    fee_millionths INT64 NOT NULL CHECK (fee_millionths >= 0 AND fee_millionths < 1000000),
    fee_fixed INT64 NOT NULL CHECK (fee_fixed >= 0),
    state TEXT NOT NULL,
    created_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, merchant_id),
    FOREIGN KEY (partner_id, livemode, user_id) REFERENCES users (partner_id, livemode, user_id)
) STRICT;

CREATE INDEX merchants_of_user ON merchants (partner_id, livemode, user_id, merchant_id);

-- A blocked person sends nothing. What was begun before goes on to its end.
ALTER TABLE users ADD COLUMN blocked_at INT64;

-- What is looked at before a transfer begins: how much a person or the partner may move in a
-- period, and from which amount on somebody looks first. '' as subject: every person, each alone.
CREATE TABLE screening_rules (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    subject_id ID NOT NULL,
    rule TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INT64 NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (partner_id, livemode, subject_id, rule, currency)
) STRICT;

-- NULL: from before, and then a rail means a bank account and none a wallet.
ALTER TABLE transfers ADD COLUMN source_kind TEXT;
ALTER TABLE transfers ADD COLUMN destination_kind TEXT;
ALTER TABLE transfers ADD COLUMN till TEXT;
ALTER TABLE transfers ADD COLUMN till_account ID;
-- In the currency in which the money arrives.
ALTER TABLE transfers ADD COLUMN fee INT64;
ALTER TABLE transfers ADD COLUMN quote_id ID;
ALTER TABLE transfers ADD COLUMN quote_currency TEXT;
ALTER TABLE transfers ADD COLUMN quote_buys INT64;
ALTER TABLE transfers ADD COLUMN quote_spread INT64;
ALTER TABLE transfers ADD COLUMN quote_expires_at INT64;
ALTER TABLE transfers ADD COLUMN screened INT64 NOT NULL DEFAULT 0;
-- During which step it was declined. NULL: from before.
ALTER TABLE transfers ADD COLUMN decline_step TEXT;
ALTER TABLE transfers ADD COLUMN action_what TEXT;
ALTER TABLE transfers ADD COLUMN action_link TEXT;
ALTER TABLE transfers ADD COLUMN action_reference TEXT;
ALTER TABLE transfers ADD COLUMN action_until INT64;

-- A bank that gives one reference of its own to two payments is not believed about the second.
CREATE INDEX rail_attempts_by_bank_reference
    ON rail_attempts (partner_id, livemode, rail, bank_reference) WHERE bank_reference IS NOT NULL;
