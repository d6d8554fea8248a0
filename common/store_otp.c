#include "store_parts.h"

int store_otp_insert(struct db *db, const char *user_id, const void *sealed, size_t len)
{
    int rc =
        db_run(db, "INSERT INTO otp_secrets (user_id, sealed, last_step, created_ms) VALUES ($1, $2, 0, $3)",
               db_text(user_id), db_bytes(sealed, len), db_int(store_now_ms()));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "user %s has one-time codes already", user_id);
    return rc;
}

int store_otp_get(struct db *db, const char *user_id, void *ret_sealed, size_t size, size_t *ret_len,
                  int64_t *ret_last_step)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc =
        db_select(db, &q, "SELECT sealed, last_step FROM otp_secrets WHERE user_id = $1", db_text(user_id));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "user %s has no one-time codes", user_id);
    if (rc < 0)
        return rc;
    *ret_len = row_bytes(&q, 0, ret_sealed, size);
    *ret_last_step = row_int(&q, 1);
    return 0;
}

int store_otp_use(struct db *db, const char *user_id, int64_t step)
{
    int rc = db_run(db, "UPDATE otp_secrets SET last_step = $2 WHERE user_id = $1 AND last_step < $2",
                    db_text(user_id), db_int(step));
    if (!rc && db->changes == 0)
        return db_fail(db, CE_CONFLICT, "that code of user %s was used already", user_id);
    return rc;
}

int store_otp_delete(struct db *db, const char *user_id)
{
    int rc = db_run(db, "DELETE FROM otp_secrets WHERE user_id = $1", db_text(user_id));
    return store_changed(db, rc, "one-time code of user", user_id);
}
