#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Room for one more element of SIZE bytes; grows in powers of two. NULL without memory. */
static void *grow(void *array, size_t count, size_t size)
{
    if (count & (count - 1))
        return array;
    return realloc(array, (count ? count * 2 : 1) * size);
}

#define APPEND(array, count, row)                                                                            \
    do {                                                                                                     \
        void *grown = grow((array), (count), sizeof *(array));                                               \
        if (!grown)                                                                                          \
            return CE_NOMEM;                                                                                 \
        (array) = grown;                                                                                     \
        (array)[(count)++] = *(row);                                                                         \
        return 0;                                                                                            \
    } while (0)

/* Static pools are the broker's: there is no guest to drive. */
static int add_pool(void *arg, const struct pool_row *row)
{
    struct snapshot *s = arg;
    if (row->kind == POOL_STATIC)
        return 0;
    APPEND(s->pools, s->pool_count, row);
}

static int add_image(void *arg, const struct image_row *row)
{
    struct snapshot *s = arg;
    APPEND(s->images, s->image_count, row);
}

static int add_host(void *arg, const struct host_row *row)
{
    struct snapshot *s = arg;
    APPEND(s->hosts, s->host_count, row);
}

static int add_desktop(void *arg, const struct desktop_row *row)
{
    struct snapshot *s = arg;
    if (row->kind == POOL_STATIC)
        return 0;
    APPEND(s->desktops, s->desktop_count, row);
}

static int add_order(void *arg, const struct order_row *row)
{
    struct snapshot *s = arg;
    APPEND(s->orders, s->order_count, row);
}

static int add_host_image(void *arg, const struct host_image_row *row)
{
    struct snapshot *s = arg;
    APPEND(s->host_images, s->host_image_count, row);
}

static int add_lease(void *arg, const struct lease_row *row)
{
    struct snapshot *s = arg;
    APPEND(s->leases, s->lease_count, row);
}

int snapshot_read(struct db *db, struct snapshot *ret)
{
    const struct desktop_filter all = {.state = -1};
    int rc = store_pool_list(db, add_pool, ret);
    if (!rc)
        rc = store_image_list(db, add_image, ret);
    if (!rc)
        rc = store_host_list(db, add_host, ret);
    if (!rc)
        rc = store_host_image_list(db, "", add_host_image, ret);
    if (!rc)
        rc = store_lease_list(db, add_lease, ret);
    if (!rc)
        rc = store_desktop_list(db, &all, add_desktop, ret);
    if (!rc)
        rc = store_order_list(db, "vmpool", 0, add_order, ret);
    return rc;
}

void snapshot_destroy(struct snapshot **snapshot)
{
    struct snapshot *s = *snapshot;
    if (!s)
        return;
    *snapshot = NULL;
    free(s->pools);
    free(s->images);
    free(s->hosts);
    free(s->host_images);
    free(s->leases);
    free(s->desktops);
    free(s->orders);
    free(s);
}

const struct pool_row *snapshot_pool(const struct snapshot *snapshot, const char *id)
{
    for (size_t i = 0; i < snapshot->pool_count; i++) {
        if (!strcmp(snapshot->pools[i].id, id))
            return &snapshot->pools[i];
    }
    return NULL;
}

const struct image_row *snapshot_image(const struct snapshot *snapshot, const char *id)
{
    for (size_t i = 0; i < snapshot->image_count; i++) {
        if (!strcmp(snapshot->images[i].id, id))
            return &snapshot->images[i];
    }
    return NULL;
}

const struct desktop_row *snapshot_desktop(const struct snapshot *snapshot, const char *id)
{
    for (size_t i = 0; i < snapshot->desktop_count; i++) {
        if (!strcmp(snapshot->desktops[i].id, id))
            return &snapshot->desktops[i];
    }
    return NULL;
}
