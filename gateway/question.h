/* What the broker asks the person at the client in the middle of a log-in, read from JSON: a one-time code, a new
 * password, or which of several pools. Pure functions, any thread.
 */
#ifndef CARREL_GATEWAY_QUESTION_H
#define CARREL_GATEWAY_QUESTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/ids.h>

#include "lobby/lobby_message.h"

enum question_ask {
    QUESTION_CODE,
    QUESTION_NEW_PASSWORD,
    QUESTION_POOL,
    QUESTION_ASK_COUNT,
};

struct question {
    char id[ID_SIZE];
    enum question_ask ask;
    char text[LOBBY_TEXT_SIZE]; /* cut where it is longer */
    bool bad;                   /* TEXT says what was wrong with the last answer */
    uint64_t expires_ms;        /* from the broker's answer on */
    unsigned pool_count;        /* at least one where a pool is asked for */
    struct lobby_pool pools[LOBBY_POOLS_MAX];
};

/* Whether an answer of the broker is a question, not a ticket. */
bool question_is(const json_t *body);

int question_parse(const json_t *body, struct question *ret_question, struct error *err) MUST_CHECK;

/* The key of the answer in the broker's API. */
const char *question_answer_key(enum question_ask ask);

#endif
