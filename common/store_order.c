#include "store_parts.h"

#include <stdio.h>

#define ORDER_COLUMNS                                                                                        \
    "number, target, verb, object, connection, code, state, reason, created_ms, text, seconds, sender"

static void order_read(struct db_query *q, struct order_row *ret)
{
    *ret = (struct order_row){.number = row_int(q, 0),
                              .connection = row_u32(q, 4),
                              .created_ms = row_int(q, 8),
                              .seconds = row_u32(q, 10)};
    row_text(q, 1, ret->target, sizeof ret->target);
    row_text(q, 2, ret->verb, sizeof ret->verb);
    row_text(q, 3, ret->object, sizeof ret->object);
    row_text(q, 5, ret->code, sizeof ret->code);
    row_enum(q, 6, order_state_parse, &ret->state);
    row_text(q, 7, ret->reason, sizeof ret->reason);
    row_text(q, 9, ret->text, sizeof ret->text);
    row_text(q, 11, ret->sender, sizeof ret->sender);
}

int store_order_insert(struct db *db, struct order_row *row)
{
    row->state = ORDER_OPEN;
    row->reason[0] = '\0';
    row->created_ms = store_now_ms();
    store_notify(db, "order", row->target);
    return db_get_int(db, &row->number,
                      "INSERT INTO orders (target, verb, object, connection, code, state, reason, created_ms,"
                      " text, seconds, sender)"
                      " VALUES ($1, $2, $3, $4, $5, 'open', '', $6, $7, $8, $9) RETURNING number",
                      db_text(row->target), db_text(row->verb), db_text(row->object), db_int(row->connection),
                      db_text(row->code), db_int(row->created_ms), db_text(row->text), db_int(row->seconds),
                      db_text(row->sender));
}

int store_order_list(struct db *db, const char *target, int64_t after,
                     int (*each)(void *arg, const struct order_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT " ORDER_COLUMNS " FROM orders"
                       " WHERE target = $1 AND state = 'open' AND number > $2 ORDER BY number",
                       db_text(target), db_int(after));
    while (!rc && (rc = db_next(&q)) > 0) {
        struct order_row row;
        order_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_order_get(struct db *db, int64_t number, struct order_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, "SELECT " ORDER_COLUMNS " FROM orders WHERE number = $1", db_int(number));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no order %lld", (long long)number);
    if (rc < 0)
        return rc;
    order_read(&q, ret);
    return 0;
}

int store_order_finish(struct db *db, int64_t number, enum order_state state, const char *reason)
{
    struct order_row row;
    int rc = store_order_get(db, number, &row);
    if (rc)
        return rc;
    if (row.state != ORDER_OPEN)
        return db_fail(db, CE_CONFLICT, "order %lld is %s already", (long long)number,
                       order_state_name(row.state));
    store_notify(db, "order", row.target);
    return db_run(db, "UPDATE orders SET state = $2, reason = $3 WHERE number = $1", db_int(number),
                  db_text(order_state_name(state)), db_text(reason));
}

int store_order_tell(struct db *db, int64_t number, const char *reason)
{
    int rc = db_run(db, "UPDATE orders SET reason = $2 WHERE number = $1 AND reason = ''", db_int(number),
                    db_text(reason));
    return !rc && !db->changes ? db_fail(db, CE_CONFLICT, "order %lld was told of already", (long long)number)
                               : rc;
}

/* Numbers follow time, so that the walk ends at the first that is young enough. */
int store_order_expire(struct db *db, int64_t before_ms)
{
    return db_run(db,
                  "DELETE FROM orders WHERE state <> 'open' AND created_ms < $1 AND number < COALESCE("
                  "(SELECT number FROM orders WHERE created_ms >= $1 ORDER BY number LIMIT 1), $2)",
                  db_int(before_ms), db_int(INT64_MAX));
}
