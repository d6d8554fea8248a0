#include "store_parts.h"

#include <ctype.h>
#include <stdio.h>

#define USER_COLUMNS                                                                                         \
    "u.id, u.name, u.full_name, u.disabled, u.created_ms, u.last_login_ms, u.password_ms,"                   \
    " u.must_change, (SELECT COUNT(*) FROM otp_secrets o WHERE o.user_id = u.id)"

static void user_read(struct db_query *q, struct user_row *ret)
{
    *ret = (struct user_row){.disabled = row_bool(q, 3),
                             .created_ms = row_int(q, 4),
                             .last_login_ms = row_int(q, 5),
                             .password_ms = row_int(q, 6),
                             .must_change = row_bool(q, 7),
                             .has_otp = row_int(q, 8) > 0};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->name, sizeof ret->name);
    row_text(q, 2, ret->full_name, sizeof ret->full_name);
}

/* What makes names unique without regard to case; they are ASCII by user_name_is_valid(). */
static const char *name_key(const char *name, char key[NAME_SIZE])
{
    snprintf(key, NAME_SIZE, "%s", name);
    for (char *c = key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return key;
}

int store_user_insert(struct db *db, struct user_row *user, const char *password_hash)
{
    char key[NAME_SIZE];
    if (!user_name_is_valid(user->name))
        return db_fail(db, CE_BAD_INPUT, "\"%s\" cannot be the name of a user", user->name);
    id_make(ID_USER, user->id);
    user->created_ms = store_now_ms();
    user->password_ms = password_hash && password_hash[0] ? user->created_ms : 0;
    int rc =
        db_run(db,
               "INSERT INTO users (id, name, name_key, full_name, password_hash, disabled, created_ms,"
               " last_login_ms, password_ms, must_change) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)",
               db_text(user->id), db_text(user->name), db_text(name_key(user->name, key)),
               db_text(user->full_name), db_text(password_hash), db_int(user->disabled),
               db_int(user->created_ms), db_int(user->password_ms), db_int(user->must_change));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "there is a user %s already", user->name);
    return rc;
}

int store_user_get(struct db *db, const char *key, struct user_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    char lower[NAME_SIZE];
    int rc = db_select(db, &q,
                       "SELECT " USER_COLUMNS " FROM users u WHERE u.id = $1 OR u.name_key = $2"
                       " ORDER BY CASE WHEN u.id = $1 THEN 0 ELSE 1 END LIMIT 1",
                       db_text(key), db_text(name_key(key, lower)));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no user %.80s", key);
    if (rc < 0)
        return rc;
    user_read(&q, ret);
    return 0;
}

static int users_each(struct db_query *q, int (*each)(void *arg, const struct user_row *row), void *arg)
{
    int rc;
    while ((rc = db_next(q)) > 0) {
        struct user_row row;
        user_read(q, &row);
        rc = each(arg, &row);
        if (rc)
            break;
    }
    return rc;
}

int store_user_list(struct db *db, int (*each)(void *arg, const struct user_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, "SELECT " USER_COLUMNS " FROM users u ORDER BY u.name_key");
    return rc ? rc : users_each(&q, each, arg);
}

int store_group_members(struct db *db, const char *group_id,
                        int (*each)(void *arg, const struct user_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT " USER_COLUMNS " FROM group_members m JOIN users u ON u.id = m.user_id"
                       " WHERE m.group_id = $1 ORDER BY u.name_key",
                       db_text(group_id));
    return rc ? rc : users_each(&q, each, arg);
}

int store_user_update(struct db *db, const struct user_row *user)
{
    int rc = db_run(db, "UPDATE users SET full_name = $2, disabled = $3 WHERE id = $1", db_text(user->id),
                    db_text(user->full_name), db_int(user->disabled));
    return store_changed(db, rc, "user", user->id);
}

/* Says who still refers to the user: a live session, or a dedicated desktop with the user's data on it. */
static int user_is_free(struct db *db, const char *id)
{
    CLEANUP_QUERY struct db_query q = {0};
    char kind[24], name[NAME_SIZE];
    int rc = db_select(db, &q,
                       "SELECT 'session', id FROM sessions WHERE user_id = $1 AND state <> 'ended'"
                       " UNION ALL SELECT 'desktop', name FROM desktops"
                       " WHERE owner_id = $1 AND kind = 'dedicated' LIMIT 1",
                       db_text(id));
    if (rc || (rc = db_next(&q)) <= 0)
        return rc;
    row_text(&q, 0, kind, sizeof kind);
    row_text(&q, 1, name, sizeof name);
    return db_fail(db, CE_CONFLICT, "the user still has the %s %s", kind, name);
}

int store_user_delete(struct db *db, const char *id)
{
    int rc = user_is_free(db, id);
    if (!rc)
        rc = store_desktop_changed_of(db, id, "");
    if (!rc)
        rc = db_run(db, "DELETE FROM users WHERE id = $1", db_text(id));
    return store_changed(db, rc, "user", id);
}

int store_user_set_password(struct db *db, const char *id, const char *hash)
{
    /* The NT hash is of the password that was: it must not open the door any more. */
    int rc = store_nt_hash_forget(db, id);
    if (!rc)
        rc =
            db_run(db, "UPDATE users SET password_hash = $2, password_ms = $3, must_change = 0 WHERE id = $1",
                   db_text(id), db_text(hash), db_int(store_now_ms()));
    return store_changed(db, rc, "user", id);
}

int store_user_get_password(struct db *db, const char *name, struct user_row *ret, char *hash,
                            size_t hash_size)
{
    CLEANUP_QUERY struct db_query q = {0};
    char key[NAME_SIZE];
    int rc = db_select(db, &q, "SELECT " USER_COLUMNS ", u.password_hash FROM users u WHERE u.name_key = $1",
                       db_text(name_key(name, key)));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no user %.80s", name);
    if (rc < 0)
        return rc;
    user_read(&q, ret);
    row_text(&q, 9, hash, hash_size);
    return 0;
}

int store_user_set_must_change(struct db *db, const char *id, bool must_change)
{
    int rc = db_run(db, "UPDATE users SET must_change = $2 WHERE id = $1", db_text(id), db_int(must_change));
    return store_changed(db, rc, "user", id);
}

int store_user_touch_login(struct db *db, const char *id)
{
    int rc =
        db_run(db, "UPDATE users SET last_login_ms = $2 WHERE id = $1", db_text(id), db_int(store_now_ms()));
    return store_changed(db, rc, "user", id);
}
