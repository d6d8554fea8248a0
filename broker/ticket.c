#include "ticket.h"

#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"
#include "policy_json.h"
#include "secret.h"

#define STARTING_MAX 256 /* guests looked at for a percentage; who stands farther back sees 0 */

/* --- how far is the guest that the N-th in the queue will get? ----------------------------------- */

struct starting {
    uint32_t percents[STARTING_MAX]; /* falling */
    size_t count;
};

static int add_starting(void *arg, const struct desktop_row *row)
{
    struct starting *starting = arg;
    if ((row->state != DESKTOP_CLONING && row->state != DESKTOP_BOOTING) || starting->count == STARTING_MAX)
        return 0;
    size_t at = starting->count++;
    for (; at && starting->percents[at - 1] < row->percent; at--)
        starting->percents[at] = starting->percents[at - 1];
    starting->percents[at] = row->percent;
    return 0;
}

static int look_at_queue(struct db *db, const struct session_row *session, struct ticket *ticket)
{
    struct starting starting = {.count = 0};
    struct desktop_filter filter = {.pool_id = session->pool_id, .state = -1};
    int rc = store_claim_place(db, session->id, &ticket->place);
    if (!rc)
        rc = store_desktop_list(db, &filter, add_starting, &starting);
    if (!rc && ticket->place && ticket->place <= starting.count)
        ticket->percent = starting.percents[ticket->place - 1];
    return rc;
}

/* --- the documents ------------------------------------------------------------------------------- */

static json_t *ticket_json(const struct session_row *session, const struct ticket *ticket)
{
    char message[160] = "Your desktop is ready.";
    if (ticket->state == TICKET_WAITING && ticket->host_away)
        snprintf(message, sizeof message, "%s", fail_sentence(FAIL_HOST_AWAITED));
    else if (ticket->state == TICKET_WAITING && session->desktop_id[0])
        snprintf(message, sizeof message, "Your data disk is brought to your desktop.");
    else if (ticket->state == TICKET_WAITING && ticket->place > 1)
        snprintf(message, sizeof message, "Your desktop is starting. Your place in the queue is %u.",
                 ticket->place);
    else if (ticket->state == TICKET_WAITING)
        snprintf(message, sizeof message, "Your desktop is starting.");
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:b, s:s}", "session", session->id, "connection",
                     (json_int_t)session->connection, "user", session->user, "pool", session->pool, "state",
                     ticket->state == TICKET_READY ? "ready" : "waiting", "percent",
                     (json_int_t)(ticket->state == TICKET_READY ? 100 : ticket->percent), "place",
                     (json_int_t)ticket->place, "host_away", (int)ticket->host_away, "message", message);
}

static int add_password(struct request *r, const struct desktop_row *desktop, json_t *connect)
{
    struct secret password CLEANUP_SECRET = {0};
    int rc =
        secret_open(&r->broker->key, desktop->id, desktop->sealed_password, desktop->sealed_len, &password);
    if (rc) {
        problem_set(r, PROBLEM_INTERNAL, "The password of desktop %s does not open with the store's key.",
                    desktop->name);
        return CE_INTERNAL;
    }
    return json_object_set_new(connect, "user", json_string(desktop->guest_user)) ||
                   json_object_set_new(connect, "password", json_stringn(password.bytes, password.len))
               ? CE_NOMEM
               : 0;
}

static int answer_ready(struct db *db, struct request *r, const struct session_row *session,
                        const struct pool_row *pool, const struct desktop_row *desktop, struct ticket *ticket)
{
    struct policy policy;
    int rc = store_policy_of(db, session->user_id, session->pool_id, &policy);
    if (rc)
        return rc;
    json_t *connect =
        json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:o}", "desktop", desktop->name, "address",
                  desktop->address, "port", (int)desktop->port, "fingerprint", desktop->fingerprint,
                  "credentials", credentials_name(pool->credentials), "domain", "", "security",
                  guest_security_name(pool->guest_security), "policy", policy_to_json(&policy));
    rc = pool->credentials == CREDENTIALS_CARREL ? add_password(r, desktop, connect) : 0;
    if (rc) {
        json_decref(connect);
        return rc;
    }
    ticket->state = TICKET_READY;
    json_t *json = ticket_json(session, ticket);
    if (!json || json_object_set_new(json, "connect", connect)) {
        json_decref(json);
        return CE_NOMEM;
    }
    request_set(r, 200, json);
    return 0;
}

static void answer_waiting(struct request *r, const struct session_row *session, struct ticket *ticket)
{
    ticket->state = TICKET_WAITING;
    request_set(r, 202, ticket_json(session, ticket));
}

/* --- looking ------------------------------------------------------------------------------------- */

static bool refuse_if_over(struct request *r, const struct session_row *session, uint32_t connection)
{
    if (session->state == SESSION_ENDED) {
        enum fail fail = fail_parse(session->end_code);
        problem_set_fail(r, fail, session->id, NULL);
        r->answer.status = 410;
        (void)json_object_set_new(r->answer.json, "status", json_integer(410));
        return true;
    }
    if (session->connection != connection) {
        problem_set_fail(r, FAIL_TAKEN_OVER, session->id, NULL);
        return true;
    }
    return false;
}

/* Why nobody who waits for this pool will be served. */
static enum fail pool_is_hopeless(const struct pool_row *pool)
{
    if (!pool->enabled || pool->deleting)
        return FAIL_POOL_DISABLED;
    if (pool->stopped && !pool->starting && !pool->ready)
        return FAIL_POOL_FAILED;
    return FAIL_NONE;
}

static int refuse_waiting(struct db *db, struct request *r, const struct session_row *session, enum fail fail)
{
    int rc = store_session_end(db, session->id, fail, "while it waited for a desktop");
    if (!rc)
        problem_set_fail(r, fail, session->id, NULL);
    return rc;
}

/* A desktop became ready and nobody has given it to those who wait yet: it is done here. */
static int serve_waiting(struct db *db, struct session_row *session)
{
    uint32_t served;
    int rc = store_claim_waiting(db, session->pool_id, &served);
    return rc ? rc : store_session_get(db, session->id, session);
}

static int look_ready(struct db *db, struct request *r, const struct session_row *session,
                      const struct pool_row *pool, struct ticket *ticket)
{
    struct desktop_row desktop;
    int rc = store_session_hand_out(db, session->id, &desktop);
    if (!rc)
        rc = answer_ready(db, r, session, pool, &desktop, ticket);
    else if (rc == CE_CONFLICT) {
        /* The guest failed under the session; vmpool decides what becomes of both. */
        ticket->state = TICKET_REFUSED;
        problem_set_fail(r, FAIL_GUEST_FAILED, session->id, NULL);
        rc = 0;
    }
    secret_wipe_bytes(&desktop, sizeof desktop);
    return rc;
}

static int look_waiting(struct db *db, struct request *r, const struct session_row *session,
                        const struct pool_row *pool, bool write, struct ticket *ticket)
{
    enum fail hopeless = pool_is_hopeless(pool);
    if (hopeless && write) {
        ticket->state = TICKET_REFUSED;
        return refuse_waiting(db, r, session, hopeless);
    }
    int rc = look_at_queue(db, session, ticket);
    if (!rc && pool->kind == POOL_DEDICATED)
        rc = store_claim_host_away(db, session->id, &ticket->host_away);
    /* In a read job: a write job refuses, or gives it what is ready. */
    if (!rc && (write || (!hopeless && ticket->place > pool->ready)))
        answer_waiting(r, session, ticket);
    return rc;
}

#define PERCENT_DATA_DISK 98

/* Nobody is led to a desktop before their data disk is there. */
static int look_desktop(struct db *db, struct request *r, const struct session_row *session,
                        const struct pool_row *pool, bool write, struct ticket *ticket)
{
    bool there;
    int rc = store_data_disk_is_there(db, session, pool, &there);
    if (rc)
        return rc;
    if (there)
        return write ? look_ready(db, r, session, pool, ticket) : 0;
    ticket->percent = PERCENT_DATA_DISK;
    answer_waiting(r, session, ticket);
    return 0;
}

int ticket_look(struct db *db, struct request *r, const char *session_id, uint32_t connection, bool write,
                struct ticket *ret)
{
    struct session_row session;
    struct pool_row pool;
    struct ticket ticket = {.state = TICKET_DUE};
    int rc = store_session_get(db, session_id, &session);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no session \"%s\".", session_id);
    if (refuse_if_over(r, &session, connection)) {
        ret->state = TICKET_REFUSED;
        return 0;
    }
    rc = store_pool_get(db, session.pool_id, &pool);
    if (!rc && write && !session.desktop_id[0] && pool.ready)
        rc = serve_waiting(db, &session);
    if (!rc && !session.desktop_id[0])
        rc = look_waiting(db, r, &session, &pool, write, &ticket);
    else if (!rc)
        rc = look_desktop(db, r, &session, &pool, write, &ticket);
    if (!rc)
        *ret = ticket;
    return rc;
}

/* --- GET /v1/sessions/{id}/ticket: the long poll ------------------------------------------------- */

struct ticket_input {
    uint32_t connection;
    uint64_t wait_ms;
    bool based; /* percent and place are what the gateway knows already */
    uint64_t percent, place;
    struct ticket now;
};

static int write_job(struct db *db, struct request *r)
{
    struct ticket_input *input = r->input;
    int rc = store_session_touch(db, r->params[0]);
    /* The look below says what it is when it cannot be touched. */
    if (rc && rc != CE_NOT_FOUND && rc != CE_CONFLICT)
        return rc;
    return ticket_look(db, r, r->params[0], input->connection, true, &input->now);
}

static int read_job(struct db *db, struct request *r)
{
    struct ticket_input *input = r->input;
    return ticket_look(db, r, r->params[0], input->connection, false, &input->now);
}

static void looked(struct request *r);

static void woken(struct request *r, enum request_wake wake)
{
    if (wake == REQUEST_WAKE_CHANGE) {
        request_run(r, STORE_READ, read_job, looked);
        return;
    }
    /* The answer of the last look is still set. */
    request_send(r);
}

static void looked(struct request *r)
{
    struct ticket_input *input = r->input;
    if (input->now.state == TICKET_DUE) {
        request_run(r, STORE_WRITE, write_job, looked);
        return;
    }
    bool same = input->based && input->percent == input->now.percent && input->place == input->now.place;
    if (input->now.state != TICKET_WAITING || !input->wait_ms || (input->based && !same)) {
        request_send(r);
        return;
    }
    input->based = true;
    input->percent = input->now.percent;
    input->place = input->now.place;
    if (r->park.seen != r->broker->wakes)
        request_run(r, STORE_READ, read_job, looked);
    else
        request_park(r, &r->broker->tickets, input->wait_ms, woken);
}

void api_session_ticket(struct request *r)
{
    struct ticket_input *input = request_input(r, sizeof *input);
    uint64_t connection, wait_s;
    if (!input || !request_query_number(r, "connection", 0, UINT32_MAX, &connection) ||
        !request_query_number(r, "wait", 0, REQUEST_WAIT_MAX_S, &wait_s) ||
        !request_query_number(r, "percent", 0, 100, &input->percent) ||
        !request_query_number(r, "place", 0, UINT32_MAX, &input->place))
        return;
    if (!connection) {
        problem_answer(r, PROBLEM_BAD_REQUEST, "The parameter \"connection\" is missing.");
        return;
    }
    input->connection = (uint32_t)connection;
    input->wait_ms = wait_s * 1000;
    input->based = request_query(r, "percent") && request_query(r, "place");
    request_run(r, STORE_WRITE, write_job, looked);
}
