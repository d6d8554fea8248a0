#include "store_parts.h"

int store_token_insert(struct db *db, const char *name, const char *role, const char *hash)
{
    int rc = store_check_name(db, "a token", name);
    if (!rc)
        rc = db_run(db, "INSERT INTO tokens (name, role, hash, created_ms) VALUES ($1, $2, $3, $4)",
                    db_text(name), db_text(role), db_text(hash), db_int(store_now_ms()));
    return rc;
}

int store_token_role(struct db *db, const char *hash, char *ret_role, size_t size)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, "SELECT role FROM tokens WHERE hash = $1", db_text(hash));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no such token");
    if (rc < 0)
        return rc;
    row_text(&q, 0, ret_role, size);
    return 0;
}
