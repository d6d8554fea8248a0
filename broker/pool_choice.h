/* Which pool a log-in is for: the one that was named, the one of the user's live session, the one that is left, or
 * one of several that the person shall choose from. In store jobs.
 */
#ifndef CARREL_BROKER_POOL_CHOICE_H
#define CARREL_BROKER_POOL_CHOICE_H

#include <jansson.h>

#include <carrel/store.h>

struct pool_choice {
    enum fail fail; /* why there is none, with a sentence or none */
    struct error detail;
    json_t *pools; /* to choose from, as the API shows them; the caller's. NULL: it is decided */
    char pool_id[ID_SIZE];
    struct policy policy; /* what holds there */
};

/* What is known of the log-in. */
struct pool_wish {
    const char *named; /* by the client; "": none */
    const char *address;
    bool may_ask;      /* the person can be asked */
    bool has_password; /* for guests that want the user's own */
};

int pool_choose(struct db *db, const char *user_id, const struct pool_wish *wish,
                struct pool_choice *ret) MUST_CHECK;

#endif
