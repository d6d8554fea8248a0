-- When how many desktops of a pool stand ready, and what becomes of those that nobody uses. Pools that nobody told
-- anything of this have no row.
CREATE TABLE pool_power (
    pool_id TEXT NOT NULL PRIMARY KEY REFERENCES pools (id) ON DELETE CASCADE,
    zone TEXT NOT NULL, -- of its rules; empty: the machine's own
    mode TEXT NOT NULL CHECK (mode IN ('off', 'on-connect', 'spare', 'always-on')), -- outside of its rules
    idle TEXT NOT NULL CHECK (idle IN ('keep', 'stop', 'suspend')),
    idle_after_ms BIGINT NOT NULL,
    autoscale BIGINT NOT NULL CHECK (autoscale IN (0, 1)),
    -- What vmpool made of it.
    now_mode TEXT NOT NULL CHECK (now_mode IN ('off', 'on-connect', 'spare', 'always-on')),
    now_spare BIGINT NOT NULL,
    now_demand BIGINT NOT NULL,
    now_why TEXT NOT NULL,
    now_until_ms BIGINT NOT NULL
);

CREATE TABLE pool_rules (
    pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    hours TEXT NOT NULL, -- "Mon-Fri 07:30-18:00"
    mode TEXT NOT NULL CHECK (mode IN ('off', 'on-connect', 'spare', 'always-on')),
    spare BIGINT NOT NULL CHECK (spare >= 0),
    PRIMARY KEY (pool_id, number)
);

-- How many desktops were in use at most in each quarter of an hour of the week, in the newest weeks; -1: not known.
CREATE TABLE pool_usage (
    pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    slot BIGINT NOT NULL CHECK (slot BETWEEN 0 AND 671),
    week BIGINT NOT NULL, -- of peak_0
    peak_0 BIGINT NOT NULL,
    peak_1 BIGINT NOT NULL,
    peak_2 BIGINT NOT NULL,
    peak_3 BIGINT NOT NULL,
    peak_4 BIGINT NOT NULL,
    PRIMARY KEY (pool_id, slot)
);

-- A stopped desktop: its guest is being shut down or written to the disk, or its memory lies there.
ALTER TABLE desktops ADD COLUMN rest TEXT NOT NULL DEFAULT ''
    CHECK (rest IN ('', 'stopping', 'suspending', 'suspended'));
