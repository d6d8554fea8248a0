/* What becomes of a desktop when the session on it has ended: its pool's log-off policy, as far as the store goes. What
 * happens after a while is vmpool's (vmpool/logoff_policy.h).
 *
 *     floating, recycle at once ----------------> recycling
 *     floating, keep, or recycle after a time --> disconnected, without a session: left_ms says since when. It stays
 *                                                 touched and its user's, so that no claim of another can take it (I2)
 *     dedicated --------------------------------> ready, with left_ms where it does not stay as it is
 *
 * left_ms goes when its user is back on it, not before: who came and went without reaching it leaves it as it was. Nor is
 * it set where a dedicated desktop goes to rest with all that is open on it. */
#include "store_parts.h"

#include <stdio.h>

static int kept_event(struct db *db, const struct desktop_row *desktop, const struct pool_row *pool)
{
    struct event_row event = {0};
    char until[64] = "";
    snprintf(event.kind, sizeof event.kind, "desktop.kept");
    snprintf(event.object, sizeof event.object, "%s", desktop->id);
    snprintf(event.user, sizeof event.user, "%s", desktop->owner);
    snprintf(event.pool, sizeof event.pool, "%s", pool->name);
    snprintf(event.desktop, sizeof event.desktop, "%s", desktop->name);
    if (pool->limits.logoff != LOGOFF_KEEP)
        snprintf(until, sizeof until, " for %lld s", (long long)(pool->limits.logoff_after_ms / 1000));
    snprintf(event.text, sizeof event.text, "Desktop %s is kept%s for user %s, who has logged off.",
             desktop->name, until, desktop->owner);
    store_notify(db, "desktop", desktop->id);
    return store_event(db, &event);
}

/* Its user logged off, and it is kept. A touched one has an owner. */
static int set_left(struct db *db, const struct desktop_row *desktop, const struct pool_row *pool)
{
    if (desktop->left_ms) /* since the time before */
        return store_desktop_changed(db, desktop->id);
    int rc = db_run(db, "UPDATE desktops SET left_ms = $2 WHERE id = $1", db_text(desktop->id),
                    db_int(store_now_ms()));
    if (!rc)
        rc = store_desktop_changed(db, desktop->id);
    return rc ? rc : kept_event(db, desktop, pool);
}

static int release_floating(struct db *db, const struct desktop_row *desktop, const struct pool_row *pool)
{
    bool keep = pool->limits.logoff == LOGOFF_KEEP || pool->limits.logoff_after_ms > 0;
    /* From disconnected and in_use the table has no other way for a clean one: it never gets there. */
    if (!desktop->touched)
        return store_desktop_follow(db, desktop->id, desktop->state, DESKTOP_READY);
    if (!keep || pool->deleting)
        return store_desktop_follow(db, desktop->id, desktop->state, DESKTOP_RECYCLING);
    int rc = desktop->state == DESKTOP_DISCONNECTED
                 ? 0
                 : store_desktop_follow(db, desktop->id, desktop->state, DESKTOP_DISCONNECTED);
    return rc ? rc : set_left(db, desktop, pool);
}

static int release_dedicated(struct db *db, const struct desktop_row *desktop, const struct pool_row *pool,
                             bool was_used)
{
    int rc = 0;
    /* It becomes somebody's when its first user is led to it, not before. */
    if (!desktop->touched)
        rc = db_run(db, "UPDATE desktops SET owner_id = NULL WHERE id = $1", db_text(desktop->id));
    if (!rc)
        rc = store_desktop_follow(db, desktop->id, desktop->state, DESKTOP_READY);
    if (rc || !was_used || !desktop->touched || pool->limits.logoff == LOGOFF_KEEP)
        return rc;
    return set_left(db, desktop, pool);
}

int store_desktop_release(struct db *db, const struct session_row *session, bool stays_open)
{
    struct desktop_row desktop;
    struct pool_row pool;
    bool was_used = session->connected_ms && !stays_open;
    int rc = store_desktop_get(db, session->desktop_id, &desktop);
    /* One that failed or is in maintenance stays there. */
    if (rc || !desktop_state_is_lent(desktop.state))
        return rc;
    if (desktop.kind == POOL_STATIC)
        return store_place_free(db, &desktop);
    rc = store_pool_get_plain(db, desktop.pool_id, &pool);
    /* Of a user who did not reach their dedicated desktop programs may still be open there from before it rested. */
    if (!rc && !stays_open)
        rc = store_data_disk_give_back(db, desktop.id,
                                       was_used || desktop.kind == POOL_FLOATING ? 0 : session->created_ms);
    if (rc)
        return rc;
    return desktop.kind == POOL_DEDICATED ? release_dedicated(db, &desktop, &pool, was_used)
                                          : release_floating(db, &desktop, &pool);
}

int store_desktop_kept(struct db *db, const char *user_id, const char *pool_id, char ret_id[ID_SIZE])
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT id FROM desktops WHERE owner_id = $1 AND pool_id = $2 AND kind = 'floating'"
                       " AND state = 'disconnected' AND left_ms > 0 ORDER BY left_ms DESC, id LIMIT 1",
                       db_text(user_id), db_text(pool_id));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    row_text(&q, 0, ret_id, ID_SIZE);
    return 0;
}

int store_desktop_retake(struct db *db, const char *id)
{
    int rc = db_run(db, "UPDATE desktops SET left_ms = 0 WHERE id = $1", db_text(id));
    store_notify(db, "desktop", id);
    rc = store_changed(db, rc, "desktop", id);
    return rc ? rc : store_desktop_changed(db, id);
}

int store_desktop_is_left(struct db *db, const struct desktop_row *desktop)
{
    struct session_row session;
    int rc = desktop->session_id[0] || !desktop->owner_id[0]
                 ? CE_NOT_FOUND
                 : store_session_of_user(db, desktop->owner_id, desktop->pool_id, &session);
    if (!rc || desktop->session_id[0])
        return db_fail(db, CE_CONFLICT, "somebody is on desktop %s, or waits for it", desktop->name);
    return rc == CE_NOT_FOUND ? 0 : rc;
}

/* What was in the memory that lies beside the old disk goes with it. */
int store_desktop_set_renew(struct db *db, const char *id, const char *image_id)
{
    int rc = db_run(db,
                    "UPDATE desktops SET renew = 1, image_id = $2, left_ms = 0, rest = '' WHERE id = $1"
                    " AND kind = 'dedicated'",
                    db_text(id), db_text(image_id));
    store_notify(db, "desktop", id);
    rc = store_changed(db, rc, "dedicated desktop", id);
    return rc ? rc : store_desktop_changed(db, id);
}

int store_desktop_set_renewed(struct db *db, const char *id, enum desktop_renew step)
{
    int rc = db_run(db, "UPDATE desktops SET renew = $2 WHERE id = $1", db_text(id), db_int(step));
    rc = store_changed(db, rc, "desktop", id);
    return rc ? rc : store_desktop_changed(db, id);
}
