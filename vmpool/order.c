#include "order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "desktop.h"
#include "desktop_parts.h"
#include "lease.h"
#include "log.h"
#include "order_data_disk.h"
#include "order_parts.h"

/* --- closing an order -------------------------------------------------------------------------------------
 */

struct order_end {
    int64_t number;
    char reason[REASON_SIZE];
    enum order_state state;
};

static int run_end(struct db *db, void *arg)
{
    const struct order_end *end = arg;
    return store_order_finish(db, end->number, end->state, end->reason);
}

static void on_end(void *arg, int rc)
{
    free(arg);
}

void order_end(struct vmpool *vm, int64_t number, enum order_state state, const char *reason)
{
    struct order_end *end = calloc(1, sizeof *end);
    if (!end)
        return;
    end->number = number;
    end->state = state;
    snprintf(end->reason, sizeof end->reason, "%s", reason);
    vmpool_write(vm, run_end, on_end, end);
}

int order_finish(struct db *db, const struct desktop_write *w, int rc)
{
    if (rc == CE_CONFLICT || rc == CE_NOT_FOUND || rc == CE_INTERNAL)
        return store_order_finish(db, w->order, ORDER_FAILED, store_error(db));
    return rc ? rc : store_order_finish(db, w->order, ORDER_DONE, "");
}

struct desktop_write *order_write(struct desktop *d, int64_t number)
{
    struct desktop_write *w = desktop_write_create(d);
    if (w) {
        w->order = number;
        w->code = FAIL_ADMIN_LOGOFF;
        snprintf(w->reason, sizeof w->reason, "by order %lld", (long long)number);
    }
    return w;
}

/* --- recycle, maintenance, release ------------------------------------------------------------------------
 */

static int write_recycle(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = desktop_write_end_session(db, w, &row);
    if (!rc && row.state != DESKTOP_RECYCLING)
        rc = store_desktop_set_state(db, row.id, row.state, DESKTOP_RECYCLING, w->reason);
    return order_finish(db, w, rc);
}

static int write_maintenance(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = store_desktop_get(db, w->row.id, &row);
    if (!rc && (*row.session_id || desktop_state_is_lent(row.state)))
        return store_order_finish(db, w->order, ORDER_FAILED, "a session is on the desktop: end it first");
    if (!rc && row.rest != REST_NONE)
        return store_order_finish(db, w->order, ORDER_FAILED, DESKTOP_RESTS_WORDS);
    if (!rc && row.state != DESKTOP_MAINTENANCE)
        rc = store_desktop_set_state(db, row.id, row.state, DESKTOP_MAINTENANCE, w->reason);
    return order_finish(db, w, rc);
}

/* Nobody knows what was done to a desktop in maintenance: a floating one is made anew. */
static int write_release(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = store_desktop_get(db, w->row.id, &row);
    if (!rc && row.state != DESKTOP_MAINTENANCE)
        return store_order_finish(db, w->order, ORDER_FAILED, "the desktop is not in maintenance");
    if (!rc)
        rc = store_desktop_set_state(db, row.id, row.state,
                                     row.kind == POOL_DEDICATED ? DESKTOP_BOOTING : DESKTOP_RECYCLING, "");
    return order_finish(db, w, rc);
}

/* --- restart ----------------------------------------------------------------------------------------------
 */

static int write_restart(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = desktop_write_end_session(db, w, &row);
    if (!rc)
        rc = store_data_disk_release(db, row.id); /* its guest was ended */
    /* A floating desktop whose session ended here is on its way to be made anew, which is a restart too. */
    if (!rc && row.state != DESKTOP_RECYCLING && row.state != DESKTOP_BOOTING)
        rc = store_desktop_set_state(
            db, row.id, row.state,
            row.touched && row.kind == POOL_FLOATING ? DESKTOP_RECYCLING : DESKTOP_BOOTING, w->reason);
    if (!rc)
        rc = store_desktop_set_percent(db, row.id, 0);
    return order_finish(db, w, rc);
}

static void on_restart_stopped(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc) {
        order_end(d->vm, d->check_order, ORDER_FAILED, err->text);
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    d->guest_known = false;
    d->row.rest = REST_NONE; /* its memory went with the guest */
    struct desktop_write *w = order_write(d, d->check_order);
    if (w)
        desktop_write_submit(w, write_restart);
}

static void order_restart(struct desktop *d, int64_t number)
{
    switch (d->row.state) {
    case DESKTOP_CLONING:
    case DESKTOP_RECYCLING:
        order_end(d->vm, number, ORDER_FAILED, "the desktop is being made or removed");
        return;
    case DESKTOP_BOOTING:
    case DESKTOP_READY:
    case DESKTOP_CLAIMED:
    case DESKTOP_IN_USE:
    case DESKTOP_DISCONNECTED:
    case DESKTOP_STOPPED:
    case DESKTOP_FAILED:
    case DESKTOP_MAINTENANCE:
    case DESKTOP_STATE_COUNT:
        break;
    }
    struct guest_job *job = guest_job_create(d);
    if (!job)
        return;
    d->check_order = number;
    job->keep_disk = true;
    desktop_submit_remove(job, on_restart_stopped);
}

/* --- log off ----------------------------------------------------------------------------------------------
 */

static int run_log_off(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return guest_agent_log_off(conn, &job->key, job->user, job->windows, err);
}

static int write_logged_off(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = desktop_write_end_session(db, w, &row);
    if (!rc && desktop_state_is_lent(row.state) && row.state != DESKTOP_CLAIMED && !row.left_ms)
        rc = store_desktop_set_state(db, row.id, row.state, DESKTOP_RECYCLING, w->reason);
    return order_finish(db, w, rc);
}

/* A guest that cannot be asked has its session ended as it is; else the session hook, or the look at who is logged in,
 * ends it, and the broker's patience after that. */
static void on_log_off(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    const int64_t number = d->logoff_order;
    d->logoff_last = number;
    d->logoff_order = 0;
    if (rc)
        log_warning("desktop %s: its user cannot be logged off: %s", d->row.name, err->text);
    else
        log_info("desktop %s: its guest was told to log its user off", d->row.name);
    bool told = *d->logged_off && !strcmp(d->logged_off, d->row.session_id); /* while it was asked */
    if (!rc && !told) {
        d->users_check_ms = store_now_ms() + USERS_FIRST_MS;
        order_end(d->vm, number, ORDER_DONE, "");
        return;
    }
    struct desktop_write *w = order_write(d, number);
    if (!w)
        return;
    w->code = FAIL_LOGOFF; /* the session knows why it ends */
    snprintf(w->reason, sizeof w->reason, "%s",
             rc ? "the guest could not be asked to log off" : "the user was logged off");
    desktop_write_submit(w, write_logged_off);
}

static void order_log_off(struct desktop *d, int64_t number)
{
    const struct pool_row *pool = desktop_pool(d);
    const struct image_row *image = desktop_image(d);
    if (number == d->logoff_last)
        return;
    if ((d->row.state != DESKTOP_IN_USE && d->row.state != DESKTOP_DISCONNECTED) || !*d->row.session_id) {
        order_end(d->vm, number, ORDER_DONE, "nobody is on the desktop any more");
        return;
    }
    struct guest_job *job = guest_job_create(d);
    if (!job)
        return;
    if (image && pool && pool->credentials == CREDENTIALS_CARREL)
        snprintf(job->user, sizeof job->user, "%s", image->guest_user);
    job->windows = desktop_is_windows(d);
    d->logoff_order = number;
    guest_job_submit(job, run_log_off, on_log_off);
}

/* --- check ------------------------------------------------------------------------------------------------
 */

static int write_check_failed(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    int rc = desktop_write_end_session(db, w, &row);
    if (!rc && row.state != DESKTOP_RECYCLING && row.state != DESKTOP_FAILED)
        rc = store_desktop_set_state(db, row.id, row.state, DESKTOP_FAILED, w->reason);
    return order_finish(db, w, rc);
}

static int write_check_passed(struct db *db, struct desktop_write *w)
{
    int rc = store_desktop_set_seen(db, &w->row);
    return order_finish(db, w, rc);
}

static int run_check_fingerprint(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return guest_agent_fingerprint(conn, &job->key, job->fingerprint, err);
}

static void on_check_fingerprint(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    struct desktop_write *w = order_write(d, d->check_order);
    if (!w)
        return;
    if (!rc && strcmp(job->fingerprint, d->row.fingerprint) != 0) {
        log_warning("desktop %s: its certificate has changed, which its guest agent confirms", d->row.name);
        snprintf(w->row.fingerprint, sizeof w->row.fingerprint, "%s", job->fingerprint);
    }
    desktop_write_submit(w, write_check_passed);
}

static void on_check(void *arg, int rc)
{
    struct desktop *d = arg;
    probe_close(&d->check);
    if (d->busy || d->stale)
        return; /* something else moved it; the order is still open and is looked at again */
    if (!rc) {
        struct guest_job *job = guest_job_create(d);
        if (job)
            guest_job_submit(job, run_check_fingerprint, on_check_fingerprint);
        return;
    }
    log_warning("desktop %s: it does not answer on its RDP port", d->row.name);
    struct desktop_write *w = order_write(d, d->check_order);
    if (!w)
        return;
    w->code = FAIL_GUEST_FAILED;
    snprintf(w->reason, sizeof w->reason, "the guest does not answer on its RDP port");
    desktop_write_submit(w, write_check_failed);
}

static void order_check(struct desktop *d, int64_t number)
{
    if (d->check)
        return;
    bool stands = desktop_state_is_lent(d->row.state) || d->row.state == DESKTOP_READY;
    d->check_order = number;
    if (!stands || probe_open(&d->check, d->vm->loop, d->row.address, d->row.port, CHECK_TRIES, on_check, d))
        order_end(d->vm, number, ORDER_DONE, "the desktop is not one that answers now");
}

/* --- all of them ------------------------------------------------------------------------------------------
 */

static void order_drive(struct vmpool *vm, const struct order_row *order)
{
    static const struct {
        const char *verb;
        int (*write)(struct db *db, struct desktop_write *w);
    } writes[] = {{"desktop-recycle", write_recycle},
                  {"desktop-maintenance", write_maintenance},
                  {"desktop-release", write_release}};
    if (!strcmp(order->verb, "data-disk-delete")) {
        order_data_disk_delete(vm, order);
        return;
    }
    struct desktop *d = desktop_find(vm, order->object);
    if (!d && !lease_is_held(vm, LEASE_POOLS))
        return;
    if (!d) {
        order_end(vm, order->number, ORDER_FAILED, "there is no such desktop any more");
        return;
    }
    if (!desktop_host(d) || order_disk_waits(d, order))
        return; /* a later pass finds it again */
    if (d->busy || d->stale || store_now_ms() < d->next_try_ms) {
        if (!strcmp(order->verb, "desktop-recycle") || !strcmp(order->verb, "desktop-restart"))
            guest_job_make_way(d);
        reconcile_due(vm, store_now_ms() + GUEST_RETRY_MS); /* that pass finds the order again */
        return;
    }
    log_info("order %lld: %s of desktop %s", (long long)order->number, order->verb, d->row.name);
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        if (strcmp(order->verb, writes[i].verb) != 0)
            continue;
        if (!strcmp(order->verb, "desktop-release"))
            d->guest_known = false;
        struct desktop_write *w = order_write(d, order->number);
        if (w && *order->text)
            snprintf(w->reason, sizeof w->reason, "%.*s", (int)sizeof w->reason - 1, order->text);
        if (w)
            desktop_write_submit(w, writes[i].write);
        return;
    }
    if (!strcmp(order->verb, "desktop-restart"))
        order_restart(d, order->number);
    else if (!strcmp(order->verb, "desktop-logoff"))
        order_log_off(d, order->number);
    else if (!strcmp(order->verb, "desktop-check"))
        order_check(d, order->number);
    else if (!order_capture(d, order) && !order_disk(d, order))
        order_end(vm, order->number, ORDER_FAILED, "vmpool does not know this order");
}

void order_drive_all(struct vmpool *vm)
{
    for (size_t i = 0; i < vm->world->order_count; i++)
        order_drive(vm, &vm->world->orders[i]);
}
