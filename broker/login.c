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
#include "credssp.h"
#include "gateway.h"
#include "log.h"
#include "login_attempt.h"
#include "login_local.h"
#include "nla.h"
#include "nt_hash.h"
#include "policy_login.h"
#include "ticket.h"

#define BUSY_RETRY_S 5
#define FULL_RETRY_S 30

struct login {
    struct login_attempt who;
    char nla[ID_SIZE]; /* "": by password; else by this exchange, which proved who it is */
    struct secret password;
    struct secret nt_hash;              /* of the password, where it may be kept; empty otherwise */
    char reconnect[SECRET_DIGEST_SIZE]; /* of the cookie that the client brought; "": none */
    bool came_back;                     /* by that cookie, without a password */
    char domain[128];
    struct credssp_delegated delegated; /* after NLA: for pools that pass the user's own on */
    struct login_task task;
};

/* --- refusals ------------------------------------------------------------------------------------ */

/* Sets the answer; the event is written unless there could be a flood of them. */
static int refuse(struct db *db, struct request *r, enum fail fail, const char *detail)
{
    const struct login *login = r->input;
    problem_set_fail(r, fail, "", detail);
    if (fail == FAIL_NO_DESKTOP || fail == FAIL_POOL_FAILED)
        r->answer.retry_after_s = FULL_RETRY_S;
    return login_attempt_refused(db, &login->who, fail);
}

/* True when the user or the address has to wait; the answer says how long. */
static int check_pauses(struct db *db, struct request *r, bool *ret_paused)
{
    const struct login *login = r->input;
    int64_t left_s = 0;
    int rc = login_attempt_pause_s(db, &login->who, &left_s);
    *ret_paused = left_s > 0;
    if (rc || !left_s)
        return rc;
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
    int64_t left_s = 0;
    int rc = login_attempt_failed(db, &login->who, &left_s);
    problem_set_fail(r, FAIL_WRONG_PASSWORD, "", NULL);
    r->answer.retry_after_s = (uint64_t)left_s;
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
        enum fail fail = policy_login_refusal(ret_policy, login->who.address, store_now_ms(), &detail);
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
    if (login->who.pool[0]) {
        int rc = store_pool_get(db, login->who.pool, &wanted);
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

/* The gateway has no password of this user, and needs it only where the guest wants the user's own. */
static int add_delegated(struct db *db, struct request *r, const char *pool_id)
{
    const struct login *login = r->input;
    struct pool_row pool;
    int rc = store_pool_get(db, pool_id, &pool);
    if (rc || pool.credentials != CREDENTIALS_USER)
        return rc;
    json_t *delegated = json_pack("{s:s, s:s, s:s}", "user", login->delegated.user, "domain",
                                  login->delegated.domain, "password", login->delegated.password.bytes);
    return json_object_set_new(r->answer.json, "delegated", delegated) ? CE_NOMEM : 0;
}

static int claim(struct db *db, struct request *r, const char *user_id, const char *pool_id,
                 const struct policy *policy)
{
    const struct login *login = r->input;
    struct session_request request = {.user_id = user_id,
                                      .pool_id = pool_id,
                                      .gateway = login->who.gateway,
                                      .boot_id = login->who.boot_id,
                                      .client_address = login->who.address,
                                      .client_name = login->who.client_name};
    struct claim claim = {.fail = FAIL_NONE};
    int rc =
        login->who.boot_id[0] ? store_gateway_process_met(db, login->who.gateway, login->who.boot_id) : 0;
    if (!rc)
        rc = store_claim(db, &request, &claim);
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
        rc = gateway_order_close(db, claim.replaced_gateway, claim.replaced_boot_id, session->id,
                                 claim.replaced, FAIL_TAKEN_OVER);
    if (!rc)
        rc = audit_session(
            db, session, "login.accepted", "%s %s from %s through gateway %s%s%s.", session->user,
            login->came_back ? "came back by automatic reconnection" : "logged in",
            login->who.address[0] ? login->who.address : "an unknown address", login->who.gateway,
            session->desktop[0] ? " for desktop " : " and waits for a desktop of pool ",
            session->desktop[0] ? session->desktop : session->pool);
    struct ticket ticket = {.state = TICKET_REFUSED};
    if (!rc)
        rc = ticket_look(db, r, session->id, session->connection, true, &ticket);
    if (!rc && login->nla[0] && ticket.state != TICKET_REFUSED)
        rc = add_delegated(db, r, pool_id);
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
        rc = store_user_get(db, login_attempt_key(&login->who), &user);
    if (rc == CE_NOT_FOUND || (!rc && strcmp(user.id, session.user_id) != 0))
        return 0;
    if (rc)
        return rc;
    memcpy(login->who.user_id, user.id, sizeof user.id);
    login->came_back = true;
    snprintf(login->who.pool, sizeof login->who.pool, "%s", session.pool);
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
    rc = store_user_get(db, login->who.user_id, &user);
    if (rc == CE_NOT_FOUND) /* deleted while the password was checked */
        return count_failure(db, r);
    if (!rc && !user.disabled)
        rc = store_login_succeeded(db, login->who.user_subject);
    if (!rc && login->nt_hash.len)
        rc = nt_hash_keep(db, &r->broker->key, user.id, &login->nt_hash);
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
    rc = store_user_get_password(db, login_attempt_key(&login->who), &user, login->task.hash,
                                 sizeof login->task.hash);
    login->who.user_id[0] = '\0';
    if (!rc)
        memcpy(login->who.user_id, user.id, sizeof user.id);
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

/* NLA proved who it is: the rest is as after a password that was right. */
static void proven(struct request *r, struct login *login)
{
    struct nla_proof proof;
    if (nla_take(r->broker->nla, login->nla, &proof)) {
        problem_set_fail(r, FAIL_CLIENT_TIMEOUT, "", "The proof of who it is has lapsed.");
        request_send(r);
        return;
    }
    login_attempt_set_name(&login->who, proof.name);
    memcpy(login->who.user_id, proof.user_id, sizeof login->who.user_id);
    login->delegated = proof.delegated;
    secret_wipe_bytes(&proof, sizeof proof);
    request_run(r, STORE_WRITE, decide_job, NULL);
}

static void read_who(struct api_reader *reader, struct login *login)
{
    char typed[1024];
    if (api_reader_text(reader, "nla", API_OPTIONAL, login->nla, sizeof login->nla))
        return;
    if (api_reader_text(reader, "user", API_REQUIRED, typed, sizeof typed))
        login_attempt_set_name(&login->who, typed);
    api_reader_secret(reader, "password", API_REQUIRED, &login->password);
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
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    read_who(&reader, login);
    read_reconnect(&reader, login, r->broker->config.broker_reconnect_limit_ms);
    api_reader_text(&reader, "domain", API_OPTIONAL, login->domain, sizeof login->domain);
    api_reader_text(&reader, "pool", API_OPTIONAL, login->who.pool, sizeof login->who.pool);
    login_attempt_read(&login->who, &reader, &r->broker->config);
    api_reader_text(&reader, "boot_id", API_OPTIONAL, login->who.boot_id, sizeof login->who.boot_id);
    /* The decoded body has the password too; this ends it as early as can be. */
    bool good = request_read_done(r, &reader);
    json_decref(r->body);
    r->body = NULL;
    if (!good)
        return;
    if (login->nla[0]) {
        proven(r, login);
        return;
    }
    if (r->broker->config.broker_nla && credssp_nt_hash(&login->password, &login->nt_hash))
        secret_wipe(&login->nt_hash); /* no UTF-8: such a password works in TLS mode only */
    if (login->reconnect[0])
        request_run(r, STORE_WRITE, reconnect_job, reconnected);
    else
        request_run(r, STORE_READ, prepare_job, prepared);
}
