/* The store's rows that vmpool acts on, read in one job. Filled on the store's thread, then owned by the
 * loop's thread as vm->world until the next one replaces it.
 */
#ifndef VMPOOL_SNAPSHOT_H
#define VMPOOL_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/store.h>

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
    struct desktop_row *desktops;
    size_t desktop_count;
    struct order_row *orders; /* open ones for vmpool */
    size_t order_count;
};

/* In a read job. */
int snapshot_read(struct db *db, struct snapshot *ret) MUST_CHECK;
void snapshot_destroy(struct snapshot **snapshot);

/* NULL when there is none. */
const struct pool_row *snapshot_pool(const struct snapshot *snapshot, const char *id);
const struct image_row *snapshot_image(const struct snapshot *snapshot, const char *id);
const struct desktop_row *snapshot_desktop(const struct snapshot *snapshot, const char *id);

#endif
