-- How desktops of a pool come into being: instant (with memory and disk of a golden guest that ran already),
-- linked (booted from an overlay on the image) or full (booted from a copy of the image).
ALTER TABLE pools ADD COLUMN provision TEXT NOT NULL DEFAULT 'linked'
    CHECK (provision IN ('instant', 'linked', 'full'));
-- The golden guest has a session of its user open when it is frozen.
ALTER TABLE pools ADD COLUMN warm BIGINT NOT NULL DEFAULT 0 CHECK (warm IN (0, 1));
-- The golden guest that the desktop is a clone of; empty: it was started from its disk.
ALTER TABLE desktops ADD COLUMN golden TEXT NOT NULL DEFAULT '';

-- What keeps a pool from making instant clones on a host; no row: nothing. Of the host's lease holder.
CREATE TABLE provision_notes (
    pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    host_id TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
    falls_back BIGINT NOT NULL CHECK (falls_back IN (0, 1)), -- linked clones are made meanwhile
    note TEXT NOT NULL,
    PRIMARY KEY (pool_id, host_id)
);
CREATE INDEX provision_notes_host ON provision_notes (host_id);
