/* A thread with an event loop of its own, its listening sockets and the sessions that were accepted on them,
 * from accept to close. Other threads talk to it through its mailbox only.
 */
#ifndef CARREL_GATEWAY_WORKER_H
#define CARREL_GATEWAY_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

#include <carrel/error.h>
#include <carrel/fail.h>
#include <carrel/ids.h>

#include "config.h"
#include "list.h"
#include "pool.h"
#include "proxies.h"
#include "resting.h"

struct broker_message;
struct gateway;
struct http_client;
struct listener;
struct session;
struct tls_client;
struct tls_server;

struct worker {
    struct gateway *gateway; /* borrowed */
    struct config config;    /* this thread's copy */
    uv_loop_t loop;
    pthread_t thread;
    struct http_client *http;
    struct tls_library *tls_library;
    struct tls_server *tls_server;
    struct tls_client *tls_client;
    struct pool pool;
    struct proxies proxies;
    struct list sessions;
    struct list eager; /* sessions that have decrypted bytes which no poll will tell of */
    uv_idle_t eager_idle;
    bool eager_running;
    struct resting resting;     /* sessions of which a direction is left alone for a moment */
    struct listener *listeners; /* an array */
    unsigned listener_count;
    unsigned events; /* of sessions' sockets, so far; it wraps */
    int reserve_fd;  /* given up for a moment when the process is out of descriptors */
    bool retired;    /* takes nobody in; ends with its last session */
    bool http_closing;
    bool deaf; /* no message is read any more; under mail_lock */
    uv_async_t mail;
    pthread_mutex_t mail_lock;
    struct list mailbox;      /* struct worker_message */
    void (*ended)(void *arg); /* on this thread, the last thing it does */
    void *ended_arg;
};

/* FDS: listening sockets, one per address, owned by the worker from here on. */
int worker_create(struct worker **ret, struct gateway *gateway, const struct config *config,
                  struct tls_server *tls_server, const int *fds, unsigned fd_count,
                  struct error *err) MUST_CHECK;
int worker_start(struct worker *worker, void (*ended)(void *arg), void *ended_arg) MUST_CHECK;
void worker_destroy(struct worker **worker); /* joins the thread */

/* From any thread. */
void worker_post_stop(struct worker *worker);
/* Another process takes connections in: this thread ends when its last session has ended. */
void worker_post_retire(struct worker *worker);
void worker_post_drain(struct worker *worker, bool draining);
void worker_post_reload(struct worker *worker, const struct config *config, struct tls_server *tls_server);
void worker_post_close(struct worker *worker, const char *session, int64_t connection, enum fail fail);
void worker_post_message(struct worker *worker, const struct broker_message *message);

/* From its own thread. */
void worker_eager(struct worker *worker, struct session *session);
void worker_session_gone(struct worker *worker);

#endif
