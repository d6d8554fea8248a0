#include <carrel/store.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db.h"
#include "log.h"
#include "store_file.h"
#include "store_parts.h"
#include "wake.h"

#define BATCH_MAX 512     /* write jobs of one commit; the others go into the next one */
#define RETRY_FIRST_MS 10 /* pauses between tries of a database that cannot be had */
#define RETRY_LONGEST_MS 250
#define WAKE_RETRY_MS 20   /* until a process that had no room for a wake-up gets it again */
#define WAKE_TRIES_MAX 100 /* then it is left to its sweep */

uint64_t store_patience_ms = STORE_PATIENCE_MS;

struct job {
    struct job *next;
    enum store_mode mode;
    int (*run)(struct db *db, void *arg);
    void (*done)(void *arg, int rc);
    void *arg;
    uint64_t until_ms; /* how long the database is tried, on uv_hrtime()'s clock */
    int rc;
};

struct job_queue {
    struct job *first, **last;
    unsigned count;
};

struct store {
    uv_loop_t *loop;
    uv_thread_t thread;
    uv_async_t async; /* the thread has finished jobs, or itself */
    struct wake *wake;
    char *path;

    /* The loop's thread only. */
    void (*woken)(void *arg, const char *topic, const char *id);
    void *woken_arg;
    void (*closed)(void *arg);
    void *closed_arg;
    bool is_closing;

    /* Under the mutex. */
    uv_mutex_t mutex;
    uv_cond_t cond;
    struct job_queue queue, finished;
    bool closing, ended;

    /* The store's thread only. */
    struct db *db; /* NULL while the database cannot be had */
    bool outage;   /* and that was logged */
    struct db_notices unsent;
    unsigned wake_tries;
};

static void queue_init(struct job_queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
}

static void queue_append(struct job_queue *queue, struct job *job)
{
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
    queue->count++;
}

static struct job *queue_take(struct job_queue *queue)
{
    struct job *job = queue->first;
    queue->first = job->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->count--;
    return job;
}

static uint64_t clock_ms(void)
{
    return uv_hrtime() / 1000000;
}

int64_t store_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void store_notify(struct db *db, const char *topic, const char *id)
{
    db_notice_add(&db->notices, topic, id);
}

const char *store_error(struct db *db)
{
    return db->error;
}

/* --- the database -----------------------------------------------------------------------------------------
 */

static void pause_ms(uint64_t ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static int reach_once(struct store *store, bool write, struct error *err)
{
    if (store->db && (store->db->lost || !store->db->ops->is_current(store->db)))
        db_close(&store->db);
    if (!store->db) {
        int rc = store_file_open(&store->db, store->path, false, err);
        if (rc)
            return rc;
    }
    int rc = store->db->ops->begin(store->db, write);
    return rc ? error_set(err, rc, "%s", store->db->error) : 0;
}

/* Begins a transaction, however often that has to be tried. No job has run yet, so trying again is safe. */
static int store_reach(struct store *store, bool write, uint64_t until_ms)
{
    uint64_t wait_ms = RETRY_FIRST_MS;
    for (;;) {
        struct error err = {0};
        int rc = reach_once(store, write, &err);
        if (!rc && store->outage)
            log_info("The store answers again.");
        if (!rc) {
            store->outage = false;
            return 0;
        }
        bool over = clock_ms() + wait_ms > until_ms;
        if (!store->outage && (over || rc != CE_BUSY)) {
            log_error("The store cannot be used: %s.", err.text);
            store->outage = true;
        }
        if (rc == CE_NO_SPACE)
            return rc;
        if (over)
            return CE_UNREACHABLE;
        pause_ms(wait_ms);
        wait_ms = wait_ms * 2 > RETRY_LONGEST_MS ? RETRY_LONGEST_MS : wait_ms * 2;
    }
}

/* --- wake-ups ---------------------------------------------------------------------------------------------
 */

static void notices_send(struct store *store)
{
    char message[WAKE_MESSAGE_MAX];
    size_t used = 0;
    for (unsigned i = 0; i < store->unsent.count; i++) {
        const struct db_notice *notice = &store->unsent.items[i];
        used += (size_t)snprintf(message + used, sizeof message - used, "%s %s\n", notice->topic, notice->id);
    }
    if (wake_send(store->wake, message, used) || store->wake_tries++ >= WAKE_TRIES_MAX) {
        store->unsent.count = 0;
        store->wake_tries = 0;
    }
}

static void notices_take(struct store *store)
{
    const struct db_notices *notices = &store->db->notices;
    for (unsigned i = 0; i < notices->count; i++)
        db_notice_add(&store->unsent, notices->items[i].topic, notices->items[i].id);
    if (store->unsent.count)
        notices_send(store);
}

/* --- running jobs, on the store's thread ------------------------------------------------------------------
 */

static void run_read(struct store *store, struct job *job)
{
    job->rc = store_reach(store, false, job->until_ms);
    if (job->rc)
        return;
    store->db->error[0] = '\0';
    job->rc = job->run(store->db, job->arg);
    store->db->ops->rollback(store->db);
}

/* Runs one job, or a part of one, in a savepoint. Returns false when the database ended the whole transaction. */
static bool run_in_savepoint(struct db *db, int (*run)(struct db *db, void *arg), void *arg, int *ret_rc)
{
    unsigned notices = db->notices.count;
    *ret_rc = db->ops->savepoint(db);
    if (*ret_rc)
        return false;
    *ret_rc = run(db, arg);
    if (!db->ops->in_transaction(db)) {
        if (!*ret_rc)
            *ret_rc = CE_UNREACHABLE;
        return false;
    }
    if (*ret_rc) {
        db->notices.count = notices;
        return db->ops->savepoint_undo(db) == 0;
    }
    *ret_rc = db->ops->savepoint_release(db);
    return *ret_rc == 0;
}

int store_try(struct db *db, int (*run)(struct db *db, void *arg), void *arg, int *ret_rc)
{
    return run_in_savepoint(db, run, arg, ret_rc) ? 0 : *ret_rc;
}

/* Commits the jobs from FIRST up to END. On failure none of them is written, and those that had no error of
 * their own get the commit's. */
static void commit_jobs(struct store *store, struct job *first, const struct job *end, int rc)
{
    struct db *db = store->db;
    if (!rc)
        rc = db->ops->commit(db);
    /* A commit into a file that is no longer under the path is lost: nobody may be told otherwise. */
    if (!rc && !db->ops->is_current(db))
        rc = CE_UNREACHABLE;
    if (rc) {
        if (db->error[0] && rc != CE_NO_SPACE)
            log_error("A commit of the store failed: %s.", db->error);
        db->ops->rollback(db);
        db->notices.count = 0;
    }
    for (struct job *job = first; rc && job != end; job = job->next) {
        if (!job->rc)
            job->rc = rc;
    }
    if (!rc)
        notices_take(store);
}

static void run_writes(struct store *store, struct job *first)
{
    while (first) {
        int rc = store_reach(store, true, first->until_ms);
        if (rc) {
            /* Younger jobs still have patience left, except on a full disk. */
            do {
                first->rc = rc;
                first = first->next;
            } while (first && (rc == CE_NO_SPACE || first->until_ms < clock_ms()));
            continue;
        }
        struct job *job = first;
        bool alive = true;
        while (job && alive) {
            store->db->error[0] = '\0';
            alive = run_in_savepoint(store->db, job->run, job->arg, &job->rc);
            rc = alive ? 0 : job->rc ? job->rc : CE_UNREACHABLE;
            job = job->next;
        }
        commit_jobs(store, first, job, rc);
        first = job; /* what had not run when the transaction broke gets a new one */
    }
}

/* Takes the jobs that run together: one read, or the writes that stand in a row. */
static void batch_take(struct store *store, struct job_queue *batch)
{
    queue_init(batch);
    do {
        queue_append(batch, queue_take(&store->queue));
    } while (batch->first->mode == STORE_WRITE && store->queue.first &&
             store->queue.first->mode == STORE_WRITE && batch->count < BATCH_MAX);
}

static void store_thread(void *arg)
{
    struct store *store = arg;
    uv_mutex_lock(&store->mutex);
    for (;;) {
        while (!store->queue.first && !store->closing) {
            if (!store->unsent.count) {
                uv_cond_wait(&store->cond, &store->mutex);
            } else if (uv_cond_timedwait(&store->cond, &store->mutex, WAKE_RETRY_MS * 1000000ull)) {
                uv_mutex_unlock(&store->mutex);
                notices_send(store);
                uv_mutex_lock(&store->mutex);
            }
        }
        if (!store->queue.first)
            break;
        struct job_queue batch;
        batch_take(store, &batch);
        uv_mutex_unlock(&store->mutex);
        if (batch.first->mode == STORE_WRITE)
            run_writes(store, batch.first);
        else
            run_read(store, batch.first);
        uv_mutex_lock(&store->mutex);
        while (batch.first)
            queue_append(&store->finished, queue_take(&batch));
        uv_async_send(&store->async);
    }
    uv_mutex_unlock(&store->mutex);
    db_close(&store->db);
    uv_mutex_lock(&store->mutex);
    store->ended = true;
    uv_async_send(&store->async);
    uv_mutex_unlock(&store->mutex);
}

/* --- the loop's side --------------------------------------------------------------------------------------
 */

static void store_free(struct store *store)
{
    db_close(&store->db);
    uv_mutex_destroy(&store->mutex);
    uv_cond_destroy(&store->cond);
    free(store->path);
    free(store);
}

static void wake_closed(void *arg)
{
    struct store *store = arg;
    void (*closed)(void *arg) = store->closed;
    void *closed_arg = store->closed_arg;
    store_free(store);
    closed(closed_arg);
}

static void async_closed(uv_handle_t *handle)
{
    struct store *store = handle->data;
    wake_close(store->wake, wake_closed, store);
}

static void finished_deliver(uv_async_t *async)
{
    struct store *store = async->data;
    struct job_queue batch;

    queue_init(&batch);
    uv_mutex_lock(&store->mutex);
    while (store->finished.first)
        queue_append(&batch, queue_take(&store->finished));
    bool ended = store->ended;
    uv_mutex_unlock(&store->mutex);

    while (batch.first) {
        struct job *job = queue_take(&batch);
        if (job->done)
            job->done(job->arg, job->rc);
        free(job);
    }
    if (ended) {
        uv_thread_join(&store->thread);
        uv_close((uv_handle_t *)&store->async, async_closed);
    }
}

static void store_woken(void *arg, const char *topic, const char *id)
{
    struct store *store = arg;
    if (store->woken && !store->is_closing)
        store->woken(store->woken_arg, topic, id);
}

void store_on_wake(struct store *store, void (*woken)(void *arg, const char *topic, const char *id),
                   void *arg)
{
    store->woken = woken;
    store->woken_arg = arg;
}

int store_submit(struct store *store, enum store_mode mode, int (*run)(struct db *db, void *arg),
                 void (*done)(void *arg, int rc), void *arg)
{
    if (store->is_closing)
        return CE_CANCELLED;
    struct job *job = malloc(sizeof *job);
    if (!job)
        return CE_NOMEM;
    *job = (struct job){
        .mode = mode, .run = run, .done = done, .arg = arg, .until_ms = clock_ms() + store_patience_ms};
    uv_mutex_lock(&store->mutex);
    bool room = store->queue.count < STORE_QUEUE_MAX;
    if (room) {
        queue_append(&store->queue, job);
        uv_cond_signal(&store->cond);
    }
    uv_mutex_unlock(&store->mutex);
    if (!room)
        free(job);
    return room ? 0 : CE_LIMIT;
}

void store_close(struct store *store, void (*closed)(void *arg), void *arg)
{
    store->closed = closed;
    store->closed_arg = arg;
    store->is_closing = true;
    uv_mutex_lock(&store->mutex);
    store->closing = true;
    uv_cond_signal(&store->cond);
    uv_mutex_unlock(&store->mutex);
}

/* Two daemons may start at once and hold the lock for their migrations in turn. */
static int open_patiently(struct store *store, struct error *err)
{
    uint64_t until_ms = clock_ms() + store_patience_ms;
    int rc;
    while ((rc = store_file_open(&store->db, store->path, true, err)) == CE_BUSY) {
        if (clock_ms() > until_ms)
            return CE_UNREACHABLE;
        pause_ms(RETRY_FIRST_MS);
    }
    return rc;
}

int store_open(struct store **ret, uv_loop_t *loop, const char *path, const char *role, struct error *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store || !(store->path = strdup(path))) {
        free(store);
        return error_set(err, CE_NOMEM, "out of memory");
    }
    store->loop = loop;
    queue_init(&store->queue);
    queue_init(&store->finished);
    uv_mutex_init(&store->mutex);
    uv_cond_init(&store->cond);
    int rc = open_patiently(store, err);
    if (!rc)
        rc = wake_open(&store->wake, loop, path, role, store_woken, store, err);
    if (rc) {
        store_free(store);
        return rc;
    }
    uv_async_init(loop, &store->async, finished_deliver);
    store->async.data = store;
    if (uv_thread_create(&store->thread, store_thread, store) < 0) {
        /* The handles cannot be closed without running the loop; a process that cannot start a thread ends.
         */
        return error_set(err, CE_NOMEM, "the store's thread cannot be started");
    }
    *ret = store;
    return 0;
}
