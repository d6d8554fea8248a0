#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tpkt.h"

enum {
    SCRATCH_BYTES = 256 * 1024, /* read into at once; the thread's only read buffer */
    READS_MAX = 32,             /* then other wires have their turn */
};

static uint8_t scratch[SCRATCH_BYTES];

static void on_event(uv_poll_t *poll, int status, int events);

static void fail(struct wire *w, const char *why)
{
    if (!w->over)
        w->events->ended(w, why);
    wire_end(w, false);
}

static void watch(struct wire *w)
{
    int wanted = w->paused ? 0 : UV_READABLE;
    if (w->connecting || w->out_len || w->handshake_writes || w->wants_drained)
        wanted = w->connecting ? UV_WRITABLE : wanted | UV_WRITABLE;
    if (w->over || wanted == w->watched)
        return;
    if (wanted)
        (void)uv_poll_start(&w->poll, wanted, on_event);
    else
        (void)uv_poll_stop(&w->poll);
    w->watched = wanted;
}

/* ---- writing ---- */

static size_t write_some(struct wire *w, const uint8_t *bytes, size_t len, const char **ret_why)
{
    size_t n = 0;
    if (w->secure) {
        enum tls_result result = tls_io_write(&w->tls, bytes, len, &n);
        if (result != TLS_OK && result != TLS_WANT_WRITE && result != TLS_WANT_READ)
            *ret_why = tls_io_why(&w->tls);
        return n;
    }
    ssize_t sent = send(w->fd, bytes, len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        *ret_why = strerror(errno);
    return sent > 0 ? (size_t)sent : 0;
}

static bool queue(struct wire *w, const uint8_t *bytes, size_t len)
{
    if (w->out_len + len > w->out_size) {
        size_t size = (w->out_len + len) * 2;
        uint8_t *grown = realloc(w->out, size);
        if (!grown)
            return false;
        w->out = grown;
        w->out_size = size;
    }
    memcpy(w->out + w->out_len, bytes, len);
    w->out_len += len;
    return true;
}

/* A write failed because the peer is gone: bytes of it may have come that nobody has read yet, and an end behind them. */
static bool is_mute(struct wire *w)
{
    if (!w->secure || (w->tls.write_errno != EPIPE && w->tls.write_errno != ECONNRESET))
        return false;
    w->mute = true;
    free(w->out);
    w->out = NULL;
    w->out_len = w->out_size = 0;
    w->wants_drained = false;
    watch(w);
    return true;
}

void wire_send(struct wire *w, const void *bytes, size_t len)
{
    const char *why = NULL;
    size_t n = 0;
    if (w->over || w->mute)
        return;
    w->out_bytes += len;
    if (!w->out_len)
        n = write_some(w, bytes, len, &why);
    if (why && is_mute(w))
        return;
    if (!why && n < len && !queue(w, (const uint8_t *)bytes + n, len - n))
        why = "no memory for its output";
    if (why)
        fail(w, why);
    else
        watch(w);
}

static void flush(struct wire *w)
{
    const char *why = NULL;
    if (w->out_len) {
        size_t n = write_some(w, w->out, w->out_len, &why);
        memmove(w->out, w->out + n, w->out_len - n);
        w->out_len -= n;
    }
    if (why && is_mute(w))
        return;
    if (why) {
        fail(w, why);
        return;
    }
    if (!w->out_len) {
        free(w->out);
        w->out = NULL;
        w->out_size = 0;
        if (w->events->drained)
            w->events->drained(w);
    }
}

/* ---- reading ---- */

/* Hands out the whole PDUs of the LEN bytes in scratch, moves the rest to its beginning, returns its length. */
static size_t hand_out(struct wire *w, size_t len)
{
    size_t at = 0;
    bool was_secure = w->secure || w->handshaking;
    while (!w->over && at < len) {
        struct pdu_frame frame;
        int rc = pdu_frame(scratch + at, len - at, &frame);
        if (rc == CE_NEED_MORE)
            break;
        if (rc) {
            fail(w, "it sent what is no RDP PDU");
            return 0;
        }
        w->in_bytes += frame.len;
        w->events->pdu(w, scratch + at, frame.len);
        at += frame.len;
        if (!was_secure && w->handshaking) {
            if (at < len)
                fail(w, "it sent bytes in clear behind the negotiation");
            return 0;
        }
    }
    memmove(scratch, scratch + at, len - at);
    return len - at;
}

static bool hold(struct wire *w, size_t len)
{
    if (w->over || !len)
        return true;
    w->held = malloc(len);
    if (!w->held)
        return false;
    memcpy(w->held, scratch, len);
    w->held_len = len;
    return true;
}

static size_t unhold(struct wire *w)
{
    size_t len = w->held_len;
    if (len)
        memcpy(scratch, w->held, len);
    free(w->held);
    w->held = NULL;
    w->held_len = 0;
    return len;
}

static void read_clear(struct wire *w)
{
    size_t len = unhold(w);
    ssize_t n = recv(w->fd, scratch + len, SCRATCH_BYTES - len, 0);
    if (n > 0)
        len = hand_out(w, len + (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        fail(w, n ? strerror(errno) : "it closed the connection");
    if (!hold(w, len))
        fail(w, "no memory for its input");
}

static void on_idle(uv_idle_t *idle);

static void later(struct wire *w)
{
    if (!list_is_linked(&w->eager_link))
        list_append(&w->shared->eager, &w->eager_link);
    if (!w->shared->idle_runs)
        w->shared->idle_runs = !uv_idle_start(&w->shared->idle, on_idle);
}

static void read_secure(struct wire *w)
{
    size_t len = unhold(w), n = 0;
    enum tls_result result = TLS_OK;
    for (unsigned i = 0; i < READS_MAX && result == TLS_OK && !w->over && !w->paused; i++) {
        result = tls_io_read(&w->tls, scratch + len, SCRATCH_BYTES - len, &n);
        if (result == TLS_OK)
            len = hand_out(w, len + n);
    }
    if (!hold(w, len))
        fail(w, "no memory for its input");
    if (w->over)
        return;
    w->ended_in_order = result == TLS_CLOSED;
    if (result == TLS_OK && !w->paused)
        later(w);
    else if (result == TLS_CLOSED)
        fail(w, "it closed with a close_notify");
    else if (result == TLS_CUT || result == TLS_FAILED)
        fail(w, tls_io_why(&w->tls));
}

static void on_idle(uv_idle_t *idle)
{
    struct wire_loop *shared = idle->data;
    struct list turn;
    list_init(&turn);
    while (!list_is_empty(&shared->eager)) {
        struct list *first = shared->eager.next;
        list_remove(first);
        list_append(&turn, first);
    }
    while (!list_is_empty(&turn)) {
        struct wire *w = list_entry(turn.next, struct wire, eager_link);
        list_remove(&w->eager_link);
        read_secure(w);
        watch(w);
    }
    if (list_is_empty(&shared->eager)) {
        uv_idle_stop(idle);
        shared->idle_runs = false;
    }
}

/* ---- life ---- */

static void handshake(struct wire *w)
{
    enum tls_result result = tls_io_handshake(&w->tls);
    w->handshake_writes = result == TLS_WANT_WRITE;
    if (result == TLS_WANT_READ || result == TLS_WANT_WRITE)
        return;
    if (result != TLS_OK) {
        fail(w, tls_io_why(&w->tls));
        return;
    }
    w->handshaking = false;
    w->secure = true;
    w->events->secured(w);
    /* Bytes that came with the last of the handshake are in OpenSSL, where no poll sees them. */
    if (!w->over)
        read_secure(w);
}

static void connected(struct wire *w)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len))
        error = errno;
    w->connecting = false;
    if (error)
        fail(w, strerror(error));
    else
        w->events->connected(w);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct wire *w = poll->data;
    if (status < 0)
        w->watched = 0; /* libuv stops a poll that met an error; what came before is still to be read */
    if (status < 0 || (events & UV_READABLE))
        tls_io_readable(&w->tls);
    if (w->connecting) {
        connected(w);
    } else if (w->handshaking) {
        handshake(w);
    } else {
        if (events & UV_WRITABLE)
            flush(w);
        if (!w->over && (status < 0 || (events & UV_READABLE))) {
            if (w->secure)
                read_secure(w);
            else
                read_clear(w);
        }
    }
    watch(w);
}

void wire_loop_init(struct wire_loop *shared, uv_loop_t *loop)
{
    shared->loop = loop;
    shared->idle_runs = false;
    list_init(&shared->eager);
    (void)uv_idle_init(loop, &shared->idle);
    shared->idle.data = shared;
}

static int open_fd(struct wire *w, struct wire_loop *shared, int fd, const struct wire_events *events)
{
    int one = 1;
    *w = (struct wire){.shared = shared, .events = events, .fd = fd};
    list_init(&w->eager_link);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (uv_poll_init(shared->loop, &w->poll, fd)) {
        close(fd);
        return CE_NOMEM;
    }
    w->poll.data = w;
    return 0;
}

int wire_adopt(struct wire *w, struct wire_loop *shared, int fd, const struct wire_events *events)
{
    int rc = open_fd(w, shared, fd, events);
    if (!rc)
        watch(w);
    return rc;
}

int wire_connect(struct wire *w, struct wire_loop *shared, const struct sockaddr *to, socklen_t len,
                 const struct wire_events *events)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return CE_LIMIT;
    if (connect(fd, to, len) && errno != EINPROGRESS) {
        close(fd);
        return CE_UNREACHABLE;
    }
    int rc = open_fd(w, shared, fd, events);
    if (rc)
        return rc;
    w->connecting = true;
    watch(w);
    return 0;
}

void wire_secure(struct wire *w, struct ssl_ctx_st *ctx, bool server)
{
    if (tls_io_open(&w->tls, ctx, w->fd, server)) {
        fail(w, "no memory for TLS");
        return;
    }
    w->handshaking = true;
    if (!server)
        handshake(w);
    watch(w);
}

void wire_want_drained(struct wire *w, bool wanted)
{
    w->wants_drained = wanted;
    watch(w);
}

void wire_farewell(struct wire *w)
{
    if (w->over)
        return;
    if (w->secure)
        (void)!tls_io_end(&w->tls);
    (void)shutdown(w->fd, SHUT_WR);
}

void wire_pause(struct wire *w, bool paused)
{
    if (w->over || w->paused == paused)
        return;
    w->paused = paused;
    if (!paused && w->secure)
        later(w);
    watch(w);
}

static void on_closed(uv_handle_t *handle)
{
    struct wire *w = handle->data;
    w->events->closed(w);
}

void wire_end(struct wire *w, bool cut)
{
    if (w->over)
        return;
    w->over = true;
    list_remove(&w->eager_link);
    if (cut) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    } else if (w->secure) {
        (void)!tls_io_end(&w->tls);
    }
    tls_io_close(&w->tls);
    free(w->held);
    free(w->out);
    w->held = w->out = NULL;
    w->held_len = w->out_len = 0;
    uv_close((uv_handle_t *)&w->poll, on_closed);
    close(w->fd);
    w->fd = -1;
}
