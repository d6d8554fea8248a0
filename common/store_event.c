#include "store_parts.h"

static void event_read(struct db_query *q, struct event_row *ret)
{
    *ret = (struct event_row){.number = row_int(q, 0), .at_ms = row_int(q, 1)};
    row_text(q, 2, ret->kind, sizeof ret->kind);
    row_text(q, 3, ret->object, sizeof ret->object);
    row_text(q, 4, ret->session_id, sizeof ret->session_id);
    row_text(q, 5, ret->user, sizeof ret->user);
    row_text(q, 6, ret->pool, sizeof ret->pool);
    row_text(q, 7, ret->desktop, sizeof ret->desktop);
    row_text(q, 8, ret->text, sizeof ret->text);
}

int store_event(struct db *db, const struct event_row *row)
{
    /* Readers look for all numbers after the last one they know, so the notice needs no id. */
    store_notify(db, "event", "");
    return db_run(
        db,
        "INSERT INTO events (at_ms, kind, object, session_id, user_name, pool_name, desktop_name, text)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        db_int(store_now_ms()), db_text(row->kind), db_text(row->object), db_text(row->session_id),
        db_text(row->user), db_text(row->pool), db_text(row->desktop), db_text(row->text));
}

int store_event_list(struct db *db, int64_t after, uint32_t limit,
                     int (*each)(void *arg, const struct event_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc =
        db_select(db, &q,
                  "SELECT number, at_ms, kind, object, session_id, user_name, pool_name, desktop_name, text"
                  " FROM events WHERE number > $1 ORDER BY number LIMIT $2",
                  db_int(after), db_int(limit ? (int64_t)limit : INT64_MAX));
    while (!rc && (rc = db_next(&q)) > 0) {
        struct event_row row;
        event_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_event_last(struct db *db, int64_t *ret_number)
{
    return db_get_int(db, ret_number, "SELECT COALESCE(MAX(number), 0) FROM events");
}

int store_event_expire(struct db *db, int64_t before_ms)
{
    return db_run(db, "DELETE FROM events WHERE at_ms < $1", db_int(before_ms));
}
