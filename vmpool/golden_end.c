/* Golden guests that are sealed or removed on their host, and those that failed: what they said is kept, and they are made
 * again after a pause. */
#include <stdio.h>

#include "desktop.h"
#include "golden_job.h"
#include "log.h"
#include "virt_golden_files.h"

/* --- files on the host ------------------------------------------------------------------------------------
 */

static int run_seal_far(struct virt_conn *conn, void *arg, struct error *err)
{
    struct golden_job *job = arg;
    struct golden_manifest manifest;
    snprintf(manifest.id, sizeof manifest.id, "%s", job->key.desktop_id);
    snprintf(manifest.image_id, sizeof manifest.image_id, "%s", job->image_id);
    return virt_golden_files_seal(conn, job->place.dir, &manifest, err);
}

static void on_sealed_far(struct golden *g, struct golden_job *job, int rc, const struct error *err)
{
    if (rc == CE_UNREACHABLE || rc == CE_CANCELLED)
        golden_pause(g, GUEST_RETRY_MS); /* until the host is back */
    else
        golden_sealed(g, rc, err);
}

void golden_seal_far(struct golden *g)
{
    struct golden_job *job = golden_job_create(g);
    if (job)
        golden_job_submit_lane(job, HOST_LANE_FORK, run_seal_far,
                               on_sealed_far); /* reads all of the memory */
}

static int run_remove_far(struct virt_conn *conn, void *arg, struct error *err)
{
    const struct golden_job *job = arg;
    return virt_golden_files_remove(conn, job->place.dir, job->key.desktop_id, err);
}

static void on_removed_far(struct golden *g, struct golden_job *job, int rc, const struct error *err)
{
    golden_removed(g, rc, err);
}

void golden_remove_far(struct golden *g)
{
    struct golden_job *job = golden_job_create(g);
    if (job)
        golden_job_submit(job, run_remove_far, on_removed_far);
}

/* --- failed ----------------------------------------------------------------------------------------------
 */

static void read_words(struct virt_conn *conn, struct golden_job *job)
{
    struct error err = {0};
    char name[ID_SIZE + 16];
    snprintf(name, sizeof name, "%s.serial.log", job->key.desktop_id);
    if (capture_words(conn, job->place.dir, name, &job->captured, &err))
        log_warning("golden guest %s: %s", job->key.desktop_id, err.text);
}

static int run_clean(struct virt_conn *conn, void *arg, struct error *err)
{
    struct golden_job *job = arg;
    int rc = virt_domain_destroy(conn, &job->key, err);
    if (!rc && job->keep_words)
        read_words(conn, job);
    if (!rc)
        rc = job->far ? run_remove_far(conn, job, err)
                      : golden_files_remove(&job->place, job->key.desktop_id, err);
    return rc;
}

/* With the failures of the pool that asked for it last. */
static void keep_words(struct golden *g, struct golden_job *job)
{
    struct capture_row row = {.kind = CAPTURE_FAILURE};
    snprintf(row.desktop_id, sizeof row.desktop_id, "%s", g->id);
    snprintf(row.desktop, sizeof row.desktop, "%s", g->id);
    snprintf(row.pool_id, sizeof row.pool_id, "%s", g->pool_id);
    snprintf(row.reason, sizeof row.reason, "%s", g->reason);
    if (job->captured.len)
        capture_keep(g->vm, &row, &job->captured, 0);
}

static void on_cleaned(struct golden *g, struct golden_job *job, int rc, const struct error *err)
{
    if (rc) {
        golden_pause(g, GUEST_RETRY_MS);
        return;
    }
    keep_words(g, job);
    g->cleaned = true;
    g->has_words = false;
    reconcile_want(g->vm);
}

void golden_step_failed(struct golden *g)
{
    if (!g->cleaned) {
        struct golden_job *job = golden_job_create(g);
        if (!job)
            return;
        job->keep_words = g->has_words && g->vm->config.vmpool_failed_logs;
        golden_job_submit(job, run_clean, on_cleaned);
    } else if (store_now_ms() < g->retry_at_ms) {
        reconcile_due(g->vm, g->retry_at_ms);
    } else if (g->wanted) {
        golden_change(g, GOLDEN_BOOTING);
    }
}
