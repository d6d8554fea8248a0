#include "banner_serve.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "banner_paint.h"
#include "list.h"
#include "log.h"

enum {
    WAITING_MAX = 4096,  /* requests; those beyond get no picture, and the gateway says so */
    SEND_PATIENCE_S = 2, /* for one gateway thread to read; then the next one is served */
};

struct waiting {
    struct list link;
    int fd;
    struct banner_request request;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct list queue;
    unsigned count;
    bool runs;
} serving = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

/* The newest picture, and what was asked for. The thread's own. */
struct painted {
    struct banner_request request;
    uint8_t *bytes;
    size_t len;
};

static bool is_same(const struct banner_request *a, const struct banner_request *b)
{
    return a->width == b->width && a->height == b->height && a->scale == b->scale && a->depth == b->depth &&
           !strcmp(a->text, b->text);
}

static bool picture_have(struct painted *painted, const struct banner_request *request)
{
    if (painted->bytes && is_same(&painted->request, request))
        return true;
    free(painted->bytes);
    painted->bytes = NULL;
    int rc = banner_paint(request, &painted->bytes, &painted->len);
    if (rc)
        log_error("A banner cannot be painted: %s.", error_name(rc));
    painted->request = *request;
    return !rc;
}

static void picture_send(int fd, const struct painted *painted)
{
    const struct timeval patience = {.tv_sec = SEND_PATIENCE_S};
    size_t at = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (at < painted->len) {
        ssize_t n = send(fd, painted->bytes + at, painted->len - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* the session ended meanwhile, or its thread is stuck: a cut picture is no picture */
        at += (size_t)n;
    }
}

static struct waiting *next_take(void)
{
    pthread_mutex_lock(&serving.lock);
    while (list_is_empty(&serving.queue))
        pthread_cond_wait(&serving.more, &serving.lock);
    struct waiting *w = list_entry(serving.queue.next, struct waiting, link);
    list_remove(&w->link);
    serving.count--;
    pthread_mutex_unlock(&serving.lock);
    return w;
}

static void *serve(void *arg)
{
    struct painted painted = {.bytes = NULL};
    (void)arg;
    for (;;) {
        struct waiting *w = next_take();
        if (picture_have(&painted, &w->request))
            picture_send(w->fd, &painted);
        close(w->fd);
        free(w);
    }
    return NULL;
}

/* Under the lock. */
static bool thread_have(void)
{
    pthread_t thread;
    if (serving.runs)
        return true;
    list_init(&serving.queue);
    serving.runs = !pthread_create(&thread, NULL, serve, NULL);
    if (serving.runs)
        (void)pthread_detach(thread);
    return serving.runs;
}

void banner_serve(int fd, const char *bytes, size_t len)
{
    struct waiting *w = calloc(1, sizeof *w);
    bool taken = w && !banner_request_read(bytes, len, &w->request);
    if (taken) {
        w->fd = fd;
        pthread_mutex_lock(&serving.lock);
        taken = serving.count < WAITING_MAX && thread_have();
        if (taken) {
            serving.count++;
            list_append(&serving.queue, &w->link);
            pthread_cond_signal(&serving.more);
        }
        pthread_mutex_unlock(&serving.lock);
    }
    if (!taken) {
        log_error("A banner is not painted: the request is not understood, or too many wait.");
        free(w);
        close(fd);
    }
}
