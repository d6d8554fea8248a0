#include "store_parts.h"

#include <stdio.h>
#include <string.h>

#define GATEWAY_SELECT                                                                                       \
    "SELECT name, boot_id, address, fingerprint, version,"                                                   \
    " (SELECT COALESCE(SUM(p.sessions), 0) FROM gateway_processes p WHERE p.gateway = gateways.name), up,"   \
    " started_ms, seen_ms, draining,"                                                                        \
    " (SELECT COUNT(*) FROM gateway_processes p WHERE p.gateway = gateways.name) FROM gateways"

static void gateway_read(struct db_query *q, struct gateway_row *ret)
{
    *ret = (struct gateway_row){.sessions = row_u32(q, 5),
                                .up = row_bool(q, 6),
                                .started_ms = row_int(q, 7),
                                .seen_ms = row_int(q, 8),
                                .draining = row_bool(q, 9),
                                .processes = row_u32(q, 10)};
    row_text(q, 0, ret->name, sizeof ret->name);
    row_text(q, 1, ret->boot_id, sizeof ret->boot_id);
    row_text(q, 2, ret->address, sizeof ret->address);
    row_text(q, 3, ret->fingerprint, sizeof ret->fingerprint);
    row_text(q, 4, ret->version, sizeof ret->version);
}

static int gateway_event(struct db *db, const char *name, const char *what)
{
    struct event_row event = {0};
    snprintf(event.kind, sizeof event.kind, "gateway.%s", what);
    snprintf(event.text, sizeof event.text, "Gateway %s is %s.", name, what);
    store_notify(db, "gateway", name);
    return store_event(db, &event);
}

int store_gateway_seen(struct db *db, const struct gateway_row *row)
{
    struct gateway_row old;
    int rc = store_check_name(db, "a gateway", row->name);
    if (rc)
        return rc;
    rc = store_gateway_get(db, row->name, &old);
    if (rc && rc != CE_NOT_FOUND)
        return rc;
    bool known = rc == 0;
    bool other = known && strcmp(old.boot_id, row->boot_id) != 0;
    rc = store_gateway_process_seen(db, row->name, row->boot_id, row->sessions);
    /* A process that was replaced says what it still has, and nothing about the gateway. */
    if (rc || (other && old.up && row->started_ms < old.started_ms))
        return rc;
    rc =
        db_run(db,
               "INSERT INTO gateways (name, boot_id, address, fingerprint, version, sessions, up, started_ms,"
               " seen_ms) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8) ON CONFLICT (name) DO UPDATE SET"
               " boot_id = excluded.boot_id, address = excluded.address, fingerprint = excluded.fingerprint,"
               " version = excluded.version, sessions = excluded.sessions, up = 1,"
               " started_ms = excluded.started_ms, seen_ms = excluded.seen_ms",
               db_text(row->name), db_text(row->boot_id), db_text(row->address), db_text(row->fingerprint),
               db_text(row->version), db_int(row->sessions), db_int(row->started_ms), db_int(store_now_ms()));
    /* One that comes back with the boot it had was marked down, and its sessions with it, by the sweep: what
     * is active now was reported since and runs. */
    bool continues = false;
    if (!rc && other)
        rc = store_gateway_process_lives(db, row->name, row->succeeds, &continues);
    if (!rc && other && !continues)
        rc = store_gateway_process_keep_only(db, row->name, row->boot_id);
    if (!rc && (!known || !old.up || other))
        rc = gateway_event(db, row->name, continues ? "renewed" : "up");
    return rc;
}

int store_gateway_list(struct db *db, int (*each)(void *arg, const struct gateway_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, GATEWAY_SELECT " ORDER BY name");
    while (!rc && (rc = db_next(&q)) > 0) {
        struct gateway_row row;
        gateway_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_gateway_get(struct db *db, const char *name, struct gateway_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, GATEWAY_SELECT " WHERE name = $1", db_text(name));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no gateway %.80s", name);
    if (rc < 0)
        return rc;
    gateway_read(&q, ret);
    return 0;
}

int store_gateway_set_draining(struct db *db, const char *name, bool draining)
{
    int rc = db_run(db, "UPDATE gateways SET draining = $2 WHERE name = $1", db_text(name), db_int(draining));
    store_notify(db, "gateway", name);
    return store_changed(db, rc, "gateway", name);
}

/* The name of one gateway that is up and silent since BEFORE; CE_NOT_FOUND. */
static int gateway_next_silent(struct db *db, int64_t before_ms, char name[NAME_SIZE])
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, "SELECT name FROM gateways WHERE up = 1 AND seen_ms < $1 LIMIT 1",
                       db_int(before_ms));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    row_text(&q, 0, name, NAME_SIZE);
    return 0;
}

int store_gateway_expire(struct db *db, int64_t before_ms, uint32_t *ret_count)
{
    char name[NAME_SIZE];
    uint32_t count = 0;
    int rc;
    while (!(rc = gateway_next_silent(db, before_ms, name))) {
        rc = db_run(db, "UPDATE gateways SET up = 0 WHERE name = $1", db_text(name));
        if (!rc)
            rc = store_session_process_lost(db, name, "");
        if (!rc)
            rc = gateway_event(db, name, "down");
        if (rc)
            return rc;
        count++;
    }
    if (rc == CE_NOT_FOUND)
        rc = store_gateway_process_expire(db, before_ms);
    if (!rc)
        *ret_count = count;
    return rc;
}
