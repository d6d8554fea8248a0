/* What gateway and lobby tell each other about one visit: JSON objects, one a packet of their control socket
 * (SOCK_SEQPACKET). The gateway says what to show; the lobby says what the person did.
 *
 *     {"page": "wait", "text": "...", "session": "s-...", "percent": 40, "seconds": 8}
 *     {"page": "form", "text": "...", "user": "...", "bad": true}
 *     {"page": "notice", "text": "...", "session": "s-..."}
 *     {"did": "login", "user": "...", "password": "..."}      {"did": "leave"}
 *
 * Pure functions, any thread. Both processes let jansson wipe what it frees, for a password passes through.
 */
#ifndef CARREL_LOBBY_MESSAGE_H
#define CARREL_LOBBY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <carrel/error.h>
#include <carrel/ids.h>

#include "secret.h"

enum {
    LOBBY_MESSAGE_MAX_BYTES = 8192, /* a longer one is refused by both sides */
    LOBBY_TEXT_SIZE = 256,          /* sentences for the person */
    LOBBY_USER_SIZE = 257,          /* what fits the form's field, in UTF-8 */
};

enum lobby_page {
    LOBBY_PAGE_WAIT,   /* the desktop starts, or a password is being checked */
    LOBBY_PAGE_FORM,   /* user name and password are asked for */
    LOBBY_PAGE_NOTICE, /* why nothing can be had */
};

struct lobby_show {
    enum lobby_page page;
    char text[LOBBY_TEXT_SIZE];
    char session[ID_SIZE];      /* to quote on the phone; may be empty */
    char user[LOBBY_USER_SIZE]; /* the form begins with it */
    bool bad;                   /* TEXT says what was wrong with the last try */
    unsigned percent;           /* of a wait; 0: not known */
    unsigned seconds;           /* that it may still take; 0: not known */
};

enum lobby_did {
    LOBBY_DID_LOGIN,
    LOBBY_DID_LEAVE,
};

struct lobby_act {
    enum lobby_did did;
    char user[LOBBY_USER_SIZE];
    struct secret password; /* the caller wipes */
};

/* RET_LEN bytes, no terminator. CE_LIMIT: it does not fit; CE_NOMEM. */
int lobby_show_write(const struct lobby_show *show, char ret[LOBBY_MESSAGE_MAX_BYTES],
                     size_t *ret_len) MUST_CHECK;
int lobby_act_write(const struct lobby_act *act, char ret[LOBBY_MESSAGE_MAX_BYTES],
                    size_t *ret_len) MUST_CHECK;

/* CE_BAD_INPUT: not exactly such an object. */
int lobby_show_read(const char *bytes, size_t len, struct lobby_show *ret) MUST_CHECK;
int lobby_act_read(const char *bytes, size_t len, struct lobby_act *ret) MUST_CHECK;

#endif
