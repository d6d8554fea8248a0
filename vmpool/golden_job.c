#include "golden_job.h"

#include <stdio.h>
#include <stdlib.h>

#include "desktop.h"
#include "guest_call.h"

struct guest_key golden_key(const struct golden *g)
{
    return guest_key_of(g->uuid, g->id, g->vm->installation);
}

struct golden_job *golden_job_create(struct golden *g)
{
    struct golden_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->g = g;
    job->key = golden_key(g);
    snprintf(job->place.dir, sizeof job->place.dir, "%s", g->dir);
    job->place.until_ns = &g->until_ns;
    job->far = g->far;
    snprintf(job->image_id, sizeof job->image_id, "%s", g->image_id);
    golden_path(g->dir, g->id, "state", job->state_path);
    job->pid = g->script_pid;
    return job;
}

void golden_job_free(struct golden_job *job)
{
    free(job->captured.bytes);
    free(job->xml);
    free(job);
}

static void on_job(void *arg, int rc, const struct error *err)
{
    struct golden_job *job = arg;
    struct golden *g = job->g;
    g->busy = g->on_host = false;
    if (!g->vm->stopping)
        job->done(g, job, rc, err);
    golden_job_free(job);
}

void golden_job_submit_lane(struct golden_job *job, enum host_lane_kind kind,
                            int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                            void (*done)(struct golden *g, struct golden_job *job, int rc,
                                         const struct error *err))
{
    struct golden *g = job->g;
    struct host *host = host_find(g->vm, g->host_id);
    job->done = done;
    if (!host || !host->connected || host_lane_submit(host, kind, run, on_job, job)) {
        golden_job_free(job);
        golden_pause(g, GUEST_RETRY_MS);
        return;
    }
    g->busy = g->on_host = true;
    g->cut_ms = 0;
}

void golden_job_submit(struct golden_job *job,
                       int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                       void (*done)(struct golden *g, struct golden_job *job, int rc,
                                    const struct error *err))
{
    golden_job_submit_lane(job, HOST_LANE_GUEST, run, done);
}
