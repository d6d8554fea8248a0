/* The broker's answers about a log-in, read from JSON: a ticket (which desktop, where, with which
 * credentials) or a refusal. Pure functions, any thread. A struct ticket holds a password: ticket_wipe() when
 * it was used.
 */
#ifndef CARREL_GATEWAY_TICKET_H
#define CARREL_GATEWAY_TICKET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/fail.h>
#include <carrel/ids.h>
#include <carrel/policy.h>

#include "client_info.h"
#include "secret.h"
#include "tls_io.h"

struct http_answer;

enum ticket_credentials {
    TICKET_CARREL, /* the guest's own, made by vmpool */
    TICKET_USER,   /* what the user typed is passed on */
    TICKET_PROMPT, /* the guest asks */
};

enum ticket_security {
    TICKET_SECURITY_AUTO, /* what the guest chooses */
    TICKET_SECURITY_TLS,
    TICKET_SECURITY_NLA,
};

struct ticket {
    char session[ID_SIZE];
    int64_t connection;
    bool ready; /* then connect holds */
    unsigned percent, place;
    bool host_away;     /* it waits for a host that does not answer */
    bool has_delegated; /* after NLA, where the guest wants the user's own credentials */
    struct {
        char user[CLIENT_INFO_TEXT_MAX], domain[CLIENT_INFO_TEXT_MAX];
        struct secret password;
    } delegated;
    struct {
        char desktop[NAME_SIZE];
        char address[ADDRESS_SIZE];
        uint16_t port;
        char fingerprint[TLS_FINGERPRINT_SIZE]; /* empty: not pinned */
        enum ticket_security security;
        enum ticket_credentials credentials;
        char user[NAME_SIZE];
        char domain[NAME_SIZE];
        struct secret password;
        struct policy policy;
    } connect;
};

int ticket_parse(const json_t *body, struct ticket *ret_ticket, struct error *err) MUST_CHECK;
void ticket_wipe(struct ticket *ticket);

/* Which end a status other than 200 and 202 means for the session, with the broker's words in ERR. */
enum fail ticket_refusal(const struct http_answer *answer, struct error *err);
/* Of these words, those that are for the person; FAIL's sentence where there are none. */
const char *ticket_refusal_words(const char *text, enum fail fail);

#endif
