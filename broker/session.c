/* PUT /v1/sessions/{id}/connections/{number}: what a gateway reports about a connection. Reports may come
 * twice and late; one about an older connection, or from another gateway, changes nothing.
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
    uint32_t connection;
    char gateway[NAME_SIZE];
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

static int answer(struct db *db, struct request *r, const char *session_id)
{
    struct session_row session;
    int rc = store_session_get(db, session_id, &session);
    if (!rc)
        request_set(r, 200,
                    json_pack("{s:s, s:s, s:s}", "session", session.id, "state",
                              session_state_name(session.state), "code",
                              session.state == SESSION_ENDED ? session.end_code : ""));
    return rc;
}

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

static int report_job(struct db *db, struct request *r)
{
    const struct report *report = r->input;
    struct session_row session;
    int rc = store_session_get(db, r->params[0], &session);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no session \"%s\".", r->params[0]);
    if (session.connection != report->connection || strcmp(session.gateway, report->gateway)) {
        problem_set_fail(r, FAIL_TAKEN_OVER, session.id, NULL);
        return CE_CONFLICT;
    }
    if (report->message) {
        rc = message_told(db, &session, (int64_t)report->order, report->shown, report->detail);
        return rc ? rc : answer(db, r, session.id);
    }
    if (report->denied[0])
        rc = report_denied(db, &session, report);
    if (rc || report->noted)
        return rc ? rc : answer(db, r, session.id);
    if (session.state != SESSION_ENDED && report->connected)
        rc = report_connected(db, &session, report);
    else if (session.state != SESSION_ENDED)
        rc = report_closed(db, &session, report);
    return rc ? rc : answer(db, r, session.id);
}

static void read_report(struct api_reader *reader, struct report *report)
{
    char state[32] = "", code[32] = "client-closed";
    if (api_reader_text(reader, "gateway", API_REQUIRED, report->gateway, sizeof report->gateway) &&
        !name_is_valid(report->gateway))
        api_reader_refuse(reader, "The member \"gateway\" must be a gateway's name.");
    api_reader_text(reader, "state", API_REQUIRED, state, sizeof state);
    report->connected = !strcmp(state, "connected");
    report->noted = !strcmp(state, "denied");
    report->message = !strcmp(state, "message");
    if (!report->connected && !report->noted && !report->message && strcmp(state, "closed"))
        api_reader_refuse(
            reader, "The member \"state\" must be \"connected\", \"denied\", \"message\" or \"closed\".");
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
            api_reader_refuse(reader, "The member \"reconnect\" must be a SHA-256 in hexadecimal.");
        if (api_reader_text(reader, "guest_fingerprint", API_OPTIONAL, report->guest_fingerprint,
                            sizeof report->guest_fingerprint) &&
            strspn(report->guest_fingerprint, "0123456789abcdef") != sizeof report->guest_fingerprint - 1)
            api_reader_refuse(reader, "The member \"guest_fingerprint\" must be a SHA-256 in hexadecimal.");
        return;
    }
    if (report->noted)
        return;
    api_reader_text(reader, "code", API_OPTIONAL, code, sizeof code);
    report->code = fail_parse(code);
    if (report->code == FAIL_INTERNAL && strcmp(code, fail_code(FAIL_INTERNAL)))
        api_reader_refuse(reader, "The member \"code\" is no code of an ended connection.");
    api_reader_text(reader, "detail", API_OPTIONAL, report->detail, sizeof report->detail);
    api_reader_u64(reader, "bytes_in", API_OPTIONAL, 0, INT64_MAX, &report->bytes_in);
    api_reader_u64(reader, "bytes_out", API_OPTIONAL, 0, INT64_MAX, &report->bytes_out);
}

void api_session_report(struct request *r)
{
    struct report *report = request_input(r, sizeof *report);
    if (!report)
        return;
    char *end;
    unsigned long long connection = strtoull(r->params[1], &end, 10);
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    if (*end || !connection || connection > UINT32_MAX)
        api_reader_refuse(&reader, "A connection has a number, from 1.");
    report->connection = (uint32_t)connection;
    read_report(&reader, report);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, report_job, NULL);
}
