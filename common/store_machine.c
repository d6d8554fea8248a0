/* Machines of static pools, and the places on them. A place is a desktop row that is made when a session gets
 * it and deleted when the session has ended; machines.sessions counts them, in the same transactions.
 */
#include "store_parts.h"

#include <stdio.h>
#include <string.h>

#define MACHINE_SELECT                                                                                       \
    "SELECT m.id, m.name, m.pool_id, p.name, m.address, m.port, m.sessions_max, m.sessions, m.draining,"     \
    " m.state, m.state_since_ms, m.failures, m.reason, m.fingerprint, m.created_ms"                          \
    " FROM machines m JOIN pools p ON p.id = m.pool_id"

static const char *const state_names[] = {[MACHINE_UNKNOWN] = "unknown",
                                          [MACHINE_UP] = "up",
                                          [MACHINE_DOWN] = "down",
                                          [MACHINE_MISTRUSTED] = "mistrusted"};

const char *machine_state_name(enum machine_state state)
{
    return (unsigned)state <= MACHINE_MISTRUSTED ? state_names[state] : "unknown";
}

int machine_state_parse(const char *name)
{
    for (int i = MACHINE_UNKNOWN; i <= MACHINE_MISTRUSTED; i++) {
        if (!strcmp(state_names[i], name))
            return i;
    }
    return -1;
}

static void machine_read(struct db_query *q, struct machine_row *ret)
{
    *ret = (struct machine_row){.port = (uint16_t)row_int(q, 5),
                                .sessions_max = row_u32(q, 6),
                                .sessions = row_u32(q, 7),
                                .draining = row_bool(q, 8),
                                .state_since_ms = row_int(q, 10),
                                .failures = row_u32(q, 11),
                                .created_ms = row_int(q, 14)};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->name, sizeof ret->name);
    row_text(q, 2, ret->pool_id, sizeof ret->pool_id);
    row_text(q, 3, ret->pool, sizeof ret->pool);
    row_text(q, 4, ret->address, sizeof ret->address);
    row_enum(q, 9, machine_state_parse, &ret->state);
    row_text(q, 12, ret->reason, sizeof ret->reason);
    row_text(q, 13, ret->fingerprint, sizeof ret->fingerprint);
}

static int machine_event(struct db *db, const struct machine_row *machine, const char *what,
                         const char *reason)
{
    struct event_row event = {0};
    snprintf(event.kind, sizeof event.kind, "machine.%s", what);
    snprintf(event.object, sizeof event.object, "%s", machine->id);
    snprintf(event.pool, sizeof event.pool, "%s", machine->pool);
    snprintf(event.text, sizeof event.text, "Machine %s of pool %s is %s%s%.250s.", machine->name,
             machine->pool, what, reason && *reason ? ": " : "", reason ? reason : "");
    store_notify(db, "pool", machine->pool_id);
    return store_event(db, &event);
}

int store_machine_insert(struct db *db, struct machine_row *row)
{
    struct pool_row pool;
    int rc = store_check_name(db, "a machine", row->name);
    if (!rc)
        rc = store_pool_get(db, row->pool_id, &pool);
    if (rc)
        return rc;
    if (pool.kind != POOL_STATIC)
        return db_fail(db, CE_CONFLICT, "the pool %s is %s; machines are added to static pools", pool.name,
                       pool_kind_name(pool.kind));
    id_make(ID_MACHINE, row->id);
    row->created_ms = row->state_since_ms = store_now_ms();
    row->state = MACHINE_UNKNOWN;
    snprintf(row->pool, sizeof row->pool, "%s", pool.name);
    rc = db_run(db,
                "INSERT INTO machines (id, name, pool_id, address, port, sessions_max, sessions, served,"
                " draining, state, state_since_ms, failures, reason, fingerprint, created_ms)"
                " VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, 'unknown', $8, 0, '', $9, $8)",
                db_text(row->id), db_text(row->name), db_text(pool.id), db_text(row->address),
                db_int(row->port), db_int(row->sessions_max), db_int(row->draining), db_int(row->created_ms),
                db_text(row->fingerprint));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "there is a machine %s already, or pool %s has %s port %u under another name",
                       row->name, pool.name, row->address, (unsigned)row->port);
    store_notify(db, "machine", row->id);
    return rc ? rc : machine_event(db, row, "added", NULL);
}

int store_machine_get(struct db *db, const char *key, struct machine_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       MACHINE_SELECT " WHERE m.id = $1 OR m.name = $1"
                                      " ORDER BY CASE WHEN m.id = $1 THEN 0 ELSE 1 END LIMIT 1",
                       db_text(key));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no machine %.80s", key);
    if (rc < 0)
        return rc;
    machine_read(&q, ret);
    return 0;
}

int store_machine_list(struct db *db, const char *pool_id,
                       int (*each)(void *arg, const struct machine_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, MACHINE_SELECT " WHERE $1 = '' OR m.pool_id = $1 ORDER BY m.name",
                       db_text(pool_id));
    while (!rc && (rc = db_next(&q)) > 0) {
        struct machine_row row;
        machine_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

/* The only writer of machines.state. */
static int machine_move(struct db *db, struct machine_row *machine, enum machine_state to, uint32_t failures,
                        const char *reason)
{
    bool moved = machine->state != to;
    if (moved)
        machine->state_since_ms = store_now_ms();
    machine->state = to;
    machine->failures = failures;
    snprintf(machine->reason, sizeof machine->reason, "%s", reason);
    int rc = db_run(db,
                    "UPDATE machines SET state = $2, state_since_ms = $3, failures = $4, reason = $5"
                    " WHERE id = $1",
                    db_text(machine->id), db_text(machine_state_name(to)), db_int(machine->state_since_ms),
                    db_int(failures), db_text(reason));
    return rc || !moved ? rc : machine_event(db, machine, machine_state_name(to), reason);
}

int store_machine_heard(struct db *db, const char *id, const char *why, uint32_t limit,
                        struct machine_row *ret)
{
    int rc = store_machine_get(db, id, ret);
    if (rc || ret->state == MACHINE_MISTRUSTED)
        return rc;
    if (!why)
        return machine_move(db, ret, MACHINE_UP, 0, "");
    uint32_t failures = ret->failures + 1;
    return machine_move(db, ret, failures >= limit ? MACHINE_DOWN : ret->state, failures, why);
}

/* Users who come back to their places meet the certificate that is known now. */
static int places_follow(struct db *db, const char *machine_id)
{
    return db_run(db,
                  "UPDATE desktops SET fingerprint = (SELECT CASE WHEN p.trust = 'any' THEN ''"
                  " ELSE m.fingerprint END FROM machines m JOIN pools p ON p.id = m.pool_id"
                  " WHERE m.id = $1) WHERE machine_id = $1",
                  db_text(machine_id));
}

int store_machine_update(struct db *db, const struct machine_row *row)
{
    struct machine_row old;
    int rc = store_machine_get(db, row->id, &old);
    if (!rc)
        rc = db_run(
            db, "UPDATE machines SET sessions_max = $2, draining = $3, fingerprint = $4 WHERE id = $1",
            db_text(old.id), db_int(row->sessions_max), db_int(row->draining), db_text(row->fingerprint));
    if (!rc && strcmp(row->fingerprint, old.fingerprint) != 0) {
        rc = places_follow(db, old.id);
        if (!rc && old.state == MACHINE_MISTRUSTED)
            rc = machine_move(db, &old, MACHINE_UNKNOWN, 0, "");
    }
    store_notify(db, "machine", old.id);
    return rc ? rc : machine_event(db, &old, row->draining && !old.draining ? "draining" : "changed", NULL);
}

int store_machine_suspect(struct db *db, const struct desktop_row *desktop, bool mistrusted)
{
    struct machine_row machine;
    int rc = store_machine_get(db, desktop->machine_id, &machine);
    if (rc)
        return rc;
    store_notify(db, "machine", machine.id);
    /* Not when the known one was changed after the user was led there. */
    if (!mistrusted || strcmp(desktop->fingerprint, machine.fingerprint) != 0)
        return 0;
    return machine_move(db, &machine, MACHINE_MISTRUSTED, 0,
                        "it showed another certificate than the one that is known");
}

int store_machine_learn(struct db *db, const char *desktop_id, const char *fingerprint)
{
    struct desktop_row desktop;
    int rc = store_desktop_get(db, desktop_id, &desktop);
    if (rc || desktop.kind != POOL_STATIC)
        return rc;
    rc = db_run(db,
                "UPDATE machines SET fingerprint = $2 WHERE id = $1 AND fingerprint = ''"
                " AND EXISTS (SELECT 1 FROM pools p WHERE p.id = machines.pool_id AND p.trust = 'first-use')",
                db_text(desktop.machine_id), db_text(fingerprint));
    return rc || !db->changes ? rc : places_follow(db, desktop.machine_id);
}

int store_machine_delete(struct db *db, const char *id)
{
    struct machine_row machine;
    int rc = store_machine_get(db, id, &machine);
    if (rc)
        return rc;
    if (machine.sessions)
        return db_fail(db, CE_CONFLICT, "%u sessions stand on machine %s: drain it first", machine.sessions,
                       machine.name);
    rc = db_run(db, "DELETE FROM machines WHERE id = $1", db_text(machine.id));
    store_notify(db, "machine", "");
    return rc ? rc : machine_event(db, &machine, "removed", NULL);
}

/* --- places -----------------------------------------------------------------------------------------------
 */

/* Breadth-first: the machine of which the smallest part is taken; among equals the one that served fewer
 * sessions so far. Depth-first: the one with most sessions. */
static int machine_choose(struct db *db, const char *pool_id, char id[ID_SIZE])
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT m.id FROM machines m JOIN pools p ON p.id = m.pool_id WHERE m.pool_id = $1"
                       " AND m.sessions < m.sessions_max AND " MACHINE_IS_USABLE
                       " ORDER BY CASE WHEN p.balance = 'depth' THEN -m.sessions"
                       " ELSE m.sessions * 1.0 / m.sessions_max END,"
                       " CASE WHEN p.balance = 'depth' THEN 0 ELSE m.served END, m.name LIMIT 1",
                       db_text(pool_id));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    row_text(&q, 0, id, ID_SIZE);
    return 0;
}

int store_place_take(struct db *db, const char *pool_id, char desktop_id[ID_SIZE])
{
    char machine_id[ID_SIZE], id[ID_SIZE];
    int rc = machine_choose(db, pool_id, machine_id);
    if (rc)
        return rc;
    rc = db_run(db,
                "UPDATE machines SET sessions = sessions + 1, served = served + 1"
                " WHERE id = $1 AND sessions < sessions_max",
                db_text(machine_id));
    rc = store_changed(db, rc, "machine with room", machine_id);
    if (rc)
        return rc;
    id_make(ID_DESKTOP, id);
    rc = db_run(db,
                "INSERT INTO desktops (id, name, pool_id, kind, host_id, image_id, machine_id, uuid, state,"
                " state_since_ms, percent, reason, owner_id, touched, address, port, fingerprint,"
                " guest_user, sealed_password, disk, attempts, created_ms)"
                " SELECT $1, m.name || '.' || m.served, m.pool_id, 'static', NULL, NULL, m.id, NULL, 'ready',"
                " $3, 100, '', NULL, 0, m.address, m.port,"
                " CASE WHEN p.trust = 'any' THEN '' ELSE m.fingerprint END, '', NULL, '', 0, $3"
                " FROM machines m JOIN pools p ON p.id = m.pool_id WHERE m.id = $2",
                db_text(id), db_text(machine_id), db_int(store_now_ms()));
    if (!rc)
        memcpy(desktop_id, id, sizeof id);
    return rc;
}

int store_place_free(struct db *db, const struct desktop_row *desktop)
{
    int rc = db_run(db, "DELETE FROM desktops WHERE id = $1", db_text(desktop->id));
    rc = store_changed(db, rc, "desktop", desktop->id);
    if (!rc)
        rc = db_run(db, "UPDATE machines SET sessions = sessions - 1 WHERE id = $1",
                    db_text(desktop->machine_id));
    store_notify(db, "desktop", desktop->id);
    store_notify(db, "pool", desktop->pool_id);
    return rc;
}

int store_place_room(struct db *db, const char *pool_id, int64_t *ret_room, int64_t *ret_usable)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT COALESCE(SUM(CASE WHEN m.sessions < m.sessions_max"
                       " THEN m.sessions_max - m.sessions ELSE 0 END), 0), COUNT(*)"
                       " FROM machines m WHERE m.pool_id = $1 AND " MACHINE_IS_USABLE,
                       db_text(pool_id));
    if (rc || (rc = db_next(&q)) <= 0)
        return rc;
    *ret_room = row_int(&q, 0);
    *ret_usable = row_int(&q, 1);
    return 0;
}

/* Nobody logs off where no guest tells it: a session that was left for long enough gives up its place. Where a
 * policy says how long, it is that which ends the session. */
int store_place_expire(struct db *db, int64_t left_before_ms, uint32_t *ret_count)
{
    CLEANUP_QUERY struct db_query q = {0};
    CLEANUP_IDS struct id_list list = {0};
    int rc = db_select(db, &q,
                       "SELECT s.id FROM sessions s JOIN desktops d ON d.id = s.desktop_id"
                       " WHERE s.state = 'disconnected' AND d.kind = 'static' AND s.keep_ms = 0"
                       " AND s.disconnected_ms < $1",
                       db_int(left_before_ms));
    if (!rc)
        rc = id_list_fill(&q, &list);
    for (unsigned i = 0; !rc && i < list.count; i++)
        rc =
            store_session_end(db, list.ids[i], FAIL_NO_SHOW, "its place on the machine was kept long enough");
    if (!rc)
        *ret_count = list.count;
    return rc;
}
