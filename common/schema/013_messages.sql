-- Messages to users are orders to the gateway that has the session, and a session may be told that it ends.

ALTER TABLE orders ADD COLUMN text TEXT NOT NULL DEFAULT '';      -- what is to be shown
ALTER TABLE orders ADD COLUMN seconds BIGINT NOT NULL DEFAULT 0;  -- so long
ALTER TABLE orders ADD COLUMN sender TEXT NOT NULL DEFAULT '';    -- who says it

-- Why it ends at ends_ms where that is not its policy's limit, and since when its guest is asked to log its user off.
ALTER TABLE sessions ADD COLUMN ends_code TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN logoff_ms BIGINT NOT NULL DEFAULT 0;
