/* What gateways ask about themselves: heartbeats, which keep their lease and bring both sides' sessions
 * together again after either was away, and orders, a long poll.
 */
#include "gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"

#define SESSIONS_MAX 50000 /* of one gateway */
/* An active session that a heartbeat does not name is given up only when it is older than a heartbeat can be
 * late: the report of its start may have overtaken it. */
#define UNLISTED_MS 10000

int gateway_order_close(struct db *db, const char *gateway, const char *boot_id, const char *session_id,
                        uint32_t connection, enum fail code)
{
    struct order_row order = {.verb = "close", .connection = connection};
    snprintf(order.target, sizeof order.target, "gateway:%s", *boot_id ? boot_id : gateway);
    snprintf(order.object, sizeof order.object, "%s", session_id);
    snprintf(order.code, sizeof order.code, "%s", fail_code(code));
    return store_order_insert(db, &order);
}

/* --- PUT /v1/gateways/{name} --------------------------------------------------------------------- */

struct listed {
    char session[ID_SIZE];
    uint32_t connection;
    bool known; /* a live session of this gateway */
};

struct heartbeat {
    struct gateway_row row;
    uint64_t lease_s;
    size_t count;
    struct listed listed[]; /* sorted by session */
};

/* What the store has of this gateway and the heartbeat has not, or has otherwise. */
struct compare {
    struct heartbeat *beat;
    json_t *stale;
    int64_t unlisted_before_ms;
    struct change {
        char session[ID_SIZE];
        uint32_t connection;
        enum { REVIVE, KEEP, LOSE } what;
    } * changes;
    size_t change_count, change_capacity;
};

static int compare_listed(const void *a, const void *b)
{
    const struct listed *left = a, *right = b;
    return strcmp(left->session, right->session);
}

static int add_stale(json_t *stale, const struct listed *listed, const char *code)
{
    return json_array_append_new(stale, json_pack("{s:s, s:I, s:s}", "session", listed->session, "connection",
                                                  (json_int_t)listed->connection, "code", code))
               ? CE_NOMEM
               : 0;
}

static int note_change(struct compare *compare, const struct session_row *session, int what)
{
    if (compare->change_count == compare->change_capacity) {
        size_t capacity = compare->change_capacity * 2 + 64;
        struct change *bigger = realloc(compare->changes, capacity * sizeof *bigger);
        if (!bigger)
            return CE_NOMEM;
        compare->changes = bigger;
        compare->change_capacity = capacity;
    }
    struct change *change = &compare->changes[compare->change_count++];
    memcpy(change->session, session->id, sizeof change->session);
    change->connection = session->connection;
    change->what = what;
    return 0;
}

static int compare_session(void *arg, const struct session_row *session)
{
    struct compare *compare = arg;
    struct listed key = {.connection = 0};
    /* Another process of this gateway answers for it. */
    if (session->boot_id[0] && strcmp(session->boot_id, compare->beat->row.boot_id) != 0)
        return 0;
    memcpy(key.session, session->id, sizeof key.session);
    struct listed *listed =
        bsearch(&key, compare->beat->listed, compare->beat->count, sizeof key, compare_listed);
    if (!listed) {
        if (session->state == SESSION_ACTIVE && session->connected_ms < compare->unlisted_before_ms)
            return note_change(compare, session, LOSE);
        return 0;
    }
    listed->known = true;
    if (listed->connection != session->connection)
        return add_stale(compare->stale, listed, fail_code(FAIL_TAKEN_OVER));
    /* A gateway that was thought lost has it still. One that is listed while it dials stays what it is. */
    if (session->state == SESSION_DISCONNECTED && !strcmp(session->end_code, fail_code(FAIL_GATEWAY_LOST)))
        return note_change(compare, session, REVIVE);
    return session->state == SESSION_ACTIVE ? 0 : note_change(compare, session, KEEP);
}

static int make_changes(struct db *db, const struct compare *compare)
{
    int rc = 0;
    for (size_t i = 0; i < compare->change_count && !rc; i++) {
        const struct change *change = &compare->changes[i];
        if (change->what == REVIVE)
            rc = store_session_connected(db, change->session, change->connection);
        else if (change->what == KEEP)
            rc = store_session_touch(db, change->session);
        else
            rc = store_session_closed(db, change->session, change->connection, FAIL_GATEWAY_LOST,
                                      "the gateway does not know the connection any more", 0, 0);
        if (rc == CE_CONFLICT || rc == CE_NOT_FOUND)
            rc = 0;
    }
    return rc;
}

/* Connections that the gateway has and that are no live session of it. */
static int find_strangers(struct db *db, const struct heartbeat *beat, json_t *stale)
{
    int rc = 0;
    for (size_t i = 0; i < beat->count && !rc; i++) {
        const struct listed *listed = &beat->listed[i];
        struct session_row session;
        if (listed->known)
            continue;
        rc = store_session_get(db, listed->session, &session);
        if (rc == CE_NOT_FOUND)
            rc = add_stale(stale, listed, fail_code(FAIL_SESSION_ENDED));
        else if (!rc)
            rc =
                add_stale(stale, listed,
                          session.state == SESSION_ENDED && session.end_code[0] ? session.end_code
                                                                                : fail_code(FAIL_TAKEN_OVER));
    }
    return rc;
}

static int heartbeat_job(struct db *db, struct request *r)
{
    struct heartbeat *beat = r->input;
    struct compare compare = {
        .beat = beat, .stale = json_array(), .unlisted_before_ms = store_now_ms() - UNLISTED_MS};
    struct session_filter filter = {.gateway = beat->row.name, .state = -1};
    for (size_t i = 0; i < beat->count; i++)
        beat->listed[i].known = false;
    int rc = store_gateway_seen(db, &beat->row);
    if (!rc)
        rc = store_session_list(db, &filter, compare_session, &compare);
    if (!rc)
        rc = make_changes(db, &compare);
    if (!rc)
        rc = find_strangers(db, beat, compare.stale);
    free(compare.changes);
    struct gateway_row now;
    if (!rc)
        rc = store_gateway_get(db, beat->row.name, &now);
    request_set(r, 200,
                json_pack("{s:I, s:b, s:b, s:o}", "lease_seconds", (json_int_t)beat->lease_s, "nla",
                          r->broker->config.broker_nla || r->broker->kerberos, "draining",
                          !rc && now.draining, "stale", compare.stale));
    return rc;
}

static void read_listed(struct api_reader *reader, const json_t *sessions, struct heartbeat *beat)
{
    beat->count = json_array_size(sessions);
    for (size_t i = 0; i < beat->count; i++) {
        struct listed *listed = &beat->listed[i];
        struct api_reader item;
        uint64_t bytes;
        const json_t *object = json_array_get(sessions, i);
        if (!json_is_object(object)) {
            api_reader_refuse(reader, "The items of \"sessions\" must be objects.");
            return;
        }
        api_reader_init(&item, object, "sessions[].");
        api_reader_text(&item, "session", API_REQUIRED, listed->session, sizeof listed->session);
        api_reader_u32(&item, "connection", API_REQUIRED, 1, UINT32_MAX, &listed->connection);
        api_reader_u64(&item, "bytes_in", API_OPTIONAL, 0, INT64_MAX, &bytes);
        api_reader_u64(&item, "bytes_out", API_OPTIONAL, 0, INT64_MAX, &bytes);
        if (api_reader_finish(&item)) {
            api_reader_refuse(reader, "%s", item.err.text);
            return;
        }
    }
    qsort(beat->listed, beat->count, sizeof beat->listed[0], compare_listed);
}

static void read_started(struct api_reader *reader, struct gateway_row *row)
{
    char started[64];
    if (api_reader_text(reader, "started", API_REQUIRED, started, sizeof started) &&
        api_json_time_parse(started, &row->started_ms))
        api_reader_refuse(reader, "The member \"started\" must be a time in UTC as RFC 3339 writes it.");
}

void api_gateway_heartbeat(struct request *r)
{
    const json_t *sessions = json_object_get(r->body, "sessions");
    size_t count = json_array_size(sessions);
    if (count > SESSIONS_MAX) {
        problem_answer(r, PROBLEM_TOO_LARGE, "A gateway may have %d sessions.", SESSIONS_MAX);
        return;
    }
    struct heartbeat *beat = request_input(r, sizeof *beat + count * sizeof beat->listed[0]);
    if (!beat)
        return;
    struct gateway_row *row = &beat->row;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    snprintf(row->name, sizeof row->name, "%.*s", (int)sizeof row->name - 1, r->params[0]);
    if (strcmp(row->name, r->params[0]) || !name_is_valid(row->name))
        api_reader_refuse(
            &reader, "A gateway's name has letters, digits and . _ - and begins with a letter or digit.");
    api_reader_text(&reader, "boot_id", API_REQUIRED, row->boot_id, sizeof row->boot_id);
    api_reader_text(&reader, "address", API_REQUIRED, row->address, sizeof row->address);
    api_reader_text(&reader, "fingerprint", API_REQUIRED, row->fingerprint, sizeof row->fingerprint);
    api_reader_text(&reader, "version", API_REQUIRED, row->version, sizeof row->version);
    api_reader_text(&reader, "succeeds", API_OPTIONAL, row->succeeds, sizeof row->succeeds);
    read_started(&reader, row);
    if (api_reader_array(&reader, "sessions", API_REQUIRED, &sessions))
        read_listed(&reader, sessions, beat);
    row->sessions = (uint32_t)beat->count;
    row->up = true;
    row->seen_ms = store_now_ms();
    beat->lease_s = (r->broker->config.broker_gateway_lease_ms + 999) / 1000;
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, heartbeat_job, NULL);
}

/* --- GET /v1/gateways/{name}/orders -------------------------------------------------------------- */

#define ORDERS_PER_ANSWER 256

struct orders {
    char target[NAME_SIZE + 8];
    int64_t after;
    uint64_t wait_ms;
    size_t count;
    int64_t acknowledged[ORDERS_PER_ANSWER];
    size_t acknowledged_count;
};

static json_t *order_json(const struct order_row *order)
{
    json_t *json =
        json_pack("{s:I, s:s, s:s, s:I, s:s}", "number", (json_int_t)order->number, "verb", order->verb,
                  "session", order->object, "connection", (json_int_t)order->connection, "code", order->code);
    if (json && order->text[0] &&
        (json_object_set_new(json, "text", json_string(order->text)) ||
         json_object_set_new(json, "seconds", json_integer((json_int_t)order->seconds)))) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static int add_order(void *arg, const struct order_row *order)
{
    json_t *items = arg;
    if (json_array_size(items) == ORDERS_PER_ANSWER)
        return 0;
    return json_array_append_new(items, order_json(order)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    struct orders *orders = r->input;
    json_t *items = json_array();
    int rc = store_order_list(db, orders->target, orders->after, add_order, items);
    orders->count = json_array_size(items);
    request_set_items(r, items);
    return rc;
}

static int note_acknowledged(void *arg, const struct order_row *order)
{
    struct orders *orders = arg;
    if (order->number <= orders->after && orders->acknowledged_count < ORDERS_PER_ANSWER)
        orders->acknowledged[orders->acknowledged_count++] = order->number;
    return 0;
}

static int acknowledge_job(struct db *db, struct request *r)
{
    struct orders *orders = r->input;
    orders->acknowledged_count = 0;
    int rc = store_order_list(db, orders->target, 0, note_acknowledged, orders);
    for (size_t i = 0; i < orders->acknowledged_count && !rc; i++)
        rc = store_order_finish(db, orders->acknowledged[i], ORDER_DONE, "");
    return rc ? rc : list_job(db, r);
}

static void listed(struct request *r);

static void woken(struct request *r, enum request_wake wake)
{
    if (wake == REQUEST_WAKE_CHANGE)
        request_run(r, STORE_READ, list_job, listed);
    else
        request_send(r);
}

static void listed(struct request *r)
{
    const struct orders *orders = r->input;
    if (orders->count || !orders->wait_ms)
        request_send(r);
    else if (r->park.seen != r->broker->wakes)
        request_run(r, STORE_READ, list_job, listed);
    else
        request_park(r, &r->broker->orders, orders->wait_ms, woken);
}

void api_gateway_orders(struct request *r)
{
    struct orders *orders = request_input(r, sizeof *orders);
    uint64_t after, wait_s;
    if (!orders || !request_query_number(r, "after", 0, INT64_MAX, &after) ||
        !request_query_number(r, "wait", 0, REQUEST_WAIT_MAX_S, &wait_s))
        return;
    if (!name_is_valid(r->params[0])) {
        problem_answer(r, PROBLEM_NOT_FOUND, "There is no gateway \"%s\".", r->params[0]);
        return;
    }
    /* A process that said which one it is asks for what concerns its own sessions. */
    const char *boot_id = request_query(r, "boot_id");
    snprintf(orders->target, sizeof orders->target, "gateway:%.*s", NAME_SIZE - 1,
             boot_id && *boot_id ? boot_id : r->params[0]);
    orders->after = (int64_t)after;
    orders->wait_ms = wait_s * 1000;
    request_run(r, after ? STORE_WRITE : STORE_READ, after ? acknowledge_job : list_job, listed);
}
