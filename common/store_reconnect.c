#include "store_parts.h"

int store_session_set_reconnect(struct db *db, const char *id, const char *digest)
{
    int rc = db_run(db, "UPDATE sessions SET reconnect = $2 WHERE id = $1", db_text(id), db_text(digest));
    return store_changed(db, rc, "session", id);
}

static int session_find(struct db *db, const char *digest, int64_t disconnected_after_ms, char id[ID_SIZE])
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT id FROM sessions WHERE reconnect = $1 AND reconnect <> ''"
                       " AND (state = 'active' OR (state = 'disconnected' AND disconnected_ms > $2))",
                       db_text(digest), db_int(disconnected_after_ms));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    if (rc == 0)
        return db_fail(db, CE_NOT_FOUND, "no session expects this client");
    row_text(&q, 0, id, ID_SIZE);
    return 0;
}

int store_session_take_reconnect(struct db *db, const char *digest, int64_t disconnected_after_ms,
                                 struct session_row *ret)
{
    char id[ID_SIZE];
    int rc = session_find(db, digest, disconnected_after_ms, id);
    if (!rc)
        rc = store_session_set_reconnect(db, id, "");
    return rc ? rc : store_session_get(db, id, ret);
}
