/* From a row to a desktop that answers: clone, start, wait for RDP, set the password, read the fingerprint.
 *
 *     cloning   disk and domain are made in one operation
 *     booting   the domain is looked for (and started where it is not) -> its address is learnt -> RDP is
 *               probed while the agent sets the password -> the fingerprint is read -> ready
 */
#include "desktop_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop_join.h"
#include "log.h"

#define PERCENT_ANSWERED 95

void desktop_boot_reset(struct desktop *d)
{
    probe_close(&d->probe);
    d->answered = false;
    d->answered_ms = 0;
    d->script_pid = 0;
    d->agent_identity = false;
    d->own_identity = false;
    d->has_card = false;
    d->has_copy = false;
    d->password_set = false;
    secret_wipe(&d->password);
    d->fingerprint_read = false;
    d->fingerprint[0] = 0;
    d->percent_ms = 0;
    d->port_tries = 0;
    d->disk_locked = false;
    desktop_join_cancel(d);
    d->restore = false;
    d->clock_checked = false;
}

/* --- address, probe ---------------------------------------------------------------------------------------
 */

static int run_address(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return virt_domain_address(conn, &job->key, job->address, err);
}

static int write_seen(struct db *db, struct desktop_write *w)
{
    return store_desktop_set_seen(db, &w->row);
}

static void on_address(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    struct desktop_write *w = rc ? NULL : desktop_write_create(d);
    if (!w) {
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    snprintf(w->row.address, sizeof w->row.address, "%s", job->address);
    w->row.port = 3389;
    desktop_write_submit(w, write_seen);
}

static void on_probe(void *arg, int rc)
{
    struct desktop *d = arg;
    probe_close(&d->probe);
    d->answered = rc == 0;
    d->answered_ms = store_now_ms();
    d->next_try_ms = 0;
    desktop_drive(d);
}

/* --- password, fingerprint, ready -------------------------------------------------------------------------
 */

static int run_password(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return guest_agent_set_password(conn, &job->key, job->user, &job->password, err);
}

static void on_password(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (!rc) {
        d->password = job->password;
        d->password_set = true;
    } else if (rc == CE_UNREACHABLE || rc == CE_TIMEOUT || rc == CE_CANCELLED) {
        log_debug("desktop %s: its password is not set yet: %s", d->row.name,
                  *err->text ? err->text : error_name(rc));
        desktop_pause(d, GUEST_RETRY_MS); /* until the boot's deadline */
    } else {
        char reason[REASON_SIZE];
        snprintf(reason, sizeof reason, "the password of guest user %s could not be set: %.250s", job->user,
                 err->text);
        desktop_fail(d, reason);
    }
}

static void step_password(struct desktop *d)
{
    const struct image_row *image = desktop_image(d);
    struct guest_job *job = guest_job_create(d);
    if (!job || !image) {
        free(job);
        return;
    }
    snprintf(job->user, sizeof job->user, "%s", image->guest_user);
    secret_random_password(&job->password);
    guest_job_submit_lane(job, HOST_LANE_AGENT, run_password, on_password);
}

static int run_fingerprint(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return guest_agent_fingerprint(conn, &job->key, job->fingerprint, err);
}

static void on_fingerprint(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc == CE_UNREACHABLE || rc == CE_TIMEOUT || rc == CE_CANCELLED) {
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    d->fingerprint_read = true;
    if (!rc)
        snprintf(d->fingerprint, sizeof d->fingerprint, "%s", job->fingerprint);
    else
        log_warning("desktop %s: the guest shows no certificate to pin (%s)", d->row.name,
                    *err->text ? err->text : error_name(rc));
}

static void step_fingerprint(struct desktop *d)
{
    struct guest_job *job = guest_job_create(d);
    if (job)
        guest_job_submit(job, run_fingerprint, on_fingerprint);
}

/* A guest whose agent came after it was ready is pinned then. */
static void on_late_fingerprint(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc == CE_UNREACHABLE || rc == CE_TIMEOUT || rc == CE_CANCELLED) {
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    d->fingerprint_read = true;
    struct desktop_write *w = rc ? NULL : desktop_write_create(d);
    if (!w)
        return;
    snprintf(w->row.fingerprint, sizeof w->row.fingerprint, "%s", job->fingerprint);
    desktop_write_submit(w, write_seen);
}

void desktop_step_late_fingerprint(struct desktop *d)
{
    struct guest_job *job = guest_job_create(d);
    if (job)
        guest_job_submit(job, run_fingerprint, on_late_fingerprint);
}

/* The pool's failures are forgotten with the first guest that stands. */
static int write_ready(struct db *db, struct desktop_write *w)
{
    int rc = store_desktop_set_seen(db, &w->row);
    if (!rc && w->row.renew)
        rc = store_desktop_set_renewed(db, w->row.id, RENEW_NONE);
    if (!rc)
        rc = store_desktop_set_state(db, w->row.id, DESKTOP_BOOTING, DESKTOP_READY, "");
    struct pool_row pool;
    if (!rc)
        rc = store_pool_get_plain(db, w->row.pool_id, &pool);
    if (!rc && pool.failures)
        rc = store_pool_set_failure(db, pool.id, 0, 0, false, "");
    return rc;
}

static void step_ready(struct desktop *d)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    const struct image_row *image = desktop_image(d);
    w->to = DESKTOP_READY;
    w->row.percent = 100;
    snprintf(w->row.fingerprint, sizeof w->row.fingerprint, "%s", d->fingerprint);
    snprintf(w->row.guest_user, sizeof w->row.guest_user, "%s", image ? image->guest_user : "");
    w->row.sealed_len = 0;
    if (d->password_set) {
        uint8_t sealed[SECRET_SEALED_MAX];
        size_t len = 0;
        if (secret_seal(&d->vm->key, d->row.id, &d->password, sealed, &len) ||
            len > sizeof w->row.sealed_password) {
            free(w);
            desktop_fail(d, "its password could not be sealed");
            return;
        }
        memcpy(w->row.sealed_password, sealed, len);
        w->row.sealed_len = len;
    }
    uint64_t took_ms = (uint64_t)(store_now_ms() - desktop_since_ms(d));
    if (!*d->row.golden && took_ms <= d->vm->config.vmpool_boot_timeout_ms) /* else the clock was set */
        d->vm->usual_boot_ms = (d->vm->usual_boot_ms * 3 + took_ms) / 4;
    log_info("desktop %s: answers on %s port %u, %.1f s after its start", d->row.name, d->row.address,
             d->row.port, (double)took_ms / 1000);
    desktop_write_submit(w, write_ready);
}

/* --- progress ---------------------------------------------------------------------------------------------
 */

struct percent_job {
    char id[ID_SIZE];
    uint32_t percent;
};

static int run_percent(struct db *db, void *arg)
{
    const struct percent_job *job = arg;
    int rc = store_desktop_set_percent(db, job->id, job->percent);
    return rc == CE_NOT_FOUND ? 0 : rc;
}

static void on_percent(void *arg, int rc)
{
    free(arg);
}

/* A guess by how long boots took lately, so that whoever waits sees that something happens. */
static void tell_percent(struct desktop *d)
{
    int64_t now_ms = store_now_ms();
    if (now_ms < d->percent_ms) {
        desktop_due(d, d->percent_ms);
        return;
    }
    d->percent_ms = now_ms + PERCENT_EVERY_MS;
    desktop_due(d, d->percent_ms);
    uint64_t since_ms = (uint64_t)(now_ms - desktop_since_ms(d));
    uint64_t usual_ms = d->vm->usual_boot_ms ? d->vm->usual_boot_ms : 1;
    uint64_t percent = d->answered ? PERCENT_ANSWERED : DESKTOP_PERCENT_STARTED + since_ms * 80 / usual_ms;
    if (percent > 90 && !d->answered)
        percent = 90;
    struct percent_job *job = percent > d->row.percent ? calloc(1, sizeof *job) : NULL;
    if (!job)
        return;
    snprintf(job->id, sizeof job->id, "%s", d->row.id);
    job->percent = (uint32_t)percent;
    vmpool_write(d->vm, run_percent, on_percent, job);
}

const char *desktop_boot_missing(const struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    if (*d->row.golden && d->guest_known && !d->own_identity)
        return d->agent ? "the guest got no identity of its own in time"
                        : "the guest's agent was not there in time to give it an identity of its own";
    if (!d->answered || !pool || pool->credentials != CREDENTIALS_CARREL)
        return NULL;
    if (!d->agent)
        return "the guest answers on its RDP port, but its agent, which sets the password, was not there in "
               "time";
    return d->password_set ? NULL : "the guest's agent did not set the guest user's password in time";
}

/* --- the step ---------------------------------------------------------------------------------------------
 */

static void step_address(struct desktop *d)
{
    struct guest_job *job = guest_job_create(d);
    if (job)
        guest_job_submit(job, run_address, on_address);
}

/* Asks whether it answers, beside whatever else is still to be done. False: it has failed. */
static bool step_probe(struct desktop *d)
{
    if (d->answered || d->probe)
        return true;
    if (!probe_open(&d->probe, d->vm->loop, d->row.address, d->row.port, 0, on_probe, d))
        return true;
    desktop_fail(d, "its address is not an IP address");
    return false;
}

/* A fork becomes a desktop of its own before anything else of it is used. True: it is one. */
static bool step_own(struct desktop *d)
{
    if (!d->own_identity && d->agent)
        desktop_step_identity(d);
    else if (d->own_identity && !d->has_card && !desktop_on_user_network(d))
        desktop_step_card(d);
    return d->own_identity && (d->has_card || desktop_on_user_network(d));
}

void desktop_step_booting(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    if (!d->guest_known) {
        desktop_step_ensure(d);
        return;
    }
    if (d->suspect) {
        desktop_step_verify(d);
        return;
    }
    if (*d->row.address && !step_probe(d))
        return;
    if (*d->row.golden && !step_own(d))
        return;
    if (!*d->row.address) {
        step_address(d);
        return;
    }
    tell_percent(d);
    bool needs_agent = pool && pool->credentials == CREDENTIALS_CARREL;
    if (needs_agent && !d->password_set) {
        if (d->agent)
            step_password(d);
        return;
    }
    if (!d->answered)
        return;
    if (!d->fingerprint_read) {
        if (d->agent) {
            step_fingerprint(d);
            return;
        }
        int64_t grace_end_ms = d->answered_ms + (desktop_may_have_agent(d) ? AGENT_GRACE_MS : 0);
        if (needs_agent || store_now_ms() < grace_end_ms) {
            desktop_due(d, grace_end_ms);
            return;
        }
    }
    if (d->row.kind == POOL_DEDICATED && *d->row.owner_id && d->agent && !d->clock_checked) {
        desktop_step_clock(d);
        return;
    }
    if (desktop_join(d))
        step_ready(d);
}
