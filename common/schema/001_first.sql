-- The first schema. Times are milliseconds since 1970. The names of states are those of the API.
-- @SERIAL@ (a rising number that is the primary key) and @BLOB@ are spelled by the database's driver.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE, -- the name in small letters
    full_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled BIGINT NOT NULL CHECK (disabled IN (0, 1)),
    created_ms BIGINT NOT NULL,
    last_login_ms BIGINT NOT NULL
);

CREATE TABLE user_groups (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL
);

CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE images (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('importing', 'ready', 'failed', 'deleting')),
    percent BIGINT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    path TEXT NOT NULL,
    kernel TEXT NOT NULL,
    initrd TEXT NOT NULL,
    cmdline TEXT NOT NULL,
    os TEXT NOT NULL,
    format TEXT NOT NULL,
    guest_user TEXT NOT NULL,
    session_hook BIGINT NOT NULL CHECK (session_hook IN (0, 1)),
    virtual_size_bytes BIGINT NOT NULL,
    file_size_bytes BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE pools (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('floating', 'dedicated')),
    credentials TEXT NOT NULL CHECK (credentials IN ('carrel', 'user', 'prompt')),
    image_id TEXT REFERENCES images (id),
    spare BIGINT NOT NULL CHECK (spare >= 0),
    max_desktops BIGINT NOT NULL CHECK (max_desktops >= 0),
    vcpus BIGINT NOT NULL,
    memory_mib BIGINT NOT NULL,
    network TEXT NOT NULL,
    pattern TEXT NOT NULL,
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    deleting BIGINT NOT NULL CHECK (deleting IN (0, 1)),
    failures BIGINT NOT NULL,
    retry_at_ms BIGINT NOT NULL,
    stopped BIGINT NOT NULL CHECK (stopped IN (0, 1)),
    reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    -- Raised by whoever counts desktops and then adds or lends one: the row's lock makes that one step.
    turn BIGINT NOT NULL DEFAULT 0,
    UNIQUE (id, kind)
);
CREATE INDEX pools_image ON pools (image_id);

CREATE TABLE entitlements (
    id TEXT NOT NULL PRIMARY KEY,
    pool_id TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    group_id TEXT REFERENCES user_groups (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    CHECK ((user_id IS NULL) <> (group_id IS NULL)),
    UNIQUE (pool_id, user_id),
    UNIQUE (pool_id, group_id)
);
CREATE INDEX entitlements_user ON entitlements (user_id);
CREATE INDEX entitlements_group ON entitlements (group_id);

CREATE TABLE hosts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    uri TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('unknown', 'up', 'down')),
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    virt TEXT NOT NULL,
    reason TEXT NOT NULL,
    vcpus BIGINT NOT NULL,
    memory_mib BIGINT NOT NULL,
    libvirt_version TEXT NOT NULL,
    hypervisor_version TEXT NOT NULL,
    seen_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE desktops (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    pool_id TEXT NOT NULL,
    kind TEXT NOT NULL, -- the pool's, for the check below
    host_id TEXT REFERENCES hosts (id),
    image_id TEXT REFERENCES images (id),
    uuid TEXT UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('cloning', 'booting', 'ready', 'claimed', 'in_use', 'disconnected',
                                         'recycling', 'stopped', 'failed', 'maintenance')),
    state_since_ms BIGINT NOT NULL,
    percent BIGINT NOT NULL,
    reason TEXT NOT NULL,
    owner_id TEXT REFERENCES users (id) ON DELETE SET NULL,
    touched BIGINT NOT NULL CHECK (touched IN (0, 1)), -- a user was led to it since it was cloned
    address TEXT NOT NULL,
    port BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    guest_user TEXT NOT NULL,
    sealed_password @BLOB@,
    disk TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    FOREIGN KEY (pool_id, kind) REFERENCES pools (id, kind),
    -- What one user has touched reaches no other before it was cloned anew.
    CONSTRAINT floating_is_clean CHECK (
        kind = 'dedicated' OR state NOT IN ('cloning', 'booting', 'ready', 'stopped')
        OR (touched = 0 AND owner_id IS NULL))
);
CREATE INDEX desktops_pool ON desktops (pool_id, state, state_since_ms);
CREATE INDEX desktops_host ON desktops (host_id);
CREATE INDEX desktops_image ON desktops (image_id);
CREATE INDEX desktops_owner ON desktops (owner_id, pool_id);

-- Names are copied into sessions so that the history can be read when user, pool or desktop are gone.
CREATE TABLE sessions (
    number @SERIAL@, -- the order of waiting
    id TEXT NOT NULL UNIQUE,
    user_id TEXT REFERENCES users (id) ON DELETE SET NULL,
    user_name TEXT NOT NULL,
    pool_id TEXT REFERENCES pools (id) ON DELETE SET NULL,
    pool_name TEXT NOT NULL,
    desktop_id TEXT REFERENCES desktops (id) ON DELETE SET NULL,
    desktop_name TEXT NOT NULL,
    gateway TEXT NOT NULL,
    connection BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('starting', 'active', 'disconnected', 'ended')),
    client_address TEXT NOT NULL,
    client_name TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    connected_ms BIGINT NOT NULL,
    disconnected_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    end_code TEXT NOT NULL,
    end_detail TEXT NOT NULL,
    CHECK (state = 'ended' OR (user_id IS NOT NULL AND pool_id IS NOT NULL)),
    CHECK (state IN ('starting', 'ended') OR desktop_id IS NOT NULL)
);
CREATE UNIQUE INDEX sessions_one_per_desktop ON sessions (desktop_id) WHERE state <> 'ended';
CREATE UNIQUE INDEX sessions_one_per_user_and_pool ON sessions (user_id, pool_id) WHERE state <> 'ended';
CREATE INDEX sessions_waiting ON sessions (pool_id, number) WHERE state = 'starting' AND desktop_id IS NULL;
CREATE INDEX sessions_state ON sessions (state, number);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_pool ON sessions (pool_id, state);
CREATE INDEX sessions_desktop ON sessions (desktop_id);
CREATE INDEX sessions_gateway ON sessions (gateway, state);

CREATE TABLE gateways (
    name TEXT NOT NULL PRIMARY KEY,
    boot_id TEXT NOT NULL,
    address TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    version TEXT NOT NULL,
    sessions BIGINT NOT NULL,
    up BIGINT NOT NULL CHECK (up IN (0, 1)),
    started_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL
);

CREATE TABLE tokens (
    name TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL
);

CREATE TABLE login_failures (
    subject TEXT NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL
);
CREATE INDEX login_failures_last ON login_failures (last_ms);

CREATE TABLE orders (
    number @SERIAL@,
    target TEXT NOT NULL,
    verb TEXT NOT NULL,
    object TEXT NOT NULL,
    connection BIGINT NOT NULL,
    code TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'failed')),
    reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX orders_open ON orders (target, number) WHERE state = 'open';

CREATE TABLE events (
    number @SERIAL@,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    session_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    pool_name TEXT NOT NULL,
    desktop_name TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX events_at ON events (at_ms);
