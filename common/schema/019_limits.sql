-- The life of a pool: what becomes of a desktop whose user logs off, and how much a pool, a user and a host may have.
-- 0 means no limit.

ALTER TABLE pools ADD COLUMN logoff TEXT NOT NULL DEFAULT 'recycle' CHECK (logoff IN ('recycle', 'keep', 'delete'));
UPDATE pools SET logoff = 'keep' WHERE kind = 'dedicated';
ALTER TABLE pools ADD COLUMN logoff_after_ms BIGINT NOT NULL DEFAULT 0; -- so long it waits for its user to come back
ALTER TABLE pools ADD COLUMN sessions_max BIGINT NOT NULL DEFAULT 0; -- live ones
ALTER TABLE pools ADD COLUMN waiting_max BIGINT NOT NULL DEFAULT 0; -- users in the queue
ALTER TABLE pools ADD COLUMN host_max BIGINT NOT NULL DEFAULT 0; -- of its desktops on one host

ALTER TABLE hosts ADD COLUMN desktops_max BIGINT NOT NULL DEFAULT 0;

-- Since when its user has logged off from a desktop that is kept for them; 0: it is not one.
ALTER TABLE desktops ADD COLUMN left_ms BIGINT NOT NULL DEFAULT 0;
-- A dedicated desktop's disk is made anew from its image before its next start (1); or it was, and has not been ready
-- since (2).
ALTER TABLE desktops ADD COLUMN renew BIGINT NOT NULL DEFAULT 0 CHECK (renew IN (0, 1, 2));

-- Whether desktops that somebody owns are given the new version, too; what was changed on their disks is lost.
ALTER TABLE pool_rolls ADD COLUMN renew BIGINT NOT NULL DEFAULT 0 CHECK (renew IN (0, 1));
