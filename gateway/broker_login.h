/* A log-in at the broker: POST /v1/logins, then the ticket's long poll while the desktop is not ready. Owned
 * by the session, on the worker's thread with the worker's HTTP client. When its client leaves, the call is
 * hung up on: the broker then drops a password that it has not checked yet, so that a flood of log-ins whose
 * clients leave costs nobody a place in that queue. What it had decided already lapses there by itself.
 */
#ifndef CARREL_GATEWAY_BROKER_LOGIN_H
#define CARREL_GATEWAY_BROKER_LOGIN_H

#include <stdint.h>

#include <carrel/error.h>
#include <carrel/fail.h>

#include "question.h"
#include "ticket.h"

struct worker;
struct broker_login;

struct broker_login_request {
    bool can_ask; /* whether the person can be asked something in the lobby */
    const char
        *question; /* "": a log-in begins; else this question is answered and what follows is not looked
                              at, but for the client */
    const char *answer_key;
    const struct secret *answer;
    const char *nla;                  /* "": by user and password; else the exchange that proved who it is */
    const char *user, *domain, *pool; /* domain and pool may be NULL */
    const struct secret *password;
    const struct secret *reconnect; /* the verifier of a cookie, empty: none came */
    const char *client_address, *client_name;
    uint32_t client_build;
};

/* Exactly one of: FAIL is FAIL_NONE and either TICKET or QUESTION holds (borrowed for the call, the other one
 * is NULL), or FAIL and the words in DETAIL. */
struct broker_login_answer {
    enum fail fail;
    const struct ticket *ticket;
    const struct question *question;
    const char *detail;
};

typedef void broker_login_answered(void *arg, const struct broker_login_answer *answer);

/* The password is in the encoded request only, when this returns; that is wiped as it leaves. */
int broker_login_start(struct broker_login **ret, struct worker *worker,
                       const struct broker_login_request *request, uint64_t timeout_ms,
                       broker_login_answered *answered, void *arg) MUST_CHECK;

/* After an answer with a ticket that is not ready: asks again, and answered() comes once more, at the latest
 * after WAIT_MS; earlier when the ticket is ready, or its progress is not what KNOWN says. */
int broker_login_wait(struct broker_login *login, const struct ticket *known, uint64_t wait_ms) MUST_CHECK;

/* answered() is not called any more. Sets *LOGIN to NULL; safe on NULL. */
void broker_login_abandon(struct broker_login **login);

#endif
