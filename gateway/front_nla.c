#include "front_nla.h"

#include <string.h>

#include "broker_nla.h"
#include "front.h"
#include "gateway.h"
#include "lobby_visit.h"
#include "log.h"
#include "login.h"
#include "session.h"
#include "tsrequest.h"
#include "worker.h"

enum {
    /* Messages of the client in one exchange; SPNEGO with NTLM has four. More end the session. */
    MESSAGES_MAX = 8,
};

/* EarlyUserAuthResult, MS-CSSP 2.2.2: success. What the broker decides about desktops comes later, in words. */
static const uint8_t early_result[4];

static void on_broker(void *arg, const struct broker_nla_answer *answer);

bool front_nla_is_required(const struct session *s)
{
    return strcmp(s->worker->config.gateway_security, "nla") == 0;
}

uint32_t front_nla_choose(const struct session *s, uint32_t protocols)
{
    bool required = front_nla_is_required(s);
    bool can = required || (strcmp(s->worker->config.gateway_security, "tls") != 0 &&
                            atomic_load(&s->worker->gateway->broker_nla));
    if (can && (protocols & RDP_PROTOCOL_HYBRID_EX))
        return RDP_PROTOCOL_HYBRID_EX;
    if (can && (protocols & RDP_PROTOCOL_HYBRID))
        return RDP_PROTOCOL_HYBRID;
    return required ? RDP_PROTOCOL_RDP : protocols & RDP_PROTOCOL_SSL;
}

bool front_nla_waits(const struct session *s)
{
    return s->login && broker_nla_waits(s->login->nla);
}

static int exchange_begin(struct session *s)
{
    uint8_t key[TLS_KEY_MAX_BYTES];
    size_t len = 0;
    int rc = tls_io_own_key(&s->front.tls, key, sizeof key, &len);
    return rc ? rc
              : broker_nla_create(&s->login->nla, s->worker, s->peer, lobby_can_ask(s), key, len, on_broker,
                                  s);
}

/* Passes on the first whole message. What stands behind it waits: a client may send MCS right after its
 * credentials. */
static void message_pass(struct session *s)
{
    struct login *login = s->login;
    struct login_input *in = &login->front_in;
    size_t len;
    int rc = tsrequest_frame(in->bytes, in->len, &len);
    if (rc == CE_NEED_MORE)
        return;
    if (rc || ++login->nla_messages > MESSAGES_MAX) {
        session_fail(s, FAIL_CLIENT_PROTOCOL, "its bytes behind TLS are no CredSSP");
        return;
    }
    if (!login->nla && exchange_begin(s)) {
        session_fail(s, FAIL_INTERNAL, "the gateway's own TLS key cannot be read");
        return;
    }
    if (broker_nla_send(login->nla, in->bytes, len))
        session_fail(s, FAIL_BROKER_UNREACHABLE, "the request about NLA could not be made");
    login_input_consume(in, len);
}

void front_nla(struct session *s)
{
    struct login_input *in = &s->login->front_in;
    bool emptied = false;
    if (front_nla_waits(s)) {
        session_fail(s, FAIL_CLIENT_CLOSED, "it left while its proof was checked");
        return;
    }
    while (s->state == VISIT_NLA && !emptied && !front_nla_waits(s)) {
        size_t n;
        enum tls_result result =
            tls_io_read(&s->front.tls, in->bytes + in->len, sizeof in->bytes - in->len, &n);
        s->front.read_wants_write = result == TLS_WANT_WRITE;
        emptied = result == TLS_WANT_READ || result == TLS_WANT_WRITE;
        if (emptied)
            break;
        if (result != TLS_OK) {
            session_fail(s, result == TLS_FAILED ? FAIL_CLIENT_PROTOCOL : FAIL_CLIENT_CLOSED,
                         "during NLA: %s", tls_io_why(&s->front.tls));
            return;
        }
        in->len += (uint32_t)n;
        message_pass(s);
    }
    if (!session_is_over(s))
        (void)session_flush(s, &s->front);
}

static bool say(struct session *s, const uint8_t *bytes, size_t len)
{
    if (!len || !relay_say(&s->to_client, &s->worker->pool, bytes, len))
        return true;
    session_fail(s, FAIL_INTERNAL, "an answer to the client has no room");
    return false;
}

static void proven(struct session *s, const struct broker_nla_answer *answer)
{
    struct login *login = s->login;
    memcpy(login->nla_exchange, answer->exchange, strlen(answer->exchange) + 1);
    session_note_user(s, answer->user);
    log_debug("A client proved who it is by NLA. connection=%u user=%s peer=%s", s->number, s->user, s->peer);
    broker_nla_abandon(&login->nla);
    if (login->selected_protocol == RDP_PROTOCOL_HYBRID_EX && !say(s, early_result, sizeof early_result))
        return;
    if (session_set_state(s, VISIT_MCS))
        front_mcs(s);
}

static void on_broker(void *arg, const struct broker_nla_answer *answer)
{
    struct session *s = arg;
    if (say(s, answer->token, answer->token_len)) {
        switch (answer->state) {
        case BROKER_NLA_MORE:
            /* The next message may be here already. */
            message_pass(s);
            if (!session_is_over(s) && session_flush(s, &s->front) && !front_nla_waits(s))
                front_nla(s);
            break;
        case BROKER_NLA_DONE:
            proven(s, answer);
            break;
        case BROKER_NLA_REFUSED:
            session_fail(s, answer->fail, "%s", answer->detail);
            break;
        }
    }
    session_settle(s);
}
