-- Policies as policy_print() writes them, and what became of them in a session.

ALTER TABLE pools ADD COLUMN policy TEXT NOT NULL DEFAULT '';
ALTER TABLE entitlements ADD COLUMN policy TEXT NOT NULL DEFAULT '';

ALTER TABLE sessions ADD COLUMN denied TEXT NOT NULL DEFAULT ''; -- words with blanks between them
-- The limits that held at the newest log-in; 0: none.
ALTER TABLE sessions ADD COLUMN ends_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN warn_ms BIGINT NOT NULL DEFAULT 0; -- 0 also: the user was warned
ALTER TABLE sessions ADD COLUMN keep_ms BIGINT NOT NULL DEFAULT 0; -- a disconnected session, so long

CREATE INDEX sessions_ends ON sessions (ends_ms) WHERE state <> 'ended' AND ends_ms > 0;
CREATE INDEX sessions_warn ON sessions (warn_ms) WHERE state <> 'ended' AND warn_ms > 0;
CREATE INDEX sessions_keep ON sessions (disconnected_ms) WHERE state = 'disconnected' AND keep_ms > 0;
