#include "http_stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"

#define REQUEST_MAX_BYTES (1u << 20)

struct http_stub {
    uv_pipe_t listener;
    struct list peers;
    unsigned now, ever;
    http_stub_handler *handler;
    void *arg;
};

struct http_stub_peer {
    uv_pipe_t pipe;
    uv_shutdown_t shutdown;
    struct list entry;
    struct http_stub *stub;
    unsigned number;
    size_t len;
    char bytes[REQUEST_MAX_BYTES];
};

struct sending {
    uv_write_t write;
    char bytes[];
};

static void on_peer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void peer_close(struct http_stub_peer *peer)
{
    if (uv_is_closing((uv_handle_t *)&peer->pipe))
        return;
    list_remove(&peer->entry);
    peer->stub->now--;
    uv_close((uv_handle_t *)&peer->pipe, on_peer_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct http_stub_peer *peer = handle->data;
    (void)suggested;
    *ret = uv_buf_init(peer->bytes + peer->len, (unsigned)(REQUEST_MAX_BYTES - 1 - peer->len));
}

/* Takes one request off the front; 0 when more bytes are needed. */
static int peer_take_request(struct http_stub_peer *peer)
{
    peer->bytes[peer->len] = '\0';
    char *head_end = strstr(peer->bytes, "\r\n\r\n");
    if (!head_end)
        return 0;
    size_t head_len = (size_t)(head_end - peer->bytes) + 4, body_len = 0;
    struct http_stub_request request = {.peer_number = peer->number, .peer = peer};
    snprintf(request.head, sizeof request.head, "%.*s", (int)head_len, peer->bytes);
    const char *length = strcasestr(request.head, "\r\nContent-Length:");
    if (length)
        body_len = (size_t)strtoul(length + 17, NULL, 10);
    if (peer->len < head_len + body_len)
        return 0;
    if (sscanf(request.head, "%15s %255s", request.method, request.path) != 2) {
        peer_close(peer);
        return 0;
    }
    char *body = malloc(body_len + 1);
    if (!body)
        abort();
    memcpy(body, peer->bytes + head_len, body_len);
    body[body_len] = '\0';
    request.body = body;
    request.body_len = body_len;
    peer->len -= head_len + body_len;
    memmove(peer->bytes, peer->bytes + head_len + body_len, peer->len);
    peer->stub->handler(peer->stub->arg, &request);
    free(body);
    return !uv_is_closing((uv_handle_t *)&peer->pipe);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct http_stub_peer *peer = stream->data;
    (void)buf;
    if (n < 0) {
        peer_close(peer);
        return;
    }
    peer->len += (size_t)n;
    while (peer_take_request(peer))
        ;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http_stub *stub = listener->data;
    struct http_stub_peer *peer = calloc(1, sizeof *peer);
    if (status || !peer || uv_pipe_init(listener->loop, &peer->pipe, 0))
        abort();
    peer->pipe.data = peer;
    peer->stub = stub;
    peer->number = ++stub->ever;
    stub->now++;
    list_append(&stub->peers, &peer->entry);
    if (uv_accept(listener, (uv_stream_t *)&peer->pipe) ||
        uv_read_start((uv_stream_t *)&peer->pipe, on_alloc, on_read))
        peer_close(peer);
}

struct http_stub *http_stub_open(uv_loop_t *loop, const char *path, http_stub_handler *handler, void *arg)
{
    struct http_stub *stub = calloc(1, sizeof *stub);
    if (!stub || uv_pipe_init(loop, &stub->listener, 0))
        abort();
    stub->listener.data = stub;
    stub->handler = handler;
    stub->arg = arg;
    list_init(&stub->peers);
    int rc = uv_pipe_bind(&stub->listener, path);
    if (!rc)
        rc = uv_listen((uv_stream_t *)&stub->listener, 1024, on_connection);
    if (rc) {
        fprintf(stderr, "http_stub: %s: %s\n", path, uv_strerror(rc));
        abort();
    }
    return stub;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void http_stub_close(struct http_stub *stub)
{
    list_for_each_safe (at, &stub->peers)
        peer_close(list_entry(at, struct http_stub_peer, entry));
    uv_close((uv_handle_t *)&stub->listener, on_listener_closed);
}

static void on_sent(uv_write_t *write, int status)
{
    (void)status;
    free(write->data);
}

void http_stub_send(struct http_stub_peer *peer, const void *bytes, size_t len)
{
    struct sending *sending = malloc(sizeof *sending + len);
    if (!sending)
        abort();
    memcpy(sending->bytes, bytes, len);
    sending->write.data = sending;
    uv_buf_t buf = uv_buf_init(sending->bytes, (unsigned)len);
    if (uv_write(&sending->write, (uv_stream_t *)&peer->pipe, &buf, 1, on_sent))
        free(sending);
}

void http_stub_answer(struct http_stub_peer *peer, int status, const char *body)
{
    char head[256];
    size_t len = body ? strlen(body) : 0;
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     status, len);
    http_stub_send(peer, head, (size_t)n);
    if (len)
        http_stub_send(peer, body, len);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct http_stub_peer *peer = shutdown->handle->data;
    (void)status;
    peer_close(peer);
}

void http_stub_cut(struct http_stub_peer *peer)
{
    uv_read_stop((uv_stream_t *)&peer->pipe);
    if (uv_shutdown(&peer->shutdown, (uv_stream_t *)&peer->pipe, on_shutdown))
        peer_close(peer);
}

unsigned http_stub_peers_now(const struct http_stub *stub)
{
    return stub->now;
}

unsigned http_stub_peers_ever(const struct http_stub *stub)
{
    return stub->ever;
}
