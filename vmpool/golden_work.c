/* What is done with the files of golden guests: checked when a host is taken, sealed, removed. Reading all of a
 * guest's memory takes seconds, so it happens on a worker, or on a lane of the host that has them. A worker that
 * comes back late, because the process was stopped meanwhile, changes nothing: the host's lease has run out
 * (golden_files.h, struct golden_place). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "host_lane.h"
#include "log.h"
#include "virt_golden_files.h"

/* --- the files that there are when a host is taken -------------------------------------------------------- */

struct found {
    char id[ID_SIZE];
    char image_id[ID_SIZE];
    bool good;
};

struct scan {
    struct vmpool *vm;
    char host_id[ID_SIZE];
    uint64_t epoch;
    uv_work_t work;
    char dir[GOLDEN_DIR_SIZE];
    struct found *found;
    size_t count;
    int rc;
    struct error err;
};

static void scan_add(struct scan *scan, const char *id, const struct golden_manifest *manifest,
                     const char *why)
{
    struct found *grown = realloc(scan->found, (scan->count + 1) * sizeof *grown);
    if (!grown)
        return;
    scan->found = grown;
    struct found *found = &grown[scan->count++];
    *found = (struct found){.good = !why};
    snprintf(found->id, sizeof found->id, "%s", id);
    snprintf(found->image_id, sizeof found->image_id, "%s", why ? "" : manifest->image_id);
    if (why && *why)
        log_warning("golden guest %s is made anew: %s", id, why);
}

static void scan_one(void *arg, const char *id)
{
    struct scan *scan = arg;
    struct golden_manifest manifest;
    struct error err = {0};
    int rc = golden_files_check(scan->dir, id, &manifest, &err);
    scan_add(scan, id, &manifest, rc == CE_NOT_FOUND ? "" : rc ? err.text : NULL);
}

static void on_scan(uv_work_t *work)
{
    struct scan *scan = work->data;
    scan->rc = golden_files_make_dir(scan->dir, &scan->err);
    if (!scan->rc)
        scan->rc = golden_files_list(scan->dir, scan_one, scan, &scan->err);
}

static void scan_far_one(void *arg, const char *id, const struct golden_manifest *manifest, const char *why)
{
    scan_add(arg, id, manifest, why);
}

static int run_scan_far(struct virt_conn *conn, void *arg, struct error *err)
{
    struct scan *scan = arg;
    return virt_golden_files_scan(conn, scan->dir, scan_far_one, scan, err);
}

static void scan_apply(struct scan *scan, struct host *host)
{
    for (size_t i = 0; i < scan->count; i++) {
        const struct found *found = &scan->found[i];
        struct golden *g = golden_find(scan->vm, found->id) /* since a look that was cut off */
                               ? NULL
                               : golden_add(host, found->id, found->good ? GOLDEN_READY : GOLDEN_REMOVING);
        if (!g)
            continue;
        snprintf(g->image_id, sizeof g->image_id, "%s", found->image_id);
        if (found->good)
            log_info("golden guest %s: its files are as they were sealed", g->id);
    }
    host->golden_scan = GOLDEN_SCAN_DONE;
    snprintf(host->golden_trouble, sizeof host->golden_trouble, "%s", scan->rc ? scan->err.text : "");
    host->golden_again_ms = store_now_ms() + (int64_t)host->vm->config.vmpool_retry_pause_max_ms;
    if (scan->rc)
        reconcile_due(host->vm, host->golden_again_ms);
}

static void scan_end(struct scan *scan, bool whole)
{
    struct vmpool *vm = scan->vm;
    struct host *host = host_find(vm, scan->host_id);
    vm->golden_scans--;
    if (host && host->epoch == scan->epoch && !vm->stopping) {
        if (whole)
            scan_apply(scan, host);
        else
            host->golden_scan = GOLDEN_SCAN_NOT;
    }
    if (vm->stopping)
        reconcile_want(vm);
    else
        golden_tell(vm, scan->host_id);
    free(scan->found);
    free(scan);
}

static void on_scanned(uv_work_t *work, int status)
{
    scan_end(work->data, !status);
}

/* What was found before the host went away is looked for again when it is back. */
static void on_scanned_far(void *arg, int rc, const struct error *err)
{
    struct scan *scan = arg;
    scan->rc = rc;
    if (rc)
        scan->err = *err;
    scan_end(scan, rc != CE_UNREACHABLE && rc != CE_CANCELLED);
}

void golden_scan(struct host *host)
{
    struct vmpool *vm = host->vm;
    struct scan *scan = calloc(1, sizeof *scan);
    if (!scan)
        return;
    scan->vm = vm;
    scan->epoch = host->epoch;
    scan->work.data = scan;
    snprintf(scan->host_id, sizeof scan->host_id, "%s", host->row.id);
    golden_files_dir(vm->config.vmpool_golden_dir, host->row.id, scan->dir);
    int failed = host->golden_far ? host_lane_submit(host, HOST_LANE_FORK, run_scan_far, on_scanned_far, scan)
                                  : uv_queue_work(vm->loop, &scan->work, on_scan, on_scanned);
    if (failed) {
        free(scan);
        return;
    }
    host->golden_scan = GOLDEN_SCAN_RUNS;
    vm->golden_scans++;
}

/* --- hosts that are gone ----------------------------------------------------------------------------------- */

struct sweep {
    struct vmpool *vm;
    uv_work_t work;
    char dir[CONFIG_TEXT_SIZE];
    int64_t before_s;
    size_t count;
    char hosts[][ID_SIZE];
};

static bool is_gone(void *arg, const char *host_id)
{
    const struct sweep *sweep = arg;
    for (size_t i = 0; i < sweep->count; i++) {
        if (!strcmp(sweep->hosts[i], host_id))
            return false;
    }
    return true;
}

static void on_sweep_work(uv_work_t *work)
{
    struct sweep *sweep = work->data;
    golden_files_sweep(sweep->dir, sweep->before_s, is_gone, sweep);
}

static void on_swept(uv_work_t *work, int status)
{
    struct sweep *sweep = work->data;
    struct vmpool *vm = sweep->vm;
    vm->golden_scans--;
    free(sweep);
    reconcile_want(vm);
}

void golden_sweep(struct vmpool *vm, int64_t before_ms)
{
    const struct snapshot *world = vm->world;
    struct sweep *sweep = calloc(1, sizeof *sweep + world->host_count * ID_SIZE);
    if (!sweep)
        return;
    sweep->vm = vm;
    sweep->work.data = sweep;
    sweep->before_s = before_ms / 1000 - 1;
    sweep->count = world->host_count;
    snprintf(sweep->dir, sizeof sweep->dir, "%s", vm->config.vmpool_golden_dir);
    for (size_t i = 0; i < world->host_count; i++)
        snprintf(sweep->hosts[i], ID_SIZE, "%s", world->hosts[i].id);
    if (uv_queue_work(vm->loop, &sweep->work, on_sweep_work, on_swept))
        free(sweep);
    else
        vm->golden_scans++;
}

/* --- sealing and removing --------------------------------------------------------------------------------- */

struct file_work {
    struct golden *g;
    uv_work_t work;
    struct golden_place place;
    struct golden_manifest manifest;
    int (*run)(const struct file_work *w, struct error *err);
    void (*done)(struct golden *g, int rc, const struct error *err);
    int rc;
    struct error err;
};

static void on_file_work(uv_work_t *work)
{
    struct file_work *w = work->data;
    w->rc = w->run(w, &w->err);
}

static void on_file_work_done(uv_work_t *work, int status)
{
    struct file_work *w = work->data;
    struct golden *g = w->g;
    struct vmpool *vm = g->vm;
    g->busy = g->working = false;
    if (!vm->stopping)
        w->done(g, status ? CE_CANCELLED : w->rc, &w->err);
    free(w);
    reconcile_want(vm);
}

static void file_work(struct golden *g, int (*run)(const struct file_work *w, struct error *err),
                      void (*done)(struct golden *g, int rc, const struct error *err))
{
    struct file_work *w = calloc(1, sizeof *w);
    if (!w)
        return;
    w->g = g;
    w->work.data = w;
    w->run = run;
    w->done = done;
    snprintf(w->place.dir, sizeof w->place.dir, "%s", g->dir);
    w->place.until_ns = &g->until_ns;
    snprintf(w->manifest.id, sizeof w->manifest.id, "%s", g->id);
    snprintf(w->manifest.image_id, sizeof w->manifest.image_id, "%s", g->image_id);
    if (uv_queue_work(g->vm->loop, &w->work, on_file_work, on_file_work_done))
        free(w);
    else
        g->busy = g->working = true;
}

static int run_seal(const struct file_work *w, struct error *err)
{
    return golden_files_seal(&w->place, &w->manifest, err);
}

void golden_sealed(struct golden *g, int rc, const struct error *err)
{
    if (rc) {
        golden_fail(g, err->text);
        return;
    }
    g->failures = 0;
    golden_change(g, GOLDEN_READY);
}

void golden_seal(struct golden *g)
{
    file_work(g, run_seal, golden_sealed);
}

static int run_remove(const struct file_work *w, struct error *err)
{
    return golden_files_remove(&w->place, w->manifest.id, err);
}

void golden_removed(struct golden *g, int rc, const struct error *err)
{
    if (rc) {
        log_warning("golden guest %s could not be removed, trying again: %s", g->id, err->text);
        golden_pause(g, (int64_t)g->vm->config.vmpool_retry_pause_ms);
        return;
    }
    log_info("golden guest %s: removed", g->id);
    list_remove(&g->entry);
    free(g);
}

void golden_remove(struct golden *g)
{
    file_work(g, run_remove, golden_removed);
}
