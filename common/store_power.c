/* When how many desktops of a pool stand ready: what administrators say, and what vmpool made of it. */
#include "store_parts.h"

#include <stdio.h>
#include <string.h>

#include <carrel/power.h>

#define POWER_SELECT                                                                                         \
    "SELECT pool_id, zone, mode, idle, idle_after_ms, autoscale, now_mode, now_spare, now_demand, now_why,"  \
    " now_until_ms FROM pool_power"

static void power_read(struct db_query *q, struct power_row *ret)
{
    *ret = (struct power_row){.idle_after_ms = row_int(q, 4),
                              .autoscale = row_bool(q, 5),
                              .now_spare = row_u32(q, 7),
                              .now_demand = row_u32(q, 8),
                              .now_until_ms = row_int(q, 10)};
    row_text(q, 0, ret->pool_id, sizeof ret->pool_id);
    row_text(q, 1, ret->zone, sizeof ret->zone);
    row_enum(q, 2, power_mode_parse, &ret->mode);
    row_enum(q, 3, power_idle_parse, &ret->idle);
    row_enum(q, 6, power_mode_parse, &ret->now_mode);
    row_text(q, 9, ret->now_why, sizeof ret->now_why);
}

int store_power_get(struct db *db, const char *pool_id, struct power_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    *ret = (struct power_row){.mode = POWER_SPARE, .now_mode = POWER_SPARE};
    snprintf(ret->pool_id, sizeof ret->pool_id, "%s", pool_id);
    int rc = db_select(db, &q, POWER_SELECT " WHERE pool_id = $1", db_text(pool_id));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "the pool has no schedule");
    if (rc < 0)
        return rc;
    power_read(&q, ret);
    return 0;
}

int store_power_list(struct db *db, int (*each)(void *arg, const struct power_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, POWER_SELECT " ORDER BY pool_id");
    while (!rc && (rc = db_next(&q)) > 0) {
        struct power_row row;
        power_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

/* A pool's first word on this: its row, with what holds for all others. */
static int power_make(struct db *db, const struct pool_row *pool)
{
    return db_run(db,
                  "INSERT INTO pool_power (pool_id, zone, mode, idle, idle_after_ms, autoscale, now_mode,"
                  " now_spare, now_demand, now_why, now_until_ms)"
                  " VALUES ($1, '', 'spare', 'keep', 0, 0, 'spare', $2, 0, '', 0)"
                  " ON CONFLICT (pool_id) DO NOTHING",
                  db_text(pool->id), db_int(pool->spare));
}

static int get_pool(struct db *db, const char *pool_id, struct pool_row *ret)
{
    int rc = store_pool_get_plain(db, pool_id, ret);
    if (!rc && ret->kind == POOL_STATIC)
        return db_fail(db, CE_CONFLICT, "pool %s has machines, which Carrel neither starts nor stops",
                       ret->name);
    if (!rc && ret->deleting)
        return db_fail(db, CE_CONFLICT, "pool %s is being deleted", ret->name);
    return rc;
}

int store_power_set(struct db *db, const struct power_row *row)
{
    struct pool_row pool;
    int rc = get_pool(db, row->pool_id, &pool);
    if (!rc && row->idle != POWER_KEEP && pool.kind != POOL_DEDICATED)
        return db_fail(db, CE_CONFLICT,
                       "pool %s is floating: its desktops are made anew when their users log off, and only "
                       "dedicated ones can be stopped or suspended",
                       pool.name);
    if (!rc && row->autoscale && pool.kind == POOL_DEDICATED)
        return db_fail(db, CE_CONFLICT,
                       "pool %s is dedicated: each user has a desktop already, and only floating ones can be "
                       "started for whoever comes",
                       pool.name);
    if (!rc)
        rc = power_make(db, &pool);
    if (!rc)
        rc =
            db_run(db,
                   "UPDATE pool_power SET zone = $2, mode = $3, idle = $4, idle_after_ms = $5, autoscale = $6"
                   " WHERE pool_id = $1",
                   db_text(pool.id), db_text(row->zone), db_text(power_mode_name(row->mode)),
                   db_text(power_idle_name(row->idle)), db_int(row->idle_after_ms), db_int(row->autoscale));
    store_notify(db, "pool", pool.id);
    return rc;
}

int store_power_tell(struct db *db, const struct power_row *row)
{
    struct power_row old;
    struct pool_row pool;
    int rc = store_power_get(db, row->pool_id, &old);
    if (!rc)
        rc = store_pool_get_plain(db, row->pool_id, &pool);
    if (!rc)
        rc = db_run(db,
                    "UPDATE pool_power SET now_mode = $2, now_spare = $3, now_demand = $4, now_why = $5,"
                    " now_until_ms = $6 WHERE pool_id = $1",
                    db_text(row->pool_id), db_text(power_mode_name(row->now_mode)), db_int(row->now_spare),
                    db_int(row->now_demand), db_text(row->now_why), db_int(row->now_until_ms));
    if (rc || (old.now_mode == row->now_mode && old.now_spare == row->now_spare &&
               old.now_demand == row->now_demand))
        return rc;
    struct event_row event = {.kind = "pool.schedule"};
    snprintf(event.object, sizeof event.object, "%s", pool.id);
    snprintf(event.pool, sizeof event.pool, "%s", pool.name);
    snprintf(event.text, sizeof event.text, "What stands ready in pool %s: %.250s.", pool.name, row->now_why);
    store_notify(db, "pool", pool.id);
    return store_event(db, &event);
}

/* --- rules ------------------------------------------------------------------------------------------------
 */

int store_power_rules(struct db *db, const char *pool_id, struct power_rule ret[POWER_RULES_MAX],
                      unsigned *ret_count)
{
    CLEANUP_QUERY struct db_query q = {0};
    unsigned count = 0;
    int rc = db_select(db, &q,
                       "SELECT number, hours, mode, spare FROM pool_rules WHERE pool_id = $1 ORDER BY number",
                       db_text(pool_id));
    while (!rc && count < POWER_RULES_MAX && (rc = db_next(&q)) > 0) {
        char hours[POWER_RULE_TEXT_SIZE];
        struct power_rule rule = {.number = row_u32(&q, 0), .spare = row_u32(&q, 3)};
        row_text(&q, 1, hours, sizeof hours);
        row_enum(&q, 2, power_mode_parse, &rule.mode);
        rc = 0;
        if (!power_hours_parse(hours, &rule.window))
            ret[count++] = rule;
    }
    if (rc >= 0) {
        *ret_count = count;
        rc = 0;
    }
    return rc;
}

int store_power_rule_insert(struct db *db, const char *pool_id, struct power_rule *rule)
{
    struct power_rule rules[POWER_RULES_MAX];
    struct pool_row pool;
    unsigned count = 0;
    char hours[POWER_RULE_TEXT_SIZE];
    int rc = get_pool(db, pool_id, &pool);
    if (!rc)
        rc = store_power_rules(db, pool.id, rules, &count);
    if (!rc && count == POWER_RULES_MAX)
        return db_fail(db, CE_LIMIT, "pool %s has %d rules already, and more are not kept", pool.name,
                       POWER_RULES_MAX);
    if (!rc && rule->spare > pool.max)
        return db_fail(db, CE_CONFLICT, "pool %s has %u desktops at most, so %u cannot stand ready",
                       pool.name, pool.max, rule->spare);
    if (!rc)
        rc = power_make(db, &pool);
    if (rc)
        return rc;
    rule->number = count ? rules[count - 1].number + 1 : 1;
    power_hours_print(&rule->window, hours);
    rc =
        db_run(db, "INSERT INTO pool_rules (pool_id, number, hours, mode, spare) VALUES ($1, $2, $3, $4, $5)",
               db_text(pool.id), db_int(rule->number), db_text(hours), db_text(power_mode_name(rule->mode)),
               db_int(rule->spare));
    store_notify(db, "pool", pool.id);
    return rc;
}

int store_power_rule_delete(struct db *db, const char *pool_id, uint32_t number)
{
    int rc = db_run(db, "DELETE FROM pool_rules WHERE pool_id = $1 AND number = $2", db_text(pool_id),
                    db_int(number));
    if (!rc && !db->changes)
        return db_fail(db, CE_NOT_FOUND, "the pool has no rule %u", number);
    store_notify(db, "pool", pool_id);
    return rc;
}

/* --- desktops that rest -----------------------------------------------------------------------------------
 */

int store_desktop_set_rest(struct db *db, const char *id, enum desktop_rest from, enum desktop_rest to,
                           const char *reason)
{
    struct desktop_row desktop;
    int rc = store_desktop_get(db, id, &desktop);
    if (!rc)
        rc = db_run(
            db,
            "UPDATE desktops SET rest = $3, reason = $4 WHERE id = $1 AND state = 'stopped' AND rest = $2",
            db_text(id), db_text(desktop_rest_name(from)), db_text(desktop_rest_name(to)), db_text(reason));
    if (rc)
        return rc;
    if (!db->changes)
        return db_fail(db, CE_CONFLICT, "desktop %s is %s%s%s", desktop.name,
                       desktop_state_name(desktop.state), desktop.rest ? " and " : "",
                       desktop_rest_name(desktop.rest));
    store_notify(db, "desktop", id);
    rc = store_desktop_changed(db, id);
    if (rc || to != REST_SUSPENDED)
        return rc;
    struct event_row event = {.kind = "desktop.suspended"};
    snprintf(event.object, sizeof event.object, "%s", desktop.id);
    snprintf(event.user, sizeof event.user, "%s", desktop.owner);
    snprintf(event.pool, sizeof event.pool, "%s", desktop.pool);
    snprintf(event.desktop, sizeof event.desktop, "%s", desktop.name);
    snprintf(event.text, sizeof event.text, "Desktop %s is suspended: %.250s.", desktop.name, reason);
    return store_event(db, &event);
}
