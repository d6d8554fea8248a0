#include "image_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "golden.h"
#include "lease.h"
#include "log.h"
#include "roll_drive.h"
#include "virt_upload.h"

#define PROBE_INITRD_NAME "carrel-probe.initrd"

struct image_copy {
    struct list entry;
    struct vmpool *vm;
    char host_id[ID_SIZE];
    char dir[CONFIG_TEXT_SIZE];
    char probe_initrd[1100];
    struct image_row image;
    bool removing; /* the image is being deleted: its files go */
    struct virt_host *virt;
    struct virt_upload upload;
    uint64_t size_bytes;
    struct host_image_row row;
    bool writing;
    bool ended;        /* what it did is in the row */
    bool closed;       /* and its connection is closed */
    uint64_t done_seq; /* passes that began before it do not know */
    int64_t tell_at_ms;
    int64_t retry_at_ms; /* failed: kept until then */
};

/* --- paths ------------------------------------------------------------------------------------------------
 */

static bool is_own(const struct host_row *host)
{
    return !strcmp(host->storage, "own");
}

void image_copy_paths(const struct host *host, const struct image_row *image, struct image_paths *ret)
{
    memset(ret, 0, sizeof *ret);
    if (!host || !is_own(&host->row)) {
        snprintf(ret->disk, sizeof ret->disk, "%s", image->path);
        snprintf(ret->kernel, sizeof ret->kernel, "%s", image->kernel);
        snprintf(ret->initrd, sizeof ret->initrd, "%s", image->initrd);
        snprintf(ret->probe_initrd, sizeof ret->probe_initrd, "%s", host ? host->vm->probe_initrd : "");
        return;
    }
    const char *dir = host->vm->config.vmpool_image_dir;
    snprintf(ret->disk, sizeof ret->disk, "%.900s/%s.qcow2", dir, image->id);
    if (*image->kernel)
        snprintf(ret->kernel, sizeof ret->kernel, "%.900s/%s.vmlinuz", dir, image->id);
    if (*image->initrd)
        snprintf(ret->initrd, sizeof ret->initrd, "%.900s/%s.initrd", dir, image->id);
    snprintf(ret->probe_initrd, sizeof ret->probe_initrd, "%.900s/" PROBE_INITRD_NAME, dir);
}

static const struct host_image_row *row_find(const struct vmpool *vm, const char *host_id,
                                             const char *image_id)
{
    const struct snapshot *world = vm->world;
    for (size_t i = 0; i < world->host_image_count; i++) {
        if (!strcmp(world->host_images[i].host_id, host_id) &&
            !strcmp(world->host_images[i].image_id, image_id))
            return &world->host_images[i];
    }
    return NULL;
}

bool image_copy_is_there(const struct vmpool *vm, const struct host_row *host, const char *image_id)
{
    if (!is_own(host))
        return *host->storage != 0;
    const struct host_image_row *row = row_find(vm, host->id, image_id);
    return row && row->state == HOST_IMAGE_PRESENT;
}

bool image_copy_remains(const struct vmpool *vm, const char *image_id)
{
    for (size_t i = 0; i < vm->world->host_image_count; i++) {
        if (!strcmp(vm->world->host_images[i].image_id, image_id))
            return true;
    }
    return false;
}

/* --- the row ----------------------------------------------------------------------------------------------
 */

struct copy_write {
    struct image_copy *copy;
    struct host_image_row row;
    bool last, gone;
};

static int run_copy_write(struct db *db, void *arg)
{
    struct copy_write *w = arg;
    char lease[LEASE_NAME_SIZE];
    lease_host_name(w->row.host_id, lease);
    int rc = store_lease_check(db, lease, w->copy->vm->boot);
    if (rc)
        return rc;
    return w->gone ? store_host_image_delete(db, w->row.host_id, w->row.image_id)
                   : store_host_image_set(db, &w->row);
}

static void on_copy_written(void *arg, int rc)
{
    struct copy_write *w = arg;
    struct image_copy *copy = w->copy;
    copy->writing = false;
    if (rc && rc != CE_NOT_FOUND && !copy->vm->stopping)
        log_warning("image %s on host %s: its row could not be written: %s", w->row.image, w->row.host,
                    error_name(rc));
    if (w->last) {
        copy->ended = true;
        copy->done_seq = ++copy->vm->seq;
        virt_host_close(copy->virt);
    }
    free(w);
    reconcile_want(copy->vm);
}

static void copy_write(struct image_copy *copy, bool last, bool gone)
{
    struct copy_write *w = calloc(1, sizeof *w);
    if (!w)
        return;
    *w = (struct copy_write){.copy = copy, .row = copy->row, .last = last, .gone = gone};
    copy->writing = true;
    vmpool_write(copy->vm, run_copy_write, on_copy_written, w);
}

/* --- the job ----------------------------------------------------------------------------------------------
 */

static uint64_t size_of(const char *path)
{
    struct stat status;
    return *path && !stat(path, &status) ? (uint64_t)status.st_size : 0;
}

static int run_files(struct virt_conn *conn, void *arg, struct error *err)
{
    struct image_copy *copy = arg;
    const struct {
        const char *suffix, *path;
    } files[] = {
        {".vmlinuz", copy->image.kernel}, {".initrd", copy->image.initrd}, {".qcow2", copy->image.path}};
    int rc = copy->removing ? 0
                            : virt_upload_file(conn, copy->dir, PROBE_INITRD_NAME, copy->probe_initrd,
                                               &copy->upload, err);
    for (size_t i = 0; !rc && i < sizeof files / sizeof files[0]; i++) {
        char name[ID_SIZE + 16];
        snprintf(name, sizeof name, "%s%s", copy->image.id, files[i].suffix);
        if (copy->removing)
            rc = virt_upload_remove(conn, copy->dir, name, err);
        else if (*files[i].path)
            rc = virt_upload_file(conn, copy->dir, name, files[i].path, &copy->upload, err);
    }
    return rc;
}

static void on_files(void *arg, int rc, const struct error *err)
{
    struct image_copy *copy = arg;
    if (copy->vm->stopping) {
        copy->ended = true;
        virt_host_close(copy->virt);
        return;
    }
    if (!rc) {
        log_info("image %s: %s host %s", copy->row.image,
                 copy->removing ? "removed from" : "copied and checked on", copy->row.host);
        copy->row.state = HOST_IMAGE_PRESENT;
        copy->row.percent = 100;
        copy_write(copy, true, copy->removing);
        return;
    }
    log_warning("image %s on host %s: %s", copy->row.image, copy->row.host, err->text);
    copy->row.state = HOST_IMAGE_FAILED;
    snprintf(copy->row.reason, sizeof copy->row.reason, "%s", err->text);
    copy->retry_at_ms = store_now_ms() + IMAGE_COPY_RETRY_MS;
    copy_write(copy, true, false);
}

static void on_closed(void *arg)
{
    struct image_copy *copy = arg;
    copy->closed = true;
    reconcile_want(copy->vm);
}

static const struct virt_host_events copy_events = {.closed = on_closed};

static void copy_begin(struct host *host, const struct image_row *image, bool removing)
{
    struct vmpool *vm = host->vm;
    struct image_copy *copy = calloc(1, sizeof *copy);
    if (!copy)
        return;
    copy->vm = vm;
    copy->image = *image;
    copy->removing = removing;
    snprintf(copy->host_id, sizeof copy->host_id, "%s", host->row.id);
    snprintf(copy->dir, sizeof copy->dir, "%s", vm->config.vmpool_image_dir);
    snprintf(copy->probe_initrd, sizeof copy->probe_initrd, "%s", vm->probe_initrd);
    snprintf(copy->row.host_id, sizeof copy->row.host_id, "%s", host->row.id);
    snprintf(copy->row.host, sizeof copy->row.host, "%s", host->row.name);
    snprintf(copy->row.image_id, sizeof copy->row.image_id, "%s", image->id);
    snprintf(copy->row.image, sizeof copy->row.image, "%s", image->name);
    copy->size_bytes =
        size_of(image->path) + size_of(image->kernel) + size_of(image->initrd) + size_of(vm->probe_initrd);
    if (virt_host_open(&copy->virt, vm->loop, host->row.uri, vm->config.vmpool_keepalive_ms, &copy_events,
                       copy)) {
        free(copy);
        return;
    }
    list_append(&vm->copies, &copy->entry);
    if (!removing) {
        log_info("image %s: copying %llu MiB to host %s", image->name,
                 (unsigned long long)(copy->size_bytes >> 20), host->row.name);
        copy_write(copy, false, false);
    }
    if (virt_host_submit(copy->virt, run_files, on_files, copy)) {
        copy->ended = true;
        virt_host_close(copy->virt);
    }
}

/* --- passes -----------------------------------------------------------------------------------------------
 */

static bool is_wanted(const struct vmpool *vm, const struct host_row *host, const struct image_row *image)
{
    for (size_t i = 0; i < vm->world->pool_count; i++) {
        const struct pool_row *pool = &vm->world->pools[i];
        if (pool->enabled && !pool->deleting && roll_keeps_image(vm, pool, image->id) &&
            labels_match(host->labels, pool->host_labels))
            return true;
    }
    return false;
}

static bool is_used(const struct vmpool *vm, const char *host_id, const char *image_id)
{
    const struct census_group *group = census_find(&vm->census, host_id);
    if (!group)
        return false;
    list_for_each (pos, &group->of_host) {
        if (!strcmp(list_entry(pos, struct tally, in_host)->image->id, image_id))
            return true;
    }
    return false;
}

/* A copy that runs there, or one that failed and is not to be tried again yet. */
static struct image_copy *copy_on(const struct vmpool *vm, const char *host_id, const char *image_id)
{
    list_for_each (pos, &vm->copies) {
        struct image_copy *copy = list_entry(pos, struct image_copy, entry);
        if (!strcmp(copy->host_id, host_id) &&
            (!copy->ended || (image_id && !strcmp(copy->image.id, image_id))))
            return copy;
    }
    return NULL;
}

static void drive_host(struct host *host)
{
    struct vmpool *vm = host->vm;
    for (size_t i = 0; i < vm->world->image_count; i++) {
        const struct image_row *image = &vm->world->images[i];
        const struct host_image_row *row = row_find(vm, host->row.id, image->id);
        bool there = row && row->state == HOST_IMAGE_PRESENT;
        bool copying = image->state == IMAGE_READY && !there && host->row.mode == HOST_ACTIVE &&
                       is_wanted(vm, &host->row, image);
        bool removing = image->state == IMAGE_DELETING && row && !is_used(vm, host->row.id, image->id) &&
                        !golden_uses_image(vm, host->row.id, image->id);
        if ((copying || removing) && !copy_on(vm, host->row.id, image->id) &&
            !copy_on(vm, host->row.id, NULL))
            copy_begin(host, image, removing);
    }
}

static void copy_tell(struct image_copy *copy)
{
    int64_t now_ms = store_now_ms();
    if (copy->ended || copy->removing)
        return;
    if (now_ms >= copy->tell_at_ms) {
        uint64_t moved = atomic_load(&copy->upload.moved_bytes);
        uint32_t percent = copy->size_bytes ? (uint32_t)(moved * 50 / copy->size_bytes) : 0;
        copy->tell_at_ms = now_ms + IMAGE_COPY_TELL_MS;
        if (percent > 99)
            percent = 99;
        if (percent > copy->row.percent && !copy->writing) {
            copy->row.percent = percent;
            copy_write(copy, false, false);
        }
    }
    reconcile_due(copy->vm, copy->tell_at_ms);
}

void image_copy_drive_all(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->copies) {
        struct image_copy *copy = list_entry(pos, struct image_copy, entry);
        copy_tell(copy);
        if (!copy->closed || copy->writing || vm->world->seq <= copy->done_seq)
            continue;
        if (store_now_ms() < copy->retry_at_ms) {
            reconcile_due(vm, copy->retry_at_ms);
            continue;
        }
        list_remove(&copy->entry);
        free(copy);
    }
    list_for_each (pos, &vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        if (host_answers(host) && is_own(&host->row))
            drive_host(host);
    }
}

void image_copy_clock_was_set(struct vmpool *vm)
{
    list_for_each (pos, &vm->copies) {
        struct image_copy *copy = list_entry(pos, struct image_copy, entry);
        copy->tell_at_ms = copy->retry_at_ms = 0;
    }
}

void image_copy_close_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->copies) {
        struct image_copy *copy = list_entry(pos, struct image_copy, entry);
        atomic_store(&copy->upload.cancelled, true);
        if (!copy->ended)
            virt_host_close(copy->virt);
    }
}

void image_copy_abandon_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->copies) {
        struct image_copy *copy = list_entry(pos, struct image_copy, entry);
        if (!copy->closed)
            virt_host_abandon(copy->virt);
    }
}

bool image_copy_all_closed(const struct vmpool *vm)
{
    list_for_each (pos, &vm->copies) {
        if (!list_entry(pos, struct image_copy, entry)->closed)
            return false;
    }
    return true;
}

void image_copy_free_all(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->copies) {
        list_remove(pos);
        free(list_entry(pos, struct image_copy, entry));
    }
}
