-- What a host offers and what an administrator lets it do; what a pool asks of its hosts.

ALTER TABLE hosts ADD COLUMN mode TEXT NOT NULL DEFAULT 'active'
    CHECK (mode IN ('active', 'draining', 'maintenance'));
UPDATE hosts SET mode = 'draining' WHERE enabled = 0;
ALTER TABLE hosts DROP COLUMN enabled;
ALTER TABLE hosts ADD COLUMN address TEXT NOT NULL DEFAULT '127.0.0.1'; -- of forwarded RDP ports
ALTER TABLE hosts ADD COLUMN labels TEXT NOT NULL DEFAULT ''; -- words with blanks between them
ALTER TABLE hosts ADD COLUMN cpu_percent BIGINT NOT NULL DEFAULT 800; -- over-commitment
ALTER TABLE hosts ADD COLUMN memory_percent BIGINT NOT NULL DEFAULT 100;
ALTER TABLE hosts ADD COLUMN disk_mib BIGINT NOT NULL DEFAULT 0; -- of the desktop directory; 0: not known
ALTER TABLE hosts ADD COLUMN disk_free_mib BIGINT NOT NULL DEFAULT 0;

ALTER TABLE pools ADD COLUMN placement TEXT NOT NULL DEFAULT 'spread' CHECK (placement IN ('spread', 'pack'));
ALTER TABLE pools ADD COLUMN host_labels TEXT NOT NULL DEFAULT '';
ALTER TABLE pools ADD COLUMN apart TEXT NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN down_ms BIGINT NOT NULL DEFAULT 0; -- since when it has not answered; 0: it does
