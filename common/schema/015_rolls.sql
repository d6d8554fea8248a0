-- Images have versions, and a pool is rolled from one to another.

-- The images table is made anew, because a name is now shared by its versions.
CREATE TABLE images_new (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('importing', 'ready', 'failed', 'deleting')),
    percent BIGINT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    kernel TEXT NOT NULL,
    initrd TEXT NOT NULL,
    cmdline TEXT NOT NULL,
    os TEXT NOT NULL,
    format TEXT NOT NULL,
    guest_user TEXT NOT NULL,
    session_hook BIGINT NOT NULL CHECK (session_hook IN (0, 1)),
    virtual_size_bytes BIGINT NOT NULL,
    file_size_bytes BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (name, version)
);
INSERT INTO images_new (id, name, version, state, percent, reason, source, path, kernel, initrd, cmdline, os, format,
    guest_user, session_hook, virtual_size_bytes, file_size_bytes, created_ms)
SELECT id, name, version, state, percent, reason, source, path, kernel, initrd, cmdline, os, format, guest_user,
    session_hook, virtual_size_bytes, file_size_bytes, created_ms FROM images;
DROP TABLE images;
ALTER TABLE images_new RENAME TO images;

-- The highest version that a name ever had: numbers of deleted versions do not come again.
CREATE TABLE image_names (
    name TEXT NOT NULL PRIMARY KEY,
    newest BIGINT NOT NULL
);
INSERT INTO image_names (name, newest) SELECT name, version FROM images;

-- The newest roll of a pool.
CREATE TABLE pool_rolls (
    pool_id TEXT NOT NULL PRIMARY KEY REFERENCES pools (id) ON DELETE CASCADE,
    from_image_id TEXT REFERENCES images (id) ON DELETE SET NULL,
    to_image_id TEXT REFERENCES images (id) ON DELETE SET NULL,
    phase TEXT NOT NULL CHECK (phase IN ('scheduled', 'canary', 'rolling', 'stopped', 'done')),
    paused BIGINT NOT NULL CHECK (paused IN (0, 1)),
    max_unavailable BIGINT NOT NULL CHECK (max_unavailable BETWEEN 1 AND 100), -- percent of what is to be ready
    at_ms BIGINT NOT NULL,          -- it does not begin before; 0: at once
    force_after_ms BIGINT NOT NULL, -- after the canary stood, users are logged off; 0: never
    warned BIGINT NOT NULL CHECK (warned IN (0, 1)),
    failures BIGINT NOT NULL,
    failure_limit BIGINT NOT NULL,
    reason TEXT NOT NULL,
    begun_ms BIGINT NOT NULL,
    rolling_ms BIGINT NOT NULL, -- since when the canary stands; 0: it does not yet
    changed_ms BIGINT NOT NULL
);
