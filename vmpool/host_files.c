/* Files of disks that no row names: a vmpool that is killed between the end of a copy in the store and the tidying behind
 * it (desktop_disk.c) leaves one. They are seen when a host is looked through. A copy that is made meanwhile has a name
 * that the look has not seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/store_upkeep.h>

#include "desktop.h"
#include "host.h"
#include "host_lane.h"
#include "log.h"
#include "virt_disk.h"

struct file_job {
    struct vmpool *vm;
    char host_id[ID_SIZE];
    uint64_t epoch;
    char dir[CONFIG_TEXT_SIZE];
    struct host_file *files; /* owned */
    size_t count;
};

static void job_free(struct file_job *job)
{
    free(job->files);
    free(job);
}

struct naming {
    const char *file;
    bool named;
};

static int look_at_snapshot(void *arg, const struct disk_snapshot_row *row)
{
    struct naming *naming = arg;
    naming->named |= !strcmp(row->file, naming->file);
    return 0;
}

/* One of a desktop that is gone goes with what else is left of it, and one of a desktop on another host is that one's. */
static int is_named(struct db *db, const struct file_job *job, const struct host_file *file, bool *ret)
{
    struct desktop_row row;
    struct naming naming = {.file = file->name};
    int rc = store_desktop_get(db, file->desktop_id, &row);
    if (rc == CE_NOT_FOUND || (!rc && strcmp(row.host_id, job->host_id) != 0)) {
        *ret = true;
        return 0;
    }
    if (!rc)
        rc = store_disk_snapshot_list(db, file->desktop_id, look_at_snapshot, &naming);
    const char *disk = rc ? NULL : strrchr(row.disk, '/');
    *ret = naming.named || (disk && !strcmp(disk + 1, file->name));
    return rc;
}

static int run_compare(struct db *db, void *arg)
{
    struct file_job *job = arg;
    size_t unnamed = 0;
    for (size_t i = 0; i < job->count; i++) {
        bool named;
        int rc = is_named(db, job, &job->files[i], &named);
        if (rc)
            return rc;
        if (!named)
            job->files[unnamed++] = job->files[i];
    }
    job->count = unnamed;
    return 0;
}

static int run_remove(struct virt_conn *conn, void *arg, struct error *err)
{
    const struct file_job *job = arg;
    int rc = 0;
    for (size_t i = 0; !rc && i < job->count; i++)
        rc = virt_disk_remove(conn, job->dir, job->files[i].name, err);
    return rc;
}

static void on_removed(void *arg, int rc, const struct error *err)
{
    if (rc && rc != CE_CANCELLED)
        log_warning("a file of a disk that nobody has could not be removed: %s", err->text);
    job_free(arg);
}

/* What is under way with a desktop's disk tidies behind itself. */
static void leave_those_at_work(struct file_job *job)
{
    size_t kept = 0;
    for (size_t i = 0; i < job->count; i++) {
        const struct desktop *d = desktop_find(job->vm, job->files[i].desktop_id);
        if (d && !d->disk_work)
            job->files[kept++] = job->files[i];
    }
    job->count = kept;
}

static void on_compared(void *arg, int rc)
{
    struct file_job *job = arg;
    struct host *host = host_find(job->vm, job->host_id);
    leave_those_at_work(job);
    if (rc || job->vm->stopping || !host || host->epoch != job->epoch || !host->connected || !job->count) {
        job_free(job);
        return;
    }
    for (size_t i = 0; i < job->count; i++)
        log_info("host %s: removing disk %s of ours, which neither desktop nor snapshot has", host->row.name,
                 job->files[i].name);
    if (host_lane_submit(host, HOST_LANE_DISK, run_remove, on_removed, job))
        job_free(job);
}

void host_files_tidy(struct host *host)
{
    struct file_job *job = host->file_count ? calloc(1, sizeof *job) : NULL;
    if (!job)
        return;
    job->vm = host->vm;
    job->epoch = host->epoch;
    snprintf(job->host_id, sizeof job->host_id, "%s", host->row.id);
    snprintf(job->dir, sizeof job->dir, "%s", host->vm->config.vmpool_desktop_dir);
    job->files = host->files;
    job->count = host->file_count;
    host->files = NULL;
    host->file_count = 0;
    vmpool_read(host->vm, run_compare, on_compared, job);
}
