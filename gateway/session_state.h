/* The states of a visit at the gateway, from accept to the last close callback, with the deadline of each and
 * the states that may follow. A pure table: session.c has the only setter, tests/unit/gateway walks it.
 */
#ifndef CARREL_GATEWAY_SESSION_STATE_H
#define CARREL_GATEWAY_SESSION_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/fail.h>

struct config;

enum session_state {
    SESSION_PREAMBLE, /* waits for the X.224 Connection Request, in clear */
    SESSION_TLS,      /* the handshake with the client */
    SESSION_MCS,      /* MCS and GCC, up to the Client Info with user and password */
    SESSION_LOGIN,    /* the broker decides */
    SESSION_WAITING,  /* let in; the desktop is not ready yet */
    SESSION_DIALLING, /* the connection sequence with the guest */
    SESSION_RELAYING,
    SESSION_CLOSING, /* the last bytes leave, the peers' ends are awaited */
    SESSION_GONE,    /* handles are closing; nothing is done any more */
    SESSION_STATE_COUNT,
};

const char *session_state_name(enum session_state state);

/* Whether the table lets TO follow FROM. */
bool session_state_may_follow(enum session_state from, enum session_state to);

/* Milliseconds that a session may stay in STATE, 0: for ever. */
uint64_t session_state_deadline_ms(enum session_state state, const struct config *config);

/* What the deadline's end means for the session. */
enum fail session_state_timeout(enum session_state state);

#endif
