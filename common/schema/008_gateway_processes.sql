-- A gateway that is replaced while it runs is two processes of one name for a while: the new one takes connections in,
-- the older one carries its sessions to their end. Each has a row, and a session knows which one has it.
CREATE TABLE gateway_processes (
    boot_id TEXT NOT NULL PRIMARY KEY,
    gateway TEXT NOT NULL,
    sessions BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL
);
CREATE INDEX gateway_processes_gateway ON gateway_processes (gateway);
INSERT INTO gateway_processes (boot_id, gateway, sessions, seen_ms)
    SELECT boot_id, name, sessions, seen_ms FROM gateways WHERE up = 1;

ALTER TABLE sessions ADD COLUMN boot_id TEXT NOT NULL DEFAULT ''; -- empty: the gateway did not say
ALTER TABLE gateways ADD COLUMN draining BIGINT NOT NULL DEFAULT 0; -- wanted: it takes nobody in
