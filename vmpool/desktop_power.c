/* Dedicated desktops whose users are away: shut down, or written to the disk with all that is open on them, and started
 * again for the next log-in.
 *
 *     ready, disconnected -> stopped and stopping    the button is pressed; after a while the guest is ended
 *                         -> stopped and suspending  its memory is written, which ends it -> suspended
 *     stopped             -> booting                 cold, or with the memory that lies there (desktop_boot.c)
 *
 * The row says that it is stopped before anything is done to the guest, so nobody is led to it meanwhile: who logs in
 * waits until it is done and has the desktop started again. A session on it ends there; what is open inside stays.
 */
#include "desktop_parts.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "power_drive.h"
#include "virt_save.h"

#define IDLE_RETRY_MS 60000  /* before a desktop that was to rest, and does not, is thought of again */
#define STOP_LOOK_MS 5000    /* between looks at a guest that shuts down; an event tells, too */
#define STOP_GRACE_MS 120000 /* so long a guest may take to shut down before it is ended */

/* --- who is away ------------------------------------------------------------------------------------------
 */

static int write_rest(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    struct session_row session;
    int rc = store_desktop_get(db, w->row.id, &row);
    if (rc || row.state != w->row.state || row.state_since_ms != w->row.state_since_ms)
        return rc ? rc : CE_CONFLICT;
    if (*row.session_id) {
        rc = store_session_get(db, row.session_id, &session);
        /* Somebody who comes back at this moment has touched the session already. */
        if (!rc && (session.state != SESSION_DISCONNECTED || session.seen_ms > w->idle_before_ms))
            return CE_CONFLICT;
        if (!rc && w->rest == REST_SUSPENDING)
            rc = store_session_end_open(db, session.id, w->code, w->reason);
        if (!rc)
            rc = desktop_write_end_session(db, w, &row);
        if (rc)
            return rc;
    }
    rc = store_desktop_set_state(db, row.id, row.state, DESKTOP_STOPPED, w->reason);
    return rc ? rc : store_desktop_set_rest(db, row.id, REST_NONE, w->rest, w->reason);
}

void desktop_step_idle(struct desktop *d)
{
    const struct power_row *power = power_of_pool(d->vm, d->row.pool_id);
    if (!power || power->idle == POWER_KEEP || power->now_mode == POWER_ALWAYS_ON ||
        d->row.kind != POOL_DEDICATED || !*d->row.owner_id)
        return;
    if (d->row.state != DESKTOP_DISCONNECTED && (d->row.state != DESKTOP_READY || *d->row.session_id))
        return;
    int64_t now_ms = store_now_ms(), from_ms = desktop_since_ms(d);
    if (from_ms < d->idle_from_ms)
        from_ms = d->idle_from_ms;
    int64_t at_ms = from_ms + power->idle_after_ms;
    if (at_ms < d->idle_retry_ms)
        at_ms = d->idle_retry_ms;
    if (now_ms < at_ms) {
        desktop_due(d, at_ms);
        return;
    }
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    d->idle_retry_ms = now_ms + IDLE_RETRY_MS;
    w->to = DESKTOP_STOPPED;
    w->code = FAIL_DISCONNECT_LIMIT;
    w->rest = power->idle == POWER_SUSPEND ? REST_SUSPENDING : REST_STOPPING;
    w->idle_before_ms = now_ms - power->idle_after_ms;
    snprintf(w->reason, sizeof w->reason, "%s for %lld min",
             d->row.state == DESKTOP_READY ? "nobody was logged in" : "its user was away",
             (long long)((power->idle_after_ms + 59999) / 60000));
    desktop_write_submit(w, write_rest);
}

/* --- on its way to rest -----------------------------------------------------------------------------------
 */

static int write_rests(struct db *db, struct desktop_write *w)
{
    int rc = store_desktop_set_rest(db, w->row.id, w->row.rest, w->rest, w->reason);
    return rc || w->rest != REST_NONE ? rc : store_data_disk_release(db, w->row.id); /* its guest is off */
}

static void rests(struct desktop *d, enum desktop_rest rest)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    w->rest = rest;
    snprintf(w->reason, sizeof w->reason, "%s", d->row.reason);
    desktop_write_submit(w, write_rests);
}

static int run_suspend(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return virt_save_write(conn, &job->key, job->saved, err);
}

static void on_suspended(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    /* No guest: a process that was ended meanwhile began it, and libvirt went on. If not, the next start is cold. */
    if (!rc || rc == CE_NOT_FOUND) {
        log_info("desktop %s: suspended, its memory is in %s", d->row.name, job->saved);
        rests(d, REST_SUSPENDED);
        return;
    }
    if (rc == CE_UNREACHABLE || rc == CE_CANCELLED || rc == CE_TIMEOUT) {
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    log_warning("desktop %s cannot be suspended: %s", d->row.name, err->text);
    char reason[REASON_SIZE];
    snprintf(reason, sizeof reason, "it could not be suspended: %.250s", err->text);
    desktop_change(d, DESKTOP_BOOTING, reason); /* where the guest is found as it is */
}

static int run_stop(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return job->force ? virt_domain_destroy(conn, &job->key, err)
                      : virt_domain_shut_down(conn, &job->key, err);
}

static void on_stop(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc == CE_NOT_FOUND || (!rc && job->force)) {
        rests(d, REST_NONE);
        return;
    }
    if (rc && rc != CE_UNREACHABLE && rc != CE_CANCELLED)
        log_warning("desktop %s: %s", d->row.name, err->text);
    desktop_pause(d, STOP_LOOK_MS);
}

void desktop_step_resting(struct desktop *d)
{
    const struct host *host = desktop_host(d);
    if (!host || !host_answers(host))
        return;
    struct guest_job *job = guest_job_create(d);
    if (!job)
        return;
    int64_t end_ms = desktop_since_ms(d) + STOP_GRACE_MS;
    if (end_ms < host->taken_ms + RESTART_GRACE_MS)
        end_ms = host->taken_ms + RESTART_GRACE_MS;
    if (d->row.rest == REST_SUSPENDING) {
        virt_save_path(job->desktop_dir, d->row.id, d->row.state_since_ms, job->saved, sizeof job->saved);
        guest_job_submit_lane(job, HOST_LANE_SAVE, run_suspend, on_suspended);
        return;
    }
    job->force = store_now_ms() >= end_ms;
    guest_job_submit(job, run_stop, on_stop);
}

/* --- and up again -----------------------------------------------------------------------------------------
 */

bool desktop_power_lets_start(const struct desktop *d)
{
    const struct power_row *power = power_of_pool(d->vm, d->row.pool_id);
    if (!power || power->now_mode == POWER_ALWAYS_ON)
        return true;
    if (d->row.renew) /* it gets its new disk, and goes to rest again later */
        return power->now_mode != POWER_OFF;
    return power->idle == POWER_KEEP && power->now_mode == POWER_SPARE;
}

int desktop_run_restore(struct virt_conn *conn, struct guest_job *job, struct error *err)
{
    struct error why = {0};
    job->tried = true;
    int rc = virt_save_read(conn, &job->key, job->saved, job->address, job->port, &why);
    if (rc == CE_BUSY || rc == CE_UNREACHABLE || rc == CE_CANCELLED)
        return error_set(err, rc, "%s", why.text);
    if (rc)
        snprintf(job->unusable, sizeof job->unusable, "%.250s", why.text);
    else if (virt_domain_find(conn, &job->key, &job->seen, &why))
        job->seen = (struct guest_seen){.running = true}; /* the next look tells */
    /* Used or of no use: one that cannot be removed has a name by which it is not taken for a later one. */
    if (virt_save_remove(conn, job->desktop_dir, job->key.desktop_id, &why))
        log_warning("desktop %s: %s", job->key.desktop_id, why.text);
    return rc ? CE_NOT_FOUND : 0;
}

static int run_clock(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return guest_agent_set_clock(conn, &job->key, &job->clock_off_ms, err);
}

/* A guest whose clock nobody can set is better than none. */
static void on_clock(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    d->clock_checked = true;
    if (rc)
        log_warning("desktop %s: its clock cannot be set: %s", d->row.name,
                    *err->text ? err->text : error_name(rc));
    else if (job->clock_off_ms)
        log_info("desktop %s: its clock was set, it was off by %.1f s", d->row.name,
                 (double)job->clock_off_ms / 1000);
}

void desktop_step_clock(struct desktop *d)
{
    struct guest_job *job = guest_job_create(d);
    if (job)
        guest_job_submit(job, run_clock, on_clock);
}
