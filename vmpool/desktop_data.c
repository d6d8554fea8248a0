/* The data disk of whoever is on a desktop: brought before they are led there, taken away when they have logged off. The
 * lock is a row (common/store_data_disk.c); each step looks at it again, so that it does not matter where vmpool ends.
 *
 *     session, no lock -----> take: the row is locked for this desktop, or another one still has it: tried again
 *     session, locked ------> the file is made, the guest is given the disk, its agent mounts it: attached
 *     session, attached ----> its user is led there. The session's end makes it "locked" again (store_logoff.c)
 *     nobody, locked -------> its agent unmounts it, it is unplugged: released
 *     nobody, attached -----> a dedicated desktop that was suspended, and has its user's programs open
 *
 * A guest that is ended gives its disk back the same way as far as it answers (desktop_data_part()), for what it has not
 * written out is lost otherwise; and for certain when it is gone. */
#include "desktop_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_data_disk.h"
#include "log.h"
#include "virt_data_disk.h"

#define ATTACH_PATIENCE_MS 60000 /* of the session that waits for it; then it ends with data-disk */
#define DETACH_RETRY_MS 10000    /* a guest that keeps it in use is asked again */
#define TAKE_RETRY_MS 2000       /* another desktop has it; its release wakes us as well */
#define LATER_MS 30000           /* a session that began without it, and goes on so */

static void set_dirs(const struct desktop *d, struct guest_job *job)
{
    snprintf(job->data_dir, sizeof job->data_dir, "%s", d->vm->config.vmpool_data_dir);
    snprintf(job->data_disk, sizeof job->data_disk, "%s", d->row.data_disk_id);
}

/* --- it cannot be had -------------------------------------------------------------------------------------
 */

/* Only of who is not there yet the session ends. */
static int write_refused(struct db *db, struct desktop_write *w)
{
    struct desktop_row row;
    struct session_row session;
    int rc = store_session_get(db, w->row.session_id, &session);
    if (rc || session.connected_ms)
        return rc ? rc : CE_CONFLICT;
    rc = store_data_disk_set_reason(db, w->row.data_disk_id, w->reason);
    if (!rc && w->disk_made)
        rc = store_data_disk_set_made(db, w->row.data_disk_id, w->row.host_id);
    return rc && rc != CE_NOT_FOUND ? rc : desktop_write_end_session(db, w, &row);
}

static void refuse(struct desktop *d, const char *words, bool disk_made)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    log_warning("desktop %s: the data disk of %s cannot be had: %s", d->row.name, d->row.session_user, words);
    desktop_pause(d, TAKE_RETRY_MS);
    w->code = FAIL_DATA_DISK;
    w->disk_made = disk_made;
    snprintf(w->reason, sizeof w->reason, "%s", words);
    desktop_write_submit(w, write_refused);
}

/* --- taking and attaching ---------------------------------------------------------------------------------
 */

/* What is refused ends the session, with the store's words; one that another desktop still has is waited for. */
static int write_take(struct db *db, struct desktop_write *w)
{
    struct data_disk_row disk;
    struct desktop_row row;
    int rc = store_data_disk_take(db, w->row.id, &disk);
    if (rc == CE_BUSY && store_now_ms() < w->until_ms)
        return CE_CONFLICT;
    if (rc != CE_REFUSED && rc != CE_BUSY)
        return rc;
    snprintf(w->reason, sizeof w->reason, "%s", store_error(db));
    log_warning("desktop %s: %s", w->row.name, w->reason);
    w->code = FAIL_DATA_DISK;
    return desktop_write_end_session(db, w, &row);
}

static void take(struct desktop *d, bool late)
{
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    w->until_ms = d->data_until_ms;
    desktop_pause(d, late ? LATER_MS : TAKE_RETRY_MS);
    desktop_write_submit(w, write_take);
}

/* What the job needs to know of the disk stands in its row. */
struct disk_look {
    struct desktop *d;
    char id[ID_SIZE], session_id[ID_SIZE];
    struct data_disk_row row;
    bool connected; /* its user is there, or was */
};

static int run_attach(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    int rc =
        job->data_made ? 0 : virt_data_disk_make(conn, job->data_dir, job->data_disk, job->data_mib, err);
    job->data_made = !rc;
    if (!rc)
        rc = virt_data_disk_attach(conn, &job->key, job->data_dir, job->data_disk, err);
    if (!rc)
        rc = guest_data_disk_mount(conn, &job->key, job->data_disk, job->data_mount, job->user,
                                   !job->data_formatted, err);
    return rc;
}

static int write_attached(struct db *db, struct desktop_write *w)
{
    int rc = store_data_disk_set_made(db, w->row.data_disk_id, w->row.host_id);
    return rc ? rc : store_data_disk_set_attached(db, w->row.data_disk_id, w->row.id);
}

static void on_attached(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc == CE_UNREACHABLE || rc == CE_TIMEOUT || rc == CE_CANCELLED) {
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    if (rc) {
        refuse(d, err->text, job->data_made);
        return;
    }
    log_info("desktop %s: data disk %s is mounted", d->row.name, job->data_disk);
    struct desktop_write *w = desktop_write_create(d);
    if (w)
        desktop_write_submit(w, write_attached);
}

static int run_disk_look(struct db *db, void *arg)
{
    struct disk_look *look = arg;
    struct session_row session;
    int rc = store_session_get(db, look->session_id, &session);
    look->connected = !rc && session.connected_ms;
    return rc ? rc : store_data_disk_get(db, look->id, &look->row);
}

static bool prepare_attach(struct desktop *d, const struct data_disk_row *row, struct guest_job *job)
{
    const struct pool_row *pool = desktop_pool(d);
    const struct image_row *image = desktop_image(d);
    if (!pool || !image)
        return false;
    set_dirs(d, job);
    job->data_made = row->made;
    job->data_formatted = row->formatted;
    job->data_mib = row->size_mib;
    snprintf(job->data_mount, sizeof job->data_mount, "%s", pool->limits.data_mount);
    snprintf(job->user, sizeof job->user, "%s",
             pool->credentials == CREDENTIALS_CARREL ? image->guest_user : d->row.session_user);
    return true;
}

/* The next thing for a session whose disk is locked for its desktop. */
static void go_on(struct desktop *d, const struct disk_look *look)
{
    if (look->connected) {
        desktop_pause(d, LATER_MS);
        return;
    }
    if (desktop_is_windows(d)) {
        refuse(d, "Windows guests cannot have data disks", false);
        return;
    }
    if (store_now_ms() >= d->data_until_ms) {
        refuse(d, d->agent ? "the guest could not be given it in time" : "the guest's agent does not answer",
               false);
        return;
    }
    struct guest_job *job = d->agent ? guest_job_create(d) : NULL; /* its agent's return drives it */
    if (job && prepare_attach(d, &look->row, job))
        guest_job_submit_lane(job, HOST_LANE_DATA, run_attach, on_attached);
    else
        free(job);
}

static void on_disk_look(void *arg, int rc)
{
    struct disk_look *look = arg;
    struct desktop *d = look->d;
    d->busy = false;
    if (!rc && !d->gone && !d->vm->stopping)
        go_on(d, look);
    free(look);
    if (!d->busy)
        desktop_idle(d);
}

static void attach(struct desktop *d)
{
    struct disk_look *look = calloc(1, sizeof *look);
    if (!look)
        return;
    look->d = d;
    snprintf(look->id, sizeof look->id, "%s", d->row.data_disk_id);
    snprintf(look->session_id, sizeof look->session_id, "%s", d->row.session_id);
    d->busy = true;
    vmpool_read(d->vm, run_disk_look, on_disk_look, look);
}

/* --- giving it back ---------------------------------------------------------------------------------------
 */

int desktop_data_part(struct virt_conn *conn, struct guest_job *job, struct error *err)
{
    int rc = guest_data_disk_unmount(conn, &job->key, job->data_disk, err);
    return rc ? rc : virt_data_disk_detach(conn, &job->key, job->data_dir, job->data_disk, err);
}

static int run_detach(struct virt_conn *conn, void *arg, struct error *err)
{
    return desktop_data_part(conn, arg, err);
}

static int write_released(struct db *db, struct desktop_write *w)
{
    return store_data_disk_release(db, w->row.id);
}

static void on_detached(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc) {
        log_warning("desktop %s: its data disk is not given back yet: %s", d->row.name, err->text);
        desktop_pause(d, rc == CE_UNREACHABLE ? GUEST_RETRY_MS : DETACH_RETRY_MS);
        return;
    }
    log_info("desktop %s: data disk %s was taken from it", d->row.name, job->data_disk);
    struct desktop_write *w = desktop_write_create(d);
    if (w)
        desktop_write_submit(w, write_released);
}

static void detach(struct desktop *d)
{
    struct guest_job *job = d->agent ? guest_job_create(d) : NULL; /* its agent's return drives it */
    if (!job)
        return;
    set_dirs(d, job);
    guest_job_submit_lane(job, HOST_LANE_DATA, run_detach, on_detached);
}

void desktop_data_gone(struct desktop *d)
{
    struct desktop_write *w = *d->row.data_disk_id ? desktop_write_create(d) : NULL;
    if (w)
        desktop_write_submit(w, write_released);
}

void desktop_data_prepare(const struct desktop *d, struct guest_job *job)
{
    if (!*d->row.data_disk_id)
        return;
    set_dirs(d, job);
    job->data_patient = d->agent && store_now_ms() < d->row.state_since_ms + DATA_END_MS;
}

/* --- the step ---------------------------------------------------------------------------------------------
 */

static bool waited_too_long(struct desktop *d)
{
    if (strcmp(d->data_session, d->row.session_id) != 0) {
        snprintf(d->data_session, sizeof d->data_session, "%s", d->row.session_id);
        d->data_until_ms = store_now_ms() + ATTACH_PATIENCE_MS;
    }
    return store_now_ms() >= d->data_until_ms;
}

bool desktop_step_data(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    bool has = *d->row.data_disk_id, used = *d->row.session_id && desktop_state_is_lent(d->row.state);
    if (!pool || (!has && !(used && pool->limits.data_disk_mib)) || (has && d->row.data_disk_attached))
        return false;
    if (!used) {
        detach(d);
        return d->busy;
    }
    if (d->row.state == DESKTOP_IN_USE)
        return false; /* nothing is mounted under a session that is there */
    bool late = waited_too_long(d);
    if (has)
        attach(d);
    else
        take(d, late);
    if (!late)
        desktop_due(d, d->data_until_ms);
    return d->busy;
}
