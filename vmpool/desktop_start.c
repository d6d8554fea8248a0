/* The start of a desktop's guest: its disk and its domain, and what is found of them when it is looked for again. */
#include "desktop_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image_copy.h"
#include "image_seal.h"
#include "log.h"
#include "uuid.h"
#include "virt_golden.h"
#include "virt_save.h"

#define NO_PORT_WORDS "no port of vmpool.port_range is free"

/* --- starting a domain ------------------------------------------------------------------------------------
 */

bool desktop_on_user_network(const struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    return pool && !strcmp(pool->network, "user");
}

/* A fork that is started again, by an order for example, is booted from its disk. */
static bool is_fork(const struct desktop *d)
{
    return *d->row.golden && d->row.state == DESKTOP_CLONING;
}

static const struct template *template_for(const struct vmpool *vm, const struct image_row *image)
{
    return image_is_windows(image) ? vm->windows_template : vm->template;
}

bool desktop_may_have_agent(const struct desktop *d)
{
    const struct image_row *image = desktop_image(d);
    const struct template *template = image ? template_for(d->vm, image) : NULL;
    return !template || template_has_channel(template, VIRT_AGENT_PORT);
}

static int write_waits(struct db *db, struct desktop_write *w)
{
    return store_desktop_set_reason(db, w->row.id, w->row.state, w->reason);
}

/* It is tried again later, and whoever looks at the desktop sees what it waits for. */
static void wait_saying(struct desktop *d, int64_t pause_ms, const char *words)
{
    desktop_pause(d, pause_ms);
    if (!*words || !strcmp(d->row.reason, words))
        return;
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    snprintf(w->reason, sizeof w->reason, "%s", words);
    desktop_write_submit(w, write_waits);
}

/* A start anew would lose what is open on a desktop that is suspended. */
static void wait_for_port(struct desktop *d)
{
    d->port_tries = 0;
    wait_saying(d, START_RETRY_MS, NO_PORT_WORDS);
}

/* Gives the job what it needs to start the guest. False: it cannot start now, or it has failed. */
static bool prepare_start(struct desktop *d, struct guest_job *job)
{
    const struct pool_row *pool = desktop_pool(d);
    const struct image_row *image = desktop_image(d);
    struct host *host = desktop_host(d);
    if (!pool || !image || !*image->path) {
        desktop_fail(d, "its image is not there");
        return false;
    }
    if (pool->credentials == CREDENTIALS_CARREL && !*image->guest_user) {
        desktop_fail(d, "the image names no guest user, which a pool with credentials=carrel needs");
        return false;
    }
    int kvm = host ? host_virt(host, image) : -1;
    if (kvm < 0) {
        desktop_pause(d, GUEST_RETRY_MS);
        return false;
    }
    if (desktop_on_user_network(d) && !d->port) {
        /* A port that the row has from a former start is taken again if it is free. */
        d->port = d->row.port && !d->port_tries ? d->row.port : desktop_port_pick(d->vm, host);
        if (!d->port) {
            if (d->restore)
                wait_for_port(d);
            else
                desktop_fail(d, NO_PORT_WORDS);
            return false;
        }
    }
    struct image_paths paths;
    image_copy_paths(host, image, &paths);
    const bool windows = image_is_windows(image);
    const struct template *template = template_for(d->vm, image);
    if (!template) {
        char reason[REASON_SIZE];
        snprintf(reason, sizeof reason, "there is no template for Windows guests: %.200s is missing",
                 d->vm->config.vmpool_windows_template);
        desktop_fail(d, reason);
        return false;
    }
    char genid[37], disk[CONFIG_TEXT_SIZE + ID_SIZE + 16], nvram[CONFIG_TEXT_SIZE + ID_SIZE + 16];
    char ram[GOLDEN_PATH_SIZE] = "";
    snprintf(job->base, sizeof job->base, "%s", paths.disk);
    snprintf(job->base_format, sizeof job->base_format, "%s", image->format);
    job->fork = is_fork(d);
    if (job->fork)
        desktop_instant_prepare(d, job, ram);
    uuid_make(genid);
    /* A disk that came back from a snapshot has another name. */
    if (*d->row.disk && d->row.state != DESKTOP_CLONING && d->row.renew != RENEW_DISK)
        snprintf(disk, sizeof disk, "%.*s", (int)sizeof disk - 1, d->row.disk);
    else
        snprintf(disk, sizeof disk, "%s/%s.qcow2", d->vm->config.vmpool_desktop_dir, d->row.id);
    snprintf(nvram, sizeof nvram, "%s/%s" VIRT_NVRAM_SUFFIX, d->vm->config.vmpool_desktop_dir, d->row.id);
    desktop_serial_log(d, job->serial_log, sizeof job->serial_log);
    const struct guest_spec spec = {
        .name = d->row.name,
        .uuid = d->row.uuid,
        .genid = genid,
        .pool = pool->name,
        .installation = d->vm->installation,
        .desktop_id = d->row.id,
        .epoch = host ? host->epoch : 0,
        .disk = disk,
        .nvram = nvram,
        .serial_log = job->serial_log,
        .kernel = paths.kernel,
        .initrd = paths.initrd,
        .cmdline = image->cmdline,
        .network = pool->network,
        .vcpus = pool->vcpus,
        .memory_mib = pool->memory_mib,
        .address = host_address(host),
        .port = d->port,
        .ram_file = job->fork ? ram : NULL,
        .nic_later = job->fork,
        .fork = job->fork,
        .far = job->far,
        .warm = pool->warm,
        .kvm = kvm == 1,
        .keep = pool->kind == POOL_DEDICATED,
        .one_socket = windows,
    };
    /* A copy that is made already rests on nothing; elsewhere the image is no file of ours. */
    bool stands_alone = pool->provision == PROVISION_FULL && (d->has_copy || d->row.state == DESKTOP_BOOTING);
    if (host && !strcmp(host->row.storage, "shared") && !stands_alone)
        snprintf(job->sealed, sizeof job->sealed, "%s", paths.disk);
    snprintf(job->address, sizeof job->address, "%s", spec.address);
    job->port = d->port;
    job->xml = template_expand(template, &spec);
    job->capacity_bytes = image->virtual_size_bytes;
    return job->xml != NULL;
}

/* Its guest on the host that it came from lives after all, where nobody reaches it. It is destroyed when that host is
 * back, or the storage takes its lock away when the host is really gone. */
static void wait_for_disk(struct desktop *d)
{
    if (!d->disk_locked)
        log_warning("desktop %s: %s", d->row.name, DISK_LOCKED_WORDS);
    d->disk_locked = true;
    wait_saying(d, START_RETRY_MS, DISK_LOCKED_WORDS);
}

/* Its libvirt could not try. */
static void wait_for_host(struct desktop *d)
{
    const struct host *host = desktop_host(d);
    wait_saying(d, GUEST_RETRY_MS, host ? host->start_trouble : "");
}

/* What a start that failed means: another port, a pause, or a failed guest. */
static void start_failed(struct desktop *d, int rc, const struct error *err)
{
    d->port = 0;
    if (rc == CE_BUSY && ++d->port_tries < PORT_TRIES)
        return; /* the next step takes another port */
    if (rc == CE_BUSY && d->restore) {
        wait_for_port(d);
        return;
    }
    if (rc == CE_UNREACHABLE || rc == CE_CANCELLED) {
        wait_for_host(d);
        return;
    }
    if (rc == CE_CONFLICT && d->row.kind == POOL_DEDICATED) {
        wait_for_disk(d);
        return;
    }
    struct host *host = desktop_host(d);
    if (rc == CE_EXISTS && host)
        host_look(host); /* somebody else's domain has the name: names are chosen around it then */
    else if (d->row.state == DESKTOP_CLONING)
        desktop_instant_failed(d, err->text);
    desktop_fail(d, err->text);
}

struct clone_spec guest_job_disk(const struct guest_job *job)
{
    return (struct clone_spec){
        .desktop_dir = job->desktop_dir,
        .desktop_id = job->key.desktop_id,
        .base = job->base,
        .base_format = job->base_format,
        .capacity_bytes = job->capacity_bytes,
    };
}

static int run_clone(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    /* What a killed vmpool had begun is begun again: nobody has used it. */
    int rc = virt_domain_destroy(conn, &job->key, err);
    if (!rc)
        rc = image_seal_check(job->sealed, err);
    if (rc)
        return rc;
    (void)unlink(job->serial_log);
    const struct clone_spec spec = guest_job_disk(job);
    char path[1024];
    if (!job->has_disk)
        rc = virt_storage_clone(conn, &spec, path, sizeof path, err);
    if (rc)
        return rc;
    return job->fork ? virt_golden_fork(conn, &job->key, job->xml, job->state_path, job->far, err)
                     : virt_domain_start(conn, job->xml, err);
}

static int write_booting(struct db *db, struct desktop_write *w)
{
    int rc = store_desktop_set_seen(db, &w->row);
    return rc ? rc : store_desktop_set_state(db, w->row.id, DESKTOP_CLONING, DESKTOP_BOOTING, "");
}

static void on_cloned(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    struct host *host = desktop_host(d);
    if (host)
        host_note_start(host, rc, err);
    if (rc) {
        start_failed(d, rc, err);
        return;
    }
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    d->guest_known = true;
    w->to = DESKTOP_BOOTING;
    w->row.percent = DESKTOP_PERCENT_STARTED;
    w->row.attempts++;
    snprintf(w->row.disk, sizeof w->row.disk, "%s/%s.qcow2", job->desktop_dir, d->row.id);
    if (desktop_on_user_network(d)) {
        snprintf(w->row.address, sizeof w->row.address, "%s", host_address(desktop_host(d)));
        w->row.port = d->port;
    }
    desktop_write_submit(w, write_booting);
}

void desktop_step_cloning(struct desktop *d)
{
    struct guest_job *job = desktop_instant_choose(d) ? guest_job_create(d) : NULL;
    if (!job)
        return;
    if (!prepare_start(d, job)) {
        free(job->xml);
        free(job);
        return;
    }
    job->has_disk = d->has_copy && !job->fork;
    if (job->fork)
        guest_job_submit_lane(job, HOST_LANE_FORK, run_clone, on_cloned);
    else if (desktop_needs_copy(d))
        desktop_copy_submit(job);
    else
        guest_job_submit(job, run_clone, on_cloned);
}

/* --- the domain of a booting desktop ----------------------------------------------------------------------
 */

static int run_ensure(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    struct error why = {0};
    int rc = virt_domain_find(conn, &job->key, &job->seen, &why);
    if (!rc)
        return job->seen.running ? 0 : virt_domain_resume(conn, &job->key, err);
    if (rc != CE_NOT_FOUND)
        return error_set(err, rc, "%s", why.text);
    rc = image_seal_check(job->sealed, err);
    if (rc)
        return rc;
    if (*job->saved) {
        rc = desktop_run_restore(conn, job, err);
        job->started = job->restored = !rc;
        if (rc != CE_NOT_FOUND)
            return rc;
    }
    rc = virt_domain_destroy(conn, &job->key, err); /* a domain that is off but not yet gone */
    if (!rc)
        rc = virt_domain_start(conn, job->xml, err);
    job->started = !rc;
    return rc;
}

/* The old disk goes with its guest; a clone that a killed vmpool made is made again: nobody has used it. */
static int run_renew(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    job->keep_disk = job->has_disk;
    int rc = desktop_run_remove(conn, arg, err);
    if (!rc)
        rc = run_clone(conn, arg, err);
    job->started = !rc;
    return rc;
}

static int write_cold(struct db *db, const struct desktop_write *w)
{
    struct event_row event = {.kind = "desktop.cold"};
    snprintf(event.object, sizeof event.object, "%s", w->row.id);
    snprintf(event.user, sizeof event.user, "%s", w->row.owner);
    snprintf(event.pool, sizeof event.pool, "%s", w->row.pool);
    snprintf(event.desktop, sizeof event.desktop, "%s", w->row.name);
    snprintf(event.text, sizeof event.text, "Desktop %s starts anew, what was open on it is lost: %.250s.",
             w->row.name, w->reason);
    return store_event(db, &event);
}

/* What a guest that was started cold had of data disks it has no more. With the disk that it had before it is the
 * desktop's only one: no other can have had that disk open. */
static int write_started(struct db *db, struct desktop_write *w)
{
    bool renews = w->row.renew == RENEW_DISK;
    int rc = store_desktop_set_seen(db, &w->row);
    if (!rc && !renews)
        rc = store_data_disk_follow(db, w->row.id);
    if (!rc && !w->restored)
        rc = store_data_disk_release(db, w->row.id);
    if (!rc && renews)
        rc = store_desktop_set_renewed(db, w->row.id, RENEW_FIRST);
    return rc || !*w->reason ? rc : write_cold(db, w);
}

static void on_ensured(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    struct host *host = desktop_host(d);
    if (host && (rc || job->started))
        host_note_start(host, rc, err);
    /* Where nobody knows what became of it the disk may have gone on, and the memory must not follow it. One that did
     * not begin as its port is taken is tried with another port. */
    d->restore = d->restore && (!job->tried || (rc == CE_BUSY && !*job->unusable));
    if (rc) {
        start_failed(d, rc, err);
        return;
    }
    d->guest_known = true;
    d->agent = d->agent || job->seen.agent; /* an event may have been quicker */
    if (!job->started)
        return;
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    w->row.attempts++;
    if (w->row.renew == RENEW_DISK)
        snprintf(w->row.disk, sizeof w->row.disk, "%s/%s.qcow2", job->desktop_dir, d->row.id);
    w->row.percent = DESKTOP_PERCENT_STARTED;
    w->row.port = desktop_on_user_network(d) ? d->port : 0;
    snprintf(w->row.address, sizeof w->row.address, "%s",
             desktop_on_user_network(d) ? host_address(desktop_host(d)) : "");
    if (job->restored)
        log_info("desktop %s: goes on with the memory that was written", d->row.name);
    else if (*job->unusable)
        log_warning("desktop %s is started anew, what was open on it is lost: %s", d->row.name,
                    job->unusable);
    w->restored = job->restored;
    snprintf(w->reason, sizeof w->reason, "%s", job->unusable);
    desktop_write_submit(w, write_started);
}

static void submit_renew(struct desktop *d, struct guest_job *job)
{
    const char *file = strrchr(d->row.disk, '/');
    char usual[ID_SIZE + 16];
    snprintf(usual, sizeof usual, "/%s.qcow2", d->row.id);
    if (file && strcmp(file, usual) != 0) /* it came back from a snapshot */
        snprintf(job->former_disk, sizeof job->former_disk, "%s", file + 1);
    job->keep_snapshots = true;
    job->windows = desktop_is_windows(d);
    job->has_disk = d->has_copy;
    if (desktop_needs_copy(d))
        desktop_copy_submit(job);
    else
        guest_job_submit(job, run_renew, on_ensured);
}

void desktop_step_ensure(struct desktop *d)
{
    struct guest_job *job = guest_job_create(d);
    if (!job)
        return;
    d->port = 0;
    if (!prepare_start(d, job)) {
        free(job->xml);
        free(job);
        return;
    }
    if (d->row.renew == RENEW_DISK) {
        submit_renew(d, job);
        return;
    }
    if (!d->restore) {
        guest_job_submit(job, run_ensure, on_ensured);
        return;
    }
    virt_save_path(job->desktop_dir, d->row.id, d->rested_ms, job->saved, sizeof job->saved);
    guest_job_submit_lane(job, HOST_LANE_RESTORE, run_ensure, on_ensured);
}
