-- Quotes that were made: exactly this much for exactly that much, until it expires. A transfer takes
-- one for itself while it is good; from then on it is honoured, however long the transfer takes.

CREATE TABLE quotes (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    id ID NOT NULL,
    sold INT64 NOT NULL CHECK (sold > 0),
    sold_currency TEXT NOT NULL,
    bought INT64 NOT NULL CHECK (bought > 0),
    bought_currency TEXT NOT NULL,
    -- What we earn, in the bought currency.
    spread INT64 NOT NULL CHECK (spread >= 0),
    -- Decimals as text: the mid rate, and the part of it that we keep.
    rate TEXT NOT NULL,
    rate_spread TEXT NOT NULL,
    made_at INT64 NOT NULL,
    expires_at INT64 NOT NULL,
    -- The transfer that took it.
    taken_by ID,
    taken_at INT64,
    PRIMARY KEY (partner_id, livemode, id),
    CHECK (sold_currency <> bought_currency),
    CHECK ((taken_by IS NULL) = (taken_at IS NULL))
) STRICT;
