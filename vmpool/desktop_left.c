/* Desktops whose user has logged off: what the log-off policy says (logoff_policy.h), and new disks for dedicated ones.
 *
 * A new disk: the row becomes stopped, with the image that the disk is to be of and renew set, so that nobody is led there
 * any more; the guest is ended; the next start clones the disk before the guest and takes renew away (desktop_boot.c).
 * Wherever vmpool is killed, it goes on from the row. */
#include "desktop_parts.h"

#include <stdio.h>

#include "image_copy.h"
#include "log.h"
#include "logoff_policy.h"

#define IMAGE_LOOK_MS 5000 /* between looks whether the image is on the host already */

/* The broker may have lent it meanwhile: then its user is back, or on the way, and it stays as it is. */
static int look_again(struct db *db, const struct desktop_write *w, struct desktop_row *ret)
{
    int rc = store_desktop_get(db, w->row.id, ret);
    if (!rc && (ret->state != w->row.state || ret->left_ms != w->row.left_ms || ret->rest != w->row.rest))
        return CE_CONFLICT;
    return rc ? rc : store_desktop_is_left(db, ret);
}

static int write_goes(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = look_again(db, w, &row);
    return rc ? rc : store_desktop_set_state(db, row.id, row.state, DESKTOP_RECYCLING, w->reason);
}

static int write_renew(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = look_again(db, w, &row);
    if (!rc)
        rc = store_desktop_set_renew(db, row.id, w->row.image_id);
    if (!rc && row.state != DESKTOP_STOPPED && row.state != DESKTOP_FAILED)
        rc = store_desktop_set_state(db, row.id, row.state, DESKTOP_STOPPED, w->reason);
    return rc;
}

void desktop_renew(struct desktop *d, const char *image_id, const char *reason)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    log_info("desktop %s gets a new disk: %s", d->row.name, reason);
    desktop_pause(d,
                  GUEST_RETRY_MS); /* where its user is about to be led there it is not asked all the time */
    w->to = DESKTOP_STOPPED;
    w->of_pool = true;
    snprintf(w->row.image_id, sizeof w->row.image_id, "%s", image_id);
    snprintf(w->reason, sizeof w->reason, "%s", reason);
    desktop_write_submit(w, write_renew);
}

static void on_ended(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    d->cleaned = !rc;
    if (!rc) {
        desktop_data_gone(d);
        return;
    }
    if (rc != CE_UNREACHABLE && rc != CE_CANCELLED)
        log_warning("desktop %s: %s; trying again", d->row.name, err->text);
    desktop_pause(d, GUEST_RETRY_MS);
}

bool desktop_step_renew(struct desktop *d)
{
    const struct host *host = desktop_host(d);
    if (d->row.renew != RENEW_DISK || d->cleaned)
        return false;
    struct guest_job *job = host && host_answers(host) ? guest_job_create(d) : NULL;
    if (!job)
        return true;
    job->keep_disk = true;
    desktop_submit_remove(job, on_ended);
    return true;
}

void desktop_end_kept(struct desktop *d, const char *reason)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    desktop_pause(d, GUEST_RETRY_MS);
    w->to = DESKTOP_RECYCLING;
    snprintf(w->reason, sizeof w->reason, "%s", reason);
    desktop_write_submit(w, write_goes);
}

/* Standing, or off: one that goes to rest still has its guest. */
static bool is_idle(const struct desktop *d)
{
    if (d->row.state == DESKTOP_STOPPED)
        return d->row.rest == REST_NONE || d->row.rest == REST_SUSPENDED;
    return d->row.state == DESKTOP_READY || d->row.state == DESKTOP_DISCONNECTED;
}

bool desktop_step_left(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    const struct host *host = desktop_host(d);
    if (!pool || !host || !is_idle(d))
        return false;
    const struct logoff_plan plan = logoff_policy_plan(pool, &d->row, store_now_ms());
    switch (plan.act) {
    case LOGOFF_STAYS:
        return false;
    case LOGOFF_WAITS:
        desktop_due(d, plan.at_ms);
        return false;
    case LOGOFF_RENEWS:
        if (!image_copy_is_there(d->vm, &host->row, pool->image_id)) {
            desktop_due(d, store_now_ms() + IMAGE_LOOK_MS);
            return false;
        }
        desktop_renew(d, pool->image_id, plan.reason);
        return true;
    case LOGOFF_GOES:
        break;
    }
    desktop_end_kept(d, plan.reason);
    return true;
}
