#include "vmpool.h"

#include <stdlib.h>

struct store_job {
    struct vmpool *vm;
    int (*run)(struct db *db, void *arg);
    void (*done)(void *arg, int rc);
    void *arg;
};

static int run_store_job(struct db *db, void *arg)
{
    struct store_job *job = arg;
    return job->run(db, job->arg);
}

static void on_store_job(void *arg, int rc)
{
    struct store_job job = *(struct store_job *)arg;
    free(arg);
    job.vm->store_jobs--;
    job.done(job.arg, rc);
    if (job.vm->stopping)
        reconcile_want(job.vm);
}

static void submit(struct vmpool *vm, enum store_mode mode, int (*run)(struct db *db, void *arg),
                   void (*done)(void *arg, int rc), void *arg)
{
    struct store_job *job = calloc(1, sizeof *job);
    int rc = job ? 0 : CE_NOMEM;
    if (job) {
        *job = (struct store_job){.vm = vm, .run = run, .done = done, .arg = arg};
        rc = store_submit(vm->store, mode, run_store_job, on_store_job, job);
    }
    if (rc) {
        free(job);
        done(arg, rc);
        return;
    }
    vm->store_jobs++;
}

void vmpool_read(struct vmpool *vm, int (*run)(struct db *db, void *arg), void (*done)(void *arg, int rc),
                 void *arg)
{
    submit(vm, STORE_READ, run, done, arg);
}

void vmpool_write(struct vmpool *vm, int (*run)(struct db *db, void *arg), void (*done)(void *arg, int rc),
                  void *arg)
{
    submit(vm, STORE_WRITE, run, done, arg);
}
