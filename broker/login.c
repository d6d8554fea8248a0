/* POST /v1/logins: who is it, what may they have, which desktop is theirs.
 *
 *     pauses, hash (read job) -> password (worker thread) -> entitlement, claim, ticket (one write job)
 *
 * Where something has to be asked before the claim, the answer is a question instead (login_question.c).
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
#include "login_parts.h"
#include "nla.h"
#include "nt_hash.h"
#include "pool_choice.h"
#include "ticket.h"

#define BUSY_RETRY_S 5
#define FULL_RETRY_S 30

/* --- refusals ------------------------------------------------------------------------------------ */

int login_refuse(struct db *db, struct request *r, enum fail fail, const char *detail)
{
    const struct login *login = r->input;
    problem_set_fail(r, fail, "", detail);
    if (fail == FAIL_NO_DESKTOP || fail == FAIL_POOL_FAILED || fail_http_status(fail) == 503)
        r->answer.retry_after_s = FULL_RETRY_S;
    return login_attempt_refused(db, &login->at.who, fail);
}

void login_set_pause(struct request *r, int64_t left_s)
{
    char detail[80];
    snprintf(detail, sizeof detail, "Try again in %" PRId64 " %s.", left_s,
             left_s == 1 ? "second" : "seconds");
    problem_set_fail(r, FAIL_TOO_MANY_TRIES, "", detail);
    r->answer.retry_after_s = (uint64_t)left_s;
}

int login_check_pauses(struct db *db, struct request *r, bool *ret_paused)
{
    const struct login *login = r->input;
    int64_t left_s = 0;
    int rc = login_attempt_pause_s(db, &login->at.who, &left_s);
    *ret_paused = left_s > 0;
    if (rc || !left_s)
        return rc;
    login_set_pause(r, left_s);
    return login_attempt_refused(db, &login->at.who, FAIL_TOO_MANY_TRIES);
}

static int count_failure(struct db *db, struct request *r)
{
    const struct login *login = r->input;
    int64_t left_s = 0;
    int rc = login_attempt_failed(db, &login->at.who, FAIL_WRONG_PASSWORD, &left_s);
    problem_set_fail(r, FAIL_WRONG_PASSWORD, "", NULL);
    r->answer.retry_after_s = (uint64_t)left_s;
    return rc;
}

/* --- the claim ----------------------------------------------------------------------------------- */

/* The gateway has no password of this user, and needs it only where the guest wants the user's own. */
static int add_delegated(struct db *db, struct request *r, const char *pool_id)
{
    const struct login *login = r->input;
    struct pool_row pool;
    int rc = store_pool_get_plain(db, pool_id, &pool);
    if (rc || pool.credentials != CREDENTIALS_USER)
        return rc;
    json_t *delegated = json_pack("{s:s, s:s, s:s}", "user", login->at.delegated.user, "domain",
                                  login->at.delegated.domain, "password", login->at.delegated.password.bytes);
    return json_object_set_new(r->answer.json, "delegated", delegated) ? CE_NOMEM : 0;
}

/* What the next statement of the job replaces. */
static const char *limit_words(struct db *db, char *words, size_t size)
{
    snprintf(words, size, "%s", store_error(db));
    return words;
}

static int claim(struct db *db, struct request *r, const char *user_id, const char *pool_id,
                 const struct policy *policy)
{
    const struct login *login = r->input;
    struct session_request request = {.user_id = user_id,
                                      .pool_id = pool_id,
                                      .gateway = login->at.who.gateway,
                                      .boot_id = login->at.who.boot_id,
                                      .client_address = login->at.who.address,
                                      .client_name = login->at.who.client_name,
                                      .user_sessions_max = login->rules.user_sessions_max,
                                      .sessions_max = login->rules.sessions_max};
    struct claim claim = {.fail = FAIL_NONE};
    char words[160];
    int rc = login->at.who.boot_id[0]
                 ? store_gateway_process_met(db, login->at.who.gateway, login->at.who.boot_id)
                 : 0;
    if (!rc)
        rc = store_claim(db, &request, &claim);
    if (rc == CE_REFUSED)
        return login_refuse(db, r, claim.fail ? claim.fail : FAIL_NO_DESKTOP,
                            fail_is_limit(claim.fail) ? limit_words(db, words, sizeof words) : NULL);
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
            login->at.who.address[0] ? login->at.who.address : "an unknown address", login->at.who.gateway,
            session->desktop[0] ? " for desktop " : " and waits for a desktop of pool ",
            session->desktop[0] ? session->desktop : session->pool);
    struct ticket ticket = {.state = TICKET_REFUSED};
    if (!rc)
        rc = ticket_look(db, r, session->id, session->connection, true, &ticket);
    if (!rc && login->at.by_nla && ticket.state != TICKET_REFUSED)
        rc = add_delegated(db, r, pool_id);
    return rc;
}

/* Asks for what is missing of the proof; *ret_asked: that is the answer, or a refusal is. */
static int ask_for_proof(struct db *db, struct request *r, const struct user_row *user, bool *ret_asked)
{
    const struct login *login = r->input;
    *ret_asked = true;
    if (!login->at.code_done && login->rules.otp != OTP_OFF) {
        if (user->has_otp)
            return login_ask_code(db, r);
        if (login->rules.otp == OTP_REQUIRED)
            return login_refuse(db, r, FAIL_CODE_NOT_SET_UP, NULL);
    }
    /* Not before the code: a password alone must not wipe out what guesses of codes cost. */
    int rc = store_login_succeeded(db, login->at.who.user_subject);
    if (rc)
        return rc;
    if (!login->at.by_ticket && password_is_expired(user, login->rules.password_max_age_ms, store_now_ms()))
        return login_ask_new_password(db, r, user);
    *ret_asked = false;
    return 0;
}

int login_go_on(struct db *db, struct request *r, const struct user_row *user)
{
    struct login *login = r->input;
    struct pool_choice choice;
    bool asked = false;
    login->ask = ASK_NOTHING;
    login->at.password_ms = user->password_ms;
    if (user->disabled)
        return login_refuse(db, r, FAIL_ACCOUNT_DISABLED, NULL);
    int rc = login->came_back ? 0 : ask_for_proof(db, r, user, &asked);
    if (rc || asked)
        return rc;
    rc = store_user_touch_login(db, user->id);
    if (!rc)
        rc = pool_choose(
            db, user->id,
            &(struct pool_wish){.named = login->at.who.pool,
                                .address = login->at.who.address,
                                .may_ask = login->can_ask,
                                .has_password = !login->at.by_nla || login->at.delegated.password.len},
            &choice);
    if (rc)
        return rc;
    if (choice.pools)
        return login_ask_pool(r, choice.pools);
    return choice.fail ? login_refuse(db, r, choice.fail, choice.detail.text[0] ? choice.detail.text : NULL)
                       : claim(db, r, user->id, choice.pool_id, &choice.policy);
}

void login_decided(struct request *r)
{
    struct login *login = r->input;
    char id[ID_SIZE];
    /* Whoever has left will not answer. */
    if (login->ask && r->answer.status == 200 && !r->gone) {
        json_t *question = json_object_get(r->answer.json, "question");
        int rc = questions_put(r->broker->questions, login->ask, &login->at, store_now_ms(), id);
        if (rc || json_object_set_new(question, "id", json_string(id)))
            problem_set_error(r, CE_NOMEM);
    }
    request_send(r);
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
        rc = store_user_get(db, login_attempt_key(&login->at.who), &user);
    if (rc == CE_NOT_FOUND || (!rc && strcmp(user.id, session.user_id) != 0))
        return 0;
    if (rc)
        return rc;
    memcpy(login->at.who.user_id, user.id, sizeof user.id);
    login->came_back = true;
    snprintf(login->at.who.pool, sizeof login->at.who.pool, "%s", session.pool);
    return login_go_on(db, r, &user);
}

static int decide_job(struct db *db, struct request *r)
{
    const struct login *login = r->input;
    struct user_row user;
    bool paused;
    int rc = login_check_pauses(db, r, &paused);
    if (rc || paused)
        return rc;
    if (login->task.rc == CE_REFUSED)
        return count_failure(db, r);
    rc = store_user_get(db, login->at.who.user_id, &user);
    /* Deleted, or given another password, since this one was looked at. */
    if (rc == CE_NOT_FOUND || (!rc && user.password_ms != login->at.password_ms))
        return count_failure(db, r);
    if (!rc && login->nt_hash.len)
        rc = nt_hash_keep(db, &r->broker->key, user.id, &login->nt_hash);
    return rc ? rc : login_go_on(db, r, &user);
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
        request_run(r, STORE_WRITE, decide_job, login_decided);
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
    int rc = login_check_pauses(db, r, &paused);
    if (rc || paused)
        return rc;
    login->task.hash[0] = '\0';
    rc = store_user_get_password(db, login_attempt_key(&login->at.who), &user, login->task.hash,
                                 sizeof login->task.hash);
    login->at.who.user_id[0] = '\0';
    if (!rc) {
        memcpy(login->at.who.user_id, user.id, sizeof user.id);
        login->at.password_ms = user.password_ms;
    }
    return rc == CE_NOT_FOUND ? 0 : rc;
}

void login_submit(struct request *r, enum login_work work, const struct secret *password,
                  void (*done)(struct login_task *task))
{
    struct login *login = r->input;
    login->task.work = work;
    login->task.password = password;
    login->task.done = done;
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

static void prepared(struct request *r)
{
    struct login *login = r->input;
    if (r->answer.status)
        request_send(r);
    else
        login_submit(r, LOGIN_VERIFY, &login->password, verified);
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
    login_attempt_set_name(&login->at.who, proof.name);
    memcpy(login->at.who.user_id, proof.user_id, sizeof login->at.who.user_id);
    login->at.delegated = proof.delegated;
    login->at.by_nla = true;
    login->at.by_ticket = proof.by_ticket;
    login->at.password_ms = proof.password_ms;
    secret_wipe_bytes(&proof, sizeof proof);
    request_run(r, STORE_WRITE, decide_job, login_decided);
}

static void read_who(struct api_reader *reader, struct login *login)
{
    char typed[1024];
    if (api_reader_text(reader, "nla", API_OPTIONAL, login->nla, sizeof login->nla))
        return;
    if (api_reader_text(reader, "user", API_REQUIRED, typed, sizeof typed))
        login_attempt_set_name(&login->at.who, typed);
    api_reader_secret(reader, "password", API_REQUIRED, &login->password);
}

static void read_reconnect(struct api_reader *reader, struct login *login, uint64_t limit_ms)
{
    struct secret verifier CLEANUP_SECRET = {0};
    if (api_reader_secret(reader, "reconnect", API_OPTIONAL, &verifier) && limit_ms)
        secret_digest(&verifier, login->reconnect);
}

static struct login_rules rules_of(const struct config *config)
{
    return (struct login_rules){.keep_nt_hash = config->broker_nla,
                                .otp = otp_mode_parse(config->broker_otp),
                                .password_max_age_ms = config->broker_password_max_age_ms,
                                .password_min_length = config->broker_password_min_length,
                                .user_sessions_max = (uint32_t)config->broker_user_sessions,
                                .sessions_max = (uint32_t)config->broker_max_sessions};
}

void api_login(struct request *r)
{
    struct login *login = request_input(r, sizeof *login);
    if (!login)
        return;
    struct api_reader reader;
    login->rules = rules_of(&r->broker->config);
    api_reader_init(&reader, r->body, "");
    if (api_reader_has(&reader, "question")) {
        login_answer(r, login, &reader);
        return;
    }
    api_reader_flag(&reader, "can_ask", API_OPTIONAL, &login->can_ask);
    read_who(&reader, login);
    read_reconnect(&reader, login, r->broker->config.broker_reconnect_limit_ms);
    api_reader_text(&reader, "domain", API_OPTIONAL, login->domain, sizeof login->domain);
    api_reader_text(&reader, "pool", API_OPTIONAL, login->at.who.pool, sizeof login->at.who.pool);
    login_attempt_read(&login->at.who, &reader, &r->broker->config);
    api_reader_text(&reader, "boot_id", API_OPTIONAL, login->at.who.boot_id, sizeof login->at.who.boot_id);
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
    if (login->rules.keep_nt_hash && credssp_nt_hash(&login->password, &login->nt_hash))
        secret_wipe(&login->nt_hash); /* no UTF-8: such a password works in TLS mode only */
    if (login->reconnect[0])
        request_run(r, STORE_WRITE, reconnect_job, reconnected);
    else
        request_run(r, STORE_READ, prepare_job, prepared);
}
