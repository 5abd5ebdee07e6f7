-- What follows a completed transfer: refunds, payouts that came back, chargebacks. Each is a movement
-- of its own; the transfer's row keeps its status, and its money facts tell what moved.

CREATE TABLE linked_movements (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    transfer_id ID NOT NULL,
    linked_id ID NOT NULL,
    kind TEXT NOT NULL,
    -- What asked for it, which is done once: a client's key or a bank's stored message.
    asked_by ID NOT NULL,
    -- As the client said it; 0: all that is left.
    asked INT64 NOT NULL CHECK (asked >= 0),
    cause TEXT NOT NULL,
    amount INT64 NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    -- Out of which account it is paid: 'wallet' or 'float' and its id, or '' where a bank has sent it.
    payer TEXT NOT NULL,
    payer_account ID NOT NULL,
    state TEXT NOT NULL,
    -- What the network has decided about a dispute, and in which stored message: '' until then.
    decided TEXT NOT NULL,
    decline TEXT,
    bank_reference TEXT,
    in_doubt_step TEXT,
    in_doubt_since INT64,
    operator_step TEXT,
    operator_since INT64,
    operator_note TEXT,
    on_hold_step TEXT,
    on_hold_since INT64,
    request_id ID NOT NULL,
    start_pending INT64 NOT NULL CHECK (start_pending IN (0, 1)),
    created_at INT64 NOT NULL,
    updated_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, linked_id),
    FOREIGN KEY (partner_id, livemode, transfer_id) REFERENCES transfers (partner_id, livemode, transfer_id)
) STRICT;

CREATE UNIQUE INDEX linked_once ON linked_movements (partner_id, livemode, kind, asked_by);
CREATE INDEX linked_of_transfer ON linked_movements (partner_id, livemode, transfer_id, linked_id);
-- Small at all times: the starter looks here every second, over all tenants.
CREATE INDEX linked_to_start ON linked_movements (created_at) WHERE start_pending = 1;
