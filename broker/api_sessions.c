#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"
#include "gateway.h"
#include "logoff.h"

#define LIST_DEFAULT 1000 /* sessions in one answer when no limit is given */
#define LIST_MAX 100000
#define LOGOFF_WARN_MAX_S (24 * 60 * 60)

struct list_input {
    struct session_filter filter;
    char pool_id[ID_SIZE], user_id[ID_SIZE];
};

static json_t *text_or_null(const char *text)
{
    return text[0] ? api_json_text(text) : json_null();
}

static json_t *session_json(const struct session_row *row)
{
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}",
        "id", row->id, "user", row->user, "pool", row->pool, "desktop", text_or_null(row->desktop), "gateway",
        text_or_null(row->gateway), "connection", (json_int_t)row->connection, "state",
        session_state_name(row->state), "client_address", row->client_address, "client_name",
        api_json_text(row->client_name), "created", api_json_time(row->created_ms), "connected",
        api_json_time(row->connected_ms), "disconnected", api_json_time(row->disconnected_ms), "ended",
        api_json_time(row->ended_ms), "bytes_in", (json_int_t)row->bytes_in, "bytes_out",
        (json_int_t)row->bytes_out, "end_code", text_or_null(row->end_code), "end_detail",
        text_or_null(row->end_detail), "denied", text_or_null(row->denied), "ends",
        api_json_time(row->ends_ms));
}

static int add_session(void *arg, const struct session_row *row)
{
    return json_array_append_new(arg, session_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    const struct list_input *input = r->input;
    struct session_filter filter = input->filter;
    struct user_row user;
    struct pool_row pool;
    const char *name = request_query(r, "user");
    if (name) {
        int rc = store_user_get(db, name, &user);
        if (rc)
            return problem_set_rc(r, db, rc, "There is no user \"%s\".", name);
        filter.user_id = user.id;
    }
    name = request_query(r, "pool");
    if (name) {
        int rc = store_pool_get(db, name, &pool);
        if (rc)
            return problem_set_rc(r, db, rc, "There is no pool \"%s\".", name);
        filter.pool_id = pool.id;
    }
    json_t *items = json_array();
    int rc = store_session_list(db, &filter, add_session, items);
    request_set_items(r, items);
    return rc;
}

static int session_state_parse_name(const char *name)
{
    for (int i = SESSION_STARTING; i <= SESSION_ENDED; i++) {
        if (!strcmp(session_state_name((enum session_state)i), name))
            return i;
    }
    return -1;
}

void api_sessions_list(struct request *r)
{
    struct list_input *input = request_input(r, sizeof *input);
    uint64_t ended, limit;
    if (!input || !request_query_number(r, "ended", 0, 1, &ended) ||
        !request_query_number(r, "limit", LIST_DEFAULT, LIST_MAX, &limit))
        return;
    const char *state = request_query(r, "state");
    int wanted = state ? session_state_parse_name(state) : -1;
    if (state && wanted < 0) {
        problem_answer(r, PROBLEM_BAD_REQUEST, "Sessions have no state \"%s\".", state);
        return;
    }
    input->filter = (struct session_filter){.state = wanted, .ended = ended, .limit = (uint32_t)limit};
    request_run(r, STORE_READ, list_job, NULL);
}

static int get_session(struct db *db, struct request *r, struct session_row *ret)
{
    int rc = store_session_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no session \"%s\".", r->params[0]) : 0;
}

static int get_job(struct db *db, struct request *r)
{
    struct session_row row;
    int rc = get_session(db, r, &row);
    if (!rc)
        request_set(r, 200, session_json(&row));
    return rc;
}

void api_session_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* The gateway closes the connection and reports it; the session is disconnected from then on. */
static int disconnect_job(struct db *db, struct request *r)
{
    struct session_row row;
    int rc = get_session(db, r, &row);
    if (rc)
        return rc;
    if (row.state != SESSION_ACTIVE) {
        problem_set(r, PROBLEM_CONFLICT, "Session %s is %s; only an active one can be disconnected.", row.id,
                    session_state_name(row.state));
        return CE_CONFLICT;
    }
    rc = gateway_order_close(db, row.gateway, row.boot_id, row.id, row.connection, FAIL_ADMIN_DISCONNECT);
    if (!rc)
        rc = store_session_set_reconnect(db, row.id, "");
    if (!rc)
        rc = audit_admin(db, r, "session.disconnected", row.id, "Session %s of %s was ordered to disconnect",
                         row.id, row.user);
    request_set(r, 202, session_json(&row));
    return rc;
}

void api_session_disconnect(struct request *r)
{
    request_run(r, STORE_WRITE, disconnect_job, NULL);
}

struct logoff_input {
    uint64_t warn_s; /* 0: at once */
};

/* The user is told now and again a minute before the end, which the sweep brings about. */
static int logoff_later(struct db *db, struct request *r, const struct session_row *row, uint64_t warn_s)
{
    const int64_t left_ms = (int64_t)warn_s * 1000, now_ms = store_now_ms();
    struct session_row now;
    int rc = store_session_set_end(db, row->id, FAIL_ADMIN_LOGOFF, now_ms + left_ms, now_ms);
    if (rc)
        return problem_set_rc(r, db, rc, "Session %s ends sooner than that.", row->id);
    rc = audit_admin(db, r, "session.ends", row->id, "Session %s of %s was ordered to end in %llu seconds",
                     row->id, row->user, (unsigned long long)warn_s);
    if (!rc)
        rc = store_session_get(db, row->id, &now);
    if (!rc)
        request_set(r, 202, session_json(&now));
    return rc;
}

static int logoff_job(struct db *db, struct request *r)
{
    const struct logoff_input *input = r->input;
    struct session_row row;
    bool ended;
    int rc = get_session(db, r, &row);
    if (rc)
        return rc;
    if (row.state == SESSION_ENDED) {
        problem_set(r, PROBLEM_CONFLICT, "Session %s has ended already.", row.id);
        return CE_CONFLICT;
    }
    if (input->warn_s)
        return logoff_later(db, r, &row, input->warn_s);
    char detail[64];
    snprintf(detail, sizeof detail, "by the system user with uid %u", (unsigned)r->uid);
    rc = logoff_begin(db, &row, FAIL_ADMIN_LOGOFF, detail, r->broker->config.broker_logoff_wait_ms, &ended);
    if (!rc)
        rc = audit_admin(db, r, ended ? "session.ended" : "session.logoff", row.id,
                         ended ? "Session %s of %s was ended" : "Session %s of %s was ordered to log off",
                         row.id, row.user);
    if (!rc)
        rc = store_session_get(db, row.id, &row);
    request_set(r, 202, session_json(&row));
    return rc;
}

void api_session_logoff(struct request *r)
{
    struct logoff_input *input = request_input(r, sizeof *input);
    struct api_reader reader;
    if (!input)
        return;
    api_reader_init(&reader, r->body, "");
    api_reader_u64(&reader, "warn_seconds", API_OPTIONAL, 1, LOGOFF_WARN_MAX_S, &input->warn_s);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, logoff_job, NULL);
}
