#include "store_parts.h"

#include <stdio.h>

#include <carrel/power.h>

#define DESKTOP_SELECT                                                                                       \
    "SELECT d.id, d.name, d.pool_id, p.name, d.kind, d.host_id, h.name, d.image_id, d.uuid, d.state,"        \
    " d.state_since_ms, d.percent, d.reason, d.owner_id, o.name, d.address, d.port, d.fingerprint,"          \
    " d.guest_user, d.sealed_password, d.disk, s.id, s.user_name, d.attempts, d.created_ms, d.touched,"      \
    " CASE WHEN d.state = 'stopped' AND EXISTS (SELECT 1 FROM sessions w WHERE w.user_id = d.owner_id"       \
    " AND w.pool_id = d.pool_id AND w.state <> 'ended' AND w.state = 'starting' AND w.desktop_id IS NULL)"   \
    " THEN 1 ELSE 0 END, d.machine_id, m.name, d.golden, d.rest, d.left_ms, d.renew, x.id, x.attached,"      \
    " d.health, d.health_since_ms"                                                                           \
    " FROM desktops d JOIN pools p ON p.id = d.pool_id LEFT JOIN hosts h ON h.id = d.host_id"                \
    " LEFT JOIN users o ON o.id = d.owner_id LEFT JOIN machines m ON m.id = d.machine_id"                    \
    " LEFT JOIN data_disks x ON x.desktop_id = d.id AND x.locked_host_id = d.host_id"                        \
    " LEFT JOIN sessions s ON s.desktop_id = d.id AND s.state <> 'ended'"

static void desktop_read(struct db_query *q, struct desktop_row *ret)
{
    *ret = (struct desktop_row){.state_since_ms = row_int(q, 10),
                                .percent = row_u32(q, 11),
                                .port = (uint16_t)row_int(q, 16),
                                .attempts = row_u32(q, 23),
                                .created_ms = row_int(q, 24),
                                .touched = row_bool(q, 25),
                                .wanted = row_bool(q, 26),
                                .left_ms = row_int(q, 31),
                                .renew = (enum desktop_renew)row_u32(q, 32),
                                .data_disk_attached = row_bool(q, 34),
                                .health_since_ms = row_int(q, 36)};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->name, sizeof ret->name);
    row_text(q, 2, ret->pool_id, sizeof ret->pool_id);
    row_text(q, 3, ret->pool, sizeof ret->pool);
    row_enum(q, 4, pool_kind_parse, &ret->kind);
    row_text(q, 5, ret->host_id, sizeof ret->host_id);
    row_text(q, 6, ret->host, sizeof ret->host);
    row_text(q, 7, ret->image_id, sizeof ret->image_id);
    row_text(q, 8, ret->uuid, sizeof ret->uuid);
    row_enum(q, 9, desktop_state_parse, &ret->state);
    row_text(q, 12, ret->reason, sizeof ret->reason);
    row_text(q, 13, ret->owner_id, sizeof ret->owner_id);
    row_text(q, 14, ret->owner, sizeof ret->owner);
    row_text(q, 15, ret->address, sizeof ret->address);
    row_text(q, 17, ret->fingerprint, sizeof ret->fingerprint);
    row_text(q, 18, ret->guest_user, sizeof ret->guest_user);
    ret->sealed_len = row_bytes(q, 19, ret->sealed_password, sizeof ret->sealed_password);
    row_text(q, 20, ret->disk, sizeof ret->disk);
    row_text(q, 21, ret->session_id, sizeof ret->session_id);
    row_text(q, 22, ret->session_user, sizeof ret->session_user);
    row_text(q, 27, ret->machine_id, sizeof ret->machine_id);
    row_text(q, 28, ret->machine, sizeof ret->machine);
    row_text(q, 29, ret->golden, sizeof ret->golden);
    row_enum(q, 30, desktop_rest_parse, &ret->rest);
    row_text(q, 33, ret->data_disk_id, sizeof ret->data_disk_id);
    row_text(q, 35, ret->health, sizeof ret->health);
}

static int desktop_event(struct db *db, const struct desktop_row *desktop, const char *what,
                         const char *reason)
{
    struct event_row event = {0};
    snprintf(event.kind, sizeof event.kind, "desktop.%s", what);
    snprintf(event.object, sizeof event.object, "%s", desktop->id);
    snprintf(event.session_id, sizeof event.session_id, "%s", desktop->session_id);
    snprintf(event.user, sizeof event.user, "%s",
             desktop->session_user[0] ? desktop->session_user : desktop->owner);
    snprintf(event.pool, sizeof event.pool, "%s", desktop->pool);
    snprintf(event.desktop, sizeof event.desktop, "%s", desktop->name);
    snprintf(event.text, sizeof event.text, "Desktop %s is %s%s%.250s.", desktop->name, what,
             reason && *reason ? ": " : "", reason ? reason : "");
    store_notify(db, "desktop", desktop->id);
    store_notify(db, "pool", desktop->pool_id);
    return store_event(db, &event);
}

/* Says why the insertion met no room. */
static int desktop_refusal(struct db *db, const struct desktop_row *row)
{
    struct pool_row pool;
    int rc = store_pool_get(db, row->pool_id, &pool);
    if (rc)
        return rc;
    if (pool.deleting)
        return db_fail(db, CE_CONFLICT, "the pool %s is being deleted", pool.name);
    return db_fail(db, CE_LIMIT, "the pool %s has %u of %u desktops already", pool.name, pool.desktops,
                   pool.max);
}

int store_desktop_insert(struct db *db, struct desktop_row *row)
{
    char id[ID_SIZE];
    int64_t now_ms = store_now_ms();
    int rc = store_check_name(db, "a desktop", row->name);
    if (!rc)
        rc = store_pool_take_turn(db, row->pool_id);
    if (rc)
        return rc;
    id_make(ID_DESKTOP, id);
    rc = db_run(
        db,
        "INSERT INTO desktops (id, name, pool_id, kind, host_id, image_id, uuid, state, state_since_ms,"
        " percent, reason, owner_id, touched, address, port, fingerprint, guest_user, sealed_password,"
        " disk, attempts, created_ms)"
        " SELECT $1, $2, p.id, p.kind, $4, COALESCE($5, p.image_id), $6, 'cloning', $7, 0, '', NULL, 0,"
        " $8, $9, $10, $11, $12, $13, $14, $7 FROM pools p WHERE p.id = $3 AND p.deleting = 0"
        " AND (SELECT COUNT(*) FROM desktops d WHERE d.pool_id = p.id AND d.state <> 'maintenance')"
        " < p.max_desktops",
        db_text(id), db_text(row->name), db_text(row->pool_id), db_ref(row->host_id), db_ref(row->image_id),
        db_ref(row->uuid), db_int(now_ms), db_text(row->address), db_int(row->port),
        db_text(row->fingerprint), db_text(row->guest_user), db_bytes(row->sealed_password, row->sealed_len),
        db_text(row->disk), db_int(row->attempts));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "the name %s or the uuid %s of a desktop is taken", row->name, row->uuid);
    if (rc == CE_CONFLICT)
        return db_fail(db, CE_NOT_FOUND, "the desktop's host or image is not there");
    if (rc)
        return rc;
    if (db->changes == 0)
        return desktop_refusal(db, row);
    rc = store_desktop_get(db, id, row);
    if (!rc)
        rc = store_desktop_changed(db, id);
    return rc ? rc : desktop_event(db, row, desktop_state_name(row->state), NULL);
}

int store_desktop_get(struct db *db, const char *key, struct desktop_row *ret)
{
    CLEANUP_QUERY struct db_query by_id = {0}, by_name = {0};
    int rc = db_select(db, &by_id, DESKTOP_SELECT " WHERE d.id = $1", db_text(key));
    if (!rc && (rc = db_next(&by_id)) > 0) {
        desktop_read(&by_id, ret);
        return 0;
    }
    if (!rc)
        rc = db_select(db, &by_name, DESKTOP_SELECT " WHERE d.name = $1", db_text(key));
    if (!rc && (rc = db_next(&by_name)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no desktop %.80s", key);
    if (rc < 0)
        return rc;
    desktop_read(&by_name, ret);
    return 0;
}

/* One statement for each way in, so that each finds its index. */
static int desktop_select(struct db *db, struct db_query *q, const struct desktop_filter *filter)
{
    struct db_value state =
        db_text(filter->state < 0 ? "" : desktop_state_name((enum desktop_state)filter->state));
    struct db_value host = db_text(filter->host_id), pool = db_text(filter->pool_id);
    if (pool.len)
        return db_select(db, q,
                         DESKTOP_SELECT " WHERE d.pool_id = $1 AND ($2 = '' OR d.host_id = $2)"
                                        " AND ($3 = '' OR d.state = $3) ORDER BY d.name",
                         pool, host, state);
    if (host.len)
        return db_select(db, q,
                         DESKTOP_SELECT " WHERE d.host_id = $1 AND ($2 = '' OR d.state = $2) ORDER BY d.name",
                         host, state);
    return db_select(db, q, DESKTOP_SELECT " WHERE $1 = '' OR d.state = $1 ORDER BY d.name", state);
}

int store_desktop_list(struct db *db, const struct desktop_filter *filter,
                       int (*each)(void *arg, const struct desktop_row *row), void *arg)
{
    static const struct desktop_filter all = {.state = -1};
    CLEANUP_QUERY struct db_query q = {0};
    int rc = desktop_select(db, &q, filter ? filter : &all);
    while (!rc && (rc = db_next(&q)) > 0) {
        struct desktop_row row;
        desktop_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

/* A floating desktop in one of these states is clean (I2); the table's check says the same. */
static bool state_is_clean(enum desktop_state state)
{
    return state == DESKTOP_CLONING || state == DESKTOP_BOOTING || state == DESKTOP_READY ||
           state == DESKTOP_STOPPED;
}

/* A guest that starts anew, or is off, has nobody on it: a session that lived through its failure ends. */
static int desktop_end_session(struct db *db, const char *id, enum desktop_state to)
{
    struct session_row session;
    if (!state_is_clean(to) || to == DESKTOP_READY)
        return 0;
    int rc = store_session_on_desktop(db, id, &session);
    if (!rc)
        rc = store_session_move(db, &session, SESSION_ENDED, FAIL_GUEST_FAILED,
                                "its desktop was started anew");
    return rc == CE_NOT_FOUND ? 0 : rc;
}

/* Cloning makes a new disk: it is nobody's. */
static int desktop_make_clean(struct db *db, const char *id)
{
    return db_run(db,
                  "UPDATE desktops SET owner_id = NULL, touched = 0, percent = 0, left_ms = 0, renew = 0"
                  " WHERE id = $1",
                  db_text(id));
}

int store_desktop_move(struct db *db, const char *id, enum desktop_state from, enum desktop_state to,
                       const char *reason, bool *ret_moved)
{
    struct desktop_row desktop;
    if (!desktop_state_may_follow(from, to))
        return db_fail(db, CE_INTERNAL, "a desktop cannot go from %s to %s", desktop_state_name(from),
                       desktop_state_name(to));
    int rc = desktop_end_session(db, id, to);
    if (!rc && to == DESKTOP_CLONING)
        rc = desktop_make_clean(db, id);
    if (!rc)
        rc = db_run(db,
                    "UPDATE desktops SET state = $3, state_since_ms = $4, reason = $5, rest = '',"
                    " health = CASE WHEN $6 = 1 THEN health ELSE '' END,"
                    " health_since_ms = CASE WHEN $6 = 1 THEN health_since_ms ELSE 0 END"
                    " WHERE id = $1 AND state = $2",
                    db_text(id), db_text(desktop_state_name(from)), db_text(desktop_state_name(to)),
                    db_int(store_now_ms()), db_text(reason),
                    db_int(to == DESKTOP_READY || desktop_state_is_lent(to)));
    *ret_moved = !rc && db->changes == 1;
    if (!*ret_moved)
        return rc;
    rc = store_desktop_changed(db, id);
    if (!rc)
        rc = store_desktop_get(db, id, &desktop);
    return rc ? rc : desktop_event(db, &desktop, desktop_state_name(to), reason);
}

int store_desktop_set_state(struct db *db, const char *id, enum desktop_state from, enum desktop_state to,
                            const char *reason)
{
    struct desktop_row desktop;
    bool moved = false;
    int rc = store_desktop_get(db, id, &desktop);
    if (rc)
        return rc;
    if (desktop.state == from && desktop_state_may_follow(from, to) && desktop.kind == POOL_FLOATING &&
        to != DESKTOP_CLONING && state_is_clean(to) && (desktop.touched || desktop.owner_id[0]))
        return db_fail(db, CE_CONFLICT, "a user was on desktop %s: it can only be recycled", desktop.name);
    if (desktop.state == from && desktop_state_is_lent(from) && desktop.session_id[0] &&
        (to == DESKTOP_READY || to == DESKTOP_STOPPED))
        return db_fail(db, CE_CONFLICT, "session %s is on desktop %s", desktop.session_id, desktop.name);
    /* A conflict writes nothing, not even the clean-up before cloning. */
    if (desktop.state == from || !desktop_state_may_follow(from, to))
        rc = store_desktop_move(db, desktop.id, from, to, reason, &moved);
    if (!rc && !moved)
        return db_fail(db, CE_CONFLICT, "desktop %s is %s and not %s", desktop.name,
                       desktop_state_name(desktop.state), desktop_state_name(from));
    return rc;
}

int store_desktop_follow(struct db *db, const char *id, enum desktop_state from, enum desktop_state to)
{
    bool moved;
    return store_desktop_move(db, id, from, to, NULL, &moved);
}

int store_desktop_set_seen(struct db *db, const struct desktop_row *row)
{
    int rc =
        db_run(db,
               "UPDATE desktops SET address = $2, port = $3, fingerprint = $4, guest_user = $5,"
               " sealed_password = $6, disk = $7, host_id = $8, percent = $9, attempts = $10, uuid = $11,"
               " golden = $12"
               " WHERE id = $1",
               db_text(row->id), db_text(row->address), db_int(row->port), db_text(row->fingerprint),
               db_text(row->guest_user), db_bytes(row->sealed_password, row->sealed_len), db_text(row->disk),
               db_ref(row->host_id), db_int(row->percent), db_int(row->attempts), db_ref(row->uuid),
               db_text(row->golden));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "the uuid %s is another desktop's", row->uuid);
    if (rc == CE_CONFLICT)
        return db_fail(db, CE_NOT_FOUND, "the desktop's host is not there");
    store_notify(db, "desktop", row->id);
    rc = store_changed(db, rc, "desktop", row->id);
    return rc ? rc : store_desktop_changed(db, row->id);
}

int store_desktop_set_percent(struct db *db, const char *id, uint32_t percent)
{
    int64_t old;
    int rc = db_get_int(db, &old, "SELECT percent FROM desktops WHERE id = $1", db_text(id));
    if (rc == CE_NOT_FOUND)
        return db_fail(db, rc, "there is no desktop %.80s", id);
    if (rc || old == percent)
        return rc;
    store_notify(db, "desktop", id);
    rc = db_run(db, "UPDATE desktops SET percent = $2 WHERE id = $1", db_text(id), db_int(percent));
    return rc ? rc : store_desktop_changed(db, id);
}

/* It has no address there yet. */
int store_desktop_rehost(struct db *db, const char *id, const char *from_host_id, const char *to_host_id,
                         const char *reason)
{
    struct desktop_row desktop;
    int rc = db_run(db,
                    "UPDATE desktops SET host_id = $3, reason = $4, address = '', port = 0"
                    " WHERE id = $1 AND host_id = $2 AND state = 'stopped'",
                    db_text(id), db_text(from_host_id), db_text(to_host_id), db_text(reason));
    if (!rc && db->changes != 1)
        return db_fail(db, CE_CONFLICT, "desktop %s is not stopped at that host any more", id);
    if (!rc)
        rc = store_desktop_get(db, id, &desktop);
    if (!rc)
        rc = store_desktop_changed(db, id);
    store_notify(db, "desktop", id);
    return rc ? rc : desktop_event(db, &desktop, "moved", reason);
}

int store_desktop_set_reason(struct db *db, const char *id, enum desktop_state state, const char *reason)
{
    int rc = db_run(db, "UPDATE desktops SET reason = $3 WHERE id = $1 AND state = $2", db_text(id),
                    db_text(desktop_state_name(state)), db_text(reason));
    if (!rc && db->changes != 1)
        return db_fail(db, CE_CONFLICT, "desktop %s is not %s any more", id, desktop_state_name(state));
    store_notify(db, "desktop", id);
    return rc ? rc : store_desktop_changed(db, id);
}

int store_desktop_delete(struct db *db, const char *id, enum fail code)
{
    struct desktop_row desktop;
    struct session_row session;
    int rc = store_desktop_get(db, id, &desktop);
    if (rc)
        return rc;
    rc = store_session_on_desktop(db, desktop.id, &session);
    if (!rc)
        rc = store_session_move(db, &session, SESSION_ENDED, code, "its desktop is gone");
    if (rc && rc != CE_NOT_FOUND)
        return rc;
    rc = db_run(db, "DELETE FROM desktops WHERE id = $1", db_text(desktop.id));
    if (!rc)
        rc = store_desktop_changed(db, desktop.id);
    return rc ? rc : desktop_event(db, &desktop, "deleted", NULL);
}
