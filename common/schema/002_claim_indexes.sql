-- A claim costs the same in a pool of four desktops and of twenty thousand: what it chooses from, in its order,
-- and what is somebody's in a dedicated pool, stand in indexes of their own.
CREATE INDEX desktops_free ON desktops (pool_id, state, state_since_ms, id) WHERE owner_id IS NULL AND touched = 0;
CREATE INDEX desktops_owned ON desktops (pool_id, state) WHERE owner_id IS NOT NULL;
-- A pool's queue is its starting sessions without a desktop, oldest first.
DROP INDEX sessions_waiting;
DROP INDEX sessions_pool;
CREATE INDEX sessions_pool ON sessions (pool_id, state, desktop_id, number);
