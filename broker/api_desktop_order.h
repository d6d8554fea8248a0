/* Orders about a desktop, and what is said about one: shared by the api_*.c files that have to do with desktops. */
#ifndef CARREL_BROKER_API_DESKTOP_ORDER_H
#define CARREL_BROKER_API_DESKTOP_ORDER_H

#include <carrel/store_upkeep.h>

#include "api_request.h"

struct desktop_order {
    const char *verb;
    const char *words;         /* "was ordered to ..." */
    bool only_without_session; /* it would end somebody's work without that being said */
    bool force;
    char text[MESSAGE_TEXT_SIZE < REASON_SIZE ? MESSAGE_TEXT_SIZE : REASON_SIZE];
};

/* Copies ORDER, and answers 202 with the order's number, or why not. */
void api_desktop_order(struct request *r, const struct desktop_order *order);

/* In a job: the desktop that the path names, not one of a static pool; a problem is set otherwise. */
int api_desktop_find(struct db *db, struct request *r, struct desktop_row *ret) MUST_CHECK;

/* In a job: members "last_words" of a desktop and "last_failure" of a pool (api_captures.c). */
json_t *api_last_words(const struct capture_row *row);
int api_add_last_words(struct db *db, const char *desktop_id, json_t *desktop) MUST_CHECK;
int api_add_last_failure(struct db *db, const char *pool_id, json_t *pool) MUST_CHECK;

#endif
