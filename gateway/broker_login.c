#include "broker_login.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway.h"
#include "http_client.h"
#include "log.h"
#include "worker.h"

enum {
    WAIT_MAX_S = 25,      /* what the broker allows */
    WAIT_SLACK_MS = 5000, /* for the answer to travel */
};

struct broker_login {
    struct worker *worker; /* borrowed */
    broker_login_answered *answered;
    void *arg;
    struct http_call *call; /* NULL: none is under way */
    char session[ID_SIZE];
    int64_t connection;
};

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct broker_login *login = arg;
    struct ticket ticket = {0};
    struct question question;
    struct error err = {0};
    struct broker_login_answer result = {.fail = FAIL_NONE};
    login->call = NULL;
    if (answer->status != 200 && answer->status != 202) {
        result.fail = ticket_refusal(answer, &err);
    } else if (question_is(answer->body)) {
        if (question_parse(answer->body, &question, &err))
            result.fail = FAIL_INTERNAL;
        else
            result.question = &question;
    } else {
        if (ticket_parse(answer->body, &ticket, &err))
            result.fail = FAIL_INTERNAL;
        else
            result.ticket = &ticket;
    }
    result.detail = err.text;
    snprintf(login->session, sizeof login->session, "%s", ticket.session);
    login->connection = ticket.connection;
    login->answered(login->arg, &result); /* may abandon LOGIN, which frees it */
    ticket_wipe(&ticket);
}

static int secret_put(json_t *body, const char *key, const struct secret *secret)
{
    return json_object_set_new(body, key, json_stringn(secret->bytes, secret->len));
}

/* Who it is: what a log-in begins with. */
static int person_put(json_t *body, const struct broker_login_request *r)
{
    int rc = 0;
    if (*r->nla)
        rc = json_object_set_new(body, "nla", json_string(r->nla));
    else
        rc = json_object_set_new(body, "user", json_string(r->user)) ||
             secret_put(body, "password", r->password);
    if (!rc && !*r->nla && r->domain && *r->domain)
        rc = json_object_set_new(body, "domain", json_string(r->domain));
    if (!rc && r->reconnect->len)
        rc = secret_put(body, "reconnect", r->reconnect);
    if (!rc && r->pool && *r->pool)
        rc = json_object_set_new(body, "pool", json_string(r->pool));
    if (!rc && r->can_ask)
        rc = json_object_set_new(body, "can_ask", json_true());
    return rc;
}

static json_t *body_make(const struct worker *worker, const struct broker_login_request *r)
{
    json_t *body = json_pack("{s:s, s:s, s:{s:s, s:s, s:I}}", "gateway", worker->gateway->name, "boot_id",
                             worker->gateway->boot_id, "client", "address", r->client_address, "name",
                             r->client_name, "build", (json_int_t)r->client_build);
    int rc = body ? 0 : -1;
    if (!rc && *r->question)
        rc = json_object_set_new(body, "question", json_string(r->question)) ||
             secret_put(body, r->answer_key, r->answer);
    else if (!rc)
        rc = person_put(body, r);
    if (rc) {
        json_decref(body);
        body = NULL;
    }
    return body;
}

int broker_login_start(struct broker_login **ret, struct worker *worker,
                       const struct broker_login_request *request, uint64_t timeout_ms,
                       broker_login_answered *answered, void *arg)
{
    struct broker_login *login = calloc(1, sizeof *login);
    json_t *body = login ? body_make(worker, request) : NULL;
    int rc = body ? 0 : CE_NOMEM;
    if (!rc) {
        *login = (struct broker_login){.worker = worker, .answered = answered, .arg = arg};
        rc = http_client_call(worker->http, "POST", "/v1/logins", body, timeout_ms, on_answer, login,
                              &login->call);
    }
    json_decref(body); /* jansson's memory is wiped as it is freed, see main.c */
    if (rc)
        free(login);
    else
        *ret = login;
    return rc;
}

int broker_login_wait(struct broker_login *login, const struct ticket *known, uint64_t wait_ms)
{
    char path[200];
    uint64_t wait_s = (wait_ms + 999) / 1000;
    if (wait_s > WAIT_MAX_S)
        wait_s = WAIT_MAX_S;
    snprintf(path, sizeof path, "/v1/sessions/%s/ticket?connection=%lld&wait=%llu&percent=%u&place=%u",
             login->session, (long long)login->connection, (unsigned long long)wait_s, known->percent,
             known->place);
    return http_client_call(login->worker->http, "GET", path, NULL, wait_s * 1000 + WAIT_SLACK_MS, on_answer,
                            login, &login->call);
}

void broker_login_abandon(struct broker_login **login)
{
    if (*login && (*login)->call)
        http_call_cancel((*login)->call);
    free(*login);
    *login = NULL;
}
