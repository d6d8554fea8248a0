#include "probe.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"

/* TPKT, X.224 connection request, RDP negotiation request (MS-RDPBCGR 2.2.1.1.1) for neither TLS nor CredSSP: who wants
 * them answers with a refusal, which is an answer, and does not begin a handshake that nobody will end. */
static const char request[] = {3, 0, 0, 19, 14, (char)0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0};

#define CONFIRM_HEAD 6 /* TPKT, length indicator, type: what says whether it is a confirm */

struct probe {
    uv_loop_t *loop;
    struct sockaddr_storage address;
    unsigned tries_left; /* counts only when LIMITED */
    bool limited;
    void (*result)(void *arg, int rc);
    void *arg;
    uv_timer_t timer; /* ends a try, or the pause after it */
    struct probe_try *current;
    char why[96];
};

/* One connection. It outlives the probe's interest in it by one turn of the loop. */
struct probe_try {
    struct probe *probe; /* NULL: given up */
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    uint8_t head[CONFIRM_HEAD];
    size_t len;
};

static void start_try(struct probe *probe);

static void on_try_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_probe_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void drop_try(struct probe *probe)
{
    struct probe_try *try = probe->current;
    if (!try)
        return;
    probe->current = NULL;
    try->probe = NULL;
    uv_close((uv_handle_t *)&try->tcp, on_try_closed);
}

static void on_pause_over(uv_timer_t *timer)
{
    start_try(timer->data);
}

static void try_failed(struct probe *probe, const char *why)
{
    snprintf(probe->why, sizeof probe->why, "%s", why);
    drop_try(probe);
    if (probe->limited && --probe->tries_left == 0) {
        uv_timer_stop(&probe->timer);
        probe->result(probe->arg, CE_UNREACHABLE);
        return;
    }
    uv_timer_start(&probe->timer, on_pause_over, PROBE_PAUSE_MS, 0);
}

static void on_try_late(uv_timer_t *timer)
{
    try_failed(timer->data, "no answer in time");
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct probe_try *try = handle->data;
    *buf = uv_buf_init((char *)try->head + try->len, (unsigned)(sizeof try->head - try->len));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct probe_try *try = stream->data;
    if (!try->probe || got == 0)
        return;
    if (got < 0) {
        try_failed(try->probe, got == UV_EOF ? "it closed the connection" : uv_strerror((int)got));
        return;
    }
    try->len += (size_t)got;
    if (try->len < sizeof try->head)
        return;
    struct cursor c = cursor_init(try->head, try->len);
    uint8_t version = cursor_u8(&c);
    cursor_skip(&c, 4);
    uint8_t type = cursor_u8(&c);
    if (version != 3 || (type & 0xf0) != 0xd0) {
        try_failed(try->probe, "what answers there is not RDP");
        return;
    }
    struct probe *probe = try->probe;
    uv_timer_stop(&probe->timer);
    drop_try(probe);
    probe->result(probe->arg, 0);
}

static void on_written(uv_write_t *write, int status)
{
    struct probe_try *try = write->data;
    if (status && try->probe)
        try_failed(try->probe, uv_strerror(status));
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct probe_try *try = connect->data;
    if (!try->probe)
        return;
    if (status) {
        try_failed(try->probe, uv_strerror(status));
        return;
    }
    static char bytes[sizeof request];
    memcpy(bytes, request, sizeof request);
    uv_buf_t buf = uv_buf_init(bytes, sizeof bytes);
    try->write.data = try;
    if (uv_write(&try->write, (uv_stream_t *)&try->tcp, &buf, 1, on_written) ||
        uv_read_start((uv_stream_t *)&try->tcp, on_alloc, on_read))
        try_failed(try->probe, "the request could not be sent");
}

static void start_try(struct probe *probe)
{
    struct probe_try *try = calloc(1, sizeof *try);
    if (!try) {
        uv_timer_start(&probe->timer, on_pause_over, PROBE_PAUSE_MS, 0);
        return;
    }
    if (uv_tcp_init(probe->loop, &try->tcp)) {
        free(try);
        uv_timer_start(&probe->timer, on_pause_over, PROBE_PAUSE_MS, 0);
        return;
    }
    try->probe = probe;
    try->tcp.data = try;
    try->connect.data = try;
    probe->current = try;
    uv_timer_start(&probe->timer, on_try_late, PROBE_TRY_MS, 0);
    int rc = uv_tcp_connect(&try->connect, &try->tcp, (const struct sockaddr *)&probe->address, on_connected);
    if (rc)
        try_failed(probe, uv_strerror(rc));
}

int probe_open(struct probe **ret, uv_loop_t *loop, const char *address, uint16_t port, unsigned tries,
               void (*result)(void *arg, int rc), void *arg)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (!probe)
        return CE_NOMEM;
    if (uv_ip4_addr(address, port, (struct sockaddr_in *)(void *)&probe->address) &&
        uv_ip6_addr(address, port, (struct sockaddr_in6 *)(void *)&probe->address)) {
        free(probe);
        return CE_BAD_INPUT;
    }
    probe->loop = loop;
    probe->tries_left = tries;
    probe->limited = tries > 0;
    probe->result = result;
    probe->arg = arg;
    probe->timer.data = probe;
    (void)uv_timer_init(loop, &probe->timer);
    *ret = probe;
    start_try(probe);
    return 0;
}

void probe_close(struct probe **probe)
{
    struct probe *p = *probe;
    if (!p)
        return;
    *probe = NULL;
    drop_try(p);
    uv_close((uv_handle_t *)&p->timer, on_probe_closed);
}

const char *probe_why(const struct probe *probe)
{
    return probe->why;
}
