#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop.h"
#include "golden.h"
#include "grow.h"
#include "guest_call.h"
#include "host_lane.h"
#include "lease.h"
#include "log.h"
#include "virt_disk.h"
#include "virt_save.h"
#include "virt_storage.h"
#include "virt_upload.h"

struct host_look {
    struct host *host;
    char installation[INSTALLATION_SIZE];
    char desktop_dir[CONFIG_TEXT_SIZE];
    struct host_finding *found;
    size_t count;
    struct host_file *files;
    size_t file_count;
    uint64_t began_seq; /* what was done with a guest since then tells more */
    char image_dir[CONFIG_TEXT_SIZE];
    char mark[NAME_SIZE + 32];
    uint64_t mark_bytes;
    bool shared;
    char desktop_storage[ID_SIZE];
    bool failed;
};

static void look_add(struct host_look *look, const char *name, const struct guest_key *key,
                     const struct guest_seen *seen)
{
    struct host_finding *grown = array_grow(look->found, look->count, sizeof *grown);
    if (!grown) {
        look->failed = true;
        return;
    }
    look->found = grown;
    struct host_finding *finding = &look->found[look->count++];
    memset(finding, 0, sizeof *finding);
    finding->seen = *seen;
    snprintf(finding->name, sizeof finding->name, "%.*s", NAME_SIZE - 1, name);
    finding->key = *key;
}

static void look_domain(void *arg, const char *name, const struct guest_key *key,
                        const struct guest_seen *seen)
{
    look_add(arg, name, key, seen);
}

static void look_file(struct host_look *look, const char *desktop_id, const char *name)
{
    struct host_file *grown = array_grow(look->files, look->file_count, sizeof *grown);
    if (!grown) {
        look->failed = true;
        return;
    }
    look->files = grown;
    struct host_file *file = &look->files[look->file_count++];
    snprintf(file->desktop_id, sizeof file->desktop_id, "%s", desktop_id);
    snprintf(file->name, sizeof file->name, "%s", name);
}

static void look_disk(void *arg, const char *desktop_id, const char *copy)
{
    struct host_look *look = arg;
    if (copy && strlen(copy) < sizeof look->files->name)
        look_file(look, desktop_id, copy);
    const struct guest_key key = guest_key_of("", desktop_id, look->installation);
    const struct guest_seen off = {0};
    look_add(look, "", &key, &off);
}

static int run_look(struct virt_conn *conn, void *arg, struct error *err)
{
    struct host_look *look = arg;
    int rc = virt_domain_list(conn, look->installation, look_domain, look, err);
    if (rc)
        return rc;
    rc = virt_upload_sees(conn, look->image_dir, look->mark, look->mark_bytes, &look->shared, err);
    if (rc)
        return rc;
    struct error disk_err = {0};
    if (virt_storage_list(conn, look->desktop_dir, look_disk, look, look->desktop_storage, &disk_err))
        log_warning("%s", disk_err.text); /* cloning will say it again, with a desktop's name */
    return look->failed ? CE_NOMEM : 0;
}

static void host_set_storage(struct host *host, const char *storage, const char *desktops)
{
    bool same = !strcmp(host->row.storage, storage);
    if (same && !strcmp(host->row.desktop_storage, desktops))
        return;
    snprintf(host->row.desktop_storage, sizeof host->row.desktop_storage, "%s", desktops);
    if (same) {
        host_write(host);
        return;
    }
    log_info("host %s: its storage is %s", host->row.name,
             *storage == 's' ? "shared with vmpool" : "its own, images are copied to it");
    snprintf(host->row.storage, sizeof host->row.storage, "%s", storage);
    host_write(host);
}

/* Guests that run as they should need no look of their own. */
static void host_adopt(struct host *host, uint64_t began_seq)
{
    unsigned running = 0;
    desktop_host_is_back(host);
    for (size_t i = 0; i < host->found_count; i++) {
        const struct host_finding *finding = &host->found[i];
        if (!*finding->key.desktop_id || !*finding->key.uuid)
            continue;
        running += finding->seen.running;
        if (finding->seen.behind)
            guest_take_over(host, &finding->key);
        desktop_guest_found(host, finding->key.uuid, &finding->seen, began_seq);
    }
    log_info("host %s: looked through, %u guests of ours run there", host->row.name, running);
}

static void look_free(struct host_look *look)
{
    free(look->found);
    free(look->files);
    free(look);
}

static void on_looked(void *arg, int rc, const struct error *err)
{
    struct host_look *look = arg;
    struct host *host = look->host;
    host->looking = false;
    if (rc) {
        if (rc != CE_CANCELLED && rc != CE_UNREACHABLE)
            log_warning("host %s: %s", host->row.name, err->text);
        desktop_touch_host(host->vm, host->row.id); /* each looks for its guest by itself */
        reconcile_want(host->vm);
    } else {
        free(host->found);
        free(host->files);
        host->found = look->found;
        host->found_count = look->count;
        host->files = look->files;
        host->file_count = look->file_count;
        look->found = NULL;
        look->files = NULL;
        host->found_seq = ++host->vm->seq;
        host_set_storage(host, look->shared ? "shared" : "own", look->desktop_storage);
        host_adopt(host, look->began_seq);
        reconcile_want(host->vm);
    }
    look_free(look);
    if (!host->leaving && host->look_wanted)
        host_look(host);
}

void host_look(struct host *host)
{
    host->look_wanted = host->looking;
    if (host->looking || host->leaving || !host->connected)
        return;
    struct host_look *look = calloc(1, sizeof *look);
    if (!look)
        return;
    look->host = host;
    snprintf(look->installation, sizeof look->installation, "%s", host->vm->installation);
    snprintf(look->desktop_dir, sizeof look->desktop_dir, "%s", host->vm->config.vmpool_desktop_dir);
    snprintf(look->image_dir, sizeof look->image_dir, "%s", host->vm->config.vmpool_image_dir);
    snprintf(look->mark, sizeof look->mark, "%s", host->vm->storage_mark);
    look->mark_bytes = host->vm->storage_mark_bytes;
    look->began_seq = ++host->vm->seq;
    host->looking = true;
    if (virt_host_submit(host->virt, run_look, on_looked, look)) {
        host->looking = false;
        look_free(look);
    }
}

/* --- what has no row ------------------------------------------------------------------------------------ */

struct orphan_job {
    struct host *host;
    struct guest_key key;
    char desktop_dir[CONFIG_TEXT_SIZE];
    char name[NAME_SIZE];
    bool keep_disk; /* its desktop has a row, and may run elsewhere from the same disk */
};

static int run_remove_orphan(struct virt_conn *conn, void *arg, struct error *err)
{
    struct orphan_job *job = arg;
    int rc = *job->key.uuid ? virt_domain_destroy(conn, &job->key, err) : 0;
    if (!rc && !job->keep_disk)
        rc = virt_save_remove(conn, job->desktop_dir, job->key.desktop_id, err);
    if (!rc && !job->keep_disk)
        rc = virt_disk_keep_only(conn, job->desktop_dir, job->key.desktop_id, NULL, 0, err);
    return rc || job->keep_disk ? rc
                                : virt_storage_delete(conn, job->desktop_dir, job->key.desktop_id, true, err);
}

/* Data disks of desktops that were given up with the host: once it was looked through and what was left there is gone, no
 * guest of theirs can write any more. */
struct unlock_job {
    char host_id[ID_SIZE];
    char boot[sizeof((struct vmpool *)0)->boot];
};

static int run_unlock(struct db *db, void *arg)
{
    const struct unlock_job *job = arg;
    char lease[LEASE_NAME_SIZE];
    lease_host_name(job->host_id, lease);
    int rc = store_lease_check(db, lease, job->boot);
    return rc ? rc : store_data_disk_release_lost(db, job->host_id);
}

static void on_unlocked(void *arg, int rc)
{
    free(arg);
}

static void unlock_lost(const struct host *host)
{
    struct unlock_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    snprintf(job->host_id, sizeof job->host_id, "%s", host->row.id);
    snprintf(job->boot, sizeof job->boot, "%s", host->vm->boot);
    vmpool_write(host->vm, run_unlock, on_unlocked, job);
}

/* Nothing is being removed any more that the last look found. Two guests of one desktop must not be: while one is left
 * whose desktop is elsewhere now, nothing starts here. */
static void orphans_done(struct host *host)
{
    if (host->removing || host->looking || host->found_seq || !host->connected || host->vm->stopping)
        return;
    host->looked = !host->orphan_blocks;
    if (host->looked)
        reconcile_want(host->vm);
    if (!host->orphan_left)
        unlock_lost(host);
}

static void on_orphan_removed(void *arg, int rc, const struct error *err)
{
    struct orphan_job *job = arg;
    struct host *host = job->host;
    host->removing--;
    host->orphan_left |= rc != 0;
    host->orphan_blocks |= rc && job->keep_disk;
    if (rc && rc != CE_CANCELLED)
        log_warning("guest %s (%s) of ours has no desktop and could not be removed: %s", job->name,
                    job->key.desktop_id, err->text);
    if (rc && *job->key.uuid && host->connected) {
        host->look_at_ms = store_now_ms() + HOST_LOOK_AGAIN_MS;
        reconcile_due(host->vm, host->look_at_ms);
    }
    orphans_done(host);
    free(job);
}

static void remove_orphan(struct host *host, const struct host_finding *finding, bool keep_disk)
{
    struct orphan_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    log_info("host %s: removing %s %s of ours, %s", host->row.name, *finding->key.uuid ? "guest" : "disk",
             finding->key.desktop_id,
             keep_disk ? "whose desktop is on another host now" : "which no desktop has");
    job->host = host;
    job->key = finding->key;
    job->keep_disk = keep_disk;
    snprintf(job->desktop_dir, sizeof job->desktop_dir, "%s", host->vm->config.vmpool_desktop_dir);
    snprintf(job->name, sizeof job->name, "%s", finding->name);
    if (!host_lane_submit(host, HOST_LANE_GUEST, run_remove_orphan, on_orphan_removed, job)) {
        host->removing++;
        return;
    }
    free(job);
    host->orphan_left = true;
}

/* A row is written before its guest is made and deleted after it was removed, so a guest of ours without
 * a row in a snapshot that began after the look is an orphan. */
void host_remove_orphans(struct host *host)
{
    struct vmpool *vm = host->vm;
    if (!host->found_seq || vm->world->seq <= host->found_seq)
        return;
    host->found_seq = 0;
    host->orphan_left = host->orphan_blocks = false;
    size_t foreign = 0;
    for (size_t i = 0; i < host->found_count; i++) {
        const struct host_finding *finding = &host->found[i];
        const struct guest_key *key = &finding->key;
        if (!*key->desktop_id) {
            host->found[foreign++] = *finding;
            continue;
        }
        if (golden_has_guest(vm, key->desktop_id))
            continue;
        const struct desktop *d =
            desktop_find(vm, key->desktop_id); /* it has one as long as its row is there */
        bool mine = d && *key->uuid && !strcmp(d->row.uuid, key->uuid) &&
                    !strcmp(d->place.tally ? d->place.tally->host->id : d->row.host_id, host->row.id);
        /* A disk may lie in a directory that several hosts share: any row keeps it. */
        if (!mine && (!d || *key->uuid))
            remove_orphan(host, finding, d != NULL);
    }
    host->found_count = foreign;
    orphans_done(host);
    host_files_tidy(host);
}

bool host_name_is_foreign(const struct host *host, const char *name)
{
    for (size_t i = 0; i < host->found_count; i++) {
        const struct host_finding *finding = &host->found[i];
        if (*finding->name && !*finding->key.desktop_id && !strcmp(finding->name, name))
            return true;
    }
    return false;
}
