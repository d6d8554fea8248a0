#include "store_parts.h"

#define GROUP_SELECT                                                                                         \
    "SELECT g.id, g.name, (SELECT COUNT(*) FROM group_members m WHERE m.group_id = g.id), g.created_ms"      \
    " FROM user_groups g"

static void group_read(struct db_query *q, struct group_row *ret)
{
    *ret = (struct group_row){.members = row_u32(q, 2), .created_ms = row_int(q, 3)};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->name, sizeof ret->name);
}

int store_group_insert(struct db *db, struct group_row *group)
{
    int rc = store_check_name(db, "a group", group->name);
    if (rc)
        return rc;
    id_make(ID_GROUP, group->id);
    group->created_ms = store_now_ms();
    group->members = 0;
    rc = db_run(db, "INSERT INTO user_groups (id, name, created_ms) VALUES ($1, $2, $3)", db_text(group->id),
                db_text(group->name), db_int(group->created_ms));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "there is a group %s already", group->name);
    return rc;
}

int store_group_get(struct db *db, const char *key, struct group_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       GROUP_SELECT " WHERE g.id = $1 OR g.name = $1"
                                    " ORDER BY CASE WHEN g.id = $1 THEN 0 ELSE 1 END LIMIT 1",
                       db_text(key));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no group %.80s", key);
    if (rc < 0)
        return rc;
    group_read(&q, ret);
    return 0;
}

int store_group_list(struct db *db, int (*each)(void *arg, const struct group_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, GROUP_SELECT " ORDER BY g.name");
    while (!rc && (rc = db_next(&q)) > 0) {
        struct group_row row;
        group_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_group_delete(struct db *db, const char *id)
{
    return store_changed(db, db_run(db, "DELETE FROM user_groups WHERE id = $1", db_text(id)), "group", id);
}

int store_group_add(struct db *db, const char *group_id, const char *user_id)
{
    struct group_row group;
    struct user_row user;
    int rc = store_group_get(db, group_id, &group);
    if (!rc)
        rc = store_user_get(db, user_id, &user);
    if (rc)
        return rc;
    rc = db_run(db,
                "INSERT INTO group_members (group_id, user_id) VALUES ($1, $2)"
                " ON CONFLICT (group_id, user_id) DO NOTHING",
                db_text(group.id), db_text(user.id));
    if (!rc && db->changes == 0)
        return db_fail(db, CE_EXISTS, "%s is in the group %s already", user.name, group.name);
    return rc;
}

int store_group_remove(struct db *db, const char *group_id, const char *user_id)
{
    int rc = db_run(db, "DELETE FROM group_members WHERE group_id = $1 AND user_id = $2", db_text(group_id),
                    db_text(user_id));
    if (!rc && db->changes == 0)
        return db_fail(db, CE_NOT_FOUND, "the user is not in the group");
    return rc;
}
