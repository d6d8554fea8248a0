/* The limits in time of a session: its longest life with a warning before, and how long it is kept after a
 * disconnect. Part of the sweep, on the store's thread.
 */
#ifndef CARREL_BROKER_SESSION_LIMITS_H
#define CARREL_BROKER_SESSION_LIMITS_H

#include <carrel/store.h>

/* Warns the users of sessions that are about to end, and ends those whose time is over at NOW_MS: a guest has WAIT_MS
 * to log its user off. */
int session_limits_enforce(struct db *db, int64_t now_ms, uint64_t wait_ms, uint32_t *ret_ended) MUST_CHECK;

#endif
