/* How many guests a pool should start or give back now, and how long it pauses after a failure. Pure
 * functions of what was counted; the reconciler acts on the answers. Any thread.
 */
#ifndef VMPOOL_POOL_SIZING_H
#define VMPOOL_POOL_SIZING_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/rows.h>

/* What the reconciler counted among the pool's desktops. */
struct pool_count {
    uint32_t total;      /* rows of any state but maintenance: they count against the pool's max */
    uint32_t free_ready; /* ready, nobody's: what a claim can take */
    uint32_t stale;      /* of free_ready: made from an image that the pool no longer has */
    uint32_t coming;     /* cloning or booting, nobody's yet */
};

struct pool_plan {
    uint32_t create;       /* guests to start now */
    uint32_t remove;       /* ready ones that are too many, stale ones first */
    int64_t wait_until_ms; /* nothing is started before this time (back-off); 0: no pause */
};

struct pool_plan pool_sizing_plan(const struct pool_row *pool, const struct pool_count *count,
                                  int64_t now_ms);

/* How long to pause after the FAILURES-th failure in a row: PAUSE_MS, doubled with each, up to PAUSE_MAX_MS. */
uint64_t backoff_pause_ms(uint32_t failures, uint64_t pause_ms, uint64_t pause_max_ms);

struct pool_backoff {
    uint32_t failures;
    int64_t retry_at_ms;
    bool stopped;
};

/* The pool's standing after one more guest failed at NOW. Guests that fail while the pool pauses already
 * belong to the failure that began the pause and are not counted again. */
struct pool_backoff pool_backoff_next(const struct pool_row *pool, int64_t now_ms, uint64_t pause_ms,
                                      uint64_t pause_max_ms, uint64_t failure_limit);

#endif
