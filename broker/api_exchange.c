/* How a request moves between libmicrohttpd and us:
 *
 *     accept -> [headers, body: MHD_run()] -> route -> handle() --answered at once--> MHD_queue_response()
 *                                                        |
 *                                                     suspend ... request_send() -> resume -> MHD_run() -> same
 */
#include "api_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "api_problem.h"
#include "api_request.h"
#include "api_route.h"
#include "api_server_parts.h"
#include "log.h"
#include "secret.h"

#define STREAM_BLOCK_BYTES 16384
/* A body that is too large is read and dropped up to this many times its limit, so that its sender sees the
 * 413; beyond that the connection is cut. */
#define DROP_FACTOR 16

/* --- standing still, and going on ---------------------------------------------------------------- */

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
    struct conn *conn = conn_of(r->connection);
    if (conn && r->state == REQUEST_STREAMING)
        conn_set_phase(server, conn, CONN_SENDING);
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
        server_arm_park_timer(server, r->park.deadline_ms);
}

void exchange_gone(struct request *r)
{
    r->gone = true;
    unwatch(r->broker->server, r);
    if (r->state == REQUEST_PARKED)
        request_wake(r, REQUEST_WAKE_GONE);
    else if (r->state == REQUEST_STREAMING)
        request_stream_end(r);
    else if (r->state == REQUEST_RUNNING && r->left)
        r->left(r);
}

/* --- answers ------------------------------------------------------------------------------------- */

static ssize_t stream_read(void *cls, uint64_t pos, char *buffer, size_t max)
{
    struct request *r = cls;
    struct conn *conn = conn_of(r->connection);
    if (conn)
        conn_set_phase(r->broker->server, conn, CONN_SENDING);
    size_t left = r->stream.len - r->stream.at;
    if (!left && !r->stream.ended && !r->gone && r->stream.drained)
        r->stream.drained(r);
    if (r->stream.ended || r->gone)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!left) {
        /* A stream that has nothing to say takes no time from its client's. */
        if (conn)
            conn_set_phase(r->broker->server, conn, CONN_WORKING);
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

/* --- requests ------------------------------------------------------------------------------------ */

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
        const bool needed = r->route->body != API_BODY_NONE && r->route->body != API_BODY_MAY;
        r->body = json_object();
        if (needed)
            problem_set(r, PROBLEM_BAD_REQUEST, "A JSON object is needed as the body of this request.");
        return r->body && !needed;
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

enum MHD_Result exchange_request(void *cls, struct MHD_Connection *connection, const char *url,
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

void exchange_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
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

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %XX in place. What would become a NUL or a slash, or is no hexadecimal, stays as it was written: no
 * name matches it. */
size_t exchange_unescape(void *cls, struct MHD_Connection *connection, char *text)
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
