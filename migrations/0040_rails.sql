-- What operators said of the rails, and what the processes that use them say. No tenant: a rail is
-- shared by all of them, and nothing in here is about anybody's money.

CREATE TABLE rails (
    rail ID NOT NULL PRIMARY KEY,
    -- All three, or none.
    paused_since INT64,
    paused_by TEXT,
    paused_reason TEXT,
    resumed_at INT64,
    -- NULL: what the rail's contract allows.
    per_second INT64 CHECK (per_second > 0),
    concurrent INT64 CHECK (concurrent > 0),
    -- Also the number of its latest change.
    version INT64 NOT NULL
) STRICT;

-- Append only: who changed what, and why.
CREATE TABLE rail_changes (
    rail ID NOT NULL,
    version INT64 NOT NULL,
    change TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INT64 NOT NULL,
    PRIMARY KEY (rail, version)
) STRICT;

-- Breakers that are not closed, each process's own. One that is not seen any more has ended.
CREATE TABLE rail_breakers (
    rail ID NOT NULL,
    process ID NOT NULL,
    state TEXT NOT NULL,
    since INT64 NOT NULL,
    seen_at INT64 NOT NULL,
    PRIMARY KEY (rail, process)
) STRICT;
