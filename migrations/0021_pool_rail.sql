-- Through which pool a transfer's money goes: that of the rail by which it comes. What was accepted
-- before there was more than one keeps the one that it may lie in already.

ALTER TABLE transfers ADD COLUMN pool_rail TEXT NOT NULL DEFAULT 'internal';
