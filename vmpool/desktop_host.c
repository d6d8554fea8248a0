/* What becomes of a desktop when its host is closed (drained, in maintenance) or does not answer.
 *
 * A host whose libvirt is silent may still run its guests: until vmpool.host_timeout nothing is done, and then
 * only guests that do not answer on their RDP port are given up. Floating ones go with their row, so that others
 * are made elsewhere; when the host comes back, what runs there without a row is an orphan and is destroyed
 * before the host takes a new guest (host_remove_orphans()). A dedicated desktop starts on another host that has its
 * disk, too, or waits for its own (desktop_move.h).
 */
#include "desktop_parts.h"

#include <stdio.h>

#include "desktop_move.h"
#include "log.h"

#define PULSE_TRIES 3        /* of a guest on a lost host, before it is given up */
#define PULSE_EVERY_MS 30000 /* between looks at one that does answer */

/* One that stays its user's, with its disk. */
static bool is_kept(const struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    return d->row.kind == POOL_DEDICATED && *d->row.owner_id && !(pool && pool->deleting);
}

/* --- ending a session, with a word for its client ---------------------------------------------------------
 */

static int order_close(struct db *db, const char *session_id, enum fail code)
{
    struct session_row session;
    int rc = store_session_get(db, session_id, &session);
    if (rc || session.state != SESSION_ACTIVE)
        return rc;
    struct order_row order = {.verb = "close", .connection = session.connection};
    snprintf(order.target, sizeof order.target, "gateway:%s", session.gateway);
    snprintf(order.object, sizeof order.object, "%s", session.id);
    snprintf(order.code, sizeof order.code, "%s", fail_code(code));
    return store_order_insert(db, &order);
}

/* The session ends; w->to is where the desktop goes. */
static int write_leave(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = store_desktop_get(db, w->row.id, &row);
    if (!rc && *row.session_id)
        rc = order_close(db, row.session_id, w->code);
    if (!rc)
        rc = desktop_write_end_session(db, w, &row);
    if (!rc && w->guest_gone)
        rc = store_data_disk_release(db, row.id);
    if (rc || row.state == w->to || !desktop_state_may_follow(row.state, w->to))
        return rc;
    return store_desktop_set_state(db, row.id, row.state, w->to, w->reason);
}

static struct desktop_write *leave_create(struct desktop *d, enum desktop_state to, enum fail code,
                                          const char *reason)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return NULL;
    w->to = to;
    w->code = code;
    snprintf(w->reason, sizeof w->reason, "%s", reason);
    return w;
}

static void leave(struct desktop *d, enum desktop_state to, enum fail code, const char *reason)
{
    struct desktop_write *w = leave_create(d, to, code, reason);
    if (!w)
        return;
    w->of_pool = true;
    desktop_write_submit(w, write_leave);
}

void desktop_evict(struct desktop *d, enum fail code, const char *reason)
{
    leave(d, DESKTOP_RECYCLING, code, reason);
}

void desktop_dismiss(struct desktop *d, enum fail code, const char *reason)
{
    leave(d, DESKTOP_READY, code, reason);
}

/* --- a closed host ----------------------------------------------------------------------------------------
 */

bool desktop_host_lets_start(const struct desktop *d)
{
    const struct host *host = desktop_host(d);
    return host && (host->row.mode == HOST_ACTIVE || (host->row.mode == HOST_DRAINING && d->row.wanted));
}

static void on_stopped(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc) {
        if (rc != CE_UNREACHABLE && rc != CE_CANCELLED)
            log_warning("desktop %s: %s; trying again", d->row.name, err->text);
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    struct desktop_write *w =
        leave_create(d, DESKTOP_STOPPED, FAIL_HOST_MAINTENANCE, "its host is in maintenance");
    if (!w)
        return;
    w->guest_gone = true;
    desktop_write_submit(w, write_leave);
}

/* A guest that is kept is ended first: a desktop that is called stopped has none. */
static void stop_guest(struct desktop *d)
{
    struct guest_job *job = guest_job_create(d);
    if (!job)
        return;
    job->keep_disk = true;
    desktop_submit_remove(job, on_stopped);
}

static bool step_closed(struct desktop *d, enum host_mode mode)
{
    bool nobodys = !*d->row.owner_id && !d->row.touched && !*d->row.session_id;
    switch (d->row.state) {
    case DESKTOP_CLONING:
    case DESKTOP_BOOTING:
    case DESKTOP_READY:
        if (nobodys) {
            desktop_retire(d, "its host takes no desktops");
            return true;
        }
        if (mode != HOST_MAINTENANCE || !is_kept(d))
            return false;
        stop_guest(d);
        return true;
    case DESKTOP_CLAIMED:
    case DESKTOP_IN_USE:
    case DESKTOP_DISCONNECTED:
        if (d->row.left_ms && !*d->row.session_id) {
            desktop_end_kept(d, "its host takes no desktops");
            return true;
        }
        if (mode != HOST_MAINTENANCE)
            return false;
        log_info("desktop %s: its session ends, host %s is in maintenance", d->row.name, d->row.host);
        leave(d, is_kept(d) ? DESKTOP_READY : DESKTOP_RECYCLING, FAIL_HOST_MAINTENANCE,
              "its host is in maintenance");
        return true;
    case DESKTOP_STOPPED:
        if (mode != HOST_MAINTENANCE || !is_kept(d))
            return false;
        desktop_move(d);
        return true;
    case DESKTOP_RECYCLING:
    case DESKTOP_FAILED:
    case DESKTOP_MAINTENANCE:
    case DESKTOP_STATE_COUNT:
        break;
    }
    return false;
}

/* --- a lost host ------------------------------------------------------------------------------------------
 */

static void give_up(struct desktop *d)
{
    char reason[REASON_SIZE];
    snprintf(reason, sizeof reason, "host %s does not answer", d->row.host);
    log_warning("desktop %s is lost while %s: %s", d->row.name, desktop_state_name(d->row.state), reason);
    leave(d, is_kept(d) ? DESKTOP_STOPPED : DESKTOP_RECYCLING, FAIL_HOST_LOST, reason);
}

static void on_pulse(void *arg, int rc)
{
    struct desktop *d = arg;
    probe_close(&d->pulse);
    d->pulse_at_ms = store_now_ms() + PULSE_EVERY_MS;
    struct host *host = desktop_host(d);
    if (d->busy || d->stale || d->gone || !host || !host_is_lost(host))
        return; /* it moved, or its host is back */
    if (!rc) {
        log_info("desktop %s: its guest answers, although host %s does not", d->row.name, d->row.host);
        desktop_due(d, d->pulse_at_ms);
        return;
    }
    give_up(d);
}

static void feel_pulse(struct desktop *d)
{
    if (d->pulse)
        return;
    if (store_now_ms() < d->pulse_at_ms) {
        desktop_due(d, d->pulse_at_ms);
        return;
    }
    if (!d->row.port ||
        probe_open(&d->pulse, d->vm->loop, d->row.address, d->row.port, PULSE_TRIES, on_pulse, d))
        give_up(d);
}

static int write_forget(struct db *db, struct desktop_write *w)
{
    return store_desktop_delete(db, w->row.id, FAIL_HOST_LOST);
}

static void forget(struct desktop *d)
{
    log_warning("desktop %s is given up: host %s does not answer; what is left of it is removed when it does",
                d->row.name, d->row.host);
    struct desktop_write *w = desktop_write_create(d);
    if (w)
        desktop_write_submit(w, write_forget);
}

static void step_lost(struct desktop *d)
{
    switch (d->row.state) {
    case DESKTOP_CLONING:
    case DESKTOP_BOOTING:
        give_up(d);
        break;
    case DESKTOP_READY:
    case DESKTOP_CLAIMED:
    case DESKTOP_IN_USE:
    case DESKTOP_DISCONNECTED:
        feel_pulse(d);
        break;
    case DESKTOP_RECYCLING:
        forget(d);
        break;
    case DESKTOP_FAILED:
        if (!is_kept(d))
            desktop_change(d, DESKTOP_RECYCLING, "");
        break;
    case DESKTOP_STOPPED:
        if (is_kept(d))
            desktop_move(d);
        break;
    case DESKTOP_MAINTENANCE:
    case DESKTOP_STATE_COUNT:
        break;
    }
}

bool desktop_step_host(struct desktop *d)
{
    struct host *host = desktop_host(d);
    if (!host)
        return true; /* another vmpool drives it */
    if (host_answers(host)) {
        probe_close(&d->pulse);
        d->pulse_at_ms = 0;
        return host->row.mode != HOST_ACTIVE && step_closed(d, host->row.mode);
    }
    if (host->row.state != HOST_DOWN)
        return false; /* not yet known to be down */
    if (host_is_lost(host))
        step_lost(d);
    return true; /* the host's deadline goes before the desktop's */
}
