-- Static pools: machines that are there already, reached by address. A session on one stands on a desktop row
-- (kind static) that is made for it and goes with it, so that a session still has one desktop of its own.

-- The pools table is made anew, because its kinds are a check of it.
CREATE TABLE pools_new (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('floating', 'dedicated', 'static')),
    credentials TEXT NOT NULL CHECK (credentials IN ('carrel', 'user', 'prompt')),
    image_id TEXT REFERENCES images (id),
    spare BIGINT NOT NULL CHECK (spare >= 0),
    max_desktops BIGINT NOT NULL CHECK (max_desktops >= 0),
    vcpus BIGINT NOT NULL,
    memory_mib BIGINT NOT NULL,
    network TEXT NOT NULL,
    pattern TEXT NOT NULL,
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    deleting BIGINT NOT NULL CHECK (deleting IN (0, 1)),
    failures BIGINT NOT NULL,
    retry_at_ms BIGINT NOT NULL,
    stopped BIGINT NOT NULL CHECK (stopped IN (0, 1)),
    reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    -- Raised by whoever counts desktops and then adds or lends one: the row's lock makes that one step.
    turn BIGINT NOT NULL DEFAULT 0,
    policy TEXT NOT NULL DEFAULT '',
    -- Static pools: which machine is next, and whether the certificate that it shows first is remembered.
    balance TEXT NOT NULL DEFAULT 'breadth' CHECK (balance IN ('breadth', 'depth')),
    trust TEXT NOT NULL DEFAULT 'first-use' CHECK (trust IN ('first-use', 'any')),
    UNIQUE (id, kind),
    CHECK (kind <> 'static' OR (credentials <> 'carrel' AND image_id IS NULL))
);
INSERT INTO pools_new (id, name, kind, credentials, image_id, spare, max_desktops, vcpus, memory_mib, network,
    pattern, enabled, deleting, failures, retry_at_ms, stopped, reason, created_ms, turn, policy)
SELECT id, name, kind, credentials, image_id, spare, max_desktops, vcpus, memory_mib, network, pattern, enabled,
    deleting, failures, retry_at_ms, stopped, reason, created_ms, turn, policy FROM pools;
DROP TABLE pools;
ALTER TABLE pools_new RENAME TO pools;
CREATE INDEX pools_image ON pools (image_id);

CREATE TABLE machines (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    pool_id TEXT NOT NULL REFERENCES pools (id),
    address TEXT NOT NULL,
    port BIGINT NOT NULL CHECK (port BETWEEN 1 AND 65535),
    sessions_max BIGINT NOT NULL CHECK (sessions_max > 0),
    -- The desktop rows that stand for its sessions, counted in the statements that add and remove them.
    sessions BIGINT NOT NULL CHECK (sessions >= 0),
    served BIGINT NOT NULL, -- sessions since it was added; the newest one's number
    draining BIGINT NOT NULL CHECK (draining IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('unknown', 'up', 'down', 'mistrusted')),
    state_since_ms BIGINT NOT NULL,
    failures BIGINT NOT NULL, -- probes in a row that were not answered
    reason TEXT NOT NULL,
    fingerprint TEXT NOT NULL, -- SHA-256 of its certificate, hex; empty: not known yet
    created_ms BIGINT NOT NULL,
    UNIQUE (pool_id, address, port)
);
CREATE INDEX machines_pool ON machines (pool_id, sessions, name);

ALTER TABLE desktops ADD COLUMN machine_id TEXT REFERENCES machines (id);
CREATE INDEX desktops_machine ON desktops (machine_id);
