#include <carrel/store_upkeep.h>

#include <stdio.h>
#include <string.h>

#include "store_parts.h"

/* --- health -----------------------------------------------------------------------------------------------
 */

int store_desktop_set_health(struct db *db, const char *id, const char *words)
{
    struct desktop_row desktop;
    int rc = store_desktop_get(db, id, &desktop);
    if (rc || !strcmp(desktop.health, words))
        return rc;
    int64_t since_ms = !*words ? 0 : *desktop.health ? desktop.health_since_ms : store_now_ms();
    rc = db_run(db, "UPDATE desktops SET health = $2, health_since_ms = $3 WHERE id = $1",
                db_text(desktop.id), db_text(words), db_int(since_ms));
    if (!rc)
        rc = store_desktop_changed(db, desktop.id);
    store_notify(db, "desktop", desktop.id);
    if (rc || (*words && *desktop.health))
        return rc;
    struct event_row event = {0};
    snprintf(event.kind, sizeof event.kind, "desktop.%s", *words ? "unwell" : "well");
    memcpy(event.object, desktop.id, sizeof event.object);
    memcpy(event.session_id, desktop.session_id, sizeof event.session_id);
    memcpy(event.user, desktop.session_user, sizeof event.user);
    memcpy(event.pool, desktop.pool, sizeof event.pool);
    memcpy(event.desktop, desktop.name, sizeof event.desktop);
    if (!*words)
        snprintf(event.text, sizeof event.text, "Desktop %s answers again.", desktop.name);
    else if (*desktop.session_user)
        snprintf(event.text, sizeof event.text, "Desktop %s, which %s has, is not well: %s.", desktop.name,
                 desktop.session_user, words);
    else
        snprintf(event.text, sizeof event.text, "Desktop %s is not well: %s.", desktop.name, words);
    return store_event(db, &event);
}

/* --- captures ---------------------------------------------------------------------------------------------
 */

static const char *const capture_kinds[] = {"failure", "log", "screenshot"};

static int capture_kind_parse(const char *name)
{
    for (int i = 0; i < 3; i++) {
        if (!strcmp(capture_kinds[i], name))
            return i;
    }
    return -1;
}

/* What a new one makes superfluous. */
static int capture_expire(struct db *db, const struct capture_row *row, uint64_t keep)
{
    if (row->kind == CAPTURE_FAILURE)
        return db_run(db,
                      "DELETE FROM captures WHERE kind = 'failure' AND pool_id = $1 AND number NOT IN"
                      " (SELECT number FROM captures WHERE kind = 'failure' AND pool_id = $1"
                      " ORDER BY number DESC LIMIT $2)",
                      db_text(row->pool_id), db_int((int64_t)keep));
    return db_run(db,
                  "DELETE FROM captures WHERE kind <> 'failure' AND (at_ms < $1 OR (desktop_id = $2"
                  " AND kind = $3 AND number < (SELECT MAX(number) FROM captures WHERE desktop_id = $2"
                  " AND kind = $3)))",
                  db_int(store_now_ms() - CAPTURE_KEEP_MS), db_text(row->desktop_id),
                  db_text(capture_kinds[row->kind]));
}

int store_capture_add(struct db *db, const struct capture_row *row, uint64_t keep)
{
    if (row->len > CAPTURE_MAX_BYTES)
        return db_fail(db, CE_LIMIT, "what was captured of desktop %s is too large", row->desktop);
    int rc =
        db_run(db,
               "INSERT INTO captures (kind, desktop_id, desktop_name, pool_id, at_ms, reason, cut, bytes)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
               db_text(capture_kinds[row->kind]), db_text(row->desktop_id), db_text(row->desktop),
               db_text(row->pool_id), db_int(store_now_ms()), db_text(row->reason), db_int(row->cut),
               db_bytes(row->bytes, row->len));
    return rc ? rc : capture_expire(db, row, keep);
}

int store_capture_list(struct db *db, enum capture_kind kind, const char *pool_id, const char *desktop,
                       uint32_t limit, int (*each)(void *arg, const struct capture_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT number, kind, desktop_id, desktop_name, pool_id, at_ms, reason, cut, bytes"
                       " FROM captures WHERE kind = $1 AND ($2 = '' OR pool_id = $2)"
                       " AND ($3 = '' OR desktop_id = $3 OR desktop_name = $3) ORDER BY number DESC LIMIT $4",
                       db_text(capture_kinds[kind]), db_text(pool_id), db_text(desktop), db_int(limit));
    while (!rc && (rc = db_next(&q)) > 0) {
        struct capture_row row = {.number = row_int(&q, 0), .at_ms = row_int(&q, 5), .cut = row_bool(&q, 7)};
        row_enum(&q, 1, capture_kind_parse, &row.kind);
        row_text(&q, 2, row.desktop_id, sizeof row.desktop_id);
        row_text(&q, 3, row.desktop, sizeof row.desktop);
        row_text(&q, 4, row.pool_id, sizeof row.pool_id);
        row_text(&q, 6, row.reason, sizeof row.reason);
        row.bytes = db->ops->row_bytes(q.handle, 8, &row.len);
        rc = each(arg, &row);
    }
    return rc;
}

/* --- snapshots --------------------------------------------------------------------------------------------
 */

static const char *const snapshot_states[] = {"creating", "ready", "restoring", "deleting"};

const char *disk_snapshot_state_name(enum disk_snapshot_state state)
{
    return snapshot_states[state];
}

static int snapshot_state_parse(const char *name)
{
    for (int i = 0; i < 4; i++) {
        if (!strcmp(snapshot_states[i], name))
            return i;
    }
    return -1;
}

#define SNAPSHOT_SELECT                                                                                      \
    "SELECT desktop_id, name, state, file, image_id, size_bytes, back_to, created_ms FROM disk_snapshots"

static void snapshot_read_row(struct db_query *q, struct disk_snapshot_row *ret)
{
    *ret = (struct disk_snapshot_row){.size_bytes = (uint64_t)row_int(q, 5), .created_ms = row_int(q, 7)};
    row_text(q, 0, ret->desktop_id, sizeof ret->desktop_id);
    row_text(q, 1, ret->name, sizeof ret->name);
    row_enum(q, 2, snapshot_state_parse, &ret->state);
    row_text(q, 3, ret->file, sizeof ret->file);
    row_text(q, 4, ret->image_id, sizeof ret->image_id);
    row_text(q, 6, ret->back_to, sizeof ret->back_to);
}

int store_disk_snapshot_insert(struct db *db, const struct disk_snapshot_row *row)
{
    int64_t count = 0;
    int rc = store_check_name(db, "a snapshot", row->name);
    if (!rc)
        rc = db_get_int(db, &count, "SELECT COUNT(*) FROM disk_snapshots WHERE desktop_id = $1",
                        db_text(row->desktop_id));
    if (!rc && count >= DISK_SNAPSHOTS_MAX)
        return db_fail(db, CE_LIMIT, "the desktop has %d snapshots already, and no more are kept",
                       DISK_SNAPSHOTS_MAX);
    if (!rc)
        rc =
            db_run(db,
                   "INSERT INTO disk_snapshots (desktop_id, name, state, file, image_id, size_bytes, back_to,"
                   " created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                   db_text(row->desktop_id), db_text(row->name), db_text(snapshot_states[row->state]),
                   db_text(row->file), db_ref(row->image_id), db_int((int64_t)row->size_bytes),
                   db_text(row->back_to), db_int(store_now_ms()));
    return rc == CE_EXISTS ? db_fail(db, rc, "the desktop has a snapshot %s already", row->name) : rc;
}

int store_disk_snapshot_get(struct db *db, const char *desktop_id, const char *name,
                            struct disk_snapshot_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, SNAPSHOT_SELECT " WHERE desktop_id = $1 AND name = $2", db_text(desktop_id),
                       db_text(name));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "the desktop has no snapshot %.80s", name);
    if (rc < 0)
        return rc;
    snapshot_read_row(&q, ret);
    return 0;
}

int store_disk_snapshot_list(struct db *db, const char *desktop_id,
                             int (*each)(void *arg, const struct disk_snapshot_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, SNAPSHOT_SELECT " WHERE desktop_id = $1 ORDER BY created_ms, name",
                       db_text(desktop_id));
    while (!rc && (rc = db_next(&q)) > 0) {
        struct disk_snapshot_row row;
        snapshot_read_row(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_disk_snapshot_set(struct db *db, const struct disk_snapshot_row *row)
{
    int rc = db_run(db,
                    "UPDATE disk_snapshots SET state = $3, size_bytes = $4, back_to = $5"
                    " WHERE desktop_id = $1 AND name = $2",
                    db_text(row->desktop_id), db_text(row->name), db_text(snapshot_states[row->state]),
                    db_int((int64_t)row->size_bytes), db_text(row->back_to));
    return store_changed(db, rc, "snapshot", row->name);
}

int store_disk_snapshot_delete(struct db *db, const char *desktop_id, const char *name)
{
    return db_run(db, "DELETE FROM disk_snapshots WHERE desktop_id = $1 AND name = $2", db_text(desktop_id),
                  db_text(name));
}

int store_desktop_set_disk(struct db *db, const char *id, const char *disk, const char *image_id)
{
    int rc = db_run(db, "UPDATE desktops SET disk = $2, image_id = $3 WHERE id = $1", db_text(id),
                    db_text(disk), db_ref(image_id));
    rc = store_changed(db, rc, "desktop", id);
    return rc ? rc : store_desktop_changed(db, id);
}
