/* Snapshots of dedicated desktops: copies of their disk while no guest has it open. An order leads through it:
 *
 *     begin    in the store: the desktop goes into maintenance (its session ends where that was ordered), the
 *              snapshot's row says what is under way and which state comes after it
 *     copy     on a lane of its own: the guest's file systems are frozen by its agent, so that they are whole, it is
 *              ended, the file is copied
 *     end      in the store: the new file is the snapshot's or the desktop's from now on, the desktop goes back to
 *              the state that it came from, the order is done
 *     tidy     files that no row names are removed
 *
 * Nothing else is done with the desktop meanwhile. Why copies: internal snapshots of qcow2 need QEMU or qemu-img on the
 * host and a format that is never damaged; a chain of overlays grows with each snapshot and cannot be shortened while
 * one of them is kept. A copy depends on nothing but the golden image, and neither making nor deleting one touches the
 * disk that is in use. It costs the time and the room of what the desktop has changed since it was cloned, during which
 * it is off.
 *
 * A vmpool that is killed leaves the order open; whoever drives the host next begins the copy again, under another name.
 * What it had not tidied behind an order's end is found when the host is looked through (host_files.c).
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <carrel/store_upkeep.h>

#include "log.h"
#include "order_parts.h"
#include "virt_disk.h"
#include "virt_save.h"

#define FREEZE_TIMEOUT_S 10

enum disk_verb { DISK_SNAPSHOT, DISK_RESTORE, DISK_UNSNAPSHOT, DISK_VERBS };

static const struct {
    const char *order;
    enum disk_snapshot_state doing;
} verbs[DISK_VERBS] = {
    [DISK_SNAPSHOT] = {"desktop-snapshot", DISK_SNAPSHOT_CREATING},
    [DISK_RESTORE] = {"desktop-restore", DISK_SNAPSHOT_RESTORING},
    [DISK_UNSNAPSHOT] = {"desktop-unsnapshot", DISK_SNAPSHOT_DELETING},
};

struct disk_work {
    struct list entry; /* in vm->disk_works */
    unsigned refs;     /* the desktop's and a job's */
    enum disk_verb verb;
    int64_t order;
    bool force;
    bool lost;            /* its host was when it began: what a former vmpool has begun is given up */
    char name[NAME_SIZE]; /* of the snapshot */
    char host_id[ID_SIZE];
    char dir[CONFIG_TEXT_SIZE];
    char to[64]; /* the new file */
    atomic_bool cancelled;
    bool ending; /* the copy is done, or has failed */

    /* From the store's jobs, read behind them only. */
    bool begun;
    bool over; /* the order is closed */
    struct disk_snapshot_row row;
    char from[64];
    char known[DISK_SNAPSHOTS_MAX + 4][64]; /* files that rows name */
    size_t known_count;

    /* From the copy. */
    uint64_t size_bytes;
    int rc;
    struct error err;
};

void desktop_disk_unref(struct disk_work *work)
{
    if (work && !--work->refs)
        free(work);
}

void desktop_disk_cancel(struct desktop *d)
{
    if (d->disk_work)
        atomic_store(&d->disk_work->cancelled, true);
}

void desktop_disk_forget(struct desktop *d)
{
    if (!d->disk_work)
        return;
    desktop_disk_cancel(d);
    list_remove(&d->disk_work->entry);
    desktop_disk_unref(d->disk_work);
    d->disk_work = NULL;
}

/* Orders that wait for it are found by the pass that follows. */
static void work_end(struct desktop *d)
{
    desktop_disk_forget(d);
    reconcile_want(d->vm);
}

/* --- the store ----------------------------------------------------------------------------------------------
 */

static void note_known(struct disk_work *work, const char *path)
{
    const char *file = strrchr(path, '/');
    if (*path && work->known_count < sizeof work->known / sizeof work->known[0])
        snprintf(work->known[work->known_count++], sizeof work->known[0], "%.63s", file ? file + 1 : path);
}

static int add_known(void *arg, const struct disk_snapshot_row *row)
{
    note_known(arg, row->file);
    return 0;
}

static int read_known(struct db *db, struct disk_work *work, const struct desktop_row *desktop)
{
    work->known_count = 0;
    note_known(work, desktop->disk);
    return store_disk_snapshot_list(db, desktop->id, add_known, work);
}

static int refuse(struct db *db, struct disk_work *work, const char *words)
{
    work->over = true;
    return store_order_finish(db, work->order, ORDER_FAILED, words);
}

/* Why it cannot be done now; NULL: it can. FOUND: 0 when there is a snapshot of that name. */
static const char *why_not(const struct disk_work *work, const struct desktop_row *desktop, int found)
{
    const enum disk_snapshot_state state = work->row.state;
    if (desktop->kind != POOL_DEDICATED || !*desktop->owner_id)
        return "only a dedicated desktop that has its user can have snapshots";
    if (work->lost)
        return "its host does not answer";
    if (work->verb == DISK_SNAPSHOT ? !found && state != DISK_SNAPSHOT_CREATING : found)
        return found ? "the desktop has no snapshot of that name"
                     : "the desktop has a snapshot of that name already";
    if (work->verb == DISK_UNSNAPSHOT)
        return NULL;
    if (work->verb == DISK_RESTORE && state != DISK_SNAPSHOT_READY && state != DISK_SNAPSHOT_RESTORING)
        return "the snapshot was never finished, or is being deleted";
    if ((*desktop->session_id || desktop_state_is_lent(desktop->state)) && !work->force)
        return "a session is on the desktop: end it first, or use force";
    if (desktop->rest != REST_NONE && !work->force)
        return DESKTOP_RESTS_WORDS ", or use force";
    if (desktop->state == DESKTOP_CLONING || desktop->state == DESKTOP_RECYCLING)
        return "the desktop is being made or removed";
    if (work->verb == DISK_SNAPSHOT && !*desktop->address)
        return "the desktop has not started on its host yet: its guest on the one before may still run";
    return NULL;
}

/* The state that the desktop goes back to. */
static enum desktop_state back_to(enum desktop_state state)
{
    return state == DESKTOP_MAINTENANCE || state == DESKTOP_STOPPED ? state : DESKTOP_BOOTING;
}

static int take_away(struct db *db, struct desktop_write *w, struct desktop_row *desktop)
{
    const struct disk_work *work = w->d->disk_work;
    snprintf(w->reason, sizeof w->reason, "its desktop's disk is worked on");
    int rc = desktop_write_end_session(db, w, desktop);
    if (rc || desktop->state == DESKTOP_MAINTENANCE)
        return rc;
    snprintf(w->reason, sizeof w->reason, "snapshot %s is being %s", work->name,
             work->verb == DISK_SNAPSHOT ? "made" : "restored");
    return store_desktop_set_state(db, desktop->id, desktop->state, DESKTOP_MAINTENANCE, w->reason);
}

static int begin(struct db *db, struct desktop_write *w, struct desktop_row *desktop, int found)
{
    struct disk_work *work = w->d->disk_work;
    struct disk_snapshot_row *row = &work->row;
    row->state = verbs[work->verb].doing;
    if (work->verb == DISK_UNSNAPSHOT)
        return store_disk_snapshot_set(db, row);
    snprintf(row->back_to, sizeof row->back_to, "%s", desktop_state_name(back_to(desktop->state)));
    if (!found) {
        int rc = store_disk_snapshot_set(db, row);
        return rc ? rc : take_away(db, w, desktop);
    }
    memcpy(row->desktop_id, desktop->id, sizeof row->desktop_id);
    memcpy(row->name, work->name, sizeof row->name);
    memcpy(row->image_id, desktop->image_id, sizeof row->image_id);
    int rc = store_disk_snapshot_insert(db, row);
    if (rc == CE_LIMIT || rc == CE_BAD_INPUT)
        return refuse(db, work, store_error(db));
    return rc ? rc : take_away(db, w, desktop);
}

static int write_begin(struct db *db, struct desktop_write *w)
{
    struct disk_work *work = w->d->disk_work;
    struct desktop_row desktop;
    struct order_row order;
    memset(&work->row, 0, sizeof work->row);
    work->begun = work->over = false;
    int rc = store_order_get(db, work->order, &order);
    if (rc || order.state != ORDER_OPEN) {
        work->over = !rc; /* a pass that began before its end has shown it again */
        return rc;
    }
    rc = store_desktop_get(db, w->row.id, &desktop);
    int found = rc ? rc : store_disk_snapshot_get(db, desktop.id, work->name, &work->row);
    if (found && found != CE_NOT_FOUND)
        return found;
    /* One that a killed vmpool had begun has its row, with the state to go back to. */
    bool again = !found && work->row.state == verbs[work->verb].doing && desktop.state == DESKTOP_MAINTENANCE;
    const char *words = again ? NULL : why_not(work, &desktop, found);
    if (words)
        return refuse(db, work, words);
    rc = again ? 0 : begin(db, w, &desktop, found);
    if (rc || work->over)
        return rc;
    const char *file = strrchr(desktop.disk, '/');
    snprintf(work->from, sizeof work->from, "%s",
             work->verb == DISK_SNAPSHOT ? (file ? file + 1 : "") : work->row.file);
    rc = read_known(db, work, &desktop);
    work->begun = !rc;
    return rc;
}

static int end_well(struct db *db, struct disk_work *work, const struct desktop_row *desktop)
{
    char disk[CONFIG_TEXT_SIZE + 80];
    if (work->verb == DISK_UNSNAPSHOT)
        return store_disk_snapshot_delete(db, desktop->id, work->name);
    struct disk_snapshot_row row = work->row;
    row.state = DISK_SNAPSHOT_READY;
    row.back_to[0] = 0;
    if (work->verb == DISK_RESTORE) {
        snprintf(disk, sizeof disk, "%s/%s", work->dir, work->to);
        int rc =
            store_desktop_set_disk(db, desktop->id, disk, *row.image_id ? row.image_id : desktop->image_id);
        return rc ? rc : store_disk_snapshot_set(db, &row);
    }
    int rc = store_disk_snapshot_delete(db, desktop->id, work->name);
    snprintf(row.file, sizeof row.file, "%s", work->to);
    row.size_bytes = work->size_bytes;
    return rc ? rc : store_disk_snapshot_insert(db, &row);
}

static int end_badly(struct db *db, const struct disk_work *work, const struct desktop_row *desktop)
{
    if (work->verb == DISK_SNAPSHOT)
        return store_disk_snapshot_delete(db, desktop->id, work->name);
    struct disk_snapshot_row row = work->row;
    row.state = DISK_SNAPSHOT_READY;
    row.back_to[0] = 0;
    return store_disk_snapshot_set(db, &row);
}

static int write_end(struct db *db, struct desktop_write *w)
{
    struct disk_work *work = w->d->disk_work;
    struct desktop_row desktop;
    int state = *work->row.back_to ? desktop_state_parse(work->row.back_to) : -1;
    int rc = store_desktop_get(db, w->row.id, &desktop);
    if (!rc)
        rc = work->rc ? end_badly(db, work, &desktop) : end_well(db, work, &desktop);
    if (!rc && state >= 0 && state != DESKTOP_MAINTENANCE && desktop.state == DESKTOP_MAINTENANCE) {
        rc = store_desktop_set_state(db, desktop.id, DESKTOP_MAINTENANCE, (enum desktop_state)state, "");
        if (!rc)
            rc = store_desktop_set_percent(db, desktop.id, 0);
    }
    if (!rc)
        rc = store_desktop_get(db, desktop.id, &desktop);
    if (!rc)
        rc = read_known(db, work, &desktop);
    if (!rc)
        rc = store_order_finish(db, work->order, work->rc ? ORDER_FAILED : ORDER_DONE, work->err.text);
    work->over = !rc;
    return rc;
}

static void write_work(struct desktop *d, int (*run)(struct db *db, struct desktop_write *w))
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    w->to = DESKTOP_MAINTENANCE;
    w->code = FAIL_ADMIN_LOGOFF;
    desktop_write_submit(w, run);
}

/* --- on the host --------------------------------------------------------------------------------------------
 */

static int keep_known(struct virt_conn *conn, const struct guest_job *job, struct error *err)
{
    const struct disk_work *work = job->disk_work;
    return virt_disk_keep_only(conn, work->dir, job->key.desktop_id, (const char(*)[64])work->known,
                               work->known_count, err);
}

static int run_copy(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    struct disk_work *work = job->disk_work;
    struct error ignored = {0};
    char *answer = NULL;
    if (*job->data_disk && desktop_data_part(conn, job, &ignored))
        log_info("desktop %s ends with its data disk: %s", job->key.desktop_id, ignored.text);
    if (work->verb == DISK_SNAPSHOT &&
        !virt_domain_agent(conn, &job->key, "{\"execute\":\"guest-fsfreeze-freeze\"}", FREEZE_TIMEOUT_S,
                           &answer, &ignored))
        free(answer);
    int rc = virt_domain_destroy(conn, &job->key, err);
    if (!rc) /* a memory goes with the disk as it was, and nobody goes on with it */
        rc = virt_save_remove(conn, work->dir, job->key.desktop_id, err);
    if (!rc) /* what a former try has left */
        rc = keep_known(conn, job, err);
    if (!rc)
        rc = virt_disk_copy(conn, work->dir, work->from, work->to, &work->cancelled, &work->size_bytes, err);
    return rc;
}

static int run_tidy(struct virt_conn *conn, void *arg, struct error *err)
{
    return keep_known(conn, arg, err);
}

static void on_tidied(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc && rc != CE_CANCELLED)
        log_warning("desktop %s: %s", d->row.name, err->text);
    work_end(d);
}

static void on_copied(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    struct disk_work *work = d->disk_work;
    const char *verb = verbs[work->verb].order;
    if (rc == CE_CANCELLED) {
        work_end(d); /* the order stays open: whoever drives the host next begins again */
        return;
    }
    d->guest_known = d->suspect = d->agent = false; /* it was ended on purpose */
    work->ending = true;
    work->rc = rc;
    if (rc) {
        snprintf(work->err.text, sizeof work->err.text, "%s", *err->text ? err->text : error_name(rc));
        log_warning("desktop %s: its %s failed: %s", d->row.name, verb, work->err.text);
    } else {
        log_info("desktop %s: its %s is done, %llu MiB", d->row.name, verb,
                 (unsigned long long)(work->size_bytes >> 20));
    }
    write_work(d, write_end);
}

static void submit(struct desktop *d, int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                   void (*done)(struct desktop *d, struct guest_job *job, int rc, const struct error *err))
{
    struct guest_job *job = guest_job_create(d);
    if (!job)
        return;
    job->disk_work = d->disk_work;
    desktop_data_prepare(d, job);
    d->disk_work->refs++;
    guest_job_submit_lane(job, HOST_LANE_DISK, run, done);
}

/* --- the steps ----------------------------------------------------------------------------------------------
 */

static void step_begun(struct desktop *d, const struct host *host)
{
    struct disk_work *work = d->disk_work;
    if (work->verb == DISK_UNSNAPSHOT) {
        work->ending = true; /* the row goes first, then what no row names */
        write_work(d, write_end);
    } else if (host_answers(host)) {
        log_info("desktop %s: %s %s begins", d->row.name, verbs[work->verb].order, work->name);
        submit(d, run_copy, on_copied);
    } else {
        struct error err = {0};
        snprintf(err.text, sizeof err.text, "host %s does not answer", d->row.host);
        on_copied(d, NULL, CE_UNREACHABLE, &err);
    }
}

bool desktop_step_disk(struct desktop *d)
{
    struct disk_work *work = d->disk_work;
    struct host *host = desktop_host(d);
    if (!work)
        return false;
    bool goes_on = work->ending || (work->begun && !work->over &&
                                    (work->verb == DISK_UNSNAPSHOT || d->row.state == DESKTOP_MAINTENANCE));
    if (!host || !goes_on || (work->over && !host_answers(host))) {
        work_end(d);
        return false;
    }
    if (store_now_ms() < d->next_try_ms) {
        desktop_due(d, d->next_try_ms);
        return true;
    }
    if (!work->ending && !host_answers(host) && !host_is_lost(host))
        return true; /* either becomes true, and that drives it */
    if (!work->ending)
        step_begun(d, host);
    else if (!work->over)
        write_work(d, write_end);
    else
        submit(d, run_tidy, on_tidied);
    return true;
}

/* --- orders -------------------------------------------------------------------------------------------------
 */

static int verb_of(const struct order_row *order)
{
    for (int i = 0; i < DISK_VERBS; i++) {
        if (!strcmp(order->verb, verbs[i].order))
            return i;
    }
    return -1;
}

/* More than so many would wait for each other, with their desktops off all the while. */
static bool host_has_enough(const struct vmpool *vm, const char *host_id)
{
    unsigned count = 0;
    list_for_each (pos, &vm->disk_works)
        count += !strcmp(list_entry(pos, struct disk_work, entry)->host_id, host_id);
    return count >= HOST_LANE_DISKS;
}

bool order_disk_waits(const struct desktop *d, const struct order_row *order)
{
    int verb = verb_of(order);
    if (d->disk_work || verb < 0 || verb == DISK_UNSNAPSHOT)
        return d->disk_work != NULL;
    return host_has_enough(d->vm, d->row.host_id) || d->row.rest == REST_STOPPING ||
           d->row.rest == REST_SUSPENDING;
}

bool order_disk(struct desktop *d, const struct order_row *order)
{
    int verb = verb_of(order);
    struct host *host = desktop_host(d);
    if (verb < 0)
        return false;
    if (d->disk_locked && verb != DISK_UNSNAPSHOT) {
        order_end(d->vm, order->number, ORDER_FAILED, DISK_LOCKED_WORDS);
        return true;
    }
    bool lost = host && host_is_lost(host);
    struct disk_work *work = host && (lost || host_answers(host)) ? calloc(1, sizeof *work) : NULL;
    if (!work)
        return true; /* a later pass finds the order again */
    work->refs = 1;
    work->verb = (enum disk_verb)verb;
    work->order = order->number;
    work->force = !strcmp(order->code, "force");
    work->lost = lost;
    snprintf(work->name, sizeof work->name, "%.*s", NAME_SIZE - 1, order->text);
    memcpy(work->host_id, d->row.host_id, sizeof work->host_id);
    snprintf(work->dir, sizeof work->dir, "%s", d->vm->config.vmpool_desktop_dir);
    snprintf(work->to, sizeof work->to, "%s-%08x.qcow2", d->row.id, randombytes_random());
    list_append(&d->vm->disk_works, &work->entry);
    d->disk_work = work;
    write_work(d, write_begin);
    return true;
}
