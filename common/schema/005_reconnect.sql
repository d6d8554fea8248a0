-- Automatic reconnection: the digest of what the newest connection's client can prove; empty: nothing. It is
-- taken out by its first use, and when somebody who decides ends the connection.
ALTER TABLE sessions ADD COLUMN reconnect TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX sessions_reconnect ON sessions (reconnect) WHERE reconnect <> '';
