#include "login_local.h"

#include <stdlib.h>

#define THREADS_MAX 64

struct login_workers {
    uv_async_t wake; /* something is on the done list */
    uv_mutex_t lock; /* guards the lists, the counters and both flags */
    uv_cond_t more;
    struct list waiting, done;
    unsigned waiting_count;
    unsigned threads_running;
    bool stopping; /* nothing new is taken */
    bool closing;  /* and the threads end */
    uv_thread_t threads[THREADS_MAX];
    unsigned thread_count;
    void (*closed)(void *arg);
    void *closed_arg;
};

static void task_run(struct login_task *task)
{
    if (task->work == LOGIN_HASH) {
        task->rc = secret_hash_make(task->password, task->hash);
        return;
    }
    int rc = secret_hash_verify(task->hash[0] ? task->hash : NULL, task->password);
    if (task->work == LOGIN_VERIFY)
        task->rc = rc;
    else if (rc == CE_REFUSED)
        task->rc = secret_hash_make(task->password, task->hash);
    else
        task->rc = rc ? rc : CE_EXISTS;
}

static void worker_main(void *arg)
{
    struct login_workers *workers = arg;
    uv_mutex_lock(&workers->lock);
    for (;;) {
        while (list_is_empty(&workers->waiting) && !workers->closing)
            uv_cond_wait(&workers->more, &workers->lock);
        if (list_is_empty(&workers->waiting))
            break;
        struct login_task *task = list_entry(workers->waiting.next, struct login_task, entry);
        list_remove(&task->entry);
        task->waits = false;
        workers->waiting_count--;
        uv_mutex_unlock(&workers->lock);
        task_run(task);
        uv_mutex_lock(&workers->lock);
        list_append(&workers->done, &task->entry);
        uv_async_send(&workers->wake);
    }
    workers->threads_running--;
    uv_async_send(&workers->wake);
    uv_mutex_unlock(&workers->lock);
}

static void on_closed(uv_handle_t *handle)
{
    struct login_workers *workers = handle->data;
    void (*closed)(void *) = workers->closed;
    void *arg = workers->closed_arg;
    uv_cond_destroy(&workers->more);
    uv_mutex_destroy(&workers->lock);
    free(workers);
    closed(arg);
}

static void on_wake(uv_async_t *wake)
{
    struct login_workers *workers = wake->data;
    uv_mutex_lock(&workers->lock);
    while (!list_is_empty(&workers->done)) {
        struct login_task *task = list_entry(workers->done.next, struct login_task, entry);
        list_remove(&task->entry);
        uv_mutex_unlock(&workers->lock);
        task->done(task);
        uv_mutex_lock(&workers->lock);
    }
    bool ended = workers->closing && !workers->threads_running;
    uv_mutex_unlock(&workers->lock);
    if (!ended || uv_is_closing((uv_handle_t *)wake))
        return;
    for (unsigned i = 0; i < workers->thread_count; i++)
        uv_thread_join(&workers->threads[i]);
    uv_close((uv_handle_t *)wake, on_closed);
}

int login_workers_open(struct login_workers **ret, uv_loop_t *loop, unsigned threads, struct error *err)
{
    struct login_workers *workers = calloc(1, sizeof *workers);
    if (!workers)
        return error_set(err, CE_NOMEM, "no memory for the password checkers");
    list_init(&workers->waiting);
    list_init(&workers->done);
    if (uv_mutex_init(&workers->lock) || uv_cond_init(&workers->more) ||
        uv_async_init(loop, &workers->wake, on_wake)) {
        free(workers);
        return error_set(err, CE_IO, "the password checkers cannot start");
    }
    workers->wake.data = workers;
    threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
    for (unsigned i = 0; i < threads; i++) {
        workers->threads_running++;
        if (uv_thread_create(&workers->threads[i], worker_main, workers))
            return error_set(err, CE_IO, "a thread that checks passwords cannot start");
        workers->thread_count++;
    }
    *ret = workers;
    return 0;
}

int login_workers_submit(struct login_workers *workers, struct login_task *task)
{
    uv_mutex_lock(&workers->lock);
    bool full = workers->stopping || workers->waiting_count >= LOGIN_QUEUE_MAX;
    if (!full) {
        list_append(&workers->waiting, &task->entry);
        task->waits = true;
        workers->waiting_count++;
        uv_cond_signal(&workers->more);
    }
    uv_mutex_unlock(&workers->lock);
    return full ? CE_LIMIT : 0;
}

/* Under the lock. */
static void task_cancel(struct login_workers *workers, struct login_task *task)
{
    task->waits = false;
    task->rc = CE_CANCELLED;
    workers->waiting_count--;
    list_remove(&task->entry);
    list_append(&workers->done, &task->entry);
    uv_async_send(&workers->wake);
}

void login_workers_give_up(struct login_workers *workers, struct login_task *task)
{
    uv_mutex_lock(&workers->lock);
    if (task->waits)
        task_cancel(workers, task);
    uv_mutex_unlock(&workers->lock);
}

void login_workers_stop(struct login_workers *workers)
{
    uv_mutex_lock(&workers->lock);
    workers->stopping = true;
    while (!list_is_empty(&workers->waiting))
        task_cancel(workers, list_entry(workers->waiting.next, struct login_task, entry));
    uv_mutex_unlock(&workers->lock);
}

void login_workers_close(struct login_workers *workers, void (*closed)(void *arg), void *arg)
{
    workers->closed = closed;
    workers->closed_arg = arg;
    login_workers_stop(workers);
    uv_mutex_lock(&workers->lock);
    workers->closing = true;
    uv_cond_broadcast(&workers->more);
    uv_mutex_unlock(&workers->lock);
}
