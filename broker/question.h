/* Questions that wait for a person's answer, and what their log-ins know by then. On the loop's thread; owned by
 * main.c. Nothing here survives the process: whoever was asked begins anew.
 */
#ifndef CARREL_BROKER_QUESTION_H
#define CARREL_BROKER_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/ids.h>

#include "credssp.h"
#include "login_attempt.h"

enum {
    /* The oldest gives way to a new one. Only a right password brings a question, so a flood has a name. */
    QUESTION_MAX = 4096,
    QUESTION_LIFE_MS = 120 * 1000,
};

enum question_ask {
    ASK_NOTHING,
    ASK_CODE,
    ASK_NEW_PASSWORD,
    ASK_POOL,
    ASK_COUNT,
};
const char *question_ask_name(enum question_ask ask); /* "code", as the API spells it */

/* How far a log-in is. */
struct login_progress {
    struct login_attempt who;
    bool by_nla;                        /* and not by a typed password */
    bool by_ticket;                     /* and by no password at all: its age does not count */
    bool code_done;                     /* the one-time code was right */
    int64_t password_ms;                /* when the password that was proven was set */
    struct credssp_delegated delegated; /* after NLA: for pools that pass the user's own on */
};

struct questions;

int questions_open(struct questions **ret) MUST_CHECK;
void questions_destroy(struct questions **questions);
void questions_sweep(struct questions *questions, int64_t now_ms);

/* A new question, by a copy of PROGRESS. */
int questions_put(struct questions *questions, enum question_ask ask, const struct login_progress *progress,
                  int64_t now_ms, char ret_id[ID_SIZE]) MUST_CHECK;

/* What question ID asks; ASK_NOTHING where it lapsed, never was, or belongs to another gateway or address. */
enum question_ask questions_look(struct questions *questions, const char *id, const struct login_attempt *who,
                                 int64_t now_ms);

/* The progress of question ID, which is gone with this. CE_NOT_FOUND as above. */
int questions_take(struct questions *questions, const char *id, const struct login_attempt *who,
                   int64_t now_ms, struct login_progress *ret) MUST_CHECK;

#endif
