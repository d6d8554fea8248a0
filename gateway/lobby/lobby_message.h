/* What gateway and lobby tell each other about one visit: JSON objects, one a packet of their control socket
 * (SOCK_SEQPACKET). The gateway says what to show; the lobby says what the person did.
 *
 *     {"page": "wait", "text": "...", "session": "s-...", "percent": 40, "seconds": 8}
 *     {"page": "login", "text": "...", "user": "...", "bad": true}
 *     {"page": "code" | "new-password", "text": "...", "bad": false}
 *     {"page": "pool", "text": "...", "pools": [{"name": "...", "description": "...", "ready": 3, "open": true,
 *      "reason": "", "current": false}]}
 *     {"page": "notice", "text": "...", "session": "s-...", "message": "..."}
 *     {"did": "login", "user": "...", "password": "..."}
 *     {"did": "answer", "page": "code" | "new-password" | "pool", "answer": "..."}      {"did": "leave"}
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
    LOBBY_MESSAGE_MAX_BYTES = 65536, /* a longer one is refused by both sides */
    LOBBY_TEXT_SIZE = 400,           /* sentences for the person */
    LOBBY_USER_SIZE = 257,           /* what fits the form's field, in UTF-8 */
    LOBBY_POOLS_MAX = 32,
    LOBBY_DESCRIPTION_SIZE = 200,
    LOBBY_READY_MAX = 999999,
};

enum lobby_page {
    LOBBY_PAGE_WAIT,   /* the desktop starts, or an answer is being checked */
    LOBBY_PAGE_LOGIN,  /* user name and password are asked for */
    LOBBY_PAGE_NOTICE, /* why nothing can be had */
    LOBBY_PAGE_CODE,   /* the questions of the broker */
    LOBBY_PAGE_NEW_PASSWORD,
    LOBBY_PAGE_POOL,
    LOBBY_PAGE_COUNT,
};

struct lobby_pool {
    char name[NAME_SIZE];
    char description[LOBBY_DESCRIPTION_SIZE];
    char reason[LOBBY_DESCRIPTION_SIZE]; /* why it is closed */
    unsigned ready;                      /* desktops that wait for somebody */
    bool open, current;                  /* current: the user has a session there */
};

struct lobby_show {
    enum lobby_page page;
    char text[LOBBY_TEXT_SIZE];
    char session[ID_SIZE];           /* to quote on the phone; may be empty */
    char message[MESSAGE_TEXT_SIZE]; /* what an administrator says, on top of the page; may be empty */
    char user[LOBBY_USER_SIZE];      /* the form begins with it */
    bool bad;                        /* TEXT says what was wrong with the last try */
    unsigned percent;                /* of a wait; 0: not known */
    unsigned seconds;                /* that it may still take; 0: not known */
    unsigned pool_count;
    struct lobby_pool pools[LOBBY_POOLS_MAX];
};

enum lobby_did {
    LOBBY_DID_LOGIN,
    LOBBY_DID_ANSWER,
    LOBBY_DID_LEAVE,
};

struct lobby_act {
    enum lobby_did did;
    enum lobby_page page; /* which question was answered */
    char user[LOBBY_USER_SIZE];
    struct secret secret; /* the password, or the answer; the caller wipes */
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
