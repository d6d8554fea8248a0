/* A client's NLA at the broker: its CredSSP messages, passed on one by one (POST /v1/nla and /v1/nla/{exchange}),
 * and what the broker answers. Owned by the login, on the worker's thread with the worker's HTTP client. An
 * exchange whose client leaves lapses at the broker.
 */
#ifndef CARREL_GATEWAY_BROKER_NLA_H
#define CARREL_GATEWAY_BROKER_NLA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/fail.h>
#include <carrel/ids.h>

struct worker;
struct broker_nla;

enum broker_nla_state {
    BROKER_NLA_MORE,    /* TOKEN goes to the client, whose next message is awaited */
    BROKER_NLA_DONE,    /* it is USER; EXCHANGE is good for one log-in */
    BROKER_NLA_REFUSED, /* FAIL and DETAIL say why, TOKEN (may be empty) tells the client */
};

/* Borrowed for the call. */
struct broker_nla_answer {
    enum broker_nla_state state;
    const uint8_t *token;
    size_t token_len;
    const char *exchange, *user;
    enum fail fail;
    const char *detail;
};

typedef void broker_nla_answered(void *arg, const struct broker_nla_answer *answer);

/* CAN_ASK: whether the person can be asked something in the lobby afterwards. KEY: of the certificate that the
 * client sees. */
int broker_nla_create(struct broker_nla **ret, struct worker *worker, const char *client_address,
                      bool can_ask, const uint8_t *key, size_t key_len, broker_nla_answered *answered,
                      void *arg) MUST_CHECK;

/* One whole message of the client; answered() comes once, after this returned. */
int broker_nla_send(struct broker_nla *nla, const uint8_t *message, size_t len) MUST_CHECK;

/* Whether an answer is awaited. */
bool broker_nla_waits(const struct broker_nla *nla);

/* answered() is not called any more. Sets *NLA to NULL; safe on NULL. */
void broker_nla_abandon(struct broker_nla **nla);

#endif
