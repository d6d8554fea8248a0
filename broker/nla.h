/* Log-ins by NLA that gateways pass on message by message: the table of exchanges under way, and of those
 * that proved who somebody is and wait for their log-in (POST /v1/logins names them once). On the loop's
 * thread; owned by main.c. Nothing here survives the process: a client begins anew.
 */
#ifndef CARREL_BROKER_NLA_H
#define CARREL_BROKER_NLA_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/ids.h>

#include "credssp.h"
#include "list.h"
#include "login_attempt.h"

enum {
    /* Exchanges under way. The oldest gives way to a new one: a flood of clients that begin and leave costs
     * itself its places. Its next message, if there ever is one, is answered as lapsed. */
    NLA_OPEN_MAX = 1024,
    NLA_OPEN_MS = 30 * 1000,
    /* Proven, until the log-in that follows within the same connection. The oldest gives way here too. */
    NLA_PROVEN_MAX = 4096,
    NLA_PROVEN_MS = 60 * 1000,
};

struct nla;

struct nla_exchange {
    struct list entry;
    char id[ID_SIZE];
    int64_t deadline_ms;
    bool is_proven;
    bool can_ask;     /* the gateway, so that an expired password can be changed after this */
    bool is_disabled; /* the user, when the password was looked up */
    bool is_expired;  /* the password then */
    int64_t password_ms;
    bool must_change;                  /* because an administrator said so, not for its age */
    enum credssp_status ticket_status; /* what the client is told of a ticket that is refused */
    struct login_attempt who;
    struct credssp *credssp;
};

struct nla_proof {
    char user_id[ID_SIZE];
    char name[NAME_SIZE];
    bool by_ticket;      /* not by a password */
    int64_t password_ms; /* when the password that was proven was set */
    struct credssp_delegated delegated;
};

int nla_open(struct nla **ret) MUST_CHECK;
void nla_destroy(struct nla **nla); /* no request is under way any more */
void nla_sweep(struct nla *nla, int64_t now_ms);

/* A new exchange about a gateway's TLS key, as credssp_create(). */
int nla_begin(struct nla *nla, const uint8_t *key, size_t key_len, const struct kerberos_keys *keys,
              int64_t now_ms, struct nla_exchange **ret) MUST_CHECK;
/* One that is under way, or NULL. Nobody keeps the pointer: the next one that begins may end this. */
struct nla_exchange *nla_find(struct nla *nla, const char *id);
void nla_end(struct nla *nla, struct nla_exchange **exchange);
void nla_prove(struct nla *nla, struct nla_exchange *exchange, int64_t now_ms);

/* The proof of exchange ID, which is gone with this. CE_NOT_FOUND: it lapsed, or never was. */
int nla_take(struct nla *nla, const char *id, struct nla_proof *ret_proof) MUST_CHECK;

#endif
