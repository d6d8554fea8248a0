/* MHD's epoll descriptor is one uv_poll; its deadlines are not used: the sweep below bounds what a client may
 * take for a request or for an answer as a whole, which an idle timer does not (a byte a minute).
 */
#include "api_server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api_listen.h"
#include "api_request.h"
#include "api_server_parts.h"
#include "log.h"

#define SWEEP_MS 1000
#define DRAIN_MS 2000           /* for the last answers; the rest is cut */
#define HEADERS_MAX_BYTES 16384 /* MHD answers 431 to more */
#define FILES_BESIDE 256        /* descriptors that are not API connections */

static void server_finish_close(struct api_server *server);

uint64_t server_now_ms(const struct api_server *server)
{
    return uv_now(server->broker->loop);
}

/* Lets MHD work, then sets the timer for when it wants to work again. */
static void server_run(struct api_server *server)
{
    if (MHD_run(server->daemon) != MHD_YES)
        log_error("The HTTP library failed.");
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES)
        uv_timer_start(&server->mhd_timer, server->mhd_timer.timer_cb, timeout_ms, 0);
    if (server->closing)
        server_finish_close(server);
}

static void on_mhd_timer(uv_timer_t *timer)
{
    server_run(timer->data);
}

void server_kick(struct api_server *server)
{
    uv_timer_start(&server->mhd_timer, on_mhd_timer, 0, 0);
}

static void on_mhd_poll(uv_poll_t *poll, int status, int events)
{
    server_run(poll->data);
}

void server_check_idle(struct api_server *server)
{
    if (!server->idle)
        return;
    list_for_each (pos, &server->requests) {
        const struct request *r = list_entry(pos, struct request, entry);
        if (r->state == REQUEST_RUNNING || r->state == REQUEST_PARKED)
            return;
    }
    void (*idle)(void *) = server->idle;
    server->idle = NULL;
    idle(server->idle_arg);
}

struct conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void conn_set_phase(struct api_server *server, struct conn *conn, enum conn_phase phase)
{
    conn->phase = phase;
    conn->since_ms = server_now_ms(server);
}

/* --- waiting requests ---------------------------------------------------------------------------- */

static void on_park_timer(uv_timer_t *timer);

/* One timer stands for the earliest deadline of all parked requests. */
void server_arm_park_timer(struct api_server *server, uint64_t deadline_ms)
{
    uint64_t now = server_now_ms(server);
    uint64_t left_ms = deadline_ms > now ? deadline_ms - now : 0;
    if (!uv_is_active((uv_handle_t *)&server->park_timer) ||
        left_ms < uv_timer_get_due_in(&server->park_timer))
        uv_timer_start(&server->park_timer, on_park_timer, left_ms, 0);
}

static void on_park_timer(uv_timer_t *timer)
{
    struct api_server *server = timer->data;
    uint64_t now = server_now_ms(server);
    list_for_each_safe (pos, &server->requests) {
        struct request *r = list_entry(pos, struct request, entry);
        if (r->state == REQUEST_PARKED && r->park.deadline_ms <= now)
            request_wake(r, REQUEST_WAKE_TIMEOUT);
    }
    list_for_each (pos, &server->requests) {
        const struct request *r = list_entry(pos, struct request, entry);
        if (r->state == REQUEST_PARKED)
            server_arm_park_timer(server, r->park.deadline_ms);
    }
}

static void on_gone(uv_poll_t *poll, int status, int events)
{
    struct api_server *server = poll->data;
    struct epoll_event event;
    /* One at a time: ending one request may end others. */
    while (epoll_wait(server->gone_epfd, &event, 1, 0) == 1)
        exchange_gone(event.data.ptr);
}

/* --- connections --------------------------------------------------------------------------------- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct api_server *server = cls;
    struct conn *conn = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (conn) {
            list_remove(&conn->entry);
            server->conn_count--;
            server->stranger_count -= conn->stranger;
            free(conn);
            *socket_context = NULL;
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return;
    conn = calloc(1, sizeof *conn);
    if (!conn)
        return;
    conn->fd = info->connect_fd;
    conn->uid = peer.uid;
    conn->stranger = api_access_roles(&server->broker->access, peer.uid) == API_ROLE_ANY;
    conn_set_phase(server, conn, CONN_READING);
    list_append(&server->conns, &conn->entry);
    server->conn_count++;
    server->stranger_count += conn->stranger;
    *socket_context = conn;
}

static bool may_connect(struct api_server *server, int fd)
{
    if (server->conn_count >= server->broker->config.broker_max_connections) {
        log_warning("An API connection was closed: %zu are open (broker.max_connections).",
                    server->conn_count);
        return false;
    }
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    return server->stranger_count < API_STRANGERS_MAX || api_access_roles(&server->broker->access, peer.uid);
}

/* No descriptor is left: one waiting connection is taken with the spare one and closed, so that the loop does
 * not spin on a listening socket that it cannot serve. */
static void shed_connection(struct api_server *server)
{
    close(server->spare_fd);
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    log_error("An API connection was closed: no file descriptor is left.");
}

static void on_listen(uv_poll_t *poll, int status, int events)
{
    struct api_server *server = poll->data;
    for (int i = 0; i < 64; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        int fd = accept4(server->listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                shed_connection(server);
            break;
        }
        if (!may_connect(server, fd)) {
            close(fd);
            continue;
        }
        address.ss_family = AF_UNIX;
        /* MHD closes the socket itself when it cannot take it. */
        (void)MHD_add_connection(server->daemon, fd, (struct sockaddr *)&address, len);
        server_run(server);
        if (server->closing)
            break;
    }
}

/* Ends what takes too long. */
static void on_sweep(uv_timer_t *timer)
{
    struct api_server *server = timer->data;
    uint64_t now = server_now_ms(server);
    uint64_t limit_ms = server->broker->config.broker_request_timeout_ms;
    bool cut_all = server->closing && now >= server->cut_ms;
    list_for_each (pos, &server->conns) {
        const struct conn *conn = list_entry(pos, struct conn, entry);
        if (cut_all || (conn->phase != CONN_WORKING && now - conn->since_ms > limit_ms))
            shutdown(conn->fd, SHUT_RDWR);
    }
    if (server->closing)
        server_kick(server);
}

static void close_handle(uv_handle_t *handle)
{
    struct api_server *server = handle->data;
    if (--server->handles)
        return;
    void (*closed)(void *) = server->closed;
    void *arg = server->closed_arg;
    close(server->gone_epfd);
    close(server->spare_fd);
    server->broker->server = NULL;
    free(server);
    closed(arg);
}

/* The last answer has left or was cut: MHD ends, then the handles. */
static void server_finish_close(struct api_server *server)
{
    if (uv_is_closing((uv_handle_t *)&server->mhd_poll))
        return;
    list_for_each (pos, &server->conns) {
        const struct conn *conn = list_entry(pos, struct conn, entry);
        if (conn->phase != CONN_READING && server_now_ms(server) < server->cut_ms + SWEEP_MS)
            return;
    }
    uv_close((uv_handle_t *)&server->mhd_poll, close_handle);
    uv_close((uv_handle_t *)&server->gone_poll, close_handle);
    uv_close((uv_handle_t *)&server->mhd_timer, close_handle);
    uv_close((uv_handle_t *)&server->sweep_timer, close_handle);
    uv_close((uv_handle_t *)&server->park_timer, close_handle);
    MHD_stop_daemon(server->daemon);
}

static void drain_requests(struct api_server *server)
{
    list_for_each_safe (pos, &server->requests) {
        struct request *r = list_entry(pos, struct request, entry);
        if (r->state == REQUEST_PARKED)
            request_wake(r, REQUEST_WAKE_CLOSING);
        else if (r->state == REQUEST_STREAMING)
            request_stream_end(r);
    }
}

void api_server_drain(struct api_server *server, void (*idle)(void *arg), void *arg)
{
    server->draining = true;
    uv_poll_stop(&server->listen_poll);
    api_listen_close(server->listen_fd, server->path);
    uv_close((uv_handle_t *)&server->listen_poll, close_handle);
    drain_requests(server);
    server->idle = idle;
    server->idle_arg = arg;
    server_check_idle(server);
}

void api_server_close(struct api_server *server, void (*closed)(void *arg), void *arg)
{
    server->closing = true;
    server->closed = closed;
    server->closed_arg = arg;
    server->cut_ms = server_now_ms(server) + DRAIN_MS;
    server_kick(server);
}

/* --- start --------------------------------------------------------------------------------------- */

static void on_mhd_log(void *cls, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
static void on_mhd_log(void *cls, const char *fmt, va_list args)
{
    char text[300];
    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("The HTTP library says: %s", text);
}

static void raise_file_limit(uint64_t connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections + FILES_BESIDE;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
        log_warning("Only %llu file descriptors are allowed; broker.max_connections needs %llu.",
                    (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
}

static int start_mhd(struct api_server *server, struct error *err)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, NULL,
        NULL, exchange_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        server, MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT_MAX / 2, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADERS_MAX_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
        exchange_unescape, NULL, MHD_OPTION_END);
    if (!server->daemon)
        return error_set(err, CE_INTERNAL, "the HTTP library cannot start");
    return 0;
}

static int start_handles(struct api_server *server, struct error *err)
{
    uv_loop_t *loop = server->broker->loop;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || uv_poll_init(loop, &server->mhd_poll, info->epoll_fd) ||
        uv_poll_init(loop, &server->gone_poll, server->gone_epfd) ||
        uv_poll_init(loop, &server->listen_poll, server->listen_fd))
        return error_set(err, CE_IO, "the event loop cannot watch the API's sockets");
    uv_timer_init(loop, &server->mhd_timer);
    uv_timer_init(loop, &server->sweep_timer);
    uv_timer_init(loop, &server->park_timer);
    server->mhd_poll.data = server->gone_poll.data = server->listen_poll.data = server;
    server->mhd_timer.data = server->sweep_timer.data = server->park_timer.data = server;
    server->handles = 6;
    uv_poll_start(&server->mhd_poll, UV_READABLE, on_mhd_poll);
    uv_poll_start(&server->gone_poll, UV_READABLE, on_gone);
    uv_poll_start(&server->listen_poll, UV_READABLE, on_listen);
    uv_timer_start(&server->sweep_timer, on_sweep, SWEEP_MS, SWEEP_MS);
    return 0;
}

int api_server_open(struct api_server **ret, struct broker *broker, struct error *err)
{
    struct api_server *server = calloc(1, sizeof *server);
    if (!server)
        return error_set(err, CE_NOMEM, "no memory for the API's server");
    server->broker = broker;
    list_init(&server->conns);
    list_init(&server->requests);
    memcpy(server->path, broker->config.broker_socket, sizeof server->path);
    raise_file_limit(broker->config.broker_max_connections);
    int rc = api_listen_open(&server->listen_fd, server->path, err);
    if (rc) {
        free(server);
        return rc;
    }
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server->gone_epfd = epoll_create1(EPOLL_CLOEXEC);
    rc = server->spare_fd < 0 || server->gone_epfd < 0
             ? error_set(err, CE_IO, "no file descriptor is left for the API: %s", strerror(errno))
             : start_mhd(server, err);
    if (!rc)
        rc = start_handles(server, err);
    if (rc) {
        /* The process ends: the kernel takes the descriptors, the path must not stay. */
        api_listen_close(server->listen_fd, server->path);
        return rc;
    }
    *ret = server;
    return 0;
}
