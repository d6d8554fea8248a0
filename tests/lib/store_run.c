#include "store_run.h"

#include <stdio.h>
#include <stdlib.h>

#define DEADLINE_S 60

struct waited_job {
    int (*run)(struct db *db, void *arg);
    void *arg;
    bool done;
    int rc;
};

static void deadline(uv_timer_t *timer)
{
    fprintf(stderr, "a test waited for %d s in vain\n", DEADLINE_S);
    abort();
}

/* One turn of the loop at least, with the deadline running. */
static void turn(uv_loop_t *loop, uv_timer_t *timer)
{
    uv_update_time(loop);
    uv_timer_start(timer, deadline, DEADLINE_S * 1000, 0);
    uv_run(loop, UV_RUN_ONCE);
}

static void wait_for(struct store_run *run, bool (*is_reached)(const void *arg), const void *arg)
{
    uv_timer_t timer;
    uv_timer_init(&run->loop, &timer);
    while (!is_reached(arg))
        turn(&run->loop, &timer);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&run->loop, UV_RUN_NOWAIT);
}

static bool flag_is_set(const void *arg)
{
    return *(const bool *)arg;
}

struct counter {
    const unsigned *value;
    unsigned n;
};

static bool count_is_reached(const void *arg)
{
    const struct counter *counter = arg;
    return *counter->value >= counter->n;
}

void store_run_until(struct store_run *run, const unsigned *flag, unsigned n)
{
    struct counter counter = {flag, n};
    wait_for(run, count_is_reached, &counter);
}

void store_run_join(struct store_run *run, const char *path, const char *role, struct store **ret)
{
    struct error err = {0};
    if (store_open(ret, &run->loop, path, role, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

void store_run_open(struct store_run *run, const char *path, const char *role)
{
    uv_loop_init(&run->loop);
    store_run_join(run, path, role, &run->store);
}

static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

void store_run_close_joined(struct store_run *run, struct store *store)
{
    bool closed = false;
    store_close(store, set_flag, &closed);
    wait_for(run, flag_is_set, &closed);
}

void store_run_close(struct store_run *run)
{
    store_run_close_joined(run, run->store);
    if (uv_loop_close(&run->loop) < 0) {
        fprintf(stderr, "a closed store has left handles on the loop\n");
        abort();
    }
}

static int job_run(struct db *db, void *arg)
{
    struct waited_job *job = arg;
    return job->run(db, job->arg);
}

static void job_done(void *arg, int rc)
{
    struct waited_job *job = arg;
    job->rc = rc;
    job->done = true;
}

int store_run_job(struct store_run *run, struct store *store, enum store_mode mode,
                  int (*job)(struct db *db, void *arg), void *arg)
{
    struct waited_job waited = {.run = job, .arg = arg};
    int rc = store_submit(store, mode, job_run, job_done, &waited);
    if (rc)
        return rc;
    wait_for(run, flag_is_set, &waited.done);
    return waited.rc;
}
