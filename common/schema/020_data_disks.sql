-- A disk for each user of a pool that is kept while their desktops come and go.
ALTER TABLE pools ADD COLUMN data_disk_mib BIGINT NOT NULL DEFAULT 0; -- of new disks; 0: the pool has none
ALTER TABLE pools ADD COLUMN data_mount TEXT NOT NULL DEFAULT 'home'; -- or a folder in the guest

CREATE TABLE data_disks (
    id TEXT NOT NULL PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES pools (id),
    user_id TEXT REFERENCES users (id) ON DELETE SET NULL, -- the disk outlives its user
    user_name TEXT NOT NULL,
    host_id TEXT REFERENCES hosts (id) ON DELETE SET NULL, -- where its file was made
    size_mib BIGINT NOT NULL,
    made BIGINT NOT NULL CHECK (made IN (0, 1)),           -- its file was made
    formatted BIGINT NOT NULL CHECK (formatted IN (0, 1)), -- there is a file system on it: no other is ever made
    -- The lock: the desktop whose guest has it, or may have it, and where that guest is. That desktop may be gone, or on
    -- another host, while its host is lost, and the lock is not: the guest may still write.
    desktop_id TEXT UNIQUE,
    desktop_name TEXT NOT NULL,
    locked_host_id TEXT NOT NULL,
    attached BIGINT NOT NULL CHECK (attached IN (0, 1)), -- and mounted: its user may be led there, or has programs open
    deleting BIGINT NOT NULL CHECK (deleting IN (0, 1)),
    reason TEXT NOT NULL, -- why it could not be attached
    created_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    UNIQUE (pool_id, user_id),
    CHECK (attached = 0 OR desktop_id IS NOT NULL)
);
