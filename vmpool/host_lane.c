#include "host_lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease.h"

struct lane {
    struct list entry;
    struct vmpool *vm;
    char host_id[ID_SIZE];
    uint64_t epoch; /* of the host's lease for which it was opened */
    enum host_lane_kind kind;
    struct virt_host *virt;
    bool busy;
    bool leaving;
    bool closed;
};

struct lane_job {
    struct list entry;
    enum host_lane_kind kind;
    struct lane *lane; /* NULL: it waits, on its host's list */
    int (*run)(struct virt_conn *conn, void *arg, struct error *err);
    void (*done)(void *arg, int rc, const struct error *err);
    void *arg;
};

static void on_closed(void *arg)
{
    struct lane *lane = arg;
    lane->closed = true;
    lane->virt = NULL;
    reconcile_want(lane->vm);
}

/* The host's own connection tells of it and of its guests. */
static const struct virt_host_events lane_events = {.closed = on_closed};

static struct lane *lane_open(struct host *host, enum host_lane_kind kind)
{
    struct vmpool *vm = host->vm;
    uint64_t epoch, until_ns;
    struct lane *lane = lease_of_host(vm, host->row.id, &epoch, &until_ns) ? calloc(1, sizeof *lane) : NULL;
    if (!lane)
        return NULL;
    lane->vm = vm;
    lane->epoch = host->epoch;
    lane->kind = kind;
    snprintf(lane->host_id, sizeof lane->host_id, "%s", host->row.id);
    if (virt_host_open(&lane->virt, vm->loop, host->row.uri, vm->config.vmpool_keepalive_ms, &lane_events,
                       lane)) {
        free(lane);
        return NULL;
    }
    virt_host_hold(lane->virt, host->epoch, until_ns);
    list_init(&lane->entry);
    list_append(&vm->lanes, &lane->entry);
    return lane;
}

static unsigned lanes_max(enum host_lane_kind kind)
{
    if (kind == HOST_LANE_COPY || kind == HOST_LANE_END)
        return 1;
    if (kind == HOST_LANE_GUEST)
        return HOST_LANE_GUESTS;
    if (kind == HOST_LANE_DISK)
        return HOST_LANE_DISKS;
    return kind == HOST_LANE_SAVE ? HOST_LANE_SAVES : HOST_LANE_FORKS;
}

static bool lane_is_of(const struct lane *lane, const struct host *host)
{
    return !lane->leaving && lane->epoch == host->epoch && !strcmp(lane->host_id, host->row.id);
}

/* One that is free. Another is opened while there is none; FULL: there are as many as there may be. */
static struct lane *lane_for(struct host *host, enum host_lane_kind kind, bool *full)
{
    unsigned count = 0;
    list_for_each (pos, &host->vm->lanes) {
        struct lane *lane = list_entry(pos, struct lane, entry);
        if (lane->kind != kind || !lane_is_of(lane, host))
            continue;
        if (!lane->busy)
            return lane;
        count++;
    }
    *full = count >= lanes_max(kind);
    return *full ? NULL : lane_open(host, kind);
}

static int run_lane_job(struct virt_conn *conn, void *arg, struct error *err)
{
    const struct lane_job *job = arg;
    return job->run(conn, job->arg, err);
}

static void job_end(struct lane_job *job, int rc, const struct error *err)
{
    job->done(job->arg, rc, err);
    free(job);
}

static struct lane_job *job_take(struct host *host, enum host_lane_kind kind)
{
    list_for_each (pos, &host->lane_jobs) {
        struct lane_job *job = list_entry(pos, struct lane_job, entry);
        if (job->kind != kind)
            continue;
        list_remove(pos);
        host->lane_job_count--;
        return job;
    }
    return NULL;
}

static void on_lane_job(void *arg, int rc, const struct error *err);

static int lane_run(struct lane *lane, struct lane_job *job)
{
    job->lane = lane;
    int rc = virt_host_submit(lane->virt, run_lane_job, on_lane_job, job);
    lane->busy = !rc;
    return rc;
}

/* Who waits goes before whatever the end of this one leads to. */
static void on_lane_job(void *arg, int rc, const struct error *err)
{
    struct lane_job *job = arg, *next = NULL;
    struct lane *lane = job->lane;
    struct host *host = host_find(lane->vm, lane->host_id);
    lane->busy = false;
    if (host && lane_is_of(lane, host))
        next = job_take(host, lane->kind);
    int next_rc = next ? lane_run(lane, next) : 0;
    job_end(job, rc, err);
    if (next_rc) {
        const struct error why = {.code = next_rc};
        job_end(next, next_rc, &why);
    }
}

int host_lane_submit(struct host *host, enum host_lane_kind kind,
                     int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                     void (*done)(void *arg, int rc, const struct error *err), void *arg)
{
    /* libvirt's test driver makes a world for each connection. */
    if (!strncmp(host->row.uri, "test:", 5))
        return virt_host_submit(host->virt, run, done, arg);
    bool full = false;
    struct lane *lane = lane_for(host, kind, &full);
    if (full && kind == HOST_LANE_SAVE)
        return CE_BUSY;
    if (full && host->lane_job_count >= VIRT_HOST_JOBS_MAX)
        return CE_LIMIT;
    struct lane_job *job = lane || full ? calloc(1, sizeof *job) : NULL;
    if (!job)
        return CE_NOMEM;
    *job = (struct lane_job){.kind = kind, .run = run, .done = done, .arg = arg};
    list_init(&job->entry);
    if (full) {
        list_append(&host->lane_jobs, &job->entry);
        host->lane_job_count++;
        return 0;
    }
    int rc = lane_run(lane, job);
    if (rc)
        free(job);
    return rc;
}

static void end_waiting(struct host *host, int code, const char *words)
{
    struct error err = {0};
    (void)error_set(&err, code, "%s", words);
    while (!list_is_empty(&host->lane_jobs)) {
        struct lane_job *job = list_entry(host->lane_jobs.next, struct lane_job, entry);
        list_remove(&job->entry);
        host->lane_job_count--;
        job_end(job, code, &err);
    }
}

static void cancel_waiting(struct host *host)
{
    end_waiting(host, CE_CANCELLED, "vmpool lets go of the host");
}

static void lane_leave(struct lane *lane)
{
    if (lane->leaving)
        return;
    lane->leaving = true;
    virt_host_close(lane->virt);
}

void host_lane_lost(struct host *host)
{
    list_for_each (pos, &host->vm->lanes) {
        struct lane *lane = list_entry(pos, struct lane, entry);
        if (lane_is_of(lane, host))
            lane_leave(lane);
    }
    end_waiting(host, CE_UNREACHABLE, "the host does not answer");
}

void host_lane_drive_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        if (host->leaving)
            cancel_waiting(host);
    }
    list_for_each_safe (pos, &vm->lanes) {
        struct lane *lane = list_entry(pos, struct lane, entry);
        const struct host *host = host_find(vm, lane->host_id);
        if (!host || host->epoch != lane->epoch)
            lane_leave(lane);
        if (!lane->closed)
            continue;
        list_remove(&lane->entry);
        free(lane);
    }
}

bool host_lane_is_open(const struct host *host)
{
    list_for_each (pos, &host->vm->lanes) {
        const struct lane *lane = list_entry(pos, struct lane, entry);
        if (!lane->closed && lane->epoch == host->epoch && !strcmp(lane->host_id, host->row.id))
            return true;
    }
    return false;
}

void host_lane_renewed(struct host *host, uint64_t until_ns)
{
    list_for_each (pos, &host->vm->lanes) {
        struct lane *lane = list_entry(pos, struct lane, entry);
        if (!lane->leaving && !strcmp(lane->host_id, host->row.id) && lane->epoch == host->epoch)
            virt_host_hold(lane->virt, lane->epoch, until_ns);
    }
}

void host_lane_close_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->hosts)
        cancel_waiting(list_entry(pos, struct host, entry));
    list_for_each (pos, &vm->lanes)
        lane_leave(list_entry(pos, struct lane, entry));
}

void host_lane_abandon_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->lanes) {
        struct lane *lane = list_entry(pos, struct lane, entry);
        if (!lane->closed && lane->virt)
            virt_host_abandon(lane->virt);
    }
}

bool host_lane_all_closed(const struct vmpool *vm)
{
    list_for_each (pos, &vm->lanes) {
        if (!list_entry(pos, struct lane, entry)->closed)
            return false;
    }
    return true;
}

void host_lane_free_all(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->lanes) {
        list_remove(pos);
        free(list_entry(pos, struct lane, entry));
    }
}
