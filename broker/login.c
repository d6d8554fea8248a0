/* POST /v1/logins: who is it, what may they have, which desktop is theirs.
 *
 *     pauses, hash (read job) -> password (worker thread) -> entitlement, claim, ticket (one write job)
 *
 * An unknown user takes the same way and the same time as a known one with a wrong password. The pauses are
 * asked again in the write job: guesses that were made side by side count one after another.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "api_server.h"
#include "audit.h"
#include "gateway.h"
#include "log.h"
#include "login_local.h"
#include "policy_login.h"
#include "ticket.h"

#define BUSY_RETRY_S 5
#define FULL_RETRY_S 30

struct login {
    char name[NAME_SIZE]; /* as typed; may be nobody's */
    bool name_is_valid;
    char user_id[ID_SIZE]; /* "": unknown */
    struct secret password;
    char reconnect[SECRET_DIGEST_SIZE]; /* of the cookie that the client brought; "": none */
    bool came_back;                     /* by that cookie, without a password */
    char domain[128];
    char pool[NAME_SIZE]; /* "": any */
    char gateway[NAME_SIZE];
    char address[ADDRESS_SIZE], client_name[64];
    char client_build[64];
    char user_subject[NAME_SIZE + 16], address_subject[ADDRESS_SIZE + 16];
    struct login_task task;
    struct login_limits {
        uint32_t tries;
        uint64_t pause_ms, pause_max_ms;
    } limits;
};

/* --- refusals ------------------------------------------------------------------------------------ */

/* Sets the answer; the event is written unless there could be a flood of them. */
static int refuse(struct db *db, struct request *r, enum fail fail, const char *detail)
{
    const struct login *login = r->input;
    problem_set_fail(r, fail, "", detail);
    if (fail == FAIL_NO_DESKTOP || fail == FAIL_POOL_FAILED)
        r->answer.retry_after_s = FULL_RETRY_S;
    /* What is nobody's name is not written down: people type passwords there. */
    const char *who = login->user_id[0] ? login->name : "an unknown user";
    log_info("A log-in of %s was refused: %s. address=%s pool=%s gateway=%s", who, fail_code(fail),
             login->address, login->pool, login->gateway);
    if (fail == FAIL_TOO_MANY_TRIES)
        return 0;
    return audit_user(db, login->user_id[0] ? login->name : "", login->pool, "login.refused",
                      "The log-in of %s from %s was refused (%s).", who,
                      login->address[0] ? login->address : "an unknown address", fail_code(fail));
}

/* True when the user or the address has to wait; the answer says how long. */
static int check_pauses(struct db *db, struct request *r, bool *ret_paused)
{
    const struct login *login = r->input;
    int64_t user_ms = 0, address_ms = 0;
    int rc = store_login_pause_until(db, login->user_subject, &user_ms);
    if (!rc && login->address[0])
        rc = store_login_pause_until(db, login->address_subject, &address_ms);
    if (rc)
        return rc;
    int64_t left_ms = (user_ms > address_ms ? user_ms : address_ms) - store_now_ms();
    *ret_paused = left_ms > 0;
    if (!*ret_paused)
        return 0;
    int64_t left_s = (left_ms + 999) / 1000;
    char detail[80];
    snprintf(detail, sizeof detail, "Try again in %" PRId64 " %s.", left_s,
             left_s == 1 ? "second" : "seconds");
    rc = refuse(db, r, FAIL_TOO_MANY_TRIES, detail);
    r->answer.retry_after_s = (uint64_t)left_s;
    return rc;
}

static int count_failure(struct db *db, struct request *r)
{
    const struct login *login = r->input;
    const struct login_limits *limits = &login->limits;
    int64_t until_ms = 0, address_until_ms = 0;
    int rc = store_login_failed(db, login->user_subject, limits->tries, limits->pause_ms,
                                limits->pause_max_ms, &until_ms);
    if (!rc && login->address[0])
        rc = store_login_failed(db, login->address_subject, limits->tries, limits->pause_ms,
                                limits->pause_max_ms, &address_until_ms);
    if (!rc)
        rc = refuse(db, r, FAIL_WRONG_PASSWORD, NULL);
    int64_t left_ms = (until_ms > address_until_ms ? until_ms : address_until_ms) - store_now_ms();
    if (left_ms > 0)
        r->answer.retry_after_s = (uint64_t)(left_ms + 999) / 1000;
    return rc;
}

/* --- which pool ---------------------------------------------------------------------------------- */

#define CHOICES_MAX 32 /* pools of one user that are looked at when none is named; the first by name */

struct pool_choice {
    const char *wanted_id; /* NULL: any */
    const char *live_id;   /* the pool of the user's newest live session, or "" */
    struct {
        char id[ID_SIZE];
        int rank;
    } pools[CHOICES_MAX]; /* falling, and by name within a rank */
    size_t count;
};

static int consider_pool(void *arg, const struct pool_row *pool)
{
    struct pool_choice *choice = arg;
    if (choice->wanted_id && strcmp(choice->wanted_id, pool->id))
        return 0;
    bool live = !strcmp(pool->id, choice->live_id);
    int rank = live ? 3 : pool->enabled && !pool->deleting ? 2 : 1;
    if (choice->count == CHOICES_MAX)
        return 0;
    size_t at = choice->count++;
    for (; at && choice->pools[at - 1].rank < rank; at--)
        choice->pools[at] = choice->pools[at - 1];
    choice->pools[at].rank = rank;
    snprintf(choice->pools[at].id, sizeof choice->pools[at].id, "%s", pool->id);
    return 0;
}

/* The first of the choices whose policy lets this log-in in; else why the first of all does not. */
static int choose_open(struct db *db, const struct login *login, const char *user_id,
                       const struct pool_choice *choice, char pool_id[ID_SIZE], struct policy *ret_policy,
                       enum fail *ret_fail, struct error *ret_detail)
{
    enum fail first = FAIL_NOT_ENTITLED;
    struct error first_detail = {0};
    for (size_t i = 0; i < choice->count; i++) {
        struct error detail = {0};
        int rc = store_policy_of(db, user_id, choice->pools[i].id, ret_policy);
        if (rc)
            return rc;
        enum fail fail = policy_login_refusal(ret_policy, login->address, store_now_ms(), &detail);
        if (!fail) {
            memcpy(pool_id, choice->pools[i].id, ID_SIZE);
            return 0;
        }
        if (i == 0) {
            first = fail;
            first_detail = detail;
        }
    }
    *ret_fail = first;
    *ret_detail = first_detail;
    return 0;
}

static int note_live_pool(void *arg, const struct session_row *session)
{
    char *pool_id = arg;
    snprintf(pool_id, ID_SIZE, "%s", session->pool_id);
    return 1; /* the newest is enough */
}

/* Fills POOL_ID and what holds there, or *ret_fail and its detail. */
static int choose_pool(struct db *db, const struct login *login, const char *user_id, char pool_id[ID_SIZE],
                       struct policy *ret_policy, enum fail *ret_fail, struct error *ret_detail)
{
    char live_id[ID_SIZE] = "";
    struct pool_row wanted;
    struct pool_choice choice = {.live_id = live_id};
    *ret_fail = FAIL_NONE;
    if (login->pool[0]) {
        int rc = store_pool_get(db, login->pool, &wanted);
        if (rc == CE_NOT_FOUND) {
            *ret_fail = FAIL_NO_SUCH_POOL;
            return 0;
        }
        if (rc)
            return rc;
        choice.wanted_id = wanted.id;
    } else {
        struct session_filter filter = {.user_id = user_id, .state = -1, .limit = 1};
        int rc = store_session_list(db, &filter, note_live_pool, live_id);
        if (rc < 0)
            return rc;
    }
    int rc = store_entitlement_pools(db, user_id, consider_pool, &choice);
    return rc ? rc : choose_open(db, login, user_id, &choice, pool_id, ret_policy, ret_fail, ret_detail);
}

/* --- the claim ----------------------------------------------------------------------------------- */

static int claim(struct db *db, struct request *r, const char *user_id, const char *pool_id,
                 const struct policy *policy)
{
    const struct login *login = r->input;
    struct session_request request = {.user_id = user_id,
                                      .pool_id = pool_id,
                                      .gateway = login->gateway,
                                      .client_address = login->address,
                                      .client_name = login->client_name};
    struct claim claim = {.fail = FAIL_NONE};
    int rc = store_claim(db, &request, &claim);
    if (rc == CE_REFUSED)
        return refuse(db, r, claim.fail ? claim.fail : FAIL_NO_DESKTOP, NULL);
    if (rc)
        return rc;
    const struct session_row *session = &claim.session;
    rc = store_session_set_limits(db, session, policy);
    /* Whatever older client could come back here: this one has its place. */
    if (!rc && session->connection > 1)
        rc = store_session_set_reconnect(db, session->id, "");
    if (!rc && claim.replaced && claim.replaced_gateway[0])
        rc = gateway_order_close(db, claim.replaced_gateway, session->id, claim.replaced, FAIL_TAKEN_OVER);
    if (!rc)
        rc = audit_session(db, session, "login.accepted", "%s %s from %s through gateway %s%s%s.",
                           session->user,
                           login->came_back ? "came back by automatic reconnection" : "logged in",
                           login->address[0] ? login->address : "an unknown address", login->gateway,
                           session->desktop[0] ? " for desktop " : " and waits for a desktop of pool ",
                           session->desktop[0] ? session->desktop : session->pool);
    struct ticket ticket;
    if (!rc)
        rc = ticket_look(db, r, session->id, session->connection, true, &ticket);
    return rc;
}

/* The user has proved who it is. */
static int let_in(struct db *db, struct request *r, const struct user_row *user)
{
    const struct login *login = r->input;
    if (user->disabled)
        return refuse(db, r, FAIL_ACCOUNT_DISABLED, NULL);
    int rc = store_user_touch_login(db, user->id);
    char pool_id[ID_SIZE];
    struct policy policy;
    enum fail fail = FAIL_NONE;
    struct error detail = {0};
    if (!rc)
        rc = choose_pool(db, login, user->id, pool_id, &policy, &fail, &detail);
    if (rc)
        return rc;
    return fail ? refuse(db, r, fail, detail.text[0] ? detail.text : NULL)
                : claim(db, r, user->id, pool_id, &policy);
}

/* Who brings the session's cookie needs no password for that session, and gets no other one. The pauses that
 * guesses bring do not hold them up. A cookie that does not fit leaves the password to decide. */
static int reconnect_job(struct db *db, struct request *r)
{
    struct login *login = r->input;
    struct session_row session;
    struct user_row user;
    int64_t limit_ms = (int64_t)r->broker->config.broker_reconnect_limit_ms;
    int rc = store_session_take_reconnect(db, login->reconnect, store_now_ms() - limit_ms, &session);
    if (!rc)
        rc = store_user_get(db, login->name_is_valid ? login->name : "-", &user);
    if (rc == CE_NOT_FOUND || (!rc && strcmp(user.id, session.user_id) != 0))
        return 0;
    if (rc)
        return rc;
    memcpy(login->user_id, user.id, sizeof user.id);
    login->came_back = true;
    snprintf(login->pool, sizeof login->pool, "%s", session.pool);
    return let_in(db, r, &user);
}

static int decide_job(struct db *db, struct request *r)
{
    const struct login *login = r->input;
    struct user_row user;
    bool paused;
    int rc = check_pauses(db, r, &paused);
    if (rc || paused)
        return rc;
    if (login->task.rc == CE_REFUSED)
        return count_failure(db, r);
    rc = store_user_get(db, login->user_id, &user);
    if (rc == CE_NOT_FOUND) /* deleted while the password was checked */
        return count_failure(db, r);
    if (!rc && !user.disabled)
        rc = store_login_succeeded(db, login->user_subject);
    return rc ? rc : let_in(db, r, &user);
}

static void verified(struct login_task *task)
{
    struct request *r = task->arg;
    struct login *login = r->input;
    r->left = NULL;
    secret_wipe(&login->password);
    secret_wipe_bytes(task->hash, sizeof task->hash);
    /* Nobody waits for the desktop any more, so none is claimed; a wrong password counts all the same. */
    if (r->gone && task->rc == 0)
        task->rc = CE_CANCELLED;
    if (task->rc == 0 || task->rc == CE_REFUSED) {
        request_run(r, STORE_WRITE, decide_job, NULL);
        return;
    }
    problem_set_error(r, task->rc);
    request_send(r);
}

/* Its client went away: a password that was not looked at yet need not be. */
static void left(struct request *r)
{
    struct login *login = r->input;
    login_workers_give_up(r->broker->workers, &login->task);
}

/* Nothing here depends on whether the user exists, except what the worker compares with. */
static int prepare_job(struct db *db, struct request *r)
{
    struct login *login = r->input;
    struct user_row user;
    bool paused;
    int rc = check_pauses(db, r, &paused);
    if (rc || paused)
        return rc;
    login->task.hash[0] = '\0';
    rc = store_user_get_password(db, login->name_is_valid ? login->name : "-", &user, login->task.hash,
                                 sizeof login->task.hash);
    login->user_id[0] = '\0';
    if (!rc)
        memcpy(login->user_id, user.id, sizeof user.id);
    return rc == CE_NOT_FOUND ? 0 : rc;
}

static void prepared(struct request *r)
{
    struct login *login = r->input;
    if (r->answer.status) {
        request_send(r);
        return;
    }
    login->task.work = LOGIN_VERIFY;
    login->task.password = &login->password;
    login->task.done = verified;
    login->task.arg = r;
    r->left = left;
    api_server_watch(r);
    if (login_workers_submit(r->broker->workers, &login->task)) {
        problem_set(r, PROBLEM_UNAVAILABLE,
                    "Too many people are logging in at the moment. Try again in %d seconds.", BUSY_RETRY_S);
        r->answer.retry_after_s = BUSY_RETRY_S;
        request_send(r);
    }
}

static void reconnected(struct request *r)
{
    struct login *login = r->input;
    if (r->answer.status) {
        secret_wipe(&login->password);
        request_send(r);
    } else {
        request_run(r, STORE_READ, prepare_job, prepared);
    }
}

/* --- reading ------------------------------------------------------------------------------------- */

static void read_client(struct api_reader *reader, struct login *login)
{
    const json_t *object;
    struct api_reader client;
    if (!api_reader_object(reader, "client", API_REQUIRED, &object))
        return;
    api_reader_init(&client, object, "client.");
    api_reader_text(&client, "address", API_OPTIONAL, login->address, sizeof login->address);
    api_reader_text(&client, "name", API_OPTIONAL, login->client_name, sizeof login->client_name);
    if (api_reader_has(&client, "build") && json_is_integer(json_object_get(object, "build"))) {
        uint64_t build;
        api_reader_u64(&client, "build", API_OPTIONAL, 0, UINT32_MAX, &build);
    } else {
        api_reader_text(&client, "build", API_OPTIONAL, login->client_build, sizeof login->client_build);
    }
    if (api_reader_finish(&client))
        api_reader_refuse(reader, "%s", client.err.text);
}

/* What a person typed is not refused for its form: it is nobody's name then, which takes its time. */
static void read_name(struct api_reader *reader, struct login *login)
{
    char typed[1024];
    if (!api_reader_text(reader, "user", API_REQUIRED, typed, sizeof typed))
        return;
    login->name_is_valid = strlen(typed) < sizeof login->name && user_name_is_valid(typed);
    snprintf(login->name, sizeof login->name, "%.*s", (int)sizeof login->name - 1, typed);
    snprintf(login->user_subject, sizeof login->user_subject, "user:%s",
             login->name_is_valid ? login->name : "-");
}

static void read_reconnect(struct api_reader *reader, struct login *login, uint64_t limit_ms)
{
    struct secret verifier CLEANUP_SECRET = {0};
    if (api_reader_secret(reader, "reconnect", API_OPTIONAL, &verifier) && limit_ms)
        secret_digest(&verifier, login->reconnect);
}

void api_login(struct request *r)
{
    struct login *login = request_input(r, sizeof *login);
    if (!login)
        return;
    const struct config *config = &r->broker->config;
    login->limits = (struct login_limits){.tries = (uint32_t)config->broker_login_tries,
                                          .pause_ms = config->broker_login_pause_ms,
                                          .pause_max_ms = config->broker_login_pause_max_ms};
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    read_name(&reader, login);
    api_reader_secret(&reader, "password", API_REQUIRED, &login->password);
    read_reconnect(&reader, login, config->broker_reconnect_limit_ms);
    api_reader_text(&reader, "domain", API_OPTIONAL, login->domain, sizeof login->domain);
    api_reader_text(&reader, "pool", API_OPTIONAL, login->pool, sizeof login->pool);
    if (api_reader_text(&reader, "gateway", API_REQUIRED, login->gateway, sizeof login->gateway) &&
        !name_is_valid(login->gateway))
        api_reader_refuse(&reader, "The member \"gateway\" must be a gateway's name.");
    read_client(&reader, login);
    snprintf(login->address_subject, sizeof login->address_subject, "address:%s", login->address);
    /* The decoded body has the password too; this ends it as early as can be. */
    bool good = request_read_done(r, &reader);
    json_decref(r->body);
    r->body = NULL;
    if (good && login->reconnect[0])
        request_run(r, STORE_WRITE, reconnect_job, reconnected);
    else if (good)
        request_run(r, STORE_READ, prepare_job, prepared);
}
