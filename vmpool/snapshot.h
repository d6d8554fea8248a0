/* The store's rows that vmpool acts on, read in one job. Pools, images, hosts, leases and open orders are few and
 * read whole; of the desktops those are read that changed since the last snapshot (by the store's log of changes), and
 * those that were asked for; all of them the first time, or when the log does not reach back.
 *
 * Filled on the store's thread, then owned by the loop's thread as vm->world until the next one replaces it.
 */
#ifndef VMPOOL_SNAPSHOT_H
#define VMPOOL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/store.h>

#define SNAPSHOT_CHUNK 32

/* Rows of desktops: in pieces, so that reading many needs no more memory for each than reading few. */
struct snapshot_desktops {
    struct snapshot_desktops *next;
    size_t count;
    struct desktop_row rows[SNAPSHOT_CHUNK];
};

struct snapshot_ids {
    char (*ids)[ID_SIZE];
    size_t count;
};

/* Which quarter of an hour of which week it is on a pool's clocks: usage_row. */
struct usage_quarter {
    uint32_t slot;
    int64_t week;
};

struct power_now; /* power_drive.h */

struct snapshot {
    uint64_t seq; /* vm->seq when it was asked for */
    struct pool_row *pools;
    size_t pool_count;
    struct image_row *images;
    size_t image_count;
    struct host_row *hosts;
    size_t host_count;
    struct host_image_row *host_images;
    size_t host_image_count;
    struct lease_row *leases;
    size_t lease_count;
    struct change_mark mark; /* given: up to where the changes of desktops are known; then: up to where now */
    struct snapshot_ids asked;          /* given: desktops to read although they did not change */
    bool all;                           /* a desktop that is not among those below is gone */
    struct snapshot_desktops *desktops; /* until they were applied: snapshot_drop_desktops() */
    struct snapshot_ids gone;
    size_t rows_read;       /* of desktops; tests judge by it what a pass costs */
    struct roll_row *rolls; /* that are not done */
    size_t roll_count;
    struct order_row *orders; /* open ones for vmpool */
    size_t order_count;
    struct power_now *powers; /* of pools that somebody said something of; in the order of the pools' ids */
    size_t power_count;
    struct usage_quarter *quarters;      /* of each pool */
    const struct pool_row **pools_by_id; /* sorted, for snapshot_pool() */
    const struct image_row **images_by_id;
};

/* In a read job. */
int snapshot_read(struct db *db, struct snapshot *ret) MUST_CHECK;
void snapshot_destroy(struct snapshot **snapshot);

/* Once they were applied, the desktops' rows are not kept a second time. */
void snapshot_drop_desktops(struct snapshot *snapshot);

bool snapshot_ask(struct snapshot *snapshot, const char *id); /* before it is read; false without memory */

/* NULL when there is none. */
const struct pool_row *snapshot_pool(const struct snapshot *snapshot, const char *id);
const struct image_row *snapshot_image(const struct snapshot *snapshot, const char *id);
const struct host_row *snapshot_host(const struct snapshot *snapshot, const char *id);

#endif
