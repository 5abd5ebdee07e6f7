-- Who set or lifted a rule of the screening, when and why; and the rates at which quotes are made.
-- Rows are only ever added.

CREATE TABLE screening_rule_changes (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    number INT64 NOT NULL,
    -- As in screening_rules: '' for every person, each alone.
    subject_id ID NOT NULL,
    rule TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- NULL: lifted.
    amount INT64,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, number)
) STRICT;

CREATE TABLE exchange_rates (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    sold_currency TEXT NOT NULL,
    bought_currency TEXT NOT NULL,
    -- The last one counts.
    number INT64 NOT NULL,
    -- Decimal texts: how much of the one for the other, and which part of it is kept.
    rate TEXT NOT NULL,
    spread TEXT NOT NULL,
    set_at INT64 NOT NULL,
    -- No quote is made at it from then on.
    good_until INT64 NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (partner_id, livemode, sold_currency, bought_currency, number)
) STRICT;
