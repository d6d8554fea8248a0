-- What log-ins ask people: one-time codes, and passwords that have to be changed.
CREATE TABLE otp_secrets (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed @BLOB@ NOT NULL,    -- with the store's key
    last_step BIGINT NOT NULL, -- of the newest code that was taken; neither it nor an older one is taken again
    created_ms BIGINT NOT NULL
);

ALTER TABLE users ADD COLUMN password_ms BIGINT NOT NULL DEFAULT 0; -- when it was set; 0: there is none
ALTER TABLE users ADD COLUMN must_change BIGINT NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1));
-- What is known is that no password is older than its user.
UPDATE users SET password_ms = created_ms WHERE password_hash <> '';

ALTER TABLE pools ADD COLUMN description TEXT NOT NULL DEFAULT ''; -- for the people who choose
