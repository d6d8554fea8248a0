#include "broker_nla.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "gateway.h"
#include "http_client.h"
#include "ticket.h"
#include "tls_io.h"
#include "tsrequest.h"
#include "worker.h"

struct broker_nla {
    struct worker *worker; /* borrowed */
    broker_nla_answered *answered;
    void *arg;
    struct http_call *call; /* NULL: none is under way */
    bool can_ask;
    char address[ADDRESS_SIZE];
    char exchange[ID_SIZE]; /* "": the next message is the first */
    char key[BASE64_SIZE(TLS_KEY_MAX_BYTES)];
};

/* 0 where BODY is an answer that is understood. */
static int answer_read(struct broker_nla *nla, const json_t *body, uint8_t token[TSREQUEST_MAX_LEN],
                       struct broker_nla_answer *ret)
{
    const char *exchange = json_string_value(json_object_get(body, "exchange"));
    const char *state = json_string_value(json_object_get(body, "state"));
    const char *text = json_string_value(json_object_get(body, "token"));
    if (!exchange || strlen(exchange) >= sizeof nla->exchange || !state || !text ||
        base64_decode(text, token, TSREQUEST_MAX_LEN, &ret->token_len))
        return CE_BAD_INPUT;
    snprintf(nla->exchange, sizeof nla->exchange, "%s", exchange);
    ret->exchange = nla->exchange;
    ret->token = token;
    ret->user = json_string_value(json_object_get(body, "user"));
    if (!strcmp(state, "more")) {
        ret->state = BROKER_NLA_MORE;
    } else if (!strcmp(state, "done") && ret->user) {
        ret->state = BROKER_NLA_DONE;
    } else if (!strcmp(state, "refused")) {
        ret->state = BROKER_NLA_REFUSED;
        ret->fail = fail_parse(json_string_value(json_object_get(body, "code")));
        ret->detail = "refused by the broker during NLA";
    } else {
        return CE_BAD_INPUT;
    }
    return 0;
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct broker_nla *nla = arg;
    struct error err = {0};
    uint8_t token[TSREQUEST_MAX_LEN];
    struct broker_nla_answer result = {.state = BROKER_NLA_REFUSED, .fail = FAIL_INTERNAL};
    nla->call = NULL;
    if (answer->status != 200) {
        result.fail = ticket_refusal(answer, &err);
        result.detail = err.text;
    } else if (answer_read(nla, answer->body, token, &result)) {
        result = (struct broker_nla_answer){.state = BROKER_NLA_REFUSED,
                                            .fail = FAIL_INTERNAL,
                                            .detail = "the broker's answer about NLA is not understood"};
    }
    nla->answered(nla->arg, &result); /* may abandon NLA, which frees it */
}

int broker_nla_create(struct broker_nla **ret, struct worker *worker, const char *client_address,
                      bool can_ask, const uint8_t *key, size_t key_len, broker_nla_answered *answered,
                      void *arg)
{
    struct broker_nla *nla = key_len <= TLS_KEY_MAX_BYTES ? calloc(1, sizeof *nla) : NULL;
    if (!nla)
        return CE_NOMEM;
    *nla = (struct broker_nla){.worker = worker, .can_ask = can_ask, .answered = answered, .arg = arg};
    snprintf(nla->address, sizeof nla->address, "%s", client_address);
    base64_encode(key, key_len, nla->key);
    *ret = nla;
    return 0;
}

int broker_nla_send(struct broker_nla *nla, const uint8_t *message, size_t len)
{
    char token[BASE64_SIZE(TSREQUEST_MAX_LEN)], path[64] = "/v1/nla";
    json_t *body;
    if (len > TSREQUEST_MAX_LEN)
        return CE_LIMIT;
    base64_encode(message, len, token);
    if (nla->exchange[0]) {
        snprintf(path, sizeof path, "/v1/nla/%s", nla->exchange);
        body = json_pack("{s:s}", "token", token);
    } else {
        body = json_pack("{s:s, s:s, s:s, s:{s:s}}", "token", token, "key", nla->key, "gateway",
                         nla->worker->gateway->name, "client", "address", nla->address);
        if (body && nla->can_ask && json_object_set_new(body, "can_ask", json_true())) {
            json_decref(body);
            body = NULL;
        }
    }
    int rc = body
                 ? http_client_call(nla->worker->http, "POST", path, body,
                                    nla->worker->config.gateway_broker_timeout_ms, on_answer, nla, &nla->call)
                 : CE_NOMEM;
    json_decref(body);
    return rc;
}

bool broker_nla_waits(const struct broker_nla *nla)
{
    return nla && nla->call;
}

void broker_nla_abandon(struct broker_nla **nla)
{
    if (*nla && (*nla)->call)
        http_call_cancel((*nla)->call);
    free(*nla);
    *nla = NULL;
}
