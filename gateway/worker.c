#include "worker.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker_link.h"
#include "busy_poll.h"
#include "http_client.h"
#include "listener.h"
#include "log.h"
#include "session.h"
#include "tls_client.h"
#include "tls_library.h"
#include "tls_server.h"

enum worker_verb { WORKER_STOP, WORKER_RETIRE, WORKER_DRAIN, WORKER_RELOAD, WORKER_CLOSE, WORKER_MESSAGE };

struct worker_message {
    struct list link;
    enum worker_verb verb;
    struct config config;          /* of a reload */
    struct tls_server *tls_server; /* of a reload; NULL: as before */
    char session[ID_SIZE];         /* of a close */
    int64_t connection;
    enum fail fail;
    bool draining; /* of a drain */
    struct broker_message said;
};

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
}

static void on_http_closed(void *arg)
{
    struct worker *worker = arg;
    worker->http = NULL;
    pthread_mutex_lock(&worker->mail_lock);
    worker->deaf = true;
    pthread_mutex_unlock(&worker->mail_lock);
    uv_close((uv_handle_t *)&worker->mail, on_closed);
    uv_close((uv_handle_t *)&worker->eager_idle, on_closed);
    resting_close(&worker->resting);
}

/* The loop is empty, and the thread ends, when the last session's handles are closed and these are too. */
static void end_when_empty(struct worker *worker)
{
    if (!worker->retired || worker->http_closing || !list_is_empty(&worker->sessions))
        return;
    worker->http_closing = true;
    http_client_close(worker->http, on_http_closed, worker);
}

void worker_session_gone(struct worker *worker)
{
    end_when_empty(worker);
}

static void retire(struct worker *worker)
{
    worker->retired = true;
    for (unsigned i = 0; i < worker->listener_count; i++)
        listener_stop(&worker->listeners[i]);
    end_when_empty(worker);
}

static void drain(struct worker *worker, bool draining)
{
    for (unsigned i = 0; i < worker->listener_count; i++) {
        if (draining)
            listener_pause(&worker->listeners[i]);
        else
            listener_resume(&worker->listeners[i]);
    }
}

static void stop(struct worker *worker)
{
    retire(worker);
    list_for_each_safe (at, &worker->sessions)
        session_order_close(list_entry(at, struct session, link), FAIL_GATEWAY_CLOSING);
}

static void close_one(struct worker *worker, const struct worker_message *message)
{
    list_for_each_safe (at, &worker->sessions) {
        struct session *s = list_entry(at, struct session, link);
        if (session_is(s, message->session, message->connection))
            session_order_close(s, message->fail);
    }
}

/* A session that ended meanwhile: nobody is told, and its end is in the broker's books. */
static void message_show(struct worker *worker, const struct broker_message *said)
{
    list_for_each_safe (at, &worker->sessions) {
        struct session *s = list_entry(at, struct session, link);
        if (session_is(s, said->session, said->connection))
            session_order_message(s, said);
    }
}

static void proxies_read(struct worker *worker)
{
    struct error err = {0};
    if (proxies_parse(worker->config.gateway_proxy_networks, &worker->proxies, &err))
        log_error("The trusted balancers stay as they were: %s", err.text);
}

static void certificate_take(struct worker *worker, struct tls_server *tls_server)
{
    tls_server_unref(&worker->tls_server);
    worker->tls_server = tls_server_copy(tls_server, worker->tls_library);
}

static void message_handle(struct worker *worker, struct worker_message *message)
{
    switch (message->verb) {
    case WORKER_STOP:
        stop(worker);
        break;
    case WORKER_RETIRE:
        retire(worker);
        break;
    case WORKER_DRAIN:
        drain(worker, message->draining);
        break;
    case WORKER_RELOAD:
        worker->config = message->config;
        proxies_read(worker);
        if (message->tls_server)
            certificate_take(worker, message->tls_server);
        break;
    case WORKER_CLOSE:
        close_one(worker, message);
        break;
    case WORKER_MESSAGE:
        message_show(worker, &message->said);
        break;
    }
}

static void mailbox_take(struct worker *worker, struct list *ret)
{
    pthread_mutex_lock(&worker->mail_lock);
    list_take_all(&worker->mailbox, ret);
    pthread_mutex_unlock(&worker->mail_lock);
}

static void message_free(struct worker_message *message)
{
    tls_server_unref(&message->tls_server);
    free(message);
}

static void on_mail(uv_async_t *mail)
{
    struct worker *worker = mail->data;
    struct list messages;
    mailbox_take(worker, &messages);
    list_for_each_safe (at, &messages) {
        struct worker_message *message = list_entry(at, struct worker_message, link);
        list_remove(at);
        message_handle(worker, message);
        message_free(message);
    }
}

static void post(struct worker *worker, struct worker_message *message)
{
    pthread_mutex_lock(&worker->mail_lock);
    bool deaf = worker->deaf;
    if (!deaf) {
        list_append(&worker->mailbox, &message->link);
        uv_async_send(&worker->mail);
    }
    pthread_mutex_unlock(&worker->mail_lock);
    if (deaf)
        message_free(message);
}

/* A lost message would be a session that nobody can close; where memory is that short the process is no use.
 */
static struct worker_message *message_make(enum worker_verb verb)
{
    struct worker_message *message = calloc(1, sizeof *message);
    if (!message) {
        log_error("No memory for a message between threads.");
        abort();
    }
    message->verb = verb;
    return message;
}

void worker_post_stop(struct worker *worker)
{
    post(worker, message_make(WORKER_STOP));
}

void worker_post_retire(struct worker *worker)
{
    post(worker, message_make(WORKER_RETIRE));
}

void worker_post_drain(struct worker *worker, bool draining)
{
    struct worker_message *message = message_make(WORKER_DRAIN);
    message->draining = draining;
    post(worker, message);
}

void worker_post_reload(struct worker *worker, const struct config *config, struct tls_server *tls_server)
{
    struct worker_message *message = message_make(WORKER_RELOAD);
    message->config = *config;
    message->tls_server = tls_server ? tls_server_ref(tls_server) : NULL;
    post(worker, message);
}

void worker_post_close(struct worker *worker, const char *session, int64_t connection, enum fail fail)
{
    struct worker_message *message = message_make(WORKER_CLOSE);
    snprintf(message->session, sizeof message->session, "%s", session);
    message->connection = connection;
    message->fail = fail;
    post(worker, message);
}

void worker_post_message(struct worker *worker, const struct broker_message *said)
{
    struct worker_message *message = message_make(WORKER_MESSAGE);
    message->said = *said;
    post(worker, message);
}

/* Each session of the list has one turn; those that still have bytes put themselves back. */
static void on_idle(uv_idle_t *idle)
{
    struct worker *worker = idle->data;
    struct list turn;
    list_take_all(&worker->eager, &turn);
    while (!list_is_empty(&turn)) {
        struct list *first = turn.next;
        list_remove(first);
        session_continue(list_entry(first, struct session, eager_link));
    }
    if (list_is_empty(&worker->eager)) {
        uv_idle_stop(idle);
        worker->eager_running = false;
    }
}

void worker_eager(struct worker *worker, struct session *session)
{
    if (!list_is_linked(&session->eager_link))
        list_append(&worker->eager, &session->eager_link);
    if (!worker->eager_running)
        worker->eager_running = !uv_idle_start(&worker->eager_idle, on_idle);
}

int worker_create(struct worker **ret, struct gateway *gateway, const struct config *config,
                  struct tls_server *tls_server, const int *fds, unsigned fd_count, struct error *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return error_set(err, CE_NOMEM, "no memory for a thread");
    worker->gateway = gateway;
    worker->config = *config;
    worker->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    list_init(&worker->sessions);
    list_init(&worker->eager);
    list_init(&worker->mailbox);
    pthread_mutex_init(&worker->mail_lock, NULL);
    int rc = proxies_parse(config->gateway_proxy_networks, &worker->proxies, err);
    if (!rc)
        rc = tls_library_create(&worker->tls_library, err);
    if (!rc) {
        worker->tls_server = tls_server_copy(tls_server, worker->tls_library);
        rc = tls_client_create(&worker->tls_client, worker->tls_library, err);
    }
    if (!rc && uv_loop_init(&worker->loop))
        rc = error_set(err, CE_NOMEM, "no event loop for a thread");
    if (rc)
        goto fail;
    worker->listeners = calloc(fd_count, sizeof *worker->listeners);
    if (!worker->listeners || uv_async_init(&worker->loop, &worker->mail, on_mail) ||
        uv_idle_init(&worker->loop, &worker->eager_idle) || resting_open(&worker->resting, &worker->loop) ||
        http_client_open(&worker->http, &worker->loop, config->gateway_broker_socket))
        rc = error_set(err, CE_NOMEM, "a thread's event loop cannot be set up");
    worker->mail.data = worker->eager_idle.data = worker;
    for (unsigned i = 0; !rc && i < fd_count; i++) {
        if (fds[i] < 0)
            continue;
        rc = listener_start(&worker->listeners[worker->listener_count], worker, fds[i]);
        worker->listener_count += !rc;
    }
    if (!rc) {
        *ret = worker;
        return 0;
    }
    rc = error_set(err, rc, "a listening socket cannot be polled");
fail: /* The process ends: loops and handles are left to it. */
    tls_server_unref(&worker->tls_server);
    return rc;
}

/* Looks for events until one comes or the time is up. Whoever else could use the core meanwhile gets it. */
static bool look(struct worker *worker, struct busy_poll *poll, uint64_t now_ns)
{
    const uint64_t until_ns = now_ns + busy_poll_ns(poll);
    const unsigned seen = worker->events;
    bool alive = true;
    if (!busy_poll_ns(poll))
        return true;
    while (alive && worker->events == seen && now_ns < until_ns) {
        sched_yield();
        if (busy_poll_yielded(poll, uv_hrtime() - now_ns))
            return true;
        alive = uv_run(&worker->loop, UV_RUN_NOWAIT);
        now_ns = uv_hrtime();
    }
    if (worker->events != seen)
        busy_poll_met(poll);
    else
        busy_poll_in_vain(poll);
    return alive;
}

/* The worker's loop: sleeps until something happens, and stays awake for what follows at once (busy_poll.h). */
static void loop_run(struct worker *worker)
{
    struct busy_poll poll = {0};
    uint64_t worked_ns = 0;
    bool alive = true;
    while (alive) {
        unsigned seen = worker->events;
        alive = uv_run(&worker->loop, UV_RUN_ONCE);
        while (alive && worker->events != seen) {
            uint64_t now_ns = uv_hrtime();
            seen = worker->events;
            busy_poll_learn(&poll, now_ns - worked_ns);
            worked_ns = now_ns;
            alive = look(worker, &poll, now_ns);
        }
    }
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    loop_run(worker);
    if (uv_loop_close(&worker->loop))
        log_error("A thread ended with a handle still open.");
    worker->ended(worker->ended_arg);
    return NULL;
}

int worker_start(struct worker *worker, void (*ended)(void *arg), void *ended_arg)
{
    worker->ended = ended;
    worker->ended_arg = ended_arg;
    return pthread_create(&worker->thread, NULL, run, worker) ? CE_NOMEM : 0;
}

void worker_destroy(struct worker **worker_at)
{
    struct worker *worker = *worker_at;
    struct list messages;
    if (!worker)
        return;
    pthread_join(worker->thread, NULL);
    mailbox_take(worker, &messages);
    list_for_each_safe (at, &messages) {
        list_remove(at);
        message_free(list_entry(at, struct worker_message, link));
    }
    pool_finish(&worker->pool);
    tls_server_unref(&worker->tls_server);
    tls_client_destroy(&worker->tls_client);
    tls_library_destroy(&worker->tls_library);
    if (worker->reserve_fd >= 0)
        close(worker->reserve_fd);
    pthread_mutex_destroy(&worker->mail_lock);
    free(worker->listeners);
    free(worker);
    *worker_at = NULL;
}
