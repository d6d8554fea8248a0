/* POST /v1/gateways/{name}/reports: what a gateway reports about its connections, many at a time because each report
 * by itself costs both sides more than what is in it. Reports may come twice and late; one about an older connection,
 * or from another gateway, changes nothing, and is answered so beside the others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"
#include "message.h"
#include "secret.h"

struct report {
    char session[ID_SIZE];
    uint32_t connection;
    bool connected;
    bool noted;   /* nothing but what was denied while it was connected */
    bool message; /* nothing but what became of a message */
    bool shown;
    uint64_t order;
    enum fail code;
    char detail[REASON_SIZE];
    uint64_t bytes_in, bytes_out;
    char denied[REASON_SIZE];
    char reconnect[SECRET_DIGEST_SIZE]; /* of connected: "" when its client has no cookie */
    char guest_fingerprint[65];         /* of connected: what a guest without a known one showed */
};

struct reports {
    size_t count;
    struct report items[];
};

/* --- a guest that did not do what guests do ------------------------------------------------------ */

struct order_search {
    const char *verb;
    const char *object;
    bool found;
};

static int match_order(void *arg, const struct order_row *order)
{
    struct order_search *search = arg;
    search->found |= !strcmp(order->verb, search->verb) && !strcmp(order->object, search->object);
    return 0;
}

/* vmpool looks at the guest and decides; one open order for it is enough. */
static int order_check(struct db *db, const char *desktop_id)
{
    struct order_search search = {.verb = "desktop-check", .object = desktop_id};
    int rc = store_order_list(db, "vmpool", 0, match_order, &search);
    if (rc || search.found)
        return rc;
    struct order_row order = {.target = "vmpool", .verb = "desktop-check"};
    snprintf(order.object, sizeof order.object, "%s", desktop_id);
    return store_order_insert(db, &order);
}

static bool is_suspect(enum fail code)
{
    return code == FAIL_GUEST_UNREACHABLE || code == FAIL_GUEST_MISTRUSTED || code == FAIL_GUEST_PROTOCOL;
}

static int report_suspect(struct db *db, const struct session_row *session, enum fail code)
{
    struct desktop_row desktop;
    int rc = store_desktop_get(db, session->desktop_id, &desktop);
    if (!rc && desktop.kind == POOL_STATIC)
        return store_machine_suspect(db, &desktop, code == FAIL_GUEST_MISTRUSTED);
    return rc ? rc : order_check(db, session->desktop_id);
}

/* --- the reports --------------------------------------------------------------------------------- */

static int report_connected(struct db *db, const struct session_row *session, const struct report *report)
{
    int rc = store_session_connected(db, session->id, report->connection);
    if (!rc)
        rc = store_session_set_reconnect(db, session->id, report->reconnect);
    if (!rc && report->guest_fingerprint[0])
        rc = store_machine_learn(db, session->desktop_id, report->guest_fingerprint);
    return rc;
}

static int report_closed(struct db *db, const struct session_row *session, const struct report *report)
{
    int rc = 0;
    if (is_suspect(report->code) && session->desktop_id[0])
        rc = report_suspect(db, session, report->code);
    if (rc || session->state == SESSION_DISCONNECTED)
        return rc;
    if (session->state == SESSION_ACTIVE)
        return store_session_closed(db, session->id, report->connection, report->code, report->detail,
                                    report->bytes_in, report->bytes_out);
    /* It was never connected: whoever waits keeps the place, an assigned desktop its hold, until they lapse.
     */
    return audit_session(db, session, "session.not-reached",
                         "The connection of %s ended before it reached %s%s (%s)%s%s.", session->user,
                         session->desktop[0] ? "desktop " : "a desktop of pool ",
                         session->desktop[0] ? session->desktop : session->pool, fail_code(report->code),
                         report->detail[0] ? ": " : "", report->detail);
}

/* What the policy kept from the session since the last report. */
static int report_denied(struct db *db, const struct session_row *session, const struct report *report)
{
    char news[REASON_SIZE];
    int rc = store_session_add_denied(db, session->id, report->denied, news);
    if (rc || !news[0])
        return rc;
    return audit_session(db, session, "session.denied", "The policy of pool %s denied the session of %s: %s.",
                         session->pool, session->user, news);
}

static int report_take(struct db *db, const struct session_row *session, const struct report *report)
{
    int rc = 0;
    if (report->message)
        return message_told(db, session, (int64_t)report->order, report->shown, report->detail);
    if (report->denied[0])
        rc = report_denied(db, session, report);
    if (rc || report->noted || session->state == SESSION_ENDED)
        return rc;
    return report->connected ? report_connected(db, session, report) : report_closed(db, session, report);
}

/* --- many of them -------------------------------------------------------------------------------- */

struct report_try {
    const char *gateway;
    const struct report *report;
    struct session_row after;
};

static int report_one(struct db *db, void *arg)
{
    struct report_try *try = arg;
    struct session_row session;
    int rc = store_session_get(db, try->report->session, &session);
    if (!rc && (session.connection != try->report->connection || strcmp(session.gateway, try->gateway)))
        return CE_CONFLICT;
    if (!rc)
        rc = report_take(db, &session, try->report);
    return rc ? rc : store_session_get(db, session.id, &try->after);
}

static json_t *report_answer(const struct report_try *try, int rc)
{
    if (rc)
        return json_pack("{s:s, s:i, s:n, s:s}", "session", try->report->session, "status",
                         rc == CE_CONFLICT ? 409 : 404, "state", "code",
                         rc == CE_CONFLICT ? fail_code(FAIL_TAKEN_OVER) : problem_code(PROBLEM_NOT_FOUND));
    return json_pack("{s:s, s:i, s:s, s:s}", "session", try->after.id, "status", 200, "state",
                     session_state_name(try->after.state), "code",
                     try->after.state == SESSION_ENDED ? try->after.end_code : "");
}

static int reports_job(struct db *db, struct request *r)
{
    const struct reports *reports = r->input;
    json_t *items = json_array();
    for (size_t i = 0; i < reports->count; i++) {
        struct report_try try = {.gateway = r->params[0], .report = &reports->items[i]};
        int rc = 0, bad = store_try(db, report_one, &try, &rc);
        if (!bad && rc != CE_CONFLICT && rc != CE_NOT_FOUND)
            bad = rc;
        if (!bad && json_array_append_new(items, report_answer(&try, rc)))
            bad = CE_NOMEM;
        if (bad) {
            json_decref(items);
            return problem_set_rc(r, db, bad, "The reports could not be written.");
        }
    }
    request_set_items(r, items);
    return 0;
}

static void read_report(struct api_reader *reader, struct report *report)
{
    char state[32] = "", code[32] = "client-closed";
    api_reader_text(reader, "session", API_REQUIRED, report->session, sizeof report->session);
    api_reader_u32(reader, "connection", API_REQUIRED, 1, UINT32_MAX, &report->connection);
    api_reader_text(reader, "state", API_REQUIRED, state, sizeof state);
    report->connected = !strcmp(state, "connected");
    report->noted = !strcmp(state, "denied");
    report->message = !strcmp(state, "message");
    if (!report->connected && !report->noted && !report->message && strcmp(state, "closed"))
        api_reader_refuse(
            reader, "The member \"%sstate\" must be \"connected\", \"denied\", \"message\" or \"closed\".",
            reader->where);
    if (report->message) {
        api_reader_u64(reader, "order", API_REQUIRED, 1, INT64_MAX, &report->order);
        api_reader_flag(reader, "shown", API_REQUIRED, &report->shown);
        api_reader_text(reader, "detail", API_OPTIONAL, report->detail, sizeof report->detail);
        return;
    }
    api_reader_text(reader, "denied", API_OPTIONAL, report->denied, sizeof report->denied);
    if (report->connected) {
        if (api_reader_text(reader, "reconnect", API_OPTIONAL, report->reconnect, sizeof report->reconnect) &&
            strspn(report->reconnect, "0123456789abcdef") != SECRET_DIGEST_SIZE - 1)
            api_reader_refuse(reader, "The member \"%sreconnect\" must be a SHA-256 in hexadecimal.",
                              reader->where);
        if (api_reader_text(reader, "guest_fingerprint", API_OPTIONAL, report->guest_fingerprint,
                            sizeof report->guest_fingerprint) &&
            strspn(report->guest_fingerprint, "0123456789abcdef") != sizeof report->guest_fingerprint - 1)
            api_reader_refuse(reader, "The member \"%sguest_fingerprint\" must be a SHA-256 in hexadecimal.",
                              reader->where);
        return;
    }
    if (report->noted)
        return;
    api_reader_text(reader, "code", API_OPTIONAL, code, sizeof code);
    report->code = fail_parse(code);
    if (report->code == FAIL_INTERNAL && strcmp(code, fail_code(FAIL_INTERNAL)))
        api_reader_refuse(reader, "The member \"%scode\" is no code of an ended connection.", reader->where);
    api_reader_text(reader, "detail", API_OPTIONAL, report->detail, sizeof report->detail);
    api_reader_u64(reader, "bytes_in", API_OPTIONAL, 0, INT64_MAX, &report->bytes_in);
    api_reader_u64(reader, "bytes_out", API_OPTIONAL, 0, INT64_MAX, &report->bytes_out);
}

/* The first of them that is not understood refuses all. */
static void read_reports(struct api_reader *reader, const json_t *array, struct reports *reports)
{
    for (; reports->count < json_array_size(array); reports->count++) {
        char where[32];
        struct api_reader one;
        snprintf(where, sizeof where, "reports[%zu].", reports->count);
        api_reader_init(&one, json_array_get(array, reports->count), where);
        read_report(&one, &reports->items[reports->count]);
        if (api_reader_finish(&one)) {
            api_reader_refuse(reader, "%s", one.err.text);
            return;
        }
    }
}

void api_gateway_reports(struct request *r)
{
    struct api_reader reader;
    const json_t *array = NULL;
    api_reader_init(&reader, r->body, "");
    api_reader_array(&reader, "reports", API_REQUIRED, &array);
    size_t count = json_array_size(array);
    if (array && (!count || count > REPORTS_MAX)) {
        api_reader_refuse(&reader, "The member \"reports\" must have 1 to %d items.", REPORTS_MAX);
        count = 0;
    }
    struct reports *reports = request_input(r, sizeof *reports + count * sizeof reports->items[0]);
    if (!reports)
        return;
    if (!name_is_valid(r->params[0]))
        api_reader_refuse(
            &reader, "A gateway's name has letters, digits and . _ - and begins with a letter or digit.");
    if (!reader.err.text[0])
        read_reports(&reader, array, reports);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, reports_job, NULL);
}
