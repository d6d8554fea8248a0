/* POST /v1/nla and POST /v1/nla/{exchange}: a gateway passes on a client's CredSSP messages, one a request.
 *
 *     message -> (the user's NT hash: read job) -> answer | (counted and audited: write job) -> refusal
 *
 * An exchange is looked up anew after each job: it may have lapsed, or given way to another.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "base64.h"
#include "log.h"
#include "nla.h"
#include "nt_hash.h"
#include "password_rule.h"
#include "tsrequest.h"

#define TOKEN_SIZE BASE64_SIZE(TSREQUEST_MAX_LEN)
#define KEY_SIZE BASE64_SIZE(CREDSSP_KEY_MAX_BYTES)

struct nla_input {
    char id[ID_SIZE];
    struct login_attempt who; /* a copy: jobs work with it */
    uint8_t message[TSREQUEST_MAX_LEN];
    size_t message_len;
    struct secret hash; /* empty: the user is unknown or has none */
    bool is_disabled, is_expired, must_change;
    int64_t password_ms;
    uint64_t password_max_age_ms; /* broker.password_max_age when the message came */
    bool is_ticket;               /* no hash is needed, and no password's age counts */
    enum fail fail;               /* of a refusal */
};

static void go_on(struct request *r, struct nla_exchange *x, enum credssp_result result,
                  const struct writer *w);

/* ---- answers ---- */

static json_t *answer_json(const char *id, const char *state, const struct writer *w)
{
    char token[TOKEN_SIZE];
    base64_encode(w->start, writer_len(w), token);
    return json_pack("{s:s, s:s, s:s}", "exchange", id, "state", state, "token", token);
}

static void answer_lapsed(struct request *r)
{
    problem_set_fail(r, FAIL_CLIENT_TIMEOUT, "", "The exchange has lapsed.");
    request_send(r);
}

/* The end of an exchange, with the reason for the client where its version of CredSSP can be told. */
static void answer_refused(struct request *r, struct nla_exchange *x, enum fail fail)
{
    uint8_t out[64];
    struct writer w = writer_init(out, sizeof out);
    switch ((int)fail) {
    case FAIL_WRONG_PASSWORD:
        credssp_write_error(x->credssp, CREDSSP_LOGON_FAILURE, &w);
        break;
    case FAIL_TOO_MANY_TRIES:
        credssp_write_error(x->credssp, CREDSSP_ACCOUNT_LOCKED_OUT, &w);
        break;
    case FAIL_ACCOUNT_DISABLED:
        credssp_write_error(x->credssp, CREDSSP_ACCOUNT_DISABLED, &w);
        break;
    case FAIL_PASSWORD_EXPIRED:
        credssp_write_error(x->credssp,
                            x->must_change ? CREDSSP_PASSWORD_MUST_CHANGE : CREDSSP_PASSWORD_EXPIRED, &w);
        break;
    case FAIL_TICKET_REFUSED:
        credssp_write_error(x->credssp, x->ticket_status, &w);
        break;
    default:
        break;
    }
    json_t *json = answer_json(x->id, "refused", &w);
    if (json && (json_object_set_new(json, "code", json_string(fail_code(fail))) ||
                 json_object_set_new(json, "message", json_string(fail_sentence(fail))))) {
        json_decref(json);
        json = NULL;
    }
    nla_end(r->broker->nla, &x);
    request_answer(r, 200, json);
}

static void answer_done(struct request *r, struct nla_exchange *x)
{
    struct writer nothing = writer_init(r->input, 0);
    json_t *json = answer_json(x->id, "done", &nothing);
    if (json && json_object_set_new(json, "user", json_string(x->who.name))) {
        json_decref(json);
        json = NULL;
    }
    nla_prove(r->broker->nla, x, store_now_ms());
    request_answer(r, 200, json);
}

/* ---- refusals ---- */

static int refuse_job(struct db *db, struct request *r)
{
    const struct nla_input *input = r->input;
    int64_t left_s;
    if (input->fail == FAIL_WRONG_PASSWORD)
        return login_attempt_failed(db, &input->who, FAIL_WRONG_PASSWORD, &left_s);
    return login_attempt_refused(db, &input->who, input->fail);
}

static void refused(struct request *r)
{
    const struct nla_input *input = r->input;
    struct nla_exchange *x = nla_find(r->broker->nla, input->id);
    if (x)
        answer_refused(r, x, input->fail);
    else
        answer_lapsed(r);
}

static void refuse(struct request *r, enum fail fail)
{
    struct nla_input *input = r->input;
    input->fail = fail;
    request_run(r, STORE_WRITE, refuse_job, refused);
}

static void refuse_ticket(struct request *r, struct nla_exchange *x, enum credssp_status status,
                          const char *why)
{
    struct nla_input *input = r->input;
    x->ticket_status = status;
    snprintf(input->who.why, sizeof input->who.why, "%.*s", (int)sizeof input->who.why - 1, why);
    refuse(r, FAIL_TICKET_REFUSED);
}

/* ---- the user's hash ---- */

static int find_user(struct db *db, struct request *r, struct nla_input *input)
{
    struct user_row user;
    char hash[SECRET_HASH_SIZE];
    int rc = store_user_get_password(db, login_attempt_key(&input->who), &user, hash, sizeof hash);
    secret_wipe_bytes(hash, sizeof hash);
    if (rc)
        return rc;
    memcpy(input->who.user_id, user.id, sizeof user.id);
    input->is_disabled = user.disabled;
    input->password_ms = user.password_ms;
    if (input->is_ticket)
        return 0;
    input->is_expired = password_is_expired(&user, input->password_max_age_ms, store_now_ms());
    input->must_change = user.must_change;
    rc = nt_hash_get(db, &r->broker->key, user.id, &input->hash);
    if (rc == CE_NOT_FOUND)
        log_info("User %s has no NT hash yet: log in once in TLS mode, or set another password.", user.name);
    return rc;
}

static int look_job(struct db *db, struct request *r)
{
    struct nla_input *input = r->input;
    int64_t left_s = 0;
    input->fail = FAIL_NONE;
    input->who.user_id[0] = '\0';
    input->is_disabled = input->is_expired = input->must_change = false;
    secret_wipe(&input->hash);
    int rc = login_attempt_pause_s(db, &input->who, &left_s);
    if (!rc && left_s)
        input->fail = FAIL_TOO_MANY_TRIES;
    if (!rc)
        rc = find_user(db, r, input);
    return rc == CE_NOT_FOUND ? 0 : rc;
}

static void looked(struct request *r)
{
    struct nla_input *input = r->input;
    struct nla_exchange *x = nla_find(r->broker->nla, input->id);
    uint8_t out[TSREQUEST_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    if (!x) {
        answer_lapsed(r);
        return;
    }
    x->who = input->who;
    x->is_disabled = input->is_disabled;
    x->is_expired = input->is_expired;
    x->must_change = input->must_change;
    x->password_ms = input->password_ms;
    if (input->fail) {
        refuse(r, input->fail);
        return;
    }
    if (input->is_ticket && !input->who.user_id[0]) {
        char why[160];
        snprintf(why, sizeof why, "there is no user %s", input->who.name);
        refuse_ticket(r, x, CREDSSP_NO_SUCH_USER, why);
        return;
    }
    enum credssp_result result =
        input->is_ticket ? credssp_admit(x->credssp, &w) : credssp_verify(x->credssp, &input->hash, &w);
    secret_wipe(&input->hash);
    go_on(r, x, result, &w);
}

/* ---- tickets ---- */

/* Whose ticket it is, for Carrel: the principal's name in the configured realm, all of it where other realms are let
 * in, and nobody's otherwise. */
static void ask_ticket(struct request *r, struct nla_exchange *x)
{
    struct nla_input *input = r->input;
    const struct config *config = &r->broker->config;
    const struct ntlm_name *principal = credssp_name(x->credssp);
    char name[2 * NTLM_NAME_SIZE];
    bool ours = !strcmp(principal->domain, config->broker_kerberos_realm);
    if (!ours && !config->broker_kerberos_other_realms) {
        snprintf(name, sizeof name, "%.60s@%.60s is of another realm than broker.kerberos_realm",
                 principal->user, principal->domain);
        refuse_ticket(r, x, CREDSSP_NO_SUCH_DOMAIN, name);
        return;
    }
    snprintf(name, sizeof name, "%s%s%s", principal->user, ours ? "" : "@", ours ? "" : principal->domain);
    login_attempt_set_name(&input->who, name);
    input->is_ticket = true;
    request_run(r, STORE_READ, look_job, looked);
}

/* ---- one message ---- */

static void go_on(struct request *r, struct nla_exchange *x, enum credssp_result result,
                  const struct writer *w)
{
    struct nla_input *input = r->input;
    switch (result) {
    case CREDSSP_MORE:
        if (credssp_is_proven(x->credssp) && x->is_disabled)
            refuse(r, FAIL_ACCOUNT_DISABLED);
        else if (credssp_is_proven(x->credssp) && x->is_expired && !x->can_ask)
            refuse(r, FAIL_PASSWORD_EXPIRED);
        else
            request_answer(r, 200, answer_json(x->id, "more", w));
        break;
    case CREDSSP_TICKET:
        refuse_ticket(r, x, credssp_ticket_status(x->credssp), credssp_ticket_words(x->credssp));
        break;
    case CREDSSP_ASKS:
        if (credssp_is_ticket(x->credssp)) {
            ask_ticket(r, x);
            break;
        }
        login_attempt_set_name(&input->who, credssp_name(x->credssp)->user);
        request_run(r, STORE_READ, look_job, looked);
        break;
    case CREDSSP_DONE:
        answer_done(r, x);
        break;
    case CREDSSP_DENIED:
        refuse(r, FAIL_WRONG_PASSWORD);
        break;
    case CREDSSP_BAD:
        log_info("A client's CredSSP is not understood, or is bound to another key. address=%s gateway=%s%s",
                 x->who.address, x->who.gateway,
                 credssp_is_proven(x->credssp) ? " (after the right password)" : "");
        answer_refused(r, x, FAIL_CLIENT_PROTOCOL);
        break;
    }
}

static void message_read(struct request *r, struct nla_exchange *x)
{
    struct nla_input *input = r->input;
    uint8_t out[TSREQUEST_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    memcpy(input->id, x->id, sizeof input->id);
    input->who = x->who;
    input->password_max_age_ms = r->broker->config.broker_password_max_age_ms;
    go_on(r, x, credssp_read(x->credssp, input->message, input->message_len, &w), &w);
}

static void read_bytes(struct api_reader *reader, const char *name, uint8_t *ret, size_t size,
                       size_t *ret_len)
{
    char text[TOKEN_SIZE];
    if (api_reader_text(reader, name, API_REQUIRED, text, sizeof text) &&
        base64_decode(text, ret, size, ret_len))
        api_reader_refuse(reader, "The member \"%s\" must be base64 of at most %zu bytes.", name, size);
}

static void read_message(struct api_reader *reader, struct nla_input *input)
{
    read_bytes(reader, "token", input->message, sizeof input->message, &input->message_len);
}

void api_nla_begin(struct request *r)
{
    struct nla_input *input = request_input(r, sizeof *input);
    struct nla_exchange *x;
    struct api_reader reader;
    uint8_t key[CREDSSP_KEY_MAX_BYTES];
    size_t key_len = 0;
    bool can_ask = false;
    if (!input)
        return;
    api_reader_init(&reader, r->body, "");
    login_attempt_read(&input->who, &reader, &r->broker->config);
    api_reader_flag(&reader, "can_ask", API_OPTIONAL, &can_ask);
    read_bytes(&reader, "key", key, sizeof key, &key_len);
    read_message(&reader, input);
    if (!request_read_done(r, &reader))
        return;
    if (!r->broker->config.broker_nla && !r->broker->kerberos) {
        problem_answer(r, PROBLEM_CONFLICT, "NLA is not on here (broker.nla, broker.kerberos_keytab).");
        return;
    }
    int rc = nla_begin(r->broker->nla, key, key_len, r->broker->kerberos, store_now_ms(), &x);
    if (rc) {
        problem_set_error(r, rc);
        request_send(r);
        return;
    }
    x->who = input->who;
    x->can_ask = can_ask;
    message_read(r, x);
}

void api_nla_go_on(struct request *r)
{
    struct nla_input *input = request_input(r, sizeof *input);
    struct api_reader reader;
    if (!input)
        return;
    api_reader_init(&reader, r->body, "");
    read_message(&reader, input);
    if (!request_read_done(r, &reader))
        return;
    struct nla_exchange *x = nla_find(r->broker->nla, r->params[0]);
    if (x)
        message_read(r, x);
    else
        answer_lapsed(r);
}
