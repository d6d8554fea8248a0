#include "store_parts.h"

int store_nt_hash_set(struct db *db, const char *user_id, const void *sealed, size_t len)
{
    return db_run(db,
                  "INSERT INTO nt_hashes (user_id, sealed) VALUES ($1, $2)"
                  " ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed",
                  db_text(user_id), db_bytes(sealed, len));
}

int store_nt_hash_keep(struct db *db, const char *user_id, const void *sealed, size_t len)
{
    return db_run(db,
                  "INSERT INTO nt_hashes (user_id, sealed) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING",
                  db_text(user_id), db_bytes(sealed, len));
}

int store_nt_hash_get(struct db *db, const char *user_id, void *ret_sealed, size_t size, size_t *ret_len)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, "SELECT sealed FROM nt_hashes WHERE user_id = $1", db_text(user_id));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "user %s has no NT hash", user_id);
    if (rc < 0)
        return rc;
    *ret_len = row_bytes(&q, 0, ret_sealed, size);
    return 0;
}

int store_nt_hash_forget(struct db *db, const char *user_id)
{
    if (!user_id)
        return db_run(db, "DELETE FROM nt_hashes");
    return db_run(db, "DELETE FROM nt_hashes WHERE user_id = $1", db_text(user_id));
}
