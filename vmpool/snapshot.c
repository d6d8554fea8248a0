#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "power_drive.h"

#define APPEND(array, count, row)                                                                            \
    do {                                                                                                     \
        void *grown = array_grow((array), (count), sizeof *(array));                                         \
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

/* --- desktops ---------------------------------------------------------------------------------------------
 */

static bool ids_add(struct snapshot_ids *list, const char *id)
{
    void *grown = array_grow(list->ids, list->count, sizeof list->ids[0]);
    if (!grown)
        return false;
    list->ids = grown;
    snprintf(list->ids[list->count++], ID_SIZE, "%s", id);
    return true;
}

bool snapshot_ask(struct snapshot *snapshot, const char *id)
{
    return ids_add(&snapshot->asked, id);
}

static int add_desktop(void *arg, const struct desktop_row *row)
{
    struct snapshot *s = arg;
    s->rows_read++;
    if (row->kind == POOL_STATIC)
        return 0;
    struct snapshot_desktops *chunk = s->desktops;
    if (!chunk || chunk->count == SNAPSHOT_CHUNK) {
        chunk = malloc(sizeof *chunk);
        if (!chunk)
            return CE_NOMEM;
        chunk->count = 0;
        chunk->next = s->desktops;
        s->desktops = chunk;
    }
    chunk->rows[chunk->count++] = *row;
    return 0;
}

static int add_changed(void *arg, const char *id)
{
    return snapshot_ask(arg, id) ? 0 : CE_NOMEM;
}

static int read_desktops(struct db *db, struct snapshot *s)
{
    const struct desktop_filter all = {.state = -1};
    int rc = store_desktop_changes(db, &s->mark, add_changed, s);
    if (rc == CE_NOT_FOUND) {
        s->all = true;
        return store_desktop_list(db, &all, add_desktop, s);
    }
    for (size_t i = 0; !rc && i < s->asked.count; i++) {
        struct desktop_row row;
        rc = store_desktop_get(db, s->asked.ids[i], &row);
        if (!rc)
            rc = add_desktop(s, &row);
        else if (rc == CE_NOT_FOUND)
            rc = ids_add(&s->gone, s->asked.ids[i]) ? 0 : CE_NOMEM;
    }
    return rc;
}

void snapshot_drop_desktops(struct snapshot *snapshot)
{
    for (struct snapshot_desktops *chunk = snapshot->desktops, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    snapshot->desktops = NULL;
    free(snapshot->asked.ids);
    free(snapshot->gone.ids);
    snapshot->asked = snapshot->gone = (struct snapshot_ids){0};
}

/* --- what is few ------------------------------------------------------------------------------------------
 */

static int add_order(void *arg, const struct order_row *row)
{
    struct snapshot *s = arg;
    APPEND(s->orders, s->order_count, row);
}

static int add_roll(void *arg, const struct roll_row *row)
{
    struct snapshot *s = arg;
    APPEND(s->rolls, s->roll_count, row);
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

static int compare_pools(const void *a, const void *b)
{
    return strcmp((*(const struct pool_row *const *)a)->id, (*(const struct pool_row *const *)b)->id);
}

static int compare_images(const void *a, const void *b)
{
    return strcmp((*(const struct image_row *const *)a)->id, (*(const struct image_row *const *)b)->id);
}

static int sort_by_id(struct snapshot *s)
{
    s->pools_by_id = calloc(s->pool_count + 1, sizeof(const struct pool_row *));
    s->images_by_id = calloc(s->image_count + 1, sizeof(const struct image_row *));
    if (!s->pools_by_id || !s->images_by_id)
        return CE_NOMEM;
    for (size_t i = 0; i < s->pool_count; i++)
        s->pools_by_id[i] = &s->pools[i];
    for (size_t i = 0; i < s->image_count; i++)
        s->images_by_id[i] = &s->images[i];
    qsort(s->pools_by_id, s->pool_count, sizeof(const struct pool_row *), compare_pools);
    qsort(s->images_by_id, s->image_count, sizeof(const struct image_row *), compare_images);
    return 0;
}

int snapshot_read(struct db *db, struct snapshot *ret)
{
    int rc = store_pool_list_plain(db, add_pool, ret);
    if (!rc)
        rc = store_image_list(db, add_image, ret);
    if (!rc)
        rc = sort_by_id(ret);
    if (!rc)
        rc = power_read(db, ret);
    if (!rc)
        rc = store_host_list_plain(db, add_host, ret);
    if (!rc)
        rc = store_host_image_list(db, "", add_host_image, ret);
    if (!rc)
        rc = store_lease_list(db, add_lease, ret);
    if (!rc)
        rc = store_roll_list(db, add_roll, ret);
    if (!rc)
        rc = read_desktops(db, ret);
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
    snapshot_drop_desktops(s);
    free(s->powers);
    free(s->quarters);
    free(s->pools_by_id);
    free(s->images_by_id);
    free(s->pools);
    free(s->images);
    free(s->hosts);
    free(s->host_images);
    free(s->leases);
    free(s->rolls);
    free(s->orders);
    free(s);
}

const struct pool_row *snapshot_pool(const struct snapshot *snapshot, const char *id)
{
    struct pool_row key;
    const struct pool_row *key_ptr = &key;
    snprintf(key.id, sizeof key.id, "%s", id);
    const struct pool_row *const *found = bsearch(&key_ptr, snapshot->pools_by_id, snapshot->pool_count,
                                                  sizeof(const struct pool_row *), compare_pools);
    return found ? *found : NULL;
}

const struct image_row *snapshot_image(const struct snapshot *snapshot, const char *id)
{
    struct image_row key;
    const struct image_row *key_ptr = &key;
    snprintf(key.id, sizeof key.id, "%s", id);
    const struct image_row *const *found = bsearch(&key_ptr, snapshot->images_by_id, snapshot->image_count,
                                                   sizeof(const struct image_row *), compare_images);
    return found ? *found : NULL;
}

/* Hosts are few. */
const struct host_row *snapshot_host(const struct snapshot *snapshot, const char *id)
{
    for (size_t i = 0; i < snapshot->host_count; i++) {
        if (!strcmp(snapshot->hosts[i].id, id))
            return &snapshot->hosts[i];
    }
    return NULL;
}
