-- Who is who: partners, their API keys, their users, the users' keys and their bank accounts.
--
-- What names a person is sealed under that person's own key, so that erasing the person is
-- destroying one row's wrapped key. No foreign key points at subject_keys for that reason.

CREATE TABLE partners (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL CHECK (livemode IN (0, 1)),
    name TEXT NOT NULL,
    created_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode)
) STRICT;

-- The secret is stored as a hash and is never seen again after it was made.
CREATE TABLE api_keys (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    key_id ID NOT NULL,
    name TEXT NOT NULL,
    hash BYTES NOT NULL,
    scopes TEXT NOT NULL,
    created_at INT64 NOT NULL,
    expires_at INT64,
    revoked_at INT64,
    PRIMARY KEY (partner_id, livemode, key_id),
    FOREIGN KEY (partner_id, livemode) REFERENCES partners (partner_id, livemode)
) STRICT;

-- A caller shows a key before anybody knows whose it is.
CREATE INDEX api_keys_by_id ON api_keys (key_id);

CREATE TABLE users (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    user_id ID NOT NULL,
    sealed_name BYTES NOT NULL,
    created_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, user_id),
    FOREIGN KEY (partner_id, livemode) REFERENCES partners (partner_id, livemode)
) STRICT;

-- wrapped_key is NULL once the person was erased.
CREATE TABLE subject_keys (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    subject_id ID NOT NULL,
    wrapped_key BYTES,
    created_at INT64 NOT NULL,
    erased_at INT64,
    PRIMARY KEY (partner_id, livemode, subject_id),
    CHECK ((wrapped_key IS NULL) = (erased_at IS NOT NULL))
) STRICT;

CREATE TABLE bank_accounts (
    partner_id ID NOT NULL,
    livemode INT64 NOT NULL,
    bank_account_id ID NOT NULL,
    user_id ID NOT NULL,
    rail TEXT NOT NULL,
    currency TEXT NOT NULL,
    sealed_number BYTES NOT NULL,
    sealed_holder BYTES NOT NULL,
    last_four TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INT64 NOT NULL,
    PRIMARY KEY (partner_id, livemode, bank_account_id),
    FOREIGN KEY (partner_id, livemode, user_id) REFERENCES users (partner_id, livemode, user_id)
) STRICT;

CREATE INDEX bank_accounts_of_user ON bank_accounts (partner_id, livemode, user_id, bank_account_id);
