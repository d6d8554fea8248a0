/* How a request moves between libmicrohttpd and us:
 *
 *     accept -> [headers, body: MHD_run()] -> route -> handle() --answered at once--> MHD_queue_response()
 *                                                        |
 *                                                     suspend ... request_send() -> resume -> MHD_run() ->
 * same
 *
 * MHD's epoll descriptor is one uv_poll; its deadlines are not used: the sweep below bounds what a client
 * may take for a request or for an answer as a whole, which an idle timer does not (a byte a minute).
 */
#include "api_server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api_listen.h"
#include "api_problem.h"
#include "api_request.h"
#include "api_route.h"
#include "log.h"
#include "secret.h"

#define SWEEP_MS 1000
#define DRAIN_MS 2000 /* for the last answers; the rest is cut */
#define STREAM_BLOCK_BYTES 16384
#define HEADERS_MAX_BYTES 16384 /* MHD answers 431 to more */
#define FILES_BESIDE 256        /* descriptors that are not API connections */
#define DROP_FACTOR                                                                                          \
    16 /* a body that is too large is read and dropped up to this many times                                 \
          broker.max_body, so that its sender sees the 413; else it is cut */

enum conn_phase {
    CONN_READING, /* a request, or the pause before one: broker.request_timeout in all */
    CONN_WORKING, /* it is with us */
    CONN_SENDING, /* broker.request_timeout in all; streams: since the client last took bytes */
};

struct conn {
    struct list entry;
    int fd; /* borrowed from MHD */
    uid_t uid;
    bool stranger; /* has no role */
    enum conn_phase phase;
    uint64_t since_ms;
};

struct api_server {
    struct broker *broker;
    struct MHD_Daemon *daemon;
    int listen_fd;
    int spare_fd;  /* given up for a moment to accept and close when no descriptor is left */
    int gone_epfd; /* suspended sockets whose hang-up matters */
    char path[CONFIG_TEXT_SIZE];
    uv_poll_t listen_poll, mhd_poll, gone_poll;
    uv_timer_t mhd_timer, sweep_timer, park_timer;
    unsigned handles; /* of the six above, not closed */
    struct list conns, requests;
    size_t conn_count, stranger_count;
    bool draining, closing;
    uint64_t cut_ms; /* closing: when the rest is cut */
    void (*idle)(void *arg);
    void *idle_arg;
    void (*closed)(void *arg);
    void *closed_arg;
};

static void server_finish_close(struct api_server *server);

static uint64_t now_ms(const struct api_server *server)
{
    return uv_now(server->broker->loop);
}

static void server_kick(struct api_server *server);

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

static void server_kick(struct api_server *server)
{
    uv_timer_start(&server->mhd_timer, on_mhd_timer, 0, 0);
}

static void on_mhd_poll(uv_poll_t *poll, int status, int events)
{
    server_run(poll->data);
}

/* --- the end of a request ---------------------------------------------------------------------------------
 */

static void server_check_idle(struct api_server *server)
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

static struct conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void conn_set_phase(struct api_server *server, struct conn *conn, enum conn_phase phase)
{
    conn->phase = phase;
    conn->since_ms = now_ms(server);
}

static void unwatch(struct api_server *server, struct request *r)
{
    /* ENOENT: it was not watched. */
    (void)epoll_ctl(server->gone_epfd, EPOLL_CTL_DEL, r->fd, NULL);
}

void api_server_resume(struct request *r)
{
    struct api_server *server = r->broker->server;
    if (!r->suspended || r->stream.busy)
        return;
    r->suspended = false;
    unwatch(server, r);
    MHD_resume_connection(r->connection);
    server_kick(server);
    if (server->idle)
        server_check_idle(server);
}

static void server_suspend(struct request *r)
{
    MHD_suspend_connection(r->connection);
    r->suspended = true;
}

static void on_park_timer(uv_timer_t *timer);

/* One timer stands for the earliest deadline of all parked requests. */
static void arm_park_timer(struct api_server *server, uint64_t deadline_ms)
{
    uint64_t now = now_ms(server);
    uint64_t left_ms = deadline_ms > now ? deadline_ms - now : 0;
    if (!uv_is_active((uv_handle_t *)&server->park_timer) ||
        left_ms < uv_timer_get_due_in(&server->park_timer))
        uv_timer_start(&server->park_timer, on_park_timer, left_ms, 0);
}

/* Hang-up is always reported, so no event is asked for: a client that only ended its sending side still
 * gets its answer. */
void api_server_watch(struct request *r)
{
    struct api_server *server = r->broker->server;
    struct epoll_event event = {.events = 0, .data.ptr = r};
    if (epoll_ctl(server->gone_epfd, EPOLL_CTL_ADD, r->fd, &event) < 0 && errno != EEXIST)
        log_warning("A waiting request cannot be watched: %s.", strerror(errno));
    if (r->state != REQUEST_PARKED)
        return;
    if (server->draining)
        request_wake(r, REQUEST_WAKE_CLOSING);
    else
        arm_park_timer(server, r->park.deadline_ms);
}

static void on_park_timer(uv_timer_t *timer)
{
    struct api_server *server = timer->data;
    uint64_t now = now_ms(server);
    list_for_each_safe (pos, &server->requests) {
        struct request *r = list_entry(pos, struct request, entry);
        if (r->state == REQUEST_PARKED && r->park.deadline_ms <= now)
            request_wake(r, REQUEST_WAKE_TIMEOUT);
    }
    list_for_each (pos, &server->requests) {
        const struct request *r = list_entry(pos, struct request, entry);
        if (r->state == REQUEST_PARKED)
            arm_park_timer(server, r->park.deadline_ms);
    }
}

static void on_gone(uv_poll_t *poll, int status, int events)
{
    struct api_server *server = poll->data;
    struct epoll_event event;
    /* One at a time: ending one request may end others. */
    while (epoll_wait(server->gone_epfd, &event, 1, 0) == 1) {
        struct request *r = event.data.ptr;
        r->gone = true;
        unwatch(server, r);
        if (r->state == REQUEST_PARKED)
            request_wake(r, REQUEST_WAKE_GONE);
        else if (r->state == REQUEST_STREAMING)
            request_stream_end(r);
    }
}

/* --- answers ----------------------------------------------------------------------------------------------
 */

static ssize_t stream_read(void *cls, uint64_t pos, char *buffer, size_t max)
{
    struct request *r = cls;
    struct conn *conn = conn_of(r->connection);
    if (conn)
        conn->since_ms = now_ms(r->broker->server);
    size_t left = r->stream.len - r->stream.at;
    if (!left && !r->stream.ended && !r->gone && r->stream.drained)
        r->stream.drained(r);
    if (r->stream.ended || r->gone)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!left) {
        server_suspend(r);
        api_server_watch(r);
        return 0;
    }
    size_t n = left < max ? left : max;
    memcpy(buffer, r->stream.bytes + r->stream.at, n);
    r->stream.at += n;
    return (ssize_t)n;
}

static struct MHD_Response *make_response(struct request *r)
{
    struct MHD_Response *response = NULL;
    const struct request_answer *answer = &r->answer;
    size_t len = 0;
    if (answer->json) {
        char *bytes = api_json_encode(answer->json, &len);
        if (bytes)
            response = MHD_create_response_from_buffer_with_free_callback(len, bytes, api_json_free);
        if (!response)
            api_json_free(bytes);
    } else if (answer->text) {
        response = MHD_create_response_from_buffer_with_free_callback(strlen(answer->text),
                                                                      (void *)(uintptr_t)answer->text, NULL);
    } else {
        response = MHD_create_response_from_buffer_with_free_callback(0, NULL, NULL);
    }
    return response;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) != MHD_YES)
        log_warning("The header %s could not be added to an answer.", name);
}

static enum MHD_Result queue_answer(struct request *r)
{
    struct MHD_Response *response;
    unsigned status = r->answer.status;
    if (r->state == REQUEST_STREAMING) {
        status = 200;
        response =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, stream_read, r, NULL);
    } else {
        if (!request_set_sending(r))
            return MHD_NO;
        response = make_response(r);
    }
    if (!response)
        return MHD_NO;
    if (r->state == REQUEST_STREAMING)
        add_header(response, "Content-Type", "application/x-ndjson");
    else if (r->answer.json || r->answer.text)
        add_header(response, "Content-Type",
                   r->answer.is_problem ? "application/problem+json" : "application/json");
    add_header(response, "Cache-Control", "no-store");
    if (r->answer.retry_after_s) {
        char seconds[24];
        snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)r->answer.retry_after_s);
        add_header(response, "Retry-After", seconds);
    }
    if (r->answer.allow[0])
        add_header(response, "Allow", r->answer.allow);
    if (status == 413 || r->broker->server->draining)
        add_header(response, "Connection", "close");
    /* The answer's own copy of a password ends here; the encoded one is wiped when it was sent. */
    json_decref(r->answer.json);
    r->answer.json = NULL;
    enum MHD_Result rc = MHD_queue_response(r->connection, status, response);
    MHD_destroy_response(response);
    struct conn *conn = conn_of(r->connection);
    if (conn)
        conn_set_phase(r->broker->server, conn, CONN_SENDING);
    return rc;
}

/* --- requests ---------------------------------------------------------------------------------------------
 */

static enum MHD_Result copy_query(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct request *r = cls;
    if (r->keep_no_body)
        return MHD_NO;
    if (!api_route_has_query(r->route, name)) {
        problem_set(r, PROBLEM_BAD_REQUEST, "The parameter \"%.64s\" is not known here.", name);
        r->keep_no_body = true;
        return MHD_NO;
    }
    if (r->query_count == REQUEST_QUERY_MAX || strlen(name) >= sizeof r->query[0].name ||
        (value && strlen(value) >= REQUEST_TEXT_SIZE)) {
        problem_set(r, PROBLEM_BAD_REQUEST, "The parameter \"%.64s\" is too long or given too often.", name);
        r->keep_no_body = true;
        return MHD_NO;
    }
    snprintf(r->query[r->query_count].name, sizeof r->query[0].name, "%s", name);
    snprintf(r->query[r->query_count++].value, REQUEST_TEXT_SIZE, "%s", value ? value : "");
    return MHD_YES;
}

/* What is known from the request line and the headers. A refusal waits until the body was read. */
static void check_head(struct request *r, const char *method, const char *url)
{
    char allow[sizeof r->answer.allow];
    r->route = api_route_find(method, url, r->params, allow, sizeof allow);
    r->keep_no_body = true;
    if (!r->route && allow[0]) {
        problem_set(r, PROBLEM_METHOD_NOT_ALLOWED, "%.16s is not possible here; %s is.", method, allow);
        memcpy(r->answer.allow, allow, sizeof allow);
    } else if (!r->route) {
        problem_set(r, PROBLEM_NOT_FOUND,
                    "The API has no such path. /v1/openapi.json describes what it has.");
    } else if (r->route->role && !(r->roles & (unsigned)r->route->role)) {
        problem_set(r, PROBLEM_FORBIDDEN,
                    "This needs the role \"%s\"; the system user with uid %u does not have it "
                    "(broker.%s in the configuration).",
                    api_role_name(r->route->role), (unsigned)r->uid,
                    r->route->role == API_ROLE_ADMIN ? "admins" : "gateways");
    } else {
        r->keep_no_body = false;
        MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, copy_query, r);
    }
}

static bool says_json(const char *content_type)
{
    static const char json[] = "application/json";
    if (!content_type || strncasecmp(content_type, json, sizeof json - 1))
        return false;
    char next = content_type[sizeof json - 1];
    return next == '\0' || next == ';' || next == ' ';
}

/* The body is complete: what is wrong with it is answered, else it is an object in r->body. */
static bool read_body(struct request *r)
{
    const char *type =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    if (!r->raw_len) {
        r->body = json_object();
        if (r->route->body != API_BODY_NONE)
            problem_set(r, PROBLEM_BAD_REQUEST, "A JSON object is needed as the body of this request.");
        return r->body && r->route->body == API_BODY_NONE;
    }
    if (!says_json(type)) {
        problem_set(r, PROBLEM_MEDIA_TYPE, "The body must be sent as Content-Type: application/json.");
        return false;
    }
    json_error_t why;
    r->body = json_loadb(r->raw, r->raw_len, JSON_REJECT_DUPLICATES, &why);
    secret_wipe_bytes(r->raw, r->raw_capacity);
    r->raw_len = 0;
    if (!r->body) {
        problem_set(r, PROBLEM_BAD_REQUEST, "The body is not JSON: line %d, column %d.", why.line,
                    why.column);
        return false;
    }
    if (!json_is_object(r->body)) {
        problem_set(r, PROBLEM_BAD_REQUEST, "The body must be a JSON object.");
        return false;
    }
    if (r->route->body == API_BODY_NONE && json_object_size(r->body)) {
        problem_set(r, PROBLEM_BAD_REQUEST, "This request takes no body.");
        return false;
    }
    return true;
}

static size_t body_max(const struct request *r)
{
    size_t max = r->broker->config.broker_max_body_bytes;
    return r->route && r->route->body == API_BODY_LONG && max < API_LONG_MAX_BYTES ? API_LONG_MAX_BYTES : max;
}

static void refuse_body(struct request *r)
{
    problem_set(r, PROBLEM_TOO_LARGE, "The body of this request may have %zu bytes (broker.max_body).",
                body_max(r));
    r->keep_no_body = true;
}

static enum MHD_Result begin_request(struct api_server *server, struct MHD_Connection *connection,
                                     const char *url, const char *method, void **con_cls)
{
    struct conn *conn = conn_of(connection);
    struct request *r = calloc(1, sizeof *r);
    if (!conn || !r) {
        free(r);
        return MHD_NO;
    }
    r->broker = server->broker;
    r->connection = connection;
    r->fd = conn->fd;
    r->uid = conn->uid;
    r->roles = api_access_roles(&server->broker->access, conn->uid);
    r->head_only = !strcmp(method, "HEAD");
    list_init(&r->park.entry);
    list_append(&server->requests, &r->entry);
    *con_cls = r;
    if (server->draining) {
        r->keep_no_body = true;
        problem_set(r, PROBLEM_UNAVAILABLE, "The broker is being stopped.");
    } else {
        check_head(r, method, url);
    }
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    unsigned long long announced = length ? strtoull(length, NULL, 10) : 0;
    if (announced > body_max(r))
        refuse_body(r);
    if (announced / DROP_FACTOR <= body_max(r))
        return MHD_YES;
    request_send(r);
    return queue_answer(r);
}

/* A piece of the body. MHD's own copy is wiped as well: it may be a password, and MHD keeps its buffers. */
static enum MHD_Result take_body(struct request *r, const char *bytes, size_t len)
{
    enum MHD_Result rc = MHD_YES;
    size_t max = body_max(r);
    if (!r->keep_no_body && r->raw_len + len > max)
        refuse_body(r);
    if (!r->keep_no_body && r->raw_len + len > r->raw_capacity) {
        size_t capacity = (r->raw_len + len) * 2;
        char *bigger = malloc(capacity);
        if (!bigger)
            return MHD_NO;
        if (r->raw) {
            memcpy(bigger, r->raw, r->raw_len);
            secret_wipe_bytes(r->raw, r->raw_capacity);
            free(r->raw);
        }
        r->raw = bigger;
        r->raw_capacity = capacity;
    }
    if (r->keep_no_body) {
        r->dropped_bytes += len;
        if (r->dropped_bytes > max * DROP_FACTOR)
            rc = MHD_NO;
    } else {
        memcpy(r->raw + r->raw_len, bytes, len);
        r->raw_len += len;
    }
    secret_wipe_bytes((void *)(uintptr_t)bytes, len);
    return rc;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    struct api_server *server = cls;
    struct request *r = *con_cls;
    if (!r)
        return begin_request(server, connection, url, method, con_cls);
    if (*upload_data_size) {
        size_t len = *upload_data_size;
        *upload_data_size = 0;
        return take_body(r, upload_data, len);
    }
    if (r->state == REQUEST_READING) {
        struct conn *conn = conn_of(connection);
        if (conn)
            conn_set_phase(server, conn, CONN_WORKING);
        if (r->keep_no_body || !read_body(r)) {
            request_send(r);
        } else if (request_set_running(r)) {
            r->route->handle(r);
        }
    }
    if (r->state == REQUEST_ANSWERED || r->state == REQUEST_STREAMING)
        return queue_answer(r);
    server_suspend(r);
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode how)
{
    struct api_server *server = cls;
    struct request *r = *con_cls;
    struct conn *conn = conn_of(connection);
    if (conn)
        conn_set_phase(server, conn, CONN_READING);
    if (r) {
        unwatch(server, r);
        request_destroy(&r);
    }
    *con_cls = NULL;
}

/* --- connections ------------------------------------------------------------------------------------------
 */

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
    uint64_t now = now_ms(server);
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
        if (conn->phase != CONN_READING && now_ms(server) < server->cut_ms + SWEEP_MS)
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
    server->cut_ms = now_ms(server) + DRAIN_MS;
    server_kick(server);
}

/* --- start ------------------------------------------------------------------------------------------------
 */

static void on_mhd_log(void *cls, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
static void on_mhd_log(void *cls, const char *fmt, va_list args)
{
    char text[300];
    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("The HTTP library says: %s", text);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %XX in place. What would become a NUL or a slash, or is no hexadecimal, stays as it was written: no
 * name matches it. */
static size_t on_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
    char *out = text;
    for (const char *in = text; *in;) {
        int high = in[0] == '%' ? hex_digit(in[1]) : -1;
        int low = high >= 0 ? hex_digit(in[2]) : -1;
        int value = low >= 0 ? high << 4 | low : 0;
        if (value && value != '/') {
            *out++ = (char)value;
            in += 3;
        } else {
            *out++ = *in++;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
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
        NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT_MAX / 2, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADERS_MAX_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape,
        NULL, MHD_OPTION_END);
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
