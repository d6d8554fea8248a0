/* Data disks: one for each user of a pool that gives them, with a lock that says which desktop's guest has it.
 *
 *     free --take--> locked --set_attached--> attached: its user is led to the desktop
 *      ^                ^                        |
 *      |                +------give_back---------+  (its user has logged off)
 *      +----release-----+                           (it was unplugged, or the guest is gone for certain)
 *
 * The lock is desktop_id, which is unique: no two desktops have one disk, and no desktop has two. It names a desktop and
 * the host on which that desktop's guest has the disk. When a host is lost its desktops' rows go, or move to other hosts,
 * and the locks stay behind: those guests may still run. A desktop that rests suspended keeps its disk, attached: programs
 * in its memory have files on it. */
#include "store_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DISK_SELECT                                                                                          \
    "SELECT x.id, x.pool_id, p.name, x.user_id, x.user_name, x.host_id, h.name, h.storage, x.size_mib,"      \
    " x.made, x.formatted, x.desktop_id, x.desktop_name, d.host_id, x.attached, x.deleting, x.reason,"       \
    " x.created_ms, x.used_ms, x.locked_host_id FROM data_disks x JOIN pools p ON p.id = x.pool_id"          \
    " LEFT JOIN hosts h ON h.id = x.host_id LEFT JOIN desktops d ON d.id = x.desktop_id"

static void disk_read(struct db_query *q, struct data_disk_row *ret)
{
    char now_at[ID_SIZE], locked_at[ID_SIZE];
    *ret = (struct data_disk_row){.size_mib = row_u32(q, 8),
                                  .made = row_bool(q, 9),
                                  .formatted = row_bool(q, 10),
                                  .attached = row_bool(q, 14),
                                  .deleting = row_bool(q, 15),
                                  .created_ms = row_int(q, 17),
                                  .used_ms = row_int(q, 18)};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->pool_id, sizeof ret->pool_id);
    row_text(q, 2, ret->pool, sizeof ret->pool);
    row_text(q, 3, ret->user_id, sizeof ret->user_id);
    row_text(q, 4, ret->user, sizeof ret->user);
    row_text(q, 5, ret->host_id, sizeof ret->host_id);
    row_text(q, 6, ret->host, sizeof ret->host);
    row_text(q, 7, ret->host_storage, sizeof ret->host_storage);
    row_text(q, 11, ret->desktop_id, sizeof ret->desktop_id);
    row_text(q, 12, ret->desktop, sizeof ret->desktop);
    row_text(q, 13, now_at, sizeof now_at);
    row_text(q, 16, ret->reason, sizeof ret->reason);
    row_text(q, 19, locked_at, sizeof locked_at);
    ret->lost = ret->desktop_id[0] && strcmp(now_at, locked_at) != 0;
}

static int disk_event(struct db *db, const struct data_disk_row *disk, const char *what, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static int disk_event(struct db *db, const struct data_disk_row *disk, const char *what, const char *fmt, ...)
{
    struct event_row event = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(event.text, sizeof event.text, fmt, args);
    va_end(args);
    snprintf(event.kind, sizeof event.kind, "data-disk.%s", what);
    snprintf(event.object, sizeof event.object, "%s", disk->id);
    snprintf(event.user, sizeof event.user, "%s", disk->user);
    snprintf(event.pool, sizeof event.pool, "%s", disk->pool);
    snprintf(event.desktop, sizeof event.desktop, "%s", disk->desktop);
    return store_event(db, &event);
}

int store_data_disk_get(struct db *db, const char *id, struct data_disk_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, DISK_SELECT " WHERE x.id = $1", db_text(id));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no data disk %.80s", id);
    if (rc < 0)
        return rc;
    disk_read(&q, ret);
    return 0;
}

int store_data_disk_list(struct db *db, const char *pool_id, const char *user_id,
                         int (*each)(void *arg, const struct data_disk_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       DISK_SELECT " WHERE ($1 = '' OR x.pool_id = $1) AND ($2 = '' OR x.user_id = $2)"
                                   " ORDER BY p.name, x.user_name, x.id",
                       db_text(pool_id), db_text(user_id));
    while (!rc && (rc = db_next(&q)) > 0) {
        struct data_disk_row row;
        disk_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

static int disk_of(struct db *db, const char *pool_id, const char *user_id, struct data_disk_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, DISK_SELECT " WHERE x.pool_id = $1 AND x.user_id = $2", db_text(pool_id),
                       db_text(user_id));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    disk_read(&q, ret);
    return 0;
}

/* A row for a disk whose file is made when it is attached for the first time. */
static int disk_insert(struct db *db, const struct session_row *session, uint32_t size_mib,
                       struct data_disk_row *ret)
{
    char id[ID_SIZE];
    id_make(ID_DATA_DISK, id);
    int rc =
        db_run(db,
               "INSERT INTO data_disks (id, pool_id, user_id, user_name, host_id, size_mib, made, formatted,"
               " desktop_id, desktop_name, locked_host_id, attached, deleting, reason, created_ms, used_ms)"
               " VALUES ($1, $2, $3, $4, NULL, $5, 0, 0, NULL, '', '', 0, 0, '', $6, 0)",
               db_text(id), db_text(session->pool_id), db_text(session->user_id), db_text(session->user),
               db_int(size_mib), db_int(store_now_ms()));
    if (!rc)
        rc = store_data_disk_get(db, id, ret);
    return rc ? rc
              : disk_event(db, ret, "created", "User %s has a data disk of %u MiB in pool %s.", ret->user,
                           ret->size_mib, ret->pool);
}

/* A file on one host's own storage is not seen by others. */
static int check_host(struct db *db, const struct data_disk_row *disk, const struct desktop_row *desktop)
{
    struct host_row host;
    if (!disk->made || !disk->host_id[0] || !strcmp(disk->host_id, desktop->host_id))
        return 0;
    int rc = store_host_get(db, desktop->host_id, &host);
    if (rc || (!strcmp(disk->host_storage, "shared") && !strcmp(host.storage, "shared")))
        return rc;
    return db_fail(db, CE_REFUSED,
                   "the data disk of %s is on host %s and desktop %s on host %s, which do not share storage",
                   disk->user, disk->host, desktop->name, host.name);
}

/* The desktop counts as touched: what is on the disk must reach nobody else by it (I2). */
static int disk_lock(struct db *db, const struct data_disk_row *disk, const struct desktop_row *desktop,
                     const char *user_id)
{
    int rc = db_run(db,
                    "UPDATE data_disks SET desktop_id = $2, desktop_name = $3, attached = 0, reason = '',"
                    " used_ms = $4, locked_host_id = $5 WHERE id = $1 AND desktop_id IS NULL",
                    db_text(disk->id), db_text(desktop->id), db_text(desktop->name), db_int(store_now_ms()),
                    db_text(desktop->host_id));
    if (rc == CE_EXISTS)
        return db_fail(db, CE_BUSY, "desktop %s has another data disk still", desktop->name);
    if (!rc && !db->changes)
        return db_fail(db, CE_BUSY, "the data disk is attached elsewhere");
    if (!rc)
        rc = db_run(db, "UPDATE desktops SET touched = 1, owner_id = $2 WHERE id = $1", db_text(desktop->id),
                    db_text(user_id));
    return rc ? rc : store_desktop_changed(db, desktop->id);
}

int store_data_disk_take(struct db *db, const char *desktop_id, struct data_disk_row *ret)
{
    struct desktop_row desktop;
    struct session_row session;
    struct pool_row pool;
    struct data_disk_row disk;
    int rc = store_desktop_get(db, desktop_id, &desktop);
    if (!rc && (!desktop.session_id[0] || !desktop_state_is_lent(desktop.state)))
        return db_fail(db, CE_CONFLICT, "no session is on desktop %s", desktop.name);
    if (!rc)
        rc = store_session_get(db, desktop.session_id, &session);
    if (!rc && session.connected_ms)
        return db_fail(db, CE_CONFLICT, "session %s began without a data disk", session.id);
    if (!rc)
        rc = store_pool_get_plain(db, desktop.pool_id, &pool);
    if (rc)
        return rc;
    rc = disk_of(db, pool.id, session.user_id, &disk);
    if (rc == CE_NOT_FOUND)
        rc = disk_insert(db, &session, pool.limits.data_disk_mib, &disk);
    if (rc)
        return rc;
    if (disk.lost)
        return db_fail(
            db, CE_REFUSED,
            "the data disk of %s was on desktop %s, whose host was lost and may still write to it: it is"
            " free when the host is back, or by 'carrelctl data-disk detach'",
            disk.user, disk.desktop);
    if (disk.desktop_id[0])
        return db_fail(db, CE_BUSY, "desktop %s has the data disk of %s still", disk.desktop, disk.user);
    if (disk.deleting)
        return db_fail(db, CE_BUSY, "the data disk of %s is being deleted", disk.user);
    rc = check_host(db, &disk, &desktop);
    if (!rc)
        rc = disk_lock(db, &disk, &desktop, session.user_id);
    return rc ? rc : store_data_disk_get(db, disk.id, ret);
}

int store_data_disk_set_made(struct db *db, const char *id, const char *host_id)
{
    int rc = db_run(db,
                    "UPDATE data_disks SET host_id = CASE WHEN made = 1 THEN host_id ELSE $2 END, made = 1"
                    " WHERE id = $1",
                    db_text(id), db_ref(host_id));
    return store_changed(db, rc, "data disk", id);
}

int store_data_disk_set_attached(struct db *db, const char *id, const char *desktop_id)
{
    struct session_row session;
    struct data_disk_row disk;
    int found = store_session_on_desktop(db, desktop_id, &session);
    if (found && found != CE_NOT_FOUND)
        return found;
    /* Who has gone meanwhile needs it no more, and it is given back. */
    int rc = db_run(db,
                    "UPDATE data_disks SET attached = $3, formatted = 1, reason = '' WHERE id = $1"
                    " AND desktop_id = $2",
                    db_text(id), db_text(desktop_id), db_int(!found));
    if (!rc && !db->changes)
        return db_fail(db, CE_CONFLICT, "the data disk is not the desktop's any more");
    if (!rc)
        rc = store_desktop_changed(db, desktop_id);
    if (!rc)
        rc = store_data_disk_get(db, id, &disk);
    if (!rc)
        rc = disk_event(db, &disk, "attached", "The data disk of user %s is attached to desktop %s.",
                        disk.user, disk.desktop);
    if (!found)
        store_notify(db, "session", session.id); /* its user waits for it */
    return rc;
}

int store_data_disk_give_back(struct db *db, const char *desktop_id, int64_t since_ms)
{
    int rc = db_run(db, "UPDATE data_disks SET attached = 0 WHERE desktop_id = $1 AND used_ms >= $2",
                    db_text(desktop_id), db_int(since_ms));
    return rc || !db->changes ? rc : store_desktop_changed(db, desktop_id);
}

/* The desktop of its user's session may wait for it. */
static int wake_waiting(struct db *db, const struct data_disk_row *disk)
{
    struct session_row session;
    int rc = store_session_of_user(db, disk->user_id, disk->pool_id, &session);
    if (!rc && session.desktop_id[0])
        rc = store_desktop_changed(db, session.desktop_id);
    return rc == CE_NOT_FOUND ? 0 : rc;
}

static int disk_release(struct db *db, const char *id, const char *why)
{
    struct data_disk_row disk;
    int rc = store_data_disk_get(db, id, &disk);
    if (!rc)
        rc = db_run(db, "UPDATE data_disks SET desktop_id = NULL, attached = 0 WHERE id = $1", db_text(id));
    if (!rc)
        rc = store_desktop_changed(db, disk.desktop_id);
    if (!rc && disk.user_id[0])
        rc = wake_waiting(db, &disk);
    store_notify(db, "desktop", disk.desktop_id);
    return rc ? rc
              : disk_event(db, &disk, "detached", "The data disk of user %s is detached from desktop %s%s.",
                           disk.user, disk.desktop, why);
}

int store_data_disk_release(struct db *db, const char *desktop_id)
{
    char id[ID_SIZE] = "";
    {
        CLEANUP_QUERY struct db_query q = {0};
        int rc = db_select(db, &q,
                           "SELECT x.id FROM data_disks x JOIN desktops d ON d.id = x.desktop_id"
                           " AND d.host_id = x.locked_host_id WHERE x.desktop_id = $1",
                           db_text(desktop_id));
        if (rc || (rc = db_next(&q)) < 0)
            return rc;
        if (rc == 0)
            return 0;
        row_text(&q, 0, id, sizeof id);
    }
    return disk_release(db, id, "");
}

int store_data_disk_follow(struct db *db, const char *desktop_id)
{
    int rc =
        db_run(db,
               "UPDATE data_disks SET locked_host_id = (SELECT d.host_id FROM desktops d WHERE d.id = $1)"
               " WHERE desktop_id = $1 AND EXISTS (SELECT 1 FROM desktops d WHERE d.id = $1"
               " AND d.host_id IS NOT NULL AND d.host_id <> data_disks.locked_host_id)",
               db_text(desktop_id));
    return rc || !db->changes ? rc : store_desktop_changed(db, desktop_id);
}

int store_data_disk_release_lost(struct db *db, const char *host_id)
{
    CLEANUP_IDS struct id_list list = {0};
    {
        CLEANUP_QUERY struct db_query q = {0};
        int rc = db_select(db, &q,
                           "SELECT id FROM data_disks WHERE locked_host_id = $1 AND desktop_id IS NOT NULL"
                           " AND NOT EXISTS (SELECT 1 FROM desktops d WHERE d.id = data_disks.desktop_id"
                           " AND d.host_id = data_disks.locked_host_id)",
                           db_text(host_id));
        if (!rc)
            rc = id_list_fill(&q, &list);
        if (rc)
            return rc;
    }
    int rc = 0;
    for (unsigned i = 0; !rc && i < list.count; i++)
        rc = disk_release(db, list.ids[i], ", as its host has no guest of it any more");
    return rc;
}

int store_data_disk_set_reason(struct db *db, const char *id, const char *reason)
{
    struct data_disk_row disk;
    int rc = store_data_disk_get(db, id, &disk);
    if (!rc)
        rc = db_run(db, "UPDATE data_disks SET reason = $2 WHERE id = $1", db_text(id), db_text(reason));
    return rc ? rc
              : disk_event(db, &disk, "failed", "The data disk of user %s cannot be used: %.280s.", disk.user,
                           reason);
}

int store_data_disk_detach(struct db *db, const char *id, bool force)
{
    struct data_disk_row disk;
    int rc = store_data_disk_get(db, id, &disk);
    if (rc || !disk.desktop_id[0])
        return rc;
    if (!disk.lost)
        return db_fail(db, CE_CONFLICT, "desktop %s has it, and gives it back when its user has logged off",
                       disk.desktop);
    if (!force)
        return db_fail(
            db, CE_CONFLICT,
            "the guest of desktop %s may still run on its lost host and write to it; force it if that host"
            " is switched off",
            disk.desktop);
    return disk_release(db, id, " by force");
}

int store_data_disk_set_deleting(struct db *db, const char *id)
{
    struct data_disk_row disk;
    int rc = store_data_disk_get(db, id, &disk);
    if (!rc && disk.desktop_id[0])
        return db_fail(db, CE_CONFLICT, "desktop %s has it", disk.desktop);
    return rc ? rc : db_run(db, "UPDATE data_disks SET deleting = 1 WHERE id = $1", db_text(id));
}

int store_data_disk_delete(struct db *db, const char *id)
{
    struct data_disk_row disk;
    int rc = store_data_disk_get(db, id, &disk);
    if (!rc && disk.desktop_id[0])
        return db_fail(db, CE_CONFLICT, "desktop %s has it", disk.desktop);
    if (!rc)
        rc = db_run(db, "DELETE FROM data_disks WHERE id = $1", db_text(id));
    return rc ? rc
              : disk_event(db, &disk, "deleted", "The data disk of user %s in pool %s was deleted.",
                           disk.user, disk.pool);
}

int store_data_disk_is_there(struct db *db, const struct session_row *session, const struct pool_row *pool,
                             bool *ret)
{
    int64_t count = 0;
    *ret = true;
    if (!pool->limits.data_disk_mib || pool->kind == POOL_STATIC)
        return 0;
    int rc = db_get_int(db, &count,
                        "SELECT COUNT(*) FROM data_disks x JOIN desktops d ON d.id = x.desktop_id"
                        " AND d.host_id = x.locked_host_id WHERE x.desktop_id = $1 AND x.user_id = $2"
                        " AND x.attached = 1",
                        db_text(session->desktop_id), db_text(session->user_id));
    /* One that was on its desktop before the pool gave data disks goes on without. */
    *ret = count > 0 || session->connected_ms > 0;
    return rc;
}
