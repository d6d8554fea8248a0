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
    unsigned jobs;
    bool leaving;
    bool closed;
};

struct lane_job {
    struct lane *lane;
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
    if (kind == HOST_LANE_COPY)
        return 1;
    return kind == HOST_LANE_SAVE ? HOST_LANE_SAVES : HOST_LANE_FORKS;
}

/* The one with the fewest jobs; another is opened while all of them have some. */
static struct lane *lane_for(struct host *host, enum host_lane_kind kind)
{
    struct lane *best = NULL;
    unsigned count = 0;
    list_for_each (pos, &host->vm->lanes) {
        struct lane *lane = list_entry(pos, struct lane, entry);
        if (lane->leaving || lane->kind != kind || lane->epoch != host->epoch ||
            strcmp(lane->host_id, host->row.id) != 0)
            continue;
        count++;
        if (!best || lane->jobs < best->jobs)
            best = lane;
    }
    return best && (!best->jobs || count >= lanes_max(kind)) ? best : lane_open(host, kind);
}

static int run_lane_job(struct virt_conn *conn, void *arg, struct error *err)
{
    const struct lane_job *job = arg;
    return job->run(conn, job->arg, err);
}

static void on_lane_job(void *arg, int rc, const struct error *err)
{
    struct lane_job *job = arg;
    job->lane->jobs--;
    job->done(job->arg, rc, err);
    free(job);
}

int host_lane_submit(struct host *host, enum host_lane_kind kind,
                     int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                     void (*done)(void *arg, int rc, const struct error *err), void *arg)
{
    /* libvirt's test driver makes a world for each connection. */
    if (!strncmp(host->row.uri, "test:", 5))
        return virt_host_submit(host->virt, run, done, arg);
    struct lane *lane = lane_for(host, kind);
    if (lane && lane->jobs && kind == HOST_LANE_SAVE)
        return CE_BUSY;
    struct lane_job *job = lane ? calloc(1, sizeof *job) : NULL;
    if (!job)
        return CE_NOMEM;
    *job = (struct lane_job){.lane = lane, .run = run, .done = done, .arg = arg};
    int rc = virt_host_submit(lane->virt, run_lane_job, on_lane_job, job);
    if (rc)
        free(job);
    else
        lane->jobs++;
    return rc;
}

static void lane_leave(struct lane *lane)
{
    if (lane->leaving)
        return;
    lane->leaving = true;
    virt_host_close(lane->virt);
}

void host_lane_drive_all(struct vmpool *vm)
{
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
