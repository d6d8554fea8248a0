#include "store_parts.h"

#include <stdio.h>

#define ENTITLEMENT_SELECT                                                                                   \
    "SELECT e.id, e.pool_id, p.name, CASE WHEN e.group_id IS NULL THEN 0 ELSE 1 END,"                        \
    " COALESCE(e.user_id, e.group_id), COALESCE(u.name, g.name), e.created_ms, e.policy FROM"                \
    " entitlements e"                                                                                        \
    " JOIN pools p ON p.id = e.pool_id LEFT JOIN users u ON u.id = e.user_id"                                \
    " LEFT JOIN user_groups g ON g.id = e.group_id"

static void entitlement_read(struct db_query *q, struct entitlement_row *ret)
{
    *ret = (struct entitlement_row){.is_group = row_bool(q, 3), .created_ms = row_int(q, 6)};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->pool_id, sizeof ret->pool_id);
    row_text(q, 2, ret->pool, sizeof ret->pool);
    row_text(q, 4, ret->subject_id, sizeof ret->subject_id);
    row_text(q, 5, ret->subject, sizeof ret->subject);
    store_policy_read(q, 7, &ret->policy);
}

/* The names belong to the ids; CE_NOT_FOUND when one of them is nobody's. */
static int entitlement_fill(struct db *db, struct entitlement_row *row)
{
    struct pool_row pool;
    struct user_row user;
    struct group_row group;
    int rc = store_pool_get(db, row->pool_id, &pool);
    if (!rc)
        rc = row->is_group ? store_group_get(db, row->subject_id, &group)
                           : store_user_get(db, row->subject_id, &user);
    if (rc)
        return rc;
    snprintf(row->pool_id, sizeof row->pool_id, "%s", pool.id);
    snprintf(row->pool, sizeof row->pool, "%s", pool.name);
    snprintf(row->subject_id, sizeof row->subject_id, "%s", row->is_group ? group.id : user.id);
    snprintf(row->subject, sizeof row->subject, "%s", row->is_group ? group.name : user.name);
    return 0;
}

int store_entitlement_insert(struct db *db, struct entitlement_row *row)
{
    char policy[POLICY_TEXT_SIZE];
    int rc = entitlement_fill(db, row);
    if (rc)
        return rc;
    policy_print(&row->policy, policy);
    id_make(ID_ENTITLEMENT, row->id);
    row->created_ms = store_now_ms();
    rc = db_run(db,
                "INSERT INTO entitlements (id, pool_id, user_id, group_id, created_ms, policy)"
                " VALUES ($1, $2, $3, $4, $5, $6)",
                db_text(row->id), db_text(row->pool_id), db_ref(row->is_group ? NULL : row->subject_id),
                db_ref(row->is_group ? row->subject_id : NULL), db_int(row->created_ms), db_text(policy));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "%s is entitled to the pool %s already", row->subject, row->pool);
    return rc;
}

int store_entitlement_get(struct db *db, const char *id, struct entitlement_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, ENTITLEMENT_SELECT " WHERE e.id = $1", db_text(id));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no entitlement %.80s", id);
    if (rc < 0)
        return rc;
    entitlement_read(&q, ret);
    return 0;
}

int store_entitlement_list(struct db *db, int (*each)(void *arg, const struct entitlement_row *row),
                           void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, ENTITLEMENT_SELECT " ORDER BY p.name, 6");
    while (!rc && (rc = db_next(&q)) > 0) {
        struct entitlement_row row;
        entitlement_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_entitlement_set_policy(struct db *db, const char *id, const struct policy *policy)
{
    char text[POLICY_TEXT_SIZE];
    policy_print(policy, text);
    int rc = db_run(db, "UPDATE entitlements SET policy = $2 WHERE id = $1", db_text(id), db_text(text));
    return store_changed(db, rc, "entitlement", id);
}

int store_entitlement_delete(struct db *db, const char *id)
{
    return store_changed(db, db_run(db, "DELETE FROM entitlements WHERE id = $1", db_text(id)), "entitlement",
                         id);
}
