/* Rolls of pools from one version of an image to another. Each change of the phase is compare-and-set and moves the
 * pool's image with it, so that a roll goes on after any end of any process where it stood. */
#include "store_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ROLL_SELECT                                                                                          \
    "SELECT r.pool_id, p.name, r.from_image_id, r.to_image_id, f.name, f.version, t.name, t.version, "       \
    "r.phase,"                                                                                               \
    " r.paused, r.max_unavailable, r.at_ms, r.force_after_ms, r.warned, r.failures, r.failure_limit, "       \
    "r.reason,"                                                                                              \
    " r.begun_ms, r.rolling_ms, r.changed_ms, r.renew FROM pool_rolls r JOIN pools p ON p.id = r.pool_id"    \
    " LEFT JOIN images f ON f.id = r.from_image_id LEFT JOIN images t ON t.id = r.to_image_id"

static const char *const phases[] = {[ROLL_SCHEDULED] = "scheduled",
                                     [ROLL_CANARY] = "canary",
                                     [ROLL_ROLLING] = "rolling",
                                     [ROLL_STOPPED] = "stopped",
                                     [ROLL_DONE] = "done"};

const char *roll_phase_name(enum roll_phase phase)
{
    return phases[phase];
}

static int roll_phase_parse(const char *name)
{
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        if (!strcmp(phases[i], name))
            return (int)i;
    }
    return -1;
}

static void label_read(struct db_query *q, int column, char *ret, size_t size)
{
    char name[NAME_SIZE];
    row_text(q, column, name, sizeof name);
    *ret = 0;
    if (*name)
        snprintf(ret, size, "%s@%lld", name, (long long)row_int(q, column + 1));
}

static void roll_read(struct db_query *q, struct roll_row *ret)
{
    *ret = (struct roll_row){.paused = row_bool(q, 9),
                             .max_unavailable = row_u32(q, 10),
                             .at_ms = row_int(q, 11),
                             .force_after_ms = row_int(q, 12),
                             .warned = row_bool(q, 13),
                             .failures = row_u32(q, 14),
                             .failure_limit = row_u32(q, 15),
                             .begun_ms = row_int(q, 17),
                             .rolling_ms = row_int(q, 18),
                             .changed_ms = row_int(q, 19),
                             .renew = row_bool(q, 20)};
    row_text(q, 0, ret->pool_id, sizeof ret->pool_id);
    row_text(q, 1, ret->pool, sizeof ret->pool);
    row_text(q, 2, ret->from_image_id, sizeof ret->from_image_id);
    row_text(q, 3, ret->to_image_id, sizeof ret->to_image_id);
    label_read(q, 4, ret->from, sizeof ret->from);
    label_read(q, 6, ret->to, sizeof ret->to);
    row_enum(q, 8, roll_phase_parse, &ret->phase);
    row_text(q, 16, ret->reason, sizeof ret->reason);
}

int store_roll_get(struct db *db, const char *pool_id, struct roll_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, ROLL_SELECT " WHERE r.pool_id = $1", db_text(pool_id));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "the pool was never rolled to another image");
    if (rc < 0)
        return rc;
    roll_read(&q, ret);
    return 0;
}

int store_roll_list(struct db *db, int (*each)(void *arg, const struct roll_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, ROLL_SELECT " WHERE r.phase <> $1 ORDER BY p.name", db_text("done"));
    while (!rc && (rc = db_next(&q)) > 0) {
        struct roll_row row;
        roll_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_roll_count(struct db *db, const struct roll_row *roll, struct roll_progress *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc =
        db_select(db, &q,
                  "SELECT COUNT(*), COALESCE(SUM(CASE WHEN image_id = $2 THEN 1 ELSE 0 END), 0),"
                  " COALESCE(SUM(CASE WHEN image_id <> $2 AND (state IN ('claimed', 'in_use', 'disconnected')"
                  " OR rest IN ('suspending', 'suspended')) THEN 1 ELSE 0 END), 0) FROM desktops"
                  " WHERE pool_id = $1",
                  db_text(roll->pool_id), db_text(roll->to_image_id));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    *ret = (struct roll_progress){
        .desktops = row_u32(&q, 0), .renewed = row_u32(&q, 1), .old_in_use = row_u32(&q, 2)};
    return 0;
}

static int PRINTF_LIKE(4, 5)
    roll_event(struct db *db, const struct roll_row *roll, const char *what, const char *fmt, ...);

static int roll_event(struct db *db, const struct roll_row *roll, const char *what, const char *fmt, ...)
{
    struct event_row event = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(event.text, sizeof event.text, fmt, args);
    va_end(args);
    snprintf(event.kind, sizeof event.kind, "pool.roll-%s", what);
    snprintf(event.object, sizeof event.object, "%s", roll->pool_id);
    snprintf(event.pool, sizeof event.pool, "%s", roll->pool);
    store_notify(db, "pool", roll->pool_id);
    return store_event(db, &event);
}

static bool is_under_way(const struct roll_row *roll)
{
    return roll->phase != ROLL_DONE && roll->phase != ROLL_STOPPED;
}

int store_roll_forbids_image(struct db *db, const char *pool_id)
{
    struct roll_row roll;
    int rc = store_roll_get(db, pool_id, &roll);
    if (rc)
        return rc == CE_NOT_FOUND ? 0 : rc;
    return is_under_way(&roll) ? db_fail(db, CE_CONFLICT, "pool %s is being rolled to %s", roll.pool, roll.to)
                               : 0;
}

/* A stopped roll that is overtaken by another, or by an image that was set, is over. */
int store_roll_forget(struct db *db, const char *pool_id)
{
    return db_run(db, "DELETE FROM pool_rolls WHERE pool_id = $1", db_text(pool_id));
}

/* A new disk for a dedicated desktop is without what its user did to the old one. */
static int check_loss(struct db *db, const struct pool_row *pool, const char *image_id)
{
    int64_t owned = 0;
    if (pool->limits.logoff != LOGOFF_KEEP || pool->limits.data_disk_mib)
        return 0; /* it does not last anyway, or what is to last is on the data disks */
    int rc = db_get_int(db, &owned,
                        "SELECT COUNT(*) FROM desktops WHERE pool_id = $1 AND owner_id IS NOT NULL"
                        " AND image_id <> $2",
                        db_text(pool->id), db_text(image_id));
    if (!rc && owned)
        return db_fail(
            db, CE_CONFLICT,
            "what their users changed on %lld desktops of pool %s would be lost, as it has no data disks;"
            " discard it, or set the pool's image for desktops made from now on",
            (long long)owned, pool->name);
    return rc;
}

static int check_begin(struct db *db, const struct pool_row *pool, const struct image_row *to, bool discard)
{
    if (pool->kind == POOL_STATIC)
        return db_fail(db, CE_CONFLICT, "pool %s has machines and no image", pool->name);
    if (pool->deleting)
        return db_fail(db, CE_CONFLICT, "pool %s is being deleted", pool->name);
    if (to->state != IMAGE_READY)
        return db_fail(db, CE_CONFLICT, "image %s@%u is %s", to->name, to->version,
                       image_state_name(to->state));
    if (!strcmp(pool->image_id, to->id))
        return db_fail(db, CE_CONFLICT, "pool %s has image %s@%u already", pool->name, to->name, to->version);
    int rc = store_roll_forbids_image(db, pool->id);
    if (!rc && pool->kind == POOL_DEDICATED && !discard)
        rc = check_loss(db, pool, to->id);
    return rc;
}

int store_roll_begin(struct db *db, const struct roll_row *row)
{
    struct pool_row pool;
    struct image_row to;
    int rc = store_pool_get_plain(db, row->pool_id, &pool);
    if (!rc)
        rc = store_image_get(db, row->to_image_id, &to);
    if (!rc)
        rc = check_begin(db, &pool, &to, row->discard);
    if (!rc)
        rc = store_roll_forget(db, pool.id);
    int64_t now_ms = store_now_ms();
    if (!rc)
        rc = db_run(
            db,
            "INSERT INTO pool_rolls (pool_id, from_image_id, to_image_id, phase, paused, max_unavailable,"
            " at_ms, force_after_ms, warned, failures, failure_limit, reason, begun_ms, rolling_ms,"
            " changed_ms, renew) VALUES ($1, $2, $3, 'scheduled', 0, $4, $5, $6, 0, 0, $7, '', $8, 0, $8, "
            "$9)",
            db_text(pool.id), db_ref(pool.image_id), db_text(to.id), db_int(row->max_unavailable),
            db_int(row->at_ms), db_int(row->force_after_ms), db_int(row->failure_limit), db_int(now_ms),
            db_int(pool.kind == POOL_DEDICATED));
    struct roll_row roll;
    if (!rc)
        rc = store_roll_get(db, pool.id, &roll);
    return rc ? rc
              : roll_event(db, &roll, "ordered", "Pool %s is to be rolled from %s to %s.", roll.pool,
                           roll.from, roll.to);
}

/* The pool's desktops are made from IMAGE_ID from now on; what failed before does not hold them up. */
static int set_pool_image(struct db *db, const char *pool_id, const char *image_id)
{
    return db_run(db,
                  "UPDATE pools SET image_id = $2, failures = 0, retry_at_ms = 0, stopped = 0, reason = ''"
                  " WHERE id = $1",
                  db_text(pool_id), db_text(image_id));
}

static int roll_write(struct db *db, const char *pool_id, enum roll_phase from, enum roll_phase to,
                      const char *reason)
{
    int rc = db_run(db,
                    "UPDATE pool_rolls SET phase = $3, reason = $4, changed_ms = $5,"
                    " rolling_ms = CASE WHEN $3 = 'rolling' THEN $5 ELSE rolling_ms END"
                    " WHERE pool_id = $1 AND phase = $2",
                    db_text(pool_id), db_text(phases[from]), db_text(phases[to]), db_text(reason),
                    db_int(store_now_ms()));
    if (!rc && !db->changes)
        return db_fail(db, CE_CONFLICT, "the roll is %s no longer", phases[from]);
    return rc;
}

int store_roll_move(struct db *db, const char *pool_id, enum roll_phase from, enum roll_phase to,
                    const char *reason)
{
    struct roll_row roll;
    int rc = roll_write(db, pool_id, from, to, reason);
    if (!rc)
        rc = store_roll_get(db, pool_id, &roll);
    if (!rc && to == ROLL_ROLLING)
        rc = set_pool_image(db, pool_id, roll.to_image_id);
    /* Who comes meanwhile gets what is known to work. */
    if (!rc && to == ROLL_STOPPED && roll.from_image_id[0])
        rc = set_pool_image(db, pool_id, roll.from_image_id);
    if (rc)
        return rc;
    switch (to) {
    case ROLL_CANARY:
        return roll_event(db, &roll, "begun", "Pool %s is rolled from %s to %s: one desktop goes ahead.",
                          roll.pool, roll.from, roll.to);
    case ROLL_ROLLING:
        return roll_event(db, &roll, "rolling", "Pool %s: a desktop of %s stands, the others follow.",
                          roll.pool, roll.to);
    case ROLL_STOPPED:
        return roll_event(db, &roll, "stopped", "The roll of pool %s to %s has stopped: %.250s.", roll.pool,
                          roll.to, reason);
    case ROLL_DONE:
        return roll_event(db, &roll, "done", "Pool %s has %s.", roll.pool, roll.to);
    case ROLL_SCHEDULED:
        break;
    }
    return 0;
}

int store_roll_failed(struct db *db, const struct desktop_row *desktop, const char *reason, bool *ret_counted)
{
    struct roll_row roll;
    *ret_counted = false;
    int rc = store_roll_get(db, desktop->pool_id, &roll);
    if (rc)
        return rc == CE_NOT_FOUND ? 0 : rc;
    bool counts = (roll.phase == ROLL_CANARY || roll.phase == ROLL_ROLLING) &&
                  !strcmp(roll.to_image_id, desktop->image_id);
    if (!counts)
        return 0;
    *ret_counted = true;
    char words[REASON_SIZE];
    uint32_t failures = roll.failures + 1;
    snprintf(words, sizeof words, "%u of its desktops failed, the last one was %s: %.200s", failures,
             desktop->name, reason);
    rc = db_run(db, "UPDATE pool_rolls SET failures = $2, reason = $3 WHERE pool_id = $1",
                db_text(roll.pool_id), db_int(failures), db_text(words));
    store_notify(db, "pool", roll.pool_id);
    if (rc || failures < roll.failure_limit)
        return rc;
    return store_roll_move(db, roll.pool_id, roll.phase, ROLL_STOPPED, words);
}

int store_roll_warned(struct db *db, const char *pool_id, int64_t force_at_ms, uint32_t users)
{
    struct roll_row roll;
    int rc = store_roll_get(db, pool_id, &roll);
    if (rc || roll.warned)
        return rc;
    int64_t left_s = (force_at_ms - store_now_ms()) / 1000;
    rc = db_run(db, "UPDATE pool_rolls SET warned = 1 WHERE pool_id = $1", db_text(pool_id));
    return rc ? rc
              : roll_event(
                    db, &roll, "warning",
                    "%u users of pool %s are on desktops of another version than %s; they are logged off in"
                    " %lld s.",
                    users, roll.pool, roll.to, (long long)(left_s > 0 ? left_s : 0));
}

int store_roll_pause(struct db *db, const char *pool_id)
{
    struct roll_row roll;
    int rc = store_roll_get(db, pool_id, &roll);
    if (rc)
        return rc;
    if (!is_under_way(&roll))
        return db_fail(db, CE_CONFLICT, "the roll is %s", phases[roll.phase]);
    if (roll.paused)
        return 0;
    rc = db_run(db, "UPDATE pool_rolls SET paused = 1 WHERE pool_id = $1", db_text(pool_id));
    return rc ? rc : roll_event(db, &roll, "paused", "The roll of pool %s to %s pauses.", roll.pool, roll.to);
}

int store_roll_resume(struct db *db, const char *pool_id)
{
    struct roll_row roll;
    int rc = store_roll_get(db, pool_id, &roll);
    if (rc)
        return rc;
    if (roll.phase == ROLL_DONE)
        return db_fail(db, CE_CONFLICT, "the roll is done");
    if (roll.phase == ROLL_STOPPED && !roll.to_image_id[0])
        return db_fail(db, CE_CONFLICT, "the image that the pool was rolled to is gone");
    if (roll.phase == ROLL_STOPPED) {
        rc =
            db_run(db, "UPDATE pool_rolls SET failures = 0, paused = 0 WHERE pool_id = $1", db_text(pool_id));
        return rc ? rc : store_roll_move(db, pool_id, ROLL_STOPPED, ROLL_CANARY, "");
    }
    if (!roll.paused)
        return 0;
    rc = db_run(db, "UPDATE pool_rolls SET paused = 0 WHERE pool_id = $1", db_text(pool_id));
    return rc ? rc
              : roll_event(db, &roll, "resumed", "The roll of pool %s to %s goes on.", roll.pool, roll.to);
}

/* The version that was before has stood already, so no canary of it goes ahead. */
int store_roll_back(struct db *db, const char *pool_id, bool discard)
{
    struct roll_row roll;
    struct pool_row pool;
    int rc = store_roll_get(db, pool_id, &roll);
    if (rc)
        return rc;
    if (!roll.from_image_id[0])
        return db_fail(db, CE_CONFLICT, "the image that pool %s had before is gone", roll.pool);
    rc = store_pool_get_plain(db, pool_id, &pool);
    if (!rc && roll.renew && !discard)
        rc = check_loss(db, &pool, roll.from_image_id);
    if (rc)
        return rc;
    rc = db_run(
        db,
        "UPDATE pool_rolls SET from_image_id = to_image_id, to_image_id = from_image_id, phase = 'rolling',"
        " paused = 0, at_ms = 0, warned = 0, failures = 0, reason = '', rolling_ms = $2, changed_ms = $2"
        " WHERE pool_id = $1",
        db_text(pool_id), db_int(store_now_ms()));
    if (!rc)
        rc = set_pool_image(db, pool_id, roll.from_image_id);
    return rc ? rc
              : roll_event(db, &roll, "back", "Pool %s goes back from %s to %s.", roll.pool, roll.to,
                           roll.from);
}
