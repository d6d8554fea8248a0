#include "lobby_link.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lobby/banner_message.h"
#include "log.h"
#include "starter.h"

enum {
    /* Between a death and the next start; doubled while it dies young. */
    RESTART_MS = 250,
    RESTART_MAX_MS = 30 * 1000,
    YOUNG_MS = 10 * 1000,
};

struct lobby_link {
    uv_loop_t *loop;
    struct starter *starter; /* borrowed */
    uv_timer_t restart;
    bool closing;
    uint64_t started_ms, pause_ms;
    void (*closed)(void *arg);
    void *closed_arg;
    atomic_ullong max, strangers_max;
    atomic_uint inside, strangers;
    pthread_mutex_t lock;
    int fd; /* under the lock; -1: no lobby. What comes while it still starts waits in the socket */
};

static void socket_set(struct lobby_link *link, int fd)
{
    pthread_mutex_lock(&link->lock);
    int old = link->fd;
    link->fd = fd;
    pthread_mutex_unlock(&link->lock);
    if (old >= 0)
        close(old);
}

static void on_timer(uv_timer_t *timer);

static void on_handle_closed(uv_handle_t *handle)
{
    struct lobby_link *link = handle->data;
    link->closed(link->closed_arg);
}

static void start_later(struct lobby_link *link)
{
    bool young = uv_now(link->loop) - link->started_ms < YOUNG_MS;
    uint64_t pause_ms = link->pause_ms;
    link->pause_ms = young && pause_ms * 2 < RESTART_MAX_MS ? pause_ms * 2 : young ? pause_ms : RESTART_MS;
    (void)uv_timer_start(&link->restart, on_timer, young ? pause_ms : RESTART_MS, 0);
}

static void on_ended(void *arg, int status)
{
    struct lobby_link *link = arg;
    socket_set(link, -1);
    if (link->closing)
        return;
    log_error("The lobby ended and is started again; visits that it showed end with it. status=%d signal=%d",
              WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    start_later(link);
}

static void on_started(void *arg, pid_t pid, int reason)
{
    struct lobby_link *link = arg;
    if (link->closing)
        return;
    if (pid) {
        log_info("The lobby runs. pid=%d", (int)pid);
        return;
    }
    socket_set(link, -1);
    log_error("The lobby does not start: %s.", strerror(reason));
    start_later(link);
}

static int ask(struct lobby_link *link)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return CE_IO;
    link->started_ms = uv_now(link->loop);
    int rc = starter_ask_lobby(link->starter, pair[1]);
    close(pair[1]);
    if (rc)
        close(pair[0]);
    else
        socket_set(link, pair[0]);
    return rc;
}

static void on_timer(uv_timer_t *timer)
{
    struct lobby_link *link = timer->data;
    if (!ask(link))
        return;
    log_error("The lobby does not start: there is nobody to start it, or no descriptor.");
    start_later(link);
}

int lobby_link_open(struct lobby_link **ret, uv_loop_t *loop, struct starter *starter,
                    const struct config *config, struct error *err)
{
    struct lobby_link *link = calloc(1, sizeof *link);
    if (!link)
        return error_set(err, CE_NOMEM, "no memory");
    link->loop = loop;
    link->starter = starter;
    link->fd = -1;
    link->pause_ms = RESTART_MS;
    pthread_mutex_init(&link->lock, NULL);
    lobby_link_configure(link, config);
    if (uv_timer_init(loop, &link->restart)) {
        lobby_link_destroy(&link);
        return error_set(err, CE_NOMEM, "no timer for the lobby");
    }
    link->restart.data = link;
    starter_on_lobby(starter,
                     &(struct starter_listener){.started = on_started, .ended = on_ended, .arg = link});
    on_timer(&link->restart);
    *ret = link;
    return 0;
}

void lobby_link_configure(struct lobby_link *link, const struct config *config)
{
    atomic_store(&link->max, config->gateway_lobby_max);
    atomic_store(&link->strangers_max, config->gateway_lobby_form_max);
}

void lobby_link_close(struct lobby_link *link, void (*closed)(void *arg), void *arg)
{
    link->closing = true;
    link->closed = closed;
    link->closed_arg = arg;
    socket_set(link, -1); /* the lobby ends with its socket, also one that still starts */
    starter_on_lobby(link->starter, &(struct starter_listener){0});
    uv_close((uv_handle_t *)&link->restart, on_handle_closed);
}

void lobby_link_destroy(struct lobby_link **link)
{
    if (*link)
        pthread_mutex_destroy(&(*link)->lock);
    free(*link);
    *link = NULL;
}

/* ---- from any thread ---- */

static int hand_over(struct lobby_link *link, const int *fds, size_t count, const char *bytes, size_t len)
{
    char ancillary[CMSG_SPACE(2 * sizeof(int))], copy[BANNER_MESSAGE_MAX_BYTES];
    if (len > sizeof copy)
        return CE_LIMIT;
    memcpy(copy, bytes, len);
    struct iovec iov = {.iov_base = copy, .iov_len = len};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = ancillary,
                             .msg_controllen = CMSG_SPACE(count * sizeof *fds)};
    memset(ancillary, 0, sizeof ancillary);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof *fds);
    memcpy(CMSG_DATA(header), fds, count * sizeof *fds);
    pthread_mutex_lock(&link->lock);
    ssize_t n = link->fd < 0 ? -1 : sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    pthread_mutex_unlock(&link->lock);
    return n >= 0 && (size_t)n == len ? 0 : CE_NOT_FOUND;
}

static void pair_close(const int pair[2])
{
    if (pair[0] >= 0)
        close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
}

static bool room_take(struct lobby_link *link, bool stranger)
{
    bool over = atomic_fetch_add(&link->inside, 1) >= atomic_load(&link->max);
    if (stranger)
        over |= atomic_fetch_add(&link->strangers, 1) >= atomic_load(&link->strangers_max);
    if (over)
        lobby_link_leave(link, stranger);
    return !over;
}

int lobby_link_enter(struct lobby_link *link, bool stranger, struct lobby_ends *ret)
{
    int rdp[2] = {-1, -1}, control[2] = {-1, -1};
    if (!room_take(link, stranger))
        return CE_LIMIT;
    int rc = CE_IO;
    if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, rdp) &&
        !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, control))
        rc = hand_over(link, (const int[2]){rdp[1], control[1]}, 2, "v", 1);
    if (rc) {
        pair_close(rdp);
        pair_close(control);
        lobby_link_leave(link, stranger);
        return rc;
    }
    close(rdp[1]);
    close(control[1]);
    *ret = (struct lobby_ends){.rdp = rdp[0], .control = control[0]};
    return 0;
}

void lobby_link_known(struct lobby_link *link)
{
    atomic_fetch_sub(&link->strangers, 1);
}

void lobby_link_leave(struct lobby_link *link, bool stranger)
{
    if (stranger)
        atomic_fetch_sub(&link->strangers, 1);
    atomic_fetch_sub(&link->inside, 1);
}

bool lobby_link_has_room(struct lobby_link *link)
{
    pthread_mutex_lock(&link->lock);
    bool runs = link->fd >= 0;
    pthread_mutex_unlock(&link->lock);
    return runs && atomic_load(&link->inside) < atomic_load(&link->max);
}

int lobby_link_banner(struct lobby_link *link, const char *bytes, size_t len, int *ret_fd)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return CE_IO;
    int rc = hand_over(link, &pair[1], 1, bytes, len);
    close(pair[1]);
    if (!rc && fcntl(pair[0], F_SETFL, O_NONBLOCK))
        rc = CE_IO;
    if (rc)
        close(pair[0]);
    else
        *ret_fd = pair[0];
    return rc;
}
