-- Looking after desktops: whether they answer, what is kept of those that failed, snapshots of dedicated ones.
ALTER TABLE desktops ADD COLUMN health TEXT NOT NULL DEFAULT ''; -- that it does not answer, in words
ALTER TABLE desktops ADD COLUMN health_since_ms BIGINT NOT NULL DEFAULT 0;

-- What was taken from a guest to be looked at: its serial port's words, a picture of its screen.
CREATE TABLE captures (
    number @SERIAL@,
    kind TEXT NOT NULL CHECK (kind IN ('failure', 'log', 'screenshot')),
    desktop_id TEXT NOT NULL, -- it may be deleted by now
    desktop_name TEXT NOT NULL,
    pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    reason TEXT NOT NULL, -- why the desktop failed
    cut BIGINT NOT NULL CHECK (cut IN (0, 1)), -- there was more before
    bytes @BLOB@ NOT NULL
);
CREATE INDEX captures_by_desktop ON captures (desktop_id, kind);
CREATE INDEX captures_by_name ON captures (desktop_name, kind, number);
CREATE INDEX captures_by_pool ON captures (pool_id, kind, number);

-- Copies of a dedicated desktop's disk.
CREATE TABLE disk_snapshots (
    desktop_id TEXT NOT NULL REFERENCES desktops (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('creating', 'ready', 'restoring', 'deleting')),
    file TEXT NOT NULL,      -- the volume beside the desktop's disk
    image_id TEXT REFERENCES images (id) ON DELETE SET NULL,
    size_bytes BIGINT NOT NULL,
    back_to TEXT NOT NULL,   -- the state that the desktop returns to after what is under way; empty: nothing is
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (desktop_id, name)
);
