/* The states of a visit at the gateway, from accept to the last close callback, with the deadline of each and
 * the states that may follow. A pure table: session.c has the only setter, tests/unit/gateway walks it.
 */
#ifndef CARREL_GATEWAY_VISIT_STATE_H
#define CARREL_GATEWAY_VISIT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/fail.h>

struct config;

enum visit_state {
    VISIT_PREAMBLE, /* waits for the X.224 Connection Request, in clear */
    VISIT_TLS,      /* the handshake with the client */
    VISIT_NLA,      /* CredSSP, which the broker ends */
    VISIT_MCS,      /* MCS and GCC, up to the Client Info with user and password */
    VISIT_FORM,     /* the lobby asks for user and password */
    VISIT_QUESTION, /* the lobby asks what the broker wants to know besides, see question.h */
    VISIT_LOGIN,    /* the broker decides */
    VISIT_WAITING,  /* let in; the desktop is not ready yet */
    VISIT_LOBBY,    /* the same, and the lobby shows it */
    VISIT_NOTICE,   /* the lobby tells why there is no desktop */
    VISIT_DIALLING, /* the connection sequence with the guest; the lobby may be shown meanwhile */
    VISIT_RELAYING,
    VISIT_CLOSING, /* the last bytes leave, the peers' ends are awaited */
    VISIT_GONE,    /* handles are closing; nothing is done any more */
    VISIT_STATE_COUNT,
};

const char *visit_state_name(enum visit_state state);

/* Whether the table lets TO follow FROM. */
bool visit_state_may_follow(enum visit_state from, enum visit_state to);

/* Milliseconds that a session may stay in STATE, 0: for ever. */
uint64_t visit_state_deadline_ms(enum visit_state state, const struct config *config);

/* What the deadline's end means for the session. */
enum fail visit_state_timeout(enum visit_state state);

#endif
