/* Operations of desktops on their hosts: one at a time of each, on a lane of its host. */
#include "desktop_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "guest_call.h"
#include "log.h"

struct guest_key desktop_key(const struct desktop *d)
{
    return guest_key_of(d->row.uuid, d->row.id, d->vm->installation);
}

struct guest_job *guest_job_create(struct desktop *d)
{
    struct guest_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->d = d;
    job->key = desktop_key(d);
    snprintf(job->desktop_dir, sizeof job->desktop_dir, "%s", d->vm->config.vmpool_desktop_dir);
    job->kept = d->row.kind == POOL_DEDICATED;
    return job;
}

static void guest_job_free(struct guest_job *job)
{
    secret_wipe(&job->password);
    desktop_disk_unref(job->disk_work);
    free(job->captured.bytes);
    free(job->xml);
    free(job);
}

static void on_guest_job(void *arg, int rc, const struct error *err)
{
    struct guest_job *job = arg;
    struct desktop *d = job->d;
    struct vmpool *vm = d->vm;
    d->busy = d->on_host = false; /* done() may begin the next operation */
    d->newer_late_ms = 0;
    d->operated_seq = ++vm->seq;
    reconcile_look_at_clock(vm);
    if (!d->gone && !vm->stopping)
        job->done(d, job, rc, err);
    guest_job_free(job);
    if (d->busy)
        return;
    bool gone = d->gone;
    desktop_idle(d);
    if (!gone && !vm->stopping)
        desktop_drive(d);
}

void guest_job_submit_lane(struct guest_job *job, enum host_lane_kind kind,
                           int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                           void (*done)(struct desktop *d, struct guest_job *job, int rc,
                                        const struct error *err))
{
    struct desktop *d = job->d;
    struct host *host = desktop_host(d);
    job->done = done;
    if (!host || !host->connected || host_lane_submit(host, kind, run, on_guest_job, job)) {
        guest_job_free(job);
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    d->busy = true;
    d->on_host = kind != HOST_LANE_COPY; /* which takes as long as its bytes do */
    d->cut_ms = 0;
    if (!d->due.place)
        guest_job_look_after(d);
}

void guest_job_submit(struct guest_job *job, int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                      void (*done)(struct desktop *d, struct guest_job *job, int rc, const struct error *err))
{
    guest_job_submit_lane(job, HOST_LANE_GUEST, run, done);
}

/* By the state in which it was begun, or by the one that its row has meanwhile or is to have: it may be recycled by then,
 * or its pool be deleted. */
static bool is_late(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    if (pool && pool->deleting && !d->newer_late_ms)
        d->newer_late_ms = store_now_ms() + (int64_t)d->vm->config.vmpool_recycle_timeout_ms;
    if (d->newer_late_ms && store_now_ms() >= d->newer_late_ms)
        return true;
    if (d->newer_late_ms)
        desktop_due(d, d->newer_late_ms);
    return desktop_is_late(d);
}

/* What hangs with its guest hangs for ever: libvirt has no deadline. When the guest is ended beside it, the call fails,
 * and the desktop goes the way of any operation that failed. */
void guest_job_look_after(struct desktop *d)
{
    struct host *host = desktop_host(d);
    if (!d->on_host || !host || !host_answers(host) || !is_late(d))
        return;
    if (store_now_ms() >= d->cut_ms) {
        const struct guest_key key = desktop_key(d);
        d->cut_ms = store_now_ms() + GUEST_END_AGAIN_MS;
        log_warning("desktop %s: an operation on it hangs: its guest is ended", d->row.name);
        guest_end(host, &key);
    }
    desktop_due(d, d->cut_ms);
}

void guest_job_row_changed(struct desktop *d, const struct desktop_row *row)
{
    if (!d->on_host || row->state == d->row.state)
        return;
    d->newer_late_ms = desktop_deadline_of(row, &d->vm->config).at_ms;
    guest_job_look_after(d);
}

void guest_job_make_way(struct desktop *d)
{
    if (d->on_host && !d->newer_late_ms)
        d->newer_late_ms = store_now_ms() + (int64_t)d->vm->config.vmpool_recycle_timeout_ms;
    guest_job_look_after(d);
}
