#include "store_parts.h"

int store_gateway_process_seen(struct db *db, const char *gateway, const char *boot_id, uint32_t sessions)
{
    return db_run(
        db,
        "INSERT INTO gateway_processes (boot_id, gateway, sessions, seen_ms) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (boot_id) DO UPDATE SET sessions = excluded.sessions, seen_ms = excluded.seen_ms",
        db_text(boot_id), db_text(gateway), db_int(sessions), db_int(store_now_ms()));
}

int store_gateway_process_met(struct db *db, const char *gateway, const char *boot_id)
{
    return db_run(db,
                  "INSERT INTO gateway_processes (boot_id, gateway, sessions, seen_ms) VALUES ($1, $2, 0, $3)"
                  " ON CONFLICT (boot_id) DO NOTHING",
                  db_text(boot_id), db_text(gateway), db_int(store_now_ms()));
}

int store_gateway_process_lives(struct db *db, const char *gateway, const char *boot_id, bool *ret)
{
    int64_t count;
    int rc =
        db_get_int(db, &count, "SELECT COUNT(*) FROM gateway_processes WHERE boot_id = $1 AND gateway = $2",
                   db_text(boot_id), db_text(gateway));
    if (!rc)
        *ret = count > 0;
    return rc;
}

int store_gateway_process_keep_only(struct db *db, const char *gateway, const char *boot_id)
{
    int rc = store_session_gateway_lost(db, gateway, boot_id);
    return rc ? rc
              : db_run(db, "DELETE FROM gateway_processes WHERE gateway = $1 AND boot_id <> $2",
                       db_text(gateway), db_text(boot_id));
}

/* One process that is silent since BEFORE; CE_NOT_FOUND. */
static int next_silent(struct db *db, int64_t before_ms, char boot_id[ID_SIZE], char gateway[NAME_SIZE])
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, "SELECT boot_id, gateway FROM gateway_processes WHERE seen_ms < $1 LIMIT 1",
                       db_int(before_ms));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    row_text(&q, 0, boot_id, ID_SIZE);
    row_text(&q, 1, gateway, NAME_SIZE);
    return 0;
}

int store_gateway_process_expire(struct db *db, int64_t before_ms)
{
    char boot_id[ID_SIZE], gateway[NAME_SIZE];
    int rc;
    while (!(rc = next_silent(db, before_ms, boot_id, gateway))) {
        rc = store_session_process_lost(db, gateway, boot_id);
        if (!rc)
            rc = db_run(db, "DELETE FROM gateway_processes WHERE boot_id = $1", db_text(boot_id));
        if (rc)
            return rc;
    }
    return rc == CE_NOT_FOUND ? 0 : rc;
}
