/* The ends of a guest: recycling, failure with its clean-up, a dedicated desktop that stopped. */
#include "desktop_parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "pool_sizing.h"
#include "virt_disk.h"
#include "virt_save.h"

/* --- plain changes ----------------------------------------------------------------------------------------
 */

static int write_change(struct db *db, struct desktop_write *w)
{
    int rc = store_desktop_set_state(db, w->row.id, w->row.state, w->to, w->reason);
    if (!rc && w->to == DESKTOP_BOOTING)
        rc = store_desktop_set_percent(db, w->row.id, 0);
    return rc;
}

static void change(struct desktop *d, enum desktop_state to, const char *reason, bool of_pool)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    w->to = to;
    w->of_pool = of_pool;
    snprintf(w->reason, sizeof w->reason, "%s", reason);
    desktop_write_submit(w, write_change);
}

void desktop_change(struct desktop *d, enum desktop_state to, const char *reason)
{
    change(d, to, reason, false);
}

void desktop_retire(struct desktop *d, const char *reason)
{
    change(d, DESKTOP_RECYCLING, reason, true);
}

/* --- failure ----------------------------------------------------------------------------------------------
 */

static int write_pool_failure(struct db *db, const struct desktop_write *w)
{
    struct pool_row pool;
    bool counted = false; /* by the pool's roll: that one stops, and the pool goes on with what works */
    int rc = store_roll_failed(db, &w->row, w->reason, &counted);
    if (rc || counted)
        return rc;
    rc = store_pool_get_plain(db, w->row.pool_id, &pool);
    if (rc)
        return rc;
    const struct pool_backoff next =
        pool_backoff_next(&pool, store_now_ms(), w->pause_ms, w->pause_max_ms, w->failure_limit);
    char reason[REASON_SIZE];
    snprintf(reason, sizeof reason, "%s: %.300s", w->row.name, w->reason);
    return store_pool_set_failure(db, pool.id, next.failures, next.retry_at_ms, next.stopped, reason);
}

static int write_failed(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = store_desktop_get(db, w->row.id, &row);
    if (rc || row.state != w->row.state)
        return rc ? rc : CE_CONFLICT;
    if (*row.session_id) {
        rc = store_session_end(db, row.session_id, FAIL_GUEST_FAILED, w->reason);
        if (!rc || rc == CE_CONFLICT)
            rc = store_desktop_get(db, w->row.id, &row);
        if (rc || row.state == DESKTOP_RECYCLING)
            return rc;
    }
    rc = store_desktop_set_state(db, row.id, row.state, DESKTOP_FAILED, w->reason);
    return rc || !w->counts ? rc : write_pool_failure(db, w);
}

void desktop_fail(struct desktop *d, const char *reason)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    log_warning("desktop %s failed while %s: %s", d->row.name, desktop_state_name(d->row.state), reason);
    w->to = DESKTOP_FAILED;
    w->counts = !d->disk_locked && (d->row.state == DESKTOP_CLONING || d->row.state == DESKTOP_BOOTING ||
                                    d->row.state == DESKTOP_READY);
    snprintf(w->reason, sizeof w->reason, "%s", reason);
    desktop_write_submit(w, write_failed);
}

/* --- removing ---------------------------------------------------------------------------------------------
 */

int desktop_run_remove(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    struct error data_err = {0}, words_err = {0};
    int rc = *job->data_disk && *job->key.uuid ? desktop_data_part(conn, job, &data_err) : 0;
    if (job->data_patient && (rc == CE_TIMEOUT || rc == CE_UNREACHABLE))
        return error_set(err, CE_TIMEOUT, "its data disk is not given back yet: %s", data_err.text);
    if (rc)
        log_warning("desktop %s ends with its data disk: %s", job->key.desktop_id, data_err.text);
    /* A log that cannot be read is no reason to keep the guest. */
    if (job->keep_words && desktop_run_words(conn, job, &words_err))
        log_warning("%s", words_err.text);
    rc = *job->key.uuid ? virt_domain_destroy(conn, &job->key, err) : 0;
    if (!rc && job->kept)
        rc = virt_save_remove(conn, job->desktop_dir, job->key.desktop_id, err);
    if (rc || job->keep_disk)
        return rc;
    if (*job->former_disk)
        rc = virt_disk_remove(conn, job->desktop_dir, job->former_disk, err);
    else if (job->kept && !job->keep_snapshots)
        rc = virt_disk_keep_only(conn, job->desktop_dir, job->key.desktop_id, NULL, 0, err);
    return rc ? rc : virt_storage_delete(conn, job->desktop_dir, job->key.desktop_id, job->windows, err);
}

void desktop_submit_remove(struct guest_job *job, void (*done)(struct desktop *d, struct guest_job *job,
                                                               int rc, const struct error *err))
{
    desktop_data_prepare(job->d, job);
    if (*job->data_disk)
        guest_job_submit_lane(job, HOST_LANE_DATA, desktop_run_remove, done);
    else
        guest_job_submit(job, desktop_run_remove, done);
}

static int write_deleted(struct db *db, struct desktop_write *w)
{
    int rc = store_data_disk_release(db, w->row.id);
    return rc ? rc : store_desktop_delete(db, w->row.id, FAIL_SESSION_ENDED);
}

static void on_removed(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc) {
        if (rc != CE_UNREACHABLE && rc != CE_CANCELLED)
            log_warning("desktop %s: %s; trying again", d->row.name, err->text);
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    (void)unlink(job->serial_log);
    struct desktop_write *w = desktop_write_create(d);
    if (w)
        desktop_write_submit(w, write_deleted);
}

void desktop_step_recycling(struct desktop *d)
{
    /* A guest that somebody used gets a moment to write out what its programs have on the network. */
    int64_t at_ms = desktop_since_ms(d) +
                    (d->row.touched && !d->dead ? (int64_t)d->vm->config.vmpool_logoff_grace_ms : 0);
    if (store_now_ms() < at_ms) {
        desktop_due(d, at_ms);
        return;
    }
    struct guest_job *job = guest_job_create(d);
    if (!job)
        return;
    job->windows = desktop_is_windows(d);
    desktop_serial_log(d, job->serial_log, sizeof job->serial_log);
    desktop_submit_remove(job, on_removed);
}

static void on_cleaned(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc) {
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    desktop_keep_words(d, job);
    /* The whole of it is kept until the next failure of a guest of this name. */
    char kept[sizeof job->serial_log + 16];
    snprintf(kept, sizeof kept, "%s.failed", job->serial_log);
    (void)rename(job->serial_log, kept);
    d->cleaned = true;
    desktop_data_gone(d);
}

/* As soon as its host starts fewer than it may at once. */
static void start_again(struct desktop *d)
{
    if (desktop_starting_on(d->vm, d->row.host_id) < d->vm->config.vmpool_parallel_boots)
        desktop_change(d, DESKTOP_BOOTING, "");
    else
        desktop_due(d, store_now_ms() + GUEST_RETRY_MS);
}

/* A guest that failed is not left running, its words are kept, and the pool's pause decides when the next
 * one is tried. A dedicated desktop that has an owner keeps its disk and is started again. */
void desktop_step_failed(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    struct host *host = desktop_host(d);
    bool keep = d->row.kind == POOL_DEDICATED && *d->row.owner_id && !(pool && pool->deleting);
    if (!host || !host_answers(host) || !pool)
        return;
    if (!d->cleaned) {
        struct guest_job *job = guest_job_create(d);
        if (!job)
            return;
        job->keep_disk = keep;
        job->keep_words = true;
        job->windows = desktop_is_windows(d);
        desktop_serial_log(d, job->serial_log, sizeof job->serial_log);
        desktop_submit_remove(job, on_cleaned);
        return;
    }
    if (pool->stopped && !pool->deleting)
        return; /* until an administrator looks at it */
    if (store_now_ms() < pool->retry_at_ms && !pool->deleting) {
        desktop_due(d, pool->retry_at_ms);
        return;
    }
    if (!keep)
        desktop_change(d, DESKTOP_RECYCLING, "");
    else if (pool->enabled && desktop_host_lets_start(d))
        start_again(d);
}

/* Dedicated desktops run as long as their pool is open, unless its schedule says otherwise. */
void desktop_step_stopped(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    const struct host *host = desktop_host(d);
    if (d->row.rest == REST_STOPPING || d->row.rest == REST_SUSPENDING) {
        desktop_step_resting(d);
        return;
    }
    if (desktop_step_renew(d))
        return;
    if (pool && ((pool->enabled && desktop_power_lets_start(d)) || d->row.wanted) && !pool->stopped && host &&
        host_answers(host) && desktop_host_lets_start(d))
        start_again(d);
}
