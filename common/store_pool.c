#include "store_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Each count is a walk over one range of an index. */
#define COUNT_DESKTOPS "(SELECT COUNT(*) FROM desktops d WHERE d.pool_id = p.id"
/* Of a static pool; others have no machines and get 0. */
#define MACHINES_PLACES "(SELECT COALESCE(SUM(m.sessions_max), 0) FROM machines m WHERE m.pool_id = p.id)"
#define MACHINES_FREE                                                                                        \
    "(SELECT COALESCE(SUM(CASE WHEN m.sessions < m.sessions_max THEN m.sessions_max - m.sessions"            \
    " ELSE 0 END), 0) FROM machines m WHERE m.pool_id = p.id AND " MACHINE_IS_USABLE ")"
#define MACHINES_OUT                                                                                         \
    "(SELECT COUNT(*) FROM machines m WHERE m.pool_id = p.id AND m.state IN ('down', 'mistrusted'))"
#define POOL_HEAD "SELECT p.id, p.name, p.kind, p.credentials, p.image_id, i.name, p.spare,"
#define POOL_MIDDLE                                                                                          \
    ", p.vcpus, p.memory_mib, p.network, p.pattern, p.enabled, p.deleting, p.failures, p.retry_at_ms,"       \
    " p.stopped, p.reason, p.created_ms, "
#define POOL_TAIL                                                                                            \
    ", (SELECT COUNT(*) FROM sessions s WHERE s.pool_id = p.id"                                              \
    " AND s.state = 'starting' AND s.desktop_id IS NULL), p.policy, p.balance, p.trust, p.placement,"        \
    " p.host_labels, p.apart, p.guest_security, p.description, i.version, p.provision, p.warm,"              \
    " COALESCE((SELECT n.note FROM provision_notes n WHERE n.pool_id = p.id"                                 \
    " ORDER BY n.falls_back DESC, n.host_id LIMIT 1), ''), " POOL_LIMITS_COLUMNS " FROM pools p"             \
    " LEFT JOIN images i ON i.id = p.image_id"
#define POOL_SELECT                                                                                          \
    POOL_HEAD " p.max_desktops + " MACHINES_PLACES POOL_MIDDLE COUNT_DESKTOPS "), " COUNT_DESKTOPS           \
              " AND d.state = 'ready') + " MACHINES_FREE ", " COUNT_DESKTOPS                                 \
              " AND d.state IN ('claimed', 'in_use', 'disconnected')), " COUNT_DESKTOPS                      \
              " AND d.state IN ('cloning', 'booting')), " COUNT_DESKTOPS                                     \
              " AND d.state = 'failed') + " MACHINES_OUT POOL_TAIL
#define POOL_PLAIN POOL_HEAD " p.max_desktops" POOL_MIDDLE "0, 0, 0, 0, 0" POOL_TAIL

static void pool_read(struct db_query *q, struct pool_row *ret)
{
    *ret = (struct pool_row){.spare = row_u32(q, 6),
                             .max = row_u32(q, 7),
                             .vcpus = row_u32(q, 8),
                             .memory_mib = row_u32(q, 9),
                             .enabled = row_bool(q, 12),
                             .deleting = row_bool(q, 13),
                             .failures = row_u32(q, 14),
                             .retry_at_ms = row_int(q, 15),
                             .stopped = row_bool(q, 16),
                             .created_ms = row_int(q, 18),
                             .desktops = row_u32(q, 19),
                             .ready = row_u32(q, 20),
                             .lent = row_u32(q, 21),
                             .starting = row_u32(q, 22),
                             .failed = row_u32(q, 23),
                             .waiting = row_u32(q, 24)};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->name, sizeof ret->name);
    row_enum(q, 2, pool_kind_parse, &ret->kind);
    row_enum(q, 3, credentials_parse, &ret->credentials);
    row_text(q, 4, ret->image_id, sizeof ret->image_id);
    row_text(q, 5, ret->image, sizeof ret->image);
    row_text(q, 10, ret->network, sizeof ret->network);
    row_text(q, 11, ret->pattern, sizeof ret->pattern);
    row_text(q, 17, ret->reason, sizeof ret->reason);
    store_policy_read(q, 25, &ret->policy);
    row_enum(q, 26, pool_balance_parse, &ret->balance);
    row_enum(q, 27, pool_trust_parse, &ret->trust);
    row_enum(q, 28, placement_parse, &ret->placement);
    row_text(q, 29, ret->host_labels, sizeof ret->host_labels);
    row_text(q, 30, ret->apart, sizeof ret->apart);
    row_enum(q, 31, guest_security_parse, &ret->guest_security);
    row_text(q, 32, ret->description, sizeof ret->description);
    ret->image_version = row_u32(q, 33);
    row_enum(q, 34, pool_provision_parse, &ret->provision);
    ret->warm = row_bool(q, 35);
    row_text(q, 36, ret->provision_note, sizeof ret->provision_note);
    store_pool_limits_read(q, 37, &ret->limits);
}

static int pools_each(struct db_query *q, int (*each)(void *arg, const struct pool_row *row), void *arg)
{
    int rc;
    while ((rc = db_next(q)) > 0) {
        struct pool_row row;
        pool_read(q, &row);
        rc = each(arg, &row);
        if (rc)
            break;
    }
    return rc;
}

static int PRINTF_LIKE(4, 5)
    pool_event(struct db *db, const struct pool_row *pool, const char *kind, const char *fmt, ...);

static int pool_event(struct db *db, const struct pool_row *pool, const char *kind, const char *fmt, ...)
{
    struct event_row event = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(event.text, sizeof event.text, fmt, args);
    va_end(args);
    snprintf(event.kind, sizeof event.kind, "%s", kind);
    snprintf(event.object, sizeof event.object, "%s", pool->id);
    snprintf(event.pool, sizeof event.pool, "%s", pool->name);
    store_notify(db, "pool", pool->id);
    return store_event(db, &event);
}

/* The image must be there and not on its way out. */
static int pool_check_image(struct db *db, const char *image_id)
{
    struct image_row image;
    int rc = image_id[0] ? store_image_get(db, image_id, &image) : 0;
    if (!rc && image_id[0] && image.state == IMAGE_DELETING)
        return db_fail(db, CE_CONFLICT, "the image %s is being deleted", image.name);
    return rc;
}

int store_pool_insert(struct db *db, struct pool_row *row)
{
    char policy[POLICY_TEXT_SIZE];
    policy_print(&row->policy, policy);
    int rc = store_check_name(db, "a pool", row->name);
    if (!rc)
        rc = pool_check_image(db, row->image_id);
    if (rc)
        return rc;
    id_make(ID_POOL, row->id);
    row->created_ms = store_now_ms();
    rc = db_run(
        db,
        "INSERT INTO pools (id, name, kind, credentials, image_id, spare, max_desktops, vcpus, memory_mib,"
        " network, pattern, enabled, deleting, failures, retry_at_ms, stopped, reason, created_ms,"
        " policy, balance, trust, placement, host_labels, apart, guest_security, description, provision,"
        " warm) VALUES"
        " ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
        " $10, $11, $12, 0, 0, 0, 0, '', $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
        db_text(row->id), db_text(row->name), db_text(pool_kind_name(row->kind)),
        db_text(credentials_name(row->credentials)), db_ref(row->image_id), db_int(row->spare),
        db_int(row->max), db_int(row->vcpus), db_int(row->memory_mib), db_text(row->network),
        db_text(row->pattern), db_int(row->enabled), db_int(row->created_ms), db_text(policy),
        db_text(pool_balance_name(row->balance)), db_text(pool_trust_name(row->trust)),
        db_text(placement_name(row->placement)), db_text(row->host_labels), db_text(row->apart),
        db_text(guest_security_name(row->guest_security)), db_text(row->description),
        db_text(pool_provision_name(row->provision)), db_int(row->warm));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "there is a pool %s already", row->name);
    if (!rc)
        rc = store_pool_limits_write(db, row->id, &row->limits);
    return rc ? rc : pool_event(db, row, "pool.created", "Pool %s was created.", row->name);
}

int store_pool_get(struct db *db, const char *key, struct pool_row *ret)
{
    CLEANUP_QUERY struct db_query by_id = {0}, by_name = {0};
    int rc = db_select(db, &by_id, POOL_SELECT " WHERE p.id = $1", db_text(key));
    if (!rc && (rc = db_next(&by_id)) > 0) {
        pool_read(&by_id, ret);
        return 0;
    }
    if (!rc)
        rc = db_select(db, &by_name, POOL_SELECT " WHERE p.name = $1", db_text(key));
    if (!rc && (rc = db_next(&by_name)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no pool %.80s", key);
    if (rc < 0)
        return rc;
    pool_read(&by_name, ret);
    return 0;
}

int store_pool_list(struct db *db, int (*each)(void *arg, const struct pool_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, POOL_SELECT " ORDER BY p.name");
    return rc ? rc : pools_each(&q, each, arg);
}

int store_pool_get_plain(struct db *db, const char *id, struct pool_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, POOL_PLAIN " WHERE p.id = $1", db_text(id));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no pool %.80s", id);
    if (rc < 0)
        return rc;
    pool_read(&q, ret);
    return 0;
}

int store_pool_list_plain(struct db *db, int (*each)(void *arg, const struct pool_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, POOL_PLAIN " ORDER BY p.name");
    return rc ? rc : pools_each(&q, each, arg);
}

int store_entitlement_pools(struct db *db, const char *user_id,
                            int (*each)(void *arg, const struct pool_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       POOL_SELECT " WHERE p.id IN (SELECT e.pool_id FROM entitlements e WHERE e.user_id = $1"
                                   " UNION SELECT e.pool_id FROM group_members m"
                                   " JOIN entitlements e ON e.group_id = m.group_id WHERE m.user_id = $1)"
                                   " ORDER BY p.name",
                       db_text(user_id));
    return rc ? rc : pools_each(&q, each, arg);
}

int store_pool_update(struct db *db, const struct pool_row *row)
{
    struct pool_row old;
    char policy[POLICY_TEXT_SIZE];
    policy_print(&row->policy, policy);
    int rc = store_pool_get(db, row->id, &old);
    if (!rc)
        rc = pool_check_image(db, row->image_id);
    if (!rc && strcmp(old.image_id, row->image_id) != 0 && !(rc = store_roll_forbids_image(db, old.id)))
        rc = store_roll_forget(db, old.id);
    if (!rc)
        rc = db_run(
            db,
            "UPDATE pools SET spare = $2, max_desktops = $3, vcpus = $4, memory_mib = $5, image_id = $6,"
            " network = $7, credentials = $8, enabled = $9, failures = 0, retry_at_ms = 0, stopped = 0,"
            " reason = '', policy = $10, balance = $11, trust = $12, placement = $13,"
            " host_labels = $14, apart = $15, guest_security = $16, description = $17, provision = $18,"
            " warm = $19 WHERE id = $1",
            db_text(old.id), db_int(row->spare), db_int(old.kind == POOL_STATIC ? 0 : row->max),
            db_int(row->vcpus), db_int(row->memory_mib), db_ref(row->image_id), db_text(row->network),
            db_text(credentials_name(row->credentials)), db_int(row->enabled), db_text(policy),
            db_text(pool_balance_name(row->balance)), db_text(pool_trust_name(row->trust)),
            db_text(placement_name(row->placement)), db_text(row->host_labels), db_text(row->apart),
            db_text(guest_security_name(row->guest_security)), db_text(row->description),
            db_text(pool_provision_name(row->provision)), db_int(row->warm));
    if (!rc)
        rc = store_pool_limits_write(db, old.id, &row->limits);
    if (rc)
        return rc;
    if (row->enabled != old.enabled)
        return pool_event(db, &old, row->enabled ? "pool.opened" : "pool.closed", "Pool %s was %s.", old.name,
                          row->enabled ? "opened" : "closed");
    return pool_event(db, &old, "pool.changed", "Pool %s was changed.", old.name);
}

int store_pool_set_deleting(struct db *db, const char *id)
{
    struct pool_row pool;
    int64_t live = 0;
    int rc = store_pool_take_turn(db, id);
    if (!rc)
        rc = db_get_int(db, &live,
                        "SELECT COUNT(*) FROM sessions WHERE pool_id = $1"
                        " AND state IN ('starting', 'active', 'disconnected')",
                        db_text(id));
    if (!rc && live)
        return db_fail(db, CE_CONFLICT, "%lld sessions of the pool live", (long long)live);
    if (!rc)
        rc = db_get_int(db, &live, "SELECT COUNT(*) FROM data_disks WHERE pool_id = $1", db_text(id));
    if (!rc && live)
        return db_fail(db, CE_CONFLICT, "its users have %lld data disks, which have to be deleted first",
                       (long long)live);
    if (!rc)
        rc = store_pool_get(db, id, &pool);
    if (rc || pool.deleting)
        return rc;
    rc = db_run(db, "UPDATE pools SET deleting = 1 WHERE id = $1", db_text(id));
    return rc ? rc : pool_event(db, &pool, "pool.deleting", "Pool %s is being deleted.", pool.name);
}

int store_pool_delete(struct db *db, const char *id)
{
    struct pool_row pool;
    int rc = store_pool_get(db, id, &pool);
    if (rc)
        return rc;
    if (pool.desktops)
        return db_fail(db, CE_CONFLICT, "the pool still has %u desktops", pool.desktops);
    int64_t live = 0;
    rc = db_get_int(db, &live,
                    "SELECT COUNT(*) FROM sessions WHERE pool_id = $1"
                    " AND state IN ('starting', 'active', 'disconnected')",
                    db_text(pool.id));
    if (!rc && live)
        return db_fail(db, CE_CONFLICT, "%lld sessions of the pool live", (long long)live);
    if (!rc)
        rc = db_run(db, "DELETE FROM machines WHERE pool_id = $1", db_text(pool.id));
    if (!rc)
        rc = db_run(db, "DELETE FROM pools WHERE id = $1", db_text(pool.id));
    return rc ? rc : pool_event(db, &pool, "pool.deleted", "Pool %s was deleted.", pool.name);
}

int store_pool_set_failure(struct db *db, const char *id, uint32_t failures, int64_t retry_at_ms,
                           bool stopped, const char *reason)
{
    struct pool_row pool;
    int rc = store_pool_get_plain(db, id, &pool);
    if (!rc)
        rc = db_run(
            db, "UPDATE pools SET failures = $2, retry_at_ms = $3, stopped = $4, reason = $5 WHERE id = $1",
            db_text(pool.id), db_int(failures), db_int(retry_at_ms), db_int(stopped), db_text(reason));
    if (rc)
        return rc;
    if (stopped && !pool.stopped)
        return pool_event(db, &pool, "pool.stopped", "Pool %s stopped after %u failures: %.200s.", pool.name,
                          failures, reason ? reason : "");
    if (!failures && (pool.failures || pool.stopped))
        return pool_event(db, &pool, "pool.recovered", "Pool %s starts desktops again.", pool.name);
    if (failures)
        return pool_event(db, &pool, "pool.failure", "A desktop of pool %s failed, %u in a row: %.200s.",
                          pool.name, failures, reason ? reason : "");
    return 0;
}

int store_pool_set_note(struct db *db, const char *pool_id, const char *host_id, bool falls_back,
                        const char *note)
{
    struct pool_row pool;
    int64_t same = 0;
    int rc = store_pool_get(db, pool_id, &pool);
    if (!rc)
        rc = db_get_int(db, &same,
                        "SELECT COUNT(*) FROM provision_notes WHERE pool_id = $1 AND host_id = $2"
                        " AND note = $3",
                        db_text(pool_id), db_text(host_id), db_text(note));
    if (rc || same)
        return rc;
    if (!*note) {
        store_notify(db, "pool", pool_id);
        return db_run(db, "DELETE FROM provision_notes WHERE pool_id = $1 AND host_id = $2", db_text(pool_id),
                      db_text(host_id));
    }
    rc = db_run(db,
                "INSERT INTO provision_notes (pool_id, host_id, falls_back, note) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (pool_id, host_id) DO UPDATE SET falls_back = $3, note = $4",
                db_text(pool_id), db_text(host_id), db_int(falls_back), db_text(note));
    if (rc || !falls_back) {
        store_notify(db, "pool", pool_id);
        return rc;
    }
    return pool_event(db, &pool, "pool.fallback", "Pool %s: %s", pool.name, note);
}

int store_pool_take_turn(struct db *db, const char *pool_id)
{
    int rc = db_run(db, "UPDATE pools SET turn = turn + 1 WHERE id = $1", db_text(pool_id));
    return store_changed(db, rc, "pool", pool_id);
}
